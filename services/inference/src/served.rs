//! The log of served predictions: what users were shown, for the monitor, which compares it with
//! what they rate later.
//!
//! **Invariant:** an answer never waits for the log. What does not fit into the queue is dropped
//! and counted (`tests::a_full_queue_drops_and_counts`).

mod delivery;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use marquee_domain::{BUCKETS, RouteError, Salt, Timestamp, UserId, bucket};
use marquee_kit::Context;
use marquee_ports::{NewRecord, RatingLog};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::metrics::{ReasonLabel, ServedMetrics};
use crate::rating::{Prediction, Provenance};
use crate::settings::PredictionSettings;
use delivery::Delivery;

/// Decides with the user's id whether a user is in the sample. It must not be the salt of a route,
/// because a sample of the users must have users of all versions.
const SALT: &str = "marquee.predictions.v1";

/// Makes the records of an answer.
pub(crate) type Encode = fn(&Shown) -> Vec<Encoded>;

/// A record of the predictions topic.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    pub(crate) record: NewRecord,
    /// How many predictions it has.
    pub(crate) predictions: usize,
}

/// The call that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServedBy {
    Predict,
    Recommend,
    Explain,
}

/// An answer as a user saw it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    pub(crate) request_id: String,
    pub(crate) user: UserId,
    pub(crate) served_by: ServedBy,
    pub(crate) provenance: Provenance,
    pub(crate) latency: Duration,
    pub(crate) predicted_at: Timestamp,
    /// In the order of the answer.
    pub(crate) predictions: Vec<Prediction>,
}

/// An answer that waits, with its places in the queue.
type Waiting = (Shown, OwnedSemaphorePermit);

/// Where answers go.
#[derive(Clone)]
pub(crate) struct ServedLog {
    /// `None`: predictions are not logged.
    open: Option<Arc<Open>>,
}

struct Open {
    /// Users whose bucket is below are in the sample.
    buckets: u32,
    salt: Salt,
    /// One permit for each prediction that may wait.
    room: Arc<Semaphore>,
    queue: mpsc::UnboundedSender<Waiting>,
    /// The predictions that are neither on the log nor dropped yet.
    pending: Arc<AtomicUsize>,
    metrics: ServedMetrics,
}

impl ServedLog {
    /// Returns a log that keeps nothing.
    pub(crate) fn closed() -> Self {
        Self { open: None }
    }

    /// Starts to write to a topic of the log. Without a log, predictions are served and not logged.
    pub(crate) fn start(
        settings: &PredictionSettings,
        log: Option<Arc<dyn RatingLog>>,
        encode: Encode,
        context: &Context,
    ) -> Result<Self, RouteError> {
        let Some(log) = log.filter(|_| settings.enabled) else {
            let reason = if settings.enabled { "this process has no log" } else { "a setting says so" };
            tracing::info!(reason, "served predictions are not logged");
            return Ok(Self::closed());
        };
        let (queue, waiting) = mpsc::unbounded_channel();
        let metrics = ServedMetrics::register(&context.metrics);
        let pending = Arc::<AtomicUsize>::default();
        let delivery = Delivery {
            log,
            encode,
            compute: context.compute.clone(),
            pending: Arc::clone(&pending),
            metrics: metrics.clone(),
        };
        context.tasks.spawn("inference-served", delivery.run(waiting, context.stop.clone()));
        let open = Open {
            buckets: (settings.sample * f64::from(BUCKETS)).round() as u32,
            salt: Salt::try_new(SALT)?,
            room: Arc::new(Semaphore::new(settings.queue)),
            queue,
            pending,
            metrics,
        };
        Ok(Self { open: Some(Arc::new(open)) })
    }

    /// Takes places for the predictions of an answer. Returns `None` if the answers of the user are
    /// not logged, or if there is no room. What has no room is counted.
    pub(crate) fn room(&self, user: &UserId, predictions: usize) -> Option<Places<'_>> {
        let open = self.open.as_ref().filter(|open| predictions > 0 && open.takes(user))?;
        let places = u32::try_from(predictions).unwrap_or(u32::MAX);
        let permit = Arc::clone(&open.room).try_acquire_many_owned(places).ok();
        if permit.is_none() {
            open.metrics.count_dropped("queue_full", predictions);
        }
        permit.map(|permit| Places { open, permit })
    }
}

impl Open {
    /// Says whether a user is in the sample.
    fn takes(&self, user: &UserId) -> bool {
        self.buckets == BUCKETS || bucket(&self.salt, user) < self.buckets
    }
}

/// Places in the queue for the predictions of one answer.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    open: &'a Open,
    permit: OwnedSemaphorePermit,
}

impl Places<'_> {
    /// Queues the answer that the places are for.
    pub(crate) fn put(self, shown: Shown) {
        let Self { open, permit } = self;
        let count = shown.predictions.len();
        open.pending.fetch_add(count, Ordering::Relaxed);
        if open.queue.send((shown, permit)).is_err() {
            open.pending.fetch_sub(count, Ordering::Relaxed);
            open.metrics.count_dropped("shutdown", count);
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("buckets", &self.buckets).finish_non_exhaustive()
    }
}

impl ServedMetrics {
    /// Counts predictions that are not logged.
    fn count_dropped(&self, reason: &'static str, predictions: usize) {
        self.dropped.get_or_create(&ReasonLabel { reason }).inc_by(predictions as u64);
    }
}

impl fmt::Debug for ServedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedLog").field("is_open", &self.open.is_some()).finish()
    }
}
