//! What a page says, and the comparison with another model.

use marquee_eval::{Comparison, Evaluation, Window};

use crate::SweepCurve;

/// What the page says besides the evaluation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heading<'a> {
    /// The model and its version.
    pub title: &'a str,
    /// The algorithm and the data, in one line.
    pub subtitle: &'a str,
    /// The root mean squared error of the bias-only model on the same ratings.
    pub bias_rmse: f64,
    /// What the run was: the name and the value of each row of a table, for example its date, its
    /// parameters and its data. Without rows there is no table.
    pub facts: &'a [(&'static str, String)],
}

/// Everything that a page shows.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// What was measured.
    pub evaluation: &'a Evaluation,
    /// What it was measured of.
    pub heading: Heading<'a>,
    /// Further figures. Empty: none are shown.
    pub figures: &'a [Table],
    /// The error by the number of ratings that the model was fitted on. Empty: not measured.
    pub learning: &'a [(u64, f64)],
    /// What the fits did, sweep by sweep. Empty: not measured.
    pub sweeps: &'a [SweepCurve],
    /// The comparison with another model, if there was one.
    pub versus: Option<&'a Versus>,
    /// What a reader must know.
    pub notes: &'a [String],
}

/// A table of figures. The first column has names, the others numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// The headers of the columns.
    pub headers: Vec<String>,
    /// The cells of each row.
    pub rows: Vec<Vec<String>>,
}

/// The comparison with another model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Versus {
    /// The other model, for example `version 3, the current one`.
    pub name: String,
    /// What follows from the comparison, in a sentence.
    pub verdict: String,
    /// The other model's root mean squared error, if it was measured on the same ratings.
    pub rmse: Option<f64>,
    /// The paired comparison, if there is one.
    pub comparison: Option<Comparison>,
    /// The probability of its bounds.
    pub confidence: f64,
    /// The other model's errors by time. Empty: not measured.
    pub windows: Vec<Window>,
}

impl<'a> Page<'a> {
    /// Returns a page with nothing but an evaluation.
    pub fn new(evaluation: &'a Evaluation, heading: Heading<'a>) -> Self {
        Self { evaluation, heading, figures: &[], learning: &[], sweeps: &[], versus: None, notes: &[] }
    }
}

impl Versus {
    /// Returns the figures of the comparison in words, or an empty text without them.
    pub(crate) fn figures(&self) -> String {
        let Some(comparison) = &self.comparison else { return String::new() };
        let upper = comparison.rmse.upper.map_or_else(
            || "no bound, because there are too few users".to_owned(),
            |upper| format!("at most {upper:+.4} with a probability of {:.0} %", self.confidence * 100.0),
        );
        format!(
            "RMSE less that of {}: {:+.4}, {upper}; allowed is {:+.4}. In pairs on {} ratings of {} users.",
            self.name, comparison.rmse.value, comparison.margin, comparison.ratings, comparison.users
        )
    }
}
