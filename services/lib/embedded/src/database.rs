//! A database of the engine in a folder, which recovers from a full disk and notices lost files.
//!
//! The engine accepts no write after one that failed, until it is opened again. A thread of the
//! database, the [keeper](crate::keeper), opens it again once there is room. So handles of the
//! engine are used inside [`Database::read`] and [`Database::write`] only, and never kept.

use std::fmt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use marquee_ports::{Error, ErrorKind};

use crate::engine::{Handles, Shared, Use};
use crate::folder::FolderLock;
use crate::keeper::Keeper;
use crate::{OpenError, Trouble};

/// A database and the lock of its folder. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Database(Arc<Owner>);

struct Owner {
    shared: Arc<Shared>,
    /// Dropping it ends the keeper, which closes the engine.
    _keeper: Keeper,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("folder", &self.0.shared.folder).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the database in a folder, or creates one.
    pub(crate) fn open(folder: &Path, how: Use) -> Result<Self, OpenError> {
        let lock = FolderLock::take(folder)?;
        let shared = Arc::new(Shared::new(folder, how, lock));
        shared.create()?;
        let (handles, manifest) = shared.open_engine()?;
        *shared.handles.write().unwrap_or_else(PoisonError::into_inner) = Some(handles);
        let keeper = Keeper::start(Arc::clone(&shared), manifest)
            .map_err(|source| OpenError::Io { path: folder.to_owned(), source })?;
        Ok(Self(Arc::new(Owner { shared, _keeper: keeper })))
    }

    /// Adds a table, unless the database has it.
    pub(crate) fn add_table(&self, name: &str) -> Result<(), fjall::Error> {
        self.0.shared.add_table(name)
    }

    /// Sets what follows when the engine was opened again.
    pub(crate) fn when_reopened(&self, work: impl Fn(&Handles) -> Result<(), Error> + Send + Sync + 'static) {
        // It is set once, when the back-end is opened.
        let _ = self.0.shared.reopened.set(Box::new(work));
    }

    /// Returns why nothing can be written, now and later.
    pub(crate) fn trouble(&self) -> Trouble {
        self.0.shared.trouble.subscribe()
    }

    /// Returns how often the engine was opened again.
    pub(crate) fn generation(&self) -> u64 {
        self.0.shared.generation.load(Ordering::Acquire)
    }

    /// Reads with the handles of the engine.
    ///
    /// # Errors
    /// `Unavailable` while the engine is opened again.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Handles) -> Result<T, Error>) -> Result<T, Error> {
        // Waiting here could block an async thread for as long as the engine reads its journals.
        match self.0.shared.handles.try_read() {
            Ok(handles) => match handles.as_ref() {
                Some(handles) => read(handles),
                None => Err(self.closed()),
            },
            Err(_) => Err(self.closed()),
        }
    }

    /// Writes with the handles of the engine.
    ///
    /// # Errors
    /// `Unavailable` while nothing can be written.
    pub(crate) fn write<T>(&self, doing: &str, write: impl FnOnce(&Handles) -> Result<T, Error>) -> Result<T, Error> {
        let shared = &self.0.shared;
        if let Some(why) = shared.trouble.borrow().clone() {
            return Err(Error::new(ErrorKind::Unavailable, doing, why));
        }
        self.read(|handles| {
            let written = write(handles);
            if let Err(error) = &written
                && handles.engine.persist(fjall::PersistMode::Buffer).is_err()
            {
                let mut failure = shared.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert_with(|| first_cause(error));
                shared.bell.ring();
            }
            written
        })
    }

    fn closed(&self) -> Error {
        let doing = format!("use the database in {}, which is being opened again", self.0.shared.folder.display());
        Error::bare(ErrorKind::Unavailable, doing)
    }
}

/// Returns the text of the first cause of an error.
fn first_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    const USE: Use = Use { bulk: &["rows"], notes: &[], checkpoints: true, way_out: "restore it" };

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_file_of_a_table_that_is_removed_stops_writes() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let database = Database::open(folder.path(), USE).expect("opens");
        let insert = |handles: &Handles| {
            let rows = handles.table("rows");
            rows.insert("key", "value").expect("inserts");
            rows.rotate_memtable_and_wait().expect("flushes");
            Ok(rows.path().join("tables"))
        };
        let tables = database.write("insert a row", insert).expect("inserts");
        for entry in fs::read_dir(tables).expect("a folder") {
            fs::remove_file(entry.expect("an entry").path()).expect("removes");
        }
        let mut trouble = database.trouble();
        let noticed = tokio::time::timeout(Duration::from_secs(20), trouble.wait_for(Option::is_some)).await;
        let why = noticed.expect("in time").expect("open").clone().unwrap_or_default();
        assert!(why.contains("1 of 1 files of table 'rows' are missing; restore it"), "{why}");
        assert!(database.write("insert a row", |_| Ok(())).is_err());
    }
}
