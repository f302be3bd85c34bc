//! A point estimate in a fraction of the sampler's time: the means of a mean-field variational
//! posterior ([`super::chain`]).
//!
//! Alternating least squares would find the mode instead. It needs a regularization that must be
//! tuned, over-fits even when that is right for the model, and has no estimate of the noise. An
//! update by expectation costs one more triangular inverse per row, has nothing to tune, and
//! estimates its own error.

use marquee_posterior::Posterior;

use super::chain::Chain;
use super::watch::Watch;
use super::{FitError, FitParameters, How, Observer, Ratings, report};
use crate::linear::Update;

/// Sweeps by expectation and returns the means as the only sample.
pub(super) fn fit(
    ratings: &Ratings,
    parameters: &FitParameters,
    How { parts, watched, .. }: How<'_>,
    observer: &mut dyn Observer,
) -> Result<Posterior, FitError> {
    let mut chain = Chain::new(ratings, parameters, parts);
    let mut watch = Watch::new(watched);
    for sweep in 1..=parameters.sweeps {
        chain.sweep(Update::Expect);
        observer.measured(&watch.after(&chain, false));
        report(observer, sweep, parameters.sweeps)?;
    }
    let (movies, factors) = (ratings.movies(), chain.factors());
    Ok(Posterior { movies, factors, samples: vec![chain.sample()], has_user_noise: parts.noise_weights })
}
