//! The open engine of a database, and how it is opened.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use fjall::{Keyspace, KeyspaceCreateOptions};
use marquee_ports::{Error, ErrorKind};
use tokio::sync::watch;

use crate::OpenError;
use crate::bell::Bell;
use crate::folder::{FolderLock, make_private};
use crate::segments::{self, FILE, Manifest, ManifestError};

/// The table of a database's own notes. Every database has it.
pub(crate) const META: &str = "meta";

/// The key in [`META`] of the newest checkpoint.
const CHECKPOINT: &str = "checkpoint";

/// The bytes of blocks that the engine caches for each database.
const CACHE_BYTES: u64 = 32 << 20;

/// The size at which the engine starts to store the changes of a table in a file.
const BULK_BYTES: u64 = 64 << 20;

/// The same for a table of notes.
const NOTES_BYTES: u64 = 4 << 20;

/// The engine halts the writes of a table when so many parts of that size wait to be stored.
const PARTS: u64 = 4;

/// How a back-end uses its database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// The tables that have much content.
    pub(crate) bulk: &'static [&'static str],
    /// Other tables. Every database has [`META`] too.
    pub(crate) notes: &'static [&'static str],
    /// Whether a loss of the newest changes must be noticed.
    pub(crate) checkpoints: bool,
    /// What a user can do when files are lost.
    pub(crate) way_out: &'static str,
}

/// Work that follows when the engine was opened again, before anything is read or written.
type Reopened = Box<dyn Fn(&Handles) -> Result<(), Error> + Send + Sync>;

/// Handles of the open engine.
pub(crate) struct Handles {
    pub(crate) engine: fjall::Database,
    tables: BTreeMap<String, Keyspace>,
}

impl Handles {
    /// Returns a table that was named when the database was opened, or that was added since.
    pub(crate) fn table(&self, name: &str) -> &Keyspace {
        &self.tables[name]
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &Keyspace> {
        self.tables.values()
    }

    /// Returns the newest checkpoint.
    pub(crate) fn checkpoint(&self) -> Result<u64, fjall::Error> {
        let stored = self.table(META).get(CHECKPOINT)?;
        Ok(stored.and_then(|bytes| bytes.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    /// Waits until the engine has stored in files what it has set aside for that.
    ///
    /// # Errors
    /// The engine has failed meanwhile.
    pub(crate) fn settle(&self) -> Result<(), fjall::Error> {
        while self.tables().any(|table| table.sealed_memtable_count() > 0) {
            self.engine.persist(fjall::PersistMode::Buffer)?;
            // The engine offers nothing to wait for.
            std::thread::sleep(Duration::from_millis(10));
        }
        self.engine.persist(fjall::PersistMode::Buffer)
    }

    /// Stores a checkpoint as the newest change, and makes it durable with all changes before it.
    pub(crate) fn store_checkpoint(&self, checkpoint: u64) -> Result<(), fjall::Error> {
        self.table(META).insert(CHECKPOINT, checkpoint.to_be_bytes())?;
        self.engine.persist(fjall::PersistMode::SyncAll)
    }
}

/// What the database and its keeper share.
pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    pub(crate) how: Use,
    /// `None` while the engine is opened again, or could not be.
    pub(crate) handles: RwLock<Option<Handles>>,
    names: Mutex<Vec<String>>,
    /// Counts how often the engine was opened again.
    pub(crate) generation: AtomicU64,
    pub(crate) reopened: OnceLock<Reopened>,
    /// Why nothing can be written. `None`: it can.
    pub(crate) trouble: watch::Sender<Option<String>>,
    /// Why the last write failed.
    pub(crate) last_failure: Mutex<Option<String>>,
    pub(crate) bell: Bell,
    /// The last field, so that it is dropped last.
    pub(crate) lock: FolderLock,
}

impl Shared {
    /// Prepares a database in a folder that is locked. The engine is not open yet.
    pub(crate) fn new(folder: &Path, how: Use, lock: FolderLock) -> Self {
        let names = how.bulk.iter().chain(how.notes).chain(&[META]).map(|name| (*name).to_owned()).collect();
        Self {
            folder: folder.to_owned(),
            how,
            handles: RwLock::new(None),
            names: Mutex::new(names),
            generation: AtomicU64::new(0),
            reopened: OnceLock::new(),
            trouble: watch::Sender::new(None),
            last_failure: Mutex::new(None),
            bell: Bell::default(),
            lock,
        }
    }

    /// Adds a table, unless the database has it.
    pub(crate) fn add_table(&self, name: &str) -> Result<(), fjall::Error> {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        let Some(handles) = handles.as_mut() else { return Err(fjall::Error::Poisoned) };
        let table = handles.engine.keyspace(name, || self.how.options(name))?;
        if handles.tables.insert(name.to_owned(), table).is_none() {
            self.names.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        }
        Ok(())
    }

    /// Returns the folder of the engine.
    pub(crate) fn place(&self) -> PathBuf {
        self.folder.join("database")
    }

    /// Opens the engine and compares it with its manifest.
    ///
    /// # Errors
    /// `Lost` if something is missing. The engine is then closed again.
    pub(crate) fn open_engine(&self) -> Result<(Handles, Manifest), OpenError> {
        let io = |source| OpenError::Io { path: self.folder.clone(), source };
        let manifest = |error: ManifestError| OpenError::Manifest { path: self.folder.clone(), source: error.into() };
        let lost = |what| OpenError::Lost { path: self.folder.clone(), what, way_out: self.how.way_out };
        let database = |source| OpenError::Database { path: self.folder.clone(), source };
        let known = Manifest::read(&self.folder).map_err(manifest)?;
        if let Some(known) = &known {
            let journals = match self.place().try_exists().map_err(io)? {
                true => segments::journals(&self.place()).map_err(io)?,
                false => return Err(lost("the folder 'database' is missing".to_owned())),
            };
            if let Some(what) = known.missing_from(&journals) {
                return Err(lost(what));
            }
            let opening = known.clone().while_opening();
            if opening != *known {
                opening.write(&self.folder).map_err(manifest)?;
            }
        }
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let handles = self.open_at(&self.place(), &names).map_err(database)?;
        let checkpoint = handles.checkpoint().map_err(database)?;
        match known {
            Some(known) if checkpoint < known.checkpoint => {
                let (at_least, found) = (known.checkpoint, checkpoint);
                Err(lost(format!("the newest changes are missing (checkpoint {found}, expected {at_least} or more)")))
            }
            Some(known) => Ok((handles, known)),
            None => Ok((handles, Manifest::new())),
        }
    }

    fn open_at(&self, path: &Path, tables: &[String]) -> fjall::Result<Handles> {
        let engine = fjall::Database::builder(path).worker_threads(1).cache_size(CACHE_BYTES).open()?;
        let open = |name: &String| -> fjall::Result<_> {
            Ok((name.clone(), engine.keyspace(name, || self.how.options(name))?))
        };
        let tables = tables.iter().map(open).collect::<fjall::Result<_>>()?;
        Ok(Handles { engine, tables })
    }

    /// Creates the engine's files if this is a new folder.
    pub(crate) fn create(&self) -> Result<(), OpenError> {
        let io = |source| OpenError::Io { path: self.folder.clone(), source };
        let database = |source| OpenError::Database { path: self.folder.clone(), source };
        let (place, aside) = (self.place(), self.folder.join("incoming"));
        if place.try_exists().map_err(io)? || self.folder.join(FILE).try_exists().map_err(io)? {
            return Ok(());
        }
        // The engine cannot open a database whose creation was interrupted. So it is created aside
        // and then renamed.
        if aside.try_exists().map_err(io)? {
            fs::remove_dir_all(&aside).map_err(io)?;
        }
        make_private(&aside).map_err(io)?;
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        drop(self.open_at(&aside, &names).map_err(database)?);
        fs::rename(&aside, &place).and_then(|()| File::open(&self.folder)?.sync_all()).map_err(io)
    }
}

impl Use {
    /// Returns the options with which a table is created.
    fn options(&self, table: &str) -> KeyspaceCreateOptions {
        let is_small = table == META || self.notes.contains(&table);
        KeyspaceCreateOptions::default().max_memtable_size(if is_small { NOTES_BYTES } else { BULK_BYTES })
    }

    /// Returns the most bytes of memory that the engine uses: its cache, and the changes that are
    /// not in files yet.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let (bulk, notes) = (self.bulk.len() as u64, self.notes.len() as u64 + 1);
        CACHE_BYTES + (PARTS + 1) * (bulk * BULK_BYTES + notes * NOTES_BYTES)
    }
}

/// Returns a function that makes a fjall error one of the port.
pub(crate) fn failed(doing: &str) -> impl Fn(fjall::Error) -> Error + '_ {
    move |error| Error::new(ErrorKind::Unavailable, doing, error)
}
