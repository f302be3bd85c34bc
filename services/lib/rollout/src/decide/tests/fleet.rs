//! A fleet in memory: a routing table, instances that follow it, a monitor, and the loop that
//! observes, decides, stores the status and acts.

use std::collections::BTreeMap;
use std::time::Duration;

use marquee_domain::{Candidate, Route, RouteSpec, Salt, Timestamp, Version};

use crate::{
    Action, Command, Decision, Event, Histogram, InstanceObservation, InstanceReport, Observations, PairObservation,
    PairSums, Phase, Reason, Served, Spec, Status, Verb, VersionObservation, VersionState, WantedRoute, decide,
};

/// A specification with one duel in shadow and at every weight.
pub(super) const CAREFUL: &str = r#"
    model = "ratings"
    version = 2
    alpha = 0.01
    steps = [
        { shadow = {} },
        { analysis = { metrics = ["quality"] } },
        { setWeight = 5 },
        { pause = { duration = "1m" } },
        { setWeight = 25 },
        { pause = { duration = "1m" } },
        { setWeight = 50 },
        { pause = { duration = "1m" } },
    ]
    analysis = { metrics = ["quality"] }
    metrics = [{ name = "quality", duel = { margin = 0.01, minRatings = 500 } }]
"#;

pub(super) fn spec(text: &str) -> Spec {
    Spec::read(toml::Deserializer::parse(text).expect("TOML")).expect("a valid specification")
}

/// How an instance behaves.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) incarnation: u64,
    pub(super) started_at: Timestamp,
    pub(super) is_ready: bool,
    pub(super) is_reachable: bool,
    /// It keeps the route that it has.
    pub(super) is_stuck: bool,
    /// Why it cannot load version 2.
    pub(super) failure: Option<String>,
    pub(super) effective: Option<Route>,
    pub(super) served: BTreeMap<Version, (u64, u64, u64)>,
}

/// A fleet, and a rollout that is driven in it.
#[derive(Debug, Clone)]
pub(super) struct Fleet {
    pub(super) spec: Spec,
    pub(super) status: Status,
    pub(super) now: Timestamp,
    pub(super) next: Timestamp,
    pub(super) route: Option<Route>,
    pub(super) is_table_reachable: bool,
    pub(super) instances: Vec<Instance>,
    pub(super) is_listed: bool,
    pub(super) published: Option<Vec<Version>>,
    pub(super) latest: Option<Version>,
    pub(super) duels: BTreeMap<(Version, Version), PairSums>,
    pub(super) is_monitor_reachable: bool,
    pub(super) commands: Vec<Command>,
    pub(super) events: Vec<Event>,
    /// Why every change of the route to version 2 is refused.
    pub(super) refusal: Option<String>,
    refused: Option<String>,
    given: u64,
}

pub(super) fn second(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_000_000 + seconds)
}

impl Fleet {
    /// Creates a fleet of three instances that serve version 1, with version 2 published.
    pub(super) fn new(text: &str) -> Self {
        let route = route(1, None, 1);
        let instances = ["a", "b", "c"].map(|name| Instance::new(name, second(-3_600), Some(route.clone())));
        Self {
            spec: spec(text),
            status: Status::default(),
            now: second(0),
            next: second(0),
            route: Some(route),
            is_table_reachable: true,
            instances: instances.to_vec(),
            is_listed: true,
            published: Some(vec![Version(1), Version(2)]),
            latest: Some(Version(2)),
            duels: BTreeMap::new(),
            is_monitor_reachable: true,
            commands: Vec::new(),
            events: Vec::new(),
            refusal: None,
            refused: None,
            given: 0,
        }
    }

    pub(super) fn observations(&self) -> Observations {
        let pair = |(&(stable, candidate), sums): (&(Version, Version), &PairSums)| PairObservation {
            stable,
            candidate,
            slices: BTreeMap::from([("all".to_owned(), *sums)]),
        };
        Observations {
            route: match &self.route {
                _ if !self.is_table_reachable => WantedRoute::Unreachable,
                Some(route) => WantedRoute::Present(route.clone()),
                None => WantedRoute::Absent,
            },
            instances: self.is_listed.then(|| self.instances.iter().map(Instance::observe).collect()),
            published: self.published.clone(),
            latest: self.latest.filter(|_| self.published.is_some()),
            duels: self.is_monitor_reachable.then(|| self.duels.iter().map(pair).collect()),
            refusal: self.refused.clone(),
            commands: self.commands.clone(),
        }
    }

    pub(super) fn decide(&self) -> Decision {
        decide(&self.spec, &self.status, &self.observations(), self.now)
    }

    /// Decides once, stores the status, acts, and lets instances follow.
    pub(super) fn tick(&mut self) {
        let decision = self.decide();
        self.store(&decision);
        self.act(&decision.actions);
        self.follow();
    }

    pub(super) fn store(&mut self, decision: &Decision) {
        self.status = decision.status.clone();
        self.next = decision.next;
        self.commands.retain(|command| !self.status.handled_commands.contains(&command.id));
    }

    pub(super) fn act(&mut self, actions: &[Action]) {
        self.refused = None;
        for action in actions {
            match action {
                Action::SetRoute { route, .. } if self.refusal.is_some() && names(route, 2) => {
                    self.refused.clone_from(&self.refusal);
                }
                Action::SetRoute { route, expected_revision } => {
                    let current = self.route.as_ref().map_or(0, Route::revision);
                    if self.is_table_reachable && current == *expected_revision {
                        self.route = Some(route.clone());
                    }
                }
                Action::Event(event) => self.events.push(event.clone()),
            }
        }
    }

    /// Lets every instance that can follow the wanted route.
    pub(super) fn follow(&mut self) {
        for instance in &mut self.instances {
            let fails = instance.failure.is_some() && self.route.as_ref().is_some_and(|route| names(route, 2));
            if !instance.is_stuck && !fails {
                instance.effective.clone_from(&self.route);
            }
        }
    }

    /// Ticks every second for a time. Each second has `ratings` ratings, on which the candidate's
    /// mean squared error is larger by `worse`.
    pub(super) fn run(&mut self, seconds: u64, ratings: u64, worse: f64) {
        for _ in 0..seconds {
            self.now = self.now.plus(Duration::from_secs(1));
            self.rate(ratings, worse);
            self.tick();
        }
    }

    /// Runs until a phase is reached.
    #[track_caller]
    pub(super) fn run_until(&mut self, phase: Phase, ratings: u64, worse: f64) {
        for _ in 0..20_000 {
            if self.status.phase == phase {
                return;
            }
            self.run(1, ratings, worse);
        }
        panic!("{phase:?} was not reached: {:?} {}: {}", self.status.phase, self.status.reason, self.status.message);
    }

    /// Runs until a reason is reached.
    #[track_caller]
    pub(super) fn run_until_reason(&mut self, reason: Reason, ratings: u64, worse: f64) {
        for _ in 0..20_000 {
            if self.status.reason == reason {
                return;
            }
            self.run(1, ratings, worse);
        }
        panic!("{reason} was not reached: {}: {}", self.status.reason, self.status.message);
    }

    /// Adds ratings to the duel of the stable version with every other one.
    pub(super) fn rate(&mut self, ratings: u64, worse: f64) {
        let Some(route) = self.route.clone() else { return };
        for candidate in route.versions().filter(|version| *version != route.stable()) {
            let sums = self.duels.entry((route.stable(), candidate)).or_default();
            for _ in 0..ratings {
                // Differences of plus and minus 0.3 around the mean, so that the variance is known.
                let noise = if sums.squared.ratings.is_multiple_of(2) { 0.3 } else { -0.3 };
                for loss in [&mut sums.squared, &mut sums.absolute, &mut sums.log_loss] {
                    loss.add_rating(0.81, 0.81 + worse + noise);
                }
            }
        }
    }

    /// Serves requests on every instance, of which some fail and some are slow.
    pub(super) fn serve(&mut self, version: u64, requests: u64, errors: u64, slow: u64) {
        for instance in &mut self.instances {
            let served = instance.served.entry(Version(version)).or_default();
            *served = (served.0 + requests, served.1 + errors, served.2 + slow);
        }
    }

    pub(super) fn command(&mut self, verb: Verb) {
        self.given += 1;
        self.commands.push(Command { id: format!("command-{}", self.given), verb });
    }

    /// Returns the candidate's share of users in the routing table, in basis points.
    pub(super) fn weight(&self) -> u32 {
        self.route.iter().flat_map(Route::candidates).map(|candidate| candidate.weight.get()).sum()
    }

    pub(super) fn reasons(&self) -> Vec<Reason> {
        self.events.iter().map(|event| event.reason).collect()
    }

    /// Returns the message of the last event with a reason.
    #[track_caller]
    pub(super) fn told(&self, reason: Reason) -> &str {
        let event = self.events.iter().rfind(|event| event.reason == reason);
        &event.unwrap_or_else(|| panic!("{reason} was not told: {:?}", self.reasons())).message
    }
}

impl Instance {
    pub(super) fn new(name: &str, started_at: Timestamp, effective: Option<Route>) -> Self {
        Self {
            name: name.to_owned(),
            incarnation: 1,
            started_at,
            is_ready: true,
            is_reachable: true,
            is_stuck: false,
            failure: None,
            effective,
            served: BTreeMap::new(),
        }
    }

    fn observe(&self) -> InstanceObservation {
        let state = if self.failure.is_some() { VersionState::Failed } else { VersionState::Warm };
        let reason = self.failure.clone().unwrap_or_default();
        let served = self.served.iter().map(|(version, (requests, errors, slow))| {
            let bounds = vec![Duration::from_millis(50)];
            let latency = Histogram { bounds, counts: vec![requests - slow, *slow] };
            (*version, Served { requests: *requests, errors: *errors, latency })
        });
        let report = InstanceReport {
            incarnation: self.incarnation.to_string(),
            started_at: self.started_at,
            effective: self.effective.clone(),
            versions: vec![VersionObservation { version: Version(2), state, reason, retrying: false }],
            served: served.collect(),
        };
        InstanceObservation {
            name: self.name.clone(),
            ready: self.is_ready,
            report: Some(report).filter(|_| self.is_reachable),
        }
    }
}

pub(super) fn route(stable: u64, candidate: Option<(u64, u32)>, revision: u64) -> Route {
    let candidate = candidate
        .map(|(version, points)| Candidate { version: Version(version), weight: points.try_into().expect("a share") });
    Route::try_new(RouteSpec {
        model: "ratings".to_owned().try_into().expect("a name"),
        stable: Version(stable),
        candidates: candidate.into_iter().collect(),
        shadow: Vec::new(),
        salt: Salt::try_new("salt").expect("a salt"),
        revision,
    })
    .expect("a route")
}

fn names(route: &Route, version: u64) -> bool {
    route.versions().any(|named| named == Version(version))
}
