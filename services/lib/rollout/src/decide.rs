//! The state machine: from the last status and what was observed to the next status and actions.
//!
//! A decision has these parts, in this order:
//!
//! 1. What was observed is added to the evidence (`evidence`).
//! 2. Commands of people are carried out (`command`).
//! 3. A new target starts a rollout, or supersedes the running one (`target`).
//! 4. Metrics take their parts of the error probability (`shares`) and are measured (`analysis`,
//!    `measure`), failures are found (`failure`), and steps that are done end (`step`).
//! 5. The wanted route follows from the status (`route`), and the rest of the status is written for
//!    people (`report`).

mod analysis;
mod command;
mod failure;
mod measure;
mod place;
mod report;
mod route;
mod shares;
mod step;
mod target;
mod words;

use std::time::Duration;

use marquee_domain::{Salt, Timestamp, Version};

use crate::evidence::CounterScope;
use crate::status::FORMAT;
use crate::{
    Action, Decision, Event, Evidence, Measure, Observations, Reason, Run, Severity, Spec, Status, Test, WantedRoute,
};

/// The number of events in a status.
const MOST_EVENTS: usize = 20;

/// The longest and the shortest time between two decisions.
const LONGEST_REST: Duration = Duration::from_mins(1);
const SHORTEST_REST: Duration = Duration::from_millis(10);

/// Decides what follows from the last status and from what was observed.
///
/// **Invariant:** equal inputs have equal outputs, and the wanted route follows from the status
/// alone. So after a crash between any two actions the next decision continues the rollout.
pub fn decide(spec: &Spec, status: &Status, observations: &Observations, now: Timestamp) -> Decision {
    let mut machine = Machine::new(spec, status, observations, now);
    if let Err(error) = spec.validate() {
        machine.hold(&error.to_string());
        return machine.finish(status);
    }
    machine.adopt_route();
    machine.gather();
    machine.carry_out_commands();
    machine.pursue_target();
    machine.progress();
    machine.describe();
    machine.finish(status)
}

/// A decision in progress.
struct Machine<'a> {
    spec: &'a Spec,
    seen: &'a Observations,
    now: Timestamp,
    status: Status,
    events: Vec<Event>,
}

impl<'a> Machine<'a> {
    fn new(spec: &'a Spec, status: &Status, seen: &'a Observations, now: Timestamp) -> Self {
        let mut status = status.clone();
        status.format = status.format.max(FORMAT);
        Self { spec, seen, now, status, events: Vec::new() }
    }

    /// Returns the rollout that runs.
    fn run(&self) -> Option<&Run> {
        self.status.running()
    }

    fn run_mut(&mut self) -> Option<&mut Run> {
        self.status.rollout.as_mut().filter(|run| run.is_running())
    }

    /// Records something that happened.
    fn tell(&mut self, severity: Severity, reason: Reason, message: impl Into<String>) {
        let number = self.status.events.first().map_or(1, |event| event.number + 1);
        let event = Event { number, time: self.now, reason, message: message.into(), severity };
        self.status.events.insert(0, event.clone());
        self.status.events.truncate(MOST_EVENTS);
        self.events.push(event);
    }

    fn normal(&mut self, reason: Reason, message: impl Into<String>) {
        self.tell(Severity::Normal, reason, message);
    }

    fn warn(&mut self, reason: Reason, message: impl Into<String>) {
        self.tell(Severity::Warning, reason, message);
    }

    /// Takes the stable version from the route before the first rollout, and the salt while no
    /// rollout runs.
    fn adopt_route(&mut self) {
        match &self.seen.route {
            WantedRoute::Present(route) => {
                if self.status.stable.is_none() && self.status.rollout.is_none() {
                    self.status.stable = Some(route.stable());
                }
                if self.run().is_none() || self.status.salt.is_none() {
                    self.status.salt = Some(route.salt().clone());
                }
            }
            WantedRoute::Absent if self.status.salt.is_none() => {
                self.status.salt = Salt::try_new(self.spec.model.as_str()).ok();
            }
            WantedRoute::Absent | WantedRoute::Unreachable => {}
        }
    }

    /// Adds what was observed to the evidence of the running rollout.
    fn gather(&mut self) {
        let Some(run) = self.run() else { return };
        let (since, pair) = (run.evidence_since, self.pair());
        let versions: Vec<Version> = [pair.0, Some(pair.1)].into_iter().flatten().collect();
        let tests: Vec<Test<'_>> = self.spec.metrics.iter().filter_map(crate::Metric::test).collect();
        let mut limits: Vec<_> = tests.iter().filter_map(|test| latency_limit(test)).collect();
        limits.sort_unstable();
        limits.dedup();
        let mut slices: Vec<(&str, Measure)> = tests.iter().filter_map(|test| duel_slice(test)).collect();
        slices.sort_unstable();
        slices.dedup();
        let is_served = tests.iter().any(|test| !matches!(test, Test::Duel(_)));
        if let Some(instances) = self.seen.instances.as_ref().filter(|_| is_served) {
            let scope = CounterScope { versions: &versions, limits: &limits, since, now: self.now };
            self.status.evidence.add_instances(instances, &scope);
        }
        if let Some(duels) = &self.seen.duels {
            let found = duels.iter().find(|duel| (Some(duel.stable), duel.candidate) == pair);
            self.status.evidence.add_duel(found, &slices);
        }
    }

    /// Returns the stable version and the version on trial.
    fn pair(&self) -> (Option<Version>, Version) {
        (self.status.stable, self.run().map_or(Version(0), |run| run.target))
    }

    /// Forgets the evidence and all measurements, and begins again with what is observed now.
    fn renew_evidence(&mut self) {
        let now = self.now;
        self.status.evidence = Evidence::default();
        self.status.analysis.clear();
        if let Some(run) = self.run_mut() {
            run.evidence_since = now;
        }
        self.gather();
    }

    /// Ends the decision: adds the actions that follow from the status.
    fn finish(mut self, before: &Status) -> Decision {
        let route = self.wanted_route_action(before);
        if let WantedRoute::Present(observed) = &self.seen.route {
            self.status.route_revision = observed.revision();
        }
        let next = self.next_decision();
        let actions = route.into_iter().chain(self.events.into_iter().map(Action::Event)).collect();
        Decision { status: self.status, actions, next }
    }
}

fn latency_limit(test: &Test<'_>) -> Option<Duration> {
    match test {
        Test::Latency(latency) => Some(latency.max),
        Test::Duel(_) | Test::Errors(_) => None,
    }
}

fn duel_slice<'a>(test: &Test<'a>) -> Option<(&'a str, Measure)> {
    match test {
        Test::Duel(duel) => Some((duel.slice_name(), duel.measure)),
        Test::Errors(_) | Test::Latency(_) => None,
    }
}

#[cfg(test)]
mod tests;
