//! The life of metrics: when they are measured, and what their measurements add up to.

use marquee_domain::Timestamp;

use super::Machine;
use super::place::Place;
use crate::{
    Measurement, Metric, MetricCounts, MetricState, MetricStatus, MetricWindow, Reason, RunKind, Scope, StepKind,
    Verdict,
};

/// The number of metrics in a status, unless more are measured at present.
const MOST_METRICS: usize = 64;

impl<'a> Machine<'a> {
    /// Creates the metrics that are to be measured at present, and applies changes of the
    /// specification to those that exist. If metrics were added and no error probability is left
    /// for them, all metrics begin again with new evidence.
    pub(super) fn ensure_metrics(&mut self) {
        self.apply_definitions();
        let mut new = self.new_places();
        if self.is_alpha_spent(&new) {
            // The rollout is about to stop, so nothing begins any more.
            if self.find_failure().is_some() {
                return;
            }
            self.renew_evidence();
            self.normal(Reason::AnalysisRunning, "metrics were added, so all metrics begin again with new evidence");
            new = self.new_places();
        }
        if !new.is_empty() {
            let share = self.next_share(&new);
            for place in new {
                let alpha = self.take_share(&place, share);
                let begun = self.begin(place, alpha);
                self.status.analysis.push(begun);
            }
        }
        self.forget_old_metrics();
    }

    /// Removes metrics that the specification does not define any more, and makes dry runs of the
    /// others or ends them. A metric that failed as a dry run has failed when the dry run ends.
    /// Another one begins again then, because it has no part of the error probability yet.
    fn apply_definitions(&mut self) {
        let (spec, places) = (self.spec, self.places());
        let shares = &self.status.evidence.shares;
        self.status.analysis.retain_mut(|status| {
            let Some(metric) = spec.metric(&status.name) else { return false };
            let was_dry_run = std::mem::replace(&mut status.dry_run, metric.dry_run);
            let begins_again = was_dry_run
                && !metric.dry_run
                && matches!(status.state, MetricState::Running | MetricState::Successful)
                && places.iter().any(|place| place.is_of(status) && !shares.contains_key(&place.test()));
            !begins_again
        });
    }

    /// Returns the places of metrics that are to be measured at present and do not exist yet.
    fn new_places(&self) -> Vec<Place<'a>> {
        let mut places = self.places();
        places.retain(|place| !self.status.analysis.iter().any(|status| place.is_of(status)));
        places
    }

    /// Forgets the metrics of the first steps if there are too many.
    fn forget_old_metrics(&mut self) {
        let surplus = self.status.analysis.len().saturating_sub(MOST_METRICS);
        let places = self.places();
        let is_old = |status: &MetricStatus| !places.iter().any(|place| place.is_of(status));
        for _ in 0..surplus {
            let Some(at) = self.status.analysis.iter().position(is_old) else { return };
            self.status.analysis.remove(at);
        }
    }

    /// Returns the metrics that are to be measured at present, with their places.
    fn places(&self) -> Vec<Place<'a>> {
        let Some(run) = self.run().filter(|run| run.kind == RunKind::Steps && !run.forced) else { return Vec::new() };
        let spec = self.spec;
        let background = spec.analysis.as_ref().filter(|background| run.step >= background.starting_step);
        let mut places = Vec::new();
        if let Some(background) = background {
            places.extend(spec.named(&background.metrics).map(Place::in_background));
        }
        if let Some(StepKind::Analysis(names)) = self.step_kind() {
            places.extend(spec.named(names).map(|metric| Place::in_step(metric, run.step)));
        }
        places
    }

    fn begin(&self, place: Place<'_>, alpha: f64) -> MetricStatus {
        let (stable, candidate) = self.pair();
        let evidence = &self.status.evidence;
        MetricStatus {
            name: place.metric.name.clone(),
            scope: place.scope,
            step: place.step,
            state: MetricState::Running,
            dry_run: place.metric.dry_run,
            counts: MetricCounts::default(),
            alpha,
            last: None,
            started_at: self.now,
            next_at: self.now.plus(place.metric.initial_delay),
            window: MetricWindow {
                stable: stable.map(|version| evidence.counters(version)).unwrap_or_default(),
                candidate: evidence.counters(candidate),
            },
        }
    }

    /// Measures every metric that is due.
    pub(super) fn measure_metrics(&mut self) {
        for place in self.places() {
            let Some(at) = self.status.analysis.iter().position(|status| place.is_of(status)) else { continue };
            if !is_due(&self.status.analysis[at], self.now) {
                continue;
            }
            let Some(measurement) = self.measure(&self.status.analysis[at]) else { continue };
            let status = &mut self.status.analysis[at];
            status.next_at = self.now.plus(place.metric.interval);
            let before = status.state;
            status.add(measurement, place.metric);
            let (after, dry_run) = (status.state, status.dry_run);
            if dry_run && before != after && matches!(after, MetricState::Failed | MetricState::Error) {
                let message = format!("{}; it is a dry run, so the rollout goes on", describe(status));
                self.normal(Reason::AnalysisFailed, message);
            }
        }
    }

    /// Returns the metrics that are measured at present and have an effect.
    pub(super) fn effective_metrics(&self) -> impl Iterator<Item = &MetricStatus> {
        let places = self.places();
        self.status
            .analysis
            .iter()
            .filter(move |status| !status.dry_run && places.iter().any(|place| place.is_of(status)))
    }

    /// Returns the metrics that the present step still waits for.
    pub(super) fn pending_metrics(&self) -> Vec<&MetricStatus> {
        let is_pending =
            |status: &&MetricStatus| status.scope == Scope::Step && status.state != MetricState::Successful;
        self.effective_metrics().filter(is_pending).collect()
    }

    /// Returns when the next metric is due, if one is measured at present.
    pub(super) fn next_measurement(&self) -> Option<Timestamp> {
        let places = self.places();
        let active = self.status.analysis.iter().filter(|status| places.iter().any(|place| place.is_of(status)));
        active.filter(|status| is_open(status)).map(|status| status.next_at).min()
    }
}

/// Returns one sentence on the last measurement of a metric.
pub(super) fn describe(status: &MetricStatus) -> String {
    let figures = status.last.as_ref().map_or("not measured yet", |last| last.message.as_str());
    format!("'{}': {figures}", status.name)
}

/// Returns whether a metric is still measured. In the background it is measured after it passed,
/// too.
fn is_open(status: &MetricStatus) -> bool {
    let passed = status.state == MetricState::Successful && status.scope == Scope::Background;
    status.state == MetricState::Running || passed
}

fn is_due(status: &MetricStatus, now: Timestamp) -> bool {
    is_open(status) && now >= status.next_at
}

impl MetricStatus {
    /// Adds a measurement and draws the conclusion.
    fn add(&mut self, measurement: Measurement, metric: &Metric) {
        let counts = &mut self.counts;
        counts.consecutive_errors =
            if measurement.verdict == Verdict::Error { counts.consecutive_errors + 1 } else { 0 };
        match measurement.verdict {
            Verdict::Successful => counts.successful += 1,
            Verdict::Failed => counts.failed += 1,
            Verdict::Inconclusive => counts.inconclusive += 1,
            Verdict::Error => counts.errors += 1,
        }
        self.last = Some(measurement);
        if self.counts.failed > metric.failure_limit {
            self.state = MetricState::Failed;
        } else if self.counts.consecutive_errors > metric.consecutive_error_limit {
            self.state = MetricState::Error;
        } else if metric.inconclusive_limit.is_some_and(|limit| self.counts.inconclusive > limit) {
            self.state = MetricState::Inconclusive;
        } else if self.counts.successful >= metric.count {
            self.state = MetricState::Successful;
        }
    }
}
