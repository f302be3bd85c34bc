//! The distribution of a user's state. It follows from sums over the history, so a rating is added
//! or taken away exactly, whatever the length of the history.

use super::{Cholesky, PILOTS, Posterior, Sample, dot};

/// The state of a user: for each sample, the mean `[n]` and the factored precision `[n, n]` of
/// `[b_u; v_u]`, and the mean of `1 / g_u`.
#[derive(Debug, Clone, PartialEq)]
pub struct UserState {
    n: usize,
    /// `[samples, n]`.
    means: Vec<f64>,
    /// The Cholesky factors of the precisions, `[samples, n, n]`. A variance takes one
    /// substitution, and a covariance matrix would cost as much as 2n of them.
    factored: Vec<f64>,
    /// The mean of `1 / g_u`.
    noise: f64,
    sums: Vec<Sums>,
}

/// The sums over the history that a state follows from, for one sample.
#[derive(Debug, Clone, PartialEq)]
struct Sums {
    /// `Σ g_j x xᵀ`, upper triangle, `[n, n]`.
    gram: Vec<f64>,
    /// `Σ g_j x (r_j − offset − B_j)`, `[n]`.
    moment: Vec<f64>,
    /// `Σ g_j (r_j − offset − B_j)²`.
    squares: f64,
    /// `Σ y_j`, `[n]`.
    additions: Vec<f64>,
    /// The number of rated movies that the model has.
    count: f64,
}

impl Sums {
    fn new(n: usize) -> Self {
        let zeros = || vec![0.0; n];
        Self { gram: vec![0.0; n * n], moment: zeros(), squares: 0.0, additions: zeros(), count: 0.0 }
    }

    /// Adds a rating `sign` times: 1 adds it, and −1 takes it away.
    fn add(&mut self, sample: &Sample, (movie, rating): (usize, f64), sign: f64) {
        let Some(movie) = sample.movie(movie).filter(|_| rating.is_finite()) else { return };
        let n = self.moment.len();
        let residual = rating - sample.offset - movie.bias;
        let weight = sign * movie.precision;
        let x = |i: usize| if i == 0 { 1.0 } else { movie.factors[i - 1] };
        for i in 0..n {
            let weighted = weight * x(i);
            self.moment[i] += weighted * residual;
            let row = &mut self.gram[i * n + i..(i + 1) * n];
            // The first number of row 0 is 1 · 1. All others are products with a factor.
            let from = if i == 0 {
                row[0] += weighted;
                1
            } else {
                0
            };
            let factors = &movie.factors[i.max(1) - 1..];
            row[from..].iter_mut().zip(factors).for_each(|(sum, factor)| *sum += weighted * factor);
        }
        self.squares += weight * residual * residual;
        self.additions.iter_mut().zip(movie.addition).for_each(|(sum, y)| *sum += sign * y);
        self.count += sign;
    }

    /// Writes the mean of the user's prior, `[n]`.
    fn prior_mean(&self, sample: &Sample, out: &mut [f64]) {
        let scale = if self.count > 0.0 { 1.0 / self.count.sqrt() } else { 0.0 };
        for (out, (mean, sum)) in out.iter_mut().zip(sample.prior_mean.iter().zip(&self.additions)) {
            *out = mean + scale * sum;
        }
    }
}

/// Solves the regressions of one user.
struct Solver {
    n: usize,
    precision: Vec<f64>,
    prior: Vec<f64>,
    target: Vec<f64>,
    cholesky: Cholesky,
}

impl Solver {
    fn new(n: usize) -> Self {
        let zeros = || vec![0.0; n];
        Self { n, precision: vec![0.0; n * n], prior: zeros(), target: zeros(), cholesky: Cholesky::new(n) }
    }

    /// Factors the precision of a user with this `g_u`, and writes the mean of the state, `[n]`.
    fn solve(&mut self, sample: &Sample, sums: &Sums, weight: f64, mean: &mut [f64]) {
        let n = self.n;
        let alpha = sample.noise_precision * weight;
        sums.prior_mean(sample, &mut self.prior);
        for i in 0..n {
            let row = i * n + i..(i + 1) * n;
            self.precision[row.clone()].iter_mut().zip(&sums.gram[row]).for_each(|(a, gram)| *a = alpha * gram);
            self.precision[i * n + i] += sample.prior_precision[i];
            self.target[i] = alpha * sums.moment[i] + sample.prior_precision[i] * self.prior[i];
        }
        self.cholesky.factor(&self.precision);
        mean.copy_from_slice(&self.target);
        self.cholesky.solve(mean);
    }

    /// Returns the logarithm of the likelihood of the ratings for this `g_u`, up to a constant.
    fn evidence(&mut self, sample: &Sample, sums: &Sums, weight: f64, mean: &mut [f64]) -> f64 {
        self.solve(sample, sums, weight, mean);
        let explained = dot(&self.target, mean) - sample.noise_precision * weight * sums.squares;
        0.5 * (sums.count * weight.ln() - self.cholesky.log_determinant() + explained)
    }
}

impl Posterior {
    /// Returns the state of a user with these ratings, given as (movie index, stars). Ignores
    /// movies that the model does not have and ratings that are not finite. The state of an empty
    /// history is the prior.
    ///
    /// With `x = [1; Q_j]`, `Λ = diag(prior_precision)`, `p = prior_mean + |N|^-½ Σ y_j` and `g`
    /// the mean of `g_u`, `A = alpha g Σ g_j x xᵀ + Λ` and `b = Λ p + alpha g Σ g_j x (r_j − offset
    /// − B_j)`. The mean is `A⁻¹ b` and the covariance is `A⁻¹`. The logarithm of the likelihood of
    /// the ratings for a value of `g` is `½ (|N| ln g − ln |A| + bᵀ A⁻¹ b − alpha g Σ g_j (r_j −
    /// offset − B_j)²)` up to a constant. Takes O(samples · (history · n² + n³)) time.
    pub fn state(&self, history: &[(usize, f64)]) -> UserState {
        let n = self.state_len();
        let mut state = UserState {
            n,
            means: vec![0.0; self.samples.len() * n],
            factored: vec![0.0; self.samples.len() * n * n],
            noise: 1.0,
            sums: vec![Sums::new(n); self.samples.len()],
        };
        state.update(self, history, &[]);
        state
    }

    /// Returns the probabilities of the values of `g_u`.
    fn weights(&self, sums: &[Sums], solver: &mut Solver) -> Vec<f64> {
        let noise = self.user_noise();
        let mut weights = vec![0.0; noise.len()];
        if noise.len() == 1 {
            return vec![1.0];
        }
        let mut mean = vec![0.0; solver.n];
        let pilots = self.samples.iter().zip(sums).take(PILOTS);
        let count = pilots.len() as f64;
        for (sample, sums) in pilots {
            let mut evidence = |value: &super::UserNoise| {
                value.probability.ln() + solver.evidence(sample, sums, value.precision, &mut mean)
            };
            let evidence: Vec<f64> = noise.iter().map(&mut evidence).collect();
            let largest = evidence.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = evidence.iter().map(|evidence| (evidence - largest).exp()).sum();
            for (weight, evidence) in weights.iter_mut().zip(&evidence) {
                *weight += (evidence - largest).exp() / (total * count);
            }
        }
        weights
    }
}

impl UserState {
    /// Iterates over the samples: the mean `[n]` and the Cholesky factor of the precision `[n, n]`
    /// of `[b_u; v_u]`.
    pub(crate) fn samples(&self) -> impl ExactSizeIterator<Item = (&[f64], &[f64])> {
        self.means.chunks_exact(self.n).zip(self.factored.chunks_exact(self.n * self.n))
    }

    /// Returns the mean of `1 / g_u`: by how much the variance of the noise of this user's ratings
    /// is larger than usual.
    pub fn noise(&self) -> f64 {
        self.noise
    }

    /// Adds one more rating, in stars. Ignores a movie that the model does not have and a rating
    /// that is not finite. See [`Self::update`].
    pub fn learn(&mut self, posterior: &Posterior, movie: usize, rating: f64) {
        self.update(posterior, &[(movie, rating)], &[]);
    }

    /// Adds ratings, given as (movie index, stars), and takes others away, which the state must
    /// contain. Takes O(samples · (ratings · n² + n³)) time.
    ///
    /// **Invariant:** the result equals [`Posterior::state`] of the changed history, up to rounding
    /// (held by `learning_one_by_one_equals_recomputing` and `what_is_taken_away_leaves_no_trace`).
    pub fn update(&mut self, posterior: &Posterior, added: &[(usize, f64)], taken_away: &[(usize, f64)]) {
        let mut all = added.iter().chain(taken_away);
        debug_assert!(all.all(|(movie, _)| *movie < posterior.movies), "indices come from the model's table");
        let n = self.n;
        if posterior.state_len() != n {
            return;
        }
        for (sample, sums) in posterior.samples.iter().zip(&mut self.sums) {
            added.iter().for_each(|rating| sums.add(sample, *rating, 1.0));
            taken_away.iter().for_each(|rating| sums.add(sample, *rating, -1.0));
        }
        let mut solver = Solver::new(n);
        let weights = posterior.weights(&self.sums, &mut solver);
        let values = || weights.iter().zip(posterior.user_noise());
        let weight: f64 = values().map(|(weight, value)| weight * value.precision).sum();
        self.noise = values().map(|(weight, value)| weight / value.precision).sum();
        let out = self.means.chunks_exact_mut(n).zip(self.factored.chunks_exact_mut(n * n));
        for ((sample, sums), (mean, factored)) in posterior.samples.iter().zip(&self.sums).zip(out) {
            solver.solve(sample, sums, weight, mean);
            factored.copy_from_slice(solver.cholesky.factored());
        }
    }
}
