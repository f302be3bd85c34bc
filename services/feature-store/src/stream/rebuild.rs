//! Rebuilds a partition from the archive where the log no longer has the events that its rows need.
//!
//! Archived events are applied as those of the log are: in batches, under the lease, and each batch
//! moves the marker. So a rebuild that is interrupted goes on at the marker.

use std::future::ready;

use marquee_archive::{Archive, batches};
use marquee_domain::{Offset, Partition};
use marquee_log::rating_bounds;
use marquee_ports::{Bounds, Error, ErrorKind, Lease};
use thiserror::Error as ThisError;

use super::apply::Batch;
use super::consumer::Consumer;
use super::worker::Worker;

/// Applied events are gone from the log. Later events would get their offsets and be skipped.
#[derive(Debug, Clone, Copy, ThisError)]
#[error(
    "partition {partition} of the rating log ends at offset {end}, but the online store has applied it up to \
     {applied}: the log was cut short or replaced; restore it, or remove the online store so that it is built again \
     from the log"
)]
pub(crate) struct CutShort {
    pub(crate) partition: Partition,
    /// The end of the partition.
    pub(crate) end: Offset,
    /// The offset of the next event to apply.
    pub(crate) applied: Offset,
}

impl Consumer {
    /// Applies archived events until the log has the event at the marker, or until the archive has
    /// no more events. Returns the offset from which the log must be read.
    pub(crate) async fn rebuild(&mut self, lease: &mut dyn Lease) -> Result<Offset, Error> {
        let partition = lease.partition();
        loop {
            // The log may forget more events while archived ones are applied.
            let bounds = rating_bounds(&*self.worker.log, partition).await?;
            let marker = lease.marker();
            if marker > bounds.end {
                let cut_short = CutShort { partition, end: bounds.end, applied: marker };
                return Err(Error::bare(ErrorKind::Unavailable, cut_short.to_string()));
            }
            if marker >= bounds.begin {
                return Ok(marker);
            }
            if let Some(archive) = self.archive.clone() {
                self.apply_archive(&archive, lease, &bounds).await?;
            }
            if lease.marker() == marker {
                let (lost_from, lost_until, has_archive) = (marker, bounds.begin, self.archive.is_some());
                tracing::warn!(%partition, %lost_from, %lost_until, has_archive,
                    "events are in neither the archive nor the log; features are computed without them");
                // The marker moves over them too: below it, records are missing.
                lease.apply(Vec::new(), bounds.begin).await?;
            }
        }
    }

    /// Applies the archived events from the marker to the end of the log.
    async fn apply_archive(&mut self, archive: &Archive, lease: &mut dyn Lease, bounds: &Bounds) -> Result<(), Error> {
        let (partition, from) = (bounds.partition, lease.marker());
        archive.check_belongs(&*self.worker.log, &[partition]).await?;
        let Worker { applier, catalog, meters, .. } = &self.worker;
        let movies = catalog.catch_up().await?;
        let mut events = archive.events(bounds, from);
        while let Some(page) = events.next().await? {
            for (page, next) in batches(page, self.batch, events.next_offset()) {
                let batch = Batch::new(page.into_iter().map(|one| (one.offset, one.event)).collect(), next);
                let count = batch.len() as u64;
                applier.apply(lease, ready(Ok(movies.clone())), batch).await?;
                meters.applied.inc_by(count);
            }
        }
        let next = lease.marker();
        tracing::info!(%partition, %from, %next, "archived events applied");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
