//! The dense algebra of the conditionals: samples and means of the Gaussians that they define.
//!
//! Loops run over contiguous slices of equal length. The compiler vectorizes them without
//! reordering a sum, so results are the same on every machine.

use marquee_posterior::Cholesky;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// How a Gaussian conditional becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Update {
    /// A random sample.
    Sample,
    /// Its mean, with its variances.
    Expect,
}

/// Replaces `b` by a value of `N(A⁻¹ b, A⁻¹)` for the factored `A`.
///
/// A sample is `U⁻¹ (U⁻ᵀ b + ξ)` with `A = Uᵀ U` and `ξ` standard normal. It does not change
/// `variances`. An expectation is the mean, and sets `variances` to the diagonal of `A⁻¹`.
pub(crate) fn update(
    cholesky: &mut Cholesky,
    b: &mut [f64],
    variances: &mut [f64],
    how: Update,
    random: &mut impl Rng,
) {
    cholesky.forward(b);
    if how == Update::Sample {
        for value in &mut *b {
            let noise: f64 = StandardNormal.sample(random);
            *value += noise;
        }
    }
    cholesky.backward(b);
    if how == Update::Expect {
        cholesky.variances(variances);
    }
}

/// Returns `Σ a b`.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Writes `A x` for a symmetric row-major matrix, of which it reads the upper triangle.
pub(crate) fn multiply_upper(matrix: &[f64], x: &[f64], out: &mut [f64]) {
    let n = x.len();
    out.fill(0.0);
    for i in 0..n {
        let row = &matrix[i * n + i..(i + 1) * n];
        out[i] += dot(row, &x[i..]);
        let factor = x[i];
        out[i + 1..].iter_mut().zip(&row[1..]).for_each(|(out, value)| *out += factor * value);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    use super::*;

    #[test]
    fn draws_have_the_mean_and_covariance_of_the_conditional() {
        // A = [[2, 0.6], [0.6, 1]], b = [1, 2]: mean and covariance by hand.
        let mut cholesky = Cholesky::new(2);
        cholesky.factor(&[2.0, 0.6, 0.0, 1.0]);
        let determinant = 2.0 - 0.36;
        let mean = [(1.0 - 1.2) / determinant, (4.0 - 0.6) / determinant];
        let covariance = [1.0 / determinant, -0.6 / determinant, 2.0 / determinant];
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut variances = [0.0; 2];
        let draws = 200_000;
        let mut sums = [0.0; 5];
        for _ in 0..draws {
            let mut b = [1.0, 2.0];
            update(&mut cholesky, &mut b, &mut variances, Update::Sample, &mut random);
            let (x, y) = (b[0] - mean[0], b[1] - mean[1]);
            sums.iter_mut().zip([x, y, x * x, x * y, y * y]).for_each(|(sum, value)| *sum += value / f64::from(draws));
        }
        let known = [0.0, 0.0, covariance[0], covariance[1], covariance[2]];
        for (sum, known) in sums.iter().zip(known) {
            assert!((sum - known).abs() < 0.01, "{sums:?} {known}");
        }
        let mut b = [1.0, 2.0];
        update(&mut cholesky, &mut b, &mut variances, Update::Expect, &mut random);
        assert!((variances[0] - covariance[0]).abs() < 1e-12 && (variances[1] - covariance[2]).abs() < 1e-12);
        assert!((b[0] - mean[0]).abs() < 1e-12 && (b[1] - mean[1]).abs() < 1e-12);
    }

    #[test]
    fn the_upper_triangle_is_enough_to_multiply() {
        let mut out = [0.0; 3];
        multiply_upper(&[1.0, 2.0, 3.0, 9.0, 4.0, 5.0, 9.0, 9.0, 6.0], &[1.0, 2.0, -1.0], &mut out);
        assert_eq!(out, [2.0, 5.0, 7.0]);
    }
}
