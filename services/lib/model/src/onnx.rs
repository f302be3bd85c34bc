//! Writes a [`Posterior`] as ONNX graphs. The encoder turns histories into user states. The scorer
//! turns states and movies into ratings. The ranker turns states into ratings of all movies. The
//! learner changes states by some ratings.
//!
//! The graphs use the same names for the tensors of the state (`mean`, `covariance`, `noise`). A
//! server passes the state from one graph to the other and never looks inside. The graphs compute
//! the same as [`Posterior::state`], [`Posterior::estimate`] and
//! [`UserState::update`](marquee_posterior::UserState::update), in single precision.
//!
//! **Invariant:** equal posteriors produce equal bytes (held by
//! `equal_posteriors_give_equal_bytes`).

mod encoder;
mod graph;
mod inverse;
mod learner;
mod noise;
mod proto;
mod rank_one;
mod ranker;
mod scorer;
mod state;
mod sums;

use marquee_posterior::{Posterior, Sample};
use thiserror::Error;

use crate::signature::GraphSignature;

pub use encoder::write_encoder;
pub use learner::write_learner;
pub use ranker::write_ranker;
pub use scorer::write_scorer;

/// Name of the dimension that counts users.
pub const BATCH: &str = "batch";
/// Name of the dimension that counts the entries of a history.
pub const HISTORY: &str = "history";
/// Name of the dimension that counts the movies to score.
pub const MOVIES: &str = "movies";

/// A protobuf message has at most 2 GiB. This limit leaves room for everything in the graph except
/// the largest table.
const LARGEST_TABLE_BYTES: u64 = 2_000_000_000;

/// A graph as it is stored in a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnnxGraph {
    /// The serialized `ModelProto`.
    pub bytes: Vec<u8>,
    /// The inputs and outputs of the graph.
    pub signature: GraphSignature,
}

/// Why a posterior cannot be written as a graph.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GraphError {
    /// The posterior has no movies or no samples.
    #[error("the posterior is empty; expected at least one movie and one sample")]
    Empty,
    /// A field has a length that does not match the number of movies and factors.
    #[error("sample {sample}: {field} holds {found} values, expected {expected}")]
    Length {
        /// Index of the sample.
        sample: usize,
        /// Name of the field in the sample.
        field: &'static str,
        /// Length of the field.
        found: usize,
        /// The length that the field must have.
        expected: usize,
    },
    /// A number does not fit into single precision, or a precision is not positive.
    #[error(
        "sample {sample}: {field} has a number that is not finite, is too large or, for a precision, is not above 0"
    )]
    Number {
        /// Index of the sample.
        sample: usize,
        /// Name of the field in the sample.
        field: &'static str,
    },
    /// The tables of the movies are larger than a protobuf message can be.
    #[error(
        "the table of movie factors has {0} bytes, which is more than an ONNX file can hold; keep fewer samples or factors"
    )]
    TooLarge(u64),
}

/// Checks the properties that the graphs rely on.
fn check(posterior: &Posterior) -> Result<(), GraphError> {
    let Posterior { movies, factors, samples, .. } = posterior;
    let Some(first) = samples.first().filter(|_| *movies > 0) else { return Err(GraphError::Empty) };
    let states = factors.saturating_add(1);
    let tables = if first.additions.is_empty() { 4 } else { 8 };
    let table =
        (samples.len() as u64).saturating_mul(*movies as u64).saturating_mul(states as u64).saturating_mul(tables);
    if table > LARGEST_TABLE_BYTES {
        return Err(GraphError::TooLarge(table));
    }
    let positive = |value: f64| (value as f32).is_finite() && value as f32 > 0.0;
    // What the first sample lacks, all lack.
    let or_none = |values: &[f64], length: usize| if values.is_empty() { 0 } else { length };
    for (number, sample) in samples.iter().enumerate() {
        let fields = [
            ("prior_mean", &sample.prior_mean, states),
            ("prior_precision", &sample.prior_precision, states),
            ("movie_bias", &sample.movie_bias, *movies),
            ("factors", &sample.factors, movies * factors),
            ("movie_precision", &sample.movie_precision, or_none(&first.movie_precision, *movies)),
            ("additions", &sample.additions, or_none(&first.additions, movies * states)),
        ];
        for (field, values, expected) in fields {
            if values.len() != expected {
                return Err(GraphError::Length { sample: number, field, found: values.len(), expected });
            }
            if !values.iter().all(|&value| (value as f32).is_finite()) {
                return Err(GraphError::Number { sample: number, field });
            }
        }
        if !(sample.offset as f32).is_finite() {
            return Err(GraphError::Number { sample: number, field: "offset" });
        }
        if !positive(sample.noise_precision) {
            return Err(GraphError::Number { sample: number, field: "noise_precision" });
        }
        if !sample.prior_precision.iter().copied().all(positive) {
            return Err(GraphError::Number { sample: number, field: "prior_precision" });
        }
        if !sample.movie_precision.iter().copied().all(positive) {
            return Err(GraphError::Number { sample: number, field: "movie_precision" });
        }
    }
    Ok(())
}

/// Returns the rows `[1; Q_i]` of all movies and samples, [movies, samples, n]. Each row is
/// multiplied by the scale of its sample and movie.
///
/// The movies come first, so that what the samples know of a movie lies together. A look-up of a
/// movie then copies one long piece of memory instead of many short ones.
fn movie_rows(posterior: &Posterior, scale: impl Fn(&Sample, usize) -> f64) -> Vec<f64> {
    let factors = posterior.factors;
    let mut rows = Vec::with_capacity(posterior.samples.len() * posterior.movies * (factors + 1));
    for movie in 0..posterior.movies {
        for sample in &posterior.samples {
            let scale = scale(sample, movie);
            rows.push(scale);
            rows.extend(sample.factors[movie * factors..][..factors].iter().map(|factor| scale * factor));
        }
    }
    rows
}

/// Returns offset + B_i of all movies and samples, [movies, samples].
fn movie_baselines(posterior: &Posterior) -> Vec<f64> {
    let of_movie = |movie: usize| posterior.samples.iter().map(move |sample| sample.offset + sample.movie_bias[movie]);
    (0..posterior.movies).flat_map(of_movie).collect()
}

/// Returns the precision of the noise of a movie's ratings by an ordinary user, in 1/stars².
fn precision(sample: &Sample, movie: usize) -> f64 {
    sample.noise_precision * sample.movie_precision.get(movie).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests;
