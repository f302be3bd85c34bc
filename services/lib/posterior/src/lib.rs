//! A trained rating model: posterior samples of the movie side, and the exact conditional
//! distribution of a user given such a sample.
//!
//! The model is `r = offset + b_u + B_i + v_u · Q_i + noise` with Gaussian priors on `[b_u; v_u]`.
//! The model holds no row for a user. Given a sample of the movie side, `[b_u; v_u]` of a user has
//! a Gaussian distribution. Its mean and covariance follow from the ratings by one small ridge
//! regression (block conditional of Salakhutdinov & Mnih, "Bayesian probabilistic matrix
//! factorization using Markov chain Monte Carlo", ICML 2008, eq. 11–13).
//!
//! This is the double-precision reference that the ONNX graphs are compared with. So it stays
//! simple: Cholesky, no iteration, no shortcuts. A movie without ratings in the training data is
//! not in the model.

mod cholesky;

pub use cholesky::Cholesky;

/// One posterior sample of the movie side. `n = factors + 1`; the first coordinate of a user's
/// state is the user's bias.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Global mean `w0`, in stars.
    pub offset: f64,
    /// Precision `alpha` of the noise, in 1/stars². It is positive.
    pub noise_precision: f64,
    /// Prior mean of a user's state, `[n]`.
    pub prior_mean: Vec<f64>,
    /// Diagonal of the prior precision of a user's state, `[n]`. All values are positive.
    pub prior_precision: Vec<f64>,
    /// Movie biases `B_i` in stars, `[movies]`.
    pub movie_bias: Vec<f64>,
    /// Movie factors `Q_i`, `[movies, factors]`, row-major.
    pub factors: Vec<f64>,
}

/// A model: samples of one posterior, all with the same shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// Number of movies in each sample.
    pub movies: usize,
    /// Length of a movie's factor vector. It is 0 for a model that has only biases.
    pub factors: usize,
    /// The samples. A prediction is the average over them.
    pub samples: Vec<Sample>,
}

/// The state of a user: for each sample, the mean `[n]` and the covariance `[n, n]` of `[b_u;
/// v_u]`.
#[derive(Debug, Clone, PartialEq)]
pub struct UserState {
    n: usize,
    means: Vec<f64>,
    covariances: Vec<f64>,
}

/// A prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Expected rating in stars, not clipped to any scale.
    pub rating: f64,
    /// Predictive standard deviation of one rating, in stars. It combines the noise, the
    /// uncertainty about the user and the disagreement between samples.
    pub spread: f64,
}

impl Sample {
    /// Returns the bias `B_i` and the factors `Q_i` of a movie, or `None` if the sample has no such
    /// movie.
    pub fn movie(&self, movie: usize) -> Option<(f64, &[f64])> {
        let bias = *self.movie_bias.get(movie)?;
        let factors = self.factors.len() / self.movie_bias.len();
        Some((bias, self.factors.get(movie * factors..(movie + 1) * factors)?))
    }
}

impl Posterior {
    /// Returns the length of a user's state in one sample: `factors + 1`.
    pub fn state_len(&self) -> usize {
        self.factors + 1
    }

    /// Returns the state of a user with these ratings, given as (movie index, stars). Ignores
    /// movies that the model does not have and ratings that are not finite. The state of an empty
    /// history is the prior.
    ///
    /// With `x = [1; Q_j]`, `A = alpha Σ x xᵀ + diag(prior_precision)` and `b = prior_precision ∘
    /// prior_mean + alpha Σ x (r_j − offset − B_j)`. The mean is `A⁻¹ b` and the covariance is
    /// `A⁻¹`. Takes O(samples · (history · n² + n³)) time.
    pub fn state(&self, history: &[(usize, f64)]) -> UserState {
        let n = self.state_len();
        let mut means = Vec::with_capacity(self.samples.len() * n);
        let mut covariances = vec![0.0; self.samples.len() * n * n];
        let mut precision = vec![0.0; n * n];
        let mut x = vec![1.0; n];
        let mut cholesky = Cholesky::new(n);
        for (sample, covariance) in self.samples.iter().zip(covariances.chunks_exact_mut(n * n)) {
            precision.fill(0.0);
            let mut b = vec![0.0; n];
            for &(movie, rating) in history {
                debug_assert!(movie < self.movies, "movie indices come from the model's own table");
                let Some((bias, factors)) = sample.movie(movie).filter(|_| rating.is_finite()) else { continue };
                x[1..].copy_from_slice(factors);
                let residual = rating - sample.offset - bias;
                for (i, (&xi, bi)) in x.iter().zip(&mut b).enumerate() {
                    *bi += xi * residual;
                    let row = &mut precision[i * n + i..(i + 1) * n];
                    row.iter_mut().zip(&x[i..]).for_each(|(a, &xj)| *a += xi * xj);
                }
            }
            precision.iter_mut().for_each(|a| *a *= sample.noise_precision);
            for (i, (&mean, &prior)) in sample.prior_mean.iter().zip(&sample.prior_precision).enumerate() {
                precision[i * n + i] += prior;
                b[i] = b[i] * sample.noise_precision + prior * mean;
            }
            cholesky.factor(&precision);
            cholesky.solve(&mut b);
            cholesky.inverse(covariance);
            means.extend_from_slice(&b);
        }
        UserState { n, means, covariances }
    }

    /// Predicts the rating of a movie from a user's state of this model. A movie that the model
    /// does not have is predicted with bias 0 and without factors.
    ///
    /// `m_s = offset + B_i + x_i · mean_s`. The rating is the mean of `m_s` over the samples. The
    /// square of the spread is the mean of `1/alpha_s + x_iᵀ A_s⁻¹ x_i` plus the variance of `m_s`.
    pub fn estimate(&self, state: &UserState, movie: usize) -> Estimate {
        debug_assert!(movie < self.movies, "movie indices come from the model's own table");
        let (mut sum, mut squares, mut variance) = (0.0, 0.0, 0.0);
        // The sums are relative to the value of the first sample, because the variance of nearly
        // equal means would otherwise lose its digits.
        let mut origin = None;
        let mut x = vec![0.0; self.state_len()];
        x[0] = 1.0;
        for (sample, (mean, covariance)) in self.samples.iter().zip(state.samples()) {
            let bias = match sample.movie(movie) {
                Some((bias, factors)) => {
                    x[1..].copy_from_slice(factors);
                    bias
                }
                None => {
                    x[1..].fill(0.0);
                    0.0
                }
            };
            let rating = sample.offset + bias + dot(&x, mean);
            let from_origin = rating - *origin.get_or_insert(rating);
            sum += from_origin;
            squares += from_origin * from_origin;
            variance += 1.0 / sample.noise_precision + quadratic(covariance, &x);
        }
        let count = self.samples.len().max(1) as f64;
        let mean = sum / count;
        let spread = (variance / count + (squares / count - mean * mean).max(0.0)).sqrt();
        Estimate { rating: origin.unwrap_or(0.0) + mean, spread }
    }
}

impl UserState {
    /// Iterates over the samples: the mean `[n]` and the covariance `[n, n]` of `[b_u; v_u]`.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = (&[f64], &[f64])> {
        self.means.chunks_exact(self.n).zip(self.covariances.chunks_exact(self.n * self.n))
    }

    /// Adds one more rating, in stars, to the state in O(samples · n²) time (Sherman & Morrison,
    /// 1950, in the form of a Kalman gain). Ignores a movie that the model does not have and a
    /// rating that is not finite.
    ///
    /// **Invariant:** the result equals [`Posterior::state`] of the longer history, up to rounding
    /// (held by `learning_one_by_one_equals_recomputing`).
    ///
    /// A rating cannot be removed from a state. After a rating was changed or removed, the state
    /// must be computed again.
    pub fn learn(&mut self, posterior: &Posterior, movie: usize, rating: f64) {
        debug_assert!(movie < posterior.movies, "movie indices come from the model's own table");
        if !rating.is_finite() || posterior.state_len() != self.n {
            return;
        }
        let n = self.n;
        let mut x = vec![1.0; n];
        let mut gain = vec![0.0; n];
        let states = self.means.chunks_exact_mut(n).zip(self.covariances.chunks_exact_mut(n * n));
        for (sample, (mean, covariance)) in posterior.samples.iter().zip(states) {
            let Some((bias, factors)) = sample.movie(movie) else { continue };
            x[1..].copy_from_slice(factors);
            for (g, row) in gain.iter_mut().zip(covariance.chunks_exact(n)) {
                *g = dot(row, &x);
            }
            let variance = 1.0 / sample.noise_precision + dot(&x, &gain);
            let surprise = (rating - sample.offset - bias - dot(&x, mean)) / variance;
            mean.iter_mut().zip(&gain).for_each(|(m, g)| *m += g * surprise);
            for (&g, row) in gain.iter().zip(covariance.chunks_exact_mut(n)) {
                let scale = g / variance;
                row.iter_mut().zip(&gain).for_each(|(c, h)| *c -= scale * h);
            }
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Returns `xᵀ A x` for a row-major `[n, n]` matrix.
fn quadratic(matrix: &[f64], x: &[f64]) -> f64 {
    matrix.chunks_exact(x.len()).zip(x).map(|(row, &xi)| xi * dot(row, x)).sum()
}

#[cfg(test)]
mod tests;
