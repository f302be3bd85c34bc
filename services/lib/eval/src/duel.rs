//! Compares versions of a model on the ratings that arrive: predict, then learn.
//!
//! Every version predicts the same rating from the same history, so two versions are compared in
//! pairs: the difference of their errors on one rating varies far less than the errors themselves.
//! A [`Tally`] holds sums of the errors of one version, or of the differences of two, by slice of
//! the ratings. The sums are integers, so tallies of disjoint sets of ratings merge exactly, in any
//! order.
//!
//! The monitor keeps tallies in its store. [`replay()`] makes the same tallies from a list of
//! events.
//!
//! **Invariant:** the live duel and a replay of the same events agree
//! (`the_live_duel_is_the_replay_of_the_log`, a test of the monitor).

mod hours;
mod live;
mod popularity;
mod replay;
mod slice;
mod stored;
mod sums;

use std::collections::BTreeMap;

use marquee_domain::{Timestamp, Version};

use self::sums::root_difference;
use crate::normal::log_score;

pub use hours::{HOURS_KEPT, Hour};
pub use live::LiveTally;
pub use popularity::{Popularity, Tercile};
pub use replay::{Predict, Replay, Replayed, replay};
pub use slice::{Case, Slice};
pub use stored::StoredError;
pub use sums::{Interval, Sums};

/// What a version predicts for a rating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The expected rating in stars, clipped to the scale.
    pub rating: f64,
    /// The standard deviation in stars. `None` for a movie that the version does not know.
    pub spread: Option<f64>,
}

/// How wrong a prediction was. All measures are smaller for a better prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The squared error in square stars.
    pub squared: f64,
    /// The absolute error in stars.
    pub absolute: f64,
    /// Minus the log density of the rating under the predicted normal distribution, in nats. `None`
    /// without a spread.
    pub log: Option<f64>,
}

impl Score {
    /// Returns the score of a prediction. Returns `None` if the prediction is not a finite number.
    pub fn of(prediction: Prediction, rating: f64) -> Option<Self> {
        let error = prediction.rating - rating;
        let spread = prediction.spread.filter(|spread| spread.is_finite() && *spread > 0.0);
        let log = spread.map(|spread| log_score(error, spread));
        error.is_finite().then(|| Self { squared: error * error, absolute: error.abs(), log })
    }
}

/// Sums of the errors of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Errors {
    /// Sums of the squared errors.
    pub squared: Sums,
    /// Sums of the absolute errors.
    pub absolute: Sums,
    /// Sums of the log scores.
    pub log: Sums,
}

/// Sums over the ratings that two versions predicted. A difference is the score of the other
/// version minus that of the stable one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Differences {
    /// Sums of the differences of the squared errors.
    pub squared: Sums,
    /// Sums of the differences of the absolute errors.
    pub absolute: Sums,
    /// Sums of the differences of the log scores, where both versions have one.
    pub log: Sums,
    /// The errors of the stable version on these ratings.
    pub stable: Errors,
    /// The errors of the other version on these ratings.
    pub other: Errors,
    /// Ratings that only the other version predicted. They are not in the sums.
    pub stable_failures: u64,
    /// Ratings that only the stable version predicted. They are not in the sums.
    pub other_failures: u64,
}

/// Sums that can be added up.
pub trait Mergeable: Copy + Default {
    /// What one rating adds.
    type Item: Copy;

    /// Returns the sums of one rating.
    fn of(item: Self::Item) -> Self;

    /// Returns the sums of two disjoint sets of ratings together.
    #[must_use]
    fn merged(self, other: Self) -> Self;
}

impl Mergeable for Errors {
    type Item = Score;

    fn of(score: Score) -> Self {
        Self {
            squared: Sums::of(score.squared),
            absolute: Sums::of(score.absolute),
            log: score.log.map(Sums::of).unwrap_or_default(),
        }
    }

    fn merged(self, other: Self) -> Self {
        Self {
            squared: self.squared.merged(other.squared),
            absolute: self.absolute.merged(other.absolute),
            log: self.log.merged(other.log),
        }
    }
}

impl Mergeable for Differences {
    /// The scores of the stable and of the other version. `None` where a version failed.
    type Item = (Option<Score>, Option<Score>);

    fn of(scores: (Option<Score>, Option<Score>)) -> Self {
        let (Some(stable), Some(other)) = scores else {
            let failures = |failed: bool| u64::from(failed);
            return Self {
                stable_failures: failures(scores.0.is_none() && scores.1.is_some()),
                other_failures: failures(scores.1.is_none() && scores.0.is_some()),
                ..Self::default()
            };
        };
        let log = stable.log.zip(other.log).map(|(stable, other)| Sums::of(other - stable));
        Self {
            squared: Sums::of(other.squared - stable.squared),
            absolute: Sums::of(other.absolute - stable.absolute),
            log: log.unwrap_or_default(),
            stable: Errors::of(stable),
            other: Errors::of(other),
            ..Self::default()
        }
    }

    fn merged(self, other: Self) -> Self {
        Self {
            squared: self.squared.merged(other.squared),
            absolute: self.absolute.merged(other.absolute),
            log: self.log.merged(other.log),
            stable: self.stable.merged(other.stable),
            other: self.other.merged(other.other),
            stable_failures: self.stable_failures.saturating_add(other.stable_failures),
            other_failures: self.other_failures.saturating_add(other.other_failures),
        }
    }
}

impl Differences {
    /// Returns the same sums with the two versions exchanged.
    #[must_use]
    pub fn exchanged(self) -> Self {
        Self {
            squared: self.squared.negated(),
            absolute: self.absolute.negated(),
            log: self.log.negated(),
            stable: self.other,
            other: self.stable,
            stable_failures: self.other_failures,
            other_failures: self.stable_failures,
        }
    }

    /// Returns the difference of the root mean squared errors in stars. Returns `None` with fewer
    /// than two ratings.
    pub fn rmse(&self) -> Option<Interval> {
        root_difference(self.squared, self.stable.squared, self.other.squared)
    }
}

/// Sums by slice of the ratings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally<T> {
    slices: BTreeMap<Slice, T>,
    newest: Option<Timestamp>,
    /// What a newer version of this program stored with it.
    unknown: stored::Unknown,
}

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Self { slices: BTreeMap::new(), newest: None, unknown: stored::Unknown::default() }
    }
}

impl<T: Mergeable> Tally<T> {
    /// Adds a rating that arrived at a time to the slices that it belongs to.
    pub fn add(&mut self, slices: &[Slice], arrived: Timestamp, item: T::Item) {
        let one = T::of(item);
        for slice in slices {
            let is_known = self.slices.contains_key(slice);
            let slice = if is_known { slice.clone() } else { slice.within_limit(self.slices.len()) };
            let sums = self.slices.entry(slice).or_default();
            *sums = sums.merged(one);
        }
        self.newest = self.newest.max(Some(arrived));
    }

    /// Adds the sums of other ratings.
    pub fn merge(&mut self, other: &Self) {
        for (slice, sums) in &other.slices {
            let own = self.slices.entry(slice.clone()).or_default();
            *own = own.merged(*sums);
        }
        self.newest = self.newest.max(other.newest);
    }

    /// Returns the sums of a slice; zero if it has no ratings.
    pub fn slice(&self, slice: &Slice) -> T {
        self.slices.get(slice).copied().unwrap_or_default()
    }

    /// Returns the sums of every slice that has ratings, in the order of the names.
    pub fn slices(&self) -> impl Iterator<Item = (&Slice, &T)> {
        self.slices.iter()
    }

    /// Returns when the newest rating arrived.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }
}

/// Two versions, the older one first, and their scores.
pub type ScoredPair = ((Version, Version), (Option<Score>, Option<Score>));

/// Returns every pair of versions of which at least one has a score. The older version is the
/// stable one. `None` is a version that failed.
pub fn pairs(scores: &BTreeMap<Version, Option<Score>>) -> impl Iterator<Item = ScoredPair> {
    let all = scores.iter().enumerate().flat_map(|(at, (stable, first))| {
        scores.iter().skip(at + 1).map(move |(other, second)| ((*stable, *other), (*first, *second)))
    });
    all.filter(|(_, (stable, other))| stable.is_some() || other.is_some())
}

/// Returns whether an event gave a rating that is new, by the times of the rating of the movie that
/// counted before and that counts now. A rating that is sent again has the same time.
pub fn is_new_rating(before: Option<Timestamp>, now: Option<Timestamp>) -> bool {
    now.is_some() && before != now
}

#[cfg(test)]
mod tests;
