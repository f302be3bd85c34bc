//! What each rollout does, and how it may end.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use serde_json::{Value, json};

use super::Ended;

/// Weights that steps have, in percent.
const WEIGHTS: [u32; 7] = [2, 5, 10, 20, 35, 50, 80];

/// Versions that can be rolled out, and versions that no instance can load.
#[derive(Debug, Clone)]
pub(super) struct Versions {
    pub(super) good: Vec<u64>,
    pub(super) bad: [u64; 2],
}

/// What happens to a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// Nothing.
    Plain,
    /// The duel has to show first that the version is not much worse. On a loaded machine it gets
    /// no time, and the step takes too long.
    Judged,
    /// A person aborts it.
    Aborted,
    /// A step must not take longer than a second, which a kill may exceed.
    Hurried,
    /// The version was stable before, and returns without steps.
    Returning,
    /// No instance can load the version.
    Bad,
}

const COURSES: [Course; 6] =
    [Course::Plain, Course::Judged, Course::Aborted, Course::Hurried, Course::Returning, Course::Bad];

/// A rollout.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) course: Course,
    pub(super) target: u64,
    /// The version that is stable at its start.
    pub(super) stable: u64,
    pub(super) spec: Value,
    pub(super) abort_after: Option<Duration>,
}

impl Planned {
    /// Returns the largest weight of the steps up to one, in basis points.
    pub(super) fn limit(&self, step: u64) -> u32 {
        let steps = self.spec["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
        if step as usize >= steps.len() {
            return 10_000;
        }
        self.weights().take(step as usize + 1).flatten().max().unwrap_or(0)
    }

    /// Returns the weight of each step, in basis points, or `None` for a step without one.
    pub(super) fn weights(&self) -> impl Iterator<Item = Option<u32>> + '_ {
        let steps = self.spec["steps"].as_array().into_iter().flatten();
        steps.map(|step| step["setWeight"].as_u64().map(|percent| percent as u32 * 100))
    }

    /// Returns whether the rollout may end like this.
    pub(super) fn may_end(&self, outcome: &str, reason: &str) -> bool {
        match self.course {
            Course::Plain | Course::Returning => outcome == "Completed",
            Course::Aborted => outcome == "Completed" || (outcome, reason) == ("Aborted", "AbortedByUser"),
            Course::Judged | Course::Hurried => {
                outcome == "Completed" || (outcome, reason) == ("Aborted", "DeadlineExceeded")
            }
            Course::Bad => (outcome, reason) == ("Aborted", "VersionFailed"),
        }
    }

    /// Returns a line about the rollout.
    pub(super) fn describe(&self, outcome: &str, reason: &str) -> String {
        let weights: Vec<String> = self.weights().flatten().map(|points| (points / 100).to_string()).collect();
        let Self { course, stable, target, .. } = self;
        format!("{course:?}: {stable} → {target} by {} %: {outcome}, {reason}", weights.join(", "))
    }
}

/// Draws rollouts: each block of six has every course once, in another order.
pub(super) struct Courses {
    versions: Versions,
    rng: ChaCha8Rng,
    waiting: Vec<Course>,
    stable: u64,
    last: u64,
}

impl Courses {
    pub(super) fn new(versions: Versions, rng: ChaCha8Rng) -> Self {
        Self { versions, rng, waiting: Vec::new(), stable: 1, last: 1 }
    }

    /// Returns the next rollout after a status.
    pub(super) fn next(&mut self, status: &Value) -> Planned {
        if self.waiting.is_empty() {
            self.waiting = COURSES.to_vec();
            self.waiting.shuffle(&mut self.rng);
        }
        let mut course = self.waiting.pop().unwrap_or(Course::Plain);
        // The version that was stable before the present one, if another rollout did not try it
        // just now.
        let before = status["goodVersions"][0]["version"].as_u64();
        let before = before.filter(|version| *version != self.last && *version != self.stable);
        if course == Course::Returning && before.is_none() {
            course = Course::Plain;
        }
        let (stable, last) = (self.stable, self.last);
        let others: Vec<u64> =
            self.versions.good.iter().copied().filter(|version| *version != stable && *version != last).collect();
        let target = match (course, before) {
            (Course::Bad, _) => self.bad(),
            (Course::Returning, Some(before)) => before,
            _ => *others.choose(&mut self.rng).expect("several versions"),
        };
        let abort_after = (course == Course::Aborted).then(|| Duration::from_millis(self.rng.random_range(0..2_000)));
        Planned { course, target, stable, spec: self.spec(course, target), abort_after }
    }

    /// Returns a bad version, and not the one that was tried last.
    fn bad(&mut self) -> u64 {
        let last = self.last;
        let others: Vec<u64> = self.versions.bad.iter().copied().filter(|version| *version != last).collect();
        *others.choose(&mut self.rng).expect("two versions")
    }

    pub(super) fn ended(&mut self, one: &Ended) {
        self.last = one.planned.target;
        if one.outcome == "Completed" {
            self.stable = one.planned.target;
        }
    }

    fn spec(&mut self, course: Course, target: u64) -> Value {
        let mut spec = json!({
            "model": "ratings",
            "version": target,
            "steps": self.steps(course),
            "rollbackWindow": {"versions": u32::from(course == Course::Returning)},
        });
        if course == Course::Hurried {
            spec["progressDeadline"] = json!("1s");
        }
        if course == Course::Judged {
            let duel = json!({"margin": 1, "minRatings": 30, "maxFailures": 90});
            spec["progressDeadline"] = json!("15s");
            spec["metrics"] =
                json!([{"name": "accuracy", "duel": duel, "interval": "200ms", "consecutiveErrorLimit": 100}]);
        }
        spec
    }

    fn steps(&mut self, course: Course) -> Vec<Value> {
        let mut steps = Vec::new();
        if course == Course::Judged {
            steps.extend([json!({"shadow": {}}), json!({"analysis": {}})]);
        } else if self.rng.random_bool(0.3) {
            steps.push(json!({"shadow": {}}));
        }
        let count = self.rng.random_range(2..=3);
        let mut weights: Vec<u32> = WEIGHTS.sample(&mut self.rng, count).copied().collect();
        weights.sort_unstable();
        for weight in weights {
            let pause = format!("{}ms", self.rng.random_range(50..300));
            steps.extend([json!({"setWeight": weight}), json!({"pause": {"duration": pause}})]);
        }
        steps
    }
}
