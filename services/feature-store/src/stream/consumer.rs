//! The consumer of the rating topic. It never skips a record that it could not apply.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use marquee_archive::Archive;
use marquee_domain::{Partition, Timestamp};
use marquee_log::{Batch as Records, Decoder, Handler, MovieCatalog, Movies, Offsets, check_follows};
use marquee_ports::{Error, ErrorKind, Lease, NewRecord, RatingLog, Record, Topic};
use marquee_proto::record::Refusal;
use tracing::Instrument;

use super::apply::{Applier, Batch};
use super::decode::{Decoded, Misplaced, decode};
use super::rejected::rejected_record;
use crate::metrics::Meters;

/// How often the leases are verified, so that rows that the store has lost are built again although
/// no event comes.
const VERIFY_EVERY: Duration = Duration::from_secs(5);

/// Applies records under a lease of each assigned partition.
pub(crate) struct Consumer {
    pub(crate) applier: Applier,
    pub(crate) catalog: Arc<MovieCatalog>,
    pub(crate) log: Arc<dyn RatingLog>,
    /// The events that the log no longer has. `None`: there is no object store.
    pub(crate) archive: Option<Archive>,
    /// The most archived events that are applied at once.
    pub(crate) batch: usize,
    pub(crate) decoder: Decoder,
    pub(crate) meters: Meters,
    /// A lease ends with the first error. The follower then calls [`Handler::assigned`] again.
    pub(crate) leases: BTreeMap<Partition, Box<dyn Lease>>,
    /// When the leases were verified.
    pub(crate) verified: tokio::time::Instant,
}

#[async_trait]
impl Handler for Consumer {
    /// Takes a lease of each partition and starts at its marker. The offset that the group
    /// committed may be ahead of rows that the store has lost. Events before the log's first offset
    /// are applied from the archive before this returns.
    ///
    /// Partitions that stay assigned get a new lease too: another consumer may have had them
    /// between two assignments.
    async fn assigned(&mut self, partitions: &[Partition]) -> Result<Offsets, Error> {
        self.leases.clear();
        let mut starts = Offsets::new();
        for &partition in partitions {
            let mut lease = self.applier.store.lease(partition).await?;
            starts.insert(partition, self.rebuild(&mut *lease).await?);
            self.leases.insert(partition, lease);
        }
        Ok(starts)
    }

    async fn apply(&mut self, records: Records) -> Result<Offsets, Error> {
        let movies = self.catalog.catch_up().await?;
        let started = Instant::now();
        let mut next = Offsets::new();
        for (partition, records) in records {
            let Some(last) = records.last() else { continue };
            next.insert(partition, last.position.offset.next());
            self.apply_partition(partition, records, movies.clone()).await?;
        }
        self.meters.apply_seconds.observe(started.elapsed().as_secs_f64());
        Ok(next)
    }

    /// Verifies the leases if it is due.
    async fn tick(&mut self) -> Result<Offsets, Error> {
        if self.verified.elapsed() >= VERIFY_EVERY {
            self.verified = tokio::time::Instant::now();
            for lease in self.leases.values_mut() {
                lease.verify().await?;
            }
        }
        Ok(Offsets::new())
    }
}

impl Consumer {
    async fn apply_partition(
        &mut self,
        partition: Partition,
        records: Vec<Record>,
        movies: Movies,
    ) -> Result<(), Error> {
        let count = records.len() as u64;
        let span = tracing::debug_span!("apply", %partition, events = count);
        if let Some(parent) = records[0].header("traceparent") {
            marquee_kit::telemetry::continue_trace(&span, |_| std::str::from_utf8(parent).ok());
        }
        let first = records[0].position;
        let Some(marker) = self.leases.get(&partition).map(|lease| lease.marker()) else {
            return Err(not_assigned(partition));
        };
        check_follows(&*self.log, marker, first).await?;
        let batch = self.decode(records).await?;
        let Some(lease) = self.leases.get_mut(&partition) else { return Err(not_assigned(partition)) };
        self.applier.apply(&mut **lease, movies, batch).instrument(span).await?;
        self.meters.applied.inc_by(count);
        Ok(())
    }

    /// Decodes records. Events of other partitions are moved there. Records that are not ratings of
    /// this deployment are copied to the rejected topic with the reason. The others are applied.
    async fn decode(&mut self, records: Vec<Record>) -> Result<Batch, Error> {
        let decoder = self.decoder;
        let Decoded { batch, moved, mut rejected } = self.applier.compute.run(move || decode(decoder, records)).await;
        rejected.extend(self.move_home(moved).await?);
        self.reject(rejected).await?;
        Ok(batch)
    }

    /// Appends events to the partitions of their users. Returns those that the log refuses, for
    /// example because this process may not write to the rating topic.
    async fn move_home(&mut self, moved: Vec<Misplaced>) -> Result<Vec<(Record, Refusal)>, Error> {
        if moved.is_empty() {
            return Ok(Vec::new());
        }
        let refused = self.append(Topic::RATINGS, moved.iter().map(Misplaced::record).collect()).await?;
        self.meters.moved.inc_by((moved.len() - refused.len()) as u64);
        let is_refused = |at: &usize| refused.contains(at);
        let left = (0..).zip(moved).filter(|(at, _)| is_refused(at));
        Ok(left.map(|(_, misplaced)| misplaced.into_rejected()).collect())
    }

    async fn reject(&mut self, rejected: Vec<(Record, Refusal)>) -> Result<(), Error> {
        if rejected.is_empty() {
            return Ok(());
        }
        self.meters.rejected.inc_by(rejected.len() as u64);
        let copy = |(stored, refusal): (Record, Refusal)| {
            tracing::warn!(position = %stored.position, reason = %refusal.reason, message = refusal.message,
                "record copied to the rejected topic");
            rejected_record(stored, &refusal)
        };
        self.append(Topic::REJECTED, rejected.into_iter().map(copy).collect()).await.map(drop)
    }

    /// Appends records. A record that the log refuses for good must not stop the partition: it is
    /// left out with a warning. Returns the indices of such records.
    async fn append(&mut self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<usize>, Error> {
        match self.log.append(topic, records.clone()).await {
            Ok(_) => return Ok(Vec::new()),
            Err(error) if is_passing(&error) => return Err(error),
            Err(_) => {}
        }
        let mut refused = Vec::new();
        for (index, record) in records.into_iter().enumerate() {
            if !self.append_one(topic, record).await? {
                refused.push(index);
            }
        }
        Ok(refused)
    }

    /// Appends one record, without its time if the log refuses that. Returns whether it was
    /// appended.
    async fn append_one(&mut self, topic: Topic, record: NewRecord) -> Result<bool, Error> {
        let undated = NewRecord { timestamp: Timestamp::EPOCH, ..record.clone() };
        let mut refusal = String::new();
        for record in [record, undated] {
            match self.log.append(topic, vec![record]).await {
                Ok(_) => return Ok(true),
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) => refusal = marquee_kit::chain(&error),
            }
        }
        tracing::warn!(%topic, refusal, "the log refused the copy of a record, which was left out");
        Ok(false)
    }
}

/// Returns whether the same call may succeed later.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Conflict)
}

fn not_assigned(partition: Partition) -> Error {
    let doing = format!("apply records of partition {partition}, which is not assigned");
    Error::bare(ErrorKind::Unavailable, doing)
}
