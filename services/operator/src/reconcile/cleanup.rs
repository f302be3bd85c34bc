//! What happens to a rollout that is deleted: the stable version answers all users again, and only
//! then the object goes.
//!
//! A finalizer keeps the object until this is done. If no instance can be reached, the operator
//! tries again; a person who knows that there is nothing to clean up may remove the finalizer.

use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use marquee_rollout::{Action, Command, Verb, WantedRoute};
use serde_json::json;

use super::dereference::Dereferenced;
use super::{Reconciler, uid, validate};
use crate::error::Error;
use crate::metrics::RolloutLabels;
use crate::resource::ModelRollout;

/// The finalizer of the operator.
const FINALIZER: &str = "rollouts.marquee.dev/route";

impl Reconciler {
    /// Adds the finalizer to an object. Returns false if it has it already.
    ///
    /// # Errors
    /// The object has changed since it was read, or the API server did not answer or refused.
    pub(super) async fn add_finalizer(&self, rollout: &ModelRollout) -> Result<bool, Error> {
        if has_finalizer(rollout) {
            return Ok(false);
        }
        let finalizers = rollout.finalizers().iter().map(String::as_str).chain([FINALIZER]).collect();
        self.write_finalizers(rollout, finalizers).await.map(|()| true)
    }

    /// Replaces the finalizers of an object, on condition that it is the one that was read.
    async fn write_finalizers(&self, rollout: &ModelRollout, finalizers: Vec<&str>) -> Result<(), Error> {
        let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": rollout.resource_version()}});
        let (rollouts, params) = (self.rollouts(rollout), PatchParams::default());
        let written = rollouts.patch(&rollout.name_any(), &params, &Patch::Merge(&patch)).await;
        written.map(|_| ()).map_err(Error::write("the finalizer"))
    }

    /// Takes the users of a deleted rollout back to the stable version, and lets the object go.
    pub(super) async fn clean_up(&self, labels: &RolloutLabels, found: &Dereferenced) -> Result<(), Error> {
        let rollout = &found.rollout;
        if !has_finalizer(rollout) {
            return Ok(());
        }
        if self.take_back(found).await? {
            tracing::info!(namespace = labels.namespace, rollout = labels.name, "removed, and users taken back");
        }
        let others = rollout.finalizers().iter().map(String::as_str);
        let others = others.filter(|finalizer| *finalizer != FINALIZER).collect();
        self.write_finalizers(rollout, others).await
    }

    /// Aborts a rollout that runs. Returns false if there was nothing to do.
    async fn take_back(&self, found: &Dereferenced) -> Result<bool, Error> {
        // Without a specification or an instance nothing can be done, and no user is on a candidate
        // of an instance that does not exist.
        let Ok(valid) = validate::validate(&found.rollout) else { return Ok(false) };
        let is_running = valid.status.running().is_some();
        if !is_running || found.instances.is_empty() {
            return Ok(false);
        }
        let driver = self.driver(found);
        let command = Command { id: format!("deleted-{}", uid(&found.rollout)), verb: Verb::Abort };
        let observed = driver.observe(&valid.spec, &valid.status, vec![command]).await;
        let decision = driver.decide(&valid.spec, &valid.status, &observed, self.clock.now());
        driver.apply(&observed, &decision.actions).await.map_err(Error::Route)?;
        let changed = decision.actions.iter().any(|action| matches!(action, Action::SetRoute { .. }));
        if !changed && !is_clear(&observed.observations.route) {
            return Err(Error::Cleanup(observed.problems.join("; ")));
        }
        self.publisher.publish(&found.rollout, &decision.status).await?;
        Ok(true)
    }
}

/// Returns whether an object has the finalizer of the operator.
fn has_finalizer(rollout: &ModelRollout) -> bool {
    rollout.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// Returns whether a route has no candidate.
fn is_clear(route: &WantedRoute) -> bool {
    match route {
        WantedRoute::Present(route) => route.candidates().is_empty() && route.shadow().is_empty(),
        WantedRoute::Absent => true,
        WantedRoute::Unreachable => false,
    }
}
