//! The metrics of rollouts, by name.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use marquee_domain::ModelName;
use marquee_kit::Metrics;
use marquee_rollout::{Event, Phase, Status};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

/// A gauge of numbers with a fraction.
type Share = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabel {
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InfoLabels {
    model: String,
    phase: &'static str,
    reason: &'static str,
    stable: u64,
    candidate: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabels {
    model: String,
    phase: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    model: String,
    reason: &'static str,
}

/// Metrics of rollouts.
#[derive(Debug)]
pub(crate) struct RolloutMetrics {
    info: Family<InfoLabels, Gauge>,
    phase: Family<PhaseLabels, Gauge>,
    weight: Family<ModelLabel, Share>,
    effective: Family<ModelLabel, Share>,
    step: Family<ModelLabel, Gauge>,
    events: Family<ReasonLabels, Counter>,
    aborts: Family<ReasonLabels, Counter>,
    completed: Family<ModelLabel, Counter>,
    unreachable: Family<ModelLabel, Gauge>,
    route_errors: Family<ModelLabel, Counter>,
    lease: Gauge,
    /// The labels of `info` that are shown for each model.
    shown: Mutex<BTreeMap<String, InfoLabels>>,
}

impl RolloutMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let phase = "1 for the present phase of a rollout, 0 for the others";
        let weight = "The candidate's share of users that the route wants, from 0 to 1";
        let effective = "The candidate's least share of users on any ready instance, from 0 to 1";
        let unreachable = "Instances and monitors that did not answer in the last round";
        Self {
            info: metrics.register("rollout_info", "The rollout of a model; always 1", Family::default()),
            phase: metrics.register("rollout_phase", phase, Family::default()),
            weight: metrics.register("rollout_weight", weight, Family::default()),
            effective: metrics.register("rollout_effective_weight", effective, Family::default()),
            step: metrics.register("rollout_step", "The present step, from 0; -1 without one", Family::default()),
            events: metrics.register("rollout_events", "Events, by reason", Family::default()),
            aborts: metrics.register("rollout_aborts", "Rollouts that were aborted, by reason", Family::default()),
            completed: metrics.register("rollout_completed", "Rollouts that completed", Family::default()),
            unreachable: metrics.register("rollout_unreachable", unreachable, Family::default()),
            route_errors: metrics.register("rollout_route_errors", "Changes of routes that failed", Family::default()),
            lease: metrics.register("rollout_lease", "1 if this controller drives the rollouts", Gauge::default()),
            shown: Mutex::default(),
        }
    }

    /// Shows a status.
    pub(crate) fn show(&self, model: &ModelName, status: &Status) {
        let label = ModelLabel { model: model.as_str().to_owned() };
        let info = InfoLabels {
            model: label.model.clone(),
            phase: status.phase.as_str(),
            reason: status.reason.as_str(),
            stable: status.stable.map_or(0, |version| version.0),
            candidate: status.candidate.map_or(0, |version| version.0),
        };
        let before =
            self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(label.model.clone(), info.clone());
        if let Some(before) = before.filter(|before| *before != info) {
            self.info.remove(&before);
        }
        self.info.get_or_create(&info).set(1);
        for phase in Phase::ALL {
            let labels = PhaseLabels { model: label.model.clone(), phase: phase.as_str() };
            self.phase.get_or_create(&labels).set(i64::from(phase == status.phase));
        }
        self.weight.get_or_create(&label).set(status.weights.wanted.fraction());
        self.effective.get_or_create(&label).set(status.weights.effective.fraction());
        let step = status.step.as_ref().map_or(-1, |step| i64::from(step.index));
        self.step.get_or_create(&label).set(step);
    }

    /// Counts an event.
    pub(crate) fn count(&self, model: &ModelName, event: &Event) {
        let labels = ReasonLabels { model: model.as_str().to_owned(), reason: event.reason.as_str() };
        self.events.get_or_create(&labels).inc();
    }

    /// Counts a rollout that was aborted.
    pub(crate) fn aborted(&self, model: &ModelName, reason: &'static str) {
        self.aborts.get_or_create(&ReasonLabels { model: model.as_str().to_owned(), reason }).inc();
    }

    /// Counts a rollout that completed.
    pub(crate) fn completed(&self, model: &ModelName) {
        self.completed.get_or_create(&ModelLabel { model: model.as_str().to_owned() }).inc();
    }

    /// Shows how many did not answer.
    pub(crate) fn unreachable(&self, model: &ModelName, count: usize) {
        let label = ModelLabel { model: model.as_str().to_owned() };
        self.unreachable.get_or_create(&label).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts a change of a route that failed.
    pub(crate) fn route_failed(&self, model: &ModelName) {
        self.route_errors.get_or_create(&ModelLabel { model: model.as_str().to_owned() }).inc();
    }

    /// Shows whether this controller drives the rollouts. One that does not shows no rollouts.
    pub(crate) fn set_lease(&self, held: bool) {
        self.lease.set(i64::from(held));
        if !held {
            self.shown.lock().unwrap_or_else(PoisonError::into_inner).clear();
            self.info.clear();
            self.phase.clear();
            self.weight.clear();
            self.effective.clear();
            self.step.clear();
            self.unreachable.clear();
        }
    }
}
