//! What a row measured, and whether it reaches its targets.

use serde::{Deserialize, Serialize};

use crate::plan::Name;

/// A row of the report.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: Name,
    title: &'static str,
    pub(crate) measured: Measured,
    pub(crate) peers: Vec<Peer>,
    /// Whether fewer sweeps and peers were run than the targets are for.
    pub(crate) quick: bool,
    /// Seconds of everything but the peers.
    pub(crate) seconds: f64,
    /// Why the row was not measured.
    pub(crate) skipped: Option<String>,
}

/// What one process measured.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// How the model was fitted.
    pub(crate) settings: String,
    pub(crate) figures: Vec<Figure>,
    /// RMSE against seconds of fitting.
    pub(crate) curves: Vec<Curve>,
    /// The most memory of the process, with the ratings.
    pub(crate) memory_mib: f64,
}

/// One figure.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    /// `None` for what cannot be measured yet.
    pub(crate) value: Option<f64>,
    pub(crate) unit: Unit,
    pub(crate) target: Option<Target>,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Stars,
    Seconds,
    Milliseconds,
    Percent,
    Mib,
}

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtMost(f64),
    Within { of: f64, by: f64 },
}

/// RMSE against seconds of fitting, of one model on one fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Curve {
    /// The data set and fold.
    pub(crate) fold: String,
    pub(crate) label: String,
    /// Seconds and RMSE.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Another library on the folds of a row: means over the folds, and the most memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Peer {
    pub(crate) label: String,
    pub(crate) rmse: Option<f64>,
    pub(crate) fit_seconds: Option<f64>,
    pub(crate) sweep_seconds: Option<f64>,
    pub(crate) memory_mib: Option<f64>,
    pub(crate) curves: Vec<Curve>,
    /// Why it was not measured.
    pub(crate) skipped: Option<String>,
}

impl Row {
    /// Returns a row without figures.
    pub(crate) fn new(name: Name, quick: bool) -> Self {
        let title = name.title();
        Self { name, title, measured: Measured::default(), peers: Vec::new(), quick, seconds: 0.0, skipped: None }
    }
}

impl Figure {
    /// Returns a figure without a target.
    pub(crate) fn new(name: impl Into<String>, unit: Unit, value: f64) -> Self {
        Self { name: name.into(), value: Some(value), unit, target: None }
    }

    /// Returns a figure that cannot be measured yet.
    pub(crate) fn missing(name: impl Into<String>, unit: Unit) -> Self {
        Self { name: name.into(), value: None, unit, target: None }
    }

    /// Returns the figure with a largest value.
    pub(crate) fn at_most(self, most: f64) -> Self {
        Self { target: Some(Target::AtMost(most)), ..self }
    }

    /// Returns the figure with a value to be near.
    pub(crate) fn within(self, of: f64, by: f64) -> Self {
        Self { target: Some(Target::Within { of, by }), ..self }
    }

    /// Returns whether the target is reached, or `None` without a target or a value.
    pub(crate) fn reached(&self) -> Option<bool> {
        let value = self.value?;
        Some(match self.target? {
            Target::AtMost(most) => value <= most,
            Target::Within { of, by } => (value - of).abs() <= by,
        })
    }

    /// Returns the value with its unit.
    pub(crate) fn text(&self) -> String {
        self.value.map_or_else(|| String::from("not measured"), |value| self.unit.text(value))
    }

    /// Returns the target with its unit, or an empty text.
    pub(crate) fn target_text(&self) -> String {
        match self.target {
            None => String::new(),
            Some(Target::AtMost(most)) => format!("≤ {}", self.unit.text(most)),
            Some(Target::Within { of, by }) => format!("{} ± {by}", self.unit.text(of)),
        }
    }
}

impl Unit {
    fn text(self, value: f64) -> String {
        match self {
            Self::Stars => format!("{value:.4}"),
            Self::Seconds => format!("{value:.2} s"),
            Self::Milliseconds => format!("{value:.2} ms"),
            Self::Percent => format!("{value:.1} %"),
            Self::Mib => format!("{value:.0} MiB"),
        }
    }
}

/// Returns the most memory that this process has had, or 0 where the system does not tell.
pub(crate) fn peak_memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kib.unwrap_or_default() / 1_024.0
}

/// Returns the mean, or 0 of no values.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Returns the value in the middle, or 0 of no values.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_reached_at_their_bound_and_missing_figures_reach_nothing() {
        let figure = |value| Figure::new("RMSE", Unit::Stars, value).at_most(0.878);
        assert_eq!((figure(0.878).reached(), figure(0.8781).reached()), (Some(true), Some(false)));
        let share = |value| Figure::new("80 %", Unit::Percent, value).within(80.0, 2.0);
        assert_eq!((share(78.0).reached(), share(82.5).reached()), (Some(true), Some(false)));
        assert_eq!(Figure::missing("RMSE", Unit::Stars).at_most(0.9).reached(), None);
        assert_eq!(Figure::new("RMSE", Unit::Stars, 0.5).reached(), None);
        assert_eq!(figure(0.9).target_text(), "≤ 0.8780");
    }

    #[test]
    fn a_process_has_had_some_memory() {
        assert!(peak_memory_mib() > 1.0);
    }
}
