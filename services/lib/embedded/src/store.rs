//! The embedded online store: [`OnlineStore`] over a folder. Rows and marker move in one atomic batch.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use fjall::{Keyspace, KeyspaceCreateOptions, PersistMode};
use marquee_domain::{Offset, Partition};
use marquee_ports::{Error, ErrorKind, OnlineStore, Row, RowKey, Write};

use crate::OpenError;
use crate::folder::Database;

/// Batches of more rows than this are read and written off the async threads.
const INLINE: usize = 64;

/// Longest key in bytes.
const LONGEST: usize = 512;

/// Rows by key in a folder.
#[derive(Clone)]
pub struct EmbeddedStore {
    rows: Keyspace,
    markers: Keyspace,
    database: Database,
    /// Reading a row's offset and writing the row must be one step.
    writing: Arc<Mutex<()>>,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore").finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Opens or creates the store in a folder.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let database = Database::open(path, &["rows", "markers"])?;
        let rows = database.fjall.keyspace("rows", KeyspaceCreateOptions::default).map_err(failed)?;
        let markers = database.fjall.keyspace("markers", KeyspaceCreateOptions::default).map_err(failed)?;
        Ok(Self { rows, markers, database, writing: Arc::default() })
    }

    fn row(&self, source: Partition, key: &[u8]) -> Result<Option<Row>, Error> {
        // No row can have such a key, and fjall panics on a very long one.
        if !matches!(key.len(), 1..=LONGEST) {
            return Ok(None);
        }
        let Some(stored) = self.rows.get(place(source, key)).map_err(|error| failed("read a row", error))? else {
            return Ok(None);
        };
        let Some((head, value)) = stored.split_first_chunk::<8>() else {
            return Err(Error::bare(ErrorKind::Corrupt, "read a row that has no offset"));
        };
        Ok(Some(Row { value: Bytes::copy_from_slice(value), applied: Offset(u64::from_be_bytes(*head)) }))
    }

    fn marker_now(&self, source: Partition) -> Result<Offset, Error> {
        let stored = self.markers.get(source.0.to_be_bytes()).map_err(|error| failed("read a marker", error))?;
        Ok(stored.and_then(|bytes| bytes.as_ref().try_into().ok()).map_or(Offset(0), |b| Offset(u64::from_be_bytes(b))))
    }

    fn write(&self, source: Partition, writes: &[Write], next: Offset) -> Result<usize, Error> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // To the operating system at once: a killed process then loses nothing.
        let mut batch = self.database.fjall.batch().durability(Some(PersistMode::Buffer));
        // What this batch writes, which the rows do not show yet: one key may come twice.
        let mut fresh: HashMap<&[u8], &Write> = HashMap::new();
        for write in writes {
            if !matches!(write.key.len(), 1..=LONGEST) {
                let doing = format!("write a row with a key of {} bytes: give 1 to {LONGEST}", write.key.len());
                return Err(Error::bare(ErrorKind::Invalid, doing));
            }
            let applied = match fresh.get(&write.key[..]) {
                Some(earlier) => Some(earlier.applied),
                None => self.row(source, &write.key)?.map(|row| row.applied),
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
            batch.insert(&self.rows, place(source, &write.key), stored);
        }
        if next > self.marker_now(source)? {
            batch.insert(&self.markers, source.0.to_be_bytes(), next.0.to_be_bytes());
        }
        batch.commit().map_err(|error| failed("write rows", error))?;
        Ok(written)
    }
}

/// Where a row stands: behind its partition.
fn place(source: Partition, key: &[u8]) -> Vec<u8> {
    [&source.0.to_be_bytes()[..], key].concat()
}

fn failed(doing: &str, error: fjall::Error) -> Error {
    Error::new(ErrorKind::Unavailable, doing, error)
}

#[async_trait]
impl OnlineStore for EmbeddedStore {
    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error> {
        if keys.len() <= INLINE {
            return keys.iter().map(|key| self.row(key.source, &key.key)).collect();
        }
        let (store, keys) = (self.clone(), keys.to_vec());
        let work =
            tokio::task::spawn_blocking(move || keys.iter().map(|key| store.row(key.source, &key.key)).collect());
        work.await.map_err(|error| Error::new(ErrorKind::Unavailable, "read rows", error))?
    }

    async fn apply(&self, source: Partition, writes: Vec<Write>, next: Offset) -> Result<usize, Error> {
        if writes.len() <= INLINE {
            return self.write(source, &writes, next);
        }
        let store = self.clone();
        let work = tokio::task::spawn_blocking(move || store.write(source, &writes, next));
        work.await.map_err(|error| Error::new(ErrorKind::Unavailable, "write rows", error))?
    }

    async fn marker(&self, source: Partition) -> Result<Offset, Error> {
        self.marker_now(source)
    }
}
