//! The online store: packed rows by key, each written from one partition of the log.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Offset, Partition};

use crate::{Error, ErrorKind};

/// Longest key of a row, in bytes.
const LONGEST_KEY: usize = 512;

/// A stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The packed value.
    pub value: Bytes,
    /// The offset of the newest event that the row contains.
    pub applied: Offset,
}

/// The key of a row. Rows of different partitions are different rows, even if their keys are equal:
/// a store may keep everything that one partition writes in one place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowKey {
    /// The partition whose events make the row.
    pub source: Partition,
    /// The key within the partition; 1 to 512 bytes.
    pub key: Bytes,
}

impl RowKey {
    /// Returns whether a row may have this key within its partition.
    pub fn is_valid(key: &[u8]) -> bool {
        (1..=LONGEST_KEY).contains(&key.len())
    }
}

/// A row to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The key within the partition; 1 to 512 bytes.
    pub key: Bytes,
    /// The packed value.
    pub value: Bytes,
    /// The offset of the newest event that the row contains.
    pub applied: Offset,
}

impl Write {
    /// Checks the keys of a batch.
    ///
    /// # Errors
    /// `Invalid` if a key is empty or too long.
    pub fn check_keys(batch: &[Self]) -> Result<(), Error> {
        match batch.iter().find(|write| !RowKey::is_valid(&write.key)) {
            Some(bad) => Err(Error::bare(
                ErrorKind::Invalid,
                format!("write a row: the key has {} bytes; expected 1 to {LONGEST_KEY}", bad.key.len()),
            )),
            None => Ok(()),
        }
    }
}

/// Rows by key, and a marker for each partition: every event below the marker is in the rows.
///
/// Everybody may read. Writing needs the [`Lease`] of the partition.
///
/// A store may lose its newest writes in a crash. **Invariant:** what remains of a partition's
/// writes, rows and marker together, is always a beginning of them, in the order in which they were
/// given. A loss of anything that a lease wrote, or that was stored when it was taken, ends the
/// lease: its next [`Lease::apply`] fails. So a caller that reads rows under a lease and then
/// applies what it made of them never builds on rows that are lost.
#[async_trait]
pub trait OnlineStore: Debug + Send + Sync {
    /// Reads rows, in the order of the keys. Returns `None` for a row that does not exist, also
    /// where the key is not valid.
    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error>;

    /// Reads the marker of a partition: the offset of the first event that is not in the rows.
    ///
    /// **Invariant:** this is a pure read. It has no effect on any lease, so it may be called at
    /// any time by any process.
    async fn marker(&self, source: Partition) -> Result<Offset, Error>;

    /// Takes the lease of a partition, from this process or any other process that holds it.
    ///
    /// **Invariant:** a newer lease fences every older lease of its partition, also those of other
    /// processes: once this has returned, no older lease writes. So a consumer that lost its
    /// partition without knowing it (a zombie) cannot write next to the one that has it now.
    async fn lease(&self, source: Partition) -> Result<Box<dyn Lease>, Error>;
}

/// The right to write the rows of one partition.
#[async_trait]
pub trait Lease: Debug + Send {
    /// The partition.
    fn partition(&self) -> Partition;

    /// Returns the offset from which the partition must be applied: where the marker was when the
    /// lease was taken, or where this lease has moved it since.
    fn marker(&self) -> Offset;

    /// Writes rows, each only if its `applied` is above that of the stored row. Then sets the
    /// marker to `next`, unless it is already higher. Returns how many rows were written.
    ///
    /// # Errors
    /// `Invalid` if a key is not valid. Nothing is written then, and the lease goes on.
    ///
    /// Every other error ends the lease: each later call fails with `Unavailable`. The caller must
    /// take a new lease and apply the log again from its marker. Nothing is written if the store
    /// has lost writes, or if a newer lease was taken; both are `Unavailable`. After another error
    /// a beginning of the batch may have been written, and the replay skips what is there.
    async fn apply(&mut self, writes: Vec<Write>, next: Offset) -> Result<usize, Error>;

    /// Checks that the store still has what the lease wrote, and that it keeps rows. A holder calls
    /// it every few seconds, so that a loss is noticed even if nothing is written.
    ///
    /// # Errors
    /// `Unavailable` if rows are lost, or may be lost at any time. The caller must take a new lease
    /// and apply the log again from its marker.
    async fn verify(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
