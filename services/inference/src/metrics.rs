//! The metrics of inference, by name.

use marquee_kit::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// The upper bounds of the latency buckets in seconds, inclusive. They are close enough that a
/// quantile which is read from them is off by less than a factor of two.
pub(crate) const LATENCY_BOUNDS: [f64; 24] = [
    0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5,
    0.75, 1.0, 2.0, 3.0, 5.0, 10.0,
];

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

/// Labels of an error.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ErrorLabels {
    pub(crate) model: String,
    pub(crate) version: u64,
    pub(crate) kind: &'static str,
}

/// Label of a reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReasonLabel {
    pub(crate) reason: &'static str,
}

/// Labels of what became of steps of evaluations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct StepLabels {
    pub(crate) model: String,
    pub(crate) version: u64,
    pub(crate) outcome: &'static str,
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
    pub(crate) states: Gauge,
    pub(crate) states_bytes: Gauge,
    pub(crate) degraded: Counter,
}

impl RatingMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(name, help, Counter::default());
        Self {
            answers: metrics.register(
                "inference_answers",
                "Requests answered, by model, version, variant and outcome",
                Family::default(),
            ),
            states_hit: counter("inference_states_hit", "User states found in the cache"),
            states_missed: counter("inference_states_missed", "User states that the encoder computed"),
            states: metrics.register("inference_states_cached", "User states in the cache", Gauge::default()),
            states_bytes: metrics.register(
                "inference_states_bytes",
                "Bytes of inference.cache_bytes that the cached user states take",
                Gauge::default(),
            ),
            degraded: counter(
                "inference_degraded",
                "Answers from a cached or empty history because no feature store answered",
            ),
        }
    }
}

/// Metrics of what versions were asked.
#[derive(Debug, Clone)]
pub(crate) struct TallyMetrics {
    pub(crate) requests: Family<VersionLabels, Counter>,
    pub(crate) errors: Family<ErrorLabels, Counter>,
    pub(crate) predict_seconds: Family<VersionLabels, Histogram, fn() -> Histogram>,
}

impl TallyMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(LATENCY_BOUNDS);
        Self {
            requests: metrics.register(
                "inference_requests",
                "Requests assigned to a model version, whatever their outcome",
                Family::default(),
            ),
            errors: metrics.register(
                "inference_errors",
                "Requests that failed, by the version that should have answered and the kind of error: encoder, \
                 scorer, missing_version, features or overloaded",
                Family::default(),
            ),
            predict_seconds: metrics.register(
                "inference_predict_seconds",
                "Time of an answer by model and version, features and graphs included",
                Family::new_with_constructor(histogram),
            ),
        }
    }
}

/// Metrics of evaluations.
#[derive(Debug, Clone)]
pub(crate) struct EvaluationMetrics {
    pub(crate) steps: Family<StepLabels, Counter>,
    pub(crate) shed: Counter,
}

impl EvaluationMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            steps: metrics.register(
                "inference_evaluated",
                "Known ratings that a version predicted for an evaluation, by outcome",
                Family::default(),
            ),
            shed: metrics.register(
                "inference_evaluations_shed",
                "Evaluations refused because the instance was busy",
                Counter::default(),
            ),
        }
    }
}

/// Registers the number of requests of users that are being answered.
pub(crate) fn in_flight(metrics: &Metrics) -> Gauge {
    metrics.register("inference_in_flight", "Requests for predictions that are being answered", Gauge::default())
}

/// Metrics of the user states that evaluations keep.
#[derive(Debug, Clone)]
pub(crate) struct StateMetrics {
    pub(crate) hit: Counter,
    pub(crate) missed: Counter,
    pub(crate) bytes: Gauge,
}

impl StateMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(name, help, Counter::default());
        Self {
            hit: counter("inference_evaluation_states_hit", "User states of evaluations found in the cache"),
            missed: counter(
                "inference_evaluation_states_missed",
                "User states of evaluations that the encoder computed",
            ),
            bytes: metrics.register(
                "inference_evaluation_states_bytes",
                "Bytes that the cached user states of evaluations take",
                Gauge::default(),
            ),
        }
    }
}

/// Metrics of the log of served predictions.
#[derive(Debug, Clone)]
pub(crate) struct ServedMetrics {
    pub(crate) logged: Counter,
    pub(crate) dropped: Family<ReasonLabel, Counter>,
}

impl ServedMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            logged: metrics.register(
                "inference_predictions_logged",
                "Served predictions that the log has stored",
                Counter::default(),
            ),
            dropped: metrics.register(
                "inference_predictions_dropped",
                "Served predictions that are not on the log, by reason: queue_full, refused or shutdown",
                Family::default(),
            ),
        }
    }
}

/// Metrics of loading model versions.
#[derive(Debug, Clone)]
pub(crate) struct LoadMetrics {
    pub(crate) failures: Family<ModelLabel, Counter>,
    pub(crate) left_out: Gauge,
}

impl LoadMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            failures: metrics.register(
                "inference_load_failures",
                "Tries to load a version of a model package that failed; the log and the status say why",
                Family::default(),
            ),
            left_out: metrics.register(
                "inference_versions_left_out",
                "Versions of model packages that are not loaded because inference.package_bytes was reached",
                Gauge::default(),
            ),
        }
    }
}

/// Metrics of the model repository.
#[derive(Debug, Clone)]
pub(crate) struct StoreMetrics {
    pub(crate) bytes: Gauge,
    pub(crate) unloaded: Counter,
    pub(crate) failures: Family<ModelLabel, Counter>,
}

impl StoreMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            bytes: metrics.register(
                "inference_repository_bytes",
                "Bytes that the loaded models of the repository take, estimated from their files",
                Gauge::default(),
            ),
            unloaded: metrics.register(
                "inference_repository_unloaded_for_space",
                "Models of the repository that were unloaded because inference.repository.memory_bytes was reached",
                Counter::default(),
            ),
            failures: metrics.register(
                "inference_repository_load_failures",
                "Tries to load a model of the repository that failed; the log and the repository index say why",
                Family::default(),
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
