//! Sums of errors by slice and user, from which resamples are computed.

use crate::spread::WIDTH_80;
use crate::{Normal, Outcome};

/// Sums over ratings.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Sums {
    pub(super) count: f64,
    squares: f64,
    errors: f64,
    /// The ratings with a predicted distribution.
    judged: f64,
    /// Those of them in the central 80 % interval.
    inside: f64,
}

impl Sums {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        let error = outcome.error();
        self.count += 1.0;
        self.squares += error * error;
        self.errors += error;
        if let Some(Normal { mean, spread }) = outcome.normal {
            self.judged += 1.0;
            self.inside += f64::from(u8::from((outcome.rating - mean).abs() <= WIDTH_80 * spread));
        }
    }

    fn add_times(&mut self, other: &Self, weight: f64) {
        self.count += weight * other.count;
        self.squares += weight * other.squares;
        self.errors += weight * other.errors;
        self.judged += weight * other.judged;
        self.inside += weight * other.inside;
    }
}

/// A slice and the sums of each of its users, by growing number of the user.
#[derive(Debug, Clone, Default)]
pub(super) struct SliceSums {
    pub(super) dimension: String,
    pub(super) name: String,
    pub(super) by_user: Vec<(u32, Sums)>,
}

impl SliceSums {
    /// Adds an outcome. Outcomes come by user.
    pub(super) fn add(&mut self, outcome: &Outcome) {
        match self.by_user.last_mut().filter(|(user, _)| *user == outcome.user) {
            Some((_, sums)) => sums.add(outcome),
            None => {
                let mut sums = Sums::default();
                sums.add(outcome);
                self.by_user.push((outcome.user, sums));
            }
        }
    }

    pub(super) fn total(&self) -> Sums {
        let mut total = Sums::default();
        self.by_user.iter().for_each(|(_, sums)| total.add_times(sums, 1.0));
        total
    }

    /// Returns the total with a weight for each user, by number.
    pub(super) fn weighted(&self, weights: &[f64]) -> Sums {
        let mut total = Sums::default();
        for (user, sums) in &self.by_user {
            total.add_times(sums, weights.get(*user as usize).copied().unwrap_or(0.0));
        }
        total
    }
}

/// What follows from sums. `None` where there are no ratings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    pub(super) rmse: Option<f64>,
    pub(super) bias: Option<f64>,
    pub(super) coverage: Option<f64>,
    /// The difference of the root mean squared error to that of the rest.
    pub(super) to_rest: Option<f64>,
}

impl Figures {
    pub(super) fn new(own: Sums, all: Sums) -> Self {
        let ratio = |sum: f64, count: f64| (count > 0.5).then(|| sum / count);
        let root = |squares: f64, count: f64| ratio(squares, count).map(|mean| mean.max(0.0).sqrt());
        let rmse = root(own.squares, own.count);
        let rest = root(all.squares - own.squares, all.count - own.count);
        Self {
            rmse,
            bias: ratio(own.errors, own.count),
            coverage: ratio(own.inside, own.judged),
            to_rest: rmse.zip(rest).map(|(own, rest)| own - rest),
        }
    }
}
