//! The loop that follows the rating topic: takes deliveries, applies them by partition, commits. It never skips what it could not apply.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{Offset, Partition, Position, RatingEvent};
use marquee_kit::{Check, Stop};
use marquee_log::MovieCatalog;
use marquee_ports::{Delivery, Error, ErrorKind, Lease, NewRecord, Record, Subscription, Topic};
use marquee_proto::record::Refusal;
use tokio::sync::watch;
use tracing::Instrument;

use crate::apply::{Batch, apply};
use crate::metrics::{Meters, OfPartition};
use crate::scan::event;
use crate::service::Dependencies;
use crate::settings::Settings;

/// Pause before the first try of a failing back-end; doubled as long as nothing is applied, up to [`LONGEST_PAUSE`].
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between two tries of a failing back-end.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// By partition: the offset of the next event to apply.
pub(crate) type Progress = BTreeMap<Partition, Offset>;

/// A membership in the consumer group, with a lease of each assigned partition.
struct Assignment {
    subscription: Box<dyn Subscription>,
    leases: BTreeMap<Partition, Box<dyn Lease>>,
}

pub(crate) struct Consumer {
    pub(crate) settings: Settings,
    pub(crate) dependencies: Dependencies,
    pub(crate) meters: Meters,
    pub(crate) progress: Arc<watch::Sender<Progress>>,
    pub(crate) check: Check,
    /// Of the rating topic.
    pub(crate) partitions: u32,
    /// Ends of the partitions at the start: ready when they are reached.
    pub(crate) goal: Progress,
}

impl Consumer {
    /// Works until `stop`.
    pub(crate) async fn run(mut self, stop: Stop) -> Result<(), Error> {
        let catalog = MovieCatalog::new(Arc::clone(&self.dependencies.log));
        let mut pause = SHORTEST_PAUSE;
        loop {
            let before = self.meters.applied.get();
            let followed = tokio::select! {
                followed = self.follow(&catalog) => followed,
                () = stop.cancelled() => return Ok(()),
            };
            // Following ends only by an error. Subscribing again takes new leases and reads on from
            // their markers.
            let Err(error) = followed else { continue };
            let retryable = error.is_retryable();
            tracing::warn!(error = %error, cause = ?std::error::Error::source(&error), retryable, "applying the log was interrupted");
            if !retryable {
                self.check.not_ready(format!("stopped: {error}"));
                return Err(error);
            }
            if self.meters.applied.get() > before {
                pause = SHORTEST_PAUSE;
            }
            self.meters.retried.inc();
            self.check.not_ready("a back-end is away");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return Ok(()),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn follow(&mut self, catalog: &MovieCatalog) -> Result<(), Error> {
        let log = Arc::clone(&self.dependencies.log);
        let subscription = log.subscribe(Topic::RATINGS, &self.settings.group).await?;
        let mut assignment = Assignment { subscription, leases: BTreeMap::new() };
        loop {
            match assignment.subscription.next(self.settings.batch, Duration::from_secs(1)).await? {
                Delivery::Assigned(partitions) => self.assigned(&mut assignment, &partitions).await?,
                Delivery::Records(records) => {
                    if !records.is_empty() {
                        self.deliver(catalog, &mut assignment, records).await?;
                    }
                }
            }
            let caught_up = {
                let progress = self.progress.borrow();
                self.goal.iter().all(|(partition, goal)| progress.get(partition).is_none_or(|next| next >= goal))
            };
            if caught_up {
                self.check.ready();
            }
        }
    }

    /// Takes a lease of each partition and reads on from its marker. The offset that the group
    /// committed may be ahead of rows that the store has lost.
    ///
    /// Partitions that stay assigned get a new lease too: another member may have had them between
    /// two assignments.
    async fn assigned(&self, assignment: &mut Assignment, partitions: &[Partition]) -> Result<(), Error> {
        let mut progress = Progress::new();
        assignment.leases.clear();
        for &partition in partitions {
            let lease = self.dependencies.store.lease(partition).await?;
            let offset = lease.marker();
            assignment.subscription.seek(Position { partition, offset }).await?;
            assignment.leases.insert(partition, lease);
            progress.insert(partition, offset);
        }
        tracing::info!(partitions = partitions.len(), "rating partitions assigned");
        self.progress.send_replace(progress);
        Ok(())
    }

    async fn deliver(
        &self,
        catalog: &MovieCatalog,
        assignment: &mut Assignment,
        records: Vec<Record>,
    ) -> Result<(), Error> {
        let movies = catalog.catch_up().await?;
        let started = std::time::Instant::now();
        let mut by_partition: BTreeMap<Partition, Vec<Record>> = BTreeMap::new();
        for record in records {
            by_partition.entry(record.position.partition).or_default().push(record);
        }
        let mut committed = BTreeMap::new();
        for (partition, records) in by_partition {
            let Some(next) = records.last().map(|record| record.position.offset.next()) else { continue };
            let count = records.len() as u64;
            let span = tracing::debug_span!("apply", %partition, events = count);
            if let Some(parent) = records[0].header("traceparent") {
                marquee_kit::telemetry::continue_trace(&span, |_| std::str::from_utf8(parent).ok());
            }
            let Some(lease) = assignment.leases.get_mut(&partition) else {
                let doing = format!("apply records of partition {partition}, which is not assigned");
                return Err(Error::bare(ErrorKind::Unavailable, doing));
            };
            let batch = Batch { events: self.decode(records).await?, next };
            let genres = |movie: &_| movies.genres(movie);
            apply(&*self.dependencies.store, &mut **lease, genres, &batch).instrument(span).await?;
            self.meters.applied.inc_by(count);
            self.progress.send_modify(|progress| {
                progress.insert(partition, next);
            });
            committed.insert(partition, next);
        }
        assignment.subscription.commit(&committed).await?;
        self.meters.apply_seconds.observe(started.elapsed().as_secs_f64());
        for bounds in self.dependencies.log.bounds(Topic::RATINGS).await? {
            if let Some(next) = committed.get(&bounds.partition) {
                let lag = bounds.end.0.saturating_sub(next.0);
                self.meters.lag.get_or_create(&OfPartition { partition: bounds.partition.0 }).set(lag as i64);
            }
        }
        Ok(())
    }

    /// Decodes records; what is no rating of this deployment goes to the rejected topic with its reason, and the rest goes on.
    async fn decode(&self, records: Vec<Record>) -> Result<Vec<(Offset, RatingEvent)>, Error> {
        let mut events = Vec::with_capacity(records.len());
        let mut refused = Vec::new();
        for stored in records {
            match event(&stored, &self.dependencies.scale, self.partitions) {
                Ok(event) => events.push((stored.position.offset, event)),
                Err(refusal) => {
                    tracing::warn!(position = %stored.position, reason = %refusal.reason, message = refusal.message, "record goes to the rejected topic");
                    refused.push(refuse(stored, &refusal));
                }
            }
        }
        self.meters.rejected.inc_by(refused.len() as u64);
        if !refused.is_empty() {
            self.dependencies.log.append(Topic::REJECTED, refused).await?;
        }
        Ok(events)
    }
}

/// Longest value, key and headers that the rejected topic is given of a record: it takes no larger ones, and reasons must fit beside them.
const LONGEST_VALUE: usize = 1_000_000;
const LONGEST_KEY: usize = 4 << 10;
const LONGEST_HEADERS: usize = 32 << 10;

/// Brokers take larger records than the rejected topic does: such a one is cut short, and says so.
fn refuse(stored: Record, refusal: &Refusal) -> NewRecord {
    let mut headers = Vec::with_capacity(stored.headers.len() + 5);
    let mut length = 0;
    for (name, value) in stored.headers {
        length += name.len() + value.len();
        if length <= LONGEST_HEADERS {
            headers.push((name, value));
        }
    }
    let mut say = |name: &str, what: String| headers.push((name.to_owned(), Bytes::from(what)));
    say("reason", refusal.reason.as_str().to_owned());
    // It may quote what it refuses.
    say("message", refusal.message.chars().take(4_096).collect());
    say("source", Topic::RATINGS.name().to_owned());
    say("source-position", stored.position.to_string());
    let value = if stored.value.len() > LONGEST_VALUE {
        say("truncated-from", stored.value.len().to_string());
        stored.value.slice(..LONGEST_VALUE)
    } else {
        stored.value
    };
    let key = stored.key.map(|key| key.slice(..key.len().min(LONGEST_KEY)));
    NewRecord { key, value, headers, timestamp: stored.timestamp }
}
