//! The specification of a rollout: what is to be rolled out, by which steps, and what stops it.
//!
//! The same form is used in TOML, JSON and YAML. Unknown fields are refused.

mod error;
mod metric;
mod step;
mod validate;

use std::time::Duration;

use marquee_domain::{ModelName, Version};
use serde::{Deserialize, Deserializer, Serialize};

pub use error::SpecError;
pub use metric::{DuelTest, ErrorTest, LatencyTest, Measure, Metric, OnMissingData, Test};
pub use step::{AnalysisStep, PauseStep, ShadowStep, Step, StepKind};

/// What is to be rolled out, by which steps, and what stops it.
///
/// Weights are percentages with at most two decimals. Durations are texts: `30s`, `10m`, `1h 30m`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The model.
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1, max = 63)))]
    pub model: ModelName,
    /// The version that is to answer all users. Give this or `follow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(min = 1)))]
    pub version: Option<Version>,
    /// Rolls out each newly published version that passed its gates. Give this or `version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<Follow>,
    /// The steps before the version answers all users. Without steps it does so as soon as it is
    /// warm on every instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub steps: Vec<Step>,
    /// Metrics that are measured over several steps. A failure at any time ends the rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Background>,
    /// The metrics that steps and the background analysis name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 32)))]
    pub metrics: Vec<Metric>,
    /// What happens when a metric fails, a version cannot be loaded or a deadline passes.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// The longest time that a step may take. A pause does not count, but the wait for instances
    /// after it does.
    #[serde(with = "humantime_serde", default = "default_deadline")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub progress_deadline: Duration,
    /// What happens when instances do not follow the route within the deadline.
    #[serde(default)]
    pub on_deadline: OnDeadline,
    /// Which earlier versions return at once, without steps.
    #[serde(default)]
    pub rollback_window: RollbackWindow,
    /// The error probability of the whole rollout, however often the evidence is looked at: a
    /// version within all limits is stopped by chance with at most this probability, and a version
    /// beyond a limit passes its metric by chance with at most this probability. New evidence has
    /// its own: after a retry, after a change of the steps, after a failed rollout was resumed, and
    /// after a metric was added for which nothing was left.
    #[serde(default = "default_alpha")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.000001, max = 0.5)))]
    pub alpha: f64,
}

fn default_deadline() -> Duration {
    Duration::from_hours(1)
}

fn default_alpha() -> f64 {
    0.01
}

impl Spec {
    /// Reads and checks a specification.
    ///
    /// # Errors
    /// [`SpecError`] names the first wrong field by its path, for example `steps[0].setWeight`.
    pub fn read<'de, D: Deserializer<'de>>(source: D) -> Result<Self, SpecError> {
        let spec: Self = serde_path_to_error::deserialize(source).map_err(|error| {
            let path = error.path().to_string();
            SpecError::new(if path == "." { "" } else { &path }, error.inner().to_string())
        })?;
        spec.validate()?;
        Ok(spec)
    }

    /// Returns the metric of a name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

/// Which version is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Follow {
    /// The newest version that passed its gates.
    Latest,
}

/// Metrics that are measured from a step to the end of the rollout.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Background {
    /// The index of the first step during which the metrics are measured, from 0.
    #[serde(default)]
    pub starting_step: u32,
    /// The names of the metrics. Empty means all metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
}

/// What happens when a metric fails, a version cannot be loaded or a deadline passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum OnFailure {
    /// The stable version answers all users again, and the rollout ends.
    #[default]
    Abort,
    /// The weight stays as it is until a person decides.
    Pause,
}

/// What happens when instances do not follow the route within the progress deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum OnDeadline {
    /// The rollout fails, and `onFailure` says what follows.
    #[default]
    Fail,
    /// The rollout goes on without the instances that do not follow, if at least one does.
    Continue,
}

/// Which earlier versions return at once, without steps. A version is eligible if it answered all
/// users before, and both limits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RollbackWindow {
    /// How many of the last stable versions are eligible, at most 10. 0 turns the window off.
    #[cfg_attr(feature = "schema", schemars(range(max = 10)))]
    pub versions: u32,
    /// How long ago the version may have been replaced, at most 3650 days. Absent means 7 days.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub age: Option<Duration>,
}

impl Default for RollbackWindow {
    fn default() -> Self {
        Self { versions: 1, age: Some(Duration::from_hours(7 * 24)) }
    }
}

#[cfg(test)]
mod tests;
