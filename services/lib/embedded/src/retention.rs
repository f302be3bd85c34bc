//! Removes records beyond a topic's retention, on a thread of its own.
//!
//! The age of a record is counted from its append, not from its timestamp: replayed data sets carry
//! old timestamps. The log does not store when a record was appended. Instead this thread stores at
//! intervals how far each partition reached; what such a sample covers is at least as old as the
//! sample. Records outlive their age by one interval.
//!
//! How disk space shrinks: removed records become tombstones in one batch with the new beginning of
//! the partition. Ordinary compaction drops records together with their tombstones only as it
//! reaches them. So once the bytes removed from a keyspace come to half of its size on disk, the
//! keyspace is rewritten without them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fjall::{Keyspace, PersistMode};
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Error, Retention};

use crate::database::Database;
use crate::engine::{Handles, META, failed};
use crate::topics::{StoredTopic, offset_of};

/// Records removed in one batch.
const BATCH: usize = 4_096;

/// A keyspace is rewritten only after at least this many bytes were removed from it.
const REWRITE: u64 = 32 << 20;

/// Shortest and longest time between two samples, and between two passes.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(3_600));

/// Time between two passes where only bytes are limited.
const BYTES_INTERVAL: Duration = Duration::from_secs(1);

/// The format of a sample; offsets follow it.
const FORMAT: u8 = 1;

/// The thread. Dropping it waits until the pass that runs is over.
#[derive(Debug)]
pub(crate) struct RetentionThread {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RetentionThread {
    /// Starts the thread, which removes records of topics until it is dropped.
    pub(crate) fn start(mut sweep: Sweep) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let work = move || {
            while stopped.recv_timeout(sweep.interval()) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = sweep.pass(SystemTime::now()) {
                    let cause = std::error::Error::source(&error);
                    tracing::error!(%error, cause, "the embedded log could not remove old records; it will try again");
                }
            }
        };
        let thread = std::thread::Builder::new().name("log-retention".to_owned()).spawn(work)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for RetentionThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Removes records of the topics that do not keep them forever.
pub(crate) struct Sweep {
    database: Database,
    topics: Vec<Limited>,
    /// Bytes removed since the last rewrite, by keyspace.
    removed: BTreeMap<String, u64>,
    rewrite: u64,
}

/// A topic with limits.
struct Limited {
    topic: Arc<StoredTopic>,
    retention: Retention,
    sizes: Vec<Sizes>,
}

/// Sizes of the records of a partition, by runs of records.
#[derive(Default)]
struct Sizes {
    /// Runs, oldest first: the offset after each and its bytes.
    runs: VecDeque<(u64, u64)>,
    total: u64,
    /// The offset up to which records were counted.
    counted: u64,
}

impl Sweep {
    /// Returns `None` when every topic keeps its records forever.
    pub(crate) fn new(
        database: Database,
        topics: impl IntoIterator<Item = (Arc<StoredTopic>, Retention)>,
    ) -> Option<Self> {
        let limited = topics.into_iter().filter(|(_, retention)| !retention.is_forever());
        let topics: Vec<Limited> = limited
            .map(|(topic, retention)| Limited {
                sizes: (0..topic.partitions).map(|_| Sizes::default()).collect(),
                topic,
                retention,
            })
            .collect();
        (!topics.is_empty()).then_some(Self { database, topics, removed: BTreeMap::new(), rewrite: REWRITE })
    }

    fn interval(&self) -> Duration {
        let of = |limited: &Limited| {
            let bytes = limited.retention.bytes.map_or(INTERVAL.1, |_| BYTES_INTERVAL);
            limited.retention.age.map_or(bytes, |age| bytes.min(sample_interval(age)))
        };
        self.topics.iter().map(of).min().unwrap_or(INTERVAL.1)
    }

    /// Removes what is beyond a limit at a time, then frees disk space.
    ///
    /// **Invariant:** no record is removed before it is as old as the topic's age, or while the
    /// partition holds no more than the topic's bytes.
    pub(crate) fn pass(&mut self, now: SystemTime) -> Result<(), Error> {
        let doing = "remove old records of the embedded log";
        let database = self.database.clone();
        database.write(doing, |handles| self.pass_over(handles, now).map_err(failed(doing)))
    }

    fn pass_over(&mut self, handles: &Handles, now: SystemTime) -> Result<(), fjall::Error> {
        for limited in &mut self.topics {
            let topic = &limited.topic;
            let mut begins: Vec<u64> =
                (0..topic.partitions).map(|partition| topic.removed_below(Partition(partition)).0).collect();
            if let Some(age) = limited.retention.age {
                sample(handles, topic, now, sample_interval(age))?;
                let aged = take_sample(handles.table(META), topic, now.checked_sub(age).unwrap_or(UNIX_EPOCH))?;
                begins = begins.iter().zip(aged.iter().chain(std::iter::repeat(&0))).map(|(a, b)| *a.max(b)).collect();
            }
            if let Some(bytes) = limited.retention.bytes {
                for (partition, begin) in (0..topic.partitions).map(Partition).zip(&mut begins) {
                    let sizes = &mut limited.sizes[partition.0 as usize];
                    sizes.count(handles, (topic, partition), run_bytes(bytes))?;
                    *begin = sizes.cut(*begin, bytes);
                }
            }
            for (partition, begin) in (0..topic.partitions).map(Partition).zip(begins) {
                let begin = Offset(begin).min(topic.end(partition));
                let removed = remove(handles, topic, partition, begin)?;
                *self.removed.entry(topic.table.clone()).or_default() += removed;
            }
        }
        self.free_space(handles)
    }

    /// Rewrites the keyspaces from which much was removed.
    fn free_space(&mut self, handles: &Handles) -> Result<(), fjall::Error> {
        for limited in &self.topics {
            let records = limited.topic.records(handles);
            let Some(removed) = self.removed.get_mut(&limited.topic.table) else { continue };
            if *removed >= self.rewrite.max(records.disk_space() / 2) {
                tracing::info!(
                    topic = limited.topic.topic.name(),
                    bytes = *removed,
                    "freeing space of removed records"
                );
                records.rotate_memtable()?;
                handles.settle()?;
                records.major_compact()?;
                *removed = 0;
            }
        }
        Ok(())
    }
}

/// Removes the records of a partition below an offset, and returns their size in bytes.
fn remove(handles: &Handles, topic: &StoredTopic, partition: Partition, below: Offset) -> Result<u64, fjall::Error> {
    let mut bytes = 0;
    loop {
        let from = topic.removed_below(partition);
        if from >= below {
            return Ok(bytes);
        }
        let mut batch = handles.engine.batch().durability(Some(PersistMode::SyncData));
        let (from, to) = (Position { partition, offset: from }, Position { partition, offset: below });
        let mut next = below;
        for (index, entry) in topic.records(handles).range(topic.record_key(from)..topic.record_key(to)).enumerate() {
            let (key, value) = entry.into_inner()?;
            if index == BATCH {
                next = offset_of(&key).unwrap_or(below);
                break;
            }
            bytes += value.len() as u64;
            batch.remove(topic.records(handles), key);
        }
        topic.store_begin(handles, &mut batch, (partition, next));
        batch.commit()?;
        topic.publish_begin(partition, next);
    }
}

fn sample_interval(age: Duration) -> Duration {
    (age / 64).clamp(INTERVAL.0, INTERVAL.1)
}

fn micros(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

fn sample_key(topic: &StoredTopic, micros: u64) -> Vec<u8> {
    [&topic.samples_key()[..], &micros.to_be_bytes()].concat()
}

/// Stores how far each partition reaches, unless a sample is fresh or says the same.
fn sample(handles: &Handles, topic: &StoredTopic, now: SystemTime, interval: Duration) -> Result<(), fjall::Error> {
    let mut value = vec![FORMAT];
    for end in topic.ends.borrow().iter() {
        value.extend_from_slice(&end.to_be_bytes());
    }
    let (now, meta) = (micros(now), handles.table(META));
    let newest = meta.range(sample_key(topic, 0)..=sample_key(topic, now)).next_back();
    if let Some((key, stored)) = newest.map(fjall::Guard::into_inner).transpose()? {
        let taken = key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        if *stored == value[..] || u128::from(now.saturating_sub(taken)) < interval.as_micros() {
            return Ok(());
        }
    }
    meta.insert(sample_key(topic, now), value)
}

/// Returns the ends of the newest sample that is not younger than a time, and removes the samples
/// before it. The result is empty when there is no such sample.
fn take_sample(meta: &Keyspace, topic: &StoredTopic, time: SystemTime) -> Result<Vec<u64>, fjall::Error> {
    let old = meta.range(sample_key(topic, 0)..=sample_key(topic, micros(time)));
    let old = old.map(fjall::Guard::into_inner).collect::<Result<Vec<_>, _>>()?;
    let Some(((_, newest), older)) = old.split_last() else { return Ok(Vec::new()) };
    for (key, _) in older {
        meta.remove(key.clone())?;
    }
    let offsets = newest.get(1..).unwrap_or_default();
    Ok(offsets.as_chunks::<8>().0.iter().map(|bytes| u64::from_be_bytes(*bytes)).collect())
}

/// Returns the bytes of a run: few enough that a partition holds little more than its limit.
fn run_bytes(limit: u64) -> u64 {
    (limit / 16).clamp(1, 16 << 20)
}

impl Sizes {
    /// Counts the records that were appended since the last call.
    fn count(
        &mut self,
        handles: &Handles,
        (topic, partition): (&StoredTopic, Partition),
        run: u64,
    ) -> Result<(), fjall::Error> {
        let from = Offset(self.counted).max(topic.removed_below(partition));
        let end = topic.end(partition);
        if from >= end {
            return Ok(());
        }
        let (first, last) = (Position { partition, offset: from }, Position { partition, offset: end });
        for entry in topic.records(handles).range(topic.record_key(first)..topic.record_key(last)) {
            let (key, value) = entry.into_inner()?;
            let next = offset_of(&key).unwrap_or(from).0 + 1;
            let bytes = value.len() as u64;
            match self.runs.back_mut() {
                Some((end, size)) if *size < run => (*end, *size) = (next, *size + bytes),
                _ => self.runs.push_back((next, bytes)),
            }
            self.total += bytes;
        }
        self.counted = end.0;
        Ok(())
    }

    /// Drops the oldest runs for as long as the others come to the limit. Returns the offset at
    /// which records then begin; it is at least `begin`.
    fn cut(&mut self, mut begin: u64, limit: u64) -> u64 {
        while let Some(&(end, bytes)) = self.runs.front() {
            if end > begin && self.total - bytes < limit {
                break;
            }
            begin = begin.max(end);
            self.total -= bytes;
            self.runs.pop_front();
        }
        begin
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;
    use marquee_ports::{Cleanup, NewRecord, Partitions, RatingLog, Topic, TopicSpec};
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::{EmbeddedLog, LogSettings};

    static SPEC: TopicSpec = TopicSpec {
        name: "marquee.test.v1",
        key: "nothing",
        partitions: Partitions::Fixed(1),
        retention: Retention::FOREVER,
        cleanup: Cleanup::Delete,
        archived: false,
    };

    const TOPIC: Topic = Topic::new(&SPEC);

    const AGE: Duration = Duration::from_secs(64);

    const FIRST: Partition = Partition(0);

    /// A log that keeps everything by itself, and a sweep over its topic that the test drives.
    struct Driven {
        log: EmbeddedLog,
        sweep: Sweep,
        _folder: tempfile::TempDir,
    }

    impl Driven {
        fn new(retention: Retention) -> Self {
            let folder = tempfile::tempdir().expect("temporary folder");
            let log = EmbeddedLog::open_topics(folder.path(), &LogSettings::default(), &[TOPIC]).expect("opens");
            let topic = Arc::clone(log.topic(TOPIC));
            let sweep = Sweep::new(log.database(), [(topic, retention)]).expect("limits");
            Self { log, sweep, _folder: folder }
        }

        /// Appends records of 1,000 bytes that do not compress.
        async fn append(&self, count: usize) {
            let mut random = rand::rngs::ChaCha8Rng::seed_from_u64(count as u64);
            let record = |_| {
                let mut value = vec![0; 1_000];
                random.fill(&mut value[..]);
                let timestamp = Timestamp::from_seconds(1);
                NewRecord { key: None, value: value.into(), headers: Vec::new(), timestamp }
            };
            self.log.append(TOPIC, (0..count).map(record).collect()).await.expect("appends");
        }

        fn begin(&self) -> Offset {
            let begin = |handles: &Handles| Ok(self.log.topic(TOPIC).begin(handles, FIRST).expect("begins"));
            self.log.database().read(begin).expect("reads")
        }

        /// Returns the size on disk of the table with the records, after a flush if it is wanted.
        fn disk_space(&self, flush: bool) -> u64 {
            let measure = |handles: &Handles| {
                let records = self.log.topic(TOPIC).records(handles);
                if flush {
                    records.rotate_memtable_and_wait().expect("flushes");
                }
                Ok(records.disk_space())
            };
            self.log.database().read(measure).expect("reads")
        }

        fn pass(&mut self, seconds: u64) -> u64 {
            self.sweep.pass(UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)).expect("passes");
            self.begin().0
        }
    }

    #[tokio::test]
    async fn a_record_is_removed_once_it_is_as_old_as_the_limit_and_no_earlier() {
        let mut driven = Driven::new(Retention { age: Some(AGE), bytes: None });
        driven.append(5).await;
        assert_eq!(driven.pass(0), 0);
        driven.append(3).await;
        assert_eq!(driven.pass(10), 0);
        driven.append(2).await;
        assert_eq!(driven.pass(63), 0, "the first are 63 s old");
        assert_eq!(driven.pass(64), 5);
        assert_eq!(driven.pass(73), 5);
        assert_eq!(driven.pass(74), 8);
        assert_eq!(driven.pass(500), 10);
        driven.append(1).await;
        assert_eq!(driven.log.topic(TOPIC).end(FIRST), Offset(11), "offsets go on");
        let found = driven.log.read(TOPIC, Position { partition: FIRST, offset: Offset(0) }, 9).await.expect("reads");
        assert_eq!(found.iter().map(|record| record.position.offset.0).collect::<Vec<_>>(), [10]);
    }

    #[tokio::test]
    async fn a_partition_keeps_at_least_its_bytes_and_little_more() {
        let mut driven = Driven::new(Retention { age: None, bytes: Some(100_000) });
        driven.append(90).await;
        assert_eq!(driven.pass(0), 0, "fewer bytes than the limit");
        driven.append(200).await;
        let begin = driven.pass(1);
        let kept = 290 - begin;
        assert!((95..=115).contains(&kept), "{kept} records are kept");
        assert_eq!(driven.pass(2), begin, "nothing was appended");
    }

    #[tokio::test]
    async fn disk_space_shrinks_when_records_are_removed() {
        let mut driven = Driven::new(Retention { age: None, bytes: Some(100_000) });
        driven.sweep.rewrite = 1 << 20;
        driven.append(8_000).await;
        let before = driven.disk_space(true);
        assert!(before > 7_000_000, "{before}");
        driven.pass(0);
        let after = driven.disk_space(false);
        assert!(after < 500_000, "{after} of {before} bytes are left");
        let offset = driven.begin();
        let found = driven.log.read(TOPIC, Position { partition: FIRST, offset }, 9_000).await.expect("reads");
        assert_eq!(found.len() as u64, 8_000 - offset.0, "what is kept is whole");
    }
}
