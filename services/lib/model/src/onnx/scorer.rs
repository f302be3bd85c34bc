//! The scorer: computes the expected rating and its spread from a user's state and movies.
//!
//! For each posterior sample s, m_s = offset + B_i + x_iᵀ mean_s. The rating is the average of m_s.
//! The variance is the average of noise / (alpha_s g_i) + x_iᵀ covariance_s x_i, plus the variance
//! of m_s over the samples (law of total variance).

use marquee_posterior::Posterior;

use super::graph::{GraphBuilder, int, ints};
use super::state::State;
use super::{BATCH, GraphError, MOVIES, OnnxGraph, check, movie_baselines, movie_rows, precision};
use crate::signature::{Dim, Dtype, TensorSpec};
use crate::tensors;

/// Writes the scorer graph of a posterior with S samples, where n = factors + 1.
///
/// Inputs: `mean` float32 [batch, S, n] and `covariance` float32 [batch, S, n, n], as the encoder
/// returns them, also `noise` float32 `[batch]` if it does; `movie` int64 [batch, movies].
///
/// Outputs: `rating` float32 [batch, movies], in stars and not clipped to the scale; `spread`
/// float32 [batch, movies], a standard deviation in stars.
///
/// # Errors
/// The posterior is inconsistent or too large; see [`GraphError`].
pub fn write_scorer(posterior: &Posterior) -> Result<OnnxGraph, GraphError> {
    check(posterior)?;
    let (samples, states) = (posterior.samples.len(), posterior.factors + 1);
    let scored = || vec![Dim::named(BATCH), Dim::named(MOVIES)];
    let mut graph = GraphBuilder::new("scorer", "user's state and movies -> expected ratings and their spread");
    let State { mean, covariance, noise } = State::of(posterior);
    let mean = graph.input(mean, "mean of the user's state");
    let covariance = graph.input(covariance, "covariance of the user's state");
    let noise_of_user = noise.map(|noise| graph.input(noise, "variance of the noise of the user's ratings"));
    let movie = graph.input(TensorSpec::new(tensors::MOVIE, Dtype::Int64, scored()), "index of the movie");

    let rows = movie_rows(posterior, |_, _| 1.0);
    let rows = graph.floats("movie_rows", &[posterior.movies, samples, states], rows, "[movies, S, n]: [1; Q_i]");
    let baselines = movie_baselines(posterior);
    let baselines =
        graph.floats("movie_baselines", &[posterior.movies, samples], baselines, "[movies, S]: offset + B_i");
    let noise_of = |movie: usize| posterior.samples.iter().map(|sample| 1.0 / precision(sample, movie)).sum::<f64>();
    let noise = (0..posterior.movies).map(|movie| noise_of(movie) / samples as f64);
    let noise = graph.floats("movie_noise", &[posterior.movies], noise, "[movies]: average of 1 / (alpha g_i)");
    let row_axis = graph.integers("row_axis", &[2], "");
    let sample_axis = graph.integers("sample_axis", &[1], "");
    let across_samples = || vec![ints("axes", &[1]), int("keepdims", 0)];

    let x = graph.node("Gather", "x_of_movie", &[&rows, &movie]);
    graph.note("[batch, movies, S, n]");
    // The movies come last: there are more of them than there are states, so the products below
    // have long rows.
    let x = graph.node_with("Transpose", "x", &[&x], vec![ints("perm", &[0, 2, 3, 1])]);
    graph.note("[batch, S, n, movies]");
    let baseline = graph.node("Gather", "baseline_of_movie", &[&baselines, &movie]);
    let baseline = graph.node_with("Transpose", "baseline", &[&baseline], vec![ints("perm", &[0, 2, 1])]);
    graph.note("[batch, S, movies]");

    let mean = graph.node("Unsqueeze", "mean_row", &[&mean, &row_axis]);
    graph.note("[batch, S, 1, n]");
    let affinity = graph.node("MatMul", "affinity_row", &[&mean, &x]);
    let affinity = graph.node("Squeeze", "affinity", &[&affinity, &row_axis]);
    graph.note("[batch, S, movies]");
    let by_sample = graph.node("Add", "rating_by_sample", &[&affinity, &baseline]);
    let rating = graph.node_with("ReduceMean", tensors::RATING, &[&by_sample], across_samples());
    graph.note("[batch, movies]");

    // The terms of a sample are added up first: this dimension lies together, and one sum over it
    // and over the samples takes longer.
    let product = graph.node("MatMul", "covariance_times_x", &[&covariance, &x]);
    let product = graph.node("Mul", "uncertainty_terms", &[&product, &x]);
    graph.note("[batch, S, n, movies]");
    let uncertainty =
        graph.node_with("ReduceSum", "uncertainty_by_sample", &[&product, &row_axis], vec![int("keepdims", 0)]);
    graph.note("[batch, S, movies]");

    // The deviations are computed before the squares, because E[m²] − E[m]² loses its digits in
    // single precision.
    let average = graph.node("Unsqueeze", "rating_row", &[&rating, &sample_axis]);
    let deviation = graph.node("Sub", "deviation", &[&by_sample, &average]);
    let deviation = graph.node("Mul", "squared_deviation", &[&deviation, &deviation]);
    let variance = graph.node("Add", "variance_by_sample", &[&uncertainty, &deviation]);
    let variance = graph.node_with("ReduceMean", "state_variance", &[&variance], across_samples());
    graph.note("[batch, movies]");
    let noise = graph.node("Gather", "noise_of_movie", &[&noise, &movie]);
    graph.note("[batch, movies]");
    let noise = match &noise_of_user {
        Some(of_user) => {
            let last = graph.integers("last_axis", &[-1], "");
            let of_user = graph.node("Unsqueeze", "noise_column", &[of_user, &last]);
            graph.node("Mul", "noise_of_rating", &[&noise, &of_user])
        }
        None => noise,
    };
    let variance = graph.node("Add", "variance", &[&variance, &noise]);
    graph.node("Sqrt", tensors::SPREAD, &[&variance]);

    graph.output(TensorSpec::new(tensors::RATING, Dtype::Float32, scored()), "expected rating, stars, not clipped");
    graph.output(TensorSpec::new(tensors::SPREAD, Dtype::Float32, scored()), "standard deviation of the rating, stars");
    let (bytes, signature) = graph.finish();
    Ok(OnnxGraph { bytes, signature })
}
