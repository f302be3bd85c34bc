//! The result of a search, for people and programs.

use marquee_tune::{Importance, Record, State, Values};
use serde::Serialize;

use crate::folds::Folds;

/// The result of a search.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The name of the data set.
    pub dataset: String,
    /// The SHA-256 of its ratings in hexadecimal.
    pub digest: String,
    /// The number of ratings.
    pub ratings: usize,
    /// The number of rows that were left out.
    pub left_out: u64,
    /// The name of the algorithm.
    pub algorithm: &'static str,
    /// How the ratings were split.
    pub folds: Folds,
    /// The parameters that were chosen on the last outer fold, which has the newest ratings.
    pub best: Values,
    /// The mean over the outer folds of the error of the chosen parameters, on ratings that chose
    /// nothing. In stars.
    pub outer_rmse: f64,
    /// The same for the default parameters.
    pub default_rmse: f64,
    /// Each outer fold.
    pub by_fold: Vec<FoldOutcome>,
}

/// The result of a search on an outer fold.
#[derive(Debug, Clone, Serialize)]
pub struct FoldOutcome {
    /// The chosen parameters.
    pub chosen: Values,
    /// Their error on the inner folds, by which they were chosen. It is too good, because the best
    /// of many trials is.
    pub inner_rmse: f64,
    /// Their error on the outer fold.
    pub outer_rmse: f64,
    /// The error of the default parameters on the outer fold.
    pub default_rmse: f64,
    /// How the trials ended.
    pub trials: Counts,
    /// The share of each parameter in the importance of all.
    #[serde(serialize_with = "by_name")]
    pub importances: Vec<Importance>,
    /// The trials, for the pictures.
    #[serde(skip)]
    pub records: Vec<Record>,
}

/// How many trials ended in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// With an error on all inner folds.
    pub complete: usize,
    /// Early, because they were poor.
    pub pruned: usize,
    /// Without a result.
    pub failed: usize,
}

impl Counts {
    pub(crate) fn of(records: &[Record]) -> Self {
        let count = |state: State| records.iter().filter(|record| record.state == state && !record.interrupted).count();
        Self { complete: count(State::Complete), pruned: count(State::Pruned), failed: count(State::Failed) }
    }
}

fn by_name<S: serde::Serializer>(importances: &[Importance], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(importances.iter().map(|importance| (&importance.parameter, importance.share)))
}

/// Writes values as `name value` pairs, for example `factors 16, sweeps 40`.
pub(crate) fn written(values: &Values) -> String {
    let pairs: Vec<String> = values.iter().map(|(name, value)| format!("{name} {value}")).collect();
    pairs.join(", ")
}
