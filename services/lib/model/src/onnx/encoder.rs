//! The encoder: computes, for each posterior sample, the exact conditional distribution of a user's
//! state given the user's history.
//!
//! Over the entries of the history, A = alpha Σ w x xᵀ + diag(prior precision) and b = prior
//! precision ∘ prior mean + alpha Σ w x (r − offset − B). Then covariance = A⁻¹ and mean = A⁻¹ b
//! (Salakhutdinov and Mnih, "Bayesian Probabilistic Matrix Factorization using MCMC", 2008, eq.
//! 11).
//!
//! In a model with noise weights, alpha also has the factors g_j of the movie and g of the user.
//! The first few samples tell g: they solve the system for each value that g may have, and weight
//! the values by the likelihood of the ratings. In a model with sets, the prior mean also has the
//! sum of what the rated movies add, divided by the square root of their number.

use marquee_posterior::{PILOTS, Posterior, Sample};

use super::graph::{GraphBuilder, Value, int, ints};
use super::inverse::{Inverse, diagonal, invert};
use super::{BATCH, GraphError, HISTORY, OnnxGraph, check, movie_baselines, movie_rows, precision};
use crate::signature::{Dim, Dtype, TensorSpec};
use crate::tensors;

/// Writes the encoder graph of a posterior with S samples, where n = factors + 1.
///
/// Inputs: `movie` int64 [batch, history]; `rating` float32 [batch, history], in stars; `weight`
/// float32 [batch, history], 1 for an entry and 0 for padding. The length of the history is at
/// least 1, so an empty history is passed as one entry of weight 0.
///
/// Outputs: `mean` float32 [batch, S, n]; `covariance` float32 [batch, S, n, n]; in a model with
/// noise weights also `noise` float32 `[batch]`, the mean of 1 / g.
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

    let history = History { movie, rating, weight };
    let sums = sums(&mut graph, posterior, &history);
    let prior = prior(&mut graph, posterior, &sums);
    let (gram, evidence) = match weigh(&mut graph, posterior, &sums, &prior) {
        Some(weight) => {
            let gram = graph.node("Mul", "weighted_gram", &[&sums.gram, &weight]);
            (gram, graph.node("Mul", "weighted_evidence", &[&sums.evidence, &weight]))
        }
        None => (sums.gram, sums.evidence),
    };
    let precision = graph.node("Add", "precision", &[&gram, &prior.precision]);
    let target = graph.node("Add", "target", &[&evidence, &prior.target]);
    let Inverse { inverse: covariance, .. } =
        invert(&mut graph, "covariance", (4, posterior.factors + 1), &precision, false);
    let mean = graph.node("MatMul", "mean_column", &[&covariance, &target]);
    graph.note("[S, batch, n, 1]");

    let last = graph.integers("last_axis_of_mean", &[3], "");
    let mean = graph.node("Squeeze", "mean_by_sample", &[&mean, &last]);
    graph.node_with("Transpose", tensors::MEAN, &[&mean], vec![ints("perm", &[1, 0, 2])]);
    graph.node_with("Transpose", tensors::COVARIANCE, &[&covariance], vec![ints("perm", &[1, 0, 2, 3])]);
    let State { mean, covariance, noise } = state(posterior);
    graph.output(mean, "mean of the user's state; its first coordinate is the user's bias");
    graph.output(covariance, "covariance of the user's state");
    if let Some(noise) = noise {
        graph.output(noise, "variance of the noise of the user's ratings, relative to the usual one");
    }
    let (bytes, signature) = graph.finish();
    Ok(OnnxGraph { bytes, signature })
}

/// The tensors of a user's state. The encoder returns them and the scorer reads them.
pub(super) struct State {
    pub(super) mean: TensorSpec,
    pub(super) covariance: TensorSpec,
    pub(super) noise: Option<TensorSpec>,
}

/// Returns the tensors of a user's state.
pub(super) fn state(posterior: &Posterior) -> State {
    let (samples, states) = (Dim::Fixed(posterior.samples.len() as u64), Dim::Fixed(posterior.factors as u64 + 1));
    let mean = vec![Dim::named(BATCH), samples.clone(), states.clone()];
    let covariance = vec![Dim::named(BATCH), samples, states.clone(), states];
    let has_noise = posterior.user_noise().len() > 1;
    State {
        mean: TensorSpec::new(tensors::MEAN, Dtype::Float32, mean),
        covariance: TensorSpec::new(tensors::COVARIANCE, Dtype::Float32, covariance),
        noise: has_noise.then(|| TensorSpec::new(tensors::NOISE, Dtype::Float32, vec![Dim::named(BATCH)])),
    }
}

/// The inputs of the encoder, each [batch, history].
struct History {
    movie: Value,
    rating: Value,
    weight: Value,
}

/// The sums over a history. All contain alpha g_j.
struct Sums {
    /// Σ w x xᵀ, [S, batch, n, n].
    gram: Value,
    /// Σ w x (r − offset − B), [S, batch, n, 1].
    evidence: Value,
    /// Σ w (r − offset − B)², [S, batch, 1, 1].
    squares: Value,
    /// Σ w, [batch, 1, 1].
    count: Value,
    /// Σ w y, [S, batch, n, 1], where there are sets.
    additions: Option<Value>,
}

/// Returns the sums. The rows contain the square root of alpha g_j, so that no product has to
/// multiply by it again.
fn sums(graph: &mut GraphBuilder, posterior: &Posterior, history: &History) -> Sums {
    let (samples, movies, states) = (posterior.samples.len(), posterior.movies, posterior.factors + 1);
    let root = |sample: &Sample, movie: usize| precision(sample, movie).sqrt();
    let rows = movie_rows(posterior, root);
    let rows = graph.floats("movie_rows", &[samples, movies, states], rows, "[S, movies, n]: sqrt(alpha g_i) [1; Q_i]");
    let baselines = movie_baselines(posterior, root);
    let about = "[S, movies]: sqrt(alpha g_i) (offset + B_i)";
    let baselines = graph.floats("movie_baselines", &[samples, movies], baselines, about);
    let roots = posterior.samples.iter().flat_map(|sample| (0..movies).map(move |movie| root(sample, movie)));
    let roots = graph.floats("movie_roots", &[samples, movies], roots, "[S, movies]: sqrt(alpha g_i)");
    let last = graph.integers("last_axis", &[-1], "");

    let gather = |graph: &mut GraphBuilder, name: &str, table: &Value| {
        graph.node_with("Gather", name, &[table, &history.movie], vec![int("axis", 1)])
    };
    let x = gather(graph, "x", &rows);
    graph.note("[S, batch, history, n]");
    let weight = graph.node("Unsqueeze", "weight_column", &[&history.weight, &last]);
    let weighted = graph.node("Mul", "weighted_x", &[&x, &weight]);
    let transposed =
        graph.node_with("Transpose", "weighted_x_transposed", &[&weighted], vec![ints("perm", &[0, 1, 3, 2])]);
    graph.note("[S, batch, n, history]");
    let gram = graph.node("MatMul", "gram", &[&transposed, &x]);
    graph.note("[S, batch, n, n]");

    let baseline = gather(graph, "baseline", &baselines);
    graph.note("[S, batch, history]");
    let roots = gather(graph, "root", &roots);
    let rating = graph.node("Mul", "scaled_rating", &[&history.rating, &roots]);
    let residual = graph.node("Sub", "residual", &[&rating, &baseline]);
    let weighted = graph.node("Mul", "weighted_residual", &[&residual, &history.weight]);
    let squares = graph.node("Mul", "squared_residual", &[&residual, &weighted]);
    let squares = graph.node_with("ReduceSum", "squares_by_sample", &[&squares, &last], vec![int("keepdims", 1)]);
    let squares = graph.node("Unsqueeze", "squares", &[&squares, &last]);
    graph.note("[S, batch, 1, 1]");
    let residual = graph.node("Unsqueeze", "residual_column", &[&residual, &last]);
    let evidence = graph.node("MatMul", "evidence", &[&transposed, &residual]);
    graph.note("[S, batch, n, 1]");
    let count = graph.node_with("ReduceSum", "count_row", &[&history.weight, &last], vec![int("keepdims", 1)]);
    let count = graph.node("Unsqueeze", "count", &[&count, &last]);
    graph.note("[batch, 1, 1]");
    let additions = has_sets(posterior).then(|| {
        let table = posterior.samples.iter().flat_map(|sample| &sample.additions).copied();
        let table = graph.floats("movie_additions", &[samples, movies, states], table, "[S, movies, n]: y_i");
        let y = gather(graph, "y", &table);
        let y = graph.node_with("Transpose", "y_transposed", &[&y], vec![ints("perm", &[0, 1, 3, 2])]);
        graph.node("MatMul", "additions", &[&y, &weight])
    });
    Sums { gram, evidence, squares, count, additions }
}

/// Returns whether the set of the rated movies says something about a user.
pub(super) fn has_sets(posterior: &Posterior) -> bool {
    posterior.samples.first().is_some_and(|sample| !sample.additions.is_empty())
}

/// The prior of a user.
struct Prior {
    /// [S, 1, n, n], diagonal.
    precision: Value,
    /// Prior precision times prior mean: [S, 1, n, 1], or [S, batch, n, 1] where there are sets.
    target: Value,
}

fn prior(graph: &mut GraphBuilder, posterior: &Posterior, sums: &Sums) -> Prior {
    let (samples, states) = (posterior.samples.len(), posterior.factors + 1);
    let precision = posterior.samples.iter().flat_map(|sample| diagonal(&sample.prior_precision));
    let precision = graph.floats("prior_precision", &[samples, 1, states, states], precision, "[S, 1, n, n], diagonal");
    let pull = posterior.samples.iter().flat_map(|sample| {
        sample.prior_precision.iter().zip(&sample.prior_mean).map(|(precision, mean)| precision * mean)
    });
    let target =
        graph.floats("prior_target", &[samples, 1, states, 1], pull, "[S, 1, n, 1]: prior precision times prior mean");
    let Some(additions) = &sums.additions else { return Prior { precision, target } };
    let column = posterior.samples.iter().flat_map(|sample| sample.prior_precision.iter().copied());
    let column = graph.floats("prior_precision_column", &[samples, 1, states, 1], column, "[S, 1, n, 1]");
    let one = graph.floats("one", &[], [1.0], "");
    let size = graph.node("Max", "size", &[&sums.count, &one]);
    let size = graph.node("Sqrt", "root_of_size", &[&size]);
    let shift = graph.node("Div", "prior_shift", &[additions, &size]);
    let shift = graph.node("Mul", "prior_shift_target", &[&shift, &column]);
    Prior { precision, target: graph.node("Add", "moved_prior_target", &[&target, &shift]) }
}

/// Returns the mean of g, [batch, 1, 1], and writes the mean of 1 / g, where g has several values.
fn weigh(graph: &mut GraphBuilder, posterior: &Posterior, sums: &Sums, prior: &Prior) -> Option<Value> {
    let noise = posterior.user_noise();
    if noise.len() < 2 {
        return None;
    }
    let pilots = PILOTS.min(posterior.samples.len());
    let (from, to) = (graph.integers("first_pilot", &[0], ""), graph.integers("pilots", &[pilots as i64], ""));
    let samples = graph.integers("sample_axis", &[0], "");
    let mut of_pilots = |name: &str, value: &Value| graph.node("Slice", name, &[value, &from, &to, &samples]);
    let gram = of_pilots("pilot_gram", &sums.gram);
    let evidence = of_pilots("pilot_evidence", &sums.evidence);
    let squares = of_pilots("pilot_squares", &sums.squares);
    let prior_precision = of_pilots("pilot_prior_precision", &prior.precision);
    let prior_target = of_pilots("pilot_prior_target", &prior.target);

    let values = noise.iter().map(|value| value.precision);
    let values = graph.floats("user_noise", &[noise.len(), 1, 1, 1, 1], values, "[K, 1, 1, 1, 1]: values of g");
    let gram = graph.node("Mul", "pilot_weighted_gram", &[&values, &gram]);
    graph.note("[K, P, batch, n, n]");
    let precision = graph.node("Add", "pilot_precision", &[&gram, &prior_precision]);
    let evidence = graph.node("Mul", "pilot_weighted_evidence", &[&values, &evidence]);
    let target = graph.node("Add", "pilot_target", &[&evidence, &prior_target]);
    let Inverse { inverse, log_determinant } = invert(graph, "pilot", (5, posterior.factors + 1), &precision, true);
    let mean = graph.node("MatMul", "pilot_mean", &[&inverse, &target]);
    let explained = graph.node("Mul", "pilot_explained_terms", &[&mean, &target]);
    let rows = graph.integers("row_axis", &[-2], "");
    let explained = graph.node("ReduceSum", "pilot_explained", &[&explained, &rows]);
    graph.note("[K, P, batch, 1, 1]");
    let squares = graph.node("Mul", "pilot_weighted_squares", &[&values, &squares]);
    let explained = graph.node("Sub", "pilot_fit", &[&explained, &squares]);
    let twice = match &log_determinant {
        Some(log_determinant) => graph.node("Sub", "pilot_fit_and_volume", &[&explained, log_determinant]),
        None => explained,
    };
    let logarithms = noise.iter().map(|value| value.precision.ln());
    let logarithms = graph.floats("log_user_noise", &[noise.len(), 1, 1, 1, 1], logarithms, "ln g");
    let counted = graph.node("Mul", "pilot_count_terms", &[&logarithms, &sums.count]);
    let twice = graph.node("Add", "twice_log_likelihood", &[&twice, &counted]);
    let half = graph.floats("half", &[], [0.5], "");
    let likelihood = graph.node("Mul", "log_likelihood", &[&twice, &half]);
    let probabilities = noise.iter().map(|value| value.probability.ln());
    let probabilities =
        graph.floats("log_probability", &[noise.len(), 1, 1, 1, 1], probabilities, "logarithms of the prior");
    let posterior = graph.node("Add", "log_posterior", &[&likelihood, &probabilities]);
    let weights = graph.node_with("Softmax", "weights_by_pilot", &[&posterior], vec![int("axis", 0)]);
    let axes = vec![ints("axes", &[1]), int("keepdims", 0)];
    let weights = graph.node_with("ReduceMean", "weights", &[&weights], axes);
    graph.note("[K, batch, 1, 1]");
    let average = |graph: &mut GraphBuilder, name: &str, value: fn(f64) -> f64, keeps: i64| {
        let table = noise.iter().map(|noise| value(noise.precision));
        let table = graph.floats(&format!("{name}_values"), &[noise.len(), 1, 1, 1], table, "[K, 1, 1, 1]");
        let terms = graph.node("Mul", &format!("{name}_terms"), &[&weights, &table]);
        let axes: &[i64] = if keeps == 1 { &[0] } else { &[0, 2, 3] };
        let axes = graph.integers(&format!("{name}_axes"), axes, "");
        graph.node_with("ReduceSum", name, &[&terms, &axes], vec![int("keepdims", 0)])
    };
    average(graph, tensors::NOISE, |precision| 1.0 / precision, 0);
    let weight = average(graph, "user_weight", |precision| precision, 1);
    graph.note("[batch, 1, 1]");
    Some(weight)
}
