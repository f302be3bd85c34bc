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
    let rows = graph.floats("movie_rows", &[samples, posterior.movies, states], rows, "[S, movies, n]: [1; Q_i]");
    let baselines = movie_baselines(posterior);
    let baselines =
        graph.floats("movie_baselines", &[samples, posterior.movies], baselines, "[S, movies]: offset + B_i");
    let noise_of = |movie: usize| posterior.samples.iter().map(|sample| 1.0 / precision(sample, movie)).sum::<f64>();
    let noise = (0..posterior.movies).map(|movie| noise_of(movie) / samples as f64);
    let noise = graph.floats("movie_noise", &[posterior.movies], noise, "[movies]: average of 1 / (alpha g_i)");
    let count = graph.floats("samples", &[], [samples as f64], "S");
    let last = graph.integers("last_axis", &[-1], "");
    let sample_and_last = graph.integers("sample_and_last_axis", &[0, 3], "");

    let x = graph.node_with("Gather", "x", &[&rows, &movie], vec![int("axis", 1)]);
    graph.note("[S, batch, movies, n]");
    let baseline = graph.node_with("Gather", "baseline", &[&baselines, &movie], vec![int("axis", 1)]);
    graph.note("[S, batch, movies]");

    let mean = graph.node_with("Transpose", "mean_by_sample", &[&mean], vec![ints("perm", &[1, 0, 2])]);
    let mean = graph.node("Unsqueeze", "mean_column", &[&mean, &last]);
    graph.note("[S, batch, n, 1]");
    let affinity = graph.node("MatMul", "affinity_column", &[&x, &mean]);
    let affinity = graph.node("Squeeze", "affinity", &[&affinity, &last]);
    graph.note("[S, batch, movies]");
    let by_sample = graph.node("Add", "rating_by_sample", &[&affinity, &baseline]);
    let average = |name| (name, vec![ints("axes", &[0]), int("keepdims", 0)]);
    let (name, attributes) = average(tensors::RATING);
    let rating = graph.node_with("ReduceMean", name, &[&by_sample], attributes);
    graph.note("[batch, movies]");

    let covariance =
        graph.node_with("Transpose", "covariance_by_sample", &[&covariance], vec![ints("perm", &[1, 0, 2, 3])]);
    graph.note("[S, batch, n, n]");
    let product = graph.node("MatMul", "covariance_times_x", &[&x, &covariance]);
    let product = graph.node("Mul", "uncertainty_terms", &[&product, &x]);
    graph.note("[S, batch, movies, n]");
    let uncertainty =
        graph.node_with("ReduceSum", "total_uncertainty", &[&product, &sample_and_last], vec![int("keepdims", 0)]);
    graph.note("[batch, movies]");
    let uncertainty = graph.node("Div", "uncertainty", &[&uncertainty, &count]);

    // The deviations are computed before the squares, because E[m²] − E[m]² loses its digits in
    // single precision.
    let deviation = graph.node("Sub", "deviation", &[&by_sample, &rating]);
    let deviation = graph.node("Mul", "squared_deviation", &[&deviation, &deviation]);
    let (name, attributes) = average("disagreement");
    let disagreement = graph.node_with("ReduceMean", name, &[&deviation], attributes);
    graph.note("[batch, movies]");
    let variance = graph.node("Add", "state_variance", &[&uncertainty, &disagreement]);
    let noise = graph.node("Gather", "noise_of_movie", &[&noise, &movie]);
    graph.note("[batch, movies]");
    let noise = match &noise_of_user {
        Some(of_user) => {
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
