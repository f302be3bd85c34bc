//! The normal distribution, as far as scores of predictions need it.

use std::f64::consts::{PI, TAU};

/// Beyond this many standard deviations, the rest of the distribution is below the precision.
const FARTHEST: f64 = 8.5;

/// Returns the density of the standard normal distribution.
fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / TAU.sqrt()
}

/// Returns the probability of a value between `-z` and `z`, for `z >= 0`.
///
/// `2 φ(z) (z + z³/3 + z⁵/(3·5) + z⁷/(3·5·7) + …)` (Marsaglia, "Evaluating the normal
/// distribution", Journal of Statistical Software 11(4), 2004). All terms are positive, so no
/// digits are lost.
fn central_probability(z: f64) -> f64 {
    if z > FARTHEST {
        return 1.0;
    }
    let (mut term, mut sum, mut odd) = (z, z, 1.0);
    while term > sum * f64::EPSILON {
        odd += 2.0;
        term *= z * z / odd;
        sum += term;
    }
    (2.0 * density(z) * sum).min(1.0)
}

/// Returns the continuous ranked probability score of a normal distribution, for the error of its
/// mean and its spread. It has the unit of the error, is smaller for a better prediction, and is
/// the absolute error where the spread is 0.
///
/// `σ (z (2Φ(z) − 1) + 2φ(z) − 1/√π)` with `z = error / σ` (Gneiting & Raftery, "Strictly proper
/// scoring rules, prediction, and estimation", JASA 102, 2007, eq. 21 with the other sign).
pub(crate) fn ranked_probability_score(error: f64, spread: f64) -> f64 {
    let z = error.abs() / spread;
    // NaN and infinity, too.
    if !(spread > 0.0 && z < 1e6) {
        return error.abs();
    }
    spread * (z * central_probability(z) + 2.0 * density(z) - 1.0 / PI.sqrt())
}

/// Returns minus the log density of an error under the normal distribution around 0 with this
/// spread, in nats.
pub(crate) fn log_score(error: f64, spread: f64) -> f64 {
    let deviation = error / spread;
    0.5 * (deviation * deviation + TAU.ln()) + spread.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn central_probabilities_are_those_of_tables() {
        for (z, probability) in [
            (0.0, 0.0),
            (0.674_489_750_196_081_7, 0.5),
            (1.0, 0.682_689_492_137_085_9),
            (1.959_963_984_540_054, 0.95),
            (3.0, 0.997_300_203_936_739_8),
            (6.0, 1.0 - 1.973_175_290_075_396e-9),
            (9.0, 1.0),
        ] {
            assert!((central_probability(z) - probability).abs() < 1e-14, "{z}: {}", central_probability(z));
        }
    }

    #[test]
    fn the_score_of_a_normal_distribution_is_in_stars() {
        // At the mean: 2/√(2π) − 1/√π = 0.233694977… of the spread.
        assert!((ranked_probability_score(0.0, 1.0) - 0.233_694_977_255_1).abs() < 1e-12);
        assert!((ranked_probability_score(0.0, 2.0) - 2.0 * 0.233_694_977_255_1).abs() < 1e-12);
        // One deviation away: 0.682689492… + 2 · 0.241970724… − 0.564189583… = 0.602441358…
        assert!((ranked_probability_score(-1.0, 1.0) - 0.602_441_357_6).abs() < 1e-9);
        assert_eq!((ranked_probability_score(-1.5, 0.0), ranked_probability_score(2.0, 1e-9)), (1.5, 2.0));
        assert_eq!(ranked_probability_score(1.5, f64::NAN), 1.5);
    }

    #[test]
    fn the_score_is_the_integral_of_its_definition() {
        let (mean, spread, rating) = (3.2, 0.8, 4.0);
        let below = |x: f64| {
            let z = (x - mean) / spread;
            0.5 + 0.5 * central_probability(z.abs()) * z.signum()
        };
        let step = 1e-4;
        let squared = |x: f64| (below(x) - f64::from(u8::from(x >= rating))).powi(2) * step;
        let integral: f64 = (0..120_000).map(|n| squared(-3.0 + (f64::from(n) + 0.5) * step)).sum();
        assert!((integral - ranked_probability_score(rating - mean, spread)).abs() < 1e-6);
    }
}
