//! User and movie biases only: the model that every other one must beat.

use marquee_posterior::{Posterior, Sample};

use super::ratings::Side;
use super::{FitError, FitParameters, Observer, Ratings, report};

/// Alternates between the exact means of users and movies. The noise and both prior precisions
/// follow by expectation maximization, so there is nothing to tune.
pub(super) fn fit(
    ratings: &Ratings,
    parameters: &FitParameters,
    observer: &mut dyn Observer,
) -> Result<Posterior, FitError> {
    let offset = ratings.mean();
    let mut alpha = 1.0;
    let mut users = Biases::new(ratings.users());
    let mut movies = Biases::new(ratings.movies());
    for sweep in 1..=parameters.sweeps {
        users.update(ratings.by_user(), alpha, |movie| offset + movies.means[movie]);
        movies.update(ratings.by_movie(), alpha, |user| offset + users.means[user]);
        let mut squares = 0.0;
        for user in 0..ratings.users() {
            let (rated, values) = ratings.by_user().row(user);
            for (&movie, value) in rated.iter().zip(values) {
                let movie = movie as usize;
                let residual = f64::from(*value) - offset - users.means[user] - movies.means[movie];
                squares += residual * residual + users.variances[user] + movies.variances[movie];
            }
        }
        alpha = (1.0 + ratings.len() as f64) / (1.0 + squares);
        report(observer, sweep, parameters.sweeps)?;
    }
    let sample = Sample {
        offset,
        noise_precision: alpha,
        prior_mean: vec![0.0],
        prior_precision: vec![users.precision],
        movie_bias: movies.means,
        ..Sample::default()
    };
    Ok(Posterior { movies: ratings.movies(), samples: vec![sample], ..Posterior::default() })
}

/// The biases of one side with their uncertainty.
struct Biases {
    means: Vec<f64>,
    variances: Vec<f64>,
    precision: f64,
}

impl Biases {
    fn new(rows: usize) -> Self {
        Self { means: vec![0.0; rows], variances: vec![0.0; rows], precision: 4.0 }
    }

    fn update(&mut self, side: &Side, alpha: f64, expected: impl Fn(usize) -> f64) {
        let (mut squares, mut rated) = (1.0, 1.0);
        for row in 0..side.rows() {
            let (partners, values) = side.row(row);
            let sum: f64 = partners
                .iter()
                .zip(values)
                .map(|(&partner, value)| f64::from(*value) - expected(partner as usize))
                .sum();
            let sharpness = alpha * partners.len() as f64 + self.precision;
            self.means[row] = alpha * sum / sharpness;
            self.variances[row] = 1.0 / sharpness;
            if !partners.is_empty() {
                squares += self.means[row] * self.means[row] + self.variances[row];
                rated += 1.0;
            }
        }
        self.precision = rated / squares;
    }
}
