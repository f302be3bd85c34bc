//! A member of a consumer group of the embedded log.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Delivery, Error, ErrorKind, Record, Subscription, Topic};
use tokio::sync::watch;

use crate::groups::Membership;
use crate::reader::Reader;
use crate::topics::StoredTopic;

pub(crate) struct EmbeddedSubscription {
    topic: Arc<StoredTopic>,
    group: String,
    membership: Membership,
    ends: watch::Receiver<Vec<u64>>,
    reader: Reader,
    /// The assigned partitions and the offset to read next in each.
    next: BTreeMap<Partition, Offset>,
    /// Which partition is read first; it moves on with every read, so that no partition starves.
    first: usize,
}

impl std::fmt::Debug for EmbeddedSubscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedSubscription")
            .field("topic", &self.topic.topic)
            .field("group", &self.group)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl EmbeddedSubscription {
    pub(crate) fn new(reader: Reader, topic: Topic, group: &str, membership: Membership) -> Result<Self, Error> {
        let topic = Arc::clone(reader.topic(topic)?);
        let (group, ends) = (group.to_owned(), topic.ends.subscribe());
        Ok(Self { topic, group, membership, ends, reader, next: BTreeMap::new(), first: 0 })
    }

    fn assign(&mut self) -> Result<Vec<Partition>, Error> {
        let assigned = self.membership.assignment(self.topic.partitions);
        let committed = self.reader.committed(self.topic.topic, &self.group)?;
        self.next.clear();
        for &partition in &assigned {
            let next = match committed.get(&partition) {
                Some(&offset) => offset,
                None => self.reader.begin(&self.topic, partition)?,
            };
            self.next.insert(partition, next);
        }
        Ok(assigned)
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Record>, Error> {
        let assigned: Vec<Partition> = self.next.keys().copied().collect();
        self.first = self.first.wrapping_add(1);
        let mut read = Vec::new();
        for index in 0..assigned.len() {
            let partition = assigned[(self.first.wrapping_add(index)) % assigned.len()];
            let from = Position { partition, offset: self.next[&partition] };
            let end = self.topic.end(partition);
            if from.offset >= end || read.len() >= max {
                continue;
            }
            let records = self.reader.read(self.topic.topic, from, max - read.len()).await?;
            // No record up to the end: what was there has been removed by compaction or retention.
            let next = records.last().map_or(end, |record| record.position.offset.next());
            self.next.insert(partition, next);
            read.extend(records);
        }
        Ok(read)
    }
}

#[async_trait]
impl Subscription for EmbeddedSubscription {
    async fn next(&mut self, max: usize, wait: Duration) -> Result<Delivery, Error> {
        // Not an instant: adding an endless wait to now would overflow.
        let mut ended = pin!(tokio::time::sleep(wait));
        loop {
            if self.membership.is_stale() {
                return Ok(Delivery::Assigned(self.assign()?));
            }
            self.ends.mark_unchanged();
            let records = self.read(max.max(1)).await?;
            if !records.is_empty() {
                return Ok(Delivery::Records(records));
            }
            tokio::select! {
                _ = self.ends.changed() => {}
                _ = self.membership.changes.changed() => self.membership.changes.mark_changed(),
                () = &mut ended => return Ok(Delivery::Records(Vec::new())),
            }
        }
    }

    async fn seek(&mut self, to: Position) -> Result<(), Error> {
        match self.next.get_mut(&to.partition) {
            Some(next) => {
                *next = to.offset;
                Ok(())
            }
            None => {
                let doing = format!("seek in partition {}, which is not assigned", to.partition);
                Err(Error::bare(ErrorKind::Invalid, doing))
            }
        }
    }

    async fn commit(&mut self, next: &BTreeMap<Partition, Offset>) -> Result<(), Error> {
        for (&partition, &offset) in next {
            if self.next.contains_key(&partition) && !self.membership.is_stale() {
                self.reader.commit(&self.topic, &self.group, Position { partition, offset })?;
            }
        }
        Ok(())
    }
}
