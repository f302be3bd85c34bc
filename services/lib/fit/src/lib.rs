//! Fits rating models: biases only, a fast point estimate (MAP), and the posterior by Gibbs
//! sampling.
//!
//! All three return a [`Posterior`]: samples of the movie side. A user's state follows from such a
//! sample and the user's history, exactly, when a prediction is made.
//!
//! **Invariant:** fitting is a pure function of ratings, algorithm and parameters. The same seed
//! gives the same bits (`the_same_seed_gives_the_same_model_and_another_seed_another`), on any
//! number of threads (`shards_cover_every_row_once_whatever_the_number_of_threads`).
//!
//! [`fit`] blocks for seconds to minutes. Callers run it off the async threads.

mod bayes;
mod bias;
mod chain;
mod choice;
mod half;
mod hyper;
mod kernel;
mod linear;
mod map;
mod newcomers;
mod parts;
mod random;
mod ratings;
mod sampling;
mod sets;
mod shards;
mod snapshot;
mod start;
mod stopping;
mod watch;

use marquee_domain::Scale;
use marquee_posterior::{LEAST_USER_NOISE, Posterior};
use thiserror::Error;

pub use marquee_domain::{Algorithm, FitParameters, ParameterError};

pub use newcomers::{Newcomers, with_newcomers};
pub use parts::Parts;
pub use ratings::{Ratings, RatingsError, Side};
pub use snapshot::{Fold, MovieIndex, Snapshot, Split, UserIndex};
pub use start::{Start, StartError};
pub use watch::{SweepFigures, Watched};

/// Why a fit has no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FitError {
    /// The observer canceled the fit.
    #[error("the fit was canceled")]
    Canceled,
    /// There are no ratings to learn from.
    #[error("there are no ratings: import some first")]
    NoRatings,
    /// A parameter is out of range.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// The fit cannot start where it was told to.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Observes a fit and may cancel it. Called after every sweep, on the fitting thread.
pub trait Observer {
    /// Receives what the sweep has led to, before its progress. Fits of biases alone measure
    /// nothing.
    fn measured(&mut self, _figures: &SweepFigures) {}

    /// Receives the number of sweeps done, and of all sweeps.
    fn progress(&mut self, done: usize, total: usize);

    /// Returns whether the fit must stop.
    fn canceled(&self) -> bool;
}

/// An observer that ignores progress and never cancels.
impl Observer for () {
    fn progress(&mut self, _done: usize, _total: usize) {}

    fn canceled(&self) -> bool {
        false
    }
}

/// When a fit by sampling ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stop {
    /// Once its samples are worth as many independent ones, or after all sweeps.
    #[default]
    Early,
    /// After all sweeps.
    AtLast,
}

/// How a model is fitted besides its parameters.
#[derive(Debug, Clone, Copy, Default)]
pub struct How<'a> {
    /// The parts of the model.
    pub parts: Parts,
    /// When a fit by sampling ends.
    pub stop: Stop,
    /// Where a fit by sampling starts. It must be of ratings of the same movies and users: each has
    /// the same index, and there may be more of them. The burn-in is then short. Absent for a cold
    /// start. Ratings that are so few that fewer parts fit them better start cold.
    pub start: Option<&'a Start>,
    /// What is known of movies that nobody has rated. Absent if they are like any movie of the
    /// prior. Biases alone do not use it.
    pub newcomers: Option<&'a Newcomers>,
    /// Ratings whose error is measured after every sweep, for the observer. The fit is the same
    /// without them.
    pub watched: &'a [Watched],
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The model.
    pub posterior: Posterior,
    /// The state at the end of a fit by sampling, where another one can start.
    pub end: Option<Start>,
}

/// Fits a model. Where users and movies have few ratings each, `Bayes` may return one of fewer
/// parts, or of biases alone, if that predicts a random tenth of the ratings better. It may also
/// take fewer sweeps than the parameters allow, if those are enough ([`Stop::Early`]).
///
/// # Errors
/// There are no ratings, a parameter is out of range, or the observer canceled the fit.
pub fn fit(
    ratings: &Ratings,
    algorithm: Algorithm,
    parameters: &FitParameters,
    observer: &mut dyn Observer,
) -> Result<Posterior, FitError> {
    Ok(fit_how(ratings, algorithm, parameters, How::default(), observer)?.posterior)
}

/// Fits a model in a certain way: with some of the parts only, to measure what each is worth, for
/// all of its sweeps, or from where another fit has ended.
///
/// # Errors
/// Those of [`fit`], or the start does not fit the ratings and the parameters.
pub fn fit_how(
    ratings: &Ratings,
    algorithm: Algorithm,
    parameters: &FitParameters,
    how: How<'_>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    parameters.check()?;
    if ratings.is_empty() {
        return Err(FitError::NoRatings);
    }
    let whole = |posterior| Fitted { posterior, end: None };
    let fitted = match algorithm {
        Algorithm::Bias => return bias::fit(ratings, parameters, observer).map(whole),
        Algorithm::Map => map::fit(ratings, parameters, how, observer).map(whole),
        Algorithm::Bayes => bayes::fit(ratings, parameters, how, observer),
    }?;
    let posterior = match how.newcomers {
        Some(newcomers) if fitted.posterior.factors > 0 => {
            with_newcomers(fitted.posterior, ratings, newcomers, parameters.seed)
        }
        _ => fitted.posterior,
    };
    Ok(Fitted { posterior, ..fitted })
}

/// Returns the least spread of a prediction. A rating is given to the nearest step of the scale,
/// and this is the standard deviation of that rounding. On a scale without steps it is that of a
/// hundredth of the scale. So ratings that never differ don't make a model certain.
#[must_use]
pub fn smallest_spread(scale: Scale) -> f64 {
    scale.resolution() / 12_f64.sqrt()
}

/// Returns the model with at least this standard deviation of the noise in every sample, in stars.
///
/// Ratings that hardly differ lead to noise of about 0, and a model would then be certain of what
/// it predicts.
#[must_use]
pub fn with_smallest_spread(mut posterior: Posterior, smallest: f64) -> Posterior {
    let least_noise = if posterior.has_user_noise { LEAST_USER_NOISE } else { 1.0 };
    let most = least_noise / (smallest * smallest);
    for sample in &mut posterior.samples {
        sample.noise_precision = sample.noise_precision.min(most);
        let most = most / sample.noise_precision;
        sample.movie_precision.iter_mut().for_each(|precision| *precision = precision.min(most));
    }
    posterior
}

/// Reports a finished sweep, and fails when the observer has canceled the fit.
fn report(observer: &mut dyn Observer, done: usize, total: usize) -> Result<(), FitError> {
    observer.progress(done, total);
    if observer.canceled() { Err(FitError::Canceled) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
