//! Learns the archived events of a partition where the log no longer has them.
//!
//! Archived events are applied as those of the log are: in batches, under the lease, and each batch
//! moves the marker. So a rebuild that is interrupted goes on at the marker.

use marquee_archive::{Archive, batches};
use marquee_domain::Offset;
use marquee_log::rating_bounds;
use marquee_ports::{Bounds, Error, ErrorKind};

use super::batch::{Batch, LoggedEvent};
use super::consumer::{Assigned, Consumer};

impl Consumer {
    /// Applies archived events until the log has the event at the marker, or until the archive has
    /// no more events. Returns the offset from which the log must be read.
    pub(crate) async fn rebuild(&mut self, assigned: &mut Assigned) -> Result<Offset, Error> {
        let partition = assigned.lease.partition();
        loop {
            // The log may forget more events while archived ones are applied.
            let bounds = rating_bounds(&*self.log, partition).await?;
            let marker = assigned.lease.marker();
            if marker > bounds.end {
                let doing = format!(
                    "go on in partition {partition} at offset {marker}: the rating log ends at {}, so it was cut short \
                     or replaced; restore it, or remove the monitor's store so that it begins again",
                    bounds.end
                );
                return Err(Error::bare(ErrorKind::Unavailable, doing));
            }
            if marker >= bounds.begin {
                return Ok(marker);
            }
            if let Some(archive) = self.archive.clone() {
                self.apply_archive(&archive, assigned, &bounds).await?;
            }
            if assigned.lease.marker() == marker {
                let (lost_from, lost_until, has_archive) = (marker, bounds.begin, self.archive.is_some());
                tracing::warn!(%partition, %lost_from, %lost_until, has_archive,
                    "ratings are in neither the archive nor the log; histories lack them");
                assigned.lease.apply(Vec::new(), bounds.begin).await?;
            }
        }
    }

    /// Applies the archived events from the marker to the end of the log.
    async fn apply_archive(
        &mut self,
        archive: &Archive,
        assigned: &mut Assigned,
        bounds: &Bounds,
    ) -> Result<(), Error> {
        let (partition, from) = (bounds.partition, assigned.lease.marker());
        archive.check_belongs(&*self.log, &[partition]).await?;
        let movies = self.catalog.catch_up().await?;
        let mut events = archive.events(bounds, from);
        while let Some(page) = events.next().await? {
            for (page, next) in batches(page, self.batch, events.next_offset()) {
                let batch = Batch { events: page.into_iter().map(LoggedEvent::from).collect(), next };
                self.predictor.begin();
                self.apply_batch(assigned, batch, movies.clone()).await?;
            }
        }
        let next = assigned.lease.marker();
        tracing::info!(%partition, %from, %next, "archived ratings learned");
        Ok(())
    }
}
