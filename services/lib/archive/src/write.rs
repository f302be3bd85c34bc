//! Follows the rating topic and writes what arrives to files. Commits an offset when all before it
//! is in a file that counts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use marquee_backoff::Backoff;
use marquee_domain::{Offset, Partition, Scale};
use marquee_kit::{Context, Stop};
use marquee_log::{Batch, Decoder, Follower, FollowerOptions, Handler, Offsets, arrival};
use marquee_ports::{Error, ObjectStore, RatingLog, Record, Topic};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Mutex;

use crate::compact::{compact, sweep};
use crate::file::{FileName, day_of};
use crate::index::{FileEntry, Index, fingerprint};
use crate::{Archive, ArchivedEvent, Settings};

/// The number of records taken at once.
const PAGE: usize = 8_192;

/// The longest wait for records.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How often the ends of the topic are read.
const MEASURE_EVERY: Duration = Duration::from_secs(30);

/// The delays between two tries of a back-end that fails.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// What is archived, and where to.
#[derive(Debug, Clone)]
pub struct Source {
    /// The log with the rating topic.
    pub log: Arc<dyn RatingLog>,
    /// The scale of the ratings.
    pub scale: Scale,
    /// The object store of the archive.
    pub objects: Arc<dyn ObjectStore>,
}

/// Writes the archive.
#[derive(Debug)]
pub struct Writer {
    log: Arc<dyn RatingLog>,
    scale: Scale,
    files: Files,
    assignments: BTreeMap<Partition, Assignment>,
    /// Locked while files are written, so that a stop does not come in between.
    idle: Arc<Mutex<()>>,
}

/// Writes the files of the archive.
#[derive(Debug)]
struct Files {
    settings: Settings,
    archive: Archive,
    rows: Counter,
    files: Counter,
}

/// A partition that this writer writes.
#[derive(Debug)]
struct Assignment {
    decoder: Decoder,
    index: Index,
    pending: Option<PendingFile>,
}

/// The next file of a partition.
#[derive(Debug)]
struct PendingFile {
    first: Offset,
    /// The offset after the last record that was taken.
    next: Offset,
    day: String,
    /// The key and the value of the last record that was taken.
    last: (Option<Bytes>, Bytes),
    rows: Vec<ArchivedEvent>,
    since: Instant,
}

impl Writer {
    /// Creates a writer. It registers the metrics of the archive.
    pub fn new(settings: Settings, source: Source, context: &Context) -> Self {
        let Source { log, scale, objects } = source;
        let metrics = &context.metrics;
        let rows = metrics.register("archive_rows", "Events written to the archive", Counter::default());
        let files = metrics.register("archive_files", "Files written to the archive", Counter::default());
        let archive = Archive::new(objects, context.compute.clone());
        let files = Files { settings, archive, rows, files };
        Self { log, scale, files, assignments: BTreeMap::new(), idle: Arc::default() }
    }

    /// Works until `stop`. Records that wait for their file then are read again by the next writer.
    /// A file that is being written then is finished.
    ///
    /// # Errors
    /// None at present: after each failure the writer tries again.
    pub async fn run(mut self, stop: Stop) -> Result<(), Error> {
        let settings = &self.files.settings;
        let options = FollowerOptions {
            topic: Topic::RATINGS,
            group: settings.group.clone(),
            batch: PAGE,
            wait: settings.every.min(LONGEST_WAIT).max(Duration::from_millis(1)),
            backoff: BACKOFF,
            measure_every: MEASURE_EVERY,
        };
        let idle = Arc::clone(&self.idle);
        let stopped = async move {
            stop.cancelled().await;
            drop(idle.lock().await);
        };
        Follower::new(Arc::clone(&self.log), options).run(&mut self, stopped).await
    }
}

#[async_trait]
impl Handler for Writer {
    /// Becomes the only writer of partitions. Continues after the last file that counts, because a
    /// crash can come between a file and its commit. Pending files are dropped: their records are
    /// read again.
    async fn assigned(&mut self, partitions: &[Partition]) -> Result<Offsets, Error> {
        let _busy = Arc::clone(&self.idle).lock_owned().await;
        self.assignments.clear();
        let archive = &self.files.archive;
        archive.check_belongs(&*self.log, partitions).await?;
        let decoder = Decoder { scale: self.scale, partitions: self.log.bounds(Topic::RATINGS).await?.len() as u32 };
        let mut starts = Offsets::new();
        for &partition in partitions {
            let index = Index::read(archive, partition).await?.take_over(archive).await?;
            sweep(archive, &index).await?;
            starts.insert(partition, Offset(index.document.next_offset));
            self.assignments.insert(partition, Assignment { decoder, index, pending: None });
        }
        Ok(starts)
    }

    async fn apply(&mut self, batch: Batch) -> Result<Offsets, Error> {
        let _busy = Arc::clone(&self.idle).lock_owned().await;
        let mut archived = Offsets::new();
        for (partition, records) in batch {
            let Some(assignment) = self.assignments.get_mut(&partition) else { continue };
            let decoder = assignment.decoder;
            // Decoding a full batch takes milliseconds.
            for (stored, row) in self.files.archive.compute.run(move || decode(decoder, records)).await {
                archived.extend(self.files.add(assignment, stored, row).await?.map(|next| (partition, next)));
            }
        }
        Ok(archived)
    }

    /// Closes files that waited long enough.
    async fn tick(&mut self) -> Result<Offsets, Error> {
        let _busy = Arc::clone(&self.idle).lock_owned().await;
        let mut archived = Offsets::new();
        for (&partition, assignment) in &mut self.assignments {
            let every = self.files.settings.every;
            if assignment.pending.as_ref().is_some_and(|file| file.since.elapsed() >= every) {
                archived.extend(self.files.close(assignment).await?.map(|next| (partition, next)));
            }
        }
        Ok(archived)
    }

    /// Whatever fails may be mended while the writer runs.
    fn is_retryable(&self, _: &Error) -> bool {
        true
    }
}

/// Decodes records. A record that is not an event has no row.
fn decode(decoder: Decoder, records: Vec<Record>) -> Vec<(Record, Option<ArchivedEvent>)> {
    let row = |stored: &Record| {
        let event = decoder.decode(stored).ok()?;
        let arrived_at = arrival(stored.timestamp, &event);
        Some(ArchivedEvent { offset: stored.position.offset, arrived_at, event })
    };
    let decoded = records.into_iter().map(|stored| {
        let row = row(&stored);
        (stored, row)
    });
    decoded.collect()
}

impl Files {
    /// Adds a record to the next file. One without a row is left out, and the range of offsets
    /// includes it. Returns the offset up to which everything is archived if a file was closed
    /// before.
    async fn add(
        &self,
        assignment: &mut Assignment,
        stored: Record,
        row: Option<ArchivedEvent>,
    ) -> Result<Option<Offset>, Error> {
        let offset = stored.position.offset;
        let day = match (&row, &assignment.pending) {
            (Some(row), _) => day_of(row.arrived_at),
            (None, Some(file)) => file.day.clone(),
            (None, None) => day_of(stored.timestamp),
        };
        // A file ends with its day. Where the clocks of producers differ, a day has more files.
        let is_full = |file: &PendingFile| file.day != day || file.rows.len() >= self.settings.rows;
        let must_close = assignment.pending.as_ref().is_some_and(is_full);
        let closed = if must_close { self.close(assignment).await? } else { None };
        let last = (stored.key, stored.value);
        let since = Instant::now();
        let new =
            || PendingFile { first: offset, next: offset, day, last: Default::default(), rows: Vec::new(), since };
        let pending = assignment.pending.get_or_insert_with(new);
        (pending.next, pending.last) = (offset.next(), last);
        pending.rows.extend(row);
        Ok(closed)
    }

    /// Writes the pending file, names it in the index, and compacts small files. Returns the offset
    /// after the file.
    async fn close(&self, assignment: &mut Assignment) -> Result<Option<Offset>, Error> {
        let Some(PendingFile { first, next, day, rows, last: (key, value), .. }) = assignment.pending.take() else {
            return Ok(None);
        };
        let index = &mut assignment.index;
        let (partition, count) = (index.partition(), rows.len() as u64);
        let last = Offset(next.0.saturating_sub(1));
        let name = FileName { day: day.clone(), partition, first, last };
        let sha256 = self.archive.put(&name, rows).await?;
        let mut document = index.document.clone();
        document.next_offset = next.0;
        document.last_record = fingerprint(key.as_deref(), &value);
        document.files.push(FileEntry::new(name, count, sha256));
        index.write(&self.archive, document).await?;
        self.rows.inc_by(count);
        self.files.inc();
        compact(&self.archive, &self.settings, index, &day).await?;
        Ok(Some(next))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use marquee_domain::Timestamp;
    use marquee_kit::Compute;
    use marquee_log::keyed;
    use marquee_ports::memory::{MemoryLog, MemoryObjects};

    use super::*;
    use crate::testing::archived;

    /// The records of two events and, between them, one that is not an event.
    async fn records(log: &MemoryLog) -> Vec<Record> {
        let at = Timestamp::from_seconds(1_764_000_000);
        let mut records = [0, 2].map(|offset| keyed(&archived(offset).event, at)).to_vec();
        let mut damaged = records[0].clone();
        damaged.value = Bytes::from_static(b"no event");
        records.insert(1, damaged);
        let first = log.append(Topic::RATINGS, records).await.expect("appends")[0];
        log.read(Topic::RATINGS, first, 10).await.expect("reads")
    }

    #[tokio::test]
    async fn records_are_decoded_in_the_compute_pool_and_archived_in_order() {
        let log = MemoryLog::new(1);
        let context = Context { compute: Compute::new(NonZeroUsize::MIN), ..Context::default() };
        let scale = Scale::try_new(0.5, 5.0, 0.5).expect("a scale");
        let source = Source { log: Arc::new(log.clone()), scale, objects: Arc::new(MemoryObjects::default()) };
        let settings = Settings { every: Duration::ZERO, ..Settings::default() };
        let mut writer = Writer::new(settings, source, &context);
        writer.assigned(&[Partition(0)]).await.expect("takes over");
        let records = records(&log).await;

        let (release, held) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let pool = context.compute.clone();
        let job = move || {
            let _ = begun.send(());
            let _ = held.recv();
        };
        let busy = tokio::spawn(async move { pool.run(job).await });
        begins.await.expect("the job begins");
        let mut applying = writer.apply(Batch::from([(Partition(0), records)]));
        let early = tokio::time::timeout(Duration::from_millis(50), &mut applying).await;
        assert!(early.is_err(), "records were decoded while the pool was busy");
        drop(release);
        assert_eq!(applying.await.expect("applies"), Offsets::new(), "no file is closed yet");
        busy.await.expect("no panic");

        assert_eq!(writer.tick().await.expect("closes"), Offsets::from([(Partition(0), Offset(3))]));
        let index = Index::read(&writer.files.archive, Partition(0)).await.expect("reads");
        let [entry] = &index.document.files[..] else { panic!("one file: {:?}", index.document.files) };
        let rows = writer.files.archive.get(&entry.name(Partition(0)), &entry.sha256).await.expect("reads");
        let offsets: Vec<u64> = rows.expect("a file").iter().map(|row| row.offset.0).collect();
        assert_eq!((offsets, entry.first_offset, entry.last_offset), (vec![0, 2], 0, 2));
    }
}
