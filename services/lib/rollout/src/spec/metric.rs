//! Metrics: what is compared, with which limit, and how often.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{PairObservation, Percent};

/// What is compared, with which limit, and how often. A metric has exactly one of `duel`, `errors`
/// and `latency`.
///
/// Every `interval` the metric is measured. A measurement is *successful* if the evidence shows
/// that the candidate is within the limit, *failed* if the evidence shows that it is not, and
/// *inconclusive* if the evidence shows neither yet. It is an *error* if nothing was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metric {
    /// The name, which steps and reports use: letters, digits, dots, dashes and underscores.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 63)))]
    pub name: String,
    /// Compares how well both versions predict the same ratings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duel: Option<DuelTest>,
    /// Compares the share of requests that fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<ErrorTest>,
    /// Limits a quantile of the candidate's latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyTest>,
    /// The time between two measurements.
    #[serde(with = "humantime_serde", default = "default_interval")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub interval: Duration,
    /// The time before the first measurement.
    #[serde(with = "humantime_serde", default)]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub initial_delay: Duration,
    /// How many successful measurements make the metric pass, at least 1.
    #[serde(default = "default_count")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub count: u32,
    /// How many failed measurements are tolerated.
    #[serde(default)]
    pub failure_limit: u32,
    /// How many inconclusive measurements are tolerated before the rollout pauses. Absent means any
    /// number, up to the progress deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inconclusive_limit: Option<u32>,
    /// How many errors one after the other are tolerated.
    #[serde(default = "default_error_limit")]
    pub consecutive_error_limit: u32,
    /// The metric is measured and reported, and has no effect on the rollout.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// What a measurement is that has fewer ratings or requests than the minimum.
    #[serde(default)]
    pub on_missing_data: OnMissingData,
}

fn default_interval() -> Duration {
    Duration::from_secs(10)
}

fn default_count() -> u32 {
    1
}

fn default_error_limit() -> u32 {
    12
}

/// What a metric compares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Test<'a> {
    /// How well both versions predict the same ratings.
    Duel(&'a DuelTest),
    /// The share of requests that fail.
    Errors(&'a ErrorTest),
    /// A quantile of the candidate's latency.
    Latency(&'a LatencyTest),
}

impl Metric {
    /// Returns what the metric compares, or `None` if it does not have exactly one of `duel`,
    /// `errors` and `latency`.
    pub fn test(&self) -> Option<Test<'_>> {
        match (&self.duel, &self.errors, &self.latency) {
            (Some(duel), None, None) => Some(Test::Duel(duel)),
            (None, Some(errors), None) => Some(Test::Errors(errors)),
            (None, None, Some(latency)) => Some(Test::Latency(latency)),
            _ => None,
        }
    }

    /// Returns whether an analysis with these names measures the metric. Empty means all metrics.
    pub(crate) fn is_among(&self, names: &[String]) -> bool {
        names.is_empty() || names.contains(&self.name)
    }
}

/// Compares how well both versions predict the same ratings, each from the history before it. It
/// needs no users on the candidate.
///
/// The metric fails when the candidate is shown to be worse than the stable version by more than
/// the margin, and passes when it is shown not to be (non-inferiority).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DuelTest {
    /// The measure of the predictions' error.
    #[serde(default)]
    pub measure: Measure,
    /// By how much the candidate may be worse: in stars for `rmse` and `mae`, in nats for
    /// `logLoss`. 0 demands that it is shown to be no worse at all.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0)))]
    pub margin: f64,
    /// The least number of ratings for a decision, at least 30. It should be that of many people:
    /// ratings of one person in a row resemble each other.
    #[serde(default = "default_min_ratings")]
    #[cfg_attr(feature = "schema", schemars(range(min = 30)))]
    pub min_ratings: u64,
    /// The slice of ratings that is compared, by the monitor's name for it: `new-users`,
    /// `history:1-4`, `genre:Drama`. Absent means all ratings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<String>,
    /// The share of ratings, in percent, that the candidate may fail to predict.
    #[serde(default = "default_max_failures")]
    pub max_failures: Percent,
}

fn default_min_ratings() -> u64 {
    1_000
}

impl DuelTest {
    /// Returns the name of the slice: `all` if the metric names none.
    pub fn slice_name(&self) -> &str {
        self.slice.as_deref().unwrap_or(PairObservation::ALL)
    }
}

fn default_max_failures() -> Percent {
    Percent::try_new(1.0).unwrap_or_default()
}

/// The measure of a duel. All measures are smaller for a better version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// The root mean squared error, in stars.
    #[default]
    Rmse,
    /// The mean absolute error, in stars.
    Mae,
    /// The mean of minus the log density of the rating, in nats.
    LogLoss,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 3] = [Self::Rmse, Self::Mae, Self::LogLoss];

    /// Returns the name in messages: `RMSE`, `MAE` or `log loss`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rmse => "RMSE",
            Self::Mae => "MAE",
            Self::LogLoss => "log loss",
        }
    }

    /// Returns the unit in messages: `stars` or `nats`.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Rmse | Self::Mae => "stars",
            Self::LogLoss => "nats",
        }
    }
}

/// Compares the share of requests that fail. It has exactly one of `max` and `maxIncrease`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorTest {
    /// The largest share of the candidate's requests that may fail, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Percent>,
    /// By how many percentage points the candidate's share may exceed that of the stable version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_increase: Option<Percent>,
    /// The least number of the candidate's requests for a decision.
    #[serde(default = "default_min_requests")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub min_requests: u64,
}

/// Limits a quantile of the candidate's latency: at most a share of 1 − `quantile` of its requests
/// may take longer than `max`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LatencyTest {
    /// The quantile, for example 0.99.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.5, max = 0.9999)))]
    pub quantile: f64,
    /// The largest latency. Instances count latencies in buckets; a bound of a bucket here makes
    /// the count exact.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub max: Duration,
    /// The least number of the candidate's requests for a decision.
    #[serde(default = "default_min_requests")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub min_requests: u64,
}

fn default_min_requests() -> u64 {
    100
}

/// What a measurement is that has fewer ratings or requests than the minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum OnMissingData {
    /// It is inconclusive: the rollout waits, up to `inconclusiveLimit` and the progress deadline.
    #[default]
    Wait,
    /// It is failed, and counts against `failureLimit`. Set `initialDelay` to give data time.
    Fail,
    /// It is successful. A version may so reach all users without evidence.
    Pass,
}
