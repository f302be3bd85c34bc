//! The mean of observations from their count, sum and sum of squares, for paired differences.
//!
//! With n observations, their mean m and variance s², and a ρ > 0 that was fixed before, each of
//!
//! ```text
//! m ± s · √( 2 (nρ² + 1) / (n²ρ²) · ln(1 + √(nρ² + 1) / (2α)) )
//! ```
//!
//! is a one-sided bound of the mean that holds for all n from the first look on together, with a
//! probability that tends to at least 1 − α as the first look is later. The width depends on the
//! data by their variance alone. The observations need not have the same distribution: the bound is
//! one of the mean of their conditional means.
//!
//! Theorem 2.2 of Waudby-Smith et al. (2024) has both sides together, with ln(√(nρ² + 1) / α). Its
//! proof approximates the sum of n standardized observations by a Brownian motion W. For each λ,
//! exp(λW − λ²n/2) is a martingale, and so is its mean over a normal distribution of λ with
//! variance ρ². By Ville's inequality the mean reaches 1 / α with a probability of at most α. The
//! one-sided bound follows in the same way from the positive half of the normal distribution. The
//! mean over that half is 2Φ(x) times as large, where Φ is the normal distribution function and
//! x = W / √(n + 1/ρ²). Because Φ(x) ≥ 1 − exp(−x²/2) / 2, the bound above is wide enough.

use super::Interval;

/// Observations, by their sums.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sample {
    /// The number of observations.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub sum_of_squares: f64,
}

impl Sample {
    /// Returns the mean, or `None` without observations.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// Returns the variance, or `None` with fewer than two observations.
    pub fn variance(&self) -> Option<f64> {
        let mean = self.mean().filter(|_| self.count > 1)?;
        let squares = self.sum_of_squares - self.sum * mean;
        Some((squares / (self.count - 1) as f64).max(0.0))
    }
}

/// How a confidence sequence of a mean is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The probability that one side is ever wrong.
    pub alpha: f64,
    /// The number of observations at which the interval is to be narrowest, compared with other
    /// choices. It must be chosen before the data are seen.
    pub tuned_for: u64,
}

impl Bounds {
    /// Returns the mean with a bound on each side, or `None` with fewer than two observations.
    ///
    /// `variance` replaces the variance of the sample where it is larger: the long-run variance, if
    /// observations depend on each other.
    pub fn interval(&self, sample: &Sample, variance: f64) -> Option<Interval> {
        let (estimate, own) = (sample.mean()?, sample.variance()?);
        let width = self.width(sample.count) * own.max(variance).sqrt();
        Some(Interval { estimate, lower: estimate - width, upper: estimate + width })
    }

    /// Returns the distance of a bound from the mean, in standard deviations.
    fn width(&self, count: u64) -> f64 {
        let (n, rho) = (count as f64, self.rho_squared());
        let inflated = n * rho + 1.0;
        (2.0 * inflated / (n * n * rho) * (inflated.sqrt() / (2.0 * self.alpha)).ln_1p()).sqrt()
    }

    /// Returns ρ² so that the bound is about the narrowest at `tuned_for` observations: the choice
    /// of Howard et al. (2021), section 3.5, for two sides, with 2α because there is one.
    fn rho_squared(&self) -> f64 {
        let scale = -2.0 * (2.0 * self.alpha).min(0.5).ln();
        (scale + scale.ln_1p()) / self.tuned_for.max(1) as f64
    }
}
