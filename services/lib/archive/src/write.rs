//! Follows the rating topic and writes what arrives to files; commits only what is in one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use marquee_domain::{Offset, Partition, Position, Scale};
use marquee_kit::{Metrics, Stop, chain};
use marquee_ports::{Delivery, Error, ObjectStore, RatingLog, Record, Subscription, Topic};
use prometheus_client::metrics::counter::Counter;

use super::compact::{compact, sweep};
use super::file::{FileName, Row, put};
use super::index::{Entry, Held};
use super::{Settings, event};

/// Records taken at once.
const PAGE: usize = 8_192;

/// Pauses between two tries of a failing back-end: the first, doubled each time, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Writes the archive.
#[derive(Debug)]
pub struct Writer {
    settings: Settings,
    scale: Scale,
    log: Arc<dyn RatingLog>,
    objects: Arc<dyn ObjectStore>,
    rows: Counter,
    files: Counter,
}

/// A partition of this writer's.
#[derive(Debug)]
struct Own {
    /// Of the topic.
    partitions: u32,
    held: Held,
    open: Option<Open>,
}

/// What waits for a partition's next file.
#[derive(Debug)]
struct Open {
    first: Offset,
    /// Offset after the last record that was taken.
    next: Offset,
    day: i64,
    rows: Vec<Row>,
    since: Instant,
}

impl Writer {
    pub fn new(
        settings: Settings,
        scale: Scale,
        log: Arc<dyn RatingLog>,
        objects: Arc<dyn ObjectStore>,
        metrics: &Metrics,
    ) -> Self {
        let rows = metrics.register("archive_rows", "Events written to the archive", Counter::default());
        let files = metrics.register("archive_files", "Files written to the archive", Counter::default());
        Self { settings, scale, log, objects, rows, files }
    }

    /// Works until `stop`. What waits for its file then is read again by whoever goes on.
    pub async fn run(self, stop: Stop) -> Result<(), std::convert::Infallible> {
        let mut pause = PAUSES.0;
        loop {
            let started = Instant::now();
            match self.follow(&stop).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::warn!(error = chain(&error), "writing the archive was interrupted: trying again")
                }
            }
            if started.elapsed() > PAUSES.1 {
                pause = PAUSES.0;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSES.1),
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Follows the topic until `stop`; a file that is being written then is finished.
    async fn follow(&self, stop: &Stop) -> Result<(), Error> {
        let mut subscription = self.log.subscribe(Topic::RATINGS, &self.settings.group).await?;
        let mut own: BTreeMap<Partition, Own> = BTreeMap::new();
        let wait = self.settings.every.min(Duration::from_secs(1)).max(Duration::from_millis(1));
        loop {
            let delivery = tokio::select! {
                delivery = subscription.next(PAGE, wait) => delivery?,
                () = stop.cancelled() => return Ok(()),
            };
            match delivery {
                // What waited is read again from behind the last file that counts: by this writer, or by whose partition it is now.
                Delivery::Assigned(partitions) => own = self.take_over(&mut *subscription, &partitions).await?,
                Delivery::Records(records) => {
                    for stored in records {
                        if let Some(own) = own.get_mut(&stored.position.partition) {
                            self.take(&mut *subscription, own, &stored).await?;
                        }
                    }
                }
            }
            for own in own.values_mut() {
                if own.open.as_ref().is_some_and(|open| open.since.elapsed() >= self.settings.every) {
                    self.close(&mut *subscription, own).await?;
                }
            }
        }
    }

    /// Becomes the one writer of partitions, and goes on behind the last file that counts: a crash may have come between a file and its commit.
    async fn take_over(
        &self,
        subscription: &mut dyn Subscription,
        partitions: &[Partition],
    ) -> Result<BTreeMap<Partition, Own>, Error> {
        let count = self.log.bounds(Topic::RATINGS).await?.len() as u32;
        let mut own = BTreeMap::new();
        for &partition in partitions {
            let held = Held::take(&self.objects, partition).await?;
            sweep(&self.objects, &held).await?;
            subscription.seek(Position { partition, offset: Offset(held.index.next_offset) }).await?;
            own.insert(partition, Own { partitions: count, held, open: None });
        }
        Ok(own)
    }

    async fn take(&self, subscription: &mut dyn Subscription, own: &mut Own, stored: &Record) -> Result<(), Error> {
        let offset = stored.position.offset;
        let day = stored.timestamp.day();
        // A file ends with its day, also where producers' clocks go back a little: then a day has more files.
        if own.open.as_ref().is_some_and(|open| open.day != day || open.rows.len() >= self.settings.rows) {
            self.close(subscription, own).await?;
        }
        let new = || Open { first: offset, next: offset, day, rows: Vec::new(), since: Instant::now() };
        let open = own.open.get_or_insert_with(new);
        open.next = offset.next();
        // What is left out stands on the rejected topic; the run of offsets covers it.
        open.rows.extend(row(stored, &self.scale, own.partitions));
        Ok(())
    }

    async fn close(&self, subscription: &mut dyn Subscription, own: &mut Own) -> Result<(), Error> {
        let Some(Open { first, next, day, rows, .. }) = own.open.take() else { return Ok(()) };
        let partition = Partition(own.held.index.partition());
        let name = FileName { day, partition, first, last: Offset(next.0.saturating_sub(1)) };
        let sha256 = put(&self.objects, &name, &rows).await?;
        let mut index = own.held.index.clone();
        index.next_offset = next.0;
        index.files.push(Entry::new(&name, rows.len() as u64, sha256));
        own.held.write(&self.objects, index).await?;
        self.rows.inc_by(rows.len() as u64);
        self.files.inc();
        subscription.commit(&BTreeMap::from([(partition, next)])).await?;
        compact(&self.objects, &self.settings, &mut own.held, day).await
    }
}

/// What counts for everybody else, and nothing more: the rest stands on the rejected topic.
fn row(stored: &Record, scale: &Scale, partitions: u32) -> Option<Row> {
    let event = event(stored, scale, partitions)?;
    Some(Row { offset: stored.position.offset, ingested_at: stored.timestamp, event })
}
