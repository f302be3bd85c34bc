//! A trained rating model: posterior samples of the movie side, and the conditional distribution of
//! a user given such a sample. Its mean is exact. Its covariance is that for the mean noise of the
//! user.
//!
//! The model is `r = offset + b_u + B_i + v_u · Q_i + noise` with Gaussian priors on `[b_u; v_u]`.
//! The model holds no row for a user. Given a sample of the movie side, `[b_u; v_u]` of a user has
//! a Gaussian distribution. Its mean and covariance follow from the ratings by one small ridge
//! regression (block conditional of Salakhutdinov & Mnih, "Bayesian probabilistic matrix
//! factorization using Markov chain Monte Carlo", ICML 2008, eq. 11–13).
//!
//! Two extensions, each of which a model may lack:
//!
//! - The noise of a rating has the precision `alpha · g_u · g_i`, because some people and some
//!   movies are harder to predict than others (Lakshminarayanan, Bouchard & Archambeau, "Robust
//!   Bayesian Matrix Factorisation", AISTATS 2011). `g_i` is part of a sample. `g_u` multiplies the
//!   precision of the user's prior, too. Then the mean of a state does not depend on it, and its
//!   distribution follows from the user's ratings in closed form ([`USER_NOISE_SHAPE`]).
//! - The set of the movies that a user has rated moves the mean of the user's prior: `|N|^-½ Σ y_j`
//!   over these movies (SVD++: Koren, "Factorization meets the neighborhood", KDD 2008).
//!
//! This is the double-precision reference that the ONNX graphs are compared with. So it stays
//! simple: Cholesky, no iteration, no shortcuts. A movie without ratings in the training data is
//! not in the model.

mod cholesky;
mod mood;
mod state;

pub use cholesky::Cholesky;
use cholesky::forward;
pub use mood::{Mood, MoodState};
pub use state::UserState;

/// One posterior sample of the movie side. `n = factors + 1`; the first coordinate of a user's
/// state is the user's bias.
#[derive(Debug, Clone, PartialEq, Default)]
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
    /// What multiplies the precision of the noise for a movie, `g_i`, `[movies]`, or empty if that
    /// is 1 for every movie. All values are positive.
    pub movie_precision: Vec<f64>,
    /// What having rated a movie adds to the mean of a user's prior, `y_j`, `[movies, n]`,
    /// row-major, or empty if that is 0 for every movie.
    pub additions: Vec<f64>,
}

/// The shape and the rate of the distribution of `g_u` before the user has rated: that of a noise
/// with 8 degrees of freedom.
///
/// The precisions of noise and prior both have the factor `g_u`, so this distribution is conjugate
/// (Gelman et al., "Bayesian Data Analysis", 3rd ed., 2013, section 14.8). After N ratings, `g_u`
/// is `Gamma(shape + N/2, shape + q/2)`. Here `q` adds up the squared errors that remain, each
/// times `alpha g_j`, and the squared distance of the state from the mean of its prior, times the
/// precision of the prior. The mean of `1 / g_u` is `(2 shape + q) / (2 shape + N − 2)`.
pub const USER_NOISE_SHAPE: f64 = 4.0;

/// The samples whose `q` tells the noise of a user's ratings: the first ones. What a sample itself
/// gets wrong is part of `q`, and again of the spread, as the disagreement between samples. The
/// first samples are near the expectation from which the sampling starts, and get least wrong.
pub const PILOTS: usize = 4;

/// The least mean of `1 / g_u`. Users whose ratings hardly differ can be predicted well, but nobody
/// for certain.
pub const LEAST_USER_NOISE: f64 = 0.5;

/// A model: samples of one posterior, all with the same shape.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Posterior {
    /// Number of movies in each sample.
    pub movies: usize,
    /// Length of a movie's factor vector. It is 0 for a model that has only biases.
    pub factors: usize,
    /// The samples. A prediction is the average over them.
    pub samples: Vec<Sample>,
    /// Whether users differ in their noise. If not, `g_u` is 1 for every user.
    pub has_user_noise: bool,
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

/// What a sample knows of a movie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Movie<'a> {
    /// `B_i` in stars.
    pub bias: f64,
    /// `Q_i`, `[factors]`.
    pub factors: &'a [f64],
    /// `g_i`.
    pub precision: f64,
    /// `y_i`, `[n]`, or empty.
    pub addition: &'a [f64],
}

impl Sample {
    /// Returns what the sample knows of a movie, or `None` if the sample has no such movie.
    pub fn movie(&self, movie: usize) -> Option<Movie<'_>> {
        let bias = *self.movie_bias.get(movie)?;
        let factors = self.factors.len() / self.movie_bias.len();
        let n = factors + 1;
        Some(Movie {
            bias,
            factors: self.factors.get(movie * factors..(movie + 1) * factors)?,
            precision: self.movie_precision.get(movie).copied().unwrap_or(1.0),
            addition: self.additions.get(movie * n..(movie + 1) * n).unwrap_or_default(),
        })
    }
}

impl Posterior {
    /// Returns the length of a user's state in one sample: `factors + 1`.
    pub fn state_len(&self) -> usize {
        self.factors + 1
    }

    /// Predicts the rating of a movie from a user's state of this model. A movie that the model
    /// does not have is predicted with bias 0 and without factors.
    ///
    /// `m_s = offset + B_i + x_i · mean_s`. The rating is the mean of `m_s` over the samples. The
    /// square of the spread is the mean of `h / (alpha_s g_i) + x_iᵀ C_s x_i` plus the variance of
    /// `m_s`, where `h` is the mean of `1 / g_u` and `C_s = h A_s⁻¹`.
    pub fn estimate(&self, state: &UserState, movie: usize) -> Estimate {
        debug_assert!(movie < self.movies, "movie indices come from the model's own table");
        let (mut sum, mut squares, mut variance) = (0.0, 0.0, 0.0);
        // The sums are relative to the value of the first sample, because the variance of nearly
        // equal means would otherwise lose its digits.
        let mut origin = None;
        let mut x = vec![0.0; self.state_len()];
        for (sample, (mean, factored)) in self.samples.iter().zip(state.samples()) {
            x[0] = 1.0;
            let (mut bias, mut precision) = (0.0, 1.0);
            match sample.movie(movie) {
                Some(movie) => {
                    x[1..].copy_from_slice(movie.factors);
                    (bias, precision) = (movie.bias, movie.precision);
                }
                None => x[1..].fill(0.0),
            }
            let rating = sample.offset + bias + dot(&x, mean);
            let from_origin = rating - *origin.get_or_insert(rating);
            sum += from_origin;
            squares += from_origin * from_origin;
            // xᵀ A⁻¹ x is the squared length of U⁻ᵀ x.
            forward(factored, &mut x);
            variance += state.noise() * (1.0 / (sample.noise_precision * precision) + dot(&x, &x));
        }
        let count = self.samples.len().max(1) as f64;
        let mean = sum / count;
        let spread = (variance / count + (squares / count - mean * mean).max(0.0)).sqrt();
        Estimate { rating: origin.unwrap_or(0.0) + mean, spread }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests;
