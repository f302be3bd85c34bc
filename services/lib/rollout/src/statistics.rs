//! Statistics that stay valid however often they are looked at.
//!
//! An ordinary confidence interval holds at one sample size that was fixed before. A rollout looks
//! at its evidence every few seconds and stops when it has seen enough, which makes the error of
//! ordinary intervals grow without bound. A *confidence sequence* is a sequence of intervals that
//! contain the true value at all sample sizes together with the wanted probability (Robbins 1970).
//! So the probability of an error is spent once for each test of a rollout, and not for each look.
//!
//! - [`mean`]: the mean of paired differences, for duels. An asymptotic confidence sequence:
//!   I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, *Time-uniform central limit
//!   theory and asymptotic confidence sequences*, Annals of Statistics 52 (2024), Theorem 2.2 and
//!   its one-sided form in the appendix.
//! - [`proportion`]: a proportion, for errors and for latencies above a limit. The beta-binomial
//!   mixture martingale of H. Robbins, in the form of S. R. Howard, A. Ramdas, J. McAuliffe,
//!   J. Sekhon, *Time-uniform, nonparametric, nonasymptotic confidence sequences*, Annals of
//!   Statistics 49 (2021), with Ville's inequality.
//! - [`difference`]: the difference of two proportions. The product of two such martingales.

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
