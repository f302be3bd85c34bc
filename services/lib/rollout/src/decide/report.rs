//! What people read: phase, reason, step, weights, instances and conditions.

use humantime_serde::re::humantime::format_duration;
use marquee_domain::Version;

use super::Machine;
use super::analysis::describe;
use crate::{
    Condition, ConditionStatus, ConditionType, InstanceObservation, InstanceStatus, InstanceVersion, Percent, Phase,
    Reason, Run, StepKind, StepStatus, WantedRoute, Weights,
};

/// The number of instances in a status.
const MOST_INSTANCES: usize = 200;

/// Why something is as it is, for machines and for people.
type Why = (Reason, String);

impl Machine<'_> {
    /// Leaves everything as it is, because the specification makes no sense.
    pub(super) fn hold(&mut self, error: &str) {
        let message = format!("the specification is not valid: {error}");
        if self.status.reason != Reason::InvalidSpec || self.status.message != message {
            self.warn(Reason::InvalidSpec, message.clone());
        }
        let phase = self.status.phase;
        self.report(phase, &(Reason::InvalidSpec, message));
    }

    /// Writes the parts of the status that follow from the rest.
    pub(super) fn describe(&mut self) {
        let (phase, why) = match self.run() {
            Some(run) => self.running(run),
            None => self.resting(),
        };
        self.report(phase, &why);
    }

    fn report(&mut self, phase: Phase, why: &Why) {
        self.status.candidate = self.run().map(|run| run.target);
        self.status.step = self.run().map(|run| StepStatus {
            index: run.step,
            count: self.step_count(),
            name: self.step_name(),
            started_at: run.step_started_at,
        });
        (self.status.phase, self.status.reason, self.status.message) = (phase, why.0, why.1.clone());
        self.status.weights = self.weights();
        self.status.instances = self.instances();
        self.write_conditions(why);
    }

    fn running(&self, run: &Run) -> (Phase, Why) {
        if let Some(pause) = &run.pause {
            return (Phase::Paused, (pause.reason, pause.message.clone()));
        }
        let (phase, reason) = match self.step_kind() {
            None => (Phase::Progressing, Reason::Promoting),
            Some(_) if self.waits_for_instances_only() => (Phase::Progressing, Reason::WaitingForInstances),
            Some(StepKind::Pause(Some(_))) => (Phase::Paused, Reason::PauseRunning),
            Some(StepKind::Pause(None)) => (Phase::Paused, Reason::WaitingForPromotion),
            Some(_) => (Phase::Progressing, Reason::AnalysisRunning),
        };
        (phase, (reason, self.waiting()))
    }

    fn resting(&self) -> (Phase, Why) {
        let Some(target) = self.target() else {
            let message = match (&self.seen.published, self.status.stable) {
                (None, _) => "the model store could not be read".to_owned(),
                (Some(_), _) => "no version is published that passed its gates".to_owned(),
            };
            // What was decided stays while the target is not known.
            let phase = self.status.phase;
            return if phase.is_final() {
                (phase, (self.status.reason, self.status.message.clone()))
            } else {
                (Phase::Pending, (Reason::VersionNotPublished, message))
            };
        };
        if self.status.stable == Some(target) {
            let last = self.status.rollout.as_ref().filter(|run| run.target == target);
            let completed = last.and_then(|run| run.reason.zip(Some(run.message.clone())));
            let stays = (Reason::AlreadyStable, format!("version {target} answers all users"));
            return (
                Phase::Completed,
                completed.filter(|(reason, _)| *reason == Reason::RolloutCompleted).unwrap_or(stays),
            );
        }
        if self.is_aborted(target) {
            let last = self.status.rollout.as_ref();
            let why = last.map(|run| (run.reason.unwrap_or_default(), run.message.clone()));
            return (Phase::Degraded, why.unwrap_or_default());
        }
        (Phase::Pending, self.waiting_to_start(target))
    }

    fn waiting_to_start(&self, target: Version) -> Why {
        match &self.seen.published {
            None => (Reason::VersionNotPublished, "the model store could not be read".to_owned()),
            Some(_) if self.seen.route == WantedRoute::Unreachable => {
                (Reason::RouteUnreachable, "the routing table could not be read".to_owned())
            }
            Some(versions) => {
                let newest = versions.iter().max().map(|version| format!("; the newest is {version}"));
                let message = format!("version {target} is not published{}", newest.unwrap_or_default());
                (Reason::VersionNotPublished, message)
            }
        }
    }

    /// Returns the name of the present step.
    pub(super) fn step_name(&self) -> String {
        self.step_kind().map_or_else(|| "promote".to_owned(), |kind| kind.to_string())
    }

    /// Returns one sentence on what the present step waits for.
    pub(super) fn waiting(&self) -> String {
        let Some(run) = self.run() else { return String::new() };
        if self.waits_for_instances_only() {
            return self.instances_behind();
        }
        match self.step_kind() {
            Some(StepKind::Pause(Some(duration))) => {
                let until = run.step_started_at.plus(duration).to_rfc3339();
                format!("pauses for {} until {until}", format_duration(duration))
            }
            Some(StepKind::Pause(None)) => "waits until a person promotes it".to_owned(),
            Some(StepKind::Analysis(_)) => {
                let pending: Vec<String> = self.pending_metrics().into_iter().map(describe).collect();
                pending.join("; ")
            }
            Some(StepKind::SetWeight(_) | StepKind::Shadow) | None => self.instances_behind(),
        }
    }

    /// Returns one sentence on the present step, which has ended.
    pub(super) fn step_completed(&self) -> String {
        let name = self.step_name();
        match self.step_kind() {
            Some(StepKind::Analysis(_)) => {
                let step = self.run().map(|run| run.step);
                let passed = self.effective_metrics().filter(|metric| metric.step == step);
                let figures: Vec<String> = passed.map(describe).collect();
                format!("{name} passed: {}", figures.join("; "))
            }
            Some(StepKind::Pause(_)) => format!("{name} ended"),
            Some(StepKind::SetWeight(_) | StepKind::Shadow) | None => format!("{name}: {}", self.instances_behind()),
        }
    }

    fn weights(&self) -> Weights {
        let last = self.status.rollout.as_ref();
        let wanted = match (self.run(), self.status.phase) {
            (Some(run), _) => run.wanted_weight(),
            (None, Phase::Completed) => Percent::ALL,
            (None, _) => Percent::default(),
        };
        let subject = match self.status.phase {
            Phase::Completed => self.status.stable,
            _ => last.map(|run| run.target),
        };
        let share = |instance: &InstanceObservation| {
            let route = instance.report.as_ref()?.effective.as_ref()?;
            let points = subject.map_or(0, |version| route.weight(version));
            marquee_domain::BasisPoints::try_new(points).ok().map(Percent::from)
        };
        let shares: Vec<Percent> = self.ready_instances().filter_map(share).collect();
        Weights {
            wanted,
            effective: shares.iter().min().copied().unwrap_or_default(),
            effective_max: shares.iter().max().copied().unwrap_or_default(),
            instances: self.ready_instances().count() as u32,
            instances_effective: self.ready_instances().filter(|instance| self.follows(instance)).count() as u32,
        }
    }

    fn instances(&self) -> Vec<InstanceStatus> {
        let Some(seen) = &self.seen.instances else { return self.status.instances.clone() };
        let (stable, last) = (self.status.stable, self.status.rollout.as_ref().map(|run| run.target));
        let mut instances: Vec<InstanceStatus> = seen
            .iter()
            .map(|instance| {
                let report = instance.report.as_ref();
                let ours = |version: Version| Some(version) == stable || Some(version) == last;
                let versions = report.iter().flat_map(|report| &report.versions).filter(|v| ours(v.version));
                InstanceStatus {
                    name: instance.name.clone(),
                    ready: instance.ready,
                    reachable: report.is_some(),
                    effective: self.follows(instance),
                    revision: report.and_then(|report| report.effective.as_ref()).map(marquee_domain::Route::revision),
                    versions: versions
                        .map(|v| InstanceVersion { version: v.version, state: v.state, reason: v.reason.clone() })
                        .collect(),
                }
            })
            .collect();
        // Where there are too many, those that explain why a rollout waits are the ones to keep.
        instances.sort_by(|a, b| (a.effective, &a.name).cmp(&(b.effective, &b.name)));
        instances.truncate(MOST_INSTANCES);
        instances.sort_by(|a, b| a.name.cmp(&b.name));
        instances
    }

    fn write_conditions(&mut self, why: &Why) {
        let phase = self.status.phase;
        let is = |wanted: Phase| (phase == wanted, why.clone());
        let mut conditions = vec![self.available()];
        for (kind, (holds, (reason, message))) in [
            (ConditionType::Progressing, is(Phase::Progressing)),
            (ConditionType::Paused, is(Phase::Paused)),
            (ConditionType::Degraded, is(Phase::Degraded)),
            (ConditionType::Completed, is(Phase::Completed)),
        ] {
            let status = if holds { ConditionStatus::True } else { ConditionStatus::False };
            conditions.push(self.condition(kind, status, (reason, message)));
        }
        self.status.conditions = conditions;
    }

    /// Returns a condition.
    fn condition(&self, kind: ConditionType, status: ConditionStatus, (reason, message): Why) -> Condition {
        let last_transition_time = self.status.condition_since(kind, status, self.now);
        Condition { kind, status, reason, message, last_transition_time }
    }

    fn available(&self) -> Condition {
        let (mut ready, mut unknown, mut silent) = (0, 0, 0);
        for instance in self.ready_instances() {
            ready += 1;
            match &instance.report {
                None => unknown += 1,
                Some(report) if report.effective.is_none() => silent += 1,
                Some(_) => {}
            }
        }
        let behind = self.instances_behind();
        let (status, reason, message) = match (&self.seen.instances, ready) {
            (None, _) => (ConditionStatus::Unknown, Reason::NoInstances, behind),
            (Some(_), 0) => (ConditionStatus::False, Reason::NoInstances, behind),
            (Some(_), _) if silent > 0 => {
                let message = format!("{silent} of {ready} ready instances answer with no route; {behind}");
                (ConditionStatus::False, Reason::InstancesUnavailable, message)
            }
            (Some(_), _) if unknown > 0 => {
                let message = format!("{unknown} of {ready} ready instances could not be asked; {behind}");
                (ConditionStatus::Unknown, Reason::InstancesUnavailable, message)
            }
            (Some(_), _) if self.all_instances_follow() => (ConditionStatus::True, Reason::InstancesReady, behind),
            (Some(_), _) => (ConditionStatus::True, Reason::InstancesBehind, behind),
        };
        self.condition(ConditionType::Available, status, (reason, message))
    }
}
