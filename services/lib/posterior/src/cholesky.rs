//! Cholesky factorization of small dense systems, as they occur in the conditional distribution of
//! a user or a movie.
//!
//! `A = Uᵀ U`, where `U` is upper triangular and row-major. Every inner loop runs along contiguous
//! rows. A compiler can vectorize such a loop without reordering a floating-point sum, so results
//! do not depend on the vector width of the machine.

/// A reusable factorization of symmetric positive definite matrices of one size.
#[derive(Debug, Clone)]
pub struct Cholesky {
    n: usize,
    upper: Vec<f64>,
    column: Vec<f64>,
}

impl Cholesky {
    /// Allocates space for matrices with `n` rows.
    pub fn new(n: usize) -> Self {
        Self { n, upper: vec![0.0; n * n], column: vec![0.0; n] }
    }

    /// Factors a row-major `[n, n]` matrix and reads only its upper triangle.
    ///
    /// If the matrix is not positive definite to working precision, pivots that are too small are
    /// replaced by a small positive number, so that the result is finite. The priors keep the
    /// matrices of this crate away from this case.
    pub fn factor(&mut self, matrix: &[f64]) {
        self.upper.copy_from_slice(&matrix[..self.n * self.n]);
        wide::factor(&mut self.upper, self.n);
    }

    /// Returns `U`, row-major `[n, n]`, with the inverses of its pivots on the diagonal. What is
    /// below the diagonal has no meaning.
    pub fn factored(&self) -> &[f64] {
        &self.upper
    }

    /// `b := U⁻ᵀ b`.
    pub fn forward(&self, b: &mut [f64]) {
        forward(&self.upper, b);
    }

    /// `b := U⁻¹ b`.
    pub fn backward(&self, b: &mut [f64]) {
        for (k, row) in self.upper.chunks_exact(self.n).enumerate().rev() {
            let (head, tail) = b.split_at_mut(k + 1);
            let known: f64 = row[k + 1..].iter().zip(&*tail).map(|(u, b)| u * b).sum();
            head[k] = (head[k] - known) * row[k];
        }
    }

    /// `b := A⁻¹ b`.
    pub fn solve(&self, b: &mut [f64]) {
        self.forward(b);
        self.backward(b);
    }

    /// Returns `ln |A|`.
    pub fn log_determinant(&self) -> f64 {
        // The diagonal holds the inverses of the pivots.
        -2.0 * self.upper.iter().step_by(self.n + 1).map(|pivot| pivot.ln()).sum::<f64>()
    }

    /// Writes the diagonal of `A⁻¹`, `[n]`: the squared lengths of the rows of `U⁻¹`.
    pub fn variances(&mut self, out: &mut [f64]) {
        wide::variances(&self.upper, &mut self.column, out);
    }
}

/// Replaces the upper triangle of a matrix by its factor.
#[inline(always)]
fn factor(upper: &mut [f64], n: usize) {
    // Two pivots at a time, so that the rows below are read and written half as often.
    for k in (0..n).step_by(2) {
        let (above, below) = upper.split_at_mut((k + 1) * n);
        let first = &mut above[k * n + k..];
        scale(first);
        let Some((second, below)) = below.split_at_mut_checked(n) else { break };
        let second = &mut second[k + 1..];
        let factor = first[1];
        second.iter_mut().zip(&first[1..]).for_each(|(u, p)| *u -= factor * p);
        scale(second);
        for (i, row) in below.chunks_exact_mut(n).enumerate() {
            let (first, second) = (&first[2 + i..], &second[1 + i..]);
            let (one, two) = (first[0], second[0]);
            let pivots = first.iter().zip(second);
            row[k + 2 + i..].iter_mut().zip(pivots).for_each(|(u, (p, q))| *u -= one * p + two * q);
        }
    }
}

/// Writes the diagonal of `A⁻¹` for a factor. `column` has `n` numbers of scratch space.
#[inline(always)]
fn variances(upper: &[f64], column: &mut [f64], out: &mut [f64]) {
    let n = column.len();
    out.fill(0.0);
    for k in 0..n {
        // Computes column k of U⁻ᵀ by forward substitution from row k. Its squares add up to entry
        // k of the diagonal of U⁻¹ U⁻ᵀ.
        column[k..].fill(0.0);
        column[k] = 1.0;
        for i in k..n {
            column[i] *= upper[i * n + i];
            let value = column[i];
            let row = &upper[i * n + i + 1..(i + 1) * n];
            column[i + 1..n].iter_mut().zip(row).for_each(|(c, u)| *c -= value * u);
        }
        out[k] = column[k..n].iter().map(|c| c * c).sum();
    }
}

/// The loops that take most of the time, compiled for wider registers where the machine has them.
/// The operations and their order are the same, so the bits are.
#[expect(unsafe_code, reason = "the compiler cannot know the machine that the program will run on")]
mod wide {
    pub(super) fn factor(upper: &mut [f64], n: usize) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            #[target_feature(enable = "avx2")]
            fn wide(upper: &mut [f64], n: usize) {
                super::factor(upper, n);
            }
            // SAFETY: the machine has these registers, as was just checked.
            return unsafe { wide(upper, n) };
        }
        super::factor(upper, n);
    }

    pub(super) fn variances(upper: &[f64], column: &mut [f64], out: &mut [f64]) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            #[target_feature(enable = "avx2")]
            fn wide(upper: &[f64], column: &mut [f64], out: &mut [f64]) {
                super::variances(upper, column, out);
            }
            // SAFETY: the machine has these registers, as was just checked.
            return unsafe { wide(upper, column, out) };
        }
        super::variances(upper, column, out);
    }
}

/// Scales the row of a pivot. The inverse of the pivot is stored, because every later use divides
/// by the pivot.
#[inline(always)]
fn scale(row: &mut [f64]) {
    let scale = 1.0 / row[0].max(1e-12).sqrt();
    row.iter_mut().for_each(|u| *u *= scale);
    row[0] = scale;
}

/// `b := U⁻ᵀ b` for a factor as [`Cholesky::factored`] returns it.
pub(crate) fn forward(factored: &[f64], b: &mut [f64]) {
    for (k, row) in factored.chunks_exact(b.len()).enumerate() {
        let (head, tail) = b.split_at_mut(k + 1);
        head[k] *= row[k];
        let factor = head[k];
        tail.iter_mut().zip(&row[k + 1..]).for_each(|(b, u)| *b -= factor * u);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_and_inverts_a_known_matrix() {
        // The upper triangle of [[4, 2, 0], [2, 5, 3], [0, 3, 6]]. The lower triangle is never
        // read.
        let matrix = [4.0, 2.0, 0.0, f64::NAN, 5.0, 3.0, f64::NAN, f64::NAN, 6.0];
        let mut cholesky = Cholesky::new(3);
        cholesky.factor(&matrix);
        let mut b = [8.0, 21.0, 24.0];
        cholesky.solve(&mut b);
        for (x, known) in b.iter().zip([1.0, 2.0, 3.0]) {
            assert!((x - known).abs() < 1e-12, "{b:?}");
        }
        let mut inverse = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        inverse.chunks_exact_mut(3).for_each(|row| cholesky.solve(row));
        let known = [21.0, -12.0, 6.0, -12.0, 24.0, -12.0, 6.0, -12.0, 16.0].map(|x| x / 60.0);
        for (x, known) in inverse.iter().zip(known) {
            assert!((x - known).abs() < 1e-12, "{inverse:?}");
        }
        let mut variances = [0.0; 3];
        cholesky.variances(&mut variances);
        for (x, known) in variances.iter().zip([21.0, 24.0, 16.0]) {
            assert!((x - known / 60.0).abs() < 1e-12, "{variances:?}");
        }
    }

    #[test]
    fn wider_registers_give_the_same_bits() {
        for n in [1, 2, 7, 17, 33] {
            let at = |i: usize, j: usize| ((i * 31 + j * 17) as f64).sin() + if i == j { n as f64 } else { 0.0 };
            let matrix: Vec<f64> = (0..n * n).map(|cell| at(cell / n, cell % n)).collect();
            let (mut plain, mut column, mut direct) = (matrix.clone(), vec![0.0; n], vec![0.0; n]);
            factor(&mut plain, n);
            variances(&plain, &mut column, &mut direct);
            let (mut cholesky, mut found) = (Cholesky::new(n), vec![0.0; n]);
            cholesky.factor(&matrix);
            cholesky.variances(&mut found);
            assert_eq!((cholesky.factored(), found), (&plain[..], direct), "{n}");
        }
    }

    #[test]
    fn a_singular_matrix_gives_finite_numbers() {
        let mut cholesky = Cholesky::new(2);
        cholesky.factor(&[1.0, 1.0, 1.0, 1.0]);
        let mut b = [1.0, 1.0];
        cholesky.solve(&mut b);
        assert!(b.iter().all(|x| x.is_finite()));
    }
}
