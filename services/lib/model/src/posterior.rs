//! What a trained rating model is: a few posterior samples of the movie side, and the exact conditional of a user given such a sample.
//!
//! The model is `r = offset + b_u + B_i + v_u · Q_i + noise` with Gaussian priors on `[b_u; v_u]`. A user has no row in it: given a sample of the
//! movie side, a user's `[b_u; v_u]` is a Gaussian whose mean and covariance follow from the ratings by one small ridge solve (block conditional of
//! Salakhutdinov & Mnih, "Bayesian probabilistic matrix factorization using Markov chain Monte Carlo", ICML 2008, eq. 11–13).
//!
//! This is the double-precision reference that the ONNX graphs are compared with, so it must stay plain: Cholesky, no iteration, no shortcuts.
//! A movie that the model was trained without is not in it.

mod cholesky;

pub use cholesky::Cholesky;

/// One posterior sample of the movie side. `n = factors + 1`: the first coordinate of a user's state is the user's bias.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Global mean `w0`, in stars.
    pub offset: f64,
    /// Precision `alpha` of the noise, in 1/stars²; positive.
    pub noise_precision: f64,
    /// Prior mean of a user's state, `[n]`.
    pub prior_mean: Vec<f64>,
    /// Diagonal of the prior precision of a user's state, `[n]`; positive.
    pub prior_precision: Vec<f64>,
    /// Movie biases `B_i` in stars, `[movies]`.
    pub movie_bias: Vec<f64>,
    /// Movie factors `Q_i`, `[movies, factors]`, row-major.
    pub factors: Vec<f64>,
}

/// A model: samples of one posterior, all of the same shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// How many movies each sample holds.
    pub movies: usize,
    /// Length of a movie's factor vector; 0 for a model of biases alone.
    pub factors: usize,
    /// The samples; predictions average over them.
    pub samples: Vec<Sample>,
}

/// A user's state: for each sample the mean `[n]` and covariance `[n, n]` of `[b_u; v_u]`.
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
    /// Predictive standard deviation of one rating in stars: noise, what is unknown of the user, and disagreement between samples.
    pub spread: f64,
}

impl Sample {
    /// Factors `Q_i` of a movie, `[factors]`; `None` beyond the last movie.
    pub fn movie(&self, movie: usize) -> Option<(f64, &[f64])> {
        let bias = *self.movie_bias.get(movie)?;
        let factors = self.factors.len() / self.movie_bias.len();
        Some((bias, self.factors.get(movie * factors..(movie + 1) * factors)?))
    }
}

impl Posterior {
    /// Length of a user's state in one sample: `factors + 1`.
    pub fn state_len(&self) -> usize {
        self.factors + 1
    }

    /// State of a user who gave these ratings, as (movie index, stars). Entries of movies that the model lacks, and ratings that are not finite, are
    /// ignored. An empty history gives the prior.
    ///
    /// `A = alpha Σ x xᵀ + diag(prior_precision)` with `x = [1; Q_j]`, `b = prior_precision ∘ prior_mean + alpha Σ x (r_j − offset − B_j)`;
    /// mean `A⁻¹ b`, covariance `A⁻¹`. Takes O(samples · (history · n² + n³)).
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

    /// Predicts a movie for a user's state of this model. A movie that the model lacks is predicted as one of bias 0 without factors.
    ///
    /// `m_s = offset + B_i + x_i · mean_s`; rating = mean over samples of `m_s`; spread² = mean of `1/alpha_s + x_iᵀ A_s⁻¹ x_i` + variance of `m_s`.
    pub fn estimate(&self, state: &UserState, movie: usize) -> Estimate {
        debug_assert!(movie < self.movies, "movie indices come from the model's own table");
        let (mut sum, mut squares, mut variance) = (0.0, 0.0, 0.0);
        // Sums are taken about the first sample's value, so that the variance of nearly equal means does not cancel away.
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
    /// Mean `[n]` and covariance `[n, n]` of `[b_u; v_u]`, sample by sample.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = (&[f64], &[f64])> {
        self.means.chunks_exact(self.n).zip(self.covariances.chunks_exact(self.n * self.n))
    }

    /// Takes in one more rating, in stars: the same as [`Posterior::state`] of the longer history, in O(samples · n²) (Sherman & Morrison, 1950, in the form
    /// of a Kalman gain). A movie that the model lacks and a rating that is not finite change nothing. It cannot take a rating back: after a changed
    /// or removed one, compute the state anew.
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

/// `xᵀ A x` for a row-major `[n, n]` matrix.
fn quadratic(matrix: &[f64], x: &[f64]) -> f64 {
    matrix.chunks_exact(x.len()).zip(x).map(|(row, &xi)| xi * dot(row, x)).sum()
}

#[cfg(test)]
mod tests;
