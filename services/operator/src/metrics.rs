//! The metrics of the operator.

use std::time::Duration;

use kube::ResourceExt as _;
use marquee_kit::{Metrics, latency_buckets};
use marquee_rollout::{Phase, Status};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::resource::ModelRollout;

/// Labels of one rollout, which are also the key of what is remembered about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RolloutLabels {
    /// The namespace of the object.
    pub(crate) namespace: String,
    /// The name of the object.
    pub(crate) name: String,
}

impl RolloutLabels {
    /// Returns the labels of a rollout.
    pub(crate) fn of(rollout: &ModelRollout) -> Self {
        Self { namespace: rollout.namespace().unwrap_or_default(), name: rollout.name_any() }
    }
}

/// Labels of a rollout in a phase.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabels {
    namespace: String,
    name: String,
    phase: &'static str,
}

/// Labels of the events of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    namespace: String,
    name: String,
    reason: &'static str,
}

/// Labels of reconciliations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// The metrics of the operator. Clones are cheap and share the values.
#[derive(Debug, Clone)]
pub(crate) struct OperatorMetrics {
    phases: Family<PhaseLabels, Gauge>,
    weights: Family<RolloutLabels, Gauge<f64, std::sync::atomic::AtomicU64>>,
    events: Family<EventLabels, Counter>,
    reconciliations: Family<OutcomeLabels, Counter>,
    seconds: Histogram,
    leader: Gauge,
}

impl OperatorMetrics {
    /// Registers the metrics.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let seconds = Histogram::new(latency_buckets());
        Self {
            phases: metrics.register(
                "rollout_phase",
                "1 for the phase that a rollout is in, 0 for the others",
                Family::default(),
            ),
            weights: metrics.register(
                "rollout_weight_percent",
                "Share of users that the candidate of a rollout should have",
                Family::default(),
            ),
            events: metrics.register("rollout_events", "Events of rollouts, by reason", Family::default()),
            reconciliations: metrics.register(
                "operator_reconciliations",
                "Reconciliations of rollouts, by outcome",
                Family::default(),
            ),
            seconds: metrics.register("operator_reconcile_seconds", "Duration of reconciliations", seconds),
            leader: metrics.register("operator_leader", "1 while this operator leads", Gauge::default()),
        }
    }

    /// Records whether this operator leads.
    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Records a reconciliation that ended.
    pub(crate) fn reconciled(&self, outcome: &'static str, took: Duration) {
        self.reconciliations.get_or_create(&OutcomeLabels { outcome }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// Records an event.
    pub(crate) fn event(&self, labels: &RolloutLabels, reason: &'static str) {
        let RolloutLabels { namespace, name } = labels.clone();
        self.events.get_or_create(&EventLabels { namespace, name, reason }).inc();
    }

    /// Shows a status that was stored.
    pub(crate) fn show(&self, labels: &RolloutLabels, status: &Status) {
        for phase in Phase::ALL {
            self.phases.get_or_create(&phase_labels(labels, phase)).set(i64::from(status.phase == phase));
        }
        self.weights.get_or_create(labels).set(status.weights.wanted.value());
    }

    /// Forgets a rollout that was deleted.
    pub(crate) fn forget(&self, labels: &RolloutLabels) {
        for phase in Phase::ALL {
            self.phases.remove(&phase_labels(labels, phase));
        }
        self.weights.remove(labels);
    }
}

fn phase_labels(labels: &RolloutLabels, phase: Phase) -> PhaseLabels {
    let RolloutLabels { namespace, name } = labels.clone();
    PhaseLabels { namespace, name, phase: phase.as_str() }
}
