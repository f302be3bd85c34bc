//! A training run as it is shown.

use marquee_proto::training::v1 as pb;
use serde::Serialize;

use crate::cli::output::{Human, Show, Table, thousands};
use crate::cli::provenance::time;

/// One run.
#[derive(Debug, Serialize)]
pub(crate) struct Training {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) algorithm: &'static str,
    pub(crate) state: &'static str,
    pub(crate) stage: &'static str,
    pub(crate) progress: f64,
    pub(crate) message: String,
    created_at: Option<String>,
    ended_at: Option<String>,
    pub(crate) version: Option<u64>,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) train_seconds: f64,
    pub(crate) digest: Option<String>,
    dataset_digest: Option<String>,
}

/// Measured on the newest ratings; see the protocol's own words.
#[derive(Debug, Serialize)]
pub(crate) struct Metrics {
    pub(crate) rmse: f64,
    pub(crate) mae: f64,
    pub(crate) frozen_rmse: f64,
    pub(crate) bias_rmse: f64,
    coverage_90: f64,
    holdout_ratings: u64,
    training_ratings: u64,
}

/// Runs, newest first.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct List(pub(crate) Vec<Training>);

impl From<pb::Training> for Training {
    fn from(wire: pb::Training) -> Self {
        let given = |text: String| (!text.is_empty()).then_some(text);
        Self {
            algorithm: match wire.algorithm() {
                pb::Algorithm::Bias => "bias",
                pb::Algorithm::Map => "map",
                pb::Algorithm::Bayes => "bayes",
                pb::Algorithm::Unspecified => "unknown",
            },
            state: match wire.state() {
                pb::State::Queued => "queued",
                pb::State::Running => "running",
                pb::State::Succeeded => "succeeded",
                pb::State::Failed => "failed",
                pb::State::Cancelled => "cancelled",
                pb::State::Unspecified => "unknown",
            },
            stage: match wire.stage() {
                pb::Stage::Snapshot => "snapshot",
                pb::Stage::Evaluate => "evaluate",
                pb::Stage::Fit => "fit",
                pb::Stage::Export => "export",
                pb::Stage::Validate => "validate",
                pb::Stage::Publish => "publish",
                pb::Stage::Unspecified => "",
            },
            id: wire.training_id,
            model: wire.model,
            progress: wire.progress,
            message: wire.message,
            created_at: wire.created_at.as_ref().and_then(time),
            ended_at: wire.ended_at.as_ref().and_then(time),
            version: (wire.version != 0).then_some(wire.version),
            metrics: wire.metrics.map(Metrics::from),
            train_seconds: wire.train_seconds,
            digest: given(wire.digest),
            dataset_digest: given(wire.dataset_digest),
        }
    }
}

impl From<pb::Metrics> for Metrics {
    fn from(wire: pb::Metrics) -> Self {
        Self {
            rmse: wire.rmse,
            mae: wire.mae,
            frozen_rmse: wire.frozen_rmse,
            bias_rmse: wire.bias_rmse,
            coverage_90: wire.coverage_90,
            holdout_ratings: wire.holdout_ratings,
            training_ratings: wire.training_ratings,
        }
    }
}

impl Show for Training {
    fn human(&self) -> Human {
        let mut table = Table::new(&["training", ""]);
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        row("id", self.id.clone());
        row("model", self.version.map_or_else(|| self.model.clone(), |version| format!("{} v{version}", self.model)));
        row("algorithm", self.algorithm.to_owned());
        row("state", self.state.to_owned());
        if let Some(metrics) = &self.metrics {
            row("rmse", format!("{:.4} (biases alone {:.4})", metrics.rmse, metrics.bias_rmse));
            row("mae", format!("{:.4}", metrics.mae));
            row("rmse, frozen", format!("{:.4}", metrics.frozen_rmse));
            row("90% interval", format!("holds {:.1}% of ratings", metrics.coverage_90 * 100.0));
            let (held, fitted) = (thousands(metrics.holdout_ratings), thousands(metrics.training_ratings));
            row("judged on", format!("{held} newest ratings after learning from {fitted}"));
        }
        if self.train_seconds > 0.0 {
            row("fitted in", format!("{:.1} s", self.train_seconds));
        }
        if let Some(digest) = &self.digest {
            row("digest", digest.clone());
        }
        if !self.message.is_empty() {
            row("message", self.message.clone());
        }
        Human::Table(Box::new(table))
    }
}

impl Show for List {
    fn human(&self) -> Human {
        let headers =
            ["id", "model", "algorithm", "state", "stage", ">progress", ">version", ">rmse", ">seconds", "created"];
        let mut table = Table::new(&headers);
        for one in &self.0 {
            let running = one.state == "running";
            table.row([
                one.id.clone(),
                one.model.clone(),
                one.algorithm.to_owned(),
                one.state.to_owned(),
                if running { one.stage } else { "" }.to_owned(),
                if running { format!("{:.0}%", one.progress * 100.0) } else { String::new() },
                one.version.map(|version| version.to_string()).unwrap_or_default(),
                one.metrics.as_ref().map(|metrics| format!("{:.4}", metrics.rmse)).unwrap_or_default(),
                format!("{:.1}", one.train_seconds),
                one.created_at.clone().unwrap_or_default(),
            ]);
        }
        Human::Table(Box::new(table))
    }
}
