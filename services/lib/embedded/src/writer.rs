//! The one thread that appends. It takes every append that waits, assigns offsets, writes one batch
//! with one fsync, and answers.
//!
//! This is group commit: while one fsync runs, the next batch gathers, so the cost of durability
//! does not grow with the number of records.

use std::collections::BTreeMap;
use std::sync::Arc;

use fjall::{OwnedWriteBatch, PersistMode};
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Error, ErrorKind, NewRecord, Topic, partition_for};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::codec;
use crate::database::Database;
use crate::engine::{Handles, failed};
use crate::topics::{StoredTopic, Topics};

/// Records after which a batch takes no further append.
const BATCH: usize = 16_384;

/// Bytes of records after which a batch takes no further append. This bounds the memory of a batch.
const BATCH_BYTES: usize = 32 << 20;

/// The table of compacted topics: key → offset of its newest record.
pub(crate) const NEWEST: &str = "newest";

const DOING: &str = "write to the embedded log";

/// An append that waits for the writer.
pub(crate) struct Append {
    pub(crate) topic: Topic,
    pub(crate) records: Vec<NewRecord>,
    pub(crate) answer: oneshot::Sender<Result<Vec<Position>, Error>>,
    /// The bytes of the append, until it is answered.
    pub(crate) _room: OwnedSemaphorePermit,
}

pub(crate) struct Writer {
    pub(crate) database: Database,
    pub(crate) topics: Arc<Topics>,
}

/// How much a batch contains.
#[derive(Clone, Copy)]
struct Size {
    records: usize,
    bytes: usize,
}

impl Size {
    fn of(append: &Append) -> Self {
        let bytes = append.records.iter().map(NewRecord::size).sum();
        Self { records: append.records.len(), bytes }
    }

    fn add(&mut self, more: Self) {
        self.records += more.records;
        self.bytes += more.bytes;
    }
}

impl Writer {
    /// Writes appends until every sender is dropped and the queue is empty.
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
        let mut pending = Pending::default();
        let (mut appends, mut answers) = (appends, Vec::new());
        let written = self.database.write(DOING, |handles| {
            let mut batch = handles.engine.batch().durability(Some(PersistMode::SyncData));
            for append in &appends {
                let placed = self.place(handles, &mut batch, &mut pending, append);
                answers.push(placed.map_err(failed(DOING))?);
            }
            pending.write(handles, &mut batch);
            batch.commit().map_err(failed(DOING))?;
            // Before the engine may be opened again, which reads the ends again.
            for (topic, ends) in std::mem::take(&mut pending.ends) {
                self.topics[&topic].ends.send_replace(ends);
            }
            Ok(())
        });
        match written {
            Ok(()) => {
                for (append, positions) in appends.drain(..).zip(answers) {
                    // The records of a caller that went away are in the log all the same.
                    let _ = append.answer.send(Ok(positions));
                }
            }
            Err(error) => {
                let text = causes(&error);
                tracing::error!(error = text, "the embedded log could not write");
                for append in appends {
                    let error = Error::new(ErrorKind::Unavailable, DOING, text.clone());
                    let _ = append.answer.send(Err(error));
                }
            }
        }
    }

    /// Assigns positions to the records of an append.
    fn place(
        &self,
        handles: &Handles,
        batch: &mut OwnedWriteBatch,
        pending: &mut Pending,
        append: &Append,
    ) -> Result<Vec<Position>, fjall::Error> {
        let (topic, records) = (append.topic, &append.records);
        let stored = &self.topics[&topic];
        let ends = pending.ends.entry(topic).or_insert_with(|| stored.ends.borrow().clone());
        let mut positions = Vec::with_capacity(records.len());
        for record in records {
            let partition = record.key.as_deref().map_or(Partition(0), |key| partition_for(key, stored.partitions));
            let end = &mut ends[partition.0 as usize];
            let position = Position { partition, offset: Offset(*end) };
            *end += 1;
            if topic.is_compacted()
                && let Some(key) = &record.key
            {
                let name = stored.key(partition, key);
                match pending.newest.get(&name) {
                    Some(&older) => pending.records[older] = None,
                    None => {
                        if let Some(offset) = stored_newest(handles, &name)? {
                            let older = Position { partition, offset: Offset(offset) };
                            batch.remove(stored.records(handles), stored.record_key(older));
                        }
                    }
                }
                pending.newest.insert(name, pending.records.len());
            }
            pending.records.push(Some(PendingRecord {
                topic: Arc::clone(stored),
                key: stored.record_key(position),
                value: codec::encode(record),
            }));
            positions.push(position);
        }
        Ok(positions)
    }
}

fn stored_newest(handles: &Handles, name: &[u8]) -> Result<Option<u64>, fjall::Error> {
    let stored = handles.table(NEWEST).get(name)?;
    Ok(stored.and_then(|bytes| Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?))))
}

/// Returns the causes of an error as one text.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The records of a batch, before they are written.
#[derive(Default)]
struct Pending {
    /// The offset after the last record, by partition.
    ends: BTreeMap<Topic, Vec<u64>>,
    /// `None` where a later record of this batch replaces the record: the outcome of writing and
    /// removing one key in one batch is not defined.
    records: Vec<Option<PendingRecord>>,
    /// The newest record of each key of compacted topics, as an index into `records`. The keyspace
    /// does not show it yet.
    newest: BTreeMap<Vec<u8>, usize>,
}

struct PendingRecord {
    topic: Arc<StoredTopic>,
    key: [u8; 13],
    value: Vec<u8>,
}

impl Pending {
    /// Adds the records to a batch, and which of them are the newest of their keys.
    fn write(&mut self, handles: &Handles, batch: &mut OwnedWriteBatch) {
        for (name, index) in std::mem::take(&mut self.newest) {
            if let Some(record) = &self.records[index] {
                batch.insert(handles.table(NEWEST), name, &record.key[5..]);
            }
        }
        for record in std::mem::take(&mut self.records).into_iter().flatten() {
            batch.insert(record.topic.records(handles), record.key, record.value);
        }
    }
}
