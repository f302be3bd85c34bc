//! Step 5 of a reconciliation: stores the status, and answers commands. The route is changed by the
//! driver after the status is stored.

use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use marquee_rollout::{Condition, ConditionStatus, ConditionType, Reason, Severity, Status};
use serde_json::json;

use super::dereference::Dereferenced;
use super::validate::{self, Invalid};
use super::{Reconciler, decide, uid};
use crate::commands::{self, Pending};
use crate::error::Error;
use crate::events::Note;
use crate::resource::{API_VERSION, ModelRollout, ModelRolloutStatus};

/// The name of this operator as the owner of fields.
const MANAGER: &str = "marquee-operator";

impl Reconciler {
    /// Stores a status, if it changes anything.
    ///
    /// # Errors
    /// The object has changed since it was read, or the API server did not answer or refused.
    pub(super) async fn store(&self, rollout: &ModelRollout, status: &Status) -> Result<(), Error> {
        // A rollout with a specification that makes no sense has a status too.
        let spec = rollout.read_spec().ok();
        let next = decide::status(status, spec.as_ref(), rollout.metadata.generation);
        if rollout.status.as_ref() == Some(&next) {
            return Ok(());
        }
        let patch = patch(rollout, &next);
        let params = PatchParams::apply(MANAGER).force();
        let stored = self.rollouts(rollout).patch_status(&rollout.name_any(), &params, &Patch::Apply(&patch)).await;
        stored.map(|_| ()).map_err(Error::write("the status"))
    }

    /// Reports that a specification makes no sense. The route stays as it is.
    pub(super) async fn refuse(&self, found: &Dereferenced, invalid: &Invalid) -> Result<(), Error> {
        let rollout = &found.rollout;
        let message = format!("{invalid}; the rollout is held as it is");
        // A status that cannot be read is left alone.
        if let Ok(mut status) = validate::read_status(rollout) {
            (status.reason, status.message) = (Reason::InvalidSpec, message.clone());
            let (kind, state) = (ConditionType::Progressing, ConditionStatus::False);
            let last_transition_time = status.condition_since(kind, state, self.clock.now());
            status.conditions.retain(|condition| condition.kind != kind);
            let (reason, message) = (Reason::InvalidSpec, message.clone());
            status.conditions.push(Condition { kind, status: state, reason, message, last_transition_time });
            self.store(rollout, &status).await?;
        }
        let id = format!("invalid-{}", rollout.metadata.generation.unwrap_or(0));
        let note = Note { id, reason: Reason::InvalidSpec.as_str(), message, severity: Severity::Warning };
        self.publisher.tell(rollout, &note).await
    }

    /// Removes the commands that were carried out, and tells about those that cannot be read.
    pub(super) async fn answer_commands(
        &self,
        rollout: &ModelRollout,
        commands: &[(Pending, Option<marquee_rollout::Command>)],
        status: &Status,
    ) -> Result<(), Error> {
        for (pending, _) in commands.iter().filter(|(_, command)| command.is_none()) {
            let message = format!(
                "'{}' is not a command: use promote, promoteAll, pause, resume, abort, retry or undo",
                pending.verb
            );
            let id = format!("command-{}", pending.id.to_lowercase());
            let note = Note { id, reason: "CommandRefused", message, severity: Severity::Warning };
            self.publisher.tell(rollout, &note).await?;
        }
        let is_done = |command: &Option<marquee_rollout::Command>| {
            command.as_ref().is_none_or(|command| status.handled_commands.contains(&command.id))
        };
        let done = commands.iter().filter(|(_, command)| is_done(command)).map(|(pending, _)| pending.clone());
        let done: Vec<Pending> = done.collect();
        let removed = commands::remove(&self.rollouts(rollout), &rollout.name_any(), &done).await;
        removed.map_err(Error::write("the annotations"))
    }

    /// The objects in the namespace of a rollout.
    pub(super) fn rollouts(&self, rollout: &ModelRollout) -> Api<ModelRollout> {
        Api::namespaced(self.client.clone(), &rollout.namespace().unwrap_or_default())
    }
}

/// The status as a server-side apply, on condition that the object is the one that was read.
fn patch(rollout: &ModelRollout, status: &ModelRolloutStatus) -> serde_json::Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "ModelRollout",
        "metadata": {"name": rollout.name_any(), "uid": uid(rollout), "resourceVersion": rollout.resource_version()},
        "status": status,
    })
}
