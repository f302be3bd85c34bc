//! Fits rating models: a floor of biases, a fast mode (MAP) and the full posterior by Gibbs sampling.
//!
//! All three give a [`Posterior`]: samples of the movie side, from which a user's state follows exactly at serving time. Fitting is a pure function of
//! ratings, algorithm and parameters: the same seed gives the same bits on any number of threads. It blocks; run it off the async threads.

mod bayes;
mod bias;
mod chain;
mod hyper;
mod linear;
mod map;
mod random;
mod ratings;
mod sets;
mod shards;
mod snapshot;

use marquee_model::Posterior;
use thiserror::Error;

pub use ratings::{Ratings, RatingsError, Side};
pub use snapshot::{Fold, MovieIndex, Snapshot};

/// How a model is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// User and movie biases only: the floor.
    Bias,
    /// One point, the mean of a variational posterior: seconds.
    Map,
    /// Thinned posterior samples by Gibbs sampling: the most accurate.
    Bayes,
}

/// What an algorithm may be told. What it does not use it ignores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Length of a factor vector, 1 to 128. Used by `Map` and `Bayes`. Default 16.
    pub factors: usize,
    /// Passes over the ratings, 1 to 10,000.
    pub sweeps: usize,
    /// Sweeps before the first kept sample, below `sweeps`; the first three quarters of them bring the chain to a good place by expectation. Used by `Bayes`.
    pub burn_in: usize,
    /// Samples to keep, evenly spread over the sweeps after burn-in, 1 to 64. Used by `Bayes`.
    pub samples: usize,
    /// Seed of every random number.
    pub seed: u64,
}

impl Parameters {
    /// Values that suit some 100,000 to some millions of ratings.
    pub fn default_of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Bias => Self { factors: 1, sweeps: 20, burn_in: 0, samples: 1, seed: 1 },
            Algorithm::Map => Self { factors: 16, sweeps: 40, burn_in: 0, samples: 1, seed: 1 },
            Algorithm::Bayes => Self { factors: 16, sweeps: 340, burn_in: 40, samples: 20, seed: 1 },
        }
    }

    /// Checks the values.
    ///
    /// # Errors
    /// [`FitError::Parameter`] names the first field that is out of range.
    pub fn check(&self) -> Result<(), FitError> {
        let wrong = |field, fix| Err(FitError::Parameter { field, fix });
        if !(1..=128).contains(&self.factors) {
            return wrong("factors", "give 1 to 128");
        }
        if !(1..=10_000).contains(&self.sweeps) {
            return wrong("sweeps", "give 1 to 10,000");
        }
        if self.burn_in >= self.sweeps {
            return wrong("burn_in", "give less than sweeps");
        }
        if !(1..=64).contains(&self.samples) {
            return wrong("samples", "give 1 to 64");
        }
        if self.samples > self.sweeps - self.burn_in {
            return wrong("samples", "give at most sweeps less burn_in");
        }
        Ok(())
    }
}

/// Why nothing was fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FitError {
    /// The observer asked to stop.
    #[error("the fit was cancelled")]
    Cancelled,
    /// There is nothing to learn from.
    #[error("there are no ratings: import some first")]
    NoRatings,
    /// A parameter is out of range.
    #[error("{field} is out of range: {fix}")]
    Parameter {
        /// Which.
        field: &'static str,
        /// What to give instead.
        fix: &'static str,
    },
}

/// Follows a fit and may stop it. Called after every sweep, on the fitting thread.
pub trait Observer {
    /// So many sweeps of so many are done.
    fn progress(&mut self, done: usize, total: usize);

    /// Whether to give up.
    fn cancelled(&self) -> bool;
}

/// An observer that looks away.
impl Observer for () {
    fn progress(&mut self, _done: usize, _total: usize) {}

    fn cancelled(&self) -> bool {
        false
    }
}

/// Fits a model.
///
/// # Errors
/// [`FitError::NoRatings`], [`FitError::Parameter`], or [`FitError::Cancelled`] when the observer says so.
pub fn fit(
    ratings: &Ratings,
    algorithm: Algorithm,
    parameters: &Parameters,
    observer: &mut dyn Observer,
) -> Result<Posterior, FitError> {
    parameters.check()?;
    if ratings.is_empty() {
        return Err(FitError::NoRatings);
    }
    match algorithm {
        Algorithm::Bias => bias::fit(ratings, parameters, observer),
        Algorithm::Map => map::fit(ratings, parameters, observer),
        Algorithm::Bayes => bayes::fit(ratings, parameters, observer),
    }
}

/// Reports a finished sweep and passes on a wish to stop.
fn report(observer: &mut dyn Observer, done: usize, total: usize) -> Result<(), FitError> {
    observer.progress(done, total);
    if observer.cancelled() { Err(FitError::Cancelled) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
