//! The rating log: partitioned, ordered within a partition, durable before it answers.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Offset, Partition, Position, Timestamp};

use crate::topic::Topic;
use crate::{Error, partition_for};

/// A header: a name and its bytes.
pub type Header = (String, Bytes);

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Records of one key stay in order: they go to one partition, `murmur2(key) mod partitions` as Kafka's own clients do. Without a key, to
    /// partition 0. At most 4 KiB.
    pub key: Option<Bytes>,
    /// The value; at most 1 MiB.
    pub value: Bytes,
    /// Headers, in order; at most 64 KiB together.
    pub headers: Vec<Header>,
    /// When the record was made.
    pub timestamp: Timestamp,
}

/// A record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub position: Position,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Bytes,
    /// Its headers, in order.
    pub headers: Vec<Header>,
    /// When it was made.
    pub timestamp: Timestamp,
}

impl Record {
    /// The first header of a name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &value[..])
    }

    /// It stands in the partition that a topic of so many has for a key.
    pub fn belongs_to(&self, key: &[u8], partitions: u32) -> bool {
        partition_for(key, partitions) == self.position.partition
    }
}

/// How far a partition reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Which partition.
    pub partition: Partition,
    /// Offset of the first record still kept.
    pub begin: Offset,
    /// Offset that the next record will get.
    pub end: Offset,
}

/// A partitioned log. Shared: every method may be called from many tasks at once.
#[async_trait]
pub trait RatingLog: Debug + Send + Sync {
    /// How far each partition of a topic reaches, in partition order. The number of entries is the number of partitions.
    async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, Error>;

    /// Appends records and returns their positions, in the order given. When it returns, every record is durable: it survives SIGKILL and a
    /// loss of power. When it fails, any of them may have been appended: appending again is right, since application is idempotent.
    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Error>;

    /// Reads up to `max` records of a partition from an offset on, in order; fewer or none at the end. From below `begin` it starts at `begin`.
    async fn read(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error>;

    /// Joins a consumer group. Every partition is assigned to exactly one live subscription of a group; dropping one hands its partitions on.
    async fn subscribe(&self, topic: Topic, group: &str) -> Result<Box<dyn Subscription>, Error>;

    /// What a group has committed: the offset of the next record to process, by partition. Absent: nothing yet.
    async fn committed(&self, topic: Topic, group: &str) -> Result<BTreeMap<Partition, Offset>, Error>;
}

/// What a subscription brings.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The partitions that are this subscription's from now on, replacing what it had. Comes first, and again after every rebalance. Reading
    /// starts at what the group committed, else at the beginning, until [`Subscription::seek`] says otherwise.
    Assigned(Vec<Partition>),
    /// Records, in order within each partition. Empty when the wait ended without any.
    Records(Vec<Record>),
}

/// Membership in a consumer group.
#[async_trait]
pub trait Subscription: Debug + Send {
    /// Waits up to `wait` for the next delivery; up to `max` records.
    async fn next(&mut self, max: usize, wait: Duration) -> Result<Delivery, Error>;

    /// Goes on reading an assigned partition from an offset.
    async fn seek(&mut self, to: Position) -> Result<(), Error>;

    /// Records what the group has processed: by partition, the offset of the next record. Partitions no longer assigned are left alone.
    async fn commit(&mut self, next: &BTreeMap<Partition, Offset>) -> Result<(), Error>;
}
