//! The logarithm of the beta function.

/// Coefficients of the Stirling series: B₂ₖ / (2k (2k − 1)).
const STIRLING: [f64; 6] = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1_260.0, -1.0 / 1_680.0, 1.0 / 1_188.0, -691.0 / 360_360.0];

/// Returns the natural logarithm of the gamma function of a positive number.
///
/// The argument is raised to at least 10 by the recurrence; there the Stirling series with six
/// terms is exact to the last digits (Abramowitz and Stegun, 6.1.40).
pub(super) fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = STIRLING.iter().rev().fold(0.0, |sum, coefficient| sum * square + coefficient) * inverse;
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

/// Returns the natural logarithm of the beta function of two positive numbers.
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_of_known_values() {
        let mut factorial = 1.0_f64;
        for n in 1..20 {
            assert!((ln_gamma(f64::from(n)) - factorial.ln()).abs() < 1e-12, "{n}");
            factorial *= f64::from(n);
        }
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-13);
        // From the tables of Abramowitz and Stegun: ln Γ(1.25), and ln Γ(100) = ln 99!.
        assert!((ln_gamma(1.25) - -0.098_271_836_421_813_16).abs() < 1e-13);
        assert!((ln_gamma(100.0) - 359.134_205_369_575_4).abs() < 1e-10);
    }

    #[test]
    fn beta_of_known_values() {
        assert!((ln_beta(2.0, 3.0) - (1.0_f64 / 12.0).ln()).abs() < 1e-13);
        assert!((ln_beta(0.5, 0.5) - std::f64::consts::PI.ln()).abs() < 1e-13);
    }
}
