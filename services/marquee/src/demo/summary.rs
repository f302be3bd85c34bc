//! The results of the demonstration, for machines and for people.

use std::fmt::Write as _;

use serde::Serialize;

use marquee_cli::{stars, thousands};

/// All results.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    /// Whether every check passed.
    pub(super) ok: bool,
    /// The time of all steps.
    pub(super) seconds: f64,
    pub(super) imported: ImportSummary,
    pub(super) models: Vec<Model>,
    pub(super) prediction: Prediction,
    pub(super) learning: Learning,
    pub(super) routing: Routing,
    pub(super) bad_input: Vec<BadInput>,
    /// The rollout of a version that was trained on shuffled ratings.
    pub(super) stopped: Rollout,
    /// The rollout of a version that was trained on more ratings than the stable one.
    pub(super) promoted: Rollout,
    pub(super) restart: Restart,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct ImportSummary {
    pub(super) movies: u64,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) seconds: f64,
    pub(super) per_second: f64,
}

/// One trained version.
#[derive(Debug, Serialize)]
pub(super) struct Model {
    pub(super) version: u64,
    pub(super) algorithm: String,
    /// In stars: predict, then learn, each rating of the newest tenth.
    pub(super) rmse: f64,
    pub(super) mae: f64,
    /// The RMSE without learning from the newest tenth.
    pub(super) frozen_rmse: f64,
    /// The RMSE of a model of biases only.
    pub(super) bias_rmse: f64,
    pub(super) train_seconds: f64,
    pub(super) digest: String,
    /// Its signature was checked when it was loaded.
    pub(super) verified: bool,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Prediction {
    pub(super) user: String,
    pub(super) movie: String,
    pub(super) title: String,
    pub(super) rating: f64,
    pub(super) spread: f64,
    pub(super) version: u64,
    pub(super) variant: String,
    /// The prediction for a user without ratings.
    pub(super) baseline: f64,
    pub(super) reasons: Vec<Reason>,
}

#[derive(Debug, Serialize)]
pub(super) struct Reason {
    pub(super) movie: String,
    pub(super) title: String,
    pub(super) rating: f64,
    pub(super) effect: f64,
}

/// The time from the acknowledgement of a rating to the first answer that uses it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Learning {
    pub(super) samples: u64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// The ratings that changed the prediction.
    pub(super) changed: u64,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Routing {
    pub(super) users: u64,
    /// The share of users that version 2 answered at a weight of 20%.
    pub(super) share: f64,
    pub(super) sticky: bool,
    /// The answers of each version, as the fleet counts them, at a weight of 20%.
    pub(super) counters: Vec<Counter>,
    /// The share of users that version 2 answered at a weight of 100%.
    pub(super) full_share: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Counter {
    pub(super) version: u64,
    pub(super) answered: u64,
    pub(super) seen_by_client: u64,
}

/// A rollout and what it ended with.
#[derive(Debug, Default, Serialize)]
pub(super) struct Rollout {
    pub(super) candidate: u64,
    /// The number of ratings that the candidate was trained on.
    pub(super) trained_on: u64,
    pub(super) phase: &'static str,
    pub(super) reason: String,
    pub(super) message: String,
    /// The ratings that both versions predicted.
    pub(super) ratings: u64,
    /// The candidate's RMSE minus that of the stable version, in stars, with the interval that
    /// holds at all looks together.
    pub(super) difference: Option<f64>,
    pub(super) lower: Option<f64>,
    pub(super) upper: Option<f64>,
    /// By how much the candidate may be worse.
    pub(super) limit: Option<f64>,
    /// The candidate's shares of users that were seen, in percent and in their order.
    pub(super) weights: Vec<f64>,
    /// The requests during the rollout, and how many of them the candidate answered.
    pub(super) answers: u64,
    pub(super) candidate_answers: u64,
    /// The ratings that arrived during the rollout.
    pub(super) arrived: u64,
    pub(super) seconds: f64,
}

impl Rollout {
    /// Formats the figures of the duel in one line.
    fn human(&self) -> String {
        let number = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("{value:+.4}"));
        format!(
            "version {}: {}, ΔRMSE {} [{}, {}] after {} ratings, {} of {} requests, {:.1} s",
            self.candidate,
            if self.phase == "Completed" { "promoted" } else { "stopped" },
            number(self.difference),
            number(self.lower),
            number(self.upper),
            thousands(self.ratings),
            thousands(self.candidate_answers),
            thousands(self.answers),
            self.seconds,
        )
    }
}

#[derive(Debug, Serialize)]
pub(super) struct BadInput {
    pub(super) case: &'static str,
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Restart {
    pub(super) kill: &'static str,
    pub(super) identical: bool,
    pub(super) predictions: u64,
    /// The time from the start of the process until it serves.
    pub(super) seconds: f64,
}

impl Summary {
    /// Formats the results for people.
    pub(super) fn human(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "   {name:<13}{value}");
        };
        let imported = &self.imported;
        let (accepted, rejected) = (thousands(imported.accepted), thousands(imported.rejected));
        row(
            "imported",
            format!("{accepted} ratings, {rejected} rejected, {}/s", thousands(imported.per_second as u64)),
        );
        for model in &self.models {
            let name = format!("v{} {}", model.version, model.algorithm);
            let fitted = model.train_seconds;
            row(
                &name,
                format!(
                    "RMSE {:.4}, MAE {:.4} on the newest ratings (without learning {:.4}), fitting took {fitted:.2} s",
                    model.rmse, model.mae, model.frozen_rmse
                ),
            );
        }
        let one = &self.prediction;
        row(
            "prediction",
            format!(
                "user {}, {}: {} {:.2} ± {:.2}",
                one.user,
                one.title,
                stars(one.rating, 5.0),
                one.rating,
                one.spread
            ),
        );
        let learning = &self.learning;
        row(
            "learning",
            format!(
                "median {:.2} ms, p99 {:.2} ms from the acknowledgement of a rating to a changed prediction ({} ratings)",
                learning.p50_ms, learning.p99_ms, learning.samples
            ),
        );
        let routing = &self.routing;
        let sticky =
            if routing.sticky { "every user stayed on one version" } else { "users did NOT stay on one version" };
        row(
            "routing",
            format!(
                "{:.1}% of {} users at 20%, {sticky}; {:.0}% at 100%",
                routing.share * 100.0,
                thousands(routing.users),
                routing.full_share * 100.0
            ),
        );
        row(
            "bad input",
            format!(
                "{} of {} kinds refused with a reason",
                self.bad_input.iter().filter(|bad| bad.code == "INVALID_ARGUMENT").count(),
                self.bad_input.len()
            ),
        );
        row("bad version", self.stopped.human());
        row("good version", self.promoted.human());
        let identical = if self.restart.identical { "identical" } else { "DIFFERENT" };
        row(
            "restart",
            format!(
                "{}, {} predictions {identical}, serving after {:.2} s",
                self.restart.kill, self.restart.predictions, self.restart.seconds
            ),
        );
        row(
            "total",
            format!("{:.1} s, {}", self.seconds, if self.ok { "every check passed" } else { "NOT every check passed" }),
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_both_rollouts_are_in_the_summary() {
        let stopped = Rollout {
            candidate: 3,
            phase: "Degraded",
            ratings: 1_312,
            difference: Some(0.2),
            lower: Some(0.1),
            upper: Some(0.3),
            answers: 100,
            ..Rollout::default()
        };
        let promoted = Rollout { candidate: 4, phase: "Completed", candidate_answers: 40, ..Rollout::default() };
        let summary = Summary { stopped, promoted, ..Summary::default() };
        let text = summary.human();
        let line = "version 3: stopped, ΔRMSE +0.2000 [+0.1000, +0.3000] after 1,312 ratings, 0 of 100 requests";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("version 4: promoted, ΔRMSE ? [?, ?]"), "{text}");
        let json = serde_json::to_value(&summary).expect("JSON");
        assert_eq!((&json["stopped"]["ratings"], &json["stopped"]["upper"]), (&1_312.into(), &0.3.into()));
        assert_eq!(json["promoted"]["candidate_answers"], 40);
    }
}
