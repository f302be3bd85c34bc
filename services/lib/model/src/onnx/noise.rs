//! The noise of a user: the first samples tell how probable each value of g is, by the likelihood
//! of the user's ratings.
//!
//! Twice the logarithm of the likelihood is, up to a constant, `|N| ln g − ln |A| − (g Σ r² − bᵀ
//! A⁻¹ b)`, with `A = g G + Λ`. Let `E` be A with the border b and the corner `c = g Σ r² + 1`.
//! Then `|E| = |A| (c − bᵀ A⁻¹ b)` (Schur), so two determinants give everything, and nothing is
//! inverted.
//!
//! The rows of A are scaled so that its diagonal is a number τ. As a product of n pivots in (0, τ],
//! the determinant does not overflow. It vanishes only for more than 64 factors with a prior that
//! says next to nothing beside the ratings; a trainer that compares graph and model notices. The
//! border is scaled to be much smaller than the pivots of A. So an elimination with pivoting takes
//! the same steps in A and in E, and the rounding of the common pivots cancels in `|E| / |A|`.

use marquee_posterior::Posterior;

use super::graph::{GraphBuilder, Value, int, ints};
use super::inverse::diagonal;
use super::sums::{Sums, pilots};
use crate::tensors;

/// The largest determinant of a scaled matrix. Single precision ends at about 3e38.
const LARGEST_DETERMINANT: f64 = 1e28;

/// The root of the corner of a scaled matrix.
const BORDER: f64 = 1.0 / 4096.0;

/// Returns the mean of g, [batch, 1, 1, 1], and writes the mean of 1 / g, where g has several
/// values. Takes the prior precision times the prior mean, and the diagonal of the gram matrix. K
/// is the number of values and P that of the samples that tell them.
pub(super) fn weigh(
    graph: &mut GraphBuilder,
    posterior: &Posterior,
    sums: &Sums,
    (prior_target, gram_diagonal): (&Value, &Value),
) -> Option<Value> {
    let squares = sums.squares.as_ref()?;
    let noise = posterior.user_noise();
    let (pilots, states) = (pilots(posterior), posterior.factors + 1);
    let (first, last) = (graph.integers("first", &[0], ""), graph.integers("pilots", &[pilots as i64], ""));
    let sample_axis = graph.integers("sample_axis", &[1], "");
    let mut of_pilots = |name: &str, value: &Value| graph.node("Slice", name, &[value, &first, &last, &sample_axis]);
    let gram = of_pilots("pilot_gram", &sums.gram);
    let evidence = of_pilots("pilot_evidence", &sums.evidence);
    let gram_diagonal = of_pilots("pilot_gram_diagonal", gram_diagonal);
    let target = of_pilots("pilot_prior_target", prior_target);
    let precisions = || posterior.samples[..pilots].iter().map(|sample| &sample.prior_precision);
    let prior = precisions().flat_map(|precision| diagonal(precision));
    let prior = graph.floats("pilot_prior", &[1, pilots, states, states], prior, "[1, P, n, n], diagonal");
    let prior_row = precisions().flatten().copied();
    let prior_row = graph.floats("pilot_prior_row", &[1, pilots, 1, states], prior_row, "[1, P, 1, n]");
    let one = graph.floats("one", &[], [1.0], "");
    let values = noise.iter().map(|value| value.precision);
    let values = graph.floats("user_noise", &[noise.len(), 1, 1, 1, 1], values, "[K, 1, 1, 1, 1]: values of g");

    // A, b and c for each value.
    let add = |graph: &mut GraphBuilder, name: &str, value: &Value, prior: &Value| {
        let value = graph.node("Mul", &format!("{name}_weighted"), &[&values, value]);
        graph.node("Add", name, &[&value, prior])
    };
    let matrix = add(graph, "pilot_precision", &gram, &prior);
    graph.note("[K, batch, P, n, n]");
    let row = add(graph, "pilot_border", &evidence, &target);
    graph.note("[K, batch, P, 1, n]");
    let corner = add(graph, "pilot_corner", squares, &one);
    graph.note("[K, batch, P, 1, 1]");
    let diagonal = add(graph, "pilot_diagonal", &gram_diagonal, &prior_row);
    graph.note("[K, batch, P, 1, n]");

    let swap = || vec![ints("perm", &[0, 1, 2, 4, 3])];
    let concat = |graph: &mut GraphBuilder, name: &str, parts: [&Value; 2], axis: i64| {
        graph.node_with("Concat", name, &parts, vec![int("axis", axis)])
    };
    let column = graph.node_with("Transpose", "pilot_border_column", &[&row], swap());
    let top = concat(graph, "pilot_top", [&matrix, &column], 4);
    let bottom = concat(graph, "pilot_bottom", [&row, &corner], 4);
    let bordered = concat(graph, "pilot_bordered", [&top, &bottom], 3);
    graph.note("[K, batch, P, n + 1, n + 1]");
    let pivot = LARGEST_DETERMINANT.powf(1.0 / states as f64);
    let wanted = std::iter::repeat_n(pivot, states).chain([BORDER * BORDER]);
    let wanted = graph.floats("scaled_diagonal", &[states + 1], wanted, "[n + 1]: the diagonal of scaled matrices");
    let all = concat(graph, "pilot_whole_diagonal", [&diagonal, &corner], 4);
    let scale = graph.node("Div", "pilot_squared_scale", &[&wanted, &all]);
    let scale = graph.node("Sqrt", "pilot_scale", &[&scale]);
    graph.note("[K, batch, P, 1, n + 1]");
    let column = graph.node_with("Transpose", "pilot_scale_column", &[&scale], swap());
    let scale = graph.node("MatMul", "pilot_scales", &[&column, &scale]);
    let bordered = graph.node("Mul", "pilot_scaled", &[&bordered, &scale]);
    let (from, to) = (graph.integers("two_zeros", &[0, 0], ""), graph.integers("inner", &[states as i64; 2], ""));
    let axes = graph.integers("matrix_axes", &[-2, -1], "");
    let matrix = graph.node("Slice", "pilot_scaled_precision", &[&bordered, &from, &to, &axes]);
    let bordered = graph.node("Det", "pilot_bordered_determinant", &[&bordered]);
    let determinant = graph.node("Det", "pilot_determinant", &[&matrix]);
    graph.note("[K, batch, P]");

    let residual = graph.node("Div", "pilot_scaled_residual", &[&bordered, &determinant]);
    let corner = graph.node("Squeeze", "pilot_corner_scalar", &[&corner, &axes]);
    let corner_scale = graph.floats("inverse_border", &[], [BORDER.powi(-2)], "");
    let corner = graph.node("Mul", "pilot_corner_scale", &[&corner, &corner_scale]);
    let residual = graph.node("Mul", "pilot_residual_squares", &[&residual, &corner]);
    let volume = graph.node("Log", "pilot_log_determinant", &[&determinant]);
    let logarithms = graph.node("Log", "pilot_log_diagonal", &[&diagonal]);
    let logarithms = graph.node_with("ReduceSum", "pilot_log_scale", &[&logarithms, &axes], vec![int("keepdims", 0)]);
    let values = noise.iter().map(|value| value.precision.ln());
    let values = graph.floats("log_user_noise", &[noise.len(), 1, 1], values, "[K, 1, 1]: ln g");
    let counted = graph.node("Mul", "pilot_count_terms", &[&values, &sums.count]);
    let mut twice = counted;
    for (term, name) in [(&volume, "less_volume"), (&logarithms, "less_scale"), (&residual, "twice_log_likelihood")] {
        twice = graph.node("Sub", name, &[&twice, term]);
    }
    graph.note("[K, batch, P]");
    Some(average(graph, posterior, &twice))
}

/// Returns the mean of g from twice the logarithm of the likelihood of each value, [K, batch, P].
fn average(graph: &mut GraphBuilder, posterior: &Posterior, twice: &Value) -> Value {
    let noise = posterior.user_noise();
    let half = graph.floats("half", &[], [0.5], "");
    let likelihood = graph.node("Mul", "log_likelihood", &[twice, &half]);
    let probabilities = noise.iter().map(|value| value.probability.ln());
    let probabilities = graph.floats("log_probability", &[noise.len(), 1, 1], probabilities, "logarithms of the prior");
    let weights = graph.node("Add", "log_posterior", &[&likelihood, &probabilities]);
    let weights = graph.node_with("Softmax", "weights_by_pilot", &[&weights], vec![int("axis", 0)]);
    let axes = vec![ints("axes", &[2]), int("keepdims", 0)];
    let weights = graph.node_with("ReduceMean", "weights_by_value", &[&weights], axes);
    let weights = graph.node_with("Transpose", "weights", &[&weights], vec![ints("perm", &[1, 0])]);
    graph.note("[batch, K]");
    let table = noise.iter().flat_map(|value| [value.precision, 1.0 / value.precision]);
    let table = graph.floats("values_and_inverses", &[noise.len(), 2], table, "[K, 2]: g and 1 / g");
    let means = graph.node("MatMul", "mean_values", &[&weights, &table]);
    graph.note("[batch, 2]");
    let columns = graph.integers("second", &[1], "");
    let (first, second, end) = (graph.integers("first", &[0], ""), columns.clone(), graph.integers("end", &[2], ""));
    let inverse = graph.node("Slice", "noise_column", &[&means, &second, &end, &columns]);
    graph.node("Squeeze", tensors::NOISE, &[&inverse, &columns]);
    let mean = graph.node("Slice", "user_weight_column", &[&means, &first, &second, &columns]);
    let axes = graph.integers("matrix_dimensions", &[2, 3], "");
    let mean = graph.node("Unsqueeze", "user_weight", &[&mean, &axes]);
    graph.note("[batch, 1, 1, 1]");
    mean
}
