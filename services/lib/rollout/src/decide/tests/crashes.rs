//! A crash between any two actions: the rollout comes to the same end.

use marquee_domain::{Candidate, Route, Version};
use proptest::prelude::*;

use super::fleet::{CAREFUL, Fleet};
use crate::{Outcome, Phase, Verb};

/// What a crash of the driver lost.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Crash {
    /// The status was stored, and no action was carried out.
    Actions,
    /// The status was stored, and the first action was carried out.
    LaterActions,
    /// The actions were carried out, and the status was not stored.
    Status,
    /// The decision was lost as a whole.
    Everything,
}

const CRASHES: [Crash; 4] = [Crash::Actions, Crash::LaterActions, Crash::Status, Crash::Everything];

/// What a rollout came to.
#[derive(Debug, PartialEq)]
struct End {
    phase: Phase,
    stable: Option<Version>,
    past: Vec<(Version, Outcome)>,
    route: (Version, Vec<Candidate>, Vec<Version>),
}

impl Fleet {
    /// Decides once, and crashes.
    fn crash(&mut self, crash: Crash) {
        let decision = self.decide();
        match crash {
            Crash::Actions => self.store(&decision),
            Crash::LaterActions => {
                self.store(&decision);
                self.act(&decision.actions[..decision.actions.len().min(1)]);
            }
            Crash::Status => self.act(&decision.actions),
            Crash::Everything => {}
        }
        self.follow();
    }

    fn end(&self) -> End {
        let route = self.route.as_ref().expect("a route");
        let parts = |route: &Route| (route.stable(), route.candidates().to_vec(), route.shadow().to_vec());
        End {
            phase: self.status.phase,
            stable: self.status.stable,
            past: self.status.history.iter().map(|past| (past.target, past.outcome)).collect(),
            route: parts(route),
        }
    }
}

/// Runs a script to its end, and crashes once after a number of seconds. Returns the end, and the
/// seconds in which something was decided.
fn run(script: &Script, crash: Option<(u64, Crash)>) -> (End, Vec<u64>) {
    drive(script.name, (script.worse, script.acts_until), script.act, crash)
}

/// Does the same for a function that acts until a second.
fn drive(
    name: &str,
    (worse, acts_until): (f64, u64),
    act: impl Fn(&mut Fleet, u64),
    crash: Option<(u64, Crash)>,
) -> (End, Vec<u64>) {
    let mut fleet = Fleet::new(CAREFUL);
    let (mut seconds, mut decided) = (0, Vec::new());
    let mut quiet = 0;
    while quiet < 5 {
        seconds += 1;
        fleet.now = fleet.now.plus(std::time::Duration::from_secs(1));
        fleet.rate(200, worse);
        act(&mut fleet, seconds);
        let events = fleet.events.len();
        match crash.filter(|(at, _)| *at == seconds) {
            Some((_, crash)) => fleet.crash(crash),
            None => fleet.tick(),
        }
        if fleet.events.len() > events {
            decided.push(seconds);
        }
        quiet = if seconds > acts_until && fleet.status.phase.is_final() { quiet + 1 } else { 0 };
        assert!(seconds < 2_000, "{name}: {}", fleet.status.message);
    }
    (fleet.end(), decided)
}

struct Script {
    name: &'static str,
    worse: f64,
    act: fn(&mut Fleet, u64),
    acts_until: u64,
}

const SCRIPTS: [Script; 6] = [
    Script { name: "good", worse: 0.0, act: |_, _| {}, acts_until: 0 },
    Script { name: "bad", worse: 0.1, act: |_, _| {}, acts_until: 0 },
    Script {
        name: "an instance that follows late",
        worse: 0.0,
        act: |fleet, at| fleet.instances[1].is_stuck = (20..60).contains(&at),
        acts_until: 60,
    },
    Script {
        name: "commands",
        worse: 0.0,
        act: |fleet, at| match at {
            10 => fleet.command(Verb::Pause),
            20 => fleet.command(Verb::Resume),
            30 => fleet.command(Verb::Abort),
            40 => fleet.command(Verb::Retry),
            60 => fleet.command(Verb::PromoteAll),
            80 => fleet.command(Verb::Undo),
            _ => {}
        },
        acts_until: 80,
    },
    Script {
        name: "superseded",
        worse: 0.0,
        act: |fleet, at| {
            fleet.published = Some(vec![Version(1), Version(2), Version(3)]);
            fleet.spec.version = Some(Version(if at < 60 { 2 } else { 3 }));
        },
        acts_until: 60,
    },
    Script {
        name: "rolled back",
        worse: 0.0,
        act: |fleet, at| fleet.spec.version = Some(Version(if at < 300 { 2 } else { 1 })),
        acts_until: 300,
    },
];

#[test]
fn a_crash_between_any_two_actions_comes_to_the_same_end() {
    for script in &SCRIPTS {
        let (expected, decided) = run(script, None);
        assert!(decided.len() >= 3, "{}: {decided:?}", script.name);
        for crash in CRASHES {
            // Also in the second after, in which mostly nothing happens.
            for at in decided.iter().flat_map(|at| [*at, at + 1]) {
                let (end, _) = run(script, Some((at, crash)));
                assert_eq!(end, expected, "{} with {crash:?} lost at second {at}", script.name);
            }
        }
    }
}

/// What does not work for a time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// An instance keeps its route.
    Stuck(usize),
    /// An instance cannot be asked.
    Unreachable(usize),
    /// An instance is not ready.
    NotReady(usize),
    /// The routing table cannot be read or written.
    Table,
    /// The instances cannot be listed.
    List,
}

/// The last second of a fault.
const LAST_FAULT: u64 = 260;

/// Faults with their first second and their length in seconds.
fn faults() -> impl Strategy<Value = Vec<(Fault, u64, u64)>> {
    let fault = prop_oneof![
        (0_usize..3).prop_map(Fault::Stuck),
        (0_usize..3).prop_map(Fault::Unreachable),
        (0_usize..3).prop_map(Fault::NotReady),
        Just(Fault::Table),
        Just(Fault::List),
    ];
    prop::collection::vec((fault, 1_u64..200, 1_u64..60), 0..6)
}

impl Fleet {
    /// Makes exactly the faults of a second.
    fn suffer(&mut self, faults: &[(Fault, u64, u64)], second: u64) {
        let has = |wanted: Fault| {
            faults.iter().any(|(fault, from, length)| *fault == wanted && (*from..from + length).contains(&second))
        };
        for (index, instance) in self.instances.iter_mut().enumerate() {
            instance.is_stuck = has(Fault::Stuck(index));
            instance.is_reachable = !has(Fault::Unreachable(index));
            instance.is_ready = !has(Fault::NotReady(index));
        }
        (self.is_table_reachable, self.is_listed) = (!has(Fault::Table), !has(Fault::List));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_during_any_faults_comes_to_the_same_end(
        faults in faults(),
        worse in prop::sample::select(vec![0.0, 0.1]),
        crash in (1_u64..300, prop::sample::select(CRASHES.to_vec())),
    ) {
        let act = |fleet: &mut Fleet, second: u64| fleet.suffer(&faults, second);
        let (expected, _) = drive("faults", (worse, LAST_FAULT), act, None);
        let (end, _) = drive("faults", (worse, LAST_FAULT), act, Some(crash));
        prop_assert_eq!(end, expected);
    }
}

#[test]
fn a_status_that_was_lost_as_a_whole_begins_again_below_its_weight() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 2_500 {
        fleet.run(1, 200, 0.0);
    }
    fleet.status = crate::Status::default();
    fleet.run(1, 200, 0.0);
    assert_eq!((fleet.weight(), fleet.status.stable), (0, Some(Version(1))));
    fleet.run_until(Phase::Completed, 200, 0.0);
    assert_eq!(fleet.status.stable, Some(Version(2)));
}
