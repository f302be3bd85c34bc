//! What became of the ratings of a batch.

use std::collections::BTreeMap;

use crate::inference::Reason;

/// How many ratings were predicted, and how many were not.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Ratings that at least one version of each model predicted.
    pub(crate) predicted: u64,
    /// Ratings that a model or a version did not predict.
    pub(crate) unpredicted: BTreeMap<Reason, u64>,
}
