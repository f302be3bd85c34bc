//! Reads of the embedded log, shared by the log and its subscriptions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Error, ErrorKind, MAX_GROUP, Record, Topic};

use crate::codec;
use crate::database::Database;
use crate::engine::{Handles, failed};
use crate::topics::{StoredTopic, Topics, offset_of};

/// The table of the offsets that groups committed.
pub(crate) const COMMITTED: &str = "committed";

/// Reads of more records than this leave the async threads.
const INLINE: usize = 64;

/// Reads records and the offsets that groups committed. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reader {
    topics: Arc<Topics>,
    pub(crate) database: Database,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("topics", &self.topics.keys()).finish_non_exhaustive()
    }
}

impl Reader {
    pub(crate) fn new(topics: Arc<Topics>, database: Database) -> Self {
        Self { topics, database }
    }

    pub(crate) fn topic(&self, topic: Topic) -> Result<&Arc<StoredTopic>, Error> {
        let missing = || Error::bare(ErrorKind::Invalid, format!("use topic {topic}, which this log does not have"));
        self.topics.get(&topic).ok_or_else(missing)
    }

    /// Reads up to `max` records of a partition from an offset on.
    pub(crate) async fn read(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        let topic = self.topic(topic)?;
        topic.check_partition(from.partition)?;
        let offset = from.offset.max(topic.removed_below(from.partition));
        let from = Position { offset, ..from };
        let waiting = topic.end(from.partition).0.saturating_sub(from.offset.0);
        if waiting.min(max as u64) <= INLINE as u64 {
            return self.database.read(|handles| scan(handles, topic, from, max));
        }
        let (topic, database) = (Arc::clone(topic), self.database.clone());
        let scan = move || database.read(|handles| scan(handles, &topic, from, max));
        let scan = tokio::task::spawn_blocking(scan);
        scan.await.map_err(|error| Error::new(ErrorKind::Unavailable, "read the embedded log", error))?
    }

    /// Returns the offsets that a group committed.
    pub(crate) fn committed(&self, topic: Topic, group: &str) -> Result<BTreeMap<Partition, Offset>, Error> {
        let topic = self.topic(topic)?;
        let mut found = BTreeMap::new();
        if group.len() > MAX_GROUP {
            return Ok(found);
        }
        self.database.read(|handles| {
            for partition in (0..topic.partitions).map(Partition) {
                let stored = handles.table(COMMITTED).get(topic.key(partition, group.as_bytes()));
                let stored = stored.map_err(failed("read a group's offsets"))?;
                if let Some(offset) = stored.and_then(|bytes| bytes.as_ref().try_into().ok()) {
                    found.insert(partition, Offset(u64::from_be_bytes(offset)));
                }
            }
            Ok(found)
        })
    }

    /// Stores the offset that a group commits.
    pub(crate) fn commit(&self, topic: &StoredTopic, group: &str, next: Position) -> Result<(), Error> {
        let key = topic.key(next.partition, group.as_bytes());
        let doing = "commit a group's offsets";
        self.database.write(doing, |handles| {
            handles.table(COMMITTED).insert(key, next.offset.0.to_be_bytes()).map_err(failed(doing))
        })
    }

    /// Returns the offset of the first record of a partition, or its end when there is none.
    pub(crate) fn begin(&self, topic: &StoredTopic, partition: Partition) -> Result<Offset, Error> {
        self.database.read(|handles| topic.begin(handles, partition).map_err(failed("read the embedded log")))
    }
}

fn scan(handles: &Handles, topic: &StoredTopic, from: Position, max: usize) -> Result<Vec<Record>, Error> {
    // Up to the published end: a batch becomes visible before its fsync is over, and until then it
    // could still be lost.
    let end = Position { partition: from.partition, offset: topic.end(from.partition) };
    if from.offset >= end.offset {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in topic.records(handles).range(topic.record_key(from)..topic.record_key(end)).take(max) {
        let (key, value) = entry.into_inner().map_err(failed("read the embedded log"))?;
        let offset =
            offset_of(&key).ok_or_else(|| Error::bare(ErrorKind::Corrupt, "read a key of the embedded log"))?;
        found.push(codec::decode(Position { partition: from.partition, offset }, &value)?);
    }
    Ok(found)
}
