//! The consumer of the rating topic. It never skips a record that it could not apply.
//!
//! The partitions of a batch are applied side by side, because most of the time goes into waiting
//! for the log and the online store. Each has a lease and rows of its own. An error cancels the
//! others, as a crash would: the follower then takes new leases and replays from their markers.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use marquee_archive::Archive;
use marquee_domain::Partition;
use marquee_log::{Batch as Records, Handler, Offsets};
use marquee_ports::{Error, ErrorKind, Lease, Record};
use tokio::time::Instant;

use super::worker::{BatchMovies, Worker};

/// How often the leases are verified, so that rows that the store has lost are built again although
/// no event comes.
const VERIFY_EVERY: Duration = Duration::from_secs(5);

/// The least time between two commits. A partition starts at its marker, so committed offsets only
/// show others how far the group is.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Most partitions that are applied at the same time. Reads of features wait behind the rows that
/// they write.
const SIDE_BY_SIDE: usize = 4;

/// Applies records under a lease of each assigned partition.
pub(crate) struct Consumer {
    pub(crate) worker: Worker,
    /// The events that the log no longer has. `None`: there is no object store.
    pub(crate) archive: Option<Archive>,
    /// The most archived events that are applied at once.
    pub(crate) batch: usize,
    /// A lease ends with the first error. The follower then calls [`Handler::assigned`] again.
    pub(crate) leases: BTreeMap<Partition, Box<dyn Lease>>,
    /// Offsets that are applied and not committed.
    pub(crate) uncommitted: Offsets,
    pub(crate) times: Times,
}

/// When things were last done.
pub(crate) struct Times {
    verified: Instant,
    committed: Instant,
}

impl Times {
    pub(crate) fn now() -> Self {
        let now = Instant::now();
        Self { verified: now, committed: now }
    }
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
        self.uncommitted.clear();
        let mut starts = Offsets::new();
        for &partition in partitions {
            let mut lease = self.worker.applier.store.lease(partition).await?;
            starts.insert(partition, self.rebuild(&mut *lease).await?);
            self.leases.insert(partition, lease);
        }
        Ok(starts)
    }

    /// Applies a batch. Its offsets are committed by a later tick.
    async fn apply(&mut self, records: Records) -> Result<Offsets, Error> {
        let started = Instant::now();
        let next = |(partition, records): (&Partition, &Vec<Record>)| {
            Some((*partition, records.last()?.position.offset.next()))
        };
        let next: Offsets = records.iter().filter_map(next).collect();
        let (worker, leases) = (&self.worker, &mut self.leases);
        let movies = BatchMovies::new(&worker.catalog);
        // The movies are read while the partitions read their rows.
        tokio::try_join!(movies.get(), apply_all(worker, leases, records, &movies))?;
        worker.meters.apply_seconds.observe(started.elapsed().as_secs_f64());
        self.uncommitted.extend(next);
        Ok(Offsets::new())
    }

    /// Verifies the leases if it is due, and returns the offsets to commit if that is due.
    async fn tick(&mut self) -> Result<Offsets, Error> {
        if self.times.verified.elapsed() >= VERIFY_EVERY {
            self.times.verified = Instant::now();
            for lease in self.leases.values_mut() {
                lease.verify().await?;
            }
        }
        if self.uncommitted.is_empty() || self.times.committed.elapsed() < COMMIT_EVERY {
            return Ok(Offsets::new());
        }
        self.times.committed = Instant::now();
        Ok(std::mem::take(&mut self.uncommitted))
    }
}

/// Applies the records of every partition under its lease, some partitions at a time. Returns the
/// first error at once.
async fn apply_all(
    worker: &Worker,
    leases: &mut BTreeMap<Partition, Box<dyn Lease>>,
    mut records: Records,
    movies: &BatchMovies<'_>,
) -> Result<(), Error> {
    let mut parts = Vec::with_capacity(records.len());
    for (partition, lease) in leases.iter_mut() {
        if let Some(records) = records.remove(partition) {
            parts.push(worker.apply(&mut **lease, records, movies));
        }
    }
    if let Some(&partition) = records.keys().next() {
        return Err(not_assigned(partition));
    }
    let mut running = stream::iter(parts).buffer_unordered(SIDE_BY_SIDE);
    while let Some(applied) = running.next().await {
        applied?;
    }
    Ok(())
}

fn not_assigned(partition: Partition) -> Error {
    let doing = format!("apply records of partition {partition}, which is not assigned");
    Error::bare(ErrorKind::Unavailable, doing)
}
