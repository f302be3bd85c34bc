//! The evidence of a rollout: totals that restarts of instances neither lose nor double, and the
//! part of them that each metric is judged on.

mod fold;

use std::collections::BTreeMap;

use marquee_domain::{Timestamp, Version};
use serde::{Deserialize, Serialize};

use crate::PairSums;

use crate::clock::rfc3339;
pub(crate) use fold::CounterScope;

/// The evidence of a rollout. It is kept in the status for the next decision, and is not meant for
/// people.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Evidence {
    /// What the versions of the rollout were asked since it started, over all instances.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub served: Vec<VersionCounters>,
    /// The counters of each instance that were added to `served` last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceCounters>,
    /// The duel since the rollout started, by slice.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub duels: BTreeMap<String, DuelEvidence>,
    /// The part of the error probability that each test on this evidence may use, by test:
    /// `quality` for a duel, `errors/3` for another metric in step 3, `errors/background` for one
    /// in the background.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, f64>,
}

/// What one version was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VersionCounters {
    /// The version.
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub version: Version,
    /// Its counters.
    pub counters: Counters,
}

/// Counters of requests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Counters {
    /// Requests, whatever their outcome.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Requests that took longer than the limits of the latency metrics.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<Above>,
}

/// Requests that took longer than a limit. Where the limit is inside a bucket of the histogram, the
/// number is known to be between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Above {
    /// The limit in microseconds.
    pub limit: u64,
    /// Requests, whatever their latency.
    pub requests: u64,
    /// Requests that were longer for certain.
    pub least: u64,
    /// Requests that may have been longer.
    pub most: u64,
}

/// The counters of one instance that were seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceCounters {
    /// The name of the instance.
    pub name: String,
    /// Its incarnation.
    pub incarnation: String,
    /// When they were seen.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub seen_at: Timestamp,
    /// The counters by version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub served: Vec<VersionCounters>,
}

/// The duel of a rollout on one slice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct DuelEvidence {
    /// The sums that the monitor reported last.
    pub seen: PairSums,
    /// The sums since the rollout started.
    pub total: PairSums,
    /// Blocks of the squared error, if a metric uses it. Blocks show how much ratings depend on
    /// each other.
    #[serde(skip_serializing_if = "BlockSums::is_empty")]
    pub squared: BlockSums,
    /// Blocks of the absolute error, if a metric uses it.
    #[serde(skip_serializing_if = "BlockSums::is_empty")]
    pub absolute: BlockSums,
    /// Blocks of the log loss, if a metric uses it.
    #[serde(skip_serializing_if = "BlockSums::is_empty")]
    pub log_loss: BlockSums,
}

/// Sums over blocks of consecutive ratings. When there are too many blocks, neighbors are merged,
/// so blocks grow with the number of ratings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct BlockSums {
    /// The least number of ratings of a block.
    pub size: u64,
    /// The number of ratings of each block.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ratings: Vec<u64>,
    /// The sum of the differences of each block.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<f64>,
    /// The number of ratings of the block that is not full yet.
    pub open_ratings: u64,
    /// The sum of the differences of the block that is not full yet.
    pub open_difference: f64,
}

/// The totals at the time when a metric began to be measured. The metric is judged on what came
/// after it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MetricWindow {
    /// The counters of the stable version.
    pub stable: Counters,
    /// The counters of the candidate.
    pub candidate: Counters,
}

impl BlockSums {
    /// Returns whether nothing was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.ratings.is_empty() && self.open_ratings == 0
    }
}
