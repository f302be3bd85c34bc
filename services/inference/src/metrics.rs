//! The metrics of inference, by name.

use marquee_kit::{Metrics, latency_buckets};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// Labels of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AnswerLabels {
    pub(crate) model: String,
    pub(crate) version: u64,
    pub(crate) variant: &'static str,
    pub(crate) outcome: &'static str,
}

/// Labels of a version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct VersionLabels {
    pub(crate) model: String,
    pub(crate) version: u64,
}

/// Label of a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ModelLabel {
    pub(crate) model: String,
}

/// Metrics of answers.
#[derive(Debug, Clone)]
pub(crate) struct RatingMetrics {
    pub(crate) answers: Family<AnswerLabels, Counter>,
    pub(crate) states_hit: Counter,
    pub(crate) states_missed: Counter,
    pub(crate) degraded: Counter,
    pub(crate) predict_seconds: Family<VersionLabels, Histogram, fn() -> Histogram>,
}

impl RatingMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(name, help, Counter::default());
        let histogram: fn() -> Histogram = || Histogram::new(latency_buckets());
        Self {
            answers: metrics.register(
                "inference_answers",
                "Requests answered, by model, version, variant and outcome",
                Family::default(),
            ),
            states_hit: counter("inference_states_hit", "User states found in the cache"),
            states_missed: counter("inference_states_missed", "User states that the encoder computed"),
            degraded: counter(
                "inference_degraded",
                "Answers from a cached or empty history because no feature store answered",
            ),
            predict_seconds: metrics.register(
                "inference_predict_seconds",
                "Time of an answer by model and version, features and graphs included",
                Family::new_with_constructor(histogram),
            ),
        }
    }
}

/// Metrics of routing.
#[derive(Debug, Clone)]
pub(crate) struct RoutingMetrics {
    pub(crate) wanted_revision: Family<ModelLabel, Gauge>,
    pub(crate) effective_revision: Family<ModelLabel, Gauge>,
}

impl RoutingMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            wanted_revision: metrics.register(
                "inference_wanted_revision",
                "Revision of the route in the routing table; 0 without a route",
                Family::default(),
            ),
            effective_revision: metrics.register(
                "inference_effective_revision",
                "Revision of the route that answers on this instance; 0 without one",
                Family::default(),
            ),
        }
    }
}
