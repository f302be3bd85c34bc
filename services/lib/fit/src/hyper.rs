//! Gaussian priors of groups of parameters, with priors of their own, so there is nothing to tune.

use std::ops::Range;

use rand::Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};

use super::shards::in_order;
use crate::linear::Update;

/// The rows that are added up together. It is fixed, because the order of a sum changes its bits.
const RANGE: usize = 4_096;

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

    /// Returns the variance of what a row of this prior adds to a rating by a row of another one.
    pub(super) fn doubt(&self, other: &Self) -> f64 {
        let square = |i: usize| if i == 0 { 1.0 } else { other.mean[i].powi(2) + 1.0 / other.precision[i] };
        self.precision.iter().enumerate().map(|(i, precision)| square(i) / precision).sum()
    }

    /// Adds up what [`Self::draw`] and [`Self::expect`] need of the parameters of a group. `add`
    /// gets a range of rows, and calls [`Moments::add`] for each that counts. Rows without ratings
    /// have no information, so they must not count.
    ///
    /// Threads share ranges of a fixed size, whose sums are added in order. So the result does not
    /// depend on the number of threads.
    pub(super) fn moments(
        &self,
        rows: usize,
        threads: usize,
        add: impl Fn(Range<usize>, &mut Moments) + Sync,
    ) -> Moments {
        let n = self.mean.len();
        let ranges = rows.div_ceil(RANGE);
        let sums = in_order(ranges, threads, |range| {
            let mut moments = Moments::new(n);
            add(range * RANGE..rows.min((range + 1) * RANGE), &mut moments);
            moments
        });
        let mut all = Moments::new(n);
        sums.iter().for_each(|moments| all.join(moments));
        all
    }

    /// Samples means and precisions.
    ///
    /// `λ ~ Gamma((1 + N) / 2, rate (1 + Σ (t − m)²) / 2)`, then `m ~ N(Σ t / (N + 1), 1 / ((N + 1)
    /// λ))`. These are the conjugate updates of Rendle, "Factorization machines with libFM" (2012),
    /// section 3.3, with every hyper-parameter 1 and a mean of 0.
    pub(super) fn draw(&mut self, moments: &Moments, random: &mut impl Rng) {
        let Moments { count, sums, squares } = moments;
        for i in 0..self.mean.len() {
            self.precision[i] = gamma((1.0 + count) / 2.0, (1.0 + squares[i]) / 2.0, random);
            let noise: f64 = StandardNormal.sample(random);
            self.mean[i] = sums[i] / (count + 1.0) + noise / ((count + 1.0) * self.precision[i]).sqrt();
        }
    }

    /// Sets means and precisions to their modes (empirical Bayes).
    pub(super) fn expect(&mut self, moments: &Moments) {
        let Moments { count, sums, squares } = moments;
        for i in 0..self.mean.len() {
            self.precision[i] = (1.0 + count) / (1.0 + squares[i]);
            self.mean[i] = sums[i] / (count + 1.0);
        }
    }

    /// Updates means and precisions.
    pub(super) fn update(&mut self, moments: &Moments, how: Update, random: &mut impl Rng) {
        match how {
            Update::Sample => self.draw(moments, random),
            Update::Expect => self.expect(moments),
        }
    }
}

/// Sums over the rows of a group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moments {
    count: f64,
    /// `Σ t`, `[n]`.
    sums: Vec<f64>,
    /// `Σ (t − m)²` plus the variances of `t`, `[n]`.
    squares: Vec<f64>,
}

impl Moments {
    fn new(n: usize) -> Self {
        Self { count: 0.0, sums: vec![0.0; n], squares: vec![0.0; n] }
    }

    /// Adds a row: its parameters and their variances, `[n]` each, and the mean of the prior.
    pub(super) fn add(
        &mut self,
        parameters: impl Iterator<Item = f64>,
        variances: impl Iterator<Item = f64>,
        mean: &[f64],
    ) {
        self.count += 1.0;
        let sums = self.sums.iter_mut().zip(&mut self.squares);
        for ((sum, square), ((value, variance), mean)) in sums.zip(parameters.zip(variances).zip(mean)) {
            *sum += value;
            *square += (value - mean).powi(2) + variance;
        }
    }

    fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, other)| *sum += other);
        self.squares.iter_mut().zip(&other.squares).for_each(|(sum, other)| *sum += other);
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

    use super::*;

    #[test]
    fn a_prior_finds_the_mean_and_precision_of_what_it_governs() {
        let rows = 20_000;
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let values: Vec<f64> = (0..rows)
            .map(|_| {
                let noise: f64 = StandardNormal.sample(&mut random);
                0.7 + 0.5 * noise
            })
            .collect();
        let moments = |prior: &Prior, threads| {
            prior.moments(rows, threads, |range, moments| {
                let add = |value: &f64| moments.add([*value].into_iter(), [0.0].into_iter(), &prior.mean);
                values[range].iter().for_each(add);
            })
        };
        let mut prior = Prior::new(vec![1.0]);
        for _ in 0..5 {
            let sums = moments(&prior, 2);
            assert_eq!(sums, moments(&prior, 3), "the number of threads shows");
            prior.draw(&sums, &mut random);
        }
        assert!((prior.mean[0] - 0.7).abs() < 0.02, "{prior:?}");
        assert!((prior.precision[0] - 4.0).abs() < 0.2, "{prior:?}");
    }
}
