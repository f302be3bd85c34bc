//! The consumer of the rating topic. It never skips a rating that it could not learn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use marquee_archive::Archive;
use marquee_domain::{Clock, Offset, Partition};
use marquee_log::{Batch as Records, Decoder, Handler, MovieCatalog, Movies, Offsets, check_follows, rating_bounds};
use marquee_ports::{Error, ErrorKind, Lease, RatingLog, Record, RowKey, Write};

use super::apply::Applier;
use super::batch::Batch;
use super::predict::Predictor;
use super::score::Evidence;
use crate::join::{Given, SideInput};
use crate::metrics::Meters;
use crate::rows::{START, Start, Stored, unpack};

/// How often the leases are verified, so that rows that the store has lost are built again although
/// no rating comes.
const VERIFY_EVERY: Duration = Duration::from_secs(5);

/// How long no ratings came before the predictions are read without them.
const IDLE: Duration = Duration::from_secs(2);

/// How long after the start of a small batch the next one begins. A batch costs about a millisecond
/// for each partition, however few ratings it has, so ratings that trickle in are gathered.
const GATHER: Duration = Duration::from_millis(200);

/// Compares and learns ratings under a lease of each assigned partition.
pub(crate) struct Consumer {
    pub(crate) applier: Applier,
    pub(crate) predictor: Predictor,
    pub(crate) side: SideInput,
    pub(crate) catalog: Arc<MovieCatalog>,
    pub(crate) log: Arc<dyn RatingLog>,
    /// The events that the log no longer has. `None`: there is no object store.
    pub(crate) archive: Option<Archive>,
    /// The most archived events that are applied at once.
    pub(crate) batch: usize,
    pub(crate) decoder: Decoder,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meters: Meters,
    /// A lease ends with the first error. The follower then calls [`Handler::assigned`] again.
    pub(crate) assigned: BTreeMap<Partition, Assigned>,
    pub(crate) times: Times,
}

/// An assigned partition.
#[derive(Debug)]
pub(crate) struct Assigned {
    pub(crate) lease: Box<dyn Lease>,
    /// Ratings from this offset on are compared.
    pub(crate) duel_from: Offset,
}

/// When things were last done.
#[derive(Debug)]
pub(crate) struct Times {
    verified: tokio::time::Instant,
    applied: tokio::time::Instant,
    /// When the next batch begins. `None`: at once.
    next: Option<tokio::time::Instant>,
}

impl Times {
    pub(crate) fn now() -> Self {
        let now = tokio::time::Instant::now();
        Self { verified: now, applied: now, next: None }
    }
}

#[async_trait]
impl Handler for Consumer {
    /// Takes a lease of each partition and starts at its marker. A partition without a start begins
    /// its duel at the present end of the log.
    async fn assigned(&mut self, partitions: &[Partition]) -> Result<Offsets, Error> {
        self.assigned.clear();
        self.side.assign(partitions);
        let mut starts = Offsets::new();
        for &partition in partitions {
            let mut lease = self.applier.store.lease(partition).await?;
            let duel_from = self.start(&mut *lease).await?;
            let mut assigned = Assigned { lease, duel_from };
            starts.insert(partition, self.rebuild(&mut assigned).await?);
            self.assigned.insert(partition, assigned);
        }
        Ok(starts)
    }

    async fn apply(&mut self, records: Records) -> Result<Offsets, Error> {
        let count: usize = records.values().map(Vec::len).sum();
        // A large batch may have more behind it.
        self.times.next = (count < self.batch / 16).then(|| tokio::time::Instant::now() + GATHER);
        let movies = self.catalog.catch_up().await?;
        self.predictor.begin();
        let mut next = Offsets::new();
        for (partition, records) in records {
            let Some(last) = records.last() else { continue };
            next.insert(partition, last.position.offset.next());
            self.apply_partition(partition, records, movies.clone()).await?;
        }
        self.times.applied = tokio::time::Instant::now();
        Ok(next)
    }

    /// Verifies the leases if it is due. Reads predictions while no ratings come. Waits until the
    /// next batch may begin.
    async fn tick(&mut self) -> Result<Offsets, Error> {
        if self.times.verified.elapsed() >= VERIFY_EVERY {
            self.times.verified = tokio::time::Instant::now();
            for assigned in self.assigned.values_mut() {
                assigned.lease.verify().await?;
            }
        }
        if self.times.applied.elapsed() >= IDLE {
            self.side.catch_up(self.clock.now()).await;
        }
        if let Some(next) = self.times.next.take() {
            tokio::time::sleep_until(next).await;
        }
        Ok(Offsets::new())
    }
}

impl Consumer {
    /// Returns where the duel of a partition begins, and stores it the first time.
    async fn start(&mut self, lease: &mut dyn Lease) -> Result<Offset, Error> {
        let partition = lease.partition();
        let key = RowKey { source: partition, key: START };
        if let Some(row) = self.applier.store.get(&[key]).await?.into_iter().next().flatten() {
            return Ok(unpack::<Start>(&row)?.duel_from);
        }
        let duel_from = rating_bounds(&*self.log, partition).await?.end;
        let start = Write { key: START, value: Start::new(duel_from).pack(), applied: Offset(0) };
        let marker = lease.marker();
        lease.apply(vec![start], marker).await?;
        tracing::info!(%partition, %duel_from, "ratings before this offset are learned and not compared");
        Ok(duel_from)
    }

    async fn apply_partition(
        &mut self,
        partition: Partition,
        records: Vec<Record>,
        movies: Movies,
    ) -> Result<(), Error> {
        let not_assigned = || {
            let doing = format!("apply ratings of partition {partition}, which is not assigned");
            Error::bare(ErrorKind::Unavailable, doing)
        };
        let mut assigned = self.assigned.remove(&partition).ok_or_else(not_assigned)?;
        let (marker, first) = (assigned.lease.marker(), records[0].position);
        check_follows(&*self.log, marker, first).await?;
        let decoder = self.decoder;
        let batch = self.applier.compute.run(move || Batch::decode(decoder, &records)).await;
        self.apply_batch(&mut assigned, batch, movies).await?;
        self.assigned.insert(partition, assigned);
        Ok(())
    }

    /// Compares and learns a batch.
    pub(crate) async fn apply_batch(
        &mut self,
        assigned: &mut Assigned,
        batch: Batch,
        movies: Movies,
    ) -> Result<(), Error> {
        let (started, count) = (Instant::now(), batch.events.len() as u64);
        let partition = assigned.lease.partition();
        let plan = self.applier.plan(partition, &batch, (movies.clone(), assigned.duel_from)).await?;
        let mut evidence = Evidence::default();
        if !plan.cases.is_empty() {
            evidence.answers = self.predictor.predict(&plan.sequences).await;
            let given = plan.cases.iter().map(|case| Given {
                user: case.user.clone(),
                movie: case.movie.clone(),
                rating: case.rating,
                arrived: case.arrived,
            });
            let joined = self.side.join(partition, given.collect()).await;
            evidence.joined = joined.into_iter().map(|(index, joined)| (plan.cases[index].offset, joined)).collect();
        }
        let outcome = self.applier.write(&mut *assigned.lease, (plan, evidence), (movies, batch.next)).await?;
        self.meters.learned.inc_by(count);
        self.meters.count(&outcome);
        self.meters.apply_seconds.observe(started.elapsed().as_secs_f64());
        Ok(())
    }
}
