//! What makes a rollout fail, and what follows.

use std::time::Duration;

use humantime_serde::re::humantime::format_duration;
use marquee_domain::{Timestamp, Version};

use super::Machine;
use super::analysis::describe;
use crate::{
    MetricState, OnDeadline, OnFailure, Outcome, Past, Pause, Placement, Reason, Run, RunKind, VersionState,
    WantedRoute,
};

/// The number of ended rollouts in a status.
const MOST_PAST: usize = 20;

/// How long a version may be missing among the published ones. An observer may not have listed it
/// yet.
const PATIENCE_MISSING: Duration = Duration::from_mins(1);

/// How long a change from the same route may be refused: a version that was just published may not
/// be seen by every instance yet.
const PATIENCE_REFUSED: Duration = Duration::from_secs(5);

/// A reason to stop a rollout.
#[derive(Debug)]
pub(super) struct Failure {
    reason: Reason,
    message: String,
}

impl Machine<'_> {
    /// Returns why the rollout cannot go on, or `None` if it can. The first rollout of a model does
    /// not fail: there is no version to return to.
    pub(super) fn find_failure(&self) -> Option<Failure> {
        let run = self.run().filter(|run| run.kind != RunKind::First)?;
        let is_old = |since: Timestamp| self.now.since(since) > PATIENCE_REFUSED;
        if run.missing_since.is_some_and(|since| self.now.since(since) > PATIENCE_MISSING) {
            let message = format!("version {} is not published any more", run.target);
            return Some(Failure { reason: Reason::VersionWithdrawn, message });
        }
        if let Some(why) = self.seen.refusal.as_ref().filter(|_| run.refused_since.is_some_and(is_old)) {
            let message = format!("version {} cannot be routed: {why}", run.target);
            return Some(Failure { reason: Reason::VersionFailed, message });
        }
        self.failed_version(run).or_else(|| self.failed_metric())
    }

    /// Remembers since when the wanted route is refused. If another writer changed the route
    /// meanwhile, the next change is based on that one, and the time begins again.
    fn note_refusal(&mut self) {
        let is_refused = self.seen.refusal.is_some() && self.wanted_route().is_none();
        let has_moved = match &self.seen.route {
            WantedRoute::Present(route) => route.revision() > self.status.route_revision,
            WantedRoute::Absent | WantedRoute::Unreachable => false,
        };
        let now = self.now;
        if let Some(run) = self.run_mut() {
            let since = run.refused_since.filter(|_| !has_moved).unwrap_or(now);
            run.refused_since = is_refused.then_some(since);
        }
    }

    /// Remembers since when the target cannot be found or routed.
    pub(super) fn note_obstacles(&mut self) {
        self.note_refusal();
        let Some(versions) = &self.seen.published else { return };
        let now = self.now;
        if let Some(run) = self.run_mut() {
            run.missing_since = if versions.contains(&run.target) { None } else { run.missing_since.or(Some(now)) };
        }
    }

    /// Returns the first ready instance that cannot load the candidate and does not try again.
    fn failed_version(&self, run: &Run) -> Option<Failure> {
        if run.placement == Placement::Absent {
            return None;
        }
        for instance in self.seen.instances.iter().flatten().filter(|instance| instance.ready) {
            let versions = instance.report.iter().flat_map(|report| &report.versions);
            let mut failed =
                versions.filter(|v| v.version == run.target && v.state == VersionState::Failed && !v.retrying);
            if let Some(version) = failed.next() {
                let message =
                    format!("version {} cannot be loaded on '{}': {}", run.target, instance.name, version.reason);
                return Some(Failure { reason: Reason::VersionFailed, message });
            }
        }
        None
    }

    fn failed_metric(&self) -> Option<Failure> {
        // A metric that failed counts more than one that is unclear, so that it is not hidden by
        // it.
        for (state, reason, word) in [
            (MetricState::Failed, Reason::AnalysisFailed, "failed"),
            (MetricState::Error, Reason::AnalysisError, "could not be measured"),
            (MetricState::Inconclusive, Reason::AnalysisInconclusive, "was inconclusive too often"),
        ] {
            if let Some(metric) = self.effective_metrics().find(|metric| metric.state == state) {
                return Some(Failure { reason, message: format!("metric {} – {word}", describe(metric)) });
            }
        }
        None
    }

    /// Returns a failure if the present step has taken too long. The time of a pause does not
    /// count, but the wait for instances after it does.
    pub(super) fn missed_deadline(&self) -> Option<Failure> {
        if self.run().is_none_or(|run| run.kind == RunKind::First) {
            return None;
        }
        let (since, deadline) = (self.deadline_counts_from()?, self.spec.progress_deadline);
        if self.now.since(since) <= deadline {
            return None;
        }
        let name = self.step_name();
        let what = if self.is_in_pause_step() { format!("the wait for instances after {name}") } else { name };
        let message = format!("{what} took longer than {}: {}", format_duration(deadline), self.waiting());
        Some(Failure { reason: Reason::DeadlineExceeded, message })
    }

    /// Returns whether the rollout may go on without the instances that do not follow.
    pub(super) fn may_leave_instances_behind(&self) -> bool {
        self.spec.on_deadline == OnDeadline::Continue
            && self.waits_for_instances_only()
            && self.seen.instances.iter().flatten().any(|instance| self.follows(instance))
    }

    /// Does what the specification wants after a failure.
    pub(super) fn fail(&mut self, failure: Failure) {
        let Failure { reason, message } = failure;
        let pauses = self.spec.on_failure == OnFailure::Pause || reason == Reason::AnalysisInconclusive;
        if pauses {
            self.warn(reason, format!("rollout paused: {message}"));
            let since = self.now;
            if let Some(run) = self.run_mut() {
                run.pause = Some(Pause { reason, message, since });
            }
        } else {
            self.abort(reason, message);
        }
    }

    /// Ends the rollout with the stable version for all users.
    pub(super) fn abort(&mut self, reason: Reason, message: String) {
        let Some(run) = self.run() else { return };
        let told = format!("rollout of version {} aborted: {message}", run.target);
        self.end(Outcome::Aborted, reason, message);
        self.warn(reason, told);
    }

    /// Ends the rollout and adds it to the history.
    pub(super) fn end(&mut self, outcome: Outcome, reason: Reason, message: String) {
        let (now, stable) = (self.now, self.status.stable);
        let Some(run) = self.run_mut() else { return };
        let weight = run.wanted_weight();
        if outcome != Outcome::Completed {
            run.placement = Placement::Absent;
        }
        (run.outcome, run.finished_at, run.reason) = (Some(outcome), Some(now), Some(reason));
        run.message.clone_from(&message);
        run.pause = None;
        let past = past(run, stable, Ending { outcome, reason, message, weight, now });
        self.status.history.insert(0, past);
        self.status.history.truncate(MOST_PAST);
        self.status.evidence = crate::Evidence::default();
    }
}

/// How a rollout ended.
struct Ending {
    outcome: Outcome,
    reason: Reason,
    message: String,
    weight: crate::Percent,
    now: Timestamp,
}

fn past(run: &Run, stable: Option<Version>, ending: Ending) -> Past {
    Past {
        number: run.number,
        attempt: run.attempt,
        target: run.target,
        stable,
        kind: run.kind,
        outcome: ending.outcome,
        reason: ending.reason,
        message: ending.message,
        weight: ending.weight,
        started_at: run.started_at,
        finished_at: ending.now,
        unknown: crate::Unknown::new(),
    }
}
