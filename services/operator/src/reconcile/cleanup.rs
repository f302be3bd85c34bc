//! What happens to a rollout that is deleted: the stable version answers all users again, and only
//! then the object goes.
//!
//! A finalizer keeps the object until the route names no version that the rollout tried. Which
//! versions these are, and which one is stable, follows from the status alone, so a rollout whose
//! specification makes no sense any more is cleaned up too. What was not possible is tried again.
//!
//! **Invariant:** a rollout that is deleted leaves no user on its candidate, except if its fleet
//! was deleted too (`a_deleted_rollout_takes_its_users_back_before_it_goes`).
//!
//! A fleet that was deleted has no EndpointSlice. Its rollout is let go ten minutes after the
//! deletion (`PATIENCE`), and an event says so. A person who knows that there is nothing to clean
//! up may remove the finalizer earlier.

use std::time::Duration;

use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use marquee_domain::{Route, RouteSpec, Timestamp, Version};
use marquee_rollout::{Action, Outcome, Severity, Spec, Status, WantedRoute};
use serde_json::json;

use super::dereference::{self, Dereferenced};
use super::{Reconciler, fingerprint, validate};
use crate::error::Error;
use crate::events::Note;
use crate::metrics::RolloutLabels;
use crate::resource::ModelRollout;

/// The finalizer of the operator.
const FINALIZER: &str = "rollouts.marquee.dev/route";

/// How long a deleted rollout is kept if there is no EndpointSlice of its inference instances. A
/// Service that is replaced has none for a moment.
pub(super) const PATIENCE: Duration = Duration::from_mins(10);

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
    ///
    /// # Errors
    /// The route may still name a version that the rollout tried, so the object stays.
    pub(super) async fn clean_up(&self, labels: &RolloutLabels, found: &Dereferenced) -> Result<(), Error> {
        let rollout = &found.rollout;
        if !has_finalizer(rollout) {
            return Ok(());
        }
        match self.take_back(found).await {
            Ok(Some(note)) => self.tell_if_allowed(rollout, &note).await?,
            Ok(None) => {}
            Err(error) => {
                if !error.is_conflict() {
                    // What cannot be told now is told by the next try.
                    let _ = self.tell_if_allowed(rollout, &waiting(&error)).await;
                }
                return Err(error);
            }
        }
        let others = rollout.finalizers().iter().map(String::as_str);
        let others = others.filter(|finalizer| *finalizer != FINALIZER).collect();
        self.write_finalizers(rollout, others).await?;
        tracing::info!(namespace = labels.namespace, rollout = labels.name, "a deleted rollout was let go");
        Ok(())
    }

    /// Makes the stable version answer all users. Returns the event about it, or `None` if there
    /// was nothing to do.
    async fn take_back(&self, found: &Dereferenced) -> Result<Option<Note>, Error> {
        let rollout = &found.rollout;
        let status = validate::read_status(rollout).map_err(|invalid| Error::Cleanup(invalid.to_string()))?;
        let tried = tried(&status);
        // The first version of a model has no other one to return to.
        let Some(stable) = status.stable.filter(|_| !tried.is_empty()) else { return Ok(None) };
        if found.instances.is_empty() {
            return self.give_up(found).map(Some);
        }
        let spec = asking_about(rollout, stable)?;
        let driver = self.driver(found);
        let observed = driver.observe(&spec, &Status::default(), Vec::new()).await;
        let route = match &observed.observations.route {
            WantedRoute::Present(route) => route,
            WantedRoute::Absent => return Ok(None),
            WantedRoute::Unreachable => return Err(Error::Cleanup(unreachable(&observed.problems))),
        };
        let names_tried = route.versions().any(|version| tried.contains(&version));
        let is_cleared = route.stable() == stable && route.candidates().is_empty() && route.shadow().is_empty();
        if !names_tried && !is_cleared {
            return another_route(route, &status).map(|()| None);
        }
        // A route that is cleared already is written too: this fails if the instances have not read
        // a newer route yet.
        let action = Action::SetRoute { route: cleared(route, stable)?, expected_revision: route.revision() };
        driver.apply(&observed, &[action]).await.map_err(Error::Route)?;
        // The event about a rollout that ran may be one that an earlier try could not tell.
        let is_news = names_tried || status.running().is_some();
        Ok(is_news.then(|| taken_back(stable)))
    }

    /// Decides about a rollout without a known instance. Returns the event about a fleet that was
    /// deleted.
    fn give_up(&self, found: &Dereferenced) -> Result<Note, Error> {
        let service = &found.rollout.spec.instances;
        let (labels, port) = (dereference::selector(service), &service.port);
        if found.is_deployed {
            let message = format!("no endpoint in the EndpointSlices with {labels} has the port {port}");
            return Err(Error::Cleanup(message));
        }
        let deleted = found.rollout.metadata.deletion_timestamp.as_ref();
        let deleted = deleted.map(|time| Timestamp::from_micros(time.0.as_microsecond()));
        let waited = deleted.map_or(Duration::ZERO, |time| self.clock.now().since(time));
        let (gone, minutes) = (format!("there is no EndpointSlice with {labels}"), PATIENCE.as_secs() / 60);
        if waited < PATIENCE {
            let message = format!("{gone}; if none appears, the rollout is let go {minutes} min after its deletion");
            return Err(Error::Cleanup(message));
        }
        let message = format!("{gone} {minutes} min after the deletion, so the route was left as it is");
        Ok(Note { id: "deleted-fleet-gone".to_owned(), reason: "FleetGone", message, severity: Severity::Warning })
    }

    /// Tells an event. A namespace that is being deleted takes none, and must not keep the object.
    async fn tell_if_allowed(&self, rollout: &ModelRollout, note: &Note) -> Result<(), Error> {
        match self.publisher.tell(rollout, note).await {
            Err(error) if error.is_forbidden() => {
                let (namespace, name) = (rollout.namespace().unwrap_or_default(), rollout.name_any());
                tracing::warn!(namespace, rollout = name, why = note.message, "no event is allowed any more");
                Ok(())
            }
            told => told,
        }
    }
}

/// Returns whether an object has the finalizer of the operator.
fn has_finalizer(rollout: &ModelRollout) -> bool {
    rollout.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// Returns the versions that the route may name although they are not stable: those that were on
/// trial since the last rollout that completed.
fn tried(status: &Status) -> Vec<Version> {
    let running = status.running().map(|run| run.target);
    let ended = status.history.iter().take_while(|past| past.outcome != Outcome::Completed).map(|past| past.target);
    running.into_iter().chain(ended).filter(|version| Some(*version) != status.stable).collect()
}

/// Returns a specification that instances can be asked about. That of the rollout may be one that
/// this release cannot read.
fn asking_about(rollout: &ModelRollout, stable: Version) -> Result<Spec, Error> {
    let model = rollout.spec.rollout.get("model");
    Spec::read(json!({"model": model, "version": stable})).map_err(|error| Error::Cleanup(error.to_string()))
}

/// Returns the route that sends all users to the stable version. Their buckets stay.
fn cleared(route: &Route, stable: Version) -> Result<Route, Error> {
    let parts = RouteSpec {
        model: route.model().clone(),
        stable,
        candidates: Vec::new(),
        shadow: Vec::new(),
        salt: route.salt().clone(),
        revision: route.revision() + 1,
    };
    Route::try_new(parts).map_err(|error| Error::Cleanup(error.to_string()))
}

/// Checks that a route that the rollout did not make is the present one.
fn another_route(route: &Route, status: &Status) -> Result<(), Error> {
    let (found, seen) = (route.revision(), status.route_revision);
    if found >= seen {
        return Ok(());
    }
    Err(Error::Cleanup(format!("the instances have read revision {found} of the route, and it was at {seen} before")))
}

fn unreachable(problems: &[String]) -> String {
    if problems.is_empty() { "no instance has read the routing table".to_owned() } else { problems.join("; ") }
}

/// Returns the event about users who were taken back.
fn taken_back(stable: Version) -> Note {
    let message = format!("the rollout was deleted, and version {stable} answers all users");
    Note { id: "deleted-taken-back".to_owned(), reason: "UsersTakenBack", message, severity: Severity::Normal }
}

/// Returns the event about a rollout that was deleted and cannot go yet. Each reason is told once.
fn waiting(error: &Error) -> Note {
    let message = marquee_kit::chain(error);
    let id = format!("deleted-{:016x}", fingerprint(&message));
    Note { id, reason: "DeletionWaits", message, severity: Severity::Warning }
}
