//! Reads the events of the rating topic again: from the archive those that the log no longer has,
//! then from the log, with decoding off the async threads.

use std::sync::Arc;

use marquee_archive::{Archive, ArchivedEvent};
use marquee_domain::{Offset, RatingEvent, Timestamp};
use marquee_kit::{Compute, Failure};
use marquee_log::{Decoder, MovieCatalog, Movies, arrival};
use marquee_ports::{Bounds, RatingLog, Topic};

use crate::rows::failure;

const DOING: &str = "read the rating log";

/// An event of a partition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogEvent {
    pub(crate) offset: Offset,
    /// When the log accepted the event.
    pub(crate) ingested_at: Timestamp,
    pub(crate) event: RatingEvent,
}

/// The events of the rating topic.
#[derive(Debug, Clone)]
pub(crate) struct RatingEvents {
    pub(crate) log: Arc<dyn RatingLog>,
    pub(crate) archive: Option<Archive>,
    pub(crate) catalog: Arc<MovieCatalog>,
    pub(crate) decoder: Decoder,
    pub(crate) compute: Compute,
}

impl RatingEvents {
    /// Returns the bounds of each partition and the movie catalog, both as they are now.
    pub(crate) async fn open(&self) -> Result<(Vec<Bounds>, Movies), Failure> {
        let bounds = self.log.bounds(Topic::RATINGS).await.map_err(|error| failure(DOING, &error))?;
        let movies = self.catalog.catch_up().await.map_err(|error| failure("read the movie catalog", &error))?;
        Ok((bounds, movies))
    }

    /// Passes the events of a partition before `bounds.end` to `visit`, in order, together with
    /// `state`. Leaves out records that are not events, as the stream does. Returns the state.
    ///
    /// The state moves to the compute pool with each page, so every job there is short.
    pub(crate) async fn fold<S: Send + 'static>(
        &self,
        bounds: &Bounds,
        mut state: S,
        visit: impl Fn(&mut S, LogEvent) + Clone + Send + Sync + 'static,
    ) -> Result<S, Failure> {
        let mut start = bounds.begin;
        // The archive is read only where the log has forgotten events. A log that was replaced
        // starts at offset 0, and the archive of the old one does not belong to it.
        if let Some(archive) = self.archive.as_ref().filter(|_| bounds.begin > Offset(0)) {
            let mut pages = archive.events(bounds, Offset(0));
            while let Some(page) = pages.next().await.map_err(|error| failure("read the archive", &error))? {
                let visit = visit.clone();
                // Also a large page is a short job: its events are decoded already.
                let job = move || {
                    for ArchivedEvent { offset, arrived_at, event } in page {
                        visit(&mut state, LogEvent { offset, ingested_at: arrived_at, event });
                    }
                    state
                };
                state = self.compute.run(job).await;
            }
            start = pages.log_start(bounds);
        }
        let mut pages = marquee_log::scan(&*self.log, Topic::RATINGS, bounds.partition, start..bounds.end);
        while let Some(page) = pages.next_page().await.map_err(|error| failure(DOING, &error))? {
            let (decoder, visit) = (self.decoder, visit.clone());
            let job = move || {
                for stored in page {
                    if let Ok(event) = decoder.decode(&stored) {
                        let (offset, ingested_at) = (stored.position.offset, arrival(stored.timestamp, &event));
                        visit(&mut state, LogEvent { offset, ingested_at, event });
                    }
                }
                state
            };
            state = self.compute.run(job).await;
        }
        Ok(state)
    }
}
