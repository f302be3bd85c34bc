//! A proportion, from the number of events among independent trials.
//!
//! For a proportion p, the likelihood of the trials averaged over a prior Beta(a, b), divided by
//! their likelihood under p, is a martingale that starts at 1 if p is true. By Ville's inequality
//! it ever reaches 1 / α with a probability of at most α. So the values of p for which it is below
//! 1 / α at present are an interval, and all these intervals together contain the true p with a
//! probability of at least 1 − α. The same holds if the proportion of a trial depends on the
//! earlier ones, for each side: the lower bound exceeds no proportion that is never exceeded.
//!
//! Robbins (1970) has this for a uniform prior. The beta-binomial mixtures in section 3.2 of Howard
//! et al. (2021) differ in one point: their prior is around the proportion that is tested, and this
//! one is the same for all proportions. Both are valid, because a prior must only be chosen before
//! the data are seen.

use super::gamma::ln_beta;
use super::{Interval, bisect};

/// How many of a number of trials had an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trials {
    /// The number of trials.
    pub count: u64,
    /// The number of trials with an event, at most `count`.
    pub events: u64,
}

/// A beta distribution, which says where a proportion is expected. It must be chosen before the
/// data are seen. It decides how soon a bound is narrow, not whether it is valid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    a: f64,
    b: f64,
}

impl Prior {
    /// The prior without an expectation (Jeffreys).
    pub const JEFFREYS: Self = Self { a: 0.5, b: 0.5 };

    /// Returns a prior around a proportion between 0 and 1 that weighs as much as a number of
    /// trials.
    pub fn around(proportion: f64, trials: f64) -> Self {
        let least = 1e-3;
        Self { a: (proportion * trials).max(least), b: ((1.0 - proportion) * trials).max(least) }
    }
}

/// The martingale of some trials, as a function of the proportion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Martingale {
    events: f64,
    others: f64,
    mixture: f64,
}

impl Martingale {
    pub(super) fn new(trials: Trials, prior: Prior) -> Self {
        let (events, others) = (trials.events as f64, trials.count.saturating_sub(trials.events) as f64);
        let mixture = ln_beta(prior.a + events, prior.b + others) - ln_beta(prior.a, prior.b);
        Self { events, others, mixture }
    }

    /// Returns the logarithm of its value. It is convex in the proportion.
    pub(super) fn ln(&self, proportion: f64) -> f64 {
        // 0 events under a proportion of 0 are no evidence; 0 · ln 0 would be undefined.
        let term = |count: f64, probability: f64| if count == 0.0 { 0.0 } else { count * probability.ln() };
        self.mixture - term(self.events, proportion) - term(self.others, 1.0 - proportion)
    }

    /// Returns the proportion of the trials, or one half without trials.
    pub(super) fn estimate(&self) -> f64 {
        let count = self.events + self.others;
        if count == 0.0 { 0.5 } else { self.events / count }
    }
}

/// Returns the proportion of some trials, with an interval that all looks together leave with a
/// probability of at most `alpha`. The interval is 0 to 1 without trials.
pub fn interval(trials: Trials, prior: Prior, alpha: f64) -> Interval {
    let martingale = Martingale::new(trials, prior);
    let estimate = martingale.estimate();
    let refuted = |proportion: f64| martingale.ln(proportion) >= -alpha.ln();
    let lower = if refuted(0.0) { bisect(0.0, estimate, refuted) } else { 0.0 };
    let upper = if refuted(1.0) { bisect(1.0, estimate, refuted) } else { 1.0 };
    Interval { estimate, lower, upper }
}
