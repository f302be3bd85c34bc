//! The dense algebra of the conditionals: normal equations from gathered rows, and samples from the
//! Gaussians that they define.
//!
//! Loops run over contiguous slices of equal length. The compiler vectorizes them without
//! reordering a sum, so results are the same on every machine.

use marquee_posterior::Cholesky;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// The sums of a linear regression on rows `x`, `[n]` each, with targets `y`.
#[derive(Debug, Clone)]
pub(crate) struct Regression {
    n: usize,
    /// `Σ x xᵀ`, upper triangle, row-major `[n, n]`.
    pub(crate) gram: Vec<f64>,
    /// `Σ x y`, `[n]`.
    pub(crate) moment: Vec<f64>,
    /// `Σ y²`.
    pub(crate) squares: f64,
    added: Vec<f64>,
}

/// How a Gaussian conditional becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Update {
    /// A random sample.
    Sample,
    /// Its mean, with its variances.
    Expect,
}

impl Regression {
    /// Creates the sums over no rows of `n` numbers.
    pub(crate) fn new(n: usize) -> Self {
        Self { n, gram: vec![0.0; n * n], moment: vec![0.0; n], squares: 0.0, added: vec![0.0; n] }
    }

    /// Removes all rows.
    pub(crate) fn clear(&mut self) {
        self.gram.fill(0.0);
        self.moment.fill(0.0);
        self.squares = 0.0;
    }

    /// Adds some rows of the matrix `[_, n]`, with their targets.
    pub(crate) fn add(&mut self, matrix: &[f64], rows: &[u32], targets: impl Iterator<Item = f64>) {
        let n = self.n;
        let row = |index: u32| &matrix[index as usize * n..][..n];
        // With four rows at a time, the Gram matrix is read and written a quarter as often. That is
        // what bounds this loop.
        let mut fours = rows.chunks_exact(4);
        for four in &mut fours {
            let [a, b, c, d] = [row(four[0]), row(four[1]), row(four[2]), row(four[3])];
            for i in 0..n {
                let (wa, wb, wc, wd) = (a[i], b[i], c[i], d[i]);
                let length = n - i;
                let sums = &mut self.gram[i * n + i..][..length];
                let (a, b, c, d) = (&a[i..][..length], &b[i..][..length], &c[i..][..length], &d[i..][..length]);
                for j in 0..length {
                    sums[j] += (wa * a[j] + wb * b[j]) + (wc * c[j] + wd * d[j]);
                }
            }
        }
        for &index in fours.remainder() {
            let x = row(index);
            for i in 0..n {
                let weight = x[i];
                self.gram[i * n + i..][..n - i].iter_mut().zip(&x[i..]).for_each(|(sum, x)| *sum += weight * x);
            }
        }
        for (&index, y) in rows.iter().zip(targets) {
            self.moment.iter_mut().zip(row(index)).for_each(|(sum, x)| *sum += x * y);
            self.squares += y * y;
        }
    }

    /// Adds what uncertain rows add in expectation: their variances, `[_, n]`, to the diagonal and
    /// to `Σ y²`. The first variance of a row is that of its own offset in `y`, because the leading
    /// 1 of a row is certain.
    pub(crate) fn add_variances(&mut self, matrix: &[f64], rows: &[u32]) {
        let n = self.n;
        for &index in rows {
            let variances = &matrix[index as usize * n..][..n];
            self.squares += variances[0];
            self.added.iter_mut().zip(variances).for_each(|(sum, variance)| *sum += variance);
        }
        for i in 1..n {
            self.gram[i * n + i] += self.added[i];
        }
        self.added.fill(0.0);
    }
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

/// Writes `A x` for a full row-major matrix.
pub(crate) fn multiply(matrix: &[f64], x: &[f64], out: &mut [f64]) {
    for (out, row) in out.iter_mut().zip(matrix.chunks_exact(x.len())) {
        *out = dot(row, x);
    }
}

/// Copies the upper triangle of a row-major `[n, n]` matrix to the lower one.
pub(crate) fn mirror(matrix: &mut [f64], n: usize) {
    for i in 1..n {
        for j in 0..i {
            matrix[i * n + j] = matrix[j * n + i];
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_regression_sums_what_the_definition_says() {
        let n = 3;
        let matrix: Vec<f64> = (0..7 * n).map(|i| (i * i % 11) as f64 - 4.0).collect();
        let rows = [6u32, 0, 2, 5, 3, 3];
        let targets = [1.0, -2.0, 0.5, 3.0, 1.5, 2.5];
        let mut regression = Regression::new(n);
        regression.add(&matrix, &rows, targets.iter().copied());
        for i in 0..n {
            let at = |row: u32, i: usize| matrix[row as usize * n + i];
            for j in i..n {
                let direct: f64 = rows.iter().map(|&row| at(row, i) * at(row, j)).sum();
                assert!((regression.gram[i * n + j] - direct).abs() < 1e-9);
            }
            let direct: f64 = rows.iter().zip(targets).map(|(&row, y)| at(row, i) * y).sum();
            assert!((regression.moment[i] - direct).abs() < 1e-9);
        }
        assert!((regression.squares - 22.75).abs() < 1e-12);
    }

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
    fn mirroring_makes_a_matrix_symmetric() {
        let mut matrix = [1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 0.0, 0.0, 6.0];
        mirror(&mut matrix, 3);
        assert_eq!(matrix, [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 3.0, 5.0, 6.0]);
        let mut out = [0.0; 3];
        multiply(&matrix, &[1.0, 0.0, -1.0], &mut out);
        assert_eq!(out, [-2.0, -3.0, -3.0]);
    }
}
