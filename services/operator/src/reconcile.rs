//! The reconciliation of one rollout, in five steps: dereference, validate, observe, decide, apply.
//!
//! **Invariant:** a decision takes effect only if nothing else was written since the state that it
//! is based on: the status names the resource version that it replaces, and the route the revision
//! (`a_leader_that_was_paused_changes_nothing_after_another_one_took_over`).

mod apply;
mod cleanup;
mod decide;
mod dereference;
mod observe;
#[cfg(test)]
mod tests;
mod validate;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use kube::{Client, ResourceExt};
use marquee_domain::{Clock, SystemClock};
use marquee_driver::ApplyError;
use marquee_kit::settings::Validate as _;
use marquee_kit::{ClientSettings, Transport};
use marquee_rollout::{Decision, Severity, Status};

use crate::error::Error;
use crate::events::{Note, Publisher};
use crate::metrics::{OperatorMetrics, RolloutLabels};
use crate::resource::ModelRollout;
use crate::settings::RunArgs;
use dereference::Dereferenced;

/// The shortest time until the next round that a decision can ask for.
const SOONEST: Duration = Duration::from_millis(100);

/// What follows from a reconciliation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The rollout is to be looked at again after this time at the latest.
    Again(Duration),
    /// The rollout does not exist any more, or nothing is to be done until it is gone.
    Gone,
}

/// Why the last change of a route was refused.
#[derive(Debug, Clone)]
struct Refusal {
    why: String,
    /// The id of the event that told it. `None` until the API server has taken one.
    event: Option<String>,
}

/// Reconciles rollouts. What it remembers between rounds only saves work.
pub(crate) struct Reconciler {
    client: Client,
    deadline: Duration,
    settings: ClientSettings,
    /// Connections to processes, by address and by the name that their certificate must have.
    transports: Mutex<HashMap<(String, Option<String>), Transport>>,
    /// What did not answer in the last round of each rollout, so that it is logged once.
    problems: Mutex<HashMap<RolloutLabels, Vec<String>>>,
    /// Why the last change of the route of each rollout was refused.
    refusals: Mutex<HashMap<RolloutLabels, Refusal>>,
    publisher: Publisher,
    metrics: OperatorMetrics,
    clock: Arc<dyn Clock>,
}

impl Reconciler {
    /// Prepares a reconciler. `identity` is the name of this operator in events.
    ///
    /// # Errors
    /// The arguments name half of an identity.
    pub(crate) fn new(client: Client, args: &RunArgs, metrics: OperatorMetrics, identity: String) -> Result<Self> {
        let settings = args.identity.client();
        settings.validate()?;
        Ok(Self {
            publisher: Publisher::new(client.clone(), identity, metrics.clone()),
            client,
            deadline: args.deadline,
            settings,
            transports: Mutex::default(),
            problems: Mutex::default(),
            refusals: Mutex::default(),
            metrics,
            clock: Arc::new(SystemClock),
        })
    }

    /// Carries out one round of a rollout.
    ///
    /// # Errors
    /// The API server or the instances did not answer or refused. The next round begins again.
    pub(crate) async fn reconcile(&self, labels: &RolloutLabels) -> Result<Outcome, Error> {
        let Some(found) = dereference::dereference(&self.client, labels).await? else {
            self.forget(labels);
            return Ok(Outcome::Gone);
        };
        if found.rollout.metadata.deletion_timestamp.is_some() {
            self.clean_up(labels, &found).await?;
            self.forget(labels);
            return Ok(Outcome::Gone);
        }
        if self.add_finalizer(&found.rollout).await? {
            return Ok(Outcome::Again(SOONEST));
        }
        self.round(labels, &found).await
    }

    /// Observes, decides and applies.
    async fn round(&self, labels: &RolloutLabels, found: &Dereferenced) -> Result<Outcome, Error> {
        let valid = match validate::validate(&found.rollout) {
            Ok(valid) => valid,
            Err(invalid) => {
                tracing::warn!(namespace = labels.namespace, rollout = labels.name, %invalid, "the rollout is held");
                self.refuse(found, &invalid).await?;
                return Ok(Outcome::Again(Duration::MAX));
            }
        };
        let driver = self.driver(found);
        let commands = valid.commands.iter().filter_map(|(_, command)| command.clone()).collect();
        let refusal = self.refusals().get(labels).map(|refusal| refusal.why.clone());
        let observed = driver.observe(&valid.spec, &valid.status, commands).await.with_refusal(refusal);
        self.log_problems(labels, &observed.problems);
        let decision = driver.decide(&valid.spec, &valid.status, &observed, self.clock.now());
        self.store(&found.rollout, &decision.status).await?;
        self.metrics.show(labels, &decision.status);
        let told = self.publisher.publish(&found.rollout, &decision.status).await;
        let changed = driver.apply(&observed, &decision.actions).await;
        self.remember_refusal(labels, changed)?;
        told?;
        self.tell_refusal(labels, &found.rollout, &decision.status).await?;
        self.answer_commands(&found.rollout, &valid.commands, &decision.status).await?;
        Ok(Outcome::Again(self.until_next(&decision)))
    }

    fn until_next(&self, decision: &Decision) -> Duration {
        decision.next.since(self.clock.now()).max(SOONEST)
    }

    /// Remembers why a route was refused, for the next decision, and logs each new reason.
    ///
    /// # Errors
    /// The route was not changed, and the same change may succeed the next time.
    fn remember_refusal(&self, labels: &RolloutLabels, changed: Result<(), ApplyError>) -> Result<(), Error> {
        let Some(why) = changed.as_ref().err().and_then(ApplyError::refusal).map(str::to_owned) else {
            self.refusals().remove(labels);
            return changed.map_err(Error::Route);
        };
        let mut refusals = self.refusals();
        if refusals.get(labels).is_none_or(|before| before.why != why) {
            tracing::warn!(namespace = labels.namespace, rollout = labels.name, why, "the route was refused");
            refusals.insert(labels.clone(), Refusal { why, event: None });
        }
        Ok(())
    }

    /// Tells why the route was refused, unless an event of the same attempt has told it.
    ///
    /// # Errors
    /// The API server did not answer or refused. The reason is told in the next round.
    async fn tell_refusal(&self, labels: &RolloutLabels, rollout: &ModelRollout, status: &Status) -> Result<(), Error> {
        let Some(refusal) = self.refusals().get(labels).cloned() else { return Ok(()) };
        let note = unchanged(status, &refusal.why);
        if refusal.event.as_ref() == Some(&note.id) {
            return Ok(());
        }
        self.publisher.tell(rollout, &note).await?;
        if let Some(refusal) = self.refusals().get_mut(labels) {
            refusal.event = Some(note.id);
        }
        Ok(())
    }

    fn refusals(&self) -> MutexGuard<'_, HashMap<RolloutLabels, Refusal>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs what did not answer, once for as long as it is the same.
    fn log_problems(&self, labels: &RolloutLabels, problems: &[String]) {
        let mut known = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.insert(labels.clone(), problems.to_vec()).unwrap_or_default();
        for problem in problems.iter().filter(|problem| !before.contains(problem)) {
            tracing::warn!(namespace = labels.namespace, rollout = labels.name, problem, "not observed");
        }
    }

    /// Forgets what is remembered of a rollout.
    fn forget(&self, labels: &RolloutLabels) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).remove(labels);
        self.refusals().remove(labels);
    }
}

/// Returns the event about a route that was refused. Each reason is told once for each rollout and
/// attempt, by this operator or by the next one. The first version of a model waits, and tells
/// nothing else.
fn unchanged(status: &Status, why: &str) -> Note {
    let run = status.rollout.as_ref().map_or((0, 0), |run| (run.number, run.attempt));
    let id = format!("route-{}-{}-{:016x}", run.0, run.1, fingerprint(why));
    let message = format!("the route was refused: {why}");
    Note { id, reason: "RouteNotChanged", message, severity: Severity::Warning }
}

/// Returns a number that is the same for equal texts in every process and release (FNV-1a).
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Returns the uid of an object.
fn uid(rollout: &ModelRollout) -> String {
    rollout.uid().unwrap_or_default()
}
