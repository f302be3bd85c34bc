//! The ranker: computes the expected ratings of all movies from a user's state, and no spreads.
//!
//! Averaged over the samples, the expected rating of a movie is linear in the state: the average of
//! offset + B_i, plus the product of the whole mean, [S n] numbers, with what the samples know of
//! the movie. So the ratings of all movies are one product with a matrix, which a batch of users
//! shares. A server finds the best movies with it, and scores only those.

use marquee_posterior::{Posterior, Sample};

use super::graph::GraphBuilder;
use super::state::State;
use super::{BATCH, GraphError, OnnxGraph, check};
use crate::signature::{Dim, Dtype, TensorSpec};
use crate::tensors;

/// Writes the ranker graph of a posterior with S samples, where n = factors + 1.
///
/// Input: `mean` float32 [batch, S, n], as the encoder returns it.
///
/// Output: `rating` float32 [batch, movies], in stars and not clipped to the scale, for all movies
/// in the order of their index. It is what the scorer returns, up to rounding.
///
/// # Errors
/// The posterior is inconsistent or too large; see [`GraphError`].
pub fn write_ranker(posterior: &Posterior) -> Result<OnnxGraph, GraphError> {
    check(posterior)?;
    let Posterior { movies, factors, ref samples, .. } = *posterior;
    let (inner, share) = (samples.len() * (factors + 1), 1.0 / samples.len() as f64);
    let mut graph = GraphBuilder::new("ranker", "user's state -> expected ratings of all movies");
    let mean = graph.input(State::of(posterior).mean, "mean of the user's state");

    let column = |(sample, state): (&Sample, usize), movie: usize| match state.checked_sub(1) {
        None => share,
        Some(factor) => share * sample.factors[movie * factors + factor],
    };
    let rows = samples.iter().flat_map(|sample| (0..=factors).map(move |state| (sample, state)));
    let columns = rows.flat_map(|row| (0..movies).map(move |movie| column(row, movie)));
    let columns = graph.floats("movie_columns", &[inner, movies], columns, "[S n, movies]: [1; Q_i] / S");
    let baseline = |movie: usize| samples.iter().map(|sample| sample.offset + sample.movie_bias[movie]).sum::<f64>();
    let baselines = (0..movies).map(|movie| share * baseline(movie));
    let baselines = graph.floats("movie_baselines", &[movies], baselines, "[movies]: average of offset + B_i");
    let shape = graph.integers("shape_of_row", &[0, inner as i64], "");

    let row = graph.node("Reshape", "mean_row", &[&mean, &shape]);
    graph.note("[batch, S n]");
    let affinity = graph.node("MatMul", "affinity", &[&row, &columns]);
    graph.note("[batch, movies]");
    graph.node("Add", tensors::RATING, &[&affinity, &baselines]);

    let rated = vec![Dim::named(BATCH), Dim::Fixed(movies as u64)];
    graph.output(TensorSpec::new(tensors::RATING, Dtype::Float32, rated), "expected ratings, stars, not clipped");
    let (bytes, signature) = graph.finish();
    Ok(OnnxGraph { bytes, signature })
}
