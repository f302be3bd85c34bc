//! The Bayesian model: samples of the posterior, or biases alone where ratings tell no more.

use marquee_posterior::Posterior;

use super::choice::{Choice, choose};
use super::{Algorithm, FitError, FitParameters, Observer, Parts, Ratings, bias, sampling};

/// Fits what suits the ratings best: the parts of the model, or biases alone.
pub(super) fn fit(
    ratings: &Ratings,
    parameters: &FitParameters,
    parts: Parts,
    observer: &mut dyn Observer,
) -> Result<Posterior, FitError> {
    match choose(ratings, parameters, parts, observer)? {
        Choice::Factors(parts) => sampling::fit(ratings, parameters, parts, observer),
        Choice::Biases => bias::fit(ratings, &FitParameters::default_of(Algorithm::Bias), observer),
    }
}
