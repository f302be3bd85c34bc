//! The Bayesian model: samples of the posterior, or biases alone where ratings tell no more.

use super::choice::{Choice, choose};
use super::{Algorithm, FitError, FitParameters, Fitted, How, Observer, Ratings, bias, sampling};

/// Fits what suits the ratings best: the parts of the model, or biases alone.
pub(super) fn fit(
    ratings: &Ratings,
    parameters: &FitParameters,
    how: How<'_>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    match choose(ratings, parameters, how.parts, observer)? {
        Choice::Factors(parts) => {
            // A start of all parts is none of fewer.
            let start = how.start.filter(|_| parts == how.parts);
            sampling::fit(ratings, parameters, How { parts, start, ..how }, observer)
        }
        Choice::Biases => {
            let biases = FitParameters::default_of(Algorithm::Bias);
            let posterior = bias::fit(ratings, &biases, observer)?;
            Ok(Fitted { posterior, end: None })
        }
    }
}
