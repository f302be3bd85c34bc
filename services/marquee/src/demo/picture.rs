//! The picture of a rollout: a line for each look at its evidence, so that the interval is seen to
//! shrink until it decides.

use std::time::{Duration, Instant};

use marquee_cli::rollout::bar;
use marquee_cli::thousands;
use marquee_rollout::{Measurement, Status, Verdict};

/// The width of the bar of users.
const USERS: usize = 6;

/// The width of the drawing of an interval.
const INTERVAL: usize = 31;

/// The least time between two lines, unless the step or the weight changes.
const EVERY: Duration = Duration::from_millis(400);

/// What a new line is drawn for at once.
type Stage = (Option<String>, f64);

/// Draws the lines of one rollout.
#[derive(Debug)]
pub(super) struct Picture {
    /// The ends of the scale, in stars.
    scale: (f64, f64),
    /// The stage and the number of ratings of the last line, and when it was drawn.
    drawn: Option<(Stage, u64, Instant)>,
}

impl Picture {
    /// Returns a picture with a scale from `least` to `most` stars.
    pub(super) fn new(least: f64, most: f64) -> Self {
        Self { scale: (least, most), drawn: None }
    }

    /// Returns the line above the others.
    pub(super) fn head(&self, limit: f64) -> String {
        let (least, most) = self.scale;
        let scale = format!("{least:+.2} to {most:+.2}, limit ┊ {limit:+.2}");
        format!("{:>8}  {:<13}  {scale:<INTERVAL$}  ΔRMSE in stars, its interval", "ratings", "users")
    }

    /// Returns the line of a status, or `None` if nothing is new or the last line is very recent.
    pub(super) fn line(&mut self, status: &Status) -> Option<String> {
        let weight = status.weights.wanted.fraction();
        let last = last_measurement(status);
        let stage = (status.step.as_ref().map(|step| step.name.clone()), weight);
        let samples = last.map_or(0, |last| last.samples);
        if let Some((drawn, drawn_samples, at)) = &self.drawn {
            let has_more = *drawn_samples != samples && at.elapsed() >= EVERY;
            let is_new = *drawn != stage || has_more || status.phase.is_final();
            if !is_new {
                return None;
            }
        }
        self.drawn = Some((stage, samples, Instant::now()));
        Some(draw(status, last, self.scale))
    }
}

/// Returns the newest measurement of a rollout.
pub(super) fn last_measurement(status: &Status) -> Option<&Measurement> {
    // The newest metric is the last of the list.
    status.analysis.iter().rev().find_map(|metric| metric.last.as_ref())
}

fn draw(status: &Status, last: Option<&Measurement>, scale: (f64, f64)) -> String {
    let weight = status.weights.wanted.fraction();
    let samples = thousands(last.map_or(0, |last| last.samples));
    let interval = last.and_then(|last| bar::interval_on(last, scale, INTERVAL)).unwrap_or_default();
    let figures = match last {
        Some(Measurement { estimate: Some(estimate), lower: Some(lower), upper: Some(upper), verdict, .. }) => {
            let verdict = match verdict {
                Verdict::Failed => "  worse",
                Verdict::Successful => "  passes",
                Verdict::Inconclusive | Verdict::Error => "",
            };
            format!("{estimate:+.4} [{lower:+.4}, {upper:+.4}]{verdict}")
        }
        _ => status.step.as_ref().map(|step| step.name.clone()).unwrap_or_default(),
    };
    let bar = bar::share(weight, USERS);
    let line = format!("{samples:>8}  {bar} {:>4.0} %  {interval:<INTERVAL$}  {figures}", weight * 100.0);
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;
    use marquee_rollout::Percent;
    use serde_json::json;

    use super::*;

    fn status(samples: u64, weight: f64) -> Status {
        let last = json!({
            "time": Timestamp::from_seconds(1_764_000_000 + samples as i64).to_string(),
            "verdict": "Failed", "estimate": 0.2, "lower": 0.1, "upper": 0.3, "limit": 0.02,
            "samples": samples, "minSamples": 500, "message": "",
        });
        let metric = json!({
            "name": "accuracy", "scope": "Step", "step": 1, "state": "Running", "counts": {}, "alpha": 0.01,
            "last": last, "startedAt": "2025-11-24T16:00:00Z", "nextAt": "2025-11-24T16:00:00Z",
        });
        let mut status =
            Status { analysis: serde_json::from_value(json!([metric])).expect("a metric"), ..Status::default() };
        status.weights.wanted = Percent::try_new(weight).expect("a percentage");
        status
    }

    #[test]
    fn a_line_has_the_figures_and_the_interval_in_its_place() {
        let mut picture = Picture::new(-0.1, 0.4);
        let line = picture.line(&status(1_312, 0.0)).expect("the first line");
        assert!(line.starts_with("   1,312  ░░░░░░    0 %  "), "{line}");
        assert!(line.ends_with("+0.2000 [+0.1000, +0.3000]  worse"), "{line}");
        let column = |sign: char| line.chars().position(|one| one == sign).expect("drawn");
        assert!(column('┊') < column('├') && column('├') < column('●') && column('●') < column('┤'), "{line}");
        let head = picture.head(0.02);
        let under = |text: &str| head.chars().position(|one| one == 'Δ').map(|at| text.chars().nth(at) == Some('+'));
        assert_eq!(under(&line), Some(true), "{head}\n{line}");
    }

    #[test]
    fn a_line_is_drawn_when_the_weight_changes_and_not_for_every_look() {
        let mut picture = Picture::new(-0.1, 0.4);
        assert!(picture.line(&status(10, 0.0)).is_some());
        assert!(picture.line(&status(10, 0.0)).is_none(), "nothing is new");
        assert!(picture.line(&status(11, 0.0)).is_none(), "the last line is recent");
        assert!(picture.line(&status(11, 5.0)).is_some_and(|line| line.contains("█░░░░░    5 %")));
        let ended = Status { phase: marquee_rollout::Phase::Completed, ..status(12, 100.0) };
        assert!(picture.line(&ended).is_some_and(|line| line.contains("██████  100 %")));
    }

    #[test]
    fn before_the_first_look_the_step_is_named() {
        let mut status = Status::default();
        let step = json!({"index": 0, "count": 2, "name": "shadow", "startedAt": "2025-11-24T16:00:00Z"});
        status.step = Some(serde_json::from_value(step).expect("a step"));
        let line = Picture::new(-0.1, 0.4).line(&status).expect("the first line");
        assert!(line.starts_with("       0  ") && line.ends_with("  shadow"), "{line}");
    }
}
