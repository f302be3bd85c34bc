//! Conditions, in the form that Kubernetes uses.

use marquee_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Reason;
use crate::clock::rfc3339;

/// Whether something is true at present, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is true or not.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Whether it is true.
    pub status: ConditionStatus,
    /// Why, for machines.
    pub reason: Reason,
    /// Why, in one sentence with the figures.
    pub message: String,
    /// When `status` last changed.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub last_transition_time: Timestamp,
}

/// What is true or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ConditionType {
    /// Every ready instance answers with a route of the model.
    Available,
    /// A rollout runs.
    Progressing,
    /// A rollout is held.
    Paused,
    /// The last rollout was aborted.
    Degraded,
    /// The target answers all users.
    Completed,
}

impl ConditionType {
    /// Every type, in the order of the status.
    pub const ALL: [Self; 5] = [Self::Available, Self::Progressing, Self::Paused, Self::Degraded, Self::Completed];

    /// Returns the name, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Progressing => "Progressing",
            Self::Paused => "Paused",
            Self::Degraded => "Degraded",
            Self::Completed => "Completed",
        }
    }
}

/// Whether a condition is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ConditionStatus {
    /// It is true.
    True,
    /// It is not true.
    False,
    /// It could not be observed.
    Unknown,
}
