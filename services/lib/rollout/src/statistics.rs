//! Statistics that stay valid however often they are looked at.
//!
//! An ordinary confidence interval holds at one sample size that was fixed before. A rollout looks
//! at its evidence every few seconds and stops when it has seen enough, which makes the error of
//! ordinary intervals grow without bound. A *confidence sequence* is a sequence of intervals that
//! contain the true value at all sample sizes together with the wanted probability (Robbins 1970).
//! So the probability of an error is spent once for each test of a rollout, and not for each look.
//!
//! - The difference of a duel: [`mean`], by Theorem 2.2 of Waudby-Smith et al. (2024), with a bound
//!   for each side.
//! - The share of requests that fail, or of ratings that a version failed to predict:
//!   [`proportion`], by the beta-binomial mixture of Robbins (1970). Section 3.2 of Howard et al.
//!   (2021) has its modern form.
//! - The increase of the share of requests that fail: [`difference`], by the product of two such
//!   mixtures and Ville's inequality.
//! - A quantile of the latency: [`proportion`] again. The quantile is at most a limit if the share
//!   of longer requests is at most one minus the quantile. Only one limit is tested, so an interval
//!   of the quantile itself is not needed.
//!
//! The interval of a duel is asymptotic, because no bound of the differences of losses is known
//! before, and without one no interval holds at every sample size. So a duel is not decided below
//! `minRatings`. The other intervals hold at every sample size.
//!
//! - H. Robbins, *Statistical methods related to the law of the iterated logarithm*, Annals of
//!   Mathematical Statistics 41 (1970).
//! - S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, *Time-uniform, nonparametric, nonasymptotic
//!   confidence sequences*, Annals of Statistics 49(2), 1055–1080 (2021).
//! - I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, *Time-uniform central limit
//!   theory and asymptotic confidence sequences*, Annals of Statistics 52 (2024).

pub mod blocks;
pub mod difference;
mod gamma;
pub mod mean;
pub mod proportion;

/// An estimate and the interval around it that holds at all sample sizes together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

/// Returns the part of an error probability that one of several tests may use (Bonferroni).
pub fn share(alpha: f64, tests: usize) -> f64 {
    alpha / tests.max(1) as f64
}

/// Returns the point between `below` and `above` where a condition that holds at `below` stops to
/// hold. 100 halvings reach the resolution of the numbers.
fn bisect(mut below: f64, mut above: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..100 {
        let middle = f64::midpoint(below, above);
        if middle == below || middle == above {
            break;
        }
        if holds(middle) {
            below = middle;
        } else {
            above = middle;
        }
    }
    f64::midpoint(below, above)
}

#[cfg(test)]
mod tests;
