//! Brings a version into the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::files::{Data, Found, each, put};
use crate::repository::Repository;
use crate::{Digest, Entry, Error, Pointer, Watch};

/// What a checkout did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checkout {
    /// The number of files that were written.
    pub written: u64,
    /// The number of files that were removed, because the version does not have them.
    pub removed: u64,
    /// The number of files that were as in the version already.
    pub unchanged: u64,
}

impl Repository {
    /// Makes the workspace have a version. Files that the version does not have are removed.
    ///
    /// # Errors
    /// The cache lacks contents, a file cannot be written, or something would be lost that the
    /// cache does not have and `is_forced` does not say so. Nothing is changed before all of that
    /// is known.
    pub fn checkout(
        &self,
        path: &Path,
        pointer: &Pointer,
        is_forced: bool,
        watch: &dyn Watch,
    ) -> Result<Checkout, Error> {
        let place = self.place(path)?;
        let entries = self.entries(&place.data, Some(pointer))?;
        if let Some(entry) = entries.iter().find(|entry| !self.cache.has(&entry.digest)) {
            let path = place.data.join(&entry.path);
            return Err(Error::NotInCache { path, digest: entry.digest.to_string() });
        }
        let data = Data::look(&place.data)?;
        let is_folder = pointer.out.digest.is_folder();
        let files = data.files();
        let content = Self::content(&data, watch)?;
        let digests = content.entries().iter().map(|entry| &entry.digest);
        let here: BTreeMap<&str, (&Found, &Digest)> =
            files.iter().zip(digests).map(|(file, digest)| (file.inside.as_str(), (file, digest))).collect();
        let wanted: BTreeMap<&str, &Digest> =
            entries.iter().map(|entry| (entry.path.as_str(), &entry.digest)).collect();
        let is_same = |file: &str, digest: &Digest| wanted.get(file).is_some_and(|known| **known == *digest);
        let lost = here.iter().filter(|(name, (_, digest))| !is_same(name, digest) && !self.cache.has(digest));
        if let Some((_, (file, _))) = lost.into_iter().next().filter(|_| !is_forced) {
            return Err(Error::Unsaved(file.path.clone()));
        }
        // A folder in the place of a file, or the other way round.
        let is_other = match data {
            Data::Missing => false,
            Data::File(_) => is_folder,
            Data::Folder(_) => !is_folder,
        };
        let (mut removed, mut emptied) = (0, BTreeSet::new());
        for (name, (file, _)) in here.iter().filter(|(name, _)| is_other || !wanted.contains_key(**name)) {
            fs::remove_file(&file.path).map_err(Error::io("remove", &file.path))?;
            removed += 1;
            emptied.extend(Path::new(name).ancestors().skip(1).map(|folder| place.data.join(folder)));
        }
        // Folders without files are no part of a version; those that others made empty stay.
        emptied.iter().rev().for_each(|folder| _ = fs::remove_dir(folder));
        if is_other && place.data.is_dir() {
            fs::remove_dir_all(&place.data).map_err(Error::io("remove", &place.data))?;
        }
        if is_folder {
            fs::create_dir_all(&place.data).map_err(Error::io("make", &place.data))?;
        }
        let is_here = |entry: &&Entry| {
            !is_other && here.get(entry.path.as_str()).is_some_and(|(_, digest)| **digest == entry.digest)
        };
        let missing: Vec<&Entry> = entries.iter().filter(|entry| !is_here(entry)).collect();
        each(&missing, |entry| {
            let file = if entry.path.is_empty() { place.data.clone() } else { place.data.join(&entry.path) };
            self.write_out(&entry.digest, &file, place.data.parent().unwrap_or(self.root()))
        })?;
        let written = missing.len() as u64;
        Ok(Checkout { written, removed, unchanged: entries.len() as u64 - written })
    }

    /// Copies contents into the workspace, by way of a temporary file in a folder outside of the
    /// data, so that nothing that breaks off becomes a part of them.
    fn write_out(&self, digest: &Digest, file: &Path, outside: &Path) -> Result<(), Error> {
        let folder = file.parent().unwrap_or(outside);
        fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        let contents = self.cache.path(digest);
        put(file, (outside, false), |temporary| {
            fs::copy(&contents, temporary).map(drop).map_err(Error::io("write", temporary))
        })
    }
}
