//! The names of the graphs' inputs and outputs.
//!
//! The encoder reads [`MOVIE`], [`RATING`] and [`WEIGHT`] and returns the state: [`MEAN`],
//! [`COVARIANCE`] and, in models with noise weights, [`NOISE`]. The scorer reads the state and
//! [`MOVIE`] and returns [`RATING`] and [`SPREAD`].
//! The learner reads the state, [`MOVIE`], [`RATING`] and [`WEIGHT`] and returns the [`next`]
//! state. The names are stored in every package, so they must not change.

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

/// Returns the changed state: the outputs of the learner under the names of what they replace.
pub fn next_state<T>(outputs: Vec<(String, T)>) -> Vec<(String, T)> {
    let next = |(name, tensor): (String, T)| Some((replaced(&name)?.to_owned(), tensor));
    outputs.into_iter().filter_map(next).collect()
}
