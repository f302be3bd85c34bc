//! Contents by their digests, in `.dvc/cache`. They are never changed, so files are read-only.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::files::put;
use crate::{Digest, Error, Manifest, digest};

/// The contents in a folder, which may be a remote as well.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
    /// Whether the files are read-only.
    is_protected: bool,
}

impl Cache {
    pub(crate) fn new(folder: PathBuf, is_protected: bool) -> Self {
        Self { folder, is_protected }
    }

    /// Returns the file of contents, which may not exist.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(digest.place())
    }

    pub(crate) fn has(&self, digest: &Digest) -> bool {
        self.path(digest).is_file()
    }

    /// Copies a file whose digest was computed. Fails if its contents are others by now.
    pub(crate) fn add_file(&self, file: &Path, expected: &Digest) -> Result<(), Error> {
        let reason = "changed while it was read; try again when nothing writes it";
        self.add_copy(file, expected, |_| Error::Unfit { path: file.to_owned(), reason }).map(drop)
    }

    /// Copies a file. Returns its bytes. Fails if its digest is not the expected one; `wrong` gets
    /// that which it has.
    pub(crate) fn add_copy(
        &self,
        file: &Path,
        expected: &Digest,
        wrong: impl FnOnce(Digest) -> Error,
    ) -> Result<u64, Error> {
        if self.has(expected) {
            return fs::metadata(file).map(|about| about.len()).map_err(Error::io("look at", file));
        }
        let mut bytes = 0;
        self.add(expected, |temporary| {
            fs::copy(file, temporary).map_err(Error::io("copy", file))?;
            let copy = fs::File::open(temporary).map_err(Error::io("open", temporary))?;
            let (found, length) = digest::read(copy, |_| Ok(())).map_err(Error::io("read", temporary))?;
            bytes = length;
            if expected.is_of(&found) { Ok(()) } else { Err(wrong(found)) }
        })?;
        Ok(bytes)
    }

    /// Stores bytes whose digest was checked.
    pub(crate) fn add_bytes(&self, bytes: &[u8], digest: &Digest) -> Result<(), Error> {
        if self.has(digest) {
            return Ok(());
        }
        self.add(digest, |temporary| {
            let file = fs::File::options().write(true).truncate(true).open(temporary);
            file.and_then(|mut file| file.write_all(bytes)).map_err(Error::io("write", temporary))
        })
    }

    /// Writes a file to its place, and sees to it that it stays there.
    fn add(&self, digest: &Digest, write: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
        let place = self.path(digest);
        let folder = place.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        put(&place, (folder, self.is_protected), |temporary| {
            write(temporary)?;
            let file = fs::File::open(temporary).map_err(Error::io("open", temporary))?;
            file.sync_all().map_err(Error::io("write", temporary))
        })
    }

    /// Reads the manifest of a folder. `None` if it is not here.
    pub(crate) fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, Error> {
        let path = self.path(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let found = Digest::of_folder(&bytes);
        if found != *digest {
            let (expected, found) = (digest.to_string(), found.to_string());
            return Err(Error::Damaged { place: path.display().to_string(), expected, found });
        }
        Manifest::parse(&bytes).map(Some).map_err(|reason| Error::malformed(&path, reason))
    }
}
