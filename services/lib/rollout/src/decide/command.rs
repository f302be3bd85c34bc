//! Commands of people. None of them changes the specification.

use super::Machine;
use crate::{Command, Pause, Reason, RunKind, Undo, Verb};

/// The number of ids of commands that are remembered.
const MOST_HANDLED: usize = 64;

impl Machine<'_> {
    /// Carries out each command that was not carried out yet.
    pub(super) fn carry_out_commands(&mut self) {
        for Command { id, verb } in &self.seen.commands {
            if self.status.handled_commands.contains(id) {
                continue;
            }
            self.status.handled_commands.push(id.clone());
            if let Err(why) = self.carry_out(*verb) {
                self.warn(Reason::CommandIgnored, format!("{} was ignored: {why}", name(*verb)));
            }
        }
        let surplus = self.status.handled_commands.len().saturating_sub(MOST_HANDLED);
        self.status.handled_commands.drain(..surplus);
    }

    fn carry_out(&mut self, verb: Verb) -> Result<(), String> {
        match verb {
            Verb::Retry => self.retry(),
            Verb::Undo if self.run().is_none() => self.undo(),
            _ if self.run().is_none() => Err("no rollout runs".to_owned()),
            Verb::Promote => self.promote(),
            Verb::PromoteAll => self.promote_all(),
            Verb::Pause => self.pause(),
            Verb::Resume => self.resume(),
            Verb::Abort | Verb::Undo => {
                if self.run().is_some_and(|run| run.kind == RunKind::First) {
                    return Err("the model has no other version to return to".to_owned());
                }
                self.abort(Reason::AbortedByUser, format!("{} was commanded", name(verb)));
                Ok(())
            }
        }
    }

    fn promote(&mut self) -> Result<(), String> {
        if self.run().is_some_and(|run| run.step >= self.step_count()) {
            return Err(format!("all steps have ended; {}", self.instances_behind()));
        }
        self.end_pause();
        self.normal(Reason::Promoted, format!("{} was ended by a person", self.step_name()));
        self.next_step();
        Ok(())
    }

    fn promote_all(&mut self) -> Result<(), String> {
        let count = self.step_count();
        if self.run().is_some_and(|run| run.step >= count && run.pause.is_none()) {
            return Err(format!("all steps have ended; {}", self.instances_behind()));
        }
        self.end_pause();
        if let Some(run) = self.run_mut() {
            run.forced = true;
        }
        self.normal(Reason::Promoted, "all steps were ended by a person");
        self.enter(count);
        Ok(())
    }

    fn pause(&mut self) -> Result<(), String> {
        let since = self.now;
        let step = self.step_name();
        let Some(run) = self.run_mut() else { return Err("no rollout runs".to_owned()) };
        if run.pause.is_some() {
            return Err("the rollout is paused already".to_owned());
        }
        let message = format!("paused by a person at {step}");
        run.pause = Some(Pause { reason: Reason::PausedByUser, message: message.clone(), since });
        self.normal(Reason::PausedByUser, message);
        Ok(())
    }

    fn resume(&mut self) -> Result<(), String> {
        if self.run().is_none_or(|run| run.pause.is_none()) {
            let hint = if self.is_in_pause_step() { "; 'promote' ends a pause step" } else { "" };
            return Err(format!("the rollout is not paused by a person or after a failure{hint}"));
        }
        self.end_pause();
        self.normal(Reason::Resumed, format!("goes on with {}", self.step_name()));
        Ok(())
    }

    /// Ends a pause by a person or after a failure. The time that it took does not count for the
    /// step. After a failure the step begins again, with new evidence: it would fail again at once
    /// otherwise.
    fn end_pause(&mut self) {
        let now = self.now;
        let Some(run) = self.run_mut() else { return };
        let Some(pause) = run.pause.take() else { return };
        if pause.reason == Reason::PausedByUser {
            run.step_started_at = run.step_started_at.plus(now.since(pause.since));
        } else {
            run.step_started_at = now;
            self.renew_evidence();
        }
    }

    fn retry(&mut self) -> Result<(), String> {
        if self.run().is_some() {
            return Err("a rollout runs".to_owned());
        }
        let aborted = self.target().filter(|target| self.is_aborted(*target));
        let attempt = self.status.rollout.as_ref().map_or(1, |run| run.attempt + 1);
        match aborted {
            Some(target) => {
                self.normal(Reason::Retried, format!("rollout of version {target} begins again, attempt {attempt}"));
                self.start(target, attempt);
                Ok(())
            }
            None if self.status.undo.take().is_some() => {
                self.normal(Reason::Retried, "the version of the specification is the target again");
                Ok(())
            }
            None => Err("no rollout was aborted".to_owned()),
        }
    }

    /// Makes the version that was stable before the target.
    fn undo(&mut self) -> Result<(), String> {
        let Some(stable) = self.status.stable else { return Err("the model has no stable version".to_owned()) };
        let target = self.specified().unwrap_or(stable);
        if target != stable && self.status.undo.is_none() {
            return Err(format!("version {stable} answers all users already"));
        }
        let Some(to) = self.status.good_versions.first().map(|good| good.version) else {
            return Err("no earlier version answered all users".to_owned());
        };
        if self.is_aborted(to) {
            return Err(format!("the return to version {to} was aborted; 'retry' begins it again"));
        }
        self.status.undo = Some(Undo { from: target, to, time: self.now });
        self.normal(Reason::Undone, format!("version {to} is the target again in the place of {stable}"));
        Ok(())
    }
}

/// Returns the name of a command as people give it.
fn name(verb: Verb) -> &'static str {
    match verb {
        Verb::Promote => "promote",
        Verb::PromoteAll => "promote all",
        Verb::Pause => "pause",
        Verb::Resume => "resume",
        Verb::Abort => "abort",
        Verb::Retry => "retry",
        Verb::Undo => "undo",
    }
}
