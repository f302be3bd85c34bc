//! The status of a rollout: what people read, and all that the next decision needs.
//!
//! The stored form has a format version and keeps fields that it does not know.

mod analysis;
mod condition;
mod run;

use marquee_domain::{Salt, Timestamp, Version};
use serde::{Deserialize, Serialize};

use crate::clock::rfc3339;
use crate::{Event, Evidence, Percent, Reason, Unknown, VersionState};

pub use analysis::{Measurement, MetricCounts, MetricState, MetricStatus, Scope, Verdict};
pub use condition::{Condition, ConditionStatus, ConditionType};
pub use run::{Outcome, Past, Pause, Placement, Run, RunKind};

/// The status of the rollouts of one model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// The format of the stored form. 0 before the first decision.
    pub format: u32,
    /// Where the rollout is.
    pub phase: Phase,
    /// Why, for machines.
    pub reason: Reason,
    /// Why, in one sentence with the figures.
    pub message: String,
    /// The version that answers all users who are not on the candidate. Absent before the model
    /// has a route.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub stable: Option<Version>,
    /// The version on trial. Absent if no rollout runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub candidate: Option<Version>,
    /// The present step. Absent if no rollout runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepStatus>,
    /// The candidate's share of users.
    pub weights: Weights,
    /// What is true at present: one entry of each type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The metrics of the running or last rollout, with their last measurements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub analysis: Vec<MetricStatus>,
    /// The inference instances by name, at most 200.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceStatus>,
    /// The rollouts that ended, the newest first, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Past>,
    /// The last events, the newest first, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// The running or last rollout. Absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Run>,
    /// A person returned to an earlier version. It is the target until the specification names
    /// another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// The versions that answered all users before the present one, the newest first, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub good_versions: Vec<GoodVersion>,
    /// The text that assigns users to buckets. It never changes during a rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub salt: Option<Salt>,
    /// The revision of the route that was observed last. 0 before the first.
    pub route_revision: u64,
    /// The ids of the last commands that were carried out, the newest last, at most 64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handled_commands: Vec<String>,
    /// The evidence of the running rollout.
    pub evidence: Evidence,
    /// Fields of newer releases.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub unknown: Unknown,
}

/// The format of the status that this release writes.
pub(crate) const FORMAT: u32 = 1;

/// Where a rollout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Phase {
    /// The target or the route is not known yet.
    #[default]
    Pending,
    /// The steps run.
    Progressing,
    /// A pause runs, or a person has to decide.
    Paused,
    /// The rollout was aborted: the stable version answers all users.
    Degraded,
    /// The target answers all users.
    Completed,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Progressing, Self::Paused, Self::Degraded, Self::Completed];

    /// Returns the name, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Progressing => "Progressing",
            Self::Paused => "Paused",
            Self::Degraded => "Degraded",
            Self::Completed => "Completed",
        }
    }

    /// Returns whether the rollout ended: nothing follows without a command or another target.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Degraded | Self::Completed)
    }
}

/// The present step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StepStatus {
    /// The index, from 0. It is `count` while the candidate takes over all users.
    pub index: u32,
    /// The number of steps.
    pub count: u32,
    /// What the step does, for people: `setWeight 25`, `analysis`, `promote`.
    pub name: String,
    /// When the step began.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub started_at: Timestamp,
}

/// The candidate's share of users, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Weights {
    /// The share that the route wants. 100 after a completed rollout.
    pub wanted: Percent,
    /// The least share on any ready instance that could be asked.
    pub effective: Percent,
    /// The largest share on any ready instance that could be asked.
    pub effective_max: Percent,
    /// The number of ready instances.
    pub instances: u32,
    /// The number of ready instances that answer with the wanted route.
    pub instances_effective: u32,
}

/// One inference instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    /// The name.
    pub name: String,
    /// The instance is meant to receive requests.
    pub ready: bool,
    /// The instance answered the last question about its state.
    pub reachable: bool,
    /// The instance answers with the wanted route.
    pub effective: bool,
    /// The revision of the route that answers. Absent if no route answers or it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The stable version and the candidate on this instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<InstanceVersion>,
}

/// One version on one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceVersion {
    /// The version.
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub version: Version,
    /// Its state.
    pub state: VersionState,
    /// Why it failed, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A version that answered all users before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GoodVersion {
    /// The version.
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub version: Version,
    /// When it was replaced.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub replaced_at: Timestamp,
}

/// A return to an earlier version by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Undo {
    /// The target of the specification that was left.
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub from: Version,
    /// The version that is the target instead.
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub to: Version,
    /// When.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub time: Timestamp,
}

impl Status {
    /// Returns the rollout that runs.
    pub fn running(&self) -> Option<&Run> {
        self.rollout.as_ref().filter(|run| run.is_running())
    }

    /// Returns the condition of a type, once there was a decision.
    pub fn condition(&self, of: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == of)
    }

    /// Returns since when a condition has a status that is written now. The time of its last change
    /// stays while the status does.
    pub fn condition_since(&self, of: ConditionType, status: ConditionStatus, now: Timestamp) -> Timestamp {
        let before = self.condition(of).filter(|before| before.status == status);
        before.map_or(now, |before| before.last_transition_time)
    }
}

#[cfg(test)]
mod tests;
