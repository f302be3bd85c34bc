//! The encoder: computes the state of a user from the user's history.

use marquee_posterior::Posterior;

use super::graph::GraphBuilder;
use super::state::{State, solve};
use super::sums::{Ratings, sums};
use super::{GraphError, OnnxGraph, check};

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
    let ratings = Ratings::declare(&mut graph, false);
    let sums = sums(&mut graph, posterior, &ratings);
    solve(&mut graph, posterior, &sums);
    State::of(posterior).output(&mut graph);
    let (bytes, signature) = graph.finish();
    Ok(OnnxGraph { bytes, signature })
}
