//! The embedded rating log: [`RatingLog`] over a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fjall::{Keyspace, KeyspaceCreateOptions};
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Bounds, Delivery, Error, ErrorKind, NewRecord, RatingLog, Record, Subscription, Topic};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use crate::folder::Database;
use crate::groups::{Groups, Membership};
use crate::writer::{Append, Ends, Writer, record_key, topic_byte};
use crate::{OpenError, codec};

/// Largest value of a record in bytes.
const LARGEST: usize = 1 << 20;

/// Largest key of a record in bytes; fjall panics on one beyond 64 KiB.
const LARGEST_KEY: usize = 4 << 10;

/// Largest sum of a record's headers in bytes.
const LARGEST_HEADERS: usize = 64 << 10;

/// Longest name of a consumer group in bytes.
const LONGEST_GROUP: usize = 255;

/// Reads of more records than this leave the async threads.
const INLINE: usize = 64;

/// Settings of the embedded log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Partitions of every topic, fixed when the log is created. Default 8.
    pub partitions: u32,
    /// Appends that may wait for the writer; more wait in their callers. Default 1,024.
    pub queue: usize,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { partitions: 8, queue: 1_024 }
    }
}

/// A rating log in a folder. Dropping it writes what waits and ends its thread.
#[derive(Debug)]
pub struct EmbeddedLog {
    reader: Reader,
    groups: Arc<Groups>,
    queue: Option<mpsc::Sender<Append>>,
    writer: Option<JoinHandle<()>>,
}

/// What reads need; shared with subscriptions.
#[derive(Clone)]
struct Reader {
    records: Keyspace,
    committed: Keyspace,
    ends: Arc<Ends>,
    partitions: u32,
    _database: Database,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("partitions", &self.partitions).finish_non_exhaustive()
    }
}

impl EmbeddedLog {
    /// Opens or creates the log in a folder.
    pub fn open(path: &Path, settings: &LogSettings) -> Result<Self, OpenError> {
        if !(1..=1_024).contains(&settings.partitions) {
            return Err(OpenError::BadPartitions(settings.partitions));
        }
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let database = Database::open(path, &["records", "newest", "committed", "meta"])?;
        let keyspace = |name: &str| database.fjall.keyspace(name, KeyspaceCreateOptions::default).map_err(failed);
        let (records, newest, committed, meta) =
            (keyspace("records")?, keyspace("newest")?, keyspace("committed")?, keyspace("meta")?);
        match meta.get("partitions").map_err(failed)?.and_then(|bytes| bytes.as_ref().try_into().ok()) {
            Some(stored) if u32::from_be_bytes(stored) != settings.partitions => {
                let stored = u32::from_be_bytes(stored);
                return Err(OpenError::Partitions { path: path.to_owned(), stored, asked: settings.partitions });
            }
            Some(_) => {}
            None => meta.insert("partitions", settings.partitions.to_be_bytes()).map_err(failed)?,
        }
        let mut ends = Ends::new();
        for &topic in Topic::ALL {
            let mut all = Vec::new();
            for partition in 0..settings.partitions {
                let last = records.prefix(prefix(topic, Partition(partition))).next_back();
                let last = last.map(fjall::Guard::key).transpose().map_err(failed)?;
                all.push(last.and_then(|key| offset_of(&key)).map_or(0, |offset| offset.0 + 1));
            }
            ends.insert(topic, watch::Sender::new(all));
        }
        let ends = Arc::new(ends);
        let partitions = settings.partitions;
        let writer = Writer {
            database: database.fjall.clone(),
            records: records.clone(),
            newest,
            ends: Arc::clone(&ends),
            partitions,
        };
        let (queue, receiver) = mpsc::channel(settings.queue.max(1));
        let writer = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        let reader = Reader { records, committed, ends, partitions, _database: database };
        Ok(Self { reader, groups: Arc::default(), queue: Some(queue), writer: Some(writer) })
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn check_size(record: &NewRecord) -> Result<(), Error> {
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let parts = [
        ("value", record.value.len(), LARGEST),
        ("key", record.key.as_ref().map_or(0, Bytes::len), LARGEST_KEY),
        ("headers", headers, LARGEST_HEADERS),
    ];
    match parts.into_iter().find(|(_, size, most)| size > most) {
        Some((part, size, most)) => {
            let doing = format!("append a record whose {part} is {size} bytes: the most is {most}");
            Err(Error::bare(ErrorKind::Invalid, doing))
        }
        None => Ok(()),
    }
}

fn prefix(topic: Topic, partition: Partition) -> [u8; 5] {
    let mut prefix = [0; 5];
    prefix[0] = topic_byte(topic);
    prefix[1..].copy_from_slice(&partition.0.to_be_bytes());
    prefix
}

fn offset_of(key: &[u8]) -> Option<Offset> {
    Some(Offset(u64::from_be_bytes(key.get(5..13)?.try_into().ok()?)))
}

fn failed(doing: &str, error: fjall::Error) -> Error {
    Error::new(ErrorKind::Unavailable, doing, error)
}

fn committed_key(topic: Topic, group: &str, partition: Partition) -> Vec<u8> {
    let mut key = vec![topic_byte(topic)];
    key.extend_from_slice(&partition.0.to_be_bytes());
    key.extend_from_slice(group.as_bytes());
    key
}

impl Reader {
    fn end(&self, topic: Topic, partition: Partition) -> Offset {
        Offset(self.ends[&topic].borrow().get(partition.0 as usize).copied().unwrap_or(0))
    }

    fn begin(&self, topic: Topic, partition: Partition) -> Result<Offset, Error> {
        let first = self.records.prefix(prefix(topic, partition)).next().map(fjall::Guard::key).transpose();
        let first = first.map_err(|error| failed("read the embedded log", error))?;
        Ok(first.and_then(|key| offset_of(&key)).unwrap_or_else(|| self.end(topic, partition)))
    }

    fn scan(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        // Up to the published end: a batch becomes visible before its fsync is over, and nobody may see what could still be lost.
        let end = Position { partition: from.partition, offset: self.end(topic, from.partition) };
        if from.offset >= end.offset {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for entry in self.records.range(record_key(topic, from)..record_key(topic, end)).take(max) {
            let (key, value) = entry.into_inner().map_err(|error| failed("read the embedded log", error))?;
            let offset =
                offset_of(&key).ok_or_else(|| Error::bare(ErrorKind::Corrupt, "read a key of the embedded log"))?;
            found.push(codec::decode(Position { partition: from.partition, offset }, &value)?);
        }
        Ok(found)
    }

    async fn read(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        if from.partition.0 >= self.partitions {
            let doing = format!("read partition {} of {}: there are {}", from.partition, topic.name(), self.partitions);
            return Err(Error::bare(ErrorKind::Invalid, doing));
        }
        let waiting = self.end(topic, from.partition).0.saturating_sub(from.offset.0);
        if waiting.min(max as u64) <= INLINE as u64 {
            return self.scan(topic, from, max);
        }
        let reader = self.clone();
        let scan = tokio::task::spawn_blocking(move || reader.scan(topic, from, max));
        scan.await.map_err(|error| Error::new(ErrorKind::Unavailable, "read the embedded log", error))?
    }

    fn committed(&self, topic: Topic, group: &str) -> Result<BTreeMap<Partition, Offset>, Error> {
        let mut found = BTreeMap::new();
        if group.len() > LONGEST_GROUP {
            return Ok(found);
        }
        for partition in (0..self.partitions).map(Partition) {
            let stored = self.committed.get(committed_key(topic, group, partition));
            let stored = stored.map_err(|error| failed("read a group's offsets", error))?;
            if let Some(offset) = stored.and_then(|bytes| bytes.as_ref().try_into().ok()) {
                found.insert(partition, Offset(u64::from_be_bytes(offset)));
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl RatingLog for EmbeddedLog {
    async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, Error> {
        (0..self.reader.partitions)
            .map(Partition)
            .map(|partition| {
                let (begin, end) = (self.reader.begin(topic, partition)?, self.reader.end(topic, partition));
                Ok(Bounds { partition, begin: begin.min(end), end })
            })
            .collect()
    }

    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Error> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        records.iter().try_for_each(check_size)?;
        let gone = || Error::bare(ErrorKind::Unavailable, "append to a log that is closed");
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(Append { topic, records, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    async fn read(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        self.reader.read(topic, from, max).await
    }

    async fn subscribe(&self, topic: Topic, group: &str) -> Result<Box<dyn Subscription>, Error> {
        if !matches!(group.len(), 1..=LONGEST_GROUP) {
            let doing = format!("join a group with a name of {} bytes: give 1 to {LONGEST_GROUP}", group.len());
            return Err(Error::bare(ErrorKind::Invalid, doing));
        }
        Ok(Box::new(EmbeddedSubscription {
            topic,
            group: group.to_owned(),
            membership: self.groups.join(topic, group),
            ends: self.reader.ends[&topic].subscribe(),
            reader: self.reader.clone(),
            next: BTreeMap::new(),
            turn: 0,
        }))
    }

    async fn committed(&self, topic: Topic, group: &str) -> Result<BTreeMap<Partition, Offset>, Error> {
        self.reader.committed(topic, group)
    }
}

#[derive(Debug)]
struct EmbeddedSubscription {
    topic: Topic,
    group: String,
    membership: Membership,
    ends: watch::Receiver<Vec<u64>>,
    reader: Reader,
    /// Assigned partitions and what to read next.
    next: BTreeMap<Partition, Offset>,
    /// Whose turn it is to be read first, so that no partition starves.
    turn: usize,
}

impl EmbeddedSubscription {
    fn assign(&mut self) -> Result<Vec<Partition>, Error> {
        let assigned = self.membership.assignment(self.reader.partitions);
        let committed = self.reader.committed(self.topic, &self.group)?;
        self.next.clear();
        for &partition in &assigned {
            let next = match committed.get(&partition) {
                Some(&offset) => offset,
                None => self.reader.begin(self.topic, partition)?,
            };
            self.next.insert(partition, next);
        }
        Ok(assigned)
    }

    async fn take(&mut self, max: usize) -> Result<Vec<Record>, Error> {
        let assigned: Vec<Partition> = self.next.keys().copied().collect();
        self.turn = self.turn.wrapping_add(1);
        let mut taken = Vec::new();
        for index in 0..assigned.len() {
            let partition = assigned[(self.turn.wrapping_add(index)) % assigned.len()];
            let from = Position { partition, offset: self.next[&partition] };
            if from.offset >= self.reader.end(self.topic, partition) || taken.len() >= max {
                continue;
            }
            let end = self.reader.end(self.topic, partition);
            let records = self.reader.read(self.topic, from, max - taken.len()).await?;
            // Nothing up to the end: what lay between was compacted away.
            let next = records.last().map_or(end, |record| record.position.offset.next());
            self.next.insert(partition, next);
            taken.extend(records);
        }
        Ok(taken)
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
            let records = self.take(max.max(1)).await?;
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
                Err(Error::bare(ErrorKind::Invalid, format!("seek partition {}, which is not assigned", to.partition)))
            }
        }
    }

    async fn commit(&mut self, next: &BTreeMap<Partition, Offset>) -> Result<(), Error> {
        for (&partition, offset) in next {
            if self.next.contains_key(&partition) && !self.membership.is_stale() {
                let key = committed_key(self.topic, &self.group, partition);
                let written = self.reader.committed.insert(key, offset.0.to_be_bytes());
                written.map_err(|error| failed("commit a group's offsets", error))?;
            }
        }
        Ok(())
    }
}
