//! Gaussian priors of groups of parameters, with priors of their own, so there is nothing to tune.

use rand::Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};

use super::ratings::Side;
use crate::linear::Update;

/// An independent Gaussian for each coordinate of the parameters of a group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prior {
    /// The means, `[n]`.
    pub(super) mean: Vec<f64>,
    /// The precisions, `[n]`. They are positive.
    pub(super) precision: Vec<f64>,
}

impl Prior {
    /// Creates a prior that is centered at 0.
    pub(super) fn new(precision: Vec<f64>) -> Self {
        Self { mean: vec![0.0; precision.len()], precision }
    }

    /// Sets the parameters of a row without ratings, `[n]` each: a sample of this prior, or its
    /// mean and variances.
    pub(super) fn fill(&self, parameters: &mut [f64], variances: &mut [f64], how: Update, random: &mut impl Rng) {
        for (i, (parameter, variance)) in parameters.iter_mut().zip(variances).enumerate() {
            *variance = 1.0 / self.precision[i];
            *parameter = self.mean[i];
            if how == Update::Sample {
                let noise: f64 = StandardNormal.sample(random);
                *parameter += noise * variance.sqrt();
            }
        }
    }

    /// Returns the variance of what a row of this prior adds to a rating by a row of another one.
    pub(super) fn doubt(&self, other: &Self) -> f64 {
        let square = |i: usize| if i == 0 { 1.0 } else { other.mean[i].powi(2) + 1.0 / other.precision[i] };
        self.precision.iter().enumerate().map(|(i, precision)| square(i) / precision).sum()
    }

    /// Samples means and precisions given the parameters `[rows, n]`. Rows without ratings are left
    /// out: they are samples from this prior and have no information.
    ///
    /// `λ ~ Gamma((1 + N) / 2, rate (1 + Σ (t − m)²) / 2)`, then `m ~ N(Σ t / (N + 1), 1 / ((N + 1)
    /// λ))`. These are the conjugate updates of Rendle, "Factorization machines with libFM" (2012),
    /// section 3.3, with every hyper-parameter 1 and a mean of 0.
    pub(super) fn draw(&mut self, parameters: &[f64], side: &Side, random: &mut impl Rng) {
        let n = self.mean.len();
        let mut count = 0.0;
        let mut sums = vec![0.0; n];
        let mut squares = vec![0.0; n];
        for (row, ends) in parameters.chunks_exact(n).zip(side.starts().windows(2)) {
            if ends[0] == ends[1] {
                continue;
            }
            count += 1.0;
            for (i, value) in row.iter().enumerate() {
                sums[i] += value;
                squares[i] += (value - self.mean[i]).powi(2);
            }
        }
        for i in 0..n {
            self.precision[i] = gamma((1.0 + count) / 2.0, (1.0 + squares[i]) / 2.0, random);
            let noise: f64 = StandardNormal.sample(random);
            self.mean[i] = sums[i] / (count + 1.0) + noise / ((count + 1.0) * self.precision[i]).sqrt();
        }
    }

    /// Sets means and precisions to their modes given the means and variances of the parameters,
    /// `[rows, n]` each (empirical Bayes).
    pub(super) fn expect(&mut self, parameters: &[f64], variances: &[f64], side: &Side) {
        let n = self.mean.len();
        let mut count = 0.0;
        let mut sums = vec![0.0; n];
        let mut squares = vec![0.0; n];
        for ((row, variance), ends) in
            parameters.chunks_exact(n).zip(variances.chunks_exact(n)).zip(side.starts().windows(2))
        {
            if ends[0] == ends[1] {
                continue;
            }
            count += 1.0;
            for i in 0..n {
                sums[i] += row[i];
                squares[i] += (row[i] - self.mean[i]).powi(2) + variance[i];
            }
        }
        for i in 0..n {
            self.precision[i] = (1.0 + count) / (1.0 + squares[i]);
            self.mean[i] = sums[i] / (count + 1.0);
        }
    }
}

/// Samples from `Gamma(shape, rate)`.
pub(super) fn gamma(shape: f64, rate: f64, random: &mut impl Rng) -> f64 {
    Gamma::new(shape, 1.0 / rate).expect("shape and rate are sums of squares and counts plus one half").sample(random)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    use super::super::Ratings;
    use super::*;

    #[test]
    fn a_prior_finds_the_mean_and_precision_of_what_it_governs() {
        let rows = 20_000u32;
        // The last row has an extreme value and no rating, so it must not count.
        let ratings = Ratings::try_new(rows as usize + 1, 1, (0..rows).map(|row| (row, 0, 3.0)).collect()).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut values: Vec<f64> = (0..rows)
            .map(|_| {
                let noise: f64 = StandardNormal.sample(&mut random);
                0.7 + 0.5 * noise
            })
            .collect();
        values.push(1e6);
        let mut prior = Prior::new(vec![1.0]);
        for _ in 0..5 {
            prior.draw(&values, ratings.by_user(), &mut random);
        }
        assert!((prior.mean[0] - 0.7).abs() < 0.02, "{prior:?}");
        assert!((prior.precision[0] - 4.0).abs() < 0.2, "{prior:?}");
    }
}
