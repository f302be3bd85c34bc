//! A folder that one handle owns at a time, and a database in such a folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use fjall::KeyspaceCreateOptions;

use crate::OpenError;

/// Locks a folder until it is dropped.
#[derive(Debug)]
pub(crate) struct FolderLock(File);

impl FolderLock {
    /// Creates the folder if it is missing, and locks it.
    pub(crate) fn take(folder: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { path: folder.to_owned(), source };
        make(folder).map_err(failed)?;
        let lock =
            File::options().create(true).truncate(false).write(true).open(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self(lock)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that is just being started may still have
        // it open.
        let _ = self.0.unlock();
    }
}

/// Creates a folder and the folders above it, and makes their names durable.
fn make(folder: &Path) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    fs::create_dir_all(folder)?;
    for made in missing {
        let above = made.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

/// A fjall database and the lock of its folder. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) fjall: fjall::Database,
    /// The last field, so that it is dropped last.
    _lock: Arc<FolderLock>,
}

impl Database {
    /// Opens the database in a folder, or creates one with these keyspaces.
    pub(crate) fn open(folder: &Path, keyspaces: &[&str]) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: folder.to_owned(), source };
        let database = |source| OpenError::Database { path: folder.to_owned(), source };
        let lock = FolderLock::take(folder)?;
        let (place, aside) = (folder.join("database"), folder.join("incoming"));
        if !place.try_exists().map_err(io)? {
            // fjall cannot open a database whose creation was interrupted. So it is created aside
            // and then renamed.
            if aside.try_exists().map_err(io)? {
                fs::remove_dir_all(&aside).map_err(io)?;
            }
            let made = open_at(&aside).map_err(database)?;
            for name in keyspaces {
                made.keyspace(name, KeyspaceCreateOptions::default).map_err(database)?;
            }
            drop(made);
            fs::rename(&aside, &place).and_then(|()| File::open(folder)?.sync_all()).map_err(io)?;
        }
        Ok(Self { fjall: open_at(&place).map_err(database)?, _lock: Arc::new(lock) })
    }
}

fn open_at(path: &Path) -> fjall::Result<fjall::Database> {
    fjall::Database::builder(path).worker_threads(1).open()
}
