//! The metrics of inference, by name.

use marquee_kit::{Metrics, latency_buckets};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

/// Labels of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Answer {
    pub(crate) model: String,
    pub(crate) version: u64,
    pub(crate) variant: &'static str,
    pub(crate) outcome: &'static str,
}

/// Metrics of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    pub(crate) answers: Family<Answer, Counter>,
    pub(crate) states_hit: Counter,
    pub(crate) states_missed: Counter,
    pub(crate) degraded: Counter,
    pub(crate) predict_seconds: Histogram,
}

impl Meters {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(name, help, Counter::default());
        Self {
            answers: metrics.register(
                "inference_answers",
                "Requests answered, by model, version, variant and outcome",
                Family::default(),
            ),
            states_hit: counter("inference_states_hit", "User states found in the cache"),
            states_missed: counter("inference_states_missed", "User states that the encoder had to make"),
            degraded: counter("inference_degraded", "Answers that rest on a cached history because features were away"),
            predict_seconds: metrics.register(
                "inference_predict_seconds",
                "Time of a prediction, features and graphs included",
                Histogram::new(latency_buckets()),
            ),
        }
    }
}
