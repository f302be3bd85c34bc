//! The metrics of the feature store, by name.

use marquee_kit::{Metrics, latency_buckets};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// Label: a partition of the rating topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfPartition {
    pub(crate) partition: u32,
}

/// Metrics of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    pub(crate) applied: Counter,
    pub(crate) rejected: Counter,
    pub(crate) retried: Counter,
    pub(crate) lag: Family<OfPartition, Gauge>,
    pub(crate) apply_seconds: Histogram,
    pub(crate) users_read: Counter,
    pub(crate) movies_read: Counter,
}

impl Meters {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            applied: metrics.register(
                "features_events_applied",
                "Events of the rating topic gone through",
                Counter::default(),
            ),
            rejected: metrics.register(
                "features_events_rejected",
                "Records that could not be decoded, copied to the rejected topic",
                Counter::default(),
            ),
            retried: metrics.register(
                "features_retries",
                "Batches tried again after a back-end failed",
                Counter::default(),
            ),
            lag: metrics.register("features_lag", "Events of a partition not applied yet", Family::default()),
            apply_seconds: metrics.register(
                "features_apply_seconds",
                "Time to apply one batch of events",
                Histogram::new(latency_buckets()),
            ),
            users_read: metrics.register("features_users_read", "Users served", Counter::default()),
            movies_read: metrics.register("features_movies_read", "Movies served", Counter::default()),
        }
    }
}
