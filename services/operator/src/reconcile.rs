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
use marquee_rollout::{Decision, Severity};

use crate::error::Error;
use crate::events::{Note, Publisher};
use crate::metrics::{OperatorMetrics, RolloutLabels};
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

/// Reconciles rollouts. What it remembers between rounds only saves work.
pub(crate) struct Reconciler {
    client: Client,
    deadline: Duration,
    settings: ClientSettings,
    /// Connections to processes, by address.
    transports: Mutex<HashMap<String, Transport>>,
    /// What did not answer in the last round of each rollout, so that it is logged once.
    problems: Mutex<HashMap<RolloutLabels, Vec<String>>>,
    /// Why the last change of the route of each rollout was refused.
    refusals: Mutex<HashMap<RolloutLabels, String>>,
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
        let refusal = self.refusals().get(labels).cloned();
        let observed = driver.observe(&valid.spec, &valid.status, commands).await.with_refusal(refusal);
        self.log_problems(labels, &observed.problems);
        let decision = driver.decide(&valid.spec, &valid.status, &observed, self.clock.now());
        self.store(&found.rollout, &decision.status).await?;
        self.metrics.show(labels, &decision.status);
        let told = self.publisher.publish(&found.rollout, &decision.status).await;
        let changed = driver.apply(&observed, &decision.actions).await;
        let refusal = self.remember_refusal(labels, changed)?;
        told?;
        if let Some(message) = refusal {
            self.publisher.tell(&found.rollout, &unchanged(&decision.status, message)).await?;
        }
        self.answer_commands(&found.rollout, &valid.commands, &decision.status).await?;
        Ok(Outcome::Again(self.until_next(&decision)))
    }

    fn until_next(&self, decision: &Decision) -> Duration {
        decision.next.since(self.clock.now()).max(SOONEST)
    }

    /// Remembers why a route was refused, for the next decision. Returns it if it is another reason
    /// than before.
    ///
    /// # Errors
    /// The route was not changed for another reason.
    fn remember_refusal(
        &self,
        labels: &RolloutLabels,
        changed: Result<(), ApplyError>,
    ) -> Result<Option<String>, Error> {
        let Some(refusal) = changed.as_ref().err().and_then(ApplyError::refusal).map(str::to_owned) else {
            self.refusals().remove(labels);
            return changed.map(|()| None).map_err(Error::Route);
        };
        let before = self.refusals().insert(labels.clone(), refusal.clone());
        Ok((before.as_ref() != Some(&refusal)).then_some(refusal))
    }

    fn refusals(&self) -> MutexGuard<'_, HashMap<RolloutLabels, String>> {
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

/// Returns the event about a route that was refused. It is told once for each rollout and attempt,
/// by this operator or by the next one. The first version of a model waits, and tells nothing else.
fn unchanged(status: &marquee_rollout::Status, refusal: String) -> Note {
    let run = status.rollout.as_ref().map_or((0, 0), |run| (run.number, run.attempt));
    let id = format!("route-{}-{}", run.0, run.1);
    let message = format!("the route was refused: {refusal}");
    Note { id, reason: "RouteNotChanged", message, severity: Severity::Warning }
}

/// Returns the uid of an object.
fn uid(rollout: &crate::resource::ModelRollout) -> String {
    rollout.uid().unwrap_or_default()
}
