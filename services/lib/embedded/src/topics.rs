//! The topics of one log: where their records are stored, and from where to where each partition
//! reaches.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::Keyspace;
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Error, ErrorKind, Topic};
use tokio::sync::watch;

use crate::OpenError;
use crate::database::Database;
use crate::engine::{self, Handles, META};

/// Numbers of the topics of logs that were created before numbers were stored.
const FIRST: [(&str, u8); 3] =
    [("marquee.ratings.v1", 1), ("marquee.ratings.rejected.v1", 2), ("marquee.movies.v1", 3)];

/// The format of a topic's entry in the keyspace `meta`. A reader ignores bytes after those that it
/// knows.
const FORMAT: u8 = 1;

/// The topics that a log has.
pub(crate) type Topics = BTreeMap<Topic, Arc<StoredTopic>>;

/// A topic of a log.
pub(crate) struct StoredTopic {
    pub(crate) topic: Topic,
    /// Stands for the topic in keys. A number is never used for another topic.
    number: u8,
    pub(crate) partitions: u32,
    /// The table that has its records.
    pub(crate) table: String,
    /// The offset after the last durable record, by partition.
    pub(crate) ends: watch::Sender<Vec<u64>>,
    /// The offset below which retention has removed every record, by partition.
    begins: Vec<AtomicU64>,
}

/// Opens topics. `shared` is the number of partitions of every topic whose specification does not
/// fix another.
pub(crate) fn open(path: &Path, database: &Database, topics: &[Topic], shared: u32) -> Result<Topics, OpenError> {
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let mut numbered = Vec::new();
    with_handles(path, database, |handles| {
        let meta = handles.table(META);
        let stored = meta.get("partitions").map_err(failed)?;
        match stored.and_then(|bytes| bytes.as_ref().try_into().ok()).map(u32::from_be_bytes) {
            Some(stored) if stored != shared => {
                return Err(OpenError::Partitions { path: path.to_owned(), stored, asked: shared });
            }
            Some(_) => {}
            None => meta.insert("partitions", shared.to_be_bytes()).map_err(failed)?,
        }
        for &topic in topics {
            let partitions = topic.spec().partitions.count(shared);
            numbered.push((topic, number(path, meta, topic, partitions)?, partitions));
        }
        Ok(())
    })?;
    let mut all = Topics::new();
    for (topic, number, partitions) in numbered {
        // Topics that were added later have tables of their own: rewriting one to free its space
        // leaves the ratings alone.
        let table = if usize::from(number) <= FIRST.len() { "records".to_owned() } else { format!("records-{number}") };
        database.add_table(&table).map_err(failed)?;
        let opened = with_handles(path, database, |handles| {
            StoredTopic::open(topic, (number, partitions), table, handles).map_err(failed)
        })?;
        all.insert(topic, Arc::new(opened));
    }
    Ok(all)
}

/// Uses the handles of a database that has just been opened.
fn with_handles<T>(
    path: &Path,
    database: &Database,
    work: impl FnOnce(&Handles) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let done = database.read(|handles| Ok(work(handles)));
    done.map_err(|source| OpenError::Reopened { path: path.to_owned(), source })?
}

/// Returns the number of a topic. A topic without one gets the next that is free.
fn number(path: &Path, meta: &Keyspace, topic: Topic, partitions: u32) -> Result<u8, OpenError> {
    if let Some((_, number)) = FIRST.iter().find(|(name, _)| *name == topic.name()) {
        return Ok(*number);
    }
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let unreadable = || OpenError::Topic { path: path.to_owned(), topic: topic.name().to_owned() };
    let key = format!("topic/{}", topic.name());
    if let Some(stored) = meta.get(&key).map_err(failed)? {
        let [_, number, a, b, c, d, ..] = *stored else { return Err(unreadable()) };
        let stored = u32::from_be_bytes([a, b, c, d]);
        if stored != partitions {
            return Err(OpenError::Partitions { path: path.to_owned(), stored, asked: partitions });
        }
        return Ok(number);
    }
    let mut last = FIRST.len() as u8;
    for entry in meta.prefix("topic/") {
        let stored = entry.value().map_err(failed)?;
        last = last.max(stored.get(1).copied().unwrap_or_default());
    }
    let number = last.checked_add(1).ok_or_else(unreadable)?;
    let [a, b, c, d] = partitions.to_be_bytes();
    meta.insert(key, [FORMAT, number, a, b, c, d]).map_err(failed)?;
    Ok(number)
}

impl StoredTopic {
    fn open(
        topic: Topic,
        (number, partitions): (u8, u32),
        table: String,
        handles: &Handles,
    ) -> Result<Self, fjall::Error> {
        let (mut begins, mut ends) = (Vec::new(), Vec::new());
        for partition in (0..partitions).map(Partition) {
            let (begin, end) = stored_bounds(handles, &table, number, partition)?;
            ends.push(end);
            begins.push(AtomicU64::new(begin));
        }
        Ok(Self { topic, number, partitions, table, ends: watch::Sender::new(ends), begins })
    }

    /// Reads again how far each partition reaches. A write that failed may have stored its records
    /// all the same.
    ///
    /// # Errors
    /// `Corrupt` if a partition ends before its end, which was published.
    pub(crate) fn open_again(&self, handles: &Handles) -> Result<(), Error> {
        let mut ends = self.ends.borrow().clone();
        for (partition, end) in (0..self.partitions).map(Partition).zip(&mut ends) {
            let stored = stored_bounds(handles, &self.table, self.number, partition);
            let (begin, stored) = stored.map_err(engine::failed("read the bounds of the embedded log"))?;
            if stored < *end {
                let doing = format!(
                    "read partition {partition} of {}, which ends at offset {stored} and has ended at {end}",
                    self.topic
                );
                return Err(Error::bare(ErrorKind::Corrupt, doing));
            }
            *end = stored;
            self.publish_begin(partition, Offset(begin));
        }
        self.ends.send_replace(ends);
        Ok(())
    }

    /// Returns the table that has the records of the topic.
    pub(crate) fn records<'h>(&self, handles: &'h Handles) -> &'h Keyspace {
        handles.table(&self.table)
    }

    /// Returns the key of a record: topic, partition, offset; big-endian, so that byte order is log
    /// order.
    pub(crate) fn record_key(&self, position: Position) -> [u8; 13] {
        let mut key = [0; 13];
        key[..5].copy_from_slice(&partition_key(self.number, position.partition));
        key[5..].copy_from_slice(&position.offset.0.to_be_bytes());
        key
    }

    /// Returns a key that starts with topic and partition.
    pub(crate) fn key(&self, partition: Partition, rest: &[u8]) -> Vec<u8> {
        [&partition_key(self.number, partition)[..], rest].concat()
    }

    /// Returns the offset that the next record of a partition will get.
    pub(crate) fn end(&self, partition: Partition) -> Offset {
        Offset(self.ends.borrow().get(partition.0 as usize).copied().unwrap_or(0))
    }

    /// Returns the offset below which retention has removed every record of a partition.
    pub(crate) fn removed_below(&self, partition: Partition) -> Offset {
        Offset(self.begins.get(partition.0 as usize).map_or(0, |begin| begin.load(Ordering::Acquire)))
    }

    /// Returns the offset of the first record of a partition, or its end when there is none.
    pub(crate) fn begin(&self, handles: &Handles, partition: Partition) -> Result<Offset, fjall::Error> {
        let removed = self.removed_below(partition);
        if !self.topic.is_compacted() {
            return Ok(removed);
        }
        // Compaction may remove the first record at any time.
        let first = self.records(handles).prefix(partition_key(self.number, partition)).next();
        let first = first.map(fjall::Guard::key).transpose()?;
        Ok(first.and_then(|key| offset_of(&key)).unwrap_or_else(|| self.end(partition)))
    }

    /// Adds to a batch that the records of a partition below an offset are gone.
    pub(crate) fn store_begin(
        &self,
        handles: &Handles,
        batch: &mut fjall::OwnedWriteBatch,
        (partition, begin): (Partition, Offset),
    ) {
        batch.insert(handles.table(META), begin_key(self.number, partition), begin.0.to_be_bytes());
    }

    /// Publishes that the records of a partition below an offset are gone.
    pub(crate) fn publish_begin(&self, partition: Partition, begin: Offset) {
        if let Some(published) = self.begins.get(partition.0 as usize) {
            published.fetch_max(begin.0, Ordering::AcqRel);
        }
    }

    /// Returns the prefix of keys in `meta` under which retention keeps what it knows of this
    /// topic.
    pub(crate) fn samples_key(&self) -> Vec<u8> {
        [&b"ends/"[..], &[self.number]].concat()
    }

    /// Returns an error for a partition that the topic does not have.
    pub(crate) fn check_partition(&self, partition: Partition) -> Result<(), Error> {
        if partition.0 < self.partitions {
            return Ok(());
        }
        let doing = format!("read partition {partition} of {}, which has {} partitions", self.topic, self.partitions);
        Err(Error::bare(ErrorKind::Invalid, doing))
    }
}

/// Returns the offset below which retention has removed every record of a partition, and the offset
/// after its last record.
fn stored_bounds(handles: &Handles, table: &str, number: u8, partition: Partition) -> Result<(u64, u64), fjall::Error> {
    let prefix = partition_key(number, partition);
    let last = handles.table(table).prefix(prefix).next_back().map(fjall::Guard::key).transpose()?;
    let end = last.and_then(|key| offset_of(&key)).map_or(0, |offset| offset.0 + 1);
    let begin = handles.table(META).get(begin_key(number, partition))?;
    let begin = begin.and_then(|bytes| bytes.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes);
    // Where every record was removed, only the beginning says which offset comes next.
    Ok((begin, end.max(begin)))
}

fn partition_key(number: u8, partition: Partition) -> [u8; 5] {
    let mut key = [number; 5];
    key[1..].copy_from_slice(&partition.0.to_be_bytes());
    key
}

fn begin_key(number: u8, partition: Partition) -> Vec<u8> {
    [&b"begin/"[..], &partition_key(number, partition)].concat()
}

/// Returns the offset in a record's key.
pub(crate) fn offset_of(key: &[u8]) -> Option<Offset> {
    Some(Offset(u64::from_be_bytes(key.get(5..13)?.try_into().ok()?)))
}
