//! How ratings were held out and predicted.

use std::fmt;

use marquee_domain::{Rating, Timestamp};
use serde::{Deserialize, Serialize};

/// How the ratings of an evaluation were held out and predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The newest ratings are held out. Each is predicted and then learned by its user's state; the
    /// model stays the same.
    #[default]
    Prequential,
    /// Like [`Method::Prequential`], with a model that is fitted again after every so many ratings.
    Retrained {
        /// The number of ratings between two fits, at least.
        every: u64,
    },
    /// The ratings are divided into folds at random, and each fold is predicted from the others.
    /// Time plays no part, so predictions use ratings that were given later, and the errors are
    /// smaller than they would be in use.
    RandomFolds {
        /// The number of folds.
        folds: u32,
        /// The seed of the division.
        seed: u64,
    },
    /// Like [`Method::RandomFolds`], with the folds that a data set comes with.
    GivenFolds {
        /// The number of folds.
        folds: u32,
    },
}

impl Method {
    /// Returns whether each rating is predicted from earlier ones only.
    pub fn follows_time(self) -> bool {
        matches!(self, Self::Prequential | Self::Retrained { .. })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prequential => f.write_str("the newest ratings, each predicted and then learned"),
            Self::Retrained { every } => {
                write!(f, "the newest ratings, each predicted and then learned; fitted again every {every} ratings")
            }
            Self::RandomFolds { folds, seed } => {
                write!(f, "{folds} random folds (seed {seed}), without regard to time")
            }
            Self::GivenFolds { folds } => write!(f, "{folds} folds of the data set, without regard to time"),
        }
    }
}

/// The smallest number of ratings whose times can be told from the order of rows.
const FEWEST: usize = 20;

/// Returns whether the times of ratings say when they were given. If not, the newest ratings mean
/// nothing, and [`crate::kfold()`] must be used.
///
/// They do not if all are at one instant. An importer gives rows without a time one second after
/// the other, so they do not either if at least 99 % of the steps from one rating to the next in
/// time are of exactly one second. Recorded times have longer and shorter steps.
pub fn has_times(ratings: &[Rating]) -> bool {
    let mut times: Vec<Timestamp> = ratings.iter().map(|rating| rating.rated_at).collect();
    times.sort_unstable();
    let steps = times.len().saturating_sub(1);
    let is_one_instant = times.first() == times.last();
    let seconds = times.windows(2).filter(|pair| pair[0].micros().checked_add(1_000_000) == Some(pair[1].micros()));
    let is_row_order = times.len() >= FEWEST && seconds.count() * 100 >= steps * 99;
    !is_one_instant && !is_row_order
}

#[cfg(test)]
mod tests {
    use marquee_domain::{MovieId, UserId};

    use super::*;

    fn at(seconds: impl Iterator<Item = i64>) -> Vec<Rating> {
        let rating = |seconds| Rating {
            user: UserId::try_new("u").unwrap(),
            movie: MovieId::try_new("m").unwrap(),
            value: 3.0,
            rated_at: Timestamp::from_seconds(seconds),
        };
        seconds.map(rating).collect()
    }

    #[test]
    fn one_instant_and_the_order_of_rows_are_no_times() {
        assert!(!has_times(&at([].into_iter())) && !has_times(&at([5].into_iter())));
        assert!(!has_times(&at([5; 100].into_iter())));
        assert!(!has_times(&at((0..1_000).rev())));
        // A few rows were refused.
        assert!(!has_times(&at((0..1_000).filter(|second| second % 300 != 7))));
        assert!(has_times(&at((0..1_000).map(|n| n * n))));
        assert!(has_times(&at((0..1_000).map(|n| n / 2))));
        assert!(has_times(&at(0..3)), "three ratings may be a second apart");
    }

    #[test]
    fn a_method_says_what_it_is() {
        let random = Method::RandomFolds { folds: 5, seed: 1 };
        assert_eq!(random.to_string(), "5 random folds (seed 1), without regard to time");
        let json = serde_json::to_string(&random).unwrap();
        assert_eq!(json, r#"{"random_folds":{"folds":5,"seed":1}}"#);
        assert_eq!(serde_json::from_str::<Method>(&json).unwrap(), random);
    }
}
