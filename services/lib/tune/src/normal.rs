//! The normal distribution between two bounds: probability and quantiles, also far in the tails.
//!
//! Everything is in standard units and in logarithms, because a bound may be 30 standard deviations
//! from the mean.

use std::f64::consts::{LN_2, PI};

/// Terms of the series and of the continued fraction. At the place where one takes over from the
/// other, both have reached full precision with half as many.
const TERMS: u32 = 100;

/// Where the continued fraction takes over from the series.
const FAR: f64 = 2.5;

/// Returns ln φ(x), the logarithm of the standard normal density.
pub(crate) fn log_density(x: f64) -> f64 {
    -0.5 * (x * x + LN_2 + PI.ln())
}

/// Returns ln Φ(x), the logarithm of the standard normal distribution function.
///
/// For |x| < 2.5: Φ(x) − ½ = φ(x) Σ x^(2k+1) / (1·3·…·(2k+1)) (Abramowitz and Stegun 26.2.11).
/// Below: Φ(x) = φ(x) / (|x| + 1/(|x| + 2/(|x| + 3/(…)))) (26.2.14).
pub(crate) fn log_cdf(x: f64) -> f64 {
    if x >= FAR {
        return (-log_cdf(-x).exp()).ln_1p();
    }
    if x > -FAR {
        let (mut term, mut sum) = (x, x);
        for k in 1..TERMS {
            term *= x * x / f64::from(2 * k + 1);
            sum += term;
        }
        return (0.5 + log_density(x).exp() * sum).ln();
    }
    let fraction = (1..TERMS).rev().fold(-x, |fraction, k| -x + f64::from(k) / fraction);
    log_density(x) - fraction.ln()
}

/// Returns ln (Φ(b) − Φ(a)) for a < b.
pub(crate) fn log_mass(a: f64, b: f64) -> f64 {
    // The left tail has the precision that is lost in the right one.
    if a > 0.0 {
        return log_mass(-b, -a);
    }
    if b <= 0.0 {
        let (low, high) = (log_cdf(a), log_cdf(b));
        return high + (-(low - high).exp_m1()).ln();
    }
    (-log_cdf(a).exp() - log_cdf(-b).exp()).ln_1p()
}

/// Returns the quantile `share` of the distribution between a and b.
pub(crate) fn quantile(share: f64, a: f64, b: f64) -> f64 {
    if a >= 0.0 {
        return -quantile(1.0 - share, -b, -a);
    }
    // ln (Φ(a) + share · (Φ(b) − Φ(a)))
    let (low, part) = (log_cdf(a), share.ln() + log_mass(a, b));
    let wanted = low.max(part) + (low.min(part) - low.max(part)).exp().ln_1p();
    // Newton's method, kept between bounds that close in.
    let (mut from, mut to) = (a, b);
    let mut x = if a < 0.0 && b > 0.0 { 0.0 } else { b };
    for _ in 0..200 {
        let value = log_cdf(x);
        if value < wanted {
            from = from.max(x)
        } else {
            to = to.min(x)
        }
        let next = x - (value - wanted) * (value - log_density(x)).exp();
        let next = if next > from && next < to { next } else { 0.5 * (from + to) };
        if (next - x).abs() <= 1e-13 * (1.0 + x.abs()) {
            return next.clamp(a, b);
        }
        x = next;
    }
    x.clamp(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= 1e-11 * (1.0 + wanted.abs()), "{found} is not {wanted}");
    }

    /// The expected values are those of Optuna 5.0.0.
    #[test]
    fn probabilities_and_quantiles_are_precise_in_both_tails() {
        for (a, b, mass) in [
            (-1.0, 2.0, -0.200_166_294_324_462_62),
            (3.0, 4.0, -6.631_467_786_538_224),
            (-9.0, -8.0, -35.013_618_593_437_144),
            (5.0, 60.0, -15.064_998_393_988_724),
            (-30.0, -20.0, -203.917_155_371_097_27),
        ] {
            assert_close(log_mass(a, b), mass);
        }
        // A narrow interval far from the mean.
        assert!((log_mass(8.0, 8.001) + 39.830_691_311_856_27).abs() < 1e-9);
        for (share, a, b, x) in [
            (0.1, -1.0, 2.0, -0.704_647_821_094_745_1),
            (0.5, 3.0, 4.0, 3.198_474_131_761_953_4),
            (0.999, -9.0, -8.0, -8.000_123_170_289_083),
            (0.3, 5.0, 60.0, 5.068_334_263_013_015),
            (0.7, -30.0, -20.0, -20.017_781_627_473_408),
        ] {
            assert_close(quantile(share, a, b), x);
        }
    }

    #[test]
    fn both_ways_to_compute_the_distribution_agree_where_they_meet() {
        for at in [-FAR, FAR] {
            assert_close(log_cdf(at - 1e-9), log_cdf(at + 1e-9) - 2e-9 * (log_density(at) - log_cdf(at)).exp());
        }
        assert_close(log_cdf(0.0), -LN_2);
    }

    #[test]
    fn quantiles_stay_between_the_bounds_and_are_ordered() {
        for (a, b) in [(-0.5, 0.5), (-40.0, 1e-9), (0.0, 1.0), (-1e-9, 35.0), (20.0, 21.0), (-3.0, -2.9)] {
            let shares = (0..=1_000).map(|share| f64::from(share) / 1_000.0);
            let found: Vec<f64> = shares.map(|share| quantile(share, a, b)).collect();
            assert!(found.iter().all(|x| (a..=b).contains(x)), "{a} {b}");
            assert!(found.is_sorted(), "{a} {b}");
        }
    }
}
