//! The posterior by Gibbs sampling: thinned samples of the chain after burn-in.

use marquee_posterior::{Posterior, Sample};

use super::chain::Chain;
use super::{FitError, FitParameters, Observer, Parts, Ratings, report};
use crate::linear::Update;

/// Runs the chain and keeps `samples` of its states, evenly spread and including the last one.
pub(super) fn fit(
    ratings: &Ratings,
    parameters: &FitParameters,
    parts: Parts,
    observer: &mut dyn Observer,
) -> Result<Posterior, FitError> {
    let mut chain = Chain::new(ratings, parameters, parts);
    let expected = parameters.burn_in * 3 / 4;
    let kept = parameters.sweeps - parameters.burn_in;
    let mut samples = Vec::with_capacity(parameters.samples);
    let mut prior_means = Vec::with_capacity(parameters.samples);
    for sweep in 1..=parameters.sweeps {
        chain.sweep(if sweep <= expected { Update::Expect } else { Update::Sample });
        let due = sweep.saturating_sub(parameters.burn_in) * parameters.samples / kept;
        if due > samples.len() {
            samples.push(chain.sample());
            prior_means.push(chain.mean_of_unrated());
        }
        report(observer, sweep, parameters.sweeps)?;
    }
    center_unrated(&mut samples, &prior_means, ratings);
    Ok(Posterior { movies: ratings.movies(), factors: chain.factors(), samples, user_noise: parts.user_noise() })
}

/// Shifts the samples of each movie without ratings so that their average is the mean of the
/// priors.
///
/// The average of a few samples is off by chance, and movies without ratings would be ranked by
/// that chance. The spread between the samples is the uncertainty, so it stays as it is.
fn center_unrated(samples: &mut [Sample], prior_means: &[Vec<f64>], ratings: &Ratings) {
    let count = samples.len() as f64;
    let Some(factors) = prior_means.first().map(|mean| mean.len() - 1) else { return };
    for movie in (0..ratings.movies()).filter(|&movie| ratings.by_movie().row(movie).0.is_empty()) {
        for i in 0..=factors {
            let drawn: f64 = samples.iter_mut().map(|sample| *coordinate(sample, movie, i)).sum();
            let due: f64 = prior_means.iter().map(|mean| mean[i]).sum();
            samples.iter_mut().for_each(|sample| *coordinate(sample, movie, i) += (due - drawn) / count);
        }
    }
}

/// Returns a movie's bias (coordinate 0) or one of its factors (from 1).
fn coordinate(sample: &mut Sample, movie: usize, i: usize) -> &mut f64 {
    let factors = sample.factors.len() / sample.movie_bias.len();
    match i {
        0 => &mut sample.movie_bias[movie],
        _ => &mut sample.factors[movie * factors + i - 1],
    }
}
