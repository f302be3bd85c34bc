//! A training run as it is printed.

use marquee_proto::training::v1 as pb;
use serde::Serialize;

use crate::Csv;
use crate::output::{Human, Show, Table, counted, thousands};
use crate::provenance::{given, time};

/// One run.
#[derive(Debug, Serialize)]
pub struct Training {
    /// Id of the run.
    pub id: String,
    /// Name of the model.
    pub model: String,
    /// How the model is fitted.
    pub algorithm: &'static str,
    /// State of the run.
    pub state: &'static str,
    /// Stage of a run that is running; empty otherwise.
    pub stage: &'static str,
    /// Progress of the stage, from 0 to 1.
    pub progress: f64,
    /// What the run does, or why it failed.
    pub message: String,
    created_at: Option<String>,
    ended_at: Option<String>,
    /// The published version, of a run that succeeded.
    pub version: Option<u64>,
    /// The evaluation, once it is done.
    pub metrics: Option<Metrics>,
    /// Time of fitting.
    pub train_seconds: f64,
    /// Digest of the published package.
    pub digest: Option<String>,
    dataset_digest: Option<String>,
}

/// The evaluation on the newest ratings. The comments in training.proto define each value.
#[derive(Debug, Serialize)]
pub struct Metrics {
    /// Root mean square error: predict, then learn, one rating at a time.
    pub rmse: f64,
    /// Mean absolute error of the same predictions.
    pub mae: f64,
    /// The RMSE without learning from the newest ratings.
    pub frozen_rmse: f64,
    /// The RMSE of a model of biases alone.
    pub bias_rmse: f64,
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
            row("rmse", format!("{:.4} (biases only {:.4})", metrics.rmse, metrics.bias_rmse));
            row("mae", format!("{:.4}", metrics.mae));
            row("rmse, frozen", format!("{:.4}", metrics.frozen_rmse));
            row("90% interval", format!("contains {:.1}% of ratings", metrics.coverage_90 * 100.0));
            let (held, fitted) = (counted(metrics.holdout_ratings, "rating"), thousands(metrics.training_ratings));
            row("evaluated", format!("on the newest {held}, after training on {fitted}"));
        }
        if self.train_seconds > 0.0 {
            row("fitting took", format!("{:.1} s", self.train_seconds));
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

    fn csv(&self) -> Option<Csv> {
        const COLUMNS: [&str; 15] = [
            "id",
            "model",
            "algorithm",
            "state",
            "stage",
            "progress",
            "version",
            "rmse=metrics.rmse",
            "mae=metrics.mae",
            "bias_rmse=metrics.bias_rmse",
            "train_seconds",
            "created_at",
            "ended_at",
            "message",
            "digest",
        ];
        Some(Csv::of(&COLUMNS, &self.0))
    }
}
