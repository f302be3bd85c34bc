//! The manifest of a database: which journals it has, and how far it was written.
//!
//! The engine opens whatever journals it finds, so a journal that was removed or cut short is lost
//! without a word. The manifest is kept beside the database and is compared with it at the start.
//!
//! It has two independent parts. The *checkpoint* is a number that is also written into the
//! database as its newest change. If the end of what was written is lost, the database has an older
//! number. The list of *journals* shows a loss before the end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::folder::NO_WAIT;

/// The format that is written.
const FORMAT: u32 = 1;

/// The name of the manifest, which is beside the folder of the database.
pub(crate) const FILE: &str = "segments.json";

/// The most bytes of a manifest that are read. A journal takes some 30 bytes.
const LARGEST: u64 = 1 << 20;

/// What a database had when the manifest was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: u32,
    /// Whether the database was closed afterwards. Else the engine may have removed the oldest
    /// journals since, because their content is in tables.
    pub(crate) closed: bool,
    /// The database has this checkpoint or a newer one.
    pub(crate) checkpoint: u64,
    pub(crate) journals: Vec<Segment>,
    /// What a newer version added.
    #[serde(flatten)]
    unknown: BTreeMap<String, serde_json::Value>,
}

/// A journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    pub(crate) id: u64,
    /// The length in bytes. `None` if the engine may still change it.
    pub(crate) length: Option<u64>,
}

/// The length of each journal, by its number.
pub(crate) type Journals = BTreeMap<u64, u64>;

/// A manifest that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum ManifestError {
    /// It could not be read or written.
    #[error("use the manifest {0}")]
    Io(PathBuf, #[source] io::Error),
    /// It is not a manifest.
    #[error("the manifest {0} is damaged; delete it to start without it, and lost files are then not noticed")]
    Damaged(PathBuf, #[source] serde_json::Error),
    /// A newer version wrote it.
    #[error("the manifest {0} has format {1}, and this version reads format {FORMAT}; upgrade marquee")]
    Newer(PathBuf, u32),
}

impl Manifest {
    /// Returns the manifest of a database to which nothing was written.
    pub(crate) fn new() -> Self {
        Self { format: FORMAT, closed: false, checkpoint: 0, journals: Vec::new(), unknown: BTreeMap::new() }
    }

    /// Reads the manifest in a folder. Returns `None` if there is none: an earlier version created
    /// the database.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, ManifestError> {
        let path = folder.join(FILE);
        let mut bytes = Vec::new();
        let opened = File::options().read(true).custom_flags(NO_WAIT).open(&path);
        match opened.and_then(|file| file.take(LARGEST).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ManifestError::Io(path, error)),
        };
        Self::parse(path, &bytes).map(Some)
    }

    /// Parses the manifest at a path.
    pub(crate) fn parse(path: PathBuf, bytes: &[u8]) -> Result<Self, ManifestError> {
        match serde_json::from_slice(bytes) {
            Ok(Self { format, .. }) if format > FORMAT => Err(ManifestError::Newer(path, format)),
            parsed => parsed.map_err(|error| ManifestError::Damaged(path, error)),
        }
    }

    /// Replaces the manifest in a folder, and makes it durable.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), ManifestError> {
        let path = folder.join(FILE);
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|error| ManifestError::Io(path.clone(), error))
    }

    /// Returns what is missing from the journals that a database has, or `None`.
    pub(crate) fn missing_from(&self, journals: &Journals) -> Option<String> {
        let first = journals.keys().next().copied();
        for segment in &self.journals {
            let name = journal_name(segment.id);
            match (journals.get(&segment.id), segment.length) {
                (Some(&length), Some(expected)) if length < expected => {
                    return Some(format!("{name} was cut short: it has {length} of {expected} bytes"));
                }
                (Some(_), _) => {}
                // The engine removes journals from the oldest on, and never the newest one.
                (None, _) if !self.closed && first.is_some_and(|first| segment.id < first) => {}
                (None, _) => return Some(format!("{name} is missing")),
            }
        }
        gap(journals).map(|id| format!("{} is missing", journal_name(id)))
    }

    /// Forgets lengths, because the engine cuts the unused end of journals off when it opens them.
    pub(crate) fn while_opening(mut self) -> Self {
        self.closed = false;
        self.journals.iter_mut().for_each(|segment| segment.length = None);
        self
    }
}

/// Returns the file name of a journal.
pub(crate) fn journal_name(id: u64) -> String {
    format!("{id}.jnl")
}

/// Lists the journals in the folder of a database.
pub(crate) fn journals(database: &Path) -> io::Result<Journals> {
    let mut found = Journals::new();
    for entry in fs::read_dir(database)? {
        let entry = entry?;
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".jnl")).and_then(|id| id.parse().ok());
        if let Some(id) = id {
            match entry.metadata() {
                Ok(metadata) => drop(found.insert(id, metadata.len())),
                // The engine has removed it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

/// Returns the first number that is missing between the oldest and the newest journal.
fn gap(journals: &Journals) -> Option<u64> {
    journals.keys().zip(journals.keys().skip(1)).find(|(one, next)| **one + 1 != **next).map(|(one, _)| one + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(closed: bool, journals: &[(u64, Option<u64>)]) -> Manifest {
        let journals = journals.iter().map(|&(id, length)| Segment { id, length }).collect();
        Manifest { checkpoint: 7, journals, closed, ..Manifest::new() }
    }

    #[test]
    fn what_is_missing_is_named() {
        let closed = manifest(true, &[(3, Some(10)), (4, Some(20))]);
        let missing = |manifest: &Manifest, journals: &[(u64, u64)]| {
            manifest.missing_from(&journals.iter().copied().collect()).unwrap_or_default()
        };
        assert_eq!(missing(&closed, &[(3, 10), (4, 20)]), "");
        assert_eq!(missing(&closed, &[(4, 20)]), "3.jnl is missing");
        assert_eq!(missing(&closed, &[(3, 10)]), "4.jnl is missing");
        assert_eq!(missing(&closed, &[]), "3.jnl is missing");
        assert_eq!(missing(&closed, &[(3, 9), (4, 20)]), "3.jnl was cut short: it has 9 of 10 bytes");

        // A process that was killed: the engine may have removed the oldest and added newer ones.
        let killed = manifest(false, &[(3, Some(10)), (4, Some(20)), (5, None)]);
        assert_eq!(missing(&killed, &[(3, 10), (4, 20), (5, 0)]), "");
        assert_eq!(missing(&killed, &[(4, 20), (5, 1), (6, 1)]), "");
        assert_eq!(missing(&killed, &[(6, 1)]), "");
        assert_eq!(missing(&killed, &[(3, 10), (4, 20)]), "5.jnl is missing");
        assert_eq!(missing(&killed, &[(3, 10), (5, 20)]), "4.jnl is missing");
        assert_eq!(missing(&killed, &[(3, 10), (4, 20), (5, 1), (7, 1)]), "6.jnl is missing");
        assert_eq!(missing(&killed, &[(3, 10), (4, 19), (5, 1)]), "4.jnl was cut short: it has 19 of 20 bytes");
        assert_eq!(missing(&killed, &[]), "3.jnl is missing");
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written_and_keeps_what_it_does_not_know() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Manifest::read(folder.path()).expect("read"), None);
        let written = manifest(false, &[(0, None), (1, Some(5))]);
        written.write(folder.path()).expect("written");
        assert_eq!(Manifest::read(folder.path()).expect("read"), Some(written));
        let newer = r#"{"format":1,"closed":true,"checkpoint":3,"journals":[{"id":1,"length":null}],"more":[1]}"#;
        fs::write(folder.path().join(FILE), newer).expect("written");
        let read = Manifest::read(folder.path()).expect("read").expect("there");
        read.while_opening().write(folder.path()).expect("written");
        let text = fs::read_to_string(folder.path().join(FILE)).expect("there");
        assert!(text.contains("\"more\":[1]") && text.contains("\"closed\":false"), "{text}");
        for bad in ["", "{}", "[]", r#"{"format":2,"closed":true,"checkpoint":3,"journals":[]}"#] {
            fs::write(folder.path().join(FILE), bad).expect("written");
            assert!(Manifest::read(folder.path()).is_err(), "{bad}");
        }
    }
}
