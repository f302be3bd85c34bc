//! A crash between any two actions: the rollout comes to the same end.

use marquee_domain::{Candidate, Route, Version};

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
    let mut fleet = Fleet::new(CAREFUL);
    let (mut seconds, mut decided) = (0, Vec::new());
    let mut quiet = 0;
    while quiet < 5 {
        seconds += 1;
        fleet.now = fleet.now.plus(std::time::Duration::from_secs(1));
        fleet.rate(200, script.worse);
        (script.act)(&mut fleet, seconds);
        let events = fleet.events.len();
        match crash.filter(|(at, _)| *at == seconds) {
            Some((_, crash)) => fleet.crash(crash),
            None => fleet.tick(),
        }
        if fleet.events.len() > events {
            decided.push(seconds);
        }
        quiet = if seconds > script.acts_until && fleet.status.phase.is_final() { quiet + 1 } else { 0 };
        assert!(seconds < 2_000, "{}: {}", script.name, fleet.status.message);
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
