//! The encoder: computes, for each posterior sample, the exact conditional distribution of a user's
//! state given the user's history.
//!
//! Over the entries of the history, A = alpha Σ w x xᵀ + diag(prior precision) and b = prior
//! precision ∘ prior mean + alpha Σ w x (r − offset − B). Then covariance = A⁻¹ and mean = A⁻¹ b
//! (Salakhutdinov and Mnih, "Bayesian Probabilistic Matrix Factorization using MCMC", 2008, eq.
//! 11).
//!
//! A⁻¹ is computed by n symmetric sweeps, which are unrolled (Goodnight, "A Tutorial on the SWEEP
//! Operator", 1979). First, A is scaled so that its diagonal is 1. Then all pivots are in (0, 1].
//! There the sweep needs no pivoting, and single precision is enough for a history of any length.
//!
//! Let c be the column of the pivot, p the pivot and e its unit vector. One sweep is M − (c − e)(c
//! − e)ᵀ / p. This is the sweep of the textbook, except that it adds 2 to the swept diagonal entry.
//! No later sweep reads that entry. After all sweeps, A⁻¹ = 2I − M.

use marquee_posterior::Posterior;

use super::graph::{GraphBuilder, Value, int, ints};
use super::{BATCH, GraphError, HISTORY, OnnxGraph, check, movie_baselines, movie_rows};
use crate::signature::{Dim, Dtype, TensorSpec};
use crate::tensors;

/// Writes the encoder graph of a posterior with S samples, where n = factors + 1.
///
/// Inputs: `movie` int64 [batch, history]; `rating` float32 [batch, history], in stars; `weight`
/// float32 [batch, history], 1 for an entry and 0 for padding. The length of the history is at
/// least 1, so an empty history is passed as one entry of weight 0.
///
/// Outputs: `mean` float32 [batch, S, n]; `covariance` float32 [batch, S, n, n].
///
/// # Errors
/// The posterior is inconsistent or too large; see [`GraphError`].
pub fn write_encoder(posterior: &Posterior) -> Result<OnnxGraph, GraphError> {
    check(posterior)?;
    let mut graph =
        GraphBuilder::new("encoder", "history -> mean and covariance of the user's state per posterior sample");
    let entries = || vec![Dim::named(BATCH), Dim::named(HISTORY)];
    let movie = graph.input(
        TensorSpec::new(tensors::MOVIE, Dtype::Int64, entries()),
        "index of the movie; any valid one in padding",
    );
    let rating = graph.input(TensorSpec::new(tensors::RATING, Dtype::Float32, entries()), "stars");
    let weight =
        graph.input(TensorSpec::new(tensors::WEIGHT, Dtype::Float32, entries()), "1 for an entry, 0 for padding");

    let (precision, target) = normal_equations(&mut graph, posterior, &History { movie, rating, weight });
    let covariance = invert(&mut graph, posterior.factors + 1, &precision);
    let mean = graph.node("MatMul", "mean_column", &[&covariance, &target]);
    graph.note("[S, batch, n, 1]");

    let last = graph.integers("last_axis_of_mean", &[3], "");
    let mean = graph.node("Squeeze", "mean_by_sample", &[&mean, &last]);
    graph.node_with("Transpose", tensors::MEAN, &[&mean], vec![ints("perm", &[1, 0, 2])]);
    graph.node_with("Transpose", tensors::COVARIANCE, &[&covariance], vec![ints("perm", &[1, 0, 2, 3])]);
    let (mean, covariance) = state(posterior);
    graph.output(mean, "mean of the user's state; its first coordinate is the user's bias");
    graph.output(covariance, "covariance of the user's state");
    let (bytes, signature) = graph.finish();
    Ok(OnnxGraph { bytes, signature })
}

/// Returns the two tensors of a user's state. The encoder returns them and the scorer reads them.
pub(super) fn state(posterior: &Posterior) -> (TensorSpec, TensorSpec) {
    let (samples, states) = (Dim::Fixed(posterior.samples.len() as u64), Dim::Fixed(posterior.factors as u64 + 1));
    let mean = vec![Dim::named(BATCH), samples.clone(), states.clone()];
    let covariance = vec![Dim::named(BATCH), samples, states.clone(), states];
    (
        TensorSpec::new(tensors::MEAN, Dtype::Float32, mean),
        TensorSpec::new(tensors::COVARIANCE, Dtype::Float32, covariance),
    )
}

/// The inputs of the encoder, each [batch, history].
struct History {
    movie: Value,
    rating: Value,
    weight: Value,
}

/// Returns A [S, batch, n, n] and b [S, batch, n, 1]. The rows contain the square root of alpha, so
/// that no product has to multiply by alpha again.
fn normal_equations(graph: &mut GraphBuilder, posterior: &Posterior, history: &History) -> (Value, Value) {
    let (samples, states) = (posterior.samples.len(), posterior.factors + 1);
    let root = |sample: usize| posterior.samples[sample].noise_precision.sqrt();
    let rows = graph.floats(
        "movie_rows",
        &[samples, posterior.movies, states],
        movie_rows(posterior, root),
        "[S, movies, n]: sqrt(alpha) [1; Q_i]",
    );
    let baselines = graph.floats(
        "movie_baselines",
        &[samples, posterior.movies],
        movie_baselines(posterior, root),
        "[S, movies]: sqrt(alpha) (offset + B_i)",
    );
    let roots =
        graph.floats("root_noise_precision", &[samples, 1, 1], (0..samples).map(root), "[S, 1, 1]: sqrt(alpha)");
    let prior = posterior.samples.iter().flat_map(|sample| diagonal(&sample.prior_precision));
    let prior = graph.floats("prior_precision", &[samples, 1, states, states], prior, "[S, 1, n, n], diagonal");
    let pull = posterior.samples.iter().flat_map(|sample| {
        sample.prior_precision.iter().zip(&sample.prior_mean).map(|(precision, mean)| precision * mean)
    });
    let pull =
        graph.floats("prior_target", &[samples, 1, states, 1], pull, "[S, 1, n, 1]: prior precision times prior mean");
    let last = graph.integers("last_axis", &[-1], "");

    let x = graph.node_with("Gather", "x", &[&rows, &history.movie], vec![int("axis", 1)]);
    graph.note("[S, batch, history, n]");
    let weight = graph.node("Unsqueeze", "weight_column", &[&history.weight, &last]);
    let weighted = graph.node("Mul", "weighted_x", &[&x, &weight]);
    let transposed =
        graph.node_with("Transpose", "weighted_x_transposed", &[&weighted], vec![ints("perm", &[0, 1, 3, 2])]);
    graph.note("[S, batch, n, history]");
    let gram = graph.node("MatMul", "gram", &[&transposed, &x]);
    graph.note("[S, batch, n, n]");
    let precision = graph.node("Add", "precision", &[&gram, &prior]);

    let baseline = graph.node_with("Gather", "baseline", &[&baselines, &history.movie], vec![int("axis", 1)]);
    graph.note("[S, batch, history]");
    let rating = graph.node("Mul", "scaled_rating", &[&history.rating, &roots]);
    let residual = graph.node("Sub", "residual", &[&rating, &baseline]);
    let residual = graph.node("Unsqueeze", "residual_column", &[&residual, &last]);
    let evidence = graph.node("MatMul", "evidence", &[&transposed, &residual]);
    graph.note("[S, batch, n, 1]");
    let target = graph.node("Add", "target", &[&evidence, &pull]);
    (precision, target)
}

/// Inverts symmetric positive definite matrices [S, batch, n, n].
fn invert(graph: &mut GraphBuilder, states: usize, precision: &Value) -> Value {
    let identity = graph.floats("identity", &[states, states], diagonal(&vec![1.0; states]), "[n, n]");
    let twice = graph.floats("twice_identity", &[states, states], diagonal(&vec![2.0; states]), "[n, n]");
    let rows = graph.integers("row_axis", &[2], "");
    let columns = graph.integers("column_axis", &[3], "");
    let positions: Vec<Value> =
        (0..=states).map(|at| graph.integers(&format!("position_{at}"), &[at as i64], "")).collect();

    let on_diagonal = graph.node("Mul", "precision_diagonal", &[precision, &identity]);
    let diagonal_column = graph.node("ReduceSum", "diagonal_column", &[&on_diagonal, &columns]);
    graph.note("[S, batch, n, 1]");
    let diagonal_row = graph.node("ReduceSum", "diagonal_row", &[&on_diagonal, &rows]);
    graph.note("[S, batch, 1, n]");
    let product = graph.node("Mul", "diagonal_product", &[&diagonal_column, &diagonal_row]);
    let scale = graph.node("Sqrt", "scale", &[&product]);
    graph.note("[S, batch, n, n]: sqrt(A_ii A_jj)");
    let mut matrix = graph.node("Div", "sweep_0", &[precision, &scale]);

    for pivot in 0..states {
        let unit = (0..states).map(|row| f64::from(u8::from(row == pivot)));
        let unit = graph.floats(&format!("unit_{pivot}"), &[states, 1], unit, "[n, 1]");
        let (from, to) = (&positions[pivot], &positions[pivot + 1]);
        let column = graph.node("Slice", &format!("column_{pivot}"), &[&matrix, from, to, &columns]);
        let value = graph.node("Slice", &format!("pivot_{pivot}"), &[&column, from, to, &rows]);
        let column = graph.node("Sub", &format!("update_column_{pivot}"), &[&column, &unit]);
        let row =
            graph.node_with("Transpose", &format!("update_row_{pivot}"), &[&column], vec![ints("perm", &[0, 1, 3, 2])]);
        let row = graph.node("Div", &format!("scaled_update_row_{pivot}"), &[&row, &value]);
        let update = graph.node("Mul", &format!("update_{pivot}"), &[&column, &row]);
        matrix = graph.node("Sub", &format!("sweep_{}", pivot + 1), &[&matrix, &update]);
    }
    let inverse = graph.node("Sub", "scaled_inverse", &[&twice, &matrix]);
    let covariance = graph.node("Div", "covariance_by_sample", &[&inverse, &scale]);
    graph.note("[S, batch, n, n]");
    covariance
}

/// Returns a row-major square matrix with the given values on its diagonal.
fn diagonal(values: &[f64]) -> Vec<f64> {
    let mut matrix = vec![0.0; values.len() * values.len()];
    for (at, value) in values.iter().enumerate() {
        matrix[at * values.len() + at] = *value;
    }
    matrix
}
