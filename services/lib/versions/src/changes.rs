//! What differs between two versions, or between a version and the workspace.

use std::path::Path;

use crate::files::Data;
use crate::repository::Repository;
use crate::{Digest, Entry, Error, Manifest, Pointer, Watch};

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path from the data on; empty for data that is one file.
    pub path: String,
    /// What it was. `None` for a file that is new.
    pub old: Option<Digest>,
    /// What it is. `None` for a file that is gone.
    pub new: Option<Digest>,
}

/// The files that differ, by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// All of them.
    pub list: Vec<Change>,
}

impl Changes {
    /// Compares two lists of files, each sorted by path.
    fn between(old: &[Entry], new: &[Entry]) -> Self {
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        let mut list = Vec::new();
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return Self { list },
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(a), Some(b)) => a.path.cmp(&b.path),
            };
            let before = if order.is_le() { old.next() } else { None };
            let after = if order.is_ge() { new.next() } else { None };
            let digest = |entry: Option<&Entry>| entry.map(|entry| entry.digest.clone());
            let path = before.or(after).map(|entry| entry.path.clone()).unwrap_or_default();
            let change = Change { path, old: digest(before), new: digest(after) };
            if change.old != change.new {
                list.push(change);
            }
        }
    }
}

impl Repository {
    /// Compares a version with the workspace. Without one, everything is new.
    ///
    /// # Errors
    /// A file cannot be read, or the cache lacks the version's list of files.
    pub fn changes(&self, path: &Path, from: Option<&Pointer>, watch: &dyn Watch) -> Result<Changes, Error> {
        let place = self.place(path)?;
        let content = Self::content(&Data::look(&place.data)?, watch)?;
        if from.is_some_and(|from| content.digest().as_ref() == Some(&from.out.digest)) {
            return Ok(Changes::default());
        }
        Ok(Changes::between(&self.entries(path, from)?, content.entries()))
    }

    /// Compares two versions.
    ///
    /// # Errors
    /// The cache lacks a version's list of files.
    pub fn changes_between(&self, path: &Path, old: Option<&Pointer>, new: Option<&Pointer>) -> Result<Changes, Error> {
        Ok(Changes::between(&self.entries(path, old)?, &self.entries(path, new)?))
    }

    /// Returns the files of a version.
    pub(crate) fn entries(&self, path: &Path, pointer: Option<&Pointer>) -> Result<Vec<Entry>, Error> {
        let Some(pointer) = pointer else { return Ok(Vec::new()) };
        let digest = &pointer.out.digest;
        if !digest.is_folder() {
            return Ok(vec![Entry { path: String::new(), digest: digest.clone() }]);
        }
        Ok(self.manifest(path, digest)?.entries().to_vec())
    }

    /// Returns the list of files of a version of a folder.
    pub(crate) fn manifest(&self, path: &Path, digest: &Digest) -> Result<Manifest, Error> {
        let missing = || Error::NotInCache { path: path.to_owned(), digest: digest.to_string() };
        self.cache.manifest(digest)?.ok_or_else(missing)
    }
}
