//! Follows the rating topic and writes what arrives to files. Commits an offset when all before it
//! is in a file that counts.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use marquee_backoff::Backoff;
use marquee_domain::{Offset, Partition, Position, Scale};
use marquee_kit::{Context, Stop, chain};
use marquee_log::{Decoder, arrival};
use marquee_ports::{Delivery, Error, ObjectStore, RatingLog, Record, Subscription, Topic};
use prometheus_client::metrics::counter::Counter;

use crate::compact::{compact, sweep};
use crate::file::{FileName, day_of};
use crate::index::{FileEntry, Index, fingerprint};
use crate::{Archive, ArchivedEvent, Settings};

/// The number of records taken at once.
const PAGE: usize = 8_192;

/// The longest delay between two tries. A try that worked for longer starts the delays again.
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// The delays between two tries of a back-end that fails.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), LONGEST_DELAY);

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
    settings: Settings,
    log: Arc<dyn RatingLog>,
    scale: Scale,
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
        Self { settings, log, scale, archive, rows, files }
    }

    /// Works until `stop`. Records that wait for their file then are read again by the next writer.
    pub async fn run(self, stop: Stop) -> Result<(), Infallible> {
        let mut delays = BACKOFF.start();
        loop {
            let started = Instant::now();
            match self.follow(&stop).await {
                Ok(()) => return Ok(()),
                Err(error) => tracing::warn!(error = chain(&error), "could not write the archive; trying again"),
            }
            if started.elapsed() > LONGEST_DELAY {
                delays.reset();
            }
            tokio::select! {
                () = delays.wait() => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Follows the topic until `stop`. A file that is being written then is finished.
    async fn follow(&self, stop: &Stop) -> Result<(), Error> {
        let mut subscription = self.log.subscribe(Topic::RATINGS, &self.settings.group).await?;
        let mut assignments: BTreeMap<Partition, Assignment> = BTreeMap::new();
        let wait = self.settings.every.min(Duration::from_secs(1)).max(Duration::from_millis(1));
        loop {
            let delivery = tokio::select! {
                delivery = subscription.next(PAGE, wait) => delivery?,
                () = stop.cancelled() => return Ok(()),
            };
            match delivery {
                // Pending files are dropped: the new writer of each partition reads their records
                // again.
                Delivery::Assigned(partitions) => {
                    assignments = self.take_over(&mut *subscription, &partitions).await?;
                }
                Delivery::Records(records) => {
                    for stored in records {
                        if let Some(assignment) = assignments.get_mut(&stored.position.partition) {
                            self.add(&mut *subscription, assignment, &stored).await?;
                        }
                    }
                }
            }
            for assignment in assignments.values_mut() {
                if assignment.pending.as_ref().is_some_and(|file| file.since.elapsed() >= self.settings.every) {
                    self.close(&mut *subscription, assignment).await?;
                }
            }
        }
    }

    /// Becomes the only writer of partitions. Continues after the last file that counts, because a
    /// crash can come between a file and its commit.
    async fn take_over(
        &self,
        subscription: &mut dyn Subscription,
        partitions: &[Partition],
    ) -> Result<BTreeMap<Partition, Assignment>, Error> {
        self.archive.check_belongs(&*self.log, partitions).await?;
        let decoder = Decoder { scale: self.scale, partitions: self.log.bounds(Topic::RATINGS).await?.len() as u32 };
        let mut assignments = BTreeMap::new();
        for &partition in partitions {
            let index = Index::read(&self.archive, partition).await?.take_over(&self.archive).await?;
            sweep(&self.archive, &index).await?;
            subscription.seek(Position { partition, offset: Offset(index.document.next_offset) }).await?;
            assignments.insert(partition, Assignment { decoder, index, pending: None });
        }
        Ok(assignments)
    }

    async fn add(
        &self,
        subscription: &mut dyn Subscription,
        assignment: &mut Assignment,
        stored: &Record,
    ) -> Result<(), Error> {
        let offset = stored.position.offset;
        // A record that is not an event is left out. The range of offsets includes it.
        let event = assignment.decoder.decode(stored).ok();
        let row = event.map(|event| ArchivedEvent { offset, arrived_at: arrival(stored.timestamp, &event), event });
        let day = match (&row, &assignment.pending) {
            (Some(row), _) => day_of(row.arrived_at),
            (None, Some(file)) => file.day.clone(),
            (None, None) => day_of(stored.timestamp),
        };
        // A file ends with its day. Where the clocks of producers differ, a day has more files.
        let is_full = |file: &PendingFile| file.day != day || file.rows.len() >= self.settings.rows;
        if assignment.pending.as_ref().is_some_and(is_full) {
            self.close(subscription, assignment).await?;
        }
        let last = (stored.key.clone(), stored.value.clone());
        let since = Instant::now();
        let new =
            || PendingFile { first: offset, next: offset, day, last: Default::default(), rows: Vec::new(), since };
        let pending = assignment.pending.get_or_insert_with(new);
        (pending.next, pending.last) = (offset.next(), last);
        pending.rows.extend(row);
        Ok(())
    }

    /// Writes the pending file, names it in the index, and commits its offsets.
    async fn close(&self, subscription: &mut dyn Subscription, assignment: &mut Assignment) -> Result<(), Error> {
        let Some(PendingFile { first, next, day, rows, last: (key, value), .. }) = assignment.pending.take() else {
            return Ok(());
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
        subscription.commit(&BTreeMap::from([(partition, next)])).await?;
        compact(&self.archive, &self.settings, index, &day).await
    }
}
