//! How an evaluation is made, and what is known about movies and users besides ratings.

use std::collections::{BTreeMap, HashMap};

use marquee_domain::{MovieId, Scale, UserId};

/// The newest ratings of a user that serving uses (the default of `feature_store.history`).
const SERVED_HISTORY: usize = 500;

/// How an evaluation is made.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// The rating scale. Predictions are clipped to it, and ratings outside of it are left out.
    pub scale: Scale,
    /// Which ratings of a user a prediction uses.
    pub history: History,
    /// The smallest rating, in stars, that says that the user liked the movie.
    pub like: f64,
    /// How intervals are computed.
    pub bootstrap: Bootstrap,
    /// How far the interval of a slice must be from 0, in stars, before the slice counts as biased.
    pub bias_margin: f64,
    /// The number of windows of the future, at most.
    pub windows: usize,
    /// What is known about movies and users besides ratings.
    pub attributes: Option<&'a Attributes>,
}

impl Options<'_> {
    /// Returns the options for a scale: the history of serving, a like from 70 % of the scale on (4
    /// of 1 to 5 stars), 1,000 resamples, a margin of 1/80 of the scale (0.05 of 1 to 5 stars), and
    /// 20 windows.
    #[must_use]
    pub fn new(scale: Scale) -> Self {
        Self {
            scale,
            history: History::default(),
            like: like_threshold(scale),
            bootstrap: Bootstrap::default(),
            bias_margin: (scale.max() - scale.min()) / 80.0,
            windows: 20,
            attributes: None,
        }
    }

    /// Returns the same without intervals, which take time, and without slices by attribute.
    #[must_use]
    pub fn without_intervals(&self) -> Self {
        Self { bootstrap: Bootstrap { resamples: 0, ..self.bootstrap }, attributes: None, ..self.clone() }
    }
}

/// Returns the smallest level of a scale that is at least 70 % of the way from its minimum to its
/// maximum.
fn like_threshold(scale: Scale) -> f64 {
    let steps = 0.7 * (scale.max() - scale.min()) / scale.resolution();
    // A level that rounding puts a little below 70 % counts.
    scale.min() + (steps - 1e-9).ceil() * scale.resolution()
}

/// Which ratings of a user a prediction uses: the newest, as in serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// The number of ratings.
    pub limit: usize,
}

impl Default for History {
    fn default() -> Self {
        Self { limit: SERVED_HISTORY }
    }
}

/// How the intervals of figures are computed: users are drawn with replacement, as many as there
/// are, and each drawn user brings all of their ratings (the cluster bootstrap; Efron & Tibshirani,
/// "An introduction to the bootstrap", 1993, ch. 8). Ratings of one user are not independent, so
/// drawing ratings would give intervals that are too narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    /// The number of resamples.
    pub resamples: usize,
    /// The seed. The same seed gives the same intervals.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 1_000, seed: 0 }
    }
}

/// What is known about movies and users besides ratings.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    /// The genres of movies.
    pub genres: HashMap<MovieId, Vec<String>>,
    /// Groups of users by the name of the attribute: for example `gender`, and the value of each
    /// user who has one.
    pub groups: BTreeMap<String, HashMap<UserId, String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_like_begins_at_70_percent_of_the_scale() {
        for ((min, max, step), like) in [
            ((1.0, 5.0, 1.0), 4.0),
            ((0.5, 5.0, 0.5), 4.0),
            ((0.0, 100.0, 10.0), 70.0),
            ((0.0, 1.0, 1.0), 1.0),
            ((1.0, 10.0, 1.0), 8.0),
        ] {
            let threshold = like_threshold(Scale::try_new(min, max, step).unwrap());
            assert!((threshold - like).abs() < 1e-9, "{threshold} of {min} to {max}");
        }
    }
}
