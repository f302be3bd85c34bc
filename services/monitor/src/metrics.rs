//! The metrics of the monitor, by name.

use std::sync::atomic::AtomicU64;

use marquee_kit::{Metrics, latency_buckets};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::outcome::Outcome;

/// The label of a partition of the rating topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PartitionLabel {
    pub(crate) partition: u32,
}

/// The label of a reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReasonLabel {
    pub(crate) reason: &'static str,
}

/// The labels of a version in the duel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
pub(crate) struct VersionLabels {
    pub(crate) model: String,
    pub(crate) version: u64,
}

/// The labels of a duel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
pub(crate) struct DuelLabels {
    pub(crate) model: String,
    pub(crate) stable: u64,
    pub(crate) other: u64,
    /// `rmse` and `mae` in stars, `log_score` in nats.
    pub(crate) measure: &'static str,
}

/// The labels of predictions that users were shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
pub(crate) struct LiveLabels {
    pub(crate) model: String,
    pub(crate) version: u64,
    pub(crate) variant: String,
    pub(crate) served_by: &'static str,
}

/// A gauge of a number that need not be whole.
pub(crate) type Number = Gauge<f64, AtomicU64>;

/// The metrics of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    pub(crate) learned: Counter,
    pub(crate) predicted: Counter,
    pub(crate) unpredicted: Family<ReasonLabel, Counter>,
    pub(crate) retried: Counter,
    pub(crate) lag: Family<PartitionLabel, Gauge>,
    pub(crate) apply_seconds: Histogram,
}

impl Meters {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(name, help, Counter::default());
        Self {
            learned: counter("monitor_events_learned", "Rating events that were learned"),
            predicted: counter("monitor_ratings_predicted", "Ratings that a version of each model predicted"),
            unpredicted: metrics.register(
                "monitor_ratings_unpredicted",
                "Ratings that a model or a version did not predict, by reason",
                Family::default(),
            ),
            retried: counter("monitor_retries", "Interruptions of the consumer after which it tried again"),
            lag: metrics.register("monitor_lag", "Records of a partition not learned yet", Family::default()),
            apply_seconds: metrics.register(
                "monitor_apply_seconds",
                "Time to predict and learn one batch of events",
                Histogram::new(latency_buckets()),
            ),
        }
    }

    /// Counts what became of a batch.
    pub(crate) fn count(&self, outcome: &Outcome) {
        self.predicted.inc_by(outcome.predicted);
        for (reason, ratings) in &outcome.unpredicted {
            self.unpredicted.get_or_create(&ReasonLabel { reason: reason.name() }).inc_by(*ratings);
        }
    }
}

/// What was measured, over all partitions. Every instance reports the same.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) duel_rmse: Family<VersionLabels, Number>,
    pub(crate) duel_mae: Family<VersionLabels, Number>,
    pub(crate) duel_difference: Family<DuelLabels, Number>,
    pub(crate) duel_difference_lower: Family<DuelLabels, Number>,
    pub(crate) duel_difference_upper: Family<DuelLabels, Number>,
    pub(crate) duel_ratings: Family<DuelLabels, Gauge>,
    pub(crate) live_rmse: Family<LiveLabels, Number>,
    pub(crate) live_mae: Family<LiveLabels, Number>,
    pub(crate) live_ratings: Family<LiveLabels, Gauge>,
    pub(crate) join_rate: Number,
}

impl Measured {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            duel_rmse: metrics.register(
                "duel_rmse",
                "Root mean squared error in stars of a version on the ratings that arrived",
                Family::default(),
            ),
            duel_mae: metrics.register(
                "duel_mae",
                "Mean absolute error in stars of a version on the ratings that arrived",
                Family::default(),
            ),
            duel_difference: metrics.register(
                "duel_difference",
                "Error of the other version minus that of the stable one on the same ratings",
                Family::default(),
            ),
            duel_difference_lower: metrics.register(
                "duel_difference_lower",
                "Lower end of the 95 % interval of the difference",
                Family::default(),
            ),
            duel_difference_upper: metrics.register(
                "duel_difference_upper",
                "Upper end of the 95 % interval of the difference",
                Family::default(),
            ),
            duel_ratings: metrics.register("duel_ratings", "Ratings that both versions predicted", Family::default()),
            live_rmse: metrics.register(
                "live_rmse",
                "Root mean squared error in stars of predictions that users were shown",
                Family::default(),
            ),
            live_mae: metrics.register(
                "live_mae",
                "Mean absolute error in stars of predictions that users were shown",
                Family::default(),
            ),
            live_ratings: metrics.register(
                "live_ratings",
                "Ratings that were joined with a prediction that their user was shown",
                Family::default(),
            ),
            join_rate: metrics.register(
                "live_join_rate",
                "Share of the ratings that were joined with a prediction",
                Number::default(),
            ),
        }
    }
}
