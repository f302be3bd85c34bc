//! A simulated rollout as it is printed: a line for each change, with the weight as a bar.

use std::fmt::Write as _;

use marquee_domain::{Timestamp, Version};
use marquee_rollout::{Measurement, Trajectory};
use serde::Serialize;

use super::super::bar;
use crate::error::one_line;
use crate::output::{Human, Show, counted};

/// The width of the bars of weights.
const WEIGHT: usize = 20;

/// What would have happened.
#[derive(Debug, Serialize)]
pub(super) struct Simulated {
    model: String,
    stable: u64,
    candidate: u64,
    /// Ratings in a second.
    rate: u64,
    /// The phase at the end.
    phase: &'static str,
    reason: String,
    message: String,
    /// Ratings that arrived until the end.
    ratings: u64,
    /// The ratings ended before the rollout did.
    exhausted: bool,
    points: Vec<Point>,
}

/// A change during the simulation.
#[derive(Debug, Serialize)]
struct Point {
    second: u64,
    ratings: u64,
    phase: &'static str,
    reason: String,
    /// The index of the step, from 0.
    step: u32,
    /// The candidate's share of users, in percent.
    weight: f64,
    /// The last measurement of each metric.
    measurements: Vec<Figures>,
}

#[derive(Debug, Serialize)]
struct Figures {
    metric: String,
    estimate: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    samples: u64,
}

impl Simulated {
    pub(super) fn new(model: String, versions: [Version; 2], rate: u64, trajectory: &Trajectory) -> Self {
        let [stable, candidate] = versions.map(|version| version.0);
        let start = trajectory.points.first().map_or(Timestamp::EPOCH, |point| point.time);
        Self {
            model,
            stable,
            candidate,
            rate,
            phase: trajectory.status.phase.as_str(),
            reason: trajectory.status.reason.to_string(),
            message: trajectory.status.message.clone(),
            ratings: trajectory.ratings,
            exhausted: trajectory.is_exhausted,
            points: trajectory.points.iter().map(|point| Point::new(point, start)).collect(),
        }
    }
}

impl Point {
    fn new(point: &marquee_rollout::Point, start: Timestamp) -> Self {
        let figures = |(metric, last): (&String, &Measurement)| Figures {
            metric: metric.clone(),
            estimate: last.estimate,
            lower: last.lower,
            upper: last.upper,
            samples: last.samples,
        };
        Self {
            second: point.time.since(start).as_secs(),
            ratings: point.ratings,
            phase: point.phase.as_str(),
            reason: point.reason.to_string(),
            step: point.step,
            weight: point.weight.value(),
            measurements: point.measurements.iter().map(figures).collect(),
        }
    }

    fn line(&self) -> String {
        let mut line = format!(
            "{:>9} {:>15}  {} {:>7}  step {:<2} {:<11} {}",
            clock(self.second),
            counted(self.ratings, "rating"),
            bar::share(self.weight / 100.0, WEIGHT),
            format!("{} %", self.weight),
            self.step + 1,
            self.phase,
            self.reason,
        );
        for figures in &self.measurements {
            if let (Some(estimate), Some(lower), Some(upper)) = (figures.estimate, figures.lower, figures.upper) {
                let _ = write!(line, "  {} {estimate:+.4} [{lower:+.4}, {upper:+.4}]", one_line(&figures.metric));
            }
        }
        line
    }
}

/// Formats seconds as `1:02:03`.
fn clock(seconds: u64) -> String {
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

impl Show for Simulated {
    fn human(&self) -> Human {
        let mut text = format!(
            "version {} in the place of version {} of {}, {} a second\n\n",
            self.candidate,
            self.stable,
            self.model,
            counted(self.rate, "rating")
        );
        // A measurement that changes nothing else is one line of many: only the last one is shown.
        let mut points = self.points.iter().peekable();
        while let Some(point) = points.next() {
            let is_same = |next: &&Point| {
                (next.phase, &next.reason, next.step, next.weight)
                    == (point.phase, &point.reason, point.step, point.weight)
            };
            if !points.peek().is_some_and(is_same) {
                let _ = writeln!(text, "{}", point.line());
            }
        }
        let ended = if self.exhausted { "not decided" } else { self.phase };
        let ratings = counted(self.ratings, "rating");
        let _ = write!(text, "\n{ended} after {ratings}: {}: {}", self.reason, one_line(&self.message));
        Human::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use marquee_rollout::{RecordedRating, Replay, Spec, simulate};
    use serde_json::json;

    use super::*;

    fn simulated(ratings: usize, worse_by: f64) -> Simulated {
        let spec = json!({
            "model": "ratings",
            "version": 2,
            "steps": [{"shadow": {}}, {"analysis": {}}, {"setWeight": 25}, {"pause": {}}],
            "metrics": [{"name": "accuracy", "duel": {"margin": 0.01, "minRatings": 100}}],
        });
        let rating = |number: usize| {
            let error = 0.6 + (number % 7) as f64 / 20.0;
            let worse = error * (1.0 + worse_by);
            RecordedRating {
                time: Timestamp::from_seconds(number as i64),
                squared: (error * error, worse * worse),
                absolute: (error, worse),
                log_loss: (error, worse),
                slices: Vec::new(),
                failed: false,
            }
        };
        let (versions, rate) = ([Version(1), Version(2)], 10);
        let replay = Replay { ratings_per_second: Some(10.0), ..Replay::new(versions[0], versions[1]) };
        let spec = Spec::read(&spec).expect("valid");
        let trajectory = simulate(&spec, (0..ratings).map(rating), &replay).expect("valid");
        Simulated::new("ratings".to_owned(), versions, rate, &trajectory)
    }

    #[test]
    fn a_better_version_completes_and_a_worse_one_never_has_users() {
        let better = simulated(20_000, -0.2);
        let Human::Text(text) = better.human() else { panic!("a text") };
        assert_eq!((better.phase, better.exhausted), ("Completed", false), "{text}");
        assert!(text.contains("25 %") && text.contains("accuracy -"), "{text}");
        let worse = simulated(20_000, 0.5);
        assert_eq!((worse.phase, worse.reason.as_str()), ("Degraded", "AnalysisFailed"));
        assert!(worse.points.iter().all(|point| point.weight == 0.0), "{:?}", worse.points);
    }

    #[test]
    fn too_few_ratings_decide_nothing() {
        let Human::Text(text) = simulated(50, -0.2).human() else { panic!("a text") };
        assert!(text.contains("not decided after 50 ratings"), "{text}");
    }
}
