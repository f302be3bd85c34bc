//! Which version is wanted, and how a rollout to it begins.

use marquee_domain::Version;

use super::Machine;
use super::step::digest;
use crate::{Outcome, Percent, Placement, Reason, Run, RunKind, Unknown, WantedRoute};

impl Machine<'_> {
    /// Returns the version that the specification wants, if it is known at present. One that
    /// follows the newest version never wants an older one than before: an observer that has not
    /// seen the newest version yet would take the users back.
    pub(super) fn specified(&self) -> Option<Version> {
        let before = self.status.rollout.as_ref().map(|run| run.target);
        let undone = self.status.undo.as_ref().map(|undo| undo.from);
        self.spec.version.or_else(|| [self.seen.latest, before, undone].into_iter().flatten().max())
    }

    /// Returns the version that is to answer all users: that of the specification, or the one that
    /// a person returned to.
    pub(super) fn target(&self) -> Option<Version> {
        self.status.undo.as_ref().map(|undo| undo.to).or_else(|| self.specified())
    }

    /// Starts a rollout if the target is another one, and supersedes the one that runs.
    pub(super) fn pursue_target(&mut self) {
        let specified = self.specified();
        if self.status.undo.as_ref().is_some_and(|undo| specified.is_some_and(|version| version != undo.from)) {
            self.status.undo = None;
        }
        let Some(target) = self.target() else { return };
        if let Some(run) = self.run().filter(|run| run.target != target) {
            let message = format!("version {target} replaces version {} as the target", run.target);
            self.end(Outcome::Superseded, Reason::Superseded, message.clone());
            self.normal(Reason::Superseded, message);
        }
        if self.run().is_none() && self.may_start(target) {
            self.start(target, 1);
        }
    }

    fn may_start(&self, target: Version) -> bool {
        let is_done = self.status.stable == Some(target) || self.is_aborted(target);
        !is_done && self.is_published(target) && self.seen.route != WantedRoute::Unreachable
    }

    /// Returns whether the last rollout had this target and was aborted.
    pub(super) fn is_aborted(&self, target: Version) -> bool {
        let last = self.status.rollout.as_ref();
        last.is_some_and(|run| run.target == target && run.outcome == Some(Outcome::Aborted))
    }

    pub(super) fn is_published(&self, version: Version) -> bool {
        self.seen.published.as_ref().is_some_and(|versions| versions.contains(&version))
    }

    /// Starts a rollout with its first step, from new evidence.
    pub(super) fn start(&mut self, target: Version, attempt: u32) {
        let kind = match self.status.stable {
            None => RunKind::First,
            Some(_) if self.is_in_window(target) => RunKind::Rollback,
            Some(_) => RunKind::Steps,
        };
        let before = self.status.rollout.take();
        let number = before.map_or(0, |run| run.number);
        self.status.rollout = Some(Run {
            number: if attempt == 1 { number + 1 } else { number },
            attempt,
            target,
            kind,
            outcome: None,
            placement: Placement::Absent,
            weight: Percent::default(),
            step: 0,
            forced: false,
            missing_since: None,
            refused_since: None,
            steps_digest: digest(self.spec),
            step_started_at: self.now,
            pause: None,
            started_at: self.now,
            evidence_since: self.now,
            finished_at: None,
            reason: None,
            message: String::new(),
            unknown: Unknown::new(),
        });
        self.renew_evidence();
        let (reason, message) = self.started(kind, target);
        self.normal(reason, message);
        self.enter(0);
    }

    fn started(&self, kind: RunKind, target: Version) -> (Reason, String) {
        let stable = self.status.stable.map_or(String::new(), |stable| format!(" in the place of {stable}"));
        match kind {
            RunKind::First => (Reason::FirstVersion, format!("version {target} is the model's first")),
            RunKind::Rollback => (Reason::RolledBack, format!("version {target} returns without steps{stable}")),
            RunKind::Steps => {
                let count = self.spec.steps.len();
                (Reason::RolloutStarted, format!("rollout of version {target}{stable} by {count} steps"))
            }
        }
    }

    /// Returns whether a version was stable so recently that it returns without steps.
    fn is_in_window(&self, version: Version) -> bool {
        let window = self.spec.rollback_window;
        let mut good = self.status.good_versions.iter().take(window.versions as usize);
        let is_recent = |since| window.age.is_none_or(|age| self.now.since(since) <= age);
        good.any(|good| good.version == version && is_recent(good.replaced_at))
    }
}
