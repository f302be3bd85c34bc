//! The learner of a plain model: changes a user's state by one rating.
//!
//! For each posterior sample, c = covariance x and v = 1 / alpha + w xᵀ c. Then the covariance
//! becomes covariance − (w / v) c cᵀ, and the mean becomes mean + (w / v) c (r − offset − B − xᵀ
//! mean). The weight w is 1 for a rating that is added and −1 for one that is taken away, because
//! the precision matrix changes by w alpha x xᵀ (Sherman and Morrison, "Adjustment of an Inverse
//! Matrix Corresponding to a Change in One Element of a Given Matrix", 1950). With w = 0 the state
//! stays as it is.

use marquee_posterior::Posterior;

use super::graph::{GraphBuilder, Value, ints};
use super::state::State;
use super::{BATCH, OnnxGraph, movie_baselines, movie_rows, precision};
use crate::signature::{Dim, Dtype, TensorSpec};
use crate::tensors;

/// Writes the learner of a plain model, which [`super::write_learner`] describes.
pub(super) fn write(posterior: &Posterior) -> OnnxGraph {
    let State { mean, covariance, .. } = State::of(posterior);
    let mut graph = GraphBuilder::new("learner", "user's state and one rating -> user's state");
    let next = |spec: &TensorSpec| TensorSpec { name: tensors::next(&spec.name), ..spec.clone() };
    let (next_mean, next_covariance) = (next(&mean), next(&covariance));
    let mean = graph.input(mean, "mean of the user's state");
    let covariance = graph.input(covariance, "covariance of the user's state");
    let one = |name, dtype| TensorSpec::new(name, dtype, vec![Dim::named(BATCH)]);
    let movie = graph.input(one(tensors::MOVIE, Dtype::Int64), "index of the movie");
    let rating = graph.input(one(tensors::RATING, Dtype::Float32), "stars");
    let weight = graph.input(one(tensors::WEIGHT, Dtype::Float32), "1: add, -1: take away, 0: keep the state");

    let last = graph.integers("last_axis", &[-1], "");
    let scalar_axes = graph.integers("scalar_axes", &[1, 2, 3], "");
    let Movie { x, baseline, noise } = gather(&mut graph, posterior, &movie);
    let x_row = graph.node_with("Transpose", "x_row", &[&x], vec![ints("perm", &[0, 1, 3, 2])]);
    graph.note("[batch, S, 1, n]");
    let projected = graph.node("MatMul", "projected", &[&covariance, &x]);
    graph.note("[batch, S, n, 1]: covariance times x");
    let explained = graph.node("MatMul", "explained", &[&x_row, &projected]);
    graph.note("[batch, S, 1, 1]");
    let weight = graph.node("Unsqueeze", "weight_scalar", &[&weight, &scalar_axes]);
    let explained = graph.node("Mul", "weighted_explained", &[&explained, &weight]);
    let variance = graph.node("Add", "variance", &[&explained, &noise]);
    let weighted = graph.node("Mul", "weighted_projected", &[&projected, &weight]);
    let gain = graph.node("Div", "gain", &[&weighted, &variance]);
    graph.note("[batch, S, n, 1]");

    let column = graph.node("Unsqueeze", "mean_column", &[&mean, &last]);
    let expected = graph.node("MatMul", "expected", &[&x_row, &column]);
    let rating = graph.node("Unsqueeze", "rating_scalar", &[&rating, &scalar_axes]);
    let residual = graph.node("Sub", "residual", &[&rating, &baseline]);
    let surprise = graph.node("Sub", "surprise", &[&residual, &expected]);
    graph.note("[batch, S, 1, 1]");
    let step = graph.node("Mul", "step", &[&gain, &surprise]);
    let column = graph.node("Add", "next_mean_column", &[&column, &step]);
    graph.node("Squeeze", &next_mean.name, &[&column, &last]);

    let row = graph.node_with("Transpose", "projected_row", &[&projected], vec![ints("perm", &[0, 1, 3, 2])]);
    let update = graph.node("Mul", "update", &[&gain, &row]);
    graph.note("[batch, S, n, n]");
    graph.node("Sub", &next_covariance.name, &[&covariance, &update]);
    graph.output(next_mean, "mean of the changed state");
    graph.output(next_covariance, "covariance of the changed state");
    let (bytes, signature) = graph.finish();
    OnnxGraph { bytes, signature }
}

/// What the samples know of the movie of each row.
struct Movie {
    /// [batch, S, n, 1].
    x: Value,
    /// [batch, S, 1, 1].
    baseline: Value,
    /// [batch, S, 1, 1]: 1 / (alpha g_i).
    noise: Value,
}

/// Returns what the samples know of the movies. The tables have the movies first, so that the
/// values of a movie lie together.
fn gather(graph: &mut GraphBuilder, posterior: &Posterior, movie: &Value) -> Movie {
    let (movies, factors, samples) = (posterior.movies, posterior.factors, posterior.samples.len());
    let noise_of = |movie: usize| posterior.samples.iter().map(move |sample| 1.0 / precision(sample, movie));
    let (rows, baselines) = (movie_rows(posterior, |_, _| 1.0), movie_baselines(posterior));
    let noise = (0..movies).flat_map(noise_of);
    let one = [movies, samples, 1, 1];
    let rows = graph.floats("movie_rows", &[movies, samples, factors + 1, 1], rows, "[movies, S, n, 1]: [1; Q_i]");
    let baselines = graph.floats("movie_baselines", &one, baselines, "[movies, S, 1, 1]: offset + B_i");
    let noise = graph.floats("movie_noise", &one, noise, "[movies, S, 1, 1]: 1 / (alpha g_i)");
    let x = graph.node("Gather", "x", &[&rows, movie]);
    graph.note("[batch, S, n, 1]");
    let baseline = graph.node("Gather", "baseline", &[&baselines, movie]);
    graph.note("[batch, S, 1, 1]");
    let noise = graph.node("Gather", "noise_of_movie", &[&noise, movie]);
    graph.note("[batch, S, 1, 1]");
    Movie { x, baseline, noise }
}
