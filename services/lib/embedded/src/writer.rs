//! The one thread that appends: it takes every append that waits, gives offsets, writes them as one batch with one fsync, and answers.
//!
//! Group commit makes the cost of durability a matter of time, not of records: while one fsync runs, the next batch gathers.

use std::collections::BTreeMap;

use fjall::{Database, Keyspace, PersistMode};
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Error, ErrorKind, NewRecord, Topic, partition_for};
use tokio::sync::{mpsc, oneshot, watch};

use crate::codec;

/// Records after which a batch takes no further append.
const BATCH: usize = 16_384;

/// Bytes of values after which a batch takes no further append: what waits must not decide how much memory a batch needs.
const BATCH_BYTES: usize = 32 << 20;

/// An append that waits.
pub(crate) struct Append {
    pub(crate) topic: Topic,
    pub(crate) records: Vec<NewRecord>,
    pub(crate) answer: oneshot::Sender<Result<Vec<Position>, Error>>,
}

/// The offset after the last durable record, by partition; one channel a topic.
pub(crate) type Ends = BTreeMap<Topic, watch::Sender<Vec<u64>>>;

pub(crate) struct Writer {
    pub(crate) database: Database,
    pub(crate) records: Keyspace,
    /// Compacted topics: key → offset of its newest record.
    pub(crate) newest: Keyspace,
    pub(crate) ends: std::sync::Arc<Ends>,
    pub(crate) partitions: u32,
}

/// The key of a record: topic, partition, offset; big-endian, so that byte order is log order.
pub(crate) fn record_key(topic: Topic, position: Position) -> [u8; 13] {
    let mut key = [0; 13];
    key[0] = topic_byte(topic);
    key[1..5].copy_from_slice(&position.partition.0.to_be_bytes());
    key[5..].copy_from_slice(&position.offset.0.to_be_bytes());
    key
}

/// Stands for a topic in keys; never reuse a number.
pub(crate) fn topic_byte(topic: Topic) -> u8 {
    Topic::ALL.iter().position(|known| *known == topic).map_or(0, |index| index as u8 + 1)
}

/// How much a batch holds.
#[derive(Clone, Copy)]
struct Size {
    records: usize,
    bytes: usize,
}

impl Size {
    fn of(append: &Append) -> Self {
        let bytes = append.records.iter().map(|record| record.value.len()).sum();
        Self { records: append.records.len(), bytes }
    }

    fn add(&mut self, more: Self) {
        self.records += more.records;
        self.bytes += more.bytes;
    }
}

impl Writer {
    /// Works until every sender is gone and the queue is empty.
    pub(crate) fn run(self, mut queue: mpsc::Receiver<Append>) {
        while let Some(first) = queue.blocking_recv() {
            let mut size = Size::of(&first);
            let mut appends = vec![first];
            while size.records < BATCH && size.bytes < BATCH_BYTES {
                let Ok(next) = queue.try_recv() else { break };
                size.add(Size::of(&next));
                appends.push(next);
            }
            self.commit(appends);
        }
    }

    fn commit(&self, appends: Vec<Append>) {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        let mut ends: BTreeMap<Topic, Vec<u64>> = BTreeMap::new();
        // Newest record of a key within this batch, as an index into `records`; the keyspace does not show it yet.
        let mut fresh: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        // Emptied where a later record of this batch replaces it: writing and removing one key in one batch has no defined outcome.
        let mut records: Vec<Option<([u8; 13], Vec<u8>)>> = Vec::new();
        let mut answers = Vec::with_capacity(appends.len());
        let mut failure = None;
        for append in appends {
            let ends = ends.entry(append.topic).or_insert_with(|| self.ends[&append.topic].borrow().clone());
            let mut positions = Vec::with_capacity(append.records.len());
            for record in &append.records {
                let partition = record.key.as_deref().map_or(Partition(0), |key| partition_for(key, self.partitions));
                let end = &mut ends[partition.0 as usize];
                let position = Position { partition, offset: Offset(*end) };
                *end += 1;
                if append.topic.is_compacted()
                    && let Some(key) = &record.key
                {
                    let name = newest_key(append.topic, partition, key);
                    match fresh.get(&name) {
                        Some(&older) => records[older] = None,
                        None => match self.stored_newest(&name) {
                            Ok(Some(offset)) => {
                                let older = Position { partition, offset: Offset(offset) };
                                batch.remove(&self.records, record_key(append.topic, older));
                            }
                            Ok(None) => {}
                            Err(error) => failure = Some(error),
                        },
                    }
                    fresh.insert(name, records.len());
                }
                records.push(Some((record_key(append.topic, position), codec::encode(record))));
                positions.push(position);
            }
            answers.push((append.answer, positions));
        }
        for (name, index) in fresh {
            if let Some((key, _)) = &records[index] {
                batch.insert(&self.newest, name, &key[5..]);
            }
        }
        for (key, value) in records.into_iter().flatten() {
            batch.insert(&self.records, key, value);
        }
        let written = match failure {
            Some(error) => Err(error),
            None => batch.commit(),
        };
        match written {
            Ok(()) => {
                for (topic, ends) in ends {
                    self.ends[&topic].send_replace(ends);
                }
                for (answer, positions) in answers {
                    // A caller that went away has its records in the log all the same.
                    let _ = answer.send(Ok(positions));
                }
            }
            Err(error) => {
                tracing::error!(%error, "the embedded log could not write");
                let text = error.to_string();
                for (answer, _) in answers {
                    let _ =
                        answer.send(Err(Error::new(ErrorKind::Unavailable, "write to the embedded log", text.clone())));
                }
            }
        }
    }

    fn stored_newest(&self, name: &[u8]) -> Result<Option<u64>, fjall::Error> {
        let stored = self.newest.get(name)?;
        Ok(stored.and_then(|bytes| Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?))))
    }
}

fn newest_key(topic: Topic, partition: Partition, key: &[u8]) -> Vec<u8> {
    let mut name = vec![topic_byte(topic)];
    name.extend_from_slice(&partition.0.to_be_bytes());
    name.extend_from_slice(key);
    name
}
