//! The consumer of the rating topic. It never skips a record that it could not apply.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use marquee_archive::Archive;
use marquee_domain::Partition;
use marquee_log::{Batch as Records, Decoder, Handler, MovieCatalog, Movies, Offsets};
use marquee_ports::{Error, ErrorKind, Lease, NewRecord, RatingLog, Record, Topic};
use tracing::Instrument;

use super::apply::{Applier, Batch};
use super::rebuild::check_follows;
use super::rejected::rejected_record;
use crate::metrics::Meters;

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

    /// Decodes records. Records that are not ratings of this deployment are copied to the rejected
    /// topic with the reason, and the others are applied.
    async fn decode(&mut self, records: Vec<Record>) -> Result<Batch, Error> {
        let decoder = self.decoder;
        let (batch, rejected) = self.applier.compute.run(move || decode(decoder, records)).await;
        self.meters.rejected.inc_by(rejected.len() as u64);
        if !rejected.is_empty() {
            self.log.append(Topic::REJECTED, rejected).await?;
        }
        Ok(batch)
    }
}

fn not_assigned(partition: Partition) -> Error {
    let doing = format!("apply records of partition {partition}, which is not assigned");
    Error::bare(ErrorKind::Unavailable, doing)
}

fn decode(decoder: Decoder, records: Vec<Record>) -> (Batch, Vec<NewRecord>) {
    let next = records.last().map_or_else(Default::default, |last| last.position.offset.next());
    let mut events = Vec::with_capacity(records.len());
    let mut rejected = Vec::new();
    for stored in records {
        match decoder.decode(&stored) {
            Ok(event) => events.push((stored.position.offset, event)),
            Err(refusal) => {
                tracing::warn!(position = %stored.position, reason = %refusal.reason, message = refusal.message,
                    "record copied to the rejected topic");
                rejected.push(rejected_record(stored, &refusal));
            }
        }
    }
    (Batch::new(events, next), rejected)
}
