//! Metrics and their measurements.

use marquee_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::MetricWindow;
use crate::clock::rfc3339;

/// A metric in one place of a rollout: in a step, or in the background.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MetricStatus {
    /// The name of the metric.
    pub name: String,
    /// Where it is measured.
    pub scope: Scope,
    /// The index of the step, from 0, for `Step`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// What the measurements say so far.
    pub state: MetricState,
    /// The metric has no effect on the rollout.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// How many measurements had each result.
    pub counts: MetricCounts,
    /// The part of the rollout's error probability that this metric may use.
    pub alpha: f64,
    /// The last measurement. Absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Measurement>,
    /// When the metric began to be measured.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub started_at: Timestamp,
    /// When the next measurement is due.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub next_at: Timestamp,
    /// The totals when the metric began to be measured.
    #[serde(default)]
    pub window: MetricWindow,
}

/// Where a metric is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Scope {
    /// In a step.
    Step,
    /// From a step to the end of the rollout.
    Background,
}

/// What the measurements of a metric say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum MetricState {
    /// Nothing yet.
    Running,
    /// The metric passed.
    Successful,
    /// More measurements failed than the limit.
    Failed,
    /// More measurements were inconclusive than the limit.
    Inconclusive,
    /// More measurements were errors, one after the other, than the limit.
    Error,
}

/// How many measurements had each result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MetricCounts {
    /// Successful measurements.
    pub successful: u32,
    /// Failed measurements.
    pub failed: u32,
    /// Inconclusive measurements.
    pub inconclusive: u32,
    /// Errors.
    pub errors: u32,
    /// Errors since the last measurement that was none.
    pub consecutive_errors: u32,
}

/// One measurement: an estimate, its interval, and what follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// When.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub time: Timestamp,
    /// What the evidence shows.
    pub verdict: Verdict,
    /// The estimate, in the unit of the limit. Absent without data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<f64>,
    /// The lower end of the interval that holds at all looks together. Absent without data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<f64>,
    /// The upper end of that interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
    /// The limit that the estimate is compared with.
    pub limit: f64,
    /// The number of ratings, or of the candidate's requests.
    pub samples: u64,
    /// The least number for a decision.
    pub min_samples: u64,
    /// One sentence with the figures.
    pub message: String,
}

/// What the evidence of a measurement shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Verdict {
    /// The candidate is within the limit.
    Successful,
    /// The candidate is beyond the limit.
    Failed,
    /// Neither is shown yet.
    Inconclusive,
    /// Nothing was observed.
    Error,
}
