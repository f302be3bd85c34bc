//! Hyperband (Li et al. 2018, "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
//! Optimization", algorithm 1) with asynchronous successive halving in its brackets (Li et al.
//! 2020, "A System for Massively Parallel Hyperparameter Tuning", algorithm 2), so that no trial
//! waits for others.

use crate::record::{Direction, Record};

/// The settings of Hyperband. Steps are the resource that a trial has used.
#[derive(Debug, Clone, PartialEq)]
pub struct Hyperband {
    /// The smallest resource after which a trial may end, at least 1. Default 1.
    pub min_resource: u64,
    /// The resource of a whole trial. Default 81.
    pub max_resource: u64,
    /// η: one of η trials goes on at each rung, at least 2. Default 3.
    pub reduction: u64,
}

impl Default for Hyperband {
    fn default() -> Self {
        Self { min_resource: 1, max_resource: 81, reduction: 3 }
    }
}

impl Hyperband {
    fn eta(&self) -> u64 {
        self.reduction.max(2)
    }

    /// Returns the number of brackets, s_max + 1 = ⌊log_η (R / r)⌋ + 1.
    pub fn brackets(&self) -> u32 {
        let ratio = self.max_resource / self.min_resource.max(1);
        ratio.checked_ilog(self.eta()).unwrap_or(0) + 1
    }

    /// Returns the bracket of a trial, from 0 on. Bracket b ends no trial before the step r η^b.
    ///
    /// Of the trials, bracket b has the share that ⌈(s_max + 1) η^s / (s + 1)⌉ with s = s_max − b
    /// is of the sum over all brackets (algorithm 1, line 3). The shares are spread over the trials
    /// by their numbers, without a random draw.
    pub fn bracket(&self, number: u64) -> u32 {
        let brackets = self.brackets();
        let size = |bracket: u32| {
            let s = brackets - 1 - bracket;
            (u64::from(brackets) * self.eta().saturating_pow(s)).div_ceil(u64::from(s) + 1)
        };
        let total: u64 = (0..brackets).map(size).sum();
        // The golden ratio spreads successive numbers evenly over 0 to 1 (Weyl's sequence).
        let share = (number as f64 * 0.618_033_988_749_894_9).fract();
        let mut place = (share * total as f64) as u64;
        for bracket in 0..brackets {
            match place.checked_sub(size(bracket)) {
                Some(rest) => place = rest,
                None => return bracket,
            }
        }
        brackets - 1
    }

    /// Returns whether a trial has reached a rung of its bracket with a value that is not among the
    /// best 1 of η there, of the trials of the bracket that have reached it so far.
    pub(super) fn prunes(&self, direction: Direction, trials: &[Record], trial: &Record) -> bool {
        let bracket = self.bracket(trial.number);
        let others: Vec<&Record> = trials
            .iter()
            .filter(|other| other.number != trial.number && self.bracket(other.number) == bracket)
            .collect();
        for rung in bracket.. {
            let step = self.min_resource.max(1).saturating_mul(self.eta().saturating_pow(rung));
            if step >= self.max_resource {
                return false;
            }
            let Some(own) = at_rung(trial, step, direction) else { return false };
            let better = others.iter().filter_map(|other| at_rung(other, step, direction));
            let (reached, better) =
                better.fold((1, 0), |(reached, better), loss| (reached + 1, better + u64::from(loss < own)));
            // Without a pause for other trials, the first one at a rung goes on.
            if better >= (reached / self.eta()).max(1) {
                return true;
            }
        }
        false
    }
}

/// Returns the loss with which a trial reached a rung: that of its first step from there on.
fn at_rung(trial: &Record, step: u64, direction: Direction) -> Option<f64> {
    let (_, value) = trial.steps.range(step..).next()?;
    Some(value.map_or(f64::INFINITY, |value| direction.loss(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Values;

    #[test]
    fn brackets_share_the_trials_as_in_the_paper() {
        let hyperband = Hyperband::default();
        assert_eq!(hyperband.brackets(), 5);
        let mut counts = [0_u32; 5];
        (0..2_060).for_each(|number| counts[hyperband.bracket(number) as usize] += 1);
        // ⌈5 · 81 / 5⌉, ⌈5 · 27 / 4⌉, ⌈5 · 9 / 3⌉, ⌈5 · 3 / 2⌉ and 5 of 143.
        for (count, share) in counts.into_iter().zip([81.0, 34.0, 15.0, 8.0, 5.0]) {
            let wanted = 2_060.0 * share / 143.0;
            assert!((f64::from(count) - wanted).abs() < 6.0, "{counts:?}");
        }
        assert_eq!(Hyperband { max_resource: 1, ..hyperband }.brackets(), 1);
        assert_eq!(Hyperband { min_resource: 0, max_resource: 0, reduction: 0 }.brackets(), 1);
    }

    #[test]
    fn a_third_of_a_bracket_goes_on_at_each_rung() {
        let hyperband = Hyperband { max_resource: 9, ..Hyperband::default() };
        let mut trials: Vec<Record> = Vec::new();
        let mut spent = [0_u32; 10];
        for number in 0..3_000 {
            let mut trial = Record::running(number, Values::new());
            // Numbers without an order: the quality of a trial.
            let quality = (number as f64 * 0.754_877_666_2).fract();
            for step in 1..=9 {
                trial.steps.insert(step, Some(quality));
                spent[step as usize] += 1;
                if hyperband.prunes(Direction::Minimize, &trials, &trial) {
                    break;
                }
            }
            trials.push(trial);
        }
        let first = trials.iter().filter(|trial| hyperband.bracket(trial.number) == 0).count() as f64;
        let second = trials.iter().filter(|trial| hyperband.bracket(trial.number) == 1).count() as f64;
        let last = 3_000.0 - first - second;
        let near = |found: u32, wanted: f64| (f64::from(found) - wanted).abs() < 0.15 * wanted;
        assert!(near(spent[2], first / 3.0 + second + last), "{spent:?}");
        assert!(near(spent[9], first / 9.0 + second / 3.0 + last), "{spent:?}");
    }

    #[test]
    fn a_whole_trial_is_never_ended_and_a_skipped_rung_counts_by_the_next_step() {
        let hyperband = Hyperband { max_resource: 9, ..Hyperband::default() };
        let of_bracket_0: Vec<u64> = (0..100).filter(|&number| hyperband.bracket(number) == 0).take(2).collect();
        let with = |number: u64, steps: &[(u64, f64)]| {
            let mut trial = Record::running(number, Values::new());
            trial.steps = steps.iter().map(|&(step, value)| (step, Some(value))).collect();
            trial
        };
        let good = with(of_bracket_0[0], &[(1, 0.1), (3, 0.1), (9, 0.1)]);
        let prunes = |steps: &[(u64, f64)]| {
            let trial = with(of_bracket_0[1], steps);
            hyperband.prunes(Direction::Minimize, std::slice::from_ref(&good), &trial)
        };
        assert!(prunes(&[(2, 0.5)]), "the step 2 is the first from rung 1 on");
        assert!(!prunes(&[(2, 0.05)]) && prunes(&[(2, 0.05), (4, 0.5)]));
        assert!(!prunes(&[(1, 0.05), (3, 0.05), (9, 0.5)]));
    }
}
