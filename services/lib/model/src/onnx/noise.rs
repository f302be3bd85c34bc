//! The noise of a user: the mean of 1 / g, by how well the state explains the user's ratings.
//!
//! The mean is `(2 a + q) / (2 a + N − 2)`, where a is the shape of the distribution of g and `q =
//! Σ alpha g_j (r_j − offset − B_j)² + pᵀ Λ p − bᵀ A⁻¹ b`, as [`marquee_posterior`] derives it. `q`
//! is averaged over the first samples.

use marquee_posterior::{LEAST_USER_NOISE, Posterior, USER_NOISE_SHAPE};

use super::graph::{GraphBuilder, Value, int, ints};
use super::sums::{Sums, pilots};
use crate::tensors;

/// Writes the mean of 1 / g, `[batch]`, and returns it as [batch, 1, 1, 1], where users differ in
/// their noise. P is the number of the samples that tell it.
///
/// Takes the precision of the prior times its mean, `Λ p`; `b`; and the mean of the state, each
/// [batch, S, 1, n].
pub(super) fn noise(
    graph: &mut GraphBuilder,
    posterior: &Posterior,
    sums: &Sums,
    [prior_target, target, mean]: [&Value; 3],
) -> Option<Value> {
    let squares = sums.squares.as_ref()?;
    let (pilots, states) = (pilots(posterior), posterior.factors + 1);
    let (first, last) = (graph.integers("first", &[0], ""), graph.integers("pilots", &[pilots as i64], ""));
    let sample_axis = graph.integers("sample_axis", &[1], "");
    let mut of_pilots = |name: &str, value: &Value| graph.node("Slice", name, &[value, &first, &last, &sample_axis]);
    let prior_target = of_pilots("pilot_prior_target", prior_target);
    let target = of_pilots("pilot_target", target);
    let mean = of_pilots("pilot_mean", mean);

    let variances = posterior.samples[..pilots].iter().flat_map(|sample| &sample.prior_precision);
    let variances = variances.map(|precision| 1.0 / precision);
    let variances = graph.floats("pilot_prior_variance", &[1, pilots, 1, states], variances, "[1, P, 1, n]");
    let prior_mean = graph.node("Mul", "pilot_prior_mean", &[&prior_target, &variances]);
    let of_prior = graph.node("Mul", "pilot_prior_squares", &[&prior_target, &prior_mean]);
    let explained = graph.node("Mul", "pilot_explained", &[&target, &mean]);
    let terms = graph.node("Sub", "pilot_terms", &[&of_prior, &explained]);
    graph.note("[batch, P, 1, n]");
    let last_axis = graph.integers("last_axis", &[-1], "");
    let sum = graph.node_with("ReduceSum", "pilot_sum", &[&terms, &last_axis], vec![int("keepdims", 1)]);
    let remaining = graph.node("Add", "pilot_remaining", &[squares, &sum]);
    graph.note("[batch, P, 1, 1]: q");
    let axes = vec![ints("axes", &[1, 2, 3]), int("keepdims", 0)];
    let remaining = graph.node_with("ReduceMean", "remaining", &[&remaining], axes);
    graph.note("[batch]");

    let mut number = |name: &str, value: f64| graph.floats(name, &[], [value], "");
    let prior = number("noise_of_prior", 2.0 * USER_NOISE_SHAPE);
    let less_two = number("ratings_of_prior", 2.0 * USER_NOISE_SHAPE - 2.0);
    let least = number("least_noise", LEAST_USER_NOISE);
    let second = graph.integers("second", &[1], "");
    let count = graph.node("Squeeze", "count_scalar", &[&sums.count, &second]);
    let count = graph.node("Add", "count_with_prior", &[&count, &less_two]);
    let sum = graph.node("Add", "remaining_with_prior", &[&remaining, &prior]);
    let noise = graph.node("Div", "unbounded_noise", &[&sum, &count]);
    let noise = graph.node("Max", tensors::NOISE, &[&noise, &least]);
    let axes = graph.integers("scalar_axes", &[1, 2, 3], "");
    let noise = graph.node("Unsqueeze", "noise_scalar", &[&noise, &axes]);
    graph.note("[batch, 1, 1, 1]");
    Some(noise)
}
