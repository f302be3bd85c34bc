//! The rating log: partitioned, ordered within a partition, durable before it answers.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Offset, Partition, Position, Timestamp};

use crate::topic::Topic;
use crate::{Error, ErrorKind, partition_for};

/// A header: a name and its bytes.
pub type Header = (String, Bytes);

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// The key; at most 4 KiB. Records of one key stay in order, because they go to one partition:
    /// `murmur2(key) mod partitions`, as Kafka's own clients do. A record without a key goes to
    /// partition 0.
    pub key: Option<Bytes>,
    /// The value; at most 1 MiB.
    pub value: Bytes,
    /// Headers, in order; at most 64 KiB together.
    pub headers: Vec<Header>,
    /// The time that the caller gives the record.
    pub timestamp: Timestamp,
}

impl NewRecord {
    /// The largest value in bytes.
    pub const MAX_VALUE: usize = 1 << 20;

    /// The largest key in bytes.
    pub const MAX_KEY: usize = 4 << 10;

    /// The largest sum of the names and values of the headers in bytes.
    pub const MAX_HEADERS: usize = 64 << 10;

    /// Returns the bytes of the key, the value and the headers.
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.as_ref().map_or(0, Bytes::len) + self.value.len() + headers
    }

    /// Checks the sizes that every log accepts.
    ///
    /// # Errors
    /// `Invalid` if the value, the key or the headers are too large.
    pub fn check_sizes(&self) -> Result<(), Error> {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let parts = [
            ("value", self.value.len(), Self::MAX_VALUE),
            ("key", self.key.as_ref().map_or(0, Bytes::len), Self::MAX_KEY),
            ("headers", headers, Self::MAX_HEADERS),
        ];
        match parts.into_iter().find(|(_, size, most)| size > most) {
            Some((part, size, most)) => {
                let doing = format!("append a record whose {part} is {size} bytes; the limit is {most} bytes");
                Err(Error::bare(ErrorKind::Invalid, doing))
            }
            None => Ok(()),
        }
    }
}

/// A record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The partition and offset of the record.
    pub position: Position,
    /// The key.
    pub key: Option<Bytes>,
    /// The value.
    pub value: Bytes,
    /// The headers, in order.
    pub headers: Vec<Header>,
    /// The time that the record was given.
    pub timestamp: Timestamp,
}

impl Record {
    /// Returns the value of the first header with a name, in upper or lower case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &value[..])
    }

    /// Returns whether the record is in the partition of a key, in a topic with `partitions`
    /// partitions.
    pub fn belongs_to(&self, key: &[u8], partitions: u32) -> bool {
        partition_for(key, partitions) == self.position.partition
    }
}

/// The first and the next offset of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The partition.
    pub partition: Partition,
    /// The offset of the first record that is still kept. It moves where a topic is compacted or
    /// has a retention.
    pub begin: Offset,
    /// The offset that the next record will get.
    pub end: Offset,
}

/// The longest name of a consumer group in bytes.
pub const MAX_GROUP: usize = 255;

/// Checks the name of a consumer group, which every log accepts from 1 byte to [`MAX_GROUP`].
///
/// # Errors
/// `Invalid` if the name is empty or too long.
pub fn check_group(group: &str) -> Result<(), Error> {
    let length = group.len();
    if matches!(length, 1..=MAX_GROUP) {
        return Ok(());
    }
    let doing = format!("join a group whose name has {length} bytes; a name has 1 to {MAX_GROUP} bytes");
    Err(Error::bare(ErrorKind::Invalid, doing))
}

/// A partitioned log. Shared: every method may be called from many tasks at once.
#[async_trait]
pub trait RatingLog: Debug + Send + Sync {
    /// Returns the bounds of each partition of a topic, in partition order: one entry for each
    /// partition.
    async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, Error>;

    /// Returns the end of each partition of a topic, as [`Self::bounds`] does. It may cost less.
    async fn ends(&self, topic: Topic) -> Result<BTreeMap<Partition, Offset>, Error> {
        let bounds = self.bounds(topic).await?;
        Ok(bounds.into_iter().map(|bounds| (bounds.partition, bounds.end)).collect())
    }

    /// Appends records and returns their positions, in the order of the records.
    ///
    /// **Invariant:** when this returns `Ok`, every record survives SIGKILL and a loss of power.
    /// When it fails, some of the records may have been appended; the caller appends again, because
    /// applying a record twice changes nothing.
    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Error>;

    /// Reads up to `max` records of a partition from an offset on, in order. The result is shorter,
    /// or empty, at the end of the partition. A read from below `begin` starts at `begin`.
    async fn read(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error>;

    /// Joins a consumer group. Every partition is assigned to exactly one live subscription of a
    /// group. Dropping a subscription hands its partitions to the others.
    async fn subscribe(&self, topic: Topic, group: &str) -> Result<Box<dyn Subscription>, Error>;

    /// Returns what a group has committed: the offset of the next record to process, by partition.
    /// A partition of which nothing was committed is absent.
    async fn committed(&self, topic: Topic, group: &str) -> Result<BTreeMap<Partition, Offset>, Error>;
}

/// What a subscription delivers.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The partitions that are assigned to this subscription from now on, in place of those before.
    /// It comes first, and again after every rebalance. Reading starts at the offset that the group
    /// committed, or at the beginning when there is none, unless [`Subscription::seek`] sets
    /// another.
    Assigned(Vec<Partition>),
    /// Records, in order within each partition. Empty when none came before the wait was over.
    Records(Vec<Record>),
}

/// Membership in a consumer group.
#[async_trait]
pub trait Subscription: Debug + Send {
    /// Waits up to `wait` for the next delivery, which has at most `max` records.
    async fn next(&mut self, max: usize, wait: Duration) -> Result<Delivery, Error>;

    /// Sets the offset at which reading of an assigned partition goes on.
    async fn seek(&mut self, to: Position) -> Result<(), Error>;

    /// Stores what the group has processed: the offset of the next record, by partition. Partitions
    /// that are no longer assigned to this subscription are ignored.
    async fn commit(&mut self, next: &BTreeMap<Partition, Offset>) -> Result<(), Error>;
}
