//! The online store: packed rows by key, each fed by one partition of the log.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Offset, Partition};

use crate::Error;

/// A stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The packed value.
    pub value: Bytes,
    /// The event of its source partition that it reflects.
    pub applied: Offset,
}

/// Names a row. Rows of different partitions are different rows, whatever their keys: a store may keep what one partition feeds in one place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowKey {
    /// The partition whose events make the row.
    pub source: Partition,
    /// Its key there; 1 to 512 bytes.
    pub key: Bytes,
}

/// A row to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The row's key; 1 to 512 bytes.
    pub key: Bytes,
    /// The packed value.
    pub value: Bytes,
    /// The event that it reflects.
    pub applied: Offset,
}

/// Rows by key. A row has one source partition, hence one writer at a time; a write that is not newer than the row changes nothing, so that
/// replaying a partition is harmless. The store may lose its newest writes in a crash, but what is left of a partition's writes is always a
/// beginning of them, in the order in which they were given, and the marker goes back with what is lost. An apply that finds the marker behind what it wrote before fails with kind
/// `Unavailable`, so that its caller reads the marker again and goes on from there.
#[async_trait]
pub trait OnlineStore: Debug + Send + Sync {
    /// Reads rows, in the order of the keys. A key that no row may have has none.
    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error>;

    /// Writes rows that events of `source` made, each only if its `applied` is above the stored row's, then sets the partition's marker to
    /// `next` unless it stands higher. Returns how many rows were written.
    async fn apply(&self, source: Partition, writes: Vec<Write>, next: Offset) -> Result<usize, Error>;

    /// The offset from which a partition must be read on: everything below is in the rows.
    async fn marker(&self, source: Partition) -> Result<Offset, Error>;
}
