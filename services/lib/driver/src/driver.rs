//! The rounds of a rollout: observe, decide, apply.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{Timestamp, Version};
use marquee_rollout::{Action, Command, Decision, Observations, Spec, Status, WantedRoute};

use crate::apply::{self, ApplyError};
use crate::observe;
use crate::{Endpoint, Evidence, Instances};

/// The shortest deadline of a change of the route. The instance first verifies versions that are
/// not loaded, which reads their packages from the object store.
const CHANGE: Duration = Duration::from_secs(20);

/// Observes a fleet, decides about rollouts, and changes routes. It has no state of its own.
#[derive(Debug, Clone)]
pub struct Driver {
    instances: Arc<dyn Instances>,
    evidence: Arc<dyn Evidence>,
    deadline: Duration,
}

/// What was observed in one round.
#[derive(Debug, Clone)]
pub struct Observed {
    /// What the decision is made from.
    pub observations: Observations,
    /// What did not answer, each as one line for the log.
    pub problems: Vec<String>,
    /// The instances through which the route is changed.
    endpoints: Vec<Endpoint>,
}

impl Observed {
    /// Adds why the last change of the route was refused, which [`ApplyError::refusal`] returns.
    #[must_use]
    pub fn with_refusal(mut self, refusal: Option<String>) -> Self {
        self.observations.refusal = refusal;
        self
    }
}

impl Driver {
    /// Creates a driver. What does not answer within the deadline counts as unreachable.
    pub fn new(instances: Arc<dyn Instances>, evidence: Arc<dyn Evidence>, deadline: Duration) -> Self {
        Self { instances, evidence, deadline }
    }

    /// Asks the instances, and then the monitor about the versions that they route. Takes at most
    /// three deadlines.
    pub async fn observe(&self, spec: &Spec, status: &Status, commands: Vec<Command>) -> Observed {
        let mut problems = Vec::new();
        let listed = observe::within(self.deadline, self.instances.list()).await;
        let listed = listed.map_err(|error| problems.push(format!("list the inference instances: {error}"))).ok();
        let endpoints = listed.clone().unwrap_or_default();
        let asked = observe::ask_all(&endpoints, &spec.model, self.deadline).await;
        for one in &asked {
            if let Err(error) = &one.answer {
                problems.push(format!("ask {}: {error}", one.name));
            }
        }
        let (route, published) = (observe::route(&asked), observe::published(&asked));
        let latest = published.as_ref().and_then(|versions| versions.last().copied());
        let pairs = pairs(spec, status, (&route, latest));
        let duels = observe::duels(&*self.evidence, &spec.model, &pairs, self.deadline).await;
        let duels = duels.map_err(|error| problems.push(error.to_string())).ok();
        let instances = listed.map(|_| observe::instances(&asked));
        let observations = Observations { route, instances, published, latest, duels, refusal: None, commands };
        Observed { observations, problems, endpoints }
    }

    /// Decides what follows from a round's observations. The caller stores the status before it
    /// applies the actions.
    pub fn decide(&self, spec: &Spec, status: &Status, observed: &Observed, now: Timestamp) -> Decision {
        marquee_rollout::decide(spec, status, &observed.observations, now)
    }

    /// Carries out the route changes of a decision. Events are for the caller to tell.
    ///
    /// # Errors
    /// A route was not changed. The next round decides it again.
    pub async fn apply(&self, observed: &Observed, actions: &[Action]) -> Result<(), ApplyError> {
        for action in actions {
            if let Action::SetRoute { route, expected_revision } = action {
                let deadline = self.deadline.max(CHANGE);
                apply::set_route(&observed.endpoints, route, *expected_revision, deadline).await?;
            }
        }
        Ok(())
    }
}

/// Returns the pairs of versions whose duels matter: the one of the running rollout, and the one of
/// a rollout that may start now. The sums at its start must be known, so that only later ratings
/// count.
fn pairs(spec: &Spec, status: &Status, fleet: (&WantedRoute, Option<Version>)) -> Vec<(Version, Version)> {
    let (route, latest) = fleet;
    let routed = match route {
        WantedRoute::Present(route) => Some(route.stable()),
        WantedRoute::Absent | WantedRoute::Unreachable => None,
    };
    let target = if spec.follow.is_some() { latest } else { spec.version };
    let undone = status.undo.as_ref().map(|undo| undo.to);
    let stables = [status.stable, routed];
    let others = [status.candidate, target, undone];
    let pairs = stables.into_iter().flatten().flat_map(|stable| others.into_iter().flatten().map(move |o| (stable, o)));
    let distinct: BTreeSet<(Version, Version)> = pairs.filter(|(stable, other)| stable != other).collect();
    distinct.into_iter().collect()
}
