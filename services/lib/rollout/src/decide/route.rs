//! The wanted route follows from the status alone.

use marquee_domain::{Candidate, Route, RouteSpec, Salt, Timestamp, Version};

use super::Machine;
use crate::{Action, InstanceObservation, Phase, Placement, Reason, Status, VersionState, WantedRoute};

/// What a route says, without model and revision.
#[derive(Debug, Clone, PartialEq)]
struct Parts {
    stable: Version,
    candidates: Vec<Candidate>,
    shadow: Vec<Version>,
    salt: Salt,
}

impl Parts {
    fn of(route: &Route) -> Self {
        Self {
            stable: route.stable(),
            candidates: route.candidates().to_vec(),
            shadow: route.shadow().to_vec(),
            salt: route.salt().clone(),
        }
    }

    /// Returns what a status wants, or `None` if it leaves the route as it is.
    fn wanted(status: &Status) -> Option<Self> {
        let salt = status.salt.clone()?;
        let alone = |stable: Version| Self { stable, candidates: Vec::new(), shadow: Vec::new(), salt: salt.clone() };
        let Some(run) = status.running() else {
            let decided = status.rollout.is_some() || status.phase == Phase::Completed;
            return status.stable.filter(|_| decided).map(alone);
        };
        match run.placement {
            Placement::Absent => status.stable.map(alone),
            Placement::Shadow => status.stable.map(|stable| Self { shadow: vec![run.target], ..alone(stable) }),
            Placement::Weight => {
                let candidates = vec![Candidate { version: run.target, weight: run.weight.points() }];
                status.stable.map(|stable| Self { candidates, ..alone(stable) })
            }
            Placement::Stable => Some(alone(run.target)),
        }
    }
}

impl Machine<'_> {
    /// Returns the change that makes the observed route the wanted one, if there is one.
    pub(super) fn wanted_route_action(&mut self, before: &Status) -> Option<Action> {
        let wanted = Parts::wanted(&self.status)?;
        let expected_revision = match &self.seen.route {
            WantedRoute::Unreachable => return None,
            WantedRoute::Absent => 0,
            WantedRoute::Present(route) if Parts::of(route) == wanted => return None,
            WantedRoute::Present(route) => {
                let is_other = Parts::wanted(before).is_some_and(|parts| parts != Parts::of(route));
                if is_other && route.revision() > self.status.route_revision && self.status.route_revision > 0 {
                    let message =
                        format!("revision {} of the route was set back to what this rollout wants", route.revision());
                    self.warn(Reason::RouteRestored, message);
                }
                route.revision()
            }
        };
        let Parts { stable, candidates, shadow, salt } = wanted;
        let (model, revision) = (self.spec.model.clone(), expected_revision + 1);
        // The parts contradict each other only if the status was changed by hand.
        let route = Route::try_new(RouteSpec { model, stable, candidates, shadow, salt, revision }).ok()?;
        Some(Action::SetRoute { route, expected_revision })
    }

    /// Returns the observed route if it is the wanted one.
    pub(super) fn wanted_route(&self) -> Option<&Route> {
        match &self.seen.route {
            WantedRoute::Present(route) => {
                Parts::wanted(&self.status).filter(|wanted| *wanted == Parts::of(route)).map(|_| route)
            }
            WantedRoute::Absent | WantedRoute::Unreachable => None,
        }
    }

    /// Returns whether an instance answers with the wanted route.
    pub(super) fn follows(&self, instance: &InstanceObservation) -> bool {
        let effective = instance.report.as_ref().and_then(|report| report.effective.as_ref());
        let wanted = self.wanted_route();
        wanted.zip(effective).is_some_and(|(wanted, effective)| wanted.revision() == effective.revision())
    }

    /// Returns whether there is a ready instance, and all of them answer with the wanted route.
    ///
    /// **Invariant:** a weight moves on only after this is true, or by a person, or after the
    /// deadline if the specification says so.
    pub(super) fn all_instances_follow(&self) -> bool {
        let mut ready = self.ready_instances().peekable();
        ready.peek().is_some() && ready.all(|instance| self.follows(instance))
    }

    pub(super) fn ready_instances(&self) -> impl Iterator<Item = &InstanceObservation> {
        self.seen.instances.iter().flatten().filter(|instance| instance.ready)
    }

    /// Returns one sentence on the instances that do not answer with the wanted route.
    pub(super) fn instances_behind(&self) -> String {
        if self.seen.instances.is_none() {
            return "the instances could not be listed".to_owned();
        }
        if self.seen.route == WantedRoute::Unreachable {
            return "the routing table could not be read".to_owned();
        }
        let behind: Vec<&InstanceObservation> = self.ready_instances().filter(|i| !self.follows(i)).collect();
        let ready = self.ready_instances().count();
        let named =
            behind.iter().take(3).map(|instance| format!("'{}' ({})", instance.name, self.why_behind(instance)));
        match (ready, behind.len()) {
            (0, _) => "there is no ready instance".to_owned(),
            (_, 0) => format!("all {ready} ready instances answer with the wanted route"),
            (_, count) => {
                let more = if count > 3 { format!(" and {} more", count - 3) } else { String::new() };
                let names = named.collect::<Vec<_>>().join(", ");
                format!(
                    "{} of {ready} ready instances answer with the wanted route; missing: {names}{more}",
                    ready - count
                )
            }
        }
    }

    fn why_behind(&self, instance: &InstanceObservation) -> String {
        let Some(report) = &instance.report else { return "could not be asked".to_owned() };
        let candidate = self.pair().1;
        let mut versions = report.versions.iter();
        let cold = versions.find(|v| v.version == candidate && v.state != VersionState::Warm);
        match (cold, &report.effective) {
            (Some(cold), _) if cold.reason.is_empty() => format!("version {} is {:?}", cold.version, cold.state),
            (Some(cold), _) => format!("version {} is {:?}: {}", cold.version, cold.state, cold.reason),
            (None, Some(route)) => format!("has revision {}", route.revision()),
            (None, None) => "answers with no route".to_owned(),
        }
    }

    /// Returns the latest time of the next decision.
    pub(super) fn next_decision(&self) -> Timestamp {
        let latest = self.now.plus(super::LONGEST_REST);
        let times = [self.next_measurement(), self.step_ends_at()];
        let next = times.into_iter().flatten().min().unwrap_or(latest).min(latest);
        next.max(self.now.plus(super::SHORTEST_REST))
    }
}
