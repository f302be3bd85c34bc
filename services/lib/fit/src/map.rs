//! One point, in a fraction of the sampler's time: the means of a mean-field variational posterior ([`super::chain`]).
//!
//! Why not the plain mode by alternating least squares? It needs a regularisation that somebody tunes, over-fits at any that is right for
//! the model, and knows nothing of its noise. Expectation costs one more triangular inverse a row, tunes itself, and says how far off it may be.

use marquee_model::Posterior;

use super::chain::Chain;
use super::{FitError, Observer, Parameters, Ratings, report};
use crate::linear::Update;

/// Sweeps by expectation and returns the means as the only sample.
pub(super) fn fit(
    ratings: &Ratings,
    parameters: &Parameters,
    observer: &mut dyn Observer,
) -> Result<Posterior, FitError> {
    let mut chain = Chain::new(ratings, parameters.factors, parameters.seed);
    for sweep in 1..=parameters.sweeps {
        chain.sweep(Update::Expect);
        report(observer, sweep, parameters.sweeps)?;
    }
    Ok(Posterior { movies: ratings.movies(), factors: parameters.factors, samples: vec![chain.sample()] })
}
