//! Writes a [`Posterior`] as two ONNX graphs: the encoder turns histories into user states, the scorer turns states and movies into ratings.
//!
//! The two agree on the state's tensors by name (`mean`, `covariance`); whoever serves them passes the state on and never looks inside. Both
//! compute what [`Posterior::state`] and [`Posterior::estimate`] compute, in single precision; equal posteriors give equal bytes.

mod encoder;
mod graph;
mod proto;
mod scorer;

use thiserror::Error;

use crate::posterior::Posterior;
use crate::signature::GraphSignature;

pub use encoder::write_encoder;
pub use scorer::write_scorer;

/// Name of the dimension that counts users.
pub const BATCH: &str = "batch";
/// Name of the dimension that counts the entries of a history.
pub const HISTORY: &str = "history";
/// Name of the dimension that counts the movies to score.
pub const MOVIES: &str = "movies";

/// Protobuf messages end at 2 GiB; this leaves room for everything that is no table.
const LARGEST_TABLE_BYTES: u64 = 2_000_000_000;

/// A graph as it goes into a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnnxGraph {
    /// The serialised `ModelProto`.
    pub bytes: Vec<u8>,
    /// Its inputs and outputs.
    pub signature: GraphSignature,
}

/// Why a posterior cannot be written as a graph.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GraphError {
    /// Nothing to score, or nothing to score with.
    #[error("a posterior has at least one movie and one sample")]
    Empty,
    /// A table has another length than movies and factors say.
    #[error("sample {sample}: {field} holds {found} values, expected {expected}")]
    Length {
        /// Which sample.
        sample: usize,
        /// Which of its fields.
        field: &'static str,
        /// Its length.
        found: usize,
        /// What its length must be.
        expected: usize,
    },
    /// A number that single precision cannot hold, or a precision that is not positive.
    #[error("sample {sample}: {field} holds a number that is not finite, too large or (for a precision) not above 0")]
    Number {
        /// Which sample.
        sample: usize,
        /// Which of its fields.
        field: &'static str,
    },
    /// Protobuf ends at 2 GiB.
    #[error(
        "the table of movie factors takes {0} bytes, more than an ONNX file can hold: keep fewer samples or factors"
    )]
    TooLarge(u64),
}

/// Checks what the graphs take for granted.
fn check(posterior: &Posterior) -> Result<(), GraphError> {
    let Posterior { movies, factors, samples } = posterior;
    if *movies == 0 || samples.is_empty() {
        return Err(GraphError::Empty);
    }
    let states = factors.saturating_add(1);
    let table = (samples.len() as u64).saturating_mul(*movies as u64).saturating_mul(states as u64).saturating_mul(4);
    if table > LARGEST_TABLE_BYTES {
        return Err(GraphError::TooLarge(table));
    }
    for (number, sample) in samples.iter().enumerate() {
        let fields = [
            ("prior_mean", &sample.prior_mean, states),
            ("prior_precision", &sample.prior_precision, states),
            ("movie_bias", &sample.movie_bias, *movies),
            ("factors", &sample.factors, movies * factors),
        ];
        for (field, values, expected) in fields {
            if values.len() != expected {
                return Err(GraphError::Length { sample: number, field, found: values.len(), expected });
            }
            if !values.iter().all(|&value| (value as f32).is_finite()) {
                return Err(GraphError::Number { sample: number, field });
            }
        }
        let positive = |value: f64| (value as f32).is_finite() && value as f32 > 0.0;
        if !(sample.offset as f32).is_finite() {
            return Err(GraphError::Number { sample: number, field: "offset" });
        }
        if !positive(sample.noise_precision) {
            return Err(GraphError::Number { sample: number, field: "noise_precision" });
        }
        if !sample.prior_precision.iter().copied().all(positive) {
            return Err(GraphError::Number { sample: number, field: "prior_precision" });
        }
    }
    Ok(())
}

/// Rows `[1; Q_i]` of all movies and samples, [samples, movies, n], each sample's multiplied by its scale.
fn movie_rows(posterior: &Posterior, scale: impl Fn(usize) -> f64) -> Vec<f64> {
    let states = posterior.factors + 1;
    let mut rows = Vec::with_capacity(posterior.samples.len() * posterior.movies * states);
    for (number, sample) in posterior.samples.iter().enumerate() {
        let scale = scale(number);
        for movie in 0..posterior.movies {
            rows.push(scale);
            let factors = &sample.factors[movie * posterior.factors..][..posterior.factors];
            rows.extend(factors.iter().map(|factor| scale * factor));
        }
    }
    rows
}

/// offset + B_i of all movies and samples, [samples, movies], each sample's multiplied by its scale.
fn movie_baselines(posterior: &Posterior, scale: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut baselines = Vec::with_capacity(posterior.samples.len() * posterior.movies);
    for (number, sample) in posterior.samples.iter().enumerate() {
        let scale = scale(number);
        baselines.extend(sample.movie_bias.iter().map(|bias| scale * (sample.offset + bias)));
    }
    baselines
}

#[cfg(test)]
mod tests;
