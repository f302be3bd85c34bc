//! A folder that one handle owns at a time, and what keeps the files in it private.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use crate::OpenError;

/// The permissions of a folder: its owner may do everything, and other users nothing.
const PRIVATE_FOLDER: u32 = 0o700;

/// The permissions of a file: its owner may read and write it.
const PRIVATE_FILE: u32 = 0o600;

/// Makes every file that this process creates from now on readable by its owner only.
///
/// The database engine creates files with the permissions that the process allows, and offers no
/// setting. So a process that keeps data calls this before it opens a folder.
pub fn create_private_files() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Opening a file with this does not wait for the other end of a pipe that has its name.
pub(crate) const NO_WAIT: i32 = rustix::fs::OFlags::NONBLOCK.union(rustix::fs::OFlags::NOCTTY).bits() as i32;

/// Locks a folder until it is dropped.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: File,
    path: PathBuf,
}

impl FolderLock {
    /// Creates the folder if it is missing, locks it, and takes it away from other users.
    pub(crate) fn take(folder: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { path: folder.to_owned(), source };
        make(folder).map_err(failed)?;
        let path = folder.join("lock");
        let mut options = File::options();
        options.create(true).truncate(false).write(true).mode(PRIVATE_FILE).custom_flags(NO_WAIT);
        let file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let lock = Self { file, path };
        if let Err(error) = protect(folder) {
            let folder = folder.display();
            tracing::warn!(%folder, %error, "other users can read the folder; run `chmod -R go-rwx` on it");
        }
        Ok(lock)
    }

    /// Returns whether the folder is still the one that was locked. It is not after somebody
    /// removed or replaced it.
    pub(crate) fn is_in_place(&self) -> bool {
        let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
        match (self.file.metadata(), fs::metadata(&self.path)) {
            (Ok(locked), Ok(found)) => identity(&locked) == identity(&found),
            (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
            (Err(_), _) => true,
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that is just being started may still have
        // it open.
        let _ = self.file.unlock();
    }
}

/// Creates a folder and the folders above it, and makes their names durable.
fn make(folder: &Path) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    make_private(folder)?;
    for made in missing {
        let above = made.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

/// Creates a folder and the folders above it. Other users cannot enter the folders that it creates.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder)
}

/// Takes a folder and what is in it away from other users: earlier versions left it readable.
///
/// A folder that is private already is not searched.
fn protect(folder: &Path) -> io::Result<()> {
    if fs::metadata(folder)?.mode() & 0o077 == 0 {
        return Ok(());
    }
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                waiting.push(entry.path());
            } else if metadata.is_file() && metadata.mode() & 0o077 != 0 {
                fs::set_permissions(entry.path(), Permissions::from_mode(PRIVATE_FILE))?;
            }
        }
        fs::set_permissions(&folder, Permissions::from_mode(PRIVATE_FOLDER))?;
    }
    Ok(())
}

/// Returns how many bytes this process can still write to the file system of a folder. `None` if
/// the file system does not tell.
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    (found.f_blocks > 0).then(|| found.f_bavail.saturating_mul(found.f_frsize))
}
