//! The names of the graphs' inputs and outputs.
//!
//! The encoder reads [`MOVIE`], [`RATING`] and [`WEIGHT`] and returns the state: [`MEAN`],
//! [`COVARIANCE`] and, in models with noise weights, [`NOISE`]. The scorer reads the state and
//! [`MOVIE`] and returns [`RATING`] and [`SPREAD`].
//! The learner reads what it [carries](carried) from run to run, [`MOVIE`], [`RATING`] and
//! [`WEIGHT`], and returns the [`next`] of each carried tensor. A learner that carries the state
//! starts from that of the encoder. One that carries the sums over a history starts from zeros, and
//! returns the state beside them. The names are stored in every package, so they must not change.

use crate::signature::{GraphSignature, TensorSpec};

/// Index of a movie.
pub const MOVIE: &str = "movie";

/// Rating in stars: the user's in the encoder, the expected one in the scorer.
pub const RATING: &str = "rating";

/// Weight of an entry of a history: 1 for an entry, 0 for padding, and in the learner -1 for an
/// entry that is taken away.
pub const WEIGHT: &str = "weight";

/// Mean of a user's state.
pub const MEAN: &str = "mean";

/// Covariance of a user's state.
pub const COVARIANCE: &str = "covariance";

/// By how much the variance of the noise of a user's ratings is larger than usual.
pub const NOISE: &str = "noise";

/// Sum over a history: products of what is known of the movies.
pub const GRAM: &str = "gram";

/// Sum over a history: what is known of the movies, times what the ratings differ from them.
pub const EVIDENCE: &str = "evidence";

/// Sum over a history: the squares of what the ratings differ from the movies.
pub const SQUARES: &str = "squares";

/// Sum over a history: what having rated the movies adds to the prior.
pub const ADDITIONS: &str = "additions";

/// Sum over a history: the number of ratings.
pub const COUNT: &str = "count";

/// Standard deviation of a rating, in stars.
pub const SPREAD: &str = "spread";

/// Prefix of the names of the learner's outputs.
const NEXT: &str = "next_";

/// Returns the name of the learner's output that replaces a tensor of the state.
pub fn next(name: &str) -> String {
    format!("{NEXT}{name}")
}

/// Returns the name of the tensor of the state that an output of the learner replaces.
pub(crate) fn replaced(output: &str) -> Option<&str> {
    output.strip_prefix(NEXT)
}

/// Returns the tensors that a learner carries from run to run: those inputs that an output
/// replaces.
pub fn carried(learner: &GraphSignature) -> impl Iterator<Item = &TensorSpec> {
    let is_replaced =
        |input: &TensorSpec| learner.outputs.iter().any(|output| replaced(&output.name) == Some(&input.name));
    learner.inputs.iter().filter(move |input| is_replaced(input))
}

/// Returns the outputs of the learner under the names of what they replace. Outputs that replace
/// nothing keep their names.
pub fn next_state<T>(outputs: Vec<(String, T)>) -> Vec<(String, T)> {
    let rename = |(name, tensor): (String, T)| match replaced(&name) {
        Some(replaced) => (replaced.to_owned(), tensor),
        None => (name, tensor),
    };
    outputs.into_iter().map(rename).collect()
}
