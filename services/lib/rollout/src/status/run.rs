//! One rollout from a version to another, running or ended.

use marquee_domain::{Timestamp, Version};
use serde::{Deserialize, Serialize};

use crate::clock::{rfc3339, rfc3339_option};
use crate::{Percent, Reason, Unknown};

/// A rollout, running or ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Counts the rollouts of the model from 1.
    pub number: u64,
    /// Counts the attempts from 1: a retry is another one, and so is a change of the steps.
    pub attempt: u32,
    /// The version on trial.
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub target: Version,
    /// How the rollout goes.
    pub kind: RunKind,
    /// How the rollout ended. Absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Where the target is in the route.
    pub placement: Placement,
    /// The target's share of users in the route, in percent, for `Weight`.
    pub weight: Percent,
    /// The index of the present step, from 0.
    pub step: u32,
    /// A person ended all steps: metrics have no effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
    /// Since when the target is not found among the published versions. Absent if it is.
    #[serde(with = "rfc3339_option", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub missing_since: Option<Timestamp>,
    /// Since when the route that this rollout wants is refused. Absent if it is not.
    #[serde(with = "rfc3339_option", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub refused_since: Option<Timestamp>,
    /// The digest of the steps when the attempt started.
    pub steps_digest: String,
    /// The time from which the step's pause and deadline count. It moves while the rollout is
    /// paused by a person or after a failure.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub step_started_at: Timestamp,
    /// What holds the rollout. Absent if nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// When the rollout started.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub started_at: Timestamp,
    /// When the present evidence began: the start of the attempt, the last `Resume` after a
    /// failure, or the last time when a metric was added without error probability left for it.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub evidence_since: Timestamp,
    /// When the rollout ended.
    #[serde(with = "rfc3339_option", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub finished_at: Option<Timestamp>,
    /// Why it ended, for machines. Absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Why it ended, in one sentence with the figures.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Fields of newer releases.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub unknown: Unknown,
}

/// How a rollout goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RunKind {
    /// By the steps of the specification.
    Steps,
    /// Without steps: an earlier good version returns.
    Rollback,
    /// Without steps: the model had no route.
    First,
}

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Outcome {
    /// The target answers all users.
    Completed,
    /// The stable version stayed.
    Aborted,
    /// Another target replaced it.
    Superseded,
}

/// Where the target of a rollout is in the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Placement {
    /// The route does not name it.
    Absent,
    /// Loaded, without users.
    Shadow,
    /// A candidate with a share of users.
    Weight,
    /// The version that answers all users.
    Stable,
}

/// What holds a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// Why, for machines: `PausedByUser`, or the reason of the failure.
    pub reason: Reason,
    /// Why, in one sentence with the figures.
    pub message: String,
    /// Since when.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub since: Timestamp,
}

/// A rollout that ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Past {
    /// Counts the rollouts of the model from 1.
    pub number: u64,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The version that was on trial.
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub target: Version,
    /// The stable version at its start. Absent for the model's first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub stable: Option<Version>,
    /// How it went.
    pub kind: RunKind,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, for machines.
    pub reason: Reason,
    /// Why, in one sentence with the figures.
    pub message: String,
    /// The largest share of users that it had, in percent.
    pub weight: Percent,
    /// When it started.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub finished_at: Timestamp,
    /// Fields of newer releases.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub unknown: Unknown,
}

impl Run {
    /// Returns whether the rollout has not ended.
    pub fn is_running(&self) -> bool {
        self.outcome.is_none()
    }

    /// Returns the target's share of users that the route wants.
    pub fn wanted_weight(&self) -> Percent {
        match self.placement {
            Placement::Absent | Placement::Shadow => Percent::default(),
            Placement::Weight => self.weight,
            Placement::Stable => Percent::ALL,
        }
    }
}
