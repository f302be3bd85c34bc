//! The learner: changes a user's state by some ratings, so that the history need not be read again.
//!
//! There are two kinds. A rating of a plain model changes the covariance by a product of two
//! vectors, so [`rank_one`] goes from state to state. In a model with noise weights or with sets of
//! rated movies, a rating moves the noise of the user or the prior, and with them everything. There
//! the learner carries the sums from which the state follows, and solves again. Many users go
//! through the graph together, and the history is not read, so this costs a fraction of an encoder
//! run.

use marquee_posterior::Posterior;

use super::graph::GraphBuilder;
use super::state::{State, solve};
use super::sums::{Ratings, has_noise, has_sets, shapes, sums};
use super::{GraphError, OnnxGraph, check, rank_one};
use crate::signature::TensorSpec;
use crate::tensors;

/// Writes the learner graph of a posterior with S samples, where n = factors + 1.
///
/// A plain model: the inputs are `mean` float32 [batch, S, n] and `covariance` float32 [batch, S,
/// n, n], as the encoder returns them; `movie` int64 `[batch]`; `rating` float32 `[batch]`, in
/// stars; `weight` float32 `[batch]`, 1 to add the rating, −1 to take away a rating that the state
/// contains, 0 to keep the state. The outputs are `next_mean` and `next_covariance`, with the
/// shapes of `mean` and `covariance`.
///
/// A model with noise weights or sets: the inputs are the sums over the history, which are zeros
/// for an empty history; `movie`, `rating` and `weight` [batch, history], for any number of
/// ratings, with the same weights. The sums are `gram` [batch, S, n, n], `evidence` [batch, S, 1,
/// n], `count` [batch, 1], with noise weights `squares` [batch, P, 1, 1], and with sets `additions`
/// [batch, S, 1, n]. The outputs are the changed sums, with `next_` before their names, and the
/// state, as the encoder returns it.
///
/// **Invariant:** the state equals the one that the encoder computes from the changed history, up
/// to rounding (held by `learning_and_forgetting_equal_encoding_again` in `marquee-onnx`).
///
/// # Errors
/// The posterior is inconsistent or too large; see [`GraphError`].
pub fn write_learner(posterior: &Posterior) -> Result<OnnxGraph, GraphError> {
    check(posterior)?;
    if !has_noise(posterior) && !has_sets(posterior) {
        return Ok(rank_one::write(posterior));
    }
    let mut graph = GraphBuilder::new("learner", "sums over a history and ratings -> sums and user's state");
    let mut before = Vec::new();
    for spec in shapes(posterior) {
        let value = graph.input(spec.clone(), "sum over the history");
        before.push((spec, value));
    }
    let ratings = Ratings::declare(&mut graph, true);
    let sums = sums(&mut graph, posterior, &ratings).add(&mut graph, &before);
    solve(&mut graph, posterior, &sums);
    for (spec, _) in before {
        let name = tensors::next(&spec.name);
        graph.output(TensorSpec { name, ..spec }, "sum over the changed history");
    }
    State::of(posterior).output(&mut graph);
    let (bytes, signature) = graph.finish();
    Ok(OnnxGraph { bytes, signature })
}
