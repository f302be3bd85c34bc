//! Files on this machine. A file that was renamed, as log rotation does, is read to its end before
//! the new one; one that was cut off is read from its start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lines::{self, CHUNK, START};
use super::{Form, Settings, Tail};
use crate::source::{Batch, Source, SourceError, position, stored};

/// The position: how far each path was read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    files: BTreeMap<String, Tail>,
}

/// Files that are followed.
#[derive(Debug)]
pub(super) struct Local {
    settings: Settings,
    position: Position,
}

impl Local {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, position: Position::default() }
    }
}

#[async_trait]
impl Source for Local {
    async fn begin(&mut self, from: &Value) -> Result<(), SourceError> {
        self.position = position(from)?;
        Ok(())
    }

    async fn next(&mut self, most: usize) -> Result<Option<Batch>, SourceError> {
        let (settings, mut position) = (self.settings.clone(), self.position.clone());
        let work = move || {
            let batch = next(&settings, &mut position, most);
            batch.map(|batch| (batch, position))
        };
        let done = tokio::task::spawn_blocking(work).await;
        let (batch, position) = done.map_err(|error| SourceError::lasting("read the files", error))??;
        self.position = position;
        Ok(batch)
    }
}

/// Reads the next lines of the first file that has some.
fn next(settings: &Settings, position: &mut Position, most: usize) -> Result<Option<Batch>, SourceError> {
    let paths = paths(settings)?;
    for path in &paths {
        let key = path.display().to_string();
        let mut followed = Followed {
            settings,
            most,
            tail: position.files.get(&key).cloned().unwrap_or_default(),
            notices: Vec::new(),
        };
        let Some((shown, from, read)) = followed.read(path, &paths)? else {
            continue;
        };
        let Followed { tail, notices, .. } = followed;
        let (range, is_uniform) = ((from.to_string(), tail.offset.to_string()), settings.form(&shown) == Form::Csv);
        position.files.insert(key, tail);
        return Ok(Some(Batch {
            records: read.records,
            position: stored(&*position)?,
            query: shown,
            range,
            is_uniform,
            skipped: read.skipped,
            notices,
            ..Batch::default()
        }));
    }
    Ok(None)
}

/// Returns the files of the settings that exist.
fn paths(settings: &Settings) -> Result<Vec<PathBuf>, SourceError> {
    let mut found = BTreeSet::new();
    for path in &settings.paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.contains('*') {
            found.insert(path.clone());
            continue;
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        found.extend(files_in(folder)?.into_iter().filter(|file| {
            let file = file.file_name().unwrap_or_default().to_string_lossy();
            matches(&name, &file)
        }));
    }
    Ok(found.into_iter().collect())
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let failed = |error| SourceError::passing(format!("list {}", folder.display()), error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        files.push(entry.map_err(failed)?.path());
    }
    Ok(files)
}

/// Returns whether a name matches a pattern with `*`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name
            .strip_prefix(start)
            .is_some_and(|left| (0..=left.len()).filter_map(|at| left.get(at..)).any(|left| matches(rest, left))),
    }
}

/// A file with how far it was read.
struct Followed<'a> {
    settings: &'a Settings,
    most: usize,
    tail: Tail,
    notices: Vec<String>,
}

/// A file and what it was renamed to, the oldest first.
type Generation = (PathBuf, Metadata);

impl Followed<'_> {
    /// Reads the next lines. Returns them with the file and the byte where they begin, or `None` if
    /// there are no more now.
    fn read(&mut self, path: &Path, others: &[PathBuf]) -> Result<Option<(String, u64, lines::Read)>, SourceError> {
        let files = generations(path, others)?;
        let Some(mut at) = self.find(path, &files)? else { return Ok(None) };
        let before = self.tail.clone();
        loop {
            let Some((file, metadata)) = files.get(at) else { return Ok(None) };
            let is_last = at + 1 == files.len();
            // The file of the path itself grows. What was renamed has its end.
            let is_final = !is_last || file != path;
            let shown = file.display().to_string();
            let from = self.tail.offset;
            let bytes = part(file, from, CHUNK as u64)?;
            let ends_here = is_final && (bytes.len() as u64) < CHUNK as u64;
            let read = lines::read((&shown, &bytes), ends_here, &mut self.tail, self.settings, self.most);
            if self.tail.offset > from {
                self.tail.inode = metadata.ino();
                self.tail.start = self.tail.offset.min(START);
                self.tail.start_sha256 = lines::start_digest(&part(file, 0, self.tail.start)?);
                return Ok(Some((shown, from, read)));
            }
            if is_last {
                // A file that is new there is noted also while it is empty, so that what
                // happened to the old one is told once.
                let is_new = self.tail != before || !self.notices.is_empty();
                return Ok(is_new.then_some((shown, from, read)));
            }
            self.tail = Tail::default();
            at += 1;
        }
    }

    /// Returns the index of the file that was read last, or of the newest if it is not there.
    fn find(&mut self, path: &Path, files: &[Generation]) -> Result<Option<usize>, SourceError> {
        let newest = files.len().checked_sub(1);
        if self.tail.offset == 0 || newest.is_none() {
            return Ok(newest);
        }
        let is_same = |(file, metadata): &Generation| {
            if metadata.len() < self.tail.offset {
                return Ok(false);
            }
            Ok(lines::start_digest(&part(file, 0, self.tail.start)?) == self.tail.start_sha256)
        };
        let mut copy = None;
        for (at, generation) in files.iter().enumerate().rev() {
            if is_same(generation)? {
                if generation.1.ino() == self.tail.inode {
                    return Ok(Some(at));
                }
                copy = copy.or(Some(at));
            }
        }
        if copy.is_none() {
            let (path, offset) = (path.display(), self.tail.offset);
            self.notices.push(format!(
                "{path} was replaced or cut off after byte {offset}, and what was written behind that is not found; it \
                 is read from its start"
            ));
            self.tail = Tail::default();
        }
        Ok(copy.or(newest))
    }
}

/// Returns a file and what it was renamed to, the oldest first.
fn generations(path: &Path, others: &[PathBuf]) -> Result<Vec<Generation>, SourceError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut found: Vec<Generation> = Vec::new();
    for file in files_in(folder)? {
        let Some(rest) = file.file_name().and_then(|file| file.to_str()?.strip_prefix(&name)) else { continue };
        let is_packed = [".gz", ".xz", ".zst", ".bz2"].iter().any(|packed| rest.ends_with(packed));
        let is_renamed = rest.starts_with(['.', '-']) && !is_packed && !others.contains(&file);
        // A file may go while the folder is listed.
        if (is_renamed || rest.is_empty())
            && let Ok(metadata) = fs::metadata(&file)
            && metadata.is_file()
        {
            found.push((file, metadata));
        }
    }
    // The numbers of renamed files rise with their age.
    let age = |(file, metadata): &Generation| (file == path, metadata.mtime(), metadata.mtime_nsec());
    found.sort_by(|one, other| age(one).cmp(&age(other)).then_with(|| other.0.cmp(&one.0)));
    Ok(found)
}

/// Reads a part of a file. It is shorter at the end of the file.
fn part(path: &Path, from: u64, length: u64) -> Result<Vec<u8>, SourceError> {
    let failed = |error| SourceError::passing(format!("read {}", path.display()), error);
    let mut file = File::open(path).map_err(failed)?;
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// A followed log in a folder.
    struct Log {
        folder: tempfile::TempDir,
        source: Local,
        position: Value,
        notices: Vec<String>,
    }

    impl Log {
        fn new(pattern: &str) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let settings = Settings { paths: vec![folder.path().join(pattern)], ..Settings::default() };
            Self { folder, source: Local::new(settings), position: Value::Null, notices: Vec::new() }
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.folder.path().join(name);
            let mut file = File::options().append(true).create(true).open(path).expect("a file");
            file.write_all(text.as_bytes()).expect("written");
        }

        fn rename(&self, from: &str, to: &str) {
            fs::rename(self.folder.path().join(from), self.folder.path().join(to)).expect("renamed");
        }

        /// Reads what is new, from the stored position on as after a restart.
        async fn read(&mut self) -> String {
            let mut text = String::new();
            self.source.begin(&self.position.clone()).await.expect("begun");
            while let Some(batch) = self.source.next(2).await.expect("read") {
                self.position = serde_json::from_str(&batch.position.to_string()).expect("stored");
                self.notices.extend(batch.notices);
                for record in batch.records {
                    text.push_str(&String::from_utf8_lossy(&record.raw));
                    text.push(' ');
                }
            }
            text
        }
    }

    #[tokio::test]
    async fn a_log_is_followed_over_rotations() {
        let mut log = Log::new("a.log");
        assert_eq!(log.read().await, "", "it is not there yet");
        log.write("a.log", "1\n2\n3\n4");
        assert_eq!(log.read().await, "1 2 3 ", "the last line may not be whole");
        log.write("a.log", "4\n");
        assert_eq!(log.read().await, "44 ");
        // Two rotations, and lines that were written before each.
        log.write("a.log", "5\n6");
        log.rename("a.log", "a.log.1");
        log.write("a.log", "7\n");
        log.rename("a.log.1", "a.log.2");
        log.rename("a.log", "a.log.1");
        log.write("a.log", "8\n");
        log.write("a.log.9.gz", "packed\n");
        assert_eq!(log.read().await, "5 6 7 8 ", "what was renamed is whole");
        assert_eq!(log.read().await, "");
        assert!(log.notices.is_empty(), "{:?}", log.notices);
    }

    #[tokio::test]
    async fn a_log_that_is_copied_and_cut_off_loses_nothing() {
        let mut log = Log::new("a.log");
        log.write("a.log", "1\n2\n");
        assert_eq!(log.read().await, "1 2 ");
        log.write("a.log", "3\n");
        let path = log.folder.path().join("a.log");
        fs::copy(&path, log.folder.path().join("a.log.1")).expect("copied");
        File::options().write(true).truncate(true).open(&path).expect("cut off");
        log.write("a.log", "4\n");
        assert_eq!(log.read().await, "3 4 ");
        assert!(log.notices.is_empty(), "{:?}", log.notices);
    }

    #[tokio::test]
    async fn a_log_whose_old_part_is_gone_is_told_once_and_read_on() {
        let mut log = Log::new("a.log");
        log.write("a.log", "1\n2\n");
        assert_eq!(log.read().await, "1 2 ");
        fs::remove_file(log.folder.path().join("a.log")).expect("removed");
        log.write("a.log", "9\n");
        assert_eq!(log.read().await, "9 ");
        assert_eq!(log.read().await, "");
        assert!(log.notices.len() == 1 && log.notices[0].contains("after byte 4"), "{:?}", log.notices);
    }

    #[tokio::test]
    async fn several_files_are_followed_by_a_pattern() {
        let mut log = Log::new("r*-*.ndjson");
        log.write("r1-a.ndjson", "1\n");
        log.write("r2-b.ndjson", "2\n");
        log.write("other.ndjson", "3\n");
        assert_eq!(log.read().await, "1 2 ");
        log.write("r1-a.ndjson", "4\n");
        log.write("r0-.ndjson", "5\n");
        assert_eq!(log.read().await, "5 4 ");
        assert!(matches("a*b*", "a12b") && !matches("a*b", "a12c"));
    }
}
