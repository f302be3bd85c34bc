//! Trials as they are stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::value::Values;

/// Which values of the objective are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Smaller values.
    #[default]
    Minimize,
    /// Larger values.
    Maximize,
}

impl Direction {
    /// Returns a number that is smaller for a better value.
    pub fn loss(self, value: f64) -> f64 {
        match self {
            Self::Minimize => value,
            Self::Maximize => -value,
        }
    }
}

/// The state of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The objective is being computed.
    Running,
    /// The objective has a value.
    Complete,
    /// The trial ended early because its intermediate values were poor.
    Pruned,
    /// The trial has no value, for the reason in its record.
    Failed,
}

/// A trial: its values, and what is known of the objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The number, from 0 on.
    pub number: u64,
    /// The values that were tried.
    pub values: Values,
    /// The state.
    pub state: State,
    /// The value of the objective. It is present only in the state [`State::Complete`].
    pub value: Option<f64>,
    /// The intermediate values by step. `None` is a value that is not a number.
    pub steps: BTreeMap<u64, Option<f64>>,
    /// Why the trial failed.
    pub reason: Option<String>,
    /// Whether the trial failed for a reason outside of it: its process died, or it was canceled.
    /// Such a trial does not count among those that were asked for.
    pub interrupted: bool,
    /// What else the study file says about the trial.
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Record {
    pub(crate) fn running(number: u64, values: Values) -> Self {
        Self {
            number,
            values,
            state: State::Running,
            value: None,
            steps: BTreeMap::new(),
            reason: None,
            interrupted: false,
            extra: BTreeMap::new(),
        }
    }

    /// Returns the last step with its value. A value that is not a number is NaN.
    pub fn last_step(&self) -> Option<(u64, f64)> {
        self.steps.last_key_value().map(|(&step, value)| (step, value.unwrap_or(f64::NAN)))
    }

    /// Returns the loss of a complete trial.
    pub(crate) fn loss(&self, direction: Direction) -> Option<f64> {
        self.value.filter(|_| self.state == State::Complete).map(|value| direction.loss(value))
    }
}
