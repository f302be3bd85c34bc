//! The steps of a rollout.

use std::fmt;
use std::time::Duration;

use humantime_serde::re::humantime::format_duration;
use serde::{Deserialize, Serialize};

use crate::Percent;

/// One step: an object with exactly one field. Whatever a step waits for, it also waits until every
/// ready instance answers with the wanted route.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Sends this share of users, in percent, to the candidate. The step ends when every ready
    /// instance does so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_weight: Option<Percent>,
    /// Loads the candidate on every instance without sending users to it. Duels need no more. The
    /// step ends when the candidate is warm on every ready instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowStep>,
    /// Waits for a time, or until the rollout is promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<PauseStep>,
    /// Waits until metrics pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisStep>,
}

/// A step that loads the candidate without sending users to it. It has no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShadowStep {}

/// A step that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PauseStep {
    /// How long the step waits. Absent means until the rollout is promoted.
    #[serde(with = "humantime_serde", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub duration: Option<Duration>,
}

/// A step that waits until metrics pass.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnalysisStep {
    /// The names of the metrics. Empty means all metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind<'a> {
    /// Sends a share of users to the candidate.
    SetWeight(Percent),
    /// Loads the candidate without sending users to it.
    Shadow,
    /// Waits for a time, or until the rollout is promoted.
    Pause(Option<Duration>),
    /// Waits until the metrics with these names pass. Empty means all metrics.
    Analysis(&'a [String]),
}

impl Step {
    /// Returns what the step does, or `None` if it does not have exactly one field.
    pub fn kind(&self) -> Option<StepKind<'_>> {
        match (self.set_weight, self.shadow, &self.pause, &self.analysis) {
            (Some(weight), None, None, None) => Some(StepKind::SetWeight(weight)),
            (None, Some(_), None, None) => Some(StepKind::Shadow),
            (None, None, Some(pause), None) => Some(StepKind::Pause(pause.duration)),
            (None, None, None, Some(analysis)) => Some(StepKind::Analysis(&analysis.metrics)),
            _ => None,
        }
    }
}

impl fmt::Display for StepKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetWeight(weight) => write!(f, "setWeight {}", weight.value()),
            Self::Shadow => f.write_str("shadow"),
            Self::Pause(Some(duration)) => write!(f, "pause {}", format_duration(*duration)),
            Self::Pause(None) => f.write_str("pause until promoted"),
            Self::Analysis([]) => f.write_str("analysis"),
            Self::Analysis(names) => write!(f, "analysis {}", names.join(", ")),
        }
    }
}
