//! Applies the records of one partition: decodes them, moves or rejects those that do not belong
//! there, and writes the rows.

use std::sync::Arc;

use marquee_domain::Timestamp;
use marquee_log::{Decoder, MovieCatalog, Movies, ProgressReporter, check_follows};
use marquee_ports::{Error, Lease, NewRecord, RatingLog, Record, Topic};
use marquee_proto::record::Refusal;
use tokio::sync::OnceCell;
use tracing::Instrument;

use super::apply::{Applier, Batch};
use super::decode::{Decoded, Misplaced, decode};
use super::rejected::rejected_record;
use crate::metrics::Meters;
use crate::rows::LEAST;

/// What the partitions of a batch share while they are applied side by side.
pub(crate) struct Worker {
    pub(crate) applier: Applier,
    pub(crate) catalog: Arc<MovieCatalog>,
    pub(crate) log: Arc<dyn RatingLog>,
    pub(crate) decoder: Decoder,
    pub(crate) meters: Meters,
    /// Is told of each partition as soon as it is applied, because readers wait for it.
    pub(crate) progress: ProgressReporter,
}

/// The movies for a batch. They are read once, after the records of the batch have arrived, so they
/// contain the movies of its ratings.
pub(super) struct BatchMovies<'a> {
    catalog: &'a MovieCatalog,
    movies: OnceCell<Movies>,
}

impl<'a> BatchMovies<'a> {
    pub(super) fn new(catalog: &'a MovieCatalog) -> Self {
        Self { catalog, movies: OnceCell::new() }
    }

    /// Returns the movies. The first call reads them, and the other ones wait for it.
    pub(super) async fn get(&self) -> Result<Movies, Error> {
        self.movies.get_or_try_init(|| self.catalog.catch_up()).await.cloned()
    }
}

impl Worker {
    /// Applies consecutive records of the lease's partition.
    pub(super) async fn apply(
        &self,
        lease: &mut dyn Lease,
        records: Vec<Record>,
        movies: &BatchMovies<'_>,
    ) -> Result<(), Error> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(()) };
        let (partition, count) = (lease.partition(), records.len() as u64);
        let span = tracing::debug_span!("apply", %partition, events = count);
        if let Some(parent) = first.header("traceparent") {
            marquee_kit::telemetry::continue_trace(&span, |_| std::str::from_utf8(parent).ok());
        }
        let (first, next) = (first.position, last.position.offset.next());
        check_follows(&*self.log, lease.marker(), first).await?;
        let batch = self.decode(records).await?;
        self.applier.apply(lease, movies.get(), batch).instrument(span).await?;
        self.meters.applied.inc_by(count);
        self.progress.advance(partition, next);
        Ok(())
    }

    /// Decodes records. Events of other partitions are moved there. Records that are not ratings of
    /// this deployment are copied to the rejected topic with the reason. The others are applied.
    async fn decode(&self, records: Vec<Record>) -> Result<Batch, Error> {
        let decoder = self.decoder;
        let bytes: usize = records.iter().map(|record| LEAST + record.value.len()).sum();
        let Decoded { batch, moved, mut rejected } = self.applier.run(bytes, move || decode(decoder, records)).await;
        rejected.extend(self.move_home(moved).await?);
        self.reject(rejected).await?;
        Ok(batch)
    }

    /// Appends events to the partitions of their users. Returns those that the log refuses, for
    /// example because this process may not write to the rating topic.
    async fn move_home(&self, moved: Vec<Misplaced>) -> Result<Vec<(Record, Refusal)>, Error> {
        if moved.is_empty() {
            return Ok(Vec::new());
        }
        let refused = self.append(Topic::RATINGS, moved.iter().map(Misplaced::record).collect()).await?;
        self.meters.moved.inc_by((moved.len() - refused.len()) as u64);
        let is_refused = |at: &usize| refused.contains(at);
        let left = (0..).zip(moved).filter(|(at, _)| is_refused(at));
        Ok(left.map(|(_, misplaced)| misplaced.into_rejected()).collect())
    }

    async fn reject(&self, rejected: Vec<(Record, Refusal)>) -> Result<(), Error> {
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
    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<usize>, Error> {
        match self.log.append(topic, records.clone()).await {
            Ok(_) => return Ok(Vec::new()),
            Err(error) if error.is_passing() => return Err(error),
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
    async fn append_one(&self, topic: Topic, record: NewRecord) -> Result<bool, Error> {
        let undated = NewRecord { timestamp: Timestamp::EPOCH, ..record.clone() };
        let mut refusal = String::new();
        for record in [record, undated] {
            match self.log.append(topic, vec![record]).await {
                Ok(_) => return Ok(true),
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => refusal = marquee_kit::chain(&error),
            }
        }
        tracing::warn!(%topic, refusal, "the log refused the copy of a record, which was left out");
        Ok(false)
    }
}
