//! The stored form of a training run: `trainings/<id>.json`.
//!
//! The field names and values are those of protobuf's JSON mapping (camel case, `STATE_QUEUED`,
//! 64-bit integers as text), because earlier versions stored the wire message itself. Their
//! documents have no `format` and are read by the same code.
//!
//! Trainers of two versions share the documents during an upgrade. A document of a newer form is
//! read as far as this version understands it, and its unknown fields survive a change by this
//! version (`unknown_fields_survive_a_change`). A document whose state or algorithm is unknown is
//! not read: this version would do the wrong thing with such a run.

use bytes::Bytes;
use marquee_domain::{
    Algorithm, FitParameters, GateResult, GateSide, ModelName, RunId, RunMetrics, RunState, Stage, Timestamp,
    TrainingPlan, TrainingRun, Version,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// The format that this version writes. Documents without a format count as 0.
const FORMAT: u32 = 1;

/// A document is not a training run.
#[derive(Debug, Error)]
pub(crate) enum DocumentError {
    #[error("parse the training run as JSON")]
    Json(#[source] serde_json::Error),
    #[error("{field}: '{value}' is unknown to this version")]
    Unknown { field: &'static str, value: String },
}

/// A training run as it is stored.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RunDocument {
    format: u32,
    training_id: String,
    model: String,
    algorithm: String,
    parameters: ParametersDocument,
    state: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    stage: String,
    #[serde(with = "number")]
    progress: f64,
    message: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    #[serde(with = "integer", skip_serializing_if = "is_zero")]
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<MetricsDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gates: Vec<GateDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    digest: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    dataset_digest: String,
    #[serde(with = "number")]
    train_seconds: f64,
    /// Fields of a newer form.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ParametersDocument {
    factors: usize,
    sweeps: usize,
    burn_in: usize,
    samples: usize,
    #[serde(with = "integer")]
    seed: u64,
    holdout: f64,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MetricsDocument {
    #[serde(with = "number")]
    rmse: f64,
    #[serde(with = "number")]
    mae: f64,
    #[serde(with = "number")]
    frozen_rmse: f64,
    #[serde(with = "number")]
    bias_rmse: f64,
    #[serde(rename = "coverage90", with = "number")]
    coverage_90: f64,
    #[serde(with = "integer")]
    holdout_ratings: u64,
    #[serde(with = "integer")]
    training_ratings: u64,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GateDocument {
    name: String,
    #[serde(with = "number")]
    value: f64,
    #[serde(with = "number")]
    bound: f64,
    /// `AT_LEAST`, or absent where the bound is the largest value that passes.
    #[serde(skip_serializing_if = "String::is_empty")]
    side: String,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// The side of a gate whose bound is the smallest value that passes.
const AT_LEAST: &str = "AT_LEAST";

/// The names of a closed set of values.
type Names<T> = &'static [(T, &'static str)];

const STATES: Names<RunState> = &[
    (RunState::Queued, "STATE_QUEUED"),
    (RunState::Running, "STATE_RUNNING"),
    (RunState::Succeeded, "STATE_SUCCEEDED"),
    (RunState::Failed, "STATE_FAILED"),
    (RunState::Canceled, "STATE_CANCELLED"),
];

const ALGORITHMS: Names<Algorithm> =
    &[(Algorithm::Bias, "ALGORITHM_BIAS"), (Algorithm::Map, "ALGORITHM_MAP"), (Algorithm::Bayes, "ALGORITHM_BAYES")];

const STAGES: Names<Stage> = &[
    (Stage::Snapshot, "STAGE_SNAPSHOT"),
    (Stage::Evaluate, "STAGE_EVALUATE"),
    (Stage::Fit, "STAGE_FIT"),
    (Stage::Export, "STAGE_EXPORT"),
    (Stage::Validate, "STAGE_VALIDATE"),
    (Stage::Publish, "STAGE_PUBLISH"),
];

fn parse<T: Copy>(names: Names<T>, text: &str) -> Option<T> {
    names.iter().find(|(_, name)| *name == text).map(|(value, _)| *value)
}

fn name<T: PartialEq>(names: Names<T>, value: &T) -> String {
    names.iter().find(|(known, _)| known == value).map(|(_, name)| (*name).to_owned()).unwrap_or_default()
}

impl RunDocument {
    /// Parses a document of this form or an older one, and of a newer one as far as possible.
    pub(super) fn decode(json: &[u8]) -> Result<Self, DocumentError> {
        serde_json::from_slice(json).map_err(DocumentError::Json)
    }

    pub(super) fn encode(&self) -> Result<Bytes, DocumentError> {
        serde_json::to_vec_pretty(self).map(Bytes::from).map_err(DocumentError::Json)
    }

    /// Returns the run that the document describes.
    pub(super) fn run(&self) -> Result<TrainingRun, DocumentError> {
        let unknown = |field, value: &str| DocumentError::Unknown { field, value: value.chars().take(80).collect() };
        let id = RunId::try_new(&self.training_id).map_err(|_| unknown("trainingId", &self.training_id))?;
        let model = ModelName::try_new(&self.model).map_err(|_| unknown("model", &self.model))?;
        let algorithm = parse(ALGORITHMS, &self.algorithm).ok_or_else(|| unknown("algorithm", &self.algorithm))?;
        let parameters = FitParameters {
            factors: self.parameters.factors,
            sweeps: self.parameters.sweeps,
            burn_in: self.parameters.burn_in,
            samples: self.parameters.samples,
            seed: self.parameters.seed,
        };
        let plan = TrainingPlan { model, algorithm, parameters, holdout: self.parameters.holdout };
        let created_at = Timestamp::parse(&self.created_at).unwrap_or(Timestamp::EPOCH);
        Ok(TrainingRun {
            state: parse(STATES, &self.state).ok_or_else(|| unknown("state", &self.state))?,
            stage: parse(STAGES, &self.stage),
            progress: self.progress,
            message: self.message.clone(),
            ended_at: self.ended_at.as_deref().and_then(Timestamp::parse),
            snapshot: non_empty(&self.dataset_digest),
            metrics: self.metrics.as_ref().map(MetricsDocument::metrics),
            gates: self.gates.iter().map(GateDocument::gate).collect(),
            warnings: self.warnings.clone(),
            train_seconds: (self.train_seconds > 0.0).then_some(self.train_seconds),
            version: (self.version > 0).then_some(Version(self.version)),
            digest: non_empty(&self.digest),
            ..TrainingRun::queued(id, plan, created_at)
        })
    }

    /// Writes a run into the document. What this version does not know stays as it is.
    pub(super) fn update(&mut self, run: &TrainingRun) {
        self.format = self.format.max(FORMAT);
        run.id.as_str().clone_into(&mut self.training_id);
        run.plan.model.as_str().clone_into(&mut self.model);
        self.algorithm = name(ALGORITHMS, &run.plan.algorithm);
        self.parameters.update(&run.plan);
        self.state = name(STATES, &run.state);
        if let Some(stage) = run.stage {
            self.stage = name(STAGES, &stage);
        }
        self.progress = run.progress;
        self.message.clone_from(&run.message);
        self.created_at = run.created_at.to_rfc3339();
        self.ended_at = run.ended_at.map(Timestamp::to_rfc3339);
        self.version = run.version.map_or(0, |version| version.0);
        if let Some(metrics) = &run.metrics {
            self.metrics.get_or_insert_default().update(metrics);
        }
        for gate in &run.gates {
            self.update_gate(gate);
        }
        self.warnings.clone_from(&run.warnings);
        self.digest = run.digest.clone().unwrap_or_default();
        self.dataset_digest = run.snapshot.clone().unwrap_or_default();
        self.train_seconds = run.train_seconds.unwrap_or_default();
    }

    fn update_gate(&mut self, gate: &GateResult) {
        let at = self.gates.iter().position(|known| known.name == gate.name).unwrap_or_else(|| {
            self.gates.push(GateDocument::default());
            self.gates.len() - 1
        });
        let document = &mut self.gates[at];
        document.name.clone_from(&gate.name);
        (document.value, document.bound) = (gate.value, gate.bound);
        document.side = match gate.side {
            GateSide::AtMost => String::new(),
            GateSide::AtLeast => AT_LEAST.to_owned(),
        };
    }
}

impl ParametersDocument {
    fn update(&mut self, plan: &TrainingPlan) {
        let FitParameters { factors, sweeps, burn_in, samples, seed } = plan.parameters;
        let extra = std::mem::take(&mut self.extra);
        *self = Self { factors, sweeps, burn_in, samples, seed, holdout: plan.holdout, extra };
    }
}

impl MetricsDocument {
    fn metrics(&self) -> RunMetrics {
        RunMetrics {
            rmse: self.rmse,
            mae: self.mae,
            frozen_rmse: self.frozen_rmse,
            bias_rmse: self.bias_rmse,
            coverage_90: self.coverage_90,
            holdout_ratings: self.holdout_ratings,
            training_ratings: self.training_ratings,
        }
    }

    fn update(&mut self, metrics: &RunMetrics) {
        let RunMetrics { rmse, mae, frozen_rmse, bias_rmse, coverage_90, holdout_ratings, training_ratings } = *metrics;
        let extra = std::mem::take(&mut self.extra);
        *self = Self { rmse, mae, frozen_rmse, bias_rmse, coverage_90, holdout_ratings, training_ratings, extra };
    }
}

impl GateDocument {
    fn gate(&self) -> GateResult {
        let side = if self.side == AT_LEAST { GateSide::AtLeast } else { GateSide::AtMost };
        GateResult { name: self.name.clone(), value: self.value, bound: self.bound, side }
    }
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// 64-bit integers, written as text because a JSON number of 64 bits loses digits in many readers.
/// Both text and numbers are read.
mod integer {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Integer {
        Number(u64),
        Text(String),
    }

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        match Integer::deserialize(deserializer)? {
            Integer::Number(number) => Ok(number),
            Integer::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

/// Numbers that JSON may not be able to write: one that is not finite is written as `null` and read
/// as NaN, so that the run stays readable.
mod number {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(*number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Option::deserialize(deserializer).map(|number| number.unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests;
