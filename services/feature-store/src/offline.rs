//! Computes features from the rating log: as they were known at instants, of all entities as of one
//! instant, and next to the served values.
//!
//! Each answer is computed page by page while the caller reads it. One computation runs at a time;
//! it holds its permit until its last page is read or the caller goes away.

mod backfill;
mod check;
mod compare;
mod join;
mod replay;
#[cfg(test)]
mod tests;
mod timelines;

use std::sync::Arc;
use std::time::Duration;

use marquee_features::Definition;
use marquee_kit::{Compute, Failure, Kind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use self::backfill::{Backfill, BackfillRequest};
pub(crate) use self::compare::{CheckReport, Skew};
pub(crate) use self::join::{Instant, Join, JoinRequest};
pub(crate) use self::replay::RatingEvents;

use crate::rows::Rows;

/// Rows of a page.
const PAGE: usize = 500;

/// The features as the log has them.
#[derive(Debug)]
pub(crate) struct Offline {
    pub(crate) events: RatingEvents,
    pub(crate) definition: Arc<Definition>,
    pub(crate) rows: Rows,
    pub(crate) compute: Compute,
    /// One computation at a time.
    pub(crate) permits: Arc<Semaphore>,
}

impl Offline {
    /// Returns the permit for a computation.
    fn permit(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let busy = "another computation from the log is running: try again later";
        Arc::clone(&self.permits)
            .try_acquire_owned()
            .map_err(|_| Failure::new(Kind::ResourceExhausted, busy).retry_after(Duration::from_secs(1)))
    }
}
