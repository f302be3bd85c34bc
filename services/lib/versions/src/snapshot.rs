//! Makes a version of data.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{Data, each};
use crate::pointer::{Out, Pointer};
use crate::repository::{Content, Place, Repository, write};
use crate::{Digest, Error, Watch};

/// A version that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The data.
    pub path: PathBuf,
    /// The digest of the contents.
    pub digest: Digest,
    /// The bytes of all files.
    pub size: u64,
    /// The number of files of a folder; `None` for a file.
    pub files: Option<u64>,
    /// The number of contents that were not in the cache yet.
    pub added: u64,
    /// Whether the version differs from the one before.
    pub is_new: bool,
}

impl Repository {
    /// Makes a version of a file or a folder: copies contents that are new into the cache, and
    /// writes the pointer last. With Git, the data are ignored there.
    ///
    /// # Errors
    /// There are no data, a file cannot be read or has no place in a version, or the watcher
    /// cancels. The pointer is then what it was.
    pub fn snapshot(&self, path: &Path, watch: &dyn Watch) -> Result<Snapshot, Error> {
        let place = self.place(path)?;
        let before = Self::read(&place)?;
        let data = Data::look(&place.data)?;
        let content = Self::content(&data, watch)?;
        let Some(digest) = content.digest() else { return Err(Error::Nothing(place.data)) };
        let files = data.files();
        let digests = content.entries().iter().map(|entry| &entry.digest);
        let contents: Vec<(&Path, &Digest)> = files.iter().map(|file| file.path.as_path()).zip(digests).collect();
        let added = each(&contents, |(path, digest)| {
            let is_new = !self.cache.has(digest);
            self.cache.add_file(path, digest).map(|()| u64::from(is_new))
        })?;
        let is_folder = matches!(content, Content::Folder(_));
        if let Content::Folder(manifest) = &content {
            self.cache.add_bytes(&manifest.to_bytes(), &digest)?;
        }
        let size = files.iter().map(|file| file.size).sum();
        let files = is_folder.then_some(files.len() as u64);
        let is_new = before.as_ref().is_none_or(|before| before.out.digest != digest);
        let out =
            Out { digest: digest.clone(), size: Some(size), files, path: place.name.clone(), rest: Default::default() };
        let pointer = match before {
            Some(before) => Pointer { out: Out { rest: before.out.rest, ..out }, rest: before.rest },
            None => Pointer { out, rest: Default::default() },
        };
        self.ignore(&place)?;
        write(&place.pointer, &pointer.to_text())?;
        Ok(Snapshot { path: place.data, digest, size, files, added: added.iter().sum(), is_new })
    }

    /// Tells Git to ignore data.
    fn ignore(&self, place: &Place) -> Result<(), Error> {
        if !self.root().join(".git").exists() {
            return Ok(());
        }
        let file = place.data.with_file_name(".gitignore");
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::io("read", &file)(error)),
        };
        let line = format!("/{}", place.name);
        if text.lines().any(|known| known.trim() == line) {
            return Ok(());
        }
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        write(&file, &format!("{text}{gap}{line}\n"))
    }
}
