//! Steps: when one is done, and what the next one changes.

use marquee_domain::{Timestamp, Version};
use sha2::{Digest, Sha256};

use super::Machine;
use crate::{GoodVersion, Outcome, Percent, Placement, Reason, RunKind, Spec, StepKind};

/// The number of earlier stable versions that are remembered.
const MOST_GOOD: usize = 10;

impl<'a> Machine<'a> {
    /// Measures, fails or goes on with the steps, as far as they are done.
    pub(super) fn progress(&mut self) {
        if self.run().is_none() {
            return;
        }
        // After a failure, everything waits for a person, also steps that changed.
        let is_held = self.is_held_by_failure();
        if !is_held {
            self.restart_changed_steps();
        }
        self.note_obstacles();
        if is_held {
            return;
        }
        // A step at most is entered more often than there are steps, so this ends.
        for _ in 0..=self.spec.steps.len() + 1 {
            self.ensure_metrics();
            self.measure_metrics();
            if let Some(failure) = self.find_failure() {
                return self.fail(failure);
            }
            if self.run().is_none_or(|run| run.pause.is_some()) || !self.end_step_if_done() {
                return;
            }
        }
    }

    /// Ends the present step if it is done. Returns whether another step began.
    fn end_step_if_done(&mut self) -> bool {
        if self.step_is_done() {
            self.normal(Reason::StepCompleted, self.step_completed());
        } else if let Some(failure) = self.missed_deadline() {
            if !self.may_leave_instances_behind() {
                self.fail(failure);
                return false;
            }
            let message = format!("goes on without some instances: {}", self.waiting());
            self.warn(Reason::DeadlineExceeded, message);
        } else {
            return false;
        }
        self.next_step()
    }

    /// Begins the next step, or completes the rollout after the last one. Returns whether a step
    /// began.
    pub(super) fn next_step(&mut self) -> bool {
        let count = self.step_count();
        match self.run().map(|run| run.step) {
            Some(step) if step < count => {
                self.enter(step + 1);
                true
            }
            Some(_) => {
                self.complete();
                false
            }
            None => false,
        }
    }

    /// Begins a step: changes the placement of the candidate, if the step does.
    pub(super) fn enter(&mut self, step: u32) {
        let now = self.now;
        let Some(run) = self.run_mut() else { return };
        (run.step, run.step_started_at) = (step, now);
        let target = run.target;
        match self.step_kind() {
            Some(StepKind::SetWeight(weight)) => {
                self.place(Placement::Weight, weight);
                self.normal(Reason::WeightChanged, format!("version {target} gets {weight} of the users"));
            }
            Some(StepKind::Shadow) => {
                self.place(Placement::Shadow, Percent::default());
                self.normal(Reason::ShadowStarted, format!("version {target} is loaded without users"));
            }
            Some(StepKind::Pause(_) | StepKind::Analysis(_)) => {}
            None => {
                self.place(Placement::Stable, Percent::ALL);
                self.normal(Reason::Promoting, format!("version {target} is to answer all users"));
            }
        }
    }

    fn place(&mut self, placement: Placement, weight: Percent) {
        if let Some(run) = self.run_mut() {
            (run.placement, run.weight) = (placement, weight);
        }
    }

    /// Ends the rollout with its target as the stable version.
    fn complete(&mut self) {
        let Some(run) = self.run() else { return };
        let (target, kind) = (run.target, run.kind);
        let message = match (kind, self.status.stable) {
            (RunKind::First, _) => format!("version {target} is the model's first and answers all users"),
            (RunKind::Rollback, _) => format!("version {target} answers all users again"),
            (RunKind::Steps, Some(stable)) => format!("version {target} answers all users in the place of {stable}"),
            (RunKind::Steps, None) => format!("version {target} answers all users"),
        };
        self.end(Outcome::Completed, Reason::RolloutCompleted, message.clone());
        let before = self.status.stable.replace(target);
        self.remember(before, kind, target);
        self.normal(Reason::RolloutCompleted, message);
    }

    /// Remembers the version that was replaced as a good one, unless it was left by a rollback.
    fn remember(&mut self, before: Option<Version>, kind: RunKind, target: Version) {
        let good = &mut self.status.good_versions;
        good.retain(|good| good.version != target && Some(good.version) != before);
        if let Some(version) = before.filter(|version| kind == RunKind::Steps && *version != target) {
            good.insert(0, GoodVersion { version, replaced_at: self.now });
        }
        good.truncate(MOST_GOOD);
    }

    /// Begins with the first step again if the steps changed during the rollout. It is another
    /// attempt with new evidence, as after a retry: the metrics of the new steps are other tests.
    fn restart_changed_steps(&mut self) {
        let (digest, count) = (digest(self.spec), self.spec.steps.len() as u32);
        let Some(run) = self.run_mut().filter(|run| run.kind == RunKind::Steps && run.steps_digest != digest) else {
            return;
        };
        run.steps_digest = digest;
        if run.placement == Placement::Stable {
            run.step = count;
            return;
        }
        run.placement = Placement::Absent;
        run.attempt = run.attempt.saturating_add(1);
        let attempt = run.attempt;
        self.renew_evidence();
        let message = format!("the steps changed, so the first one begins again with new evidence, attempt {attempt}");
        self.normal(Reason::StepsChanged, message);
        self.enter(0);
    }

    /// Returns what the present step does, or `None` while the candidate takes over all users.
    pub(super) fn step_kind(&self) -> Option<StepKind<'a>> {
        let (spec, run) = (self.spec, self.run().filter(|run| run.kind == RunKind::Steps)?);
        spec.steps.get(run.step as usize)?.kind()
    }

    /// Returns the number of steps of the running rollout.
    pub(super) fn step_count(&self) -> u32 {
        let has_steps = self.run().is_some_and(|run| run.kind == RunKind::Steps);
        if has_steps { self.spec.steps.len() as u32 } else { 0 }
    }

    /// Returns whether the present step is done. Every step waits for instances: one that joined
    /// or turned cold during a pause or an analysis would miss the weight that comes next.
    fn step_is_done(&self) -> bool {
        self.run().is_some() && self.waits_for_instances_only() && self.all_instances_follow()
    }

    /// Returns whether the present step waits for nothing but instances that do not follow.
    pub(super) fn waits_for_instances_only(&self) -> bool {
        match self.step_kind() {
            Some(StepKind::SetWeight(_) | StepKind::Shadow) | None => true,
            Some(StepKind::Pause(_)) => self.deadline_counts_from().is_some_and(|end| self.now >= end),
            Some(StepKind::Analysis(_)) => self.pending_metrics().is_empty(),
        }
    }

    /// Returns the time from which the progress deadline counts: the end of a pause, or the
    /// beginning of any other step. Returns `None` for a pause that only a person ends.
    pub(super) fn deadline_counts_from(&self) -> Option<Timestamp> {
        let run = self.run()?;
        match self.step_kind() {
            Some(StepKind::Pause(duration)) => duration.map(|duration| run.step_started_at.plus(duration)),
            _ => Some(run.step_started_at),
        }
    }

    pub(super) fn is_in_pause_step(&self) -> bool {
        matches!(self.step_kind(), Some(StepKind::Pause(_)))
    }

    pub(super) fn is_held_by_failure(&self) -> bool {
        let pause = self.run().and_then(|run| run.pause.as_ref());
        pause.is_some_and(|pause| pause.reason != Reason::PausedByUser)
    }

    /// Returns when the present step ends or fails by itself, if it does and the time has not
    /// passed yet.
    pub(super) fn step_ends_at(&self) -> Option<Timestamp> {
        if self.run().is_none_or(|run| run.pause.is_some()) {
            return None;
        }
        let since = self.deadline_counts_from()?;
        if self.is_in_pause_step() && since > self.now {
            return Some(since);
        }
        Some(since.plus(self.spec.progress_deadline)).filter(|deadline| *deadline >= self.now)
    }
}

/// Returns a text that differs for different steps.
pub(super) fn digest(spec: &Spec) -> String {
    let mut hash = Sha256::new();
    for step in &spec.steps {
        let text = step.kind().map(|kind| kind.to_string()).unwrap_or_default();
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
