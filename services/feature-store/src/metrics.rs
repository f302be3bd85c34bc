//! The metrics of the feature store, by name.

use marquee_kit::{Metrics, latency_buckets};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// The label of a partition of the rating topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PartitionLabel {
    pub(crate) partition: u32,
}

/// The metrics of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    pub(crate) applied: Counter,
    pub(crate) rejected: Counter,
    pub(crate) moved: Counter,
    pub(crate) retried: Counter,
    pub(crate) lag: Family<PartitionLabel, Gauge>,
    pub(crate) apply_seconds: Histogram,
    pub(crate) users_read: Counter,
    pub(crate) movies_read: Counter,
}

impl Meters {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(name, help, Counter::default());
        Self {
            applied: counter("features_events_applied", "Records of the rating topic that were processed"),
            rejected: counter(
                "features_events_rejected",
                "Records that could not be decoded, copied to the rejected topic",
            ),
            moved: counter("features_events_moved", "Events appended again, to the partition of their user"),
            retried: counter("features_retries", "Interruptions of the consumer after which it tried again"),
            lag: metrics.register("features_lag", "Records of a partition not applied yet", Family::default()),
            apply_seconds: metrics.register(
                "features_apply_seconds",
                "Time to apply one batch of events",
                Histogram::new(latency_buckets()),
            ),
            users_read: counter("features_users_read", "Users served"),
            movies_read: counter("features_movies_read", "Movies served"),
        }
    }
}
