//! The embedded online store: [`OnlineStore`] over a folder.
//!
//! Rows and marker move in one atomic batch, so an open store never finds its marker behind its
//! rows. One process owns the folder, so leases are numbers in memory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use fjall::PersistMode;
use marquee_domain::{Offset, Partition};
use marquee_ports::{Error, ErrorKind, Lease, OnlineStore, Row, RowKey, Write};

use crate::database::Database;
use crate::engine::{Handles, Use, failed};
use crate::{OpenError, Trouble};

const ROWS: &str = "rows";

const MARKERS: &str = "markers";

/// After a loss of the newest rows, the feature store goes on at the marker, which is lost with
/// them.
const USE: Use = Use {
    bulk: &[ROWS],
    notes: &[MARKERS],
    checkpoints: false,
    way_out: "stop the process and delete the folder: the feature store builds it again from the log",
};

/// Batches with more rows than this are read and written off the async threads.
const INLINE: usize = 64;

/// Rows by key in a folder. Clones share the folder.
#[derive(Clone)]
pub struct EmbeddedStore {
    database: Database,
    /// The number of each partition's newest lease. It is locked while a batch is written: checking
    /// the lease, reading a row's offset and writing the row must be one step.
    leases: Arc<Mutex<HashMap<Partition, u64>>>,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore").finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Opens or creates the store in a folder.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let database = Database::open(path, USE)?;
        Ok(Self { database, leases: Arc::default() })
    }

    /// Returns why nothing can be written, now and later.
    pub fn trouble(&self) -> Trouble {
        self.database.trouble()
    }

    /// Returns the most bytes of memory that a store uses.
    pub fn memory_bytes() -> u64 {
        USE.memory_bytes()
    }

    /// Reads rows with one look at the database.
    fn read_rows(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error> {
        self.database.read(|handles| keys.iter().map(|key| read_row(handles, key.source, &key.key)).collect())
    }

    /// Writes a batch for a lease.
    fn write(&self, source: Partition, lease: LeaseNumber, writes: &[Write], next: Offset) -> Result<usize, Error> {
        let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if leases.get(&source) != Some(&lease.number) {
            let doing = format!("write rows of partition {source}: a newer lease was taken");
            return Err(Error::bare(ErrorKind::Unavailable, doing));
        }
        self.database.write("write rows", |handles| {
            // Checked while the engine cannot be opened again.
            if self.database.generation() != lease.generation {
                let doing = format!("write rows of partition {source}: the store was opened again since the lease");
                return Err(Error::bare(ErrorKind::Unavailable, doing));
            }
            write_batch(handles, source, writes, next)
        })
    }
}

fn read_row(handles: &Handles, source: Partition, key: &[u8]) -> Result<Option<Row>, Error> {
    // No row has such a key, and fjall panics on a very long one.
    if !RowKey::is_valid(key) {
        return Ok(None);
    }
    let stored = handles.table(ROWS).get(stored_key(source, key));
    let Some(stored) = stored.map_err(failed("read a row"))? else { return Ok(None) };
    let Some((head, value)) = stored.split_first_chunk::<8>() else {
        return Err(Error::bare(ErrorKind::Corrupt, "read a row: the stored row has no offset"));
    };
    Ok(Some(Row { value: Bytes::copy_from_slice(value), applied: Offset(u64::from_be_bytes(*head)) }))
}

fn read_marker(handles: &Handles, source: Partition) -> Result<Offset, Error> {
    let stored = handles.table(MARKERS).get(source.0.to_be_bytes()).map_err(failed("read a marker"))?;
    Ok(stored.and_then(|bytes| bytes.as_ref().try_into().ok()).map_or(Offset(0), |b| Offset(u64::from_be_bytes(b))))
}

/// Writes the rows that are newer than the stored ones, and the marker.
fn write_batch(handles: &Handles, source: Partition, writes: &[Write], next: Offset) -> Result<usize, Error> {
    // Handed to the operating system at once, so that a killed process loses nothing.
    let mut batch = handles.engine.batch().durability(Some(PersistMode::Buffer));
    // One key may come twice, and the stored rows do not show this batch yet.
    let mut fresh: HashMap<&[u8], &Write> = HashMap::new();
    for write in writes {
        let applied = match fresh.get(&write.key[..]) {
            Some(earlier) => Some(earlier.applied),
            None => read_row(handles, source, &write.key)?.map(|row| row.applied),
        };
        if applied.is_none_or(|applied| applied < write.applied) {
            fresh.insert(&write.key, write);
        }
    }
    let written = fresh.len();
    for write in fresh.into_values() {
        let mut stored = Vec::with_capacity(8 + write.value.len());
        stored.extend_from_slice(&write.applied.0.to_be_bytes());
        stored.extend_from_slice(&write.value);
        batch.insert(handles.table(ROWS), stored_key(source, &write.key), stored);
    }
    if next > read_marker(handles, source)? {
        batch.insert(handles.table(MARKERS), source.0.to_be_bytes(), next.0.to_be_bytes());
    }
    batch.commit().map_err(failed("write rows"))?;
    Ok(written)
}

/// The key under which a row is stored: its partition, then its own key.
fn stored_key(source: Partition, key: &[u8]) -> Vec<u8> {
    [&source.0.to_be_bytes()[..], key].concat()
}

#[async_trait]
impl OnlineStore for EmbeddedStore {
    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error> {
        if keys.len() <= INLINE {
            return self.read_rows(keys);
        }
        let (store, keys) = (self.clone(), keys.to_vec());
        let work = tokio::task::spawn_blocking(move || store.read_rows(&keys));
        work.await.map_err(|error| Error::new(ErrorKind::Unavailable, "read rows", error))?
    }

    async fn marker(&self, source: Partition) -> Result<Offset, Error> {
        self.database.read(|handles| read_marker(handles, source))
    }

    async fn lease(&self, source: Partition) -> Result<Box<dyn Lease>, Error> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let (marker, generation) =
            self.database.read(|handles| Ok((read_marker(handles, source)?, self.database.generation())))?;
        let newest = leases.entry(source).or_default();
        *newest += 1;
        let number = LeaseNumber { number: *newest, generation };
        Ok(Box::new(EmbeddedLease { store: self.clone(), source, number, marker, ended: false }))
    }
}

/// Identifies a lease.
#[derive(Debug, Clone, Copy)]
struct LeaseNumber {
    number: u64,
    /// How often the engine had been opened again. It may lose writes then, which ends the lease.
    generation: u64,
}

/// The lease of a partition. It ends when the next lease gets a higher number.
#[derive(Debug)]
struct EmbeddedLease {
    store: EmbeddedStore,
    source: Partition,
    number: LeaseNumber,
    marker: Offset,
    ended: bool,
}

#[async_trait]
impl Lease for EmbeddedLease {
    fn partition(&self) -> Partition {
        self.source
    }

    fn marker(&self) -> Offset {
        self.marker
    }

    async fn apply(&mut self, writes: Vec<Write>, next: Offset) -> Result<usize, Error> {
        Write::check_keys(&writes)?;
        let (source, number) = (self.source, self.number);
        // Any error below leaves the lease ended, and so does a call that is canceled.
        if std::mem::replace(&mut self.ended, true) {
            let doing = format!("write rows of partition {source}: the lease has ended");
            return Err(Error::bare(ErrorKind::Unavailable, doing));
        }
        let written = if writes.len() <= INLINE {
            self.store.write(source, number, &writes, next)?
        } else {
            let store = self.store.clone();
            let work = tokio::task::spawn_blocking(move || store.write(source, number, &writes, next));
            work.await.map_err(|error| Error::new(ErrorKind::Unavailable, "write rows", error))??
        };
        self.marker = self.marker.max(next);
        self.ended = false;
        Ok(written)
    }
}
