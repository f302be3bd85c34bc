//! The difference of two proportions, from two groups of trials.
//!
//! The martingales of both groups multiply to a martingale under the true pair of proportions, in
//! whatever order the trials come. A difference is refuted when every pair of proportions with this
//! difference is. So the true difference is ever refuted only if the true pair is, and by Ville's
//! inequality that has a probability of at most α. R. J. Turner and P. D. Grünwald, *Exact
//! anytime-valid confidence intervals for contingency tables and beyond* (arXiv:2203.09785), invert
//! tests of pairs in the same way, with another martingale.

use super::proportion::{Martingale, Prior, Trials};
use super::{Interval, bisect};

/// Returns the proportion of the second group minus that of the first, with an interval that all
/// looks together leave with a probability of at most `alpha`.
pub fn interval(first: Trials, second: Trials, alpha: f64) -> Interval {
    let pair = Pair(Martingale::new(first, Prior::JEFFREYS), Martingale::new(second, Prior::JEFFREYS));
    let estimate = pair.1.estimate() - pair.0.estimate();
    let refuted = |difference: f64| pair.least_evidence(difference) >= -alpha.ln();
    // The ends themselves leave one pair of proportions only, so the search begins inside of them.
    let (lowest, highest) = (-1.0 + f64::EPSILON, 1.0 - f64::EPSILON);
    let lower = if refuted(lowest) { bisect(lowest, estimate, refuted) } else { -1.0 };
    let upper = if refuted(highest) { bisect(highest, estimate, refuted) } else { 1.0 };
    Interval { estimate, lower, upper }
}

struct Pair(Martingale, Martingale);

impl Pair {
    /// Returns the logarithm of the least value of the product over all pairs of proportions with a
    /// difference. The product is convex along them, so a golden-section search finds it.
    fn least_evidence(&self, difference: f64) -> f64 {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let value = |first: f64| self.0.ln(first) + self.1.ln((first + difference).clamp(0.0, 1.0));
        let (mut low, mut high) = ((-difference).max(0.0), (1.0 - difference).min(1.0));
        let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        let (mut at_left, mut at_right) = (value(left), value(right));
        for _ in 0..60 {
            if at_left <= at_right {
                (high, right, at_right) = (right, left, at_left);
                left = high - GOLDEN * (high - low);
                at_left = value(left);
            } else {
                (low, left, at_left) = (left, right, at_right);
                right = low + GOLDEN * (high - low);
                at_right = value(right);
            }
        }
        at_left.min(at_right)
    }
}
