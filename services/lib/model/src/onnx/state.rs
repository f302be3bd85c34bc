//! The state of a user, from the sums over the user's ratings: for each posterior sample, the exact
//! conditional mean, and the covariance for the mean noise of the user.
//!
//! A = alpha Σ g_j x xᵀ + diag(prior precision) and b = prior precision ∘ prior mean + alpha Σ g_j
//! x (r − offset − B). Then mean = A⁻¹ b (Salakhutdinov and Mnih, "Bayesian Probabilistic Matrix
//! Factorization using MCMC", 2008, eq. 11), and covariance = h A⁻¹, where h is the noise of the
//! user. In a model without noise weights h and all g are 1. In a model with sets, the prior mean
//! also has the sum of what the rated movies add, divided by the square root of their number.

use marquee_posterior::{Posterior, Sample};

use super::BATCH;
use super::graph::{GraphBuilder, Value, int};
use super::inverse::{Precision, invert};
use super::noise::noise;
use super::sums::{Sums, has_noise};
use crate::signature::{Dim, Dtype, TensorSpec};
use crate::tensors;

/// The tensors of a user's state. The encoder returns them and the scorer reads them.
pub(super) struct State {
    pub(super) mean: TensorSpec,
    pub(super) covariance: TensorSpec,
    pub(super) noise: Option<TensorSpec>,
}

impl State {
    /// Returns the tensors of a user's state.
    pub(super) fn of(posterior: &Posterior) -> Self {
        let (samples, states) = (Dim::Fixed(posterior.samples.len() as u64), Dim::Fixed(posterior.factors as u64 + 1));
        let mean = vec![Dim::named(BATCH), samples.clone(), states.clone()];
        let covariance = vec![Dim::named(BATCH), samples, states.clone(), states];
        Self {
            mean: TensorSpec::new(tensors::MEAN, Dtype::Float32, mean),
            covariance: TensorSpec::new(tensors::COVARIANCE, Dtype::Float32, covariance),
            noise: has_noise(posterior)
                .then(|| TensorSpec::new(tensors::NOISE, Dtype::Float32, vec![Dim::named(BATCH)])),
        }
    }

    /// Declares the tensors as outputs.
    pub(super) fn output(self, graph: &mut GraphBuilder) {
        graph.output(self.mean, "mean of the user's state; its first coordinate is the user's bias");
        graph.output(self.covariance, "covariance of the user's state");
        if let Some(noise) = self.noise {
            graph.output(noise, "variance of the noise of the user's ratings, relative to the usual one");
        }
    }
}

/// The prior of a user.
pub(super) struct Prior {
    /// The diagonal of the precision, [1, S, 1, n].
    precision: Value,
    /// Precision times mean: [1, S, 1, n], or [batch, S, 1, n] where there are sets.
    target: Value,
}

/// Writes the state.
pub(super) fn solve(graph: &mut GraphBuilder, posterior: &Posterior, sums: &Sums) {
    let (samples, states) = (posterior.samples.len(), posterior.factors + 1);
    let prior = prior(graph, posterior, sums);
    let shape = graph.integers("shape_of_flat_gram", &[0, samples as i64, 1, (states * states) as i64], "");
    let flat = graph.node("Reshape", "flat_gram", &[&sums.gram, &shape]);
    let entries: Vec<i64> = (0..states).map(|at| (at * (states + 1)) as i64).collect();
    let entries = graph.integers("diagonal_entries", &entries, "");
    let diagonal = graph.node_with("Gather", "gram_diagonal", &[&flat, &entries], vec![int("axis", 3)]);
    graph.note("[batch, S, 1, n]");

    let target = graph.node("Add", "target", &[&sums.evidence, &prior.target]);
    let precision = Precision { gram: sums.gram.clone(), diagonal, prior: prior.precision, size: (samples, states) };
    let usual = if has_noise(posterior) { "usual_covariance" } else { tensors::COVARIANCE };
    let covariance = invert(graph, usual, &precision);
    let mean = graph.node("MatMul", "mean_row", &[&target, &covariance]);
    graph.note("[batch, S, 1, n]");
    let row_axis = graph.integers("row_axis", &[2], "");
    graph.node("Squeeze", tensors::MEAN, &[&mean, &row_axis]);
    if let Some(noise) = noise(graph, posterior, sums, [&prior.target, &target, &mean]) {
        graph.node("Mul", tensors::COVARIANCE, &[&covariance, &noise]);
    }
}

fn prior(graph: &mut GraphBuilder, posterior: &Posterior, sums: &Sums) -> Prior {
    let shape = [1, posterior.samples.len(), 1, posterior.factors + 1];
    let precision = posterior.samples.iter().flat_map(|sample| sample.prior_precision.iter().copied());
    let precision = graph.floats("prior_precision", &shape, precision, "[1, S, 1, n]");
    let pull = |sample: &Sample| -> Vec<f64> {
        sample.prior_precision.iter().zip(&sample.prior_mean).map(|(precision, mean)| precision * mean).collect()
    };
    let target = posterior.samples.iter().flat_map(pull);
    let target = graph.floats("prior_target", &shape, target, "[1, S, 1, n]: prior precision times prior mean");
    let Some(additions) = &sums.additions else { return Prior { precision, target } };
    let one = graph.floats("one", &[], [1.0], "");
    let axes = graph.integers("matrix_dimensions", &[2, 3], "");
    let size = graph.node("Max", "size", &[&sums.count, &one]);
    let size = graph.node("Sqrt", "root_of_size", &[&size]);
    let size = graph.node("Unsqueeze", "root_of_size_scalar", &[&size, &axes]);
    let shift = graph.node("Div", "prior_shift", &[additions, &size]);
    let shift = graph.node("Mul", "prior_shift_target", &[&shift, &precision]);
    let target = graph.node("Add", "moved_prior_target", &[&target, &shift]);
    Prior { precision, target }
}
