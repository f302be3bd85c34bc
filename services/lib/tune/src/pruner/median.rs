//! The median stopping rule (Golovin et al. 2017, "Google Vizier", section 3.2.2) in the form of
//! Optuna 5.0.0, which compares with values at the same step rather than with running means.

use crate::record::{Direction, Record, State};

/// The settings of the median rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Median {
    /// The number of complete trials before the first trial is pruned. Default 5.
    pub startup: usize,
    /// Steps up to this one prune nothing. Default 0.
    pub warmup: u64,
}

impl Default for Median {
    fn default() -> Self {
        Self { startup: 5, warmup: 0 }
    }
}

impl Median {
    /// Returns whether the best value of the trial so far is worse than the median, over the
    /// complete trials, of their values at this step.
    pub(super) fn prunes(&self, direction: Direction, trials: &[Record], trial: &Record, step: u64) -> bool {
        let complete: Vec<&Record> = trials.iter().filter(|other| other.state == State::Complete).collect();
        if complete.len() < self.startup.max(1) || step <= self.warmup {
            return false;
        }
        let at_step = |other: &&Record| other.steps.get(&step).copied().flatten().map(|value| direction.loss(value));
        let mut others: Vec<f64> = complete.iter().filter_map(at_step).collect();
        if others.is_empty() {
            return false;
        }
        others.sort_by(f64::total_cmp);
        let middle = others.len() / 2;
        let median = if others.len() % 2 == 1 { others[middle] } else { 0.5 * (others[middle - 1] + others[middle]) };
        let best = trial.steps.values().flatten().map(|&value| direction.loss(value)).fold(f64::INFINITY, f64::min);
        best > median
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pruner::Pruner;
    use crate::value::Values;

    fn trial(number: u64, state: State, values: &[f64]) -> Record {
        let mut record = Record::running(number, Values::new());
        record.state = state;
        record.steps = (1..).zip(values.iter().map(|value| value.is_finite().then_some(*value))).collect();
        record
    }

    #[test]
    fn a_trial_below_the_median_ends_after_startup_and_warmup() {
        let complete: Vec<Record> = (0..5).map(|n| trial(n, State::Complete, &[n as f64, n as f64 / 2.0])).collect();
        let rule = Pruner::Median(Median::default());
        let prunes = |rule: &Pruner, trials: &[Record], values: &[f64]| {
            rule.prunes(Direction::Minimize, trials, &trial(9, State::Running, values))
        };
        assert!(prunes(&rule, &complete, &[2.5]) && !prunes(&rule, &complete, &[2.0]));
        assert!(!prunes(&rule, &complete, &[0.5, 9.0]), "the best value so far counts");
        assert!(!prunes(&rule, &complete[..4], &[9.0]), "too few complete trials");
        assert!(!prunes(&rule, &complete, &[9.0, 9.0, 9.0]), "no other trial has this step");
        assert!(prunes(&rule, &[], &[f64::NAN]) && !prunes(&Pruner::Never, &complete, &[f64::NAN]));
        let late = Pruner::Median(Median { warmup: 1, ..Median::default() });
        assert!(!prunes(&late, &complete, &[9.0]) && prunes(&late, &complete, &[9.0, 9.0]));
        let maximize = |value| rule.prunes(Direction::Maximize, &complete, &trial(9, State::Running, &[value]));
        assert!(maximize(1.5) && !maximize(2.5));
    }
}
