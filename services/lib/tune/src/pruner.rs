//! Pruners end trials early whose intermediate values are poor.
//!
//! An intermediate value belongs to a step: a whole number that grows with the resource that was
//! spent, for example folds or sweeps.

mod hyperband;
mod median;

use crate::record::{Direction, Record};

pub use hyperband::Hyperband;
pub use median::Median;

/// Which trials end early.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Pruner {
    /// No trial ends early.
    #[default]
    Never,
    /// A trial ends if it is worse than the median of the complete ones at the same step.
    Median(Median),
    /// A trial goes on at each rung only if it is among the best third of its bracket.
    Hyperband(Hyperband),
}

impl Pruner {
    /// Returns whether a trial must end at its last step. A value that is not a number ends it
    /// unless nothing is pruned.
    pub(crate) fn prunes(&self, direction: Direction, trials: &[Record], trial: &Record) -> bool {
        let Some((step, value)) = trial.last_step() else { return false };
        match self {
            Self::Never => false,
            _ if value.is_nan() => true,
            Self::Median(median) => median.prunes(direction, trials, trial, step),
            Self::Hyperband(hyperband) => hyperband.prunes(direction, trials, trial),
        }
    }
}
