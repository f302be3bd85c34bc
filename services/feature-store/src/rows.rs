//! Reads the rows of the online store.

use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{MovieId, Offset, Partition, UserId};
use marquee_features::{RowError, Unpack, movie_key, unpack, user_key};
use marquee_kit::Failure;
use marquee_ports::{Error, ErrorKind, OnlineStore, Row, RowKey};

const DOING: &str = "read the online store";

/// The bytes that a row, an event or an answer counts at least.
pub(crate) const LEAST: usize = 128;

/// The rows of all partitions.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) store: Arc<dyn OnlineStore>,
    /// The number of partitions of the rating topic.
    pub(crate) partitions: u32,
}

impl Rows {
    /// Returns the partition that has a user's events.
    pub(crate) fn partition_of(&self, user: &UserId) -> Partition {
        marquee_ports::partition_for(user.as_str().as_bytes(), self.partitions)
    }

    /// Returns the key of a user's row.
    pub(crate) fn user_key(&self, user: &UserId) -> RowKey {
        RowKey { source: self.partition_of(user), key: user_key(user) }
    }

    /// Returns the keys of a movie's rows: one for each partition, in partition order.
    pub(crate) fn movie_keys(&self, movie: &MovieId) -> impl Iterator<Item = RowKey> {
        let key: Bytes = movie_key(movie);
        (0..self.partitions).map(move |source| RowKey { source: Partition(source), key: key.clone() })
    }

    /// Reads rows, in the order of the keys.
    pub(crate) async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Failure> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.store.get(keys).await.map_err(|error| failure(DOING, &error))
    }

    /// Reads the marker of a partition: the offset of the first event that is not in the rows.
    pub(crate) async fn marker(&self, partition: Partition) -> Result<Offset, Failure> {
        self.store.marker(partition).await.map_err(|error| failure(DOING, &error))
    }
}

/// Returns an estimate of the bytes that a computation over rows processes, which also reads or
/// writes so many events or answers.
pub(crate) fn weigh<'r>(others: usize, rows: impl Iterator<Item = &'r Row>) -> usize {
    LEAST * others + rows.map(|row| LEAST + row.value.len()).sum::<usize>()
}

/// Reads a stored row, or the beginning of one.
///
/// A row of a newer version is whole, and a newer instance can read it, so that error is temporary.
pub(crate) fn unpack_row<T: Unpack>(stored: &Row) -> Result<T, Error> {
    unpack(&stored.value).map_err(|error: RowError| {
        let kind = if error.is_newer() { ErrorKind::Unavailable } else { ErrorKind::Corrupt };
        Error::new(kind, "read a row of the online store", error)
    })
}

/// Returns the answer to a call during which a port failed.
pub(crate) fn failure(doing: &str, error: &Error) -> Failure {
    match error.is_retryable() {
        true => Failure::unavailable(doing, error),
        false => Failure::internal(doing, error),
    }
}
