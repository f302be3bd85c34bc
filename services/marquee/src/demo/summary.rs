//! What the demonstration found, for machines and for people.

use std::fmt::Write as _;

use serde::Serialize;

use marquee_cli::{stars, thousands};

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    /// Every check held.
    pub(super) ok: bool,
    /// Wall time of all steps.
    pub(super) seconds: f64,
    pub(super) imported: ImportSummary,
    pub(super) models: Vec<Model>,
    pub(super) prediction: Prediction,
    pub(super) learning: Learning,
    pub(super) routing: Routing,
    pub(super) bad_input: Vec<BadInput>,
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

/// One version that was trained.
#[derive(Debug, Serialize)]
pub(super) struct Model {
    pub(super) version: u64,
    pub(super) algorithm: String,
    /// Stars; predict, then learn, over the newest tenth.
    pub(super) rmse: f64,
    pub(super) mae: f64,
    /// The same without learning after the cut.
    pub(super) frozen_rmse: f64,
    /// Of the bias-only model on the same ratings.
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
    /// What somebody without ratings would be told.
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

/// From the acknowledgement of a rating to the first answer that it changed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Learning {
    pub(super) samples: u64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Those whose prediction was another one afterwards.
    pub(super) changed: u64,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Routing {
    pub(super) users: u64,
    /// Share of users whom version 2 answered while it had 20 %.
    pub(super) share: f64,
    pub(super) sticky: bool,
    /// Answers by version, as the fleet counts them, while version 2 had 20 %.
    pub(super) counters: Vec<Counter>,
    /// Share of users whom version 2 answered at 100 %.
    pub(super) full_share: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Counter {
    pub(super) version: u64,
    pub(super) answered: u64,
    pub(super) seen_by_client: u64,
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
    /// From the start of the process to serving.
    pub(super) seconds: f64,
}

impl Summary {
    /// The same for people.
    pub(super) fn human(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "   {name:<12}{value}");
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
                    "RMSE {:.4}, MAE {:.4} on the newest ratings (frozen {:.4}), fitted in {fitted:.2} s",
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
                "median {:.2} ms, p99 {:.2} ms from acknowledgement to changed prediction ({} ratings)",
                learning.p50_ms, learning.p99_ms, learning.samples
            ),
        );
        let routing = &self.routing;
        let sticky = if routing.sticky { "everyone stayed" } else { "NOT sticky" };
        row(
            "routing",
            format!(
                "{:.1} % of {} users at 20 %, {sticky}; {:.0} % at 100 %",
                routing.share * 100.0,
                thousands(routing.users),
                routing.full_share * 100.0
            ),
        );
        row(
            "bad input",
            format!(
                "{} of {} kinds refused by name",
                self.bad_input.iter().filter(|bad| bad.code == "INVALID_ARGUMENT").count(),
                self.bad_input.len()
            ),
        );
        let identical = if self.restart.identical { "identical to the bit" } else { "DIFFERENT" };
        row(
            "restart",
            format!(
                "{}, {} predictions {identical}, serving after {:.2} s",
                self.restart.kill, self.restart.predictions, self.restart.seconds
            ),
        );
        row(
            "all in all",
            format!("{:.1} s, {}", self.seconds, if self.ok { "every check held" } else { "NOT every check held" }),
        );
        text
    }
}
