//! Splits ratings into training and test data.
//!
//! By time, the test data of successive folds are successive blocks of the newest ratings, and each
//! is predicted from everything before it ("rolling origin", Tashman 2000). This is how a model
//! meets its users. Without times, the test data are random parts of equal size.

use std::borrow::Cow;
use std::ops::Range;

use marquee_domain::Rating;
use marquee_tune::Split;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use serde::Serialize;
use thiserror::Error;

/// What decides which ratings are test data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The newest ratings are.
    Time,
    /// Chance does.
    Random,
}

/// How ratings are split, once for the outer and once for the inner folds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Folds {
    /// The number of outer folds, at least 1.
    pub outer: usize,
    /// The number of inner folds in each outer fold, at least 1.
    pub inner: usize,
    /// The share of the ratings that are test data in one fold, above 0 and at most 0.5.
    pub share: f64,
    /// What decides which ratings are test data.
    pub order: Order,
}

/// Ratings of a fold, sorted by time.
pub(crate) type Part<'a> = Cow<'a, [Rating]>;

/// Why ratings cannot be split.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FoldError {
    /// A number of folds is 0.
    #[error("{0}: is 0; give at least 1")]
    NoFolds(&'static str),
    /// The share is out of range.
    #[error("holdout: is {0}; give a share above 0 and at most 0.5")]
    Share(f64),
    /// The folds take more than there is.
    #[error(
        "{name}: {folds} folds that hold out {share} of the ratings each leave less than a third of them to train on; give fewer folds or a smaller holdout"
    )]
    TooMany {
        /// Which folds.
        name: &'static str,
        /// Their number.
        folds: usize,
        /// The share.
        share: f64,
    },
    /// A fold has no ratings to train on or to judge.
    #[error(
        "{name}: fold {fold} has {train} ratings to train on and {test} to judge; give fewer folds, a larger holdout, or more data"
    )]
    Empty {
        /// Which folds.
        name: &'static str,
        /// The fold, from 1.
        fold: usize,
        /// The number of ratings to train on.
        train: usize,
        /// The number of ratings to judge.
        test: usize,
    },
}

impl Folds {
    /// Returns the outer folds.
    pub(crate) fn outer<'a>(&self, ratings: &'a [Rating], seed: u64) -> Result<Vec<Split<Part<'a>>>, FoldError> {
        self.split("folds", self.outer, ratings, seed)
    }

    /// Returns the inner folds of the training data of an outer fold.
    pub(crate) fn inner<'a>(&self, ratings: &'a [Rating], seed: u64) -> Result<Vec<Split<Part<'a>>>, FoldError> {
        self.split("inner", self.inner, ratings, seed.wrapping_add(1))
    }

    fn split<'a>(
        &self,
        name: &'static str,
        folds: usize,
        ratings: &'a [Rating],
        seed: u64,
    ) -> Result<Vec<Split<Part<'a>>>, FoldError> {
        let share = self.share;
        if folds == 0 {
            return Err(FoldError::NoFolds(name));
        }
        if !(share > 0.0 && share <= 0.5) {
            return Err(FoldError::Share(share));
        }
        let taken = folds as f64 * share;
        let is_too_much = match self.order {
            Order::Time => taken > 2.0 / 3.0,
            Order::Random => taken > 1.0 + 1e-9,
        };
        if is_too_much {
            return Err(FoldError::TooMany { name, folds, share });
        }
        let splits = match self.order {
            Order::Time => by_time(folds, share, ratings),
            Order::Random => at_random(folds, share, ratings, seed),
        };
        for (fold, split) in (1..).zip(&splits) {
            let (train, test) = (split.train.len(), split.test.len());
            if train == 0 || test == 0 {
                return Err(FoldError::Empty { name, fold, train, test });
            }
        }
        Ok(splits)
    }
}

/// Returns folds whose test data are successive blocks. Ratings of one instant stay together, in
/// the training data.
fn by_time<'a>(folds: usize, share: f64, ratings: &'a [Rating]) -> Vec<Split<Part<'a>>> {
    let cut = |left: usize| {
        let wanted = (ratings.len() as f64 * (1.0 - share * left as f64)).round() as usize;
        let Some(last) = wanted.min(ratings.len()).checked_sub(1).and_then(|index| ratings.get(index)) else {
            return 0;
        };
        ratings.partition_point(|rating| rating.rated_at <= last.rated_at)
    };
    let block = |fold: usize| {
        let Range { start, end } = cut(folds - fold)..cut(folds - fold - 1);
        Split { train: Cow::Borrowed(&ratings[..start]), test: Cow::Borrowed(&ratings[start..end.max(start)]) }
    };
    (0..folds).map(block).collect()
}

/// Returns folds with disjoint random test data.
fn at_random<'a>(folds: usize, share: f64, ratings: &'a [Rating], seed: u64) -> Vec<Split<Part<'a>>> {
    let mut order: Vec<usize> = (0..ratings.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let at = |fold: usize| ((ratings.len() as f64 * share * fold as f64).round() as usize).min(ratings.len());
    let part = |fold: usize| {
        let mut is_test = vec![false; ratings.len()];
        order[at(fold)..at(fold + 1)].iter().for_each(|&index| is_test[index] = true);
        let chosen = |wanted: bool| {
            let all = ratings.iter().zip(&is_test);
            Cow::Owned(all.filter(|(_, is_test)| **is_test == wanted).map(|(rating, _)| rating.clone()).collect())
        };
        Split { train: chosen(false), test: chosen(true) }
    };
    (0..folds).map(part).collect()
}

#[cfg(test)]
mod tests {
    use marquee_domain::{MovieId, Timestamp, UserId};

    use super::*;

    fn ratings(seconds: impl Iterator<Item = i64>) -> Vec<Rating> {
        let rating = |(index, seconds): (usize, i64)| Rating {
            user: UserId::try_new(&format!("u{index}")).expect("valid"),
            movie: MovieId::try_new("m").expect("valid"),
            value: 3.0,
            rated_at: Timestamp::from_seconds(seconds),
        };
        seconds.enumerate().map(rating).collect()
    }

    const FOLDS: Folds = Folds { outer: 3, inner: 2, share: 0.1, order: Order::Time };

    #[test]
    fn by_time_nothing_is_predicted_from_its_future_and_no_rating_is_judged_twice() {
        let ratings = ratings((0..100).map(|index| index / 3));
        let splits = FOLDS.outer(&ratings, 1).expect("folds");
        assert_eq!(splits.len(), 3);
        let mut before = 0;
        for split in &splits {
            let last = split.train.last().expect("ratings").rated_at;
            assert!(split.test.iter().all(|rating| rating.rated_at > last));
            assert!(split.train.len() >= before && (5..=15).contains(&split.test.len()));
            before = split.train.len() + split.test.len();
        }
        assert_eq!(before, 100, "the newest ratings are judged");
    }

    #[test]
    fn at_random_every_rating_is_in_one_part_and_test_data_are_disjoint() {
        let ratings = ratings(0..101);
        let folds = Folds { outer: 10, order: Order::Random, ..FOLDS };
        let splits = folds.outer(&ratings, 7).expect("folds");
        let mut judged: Vec<Rating> = splits.iter().flat_map(|split| split.test.to_vec()).collect();
        judged.sort_by_key(|one| one.rated_at);
        assert_eq!(judged, ratings);
        for split in &splits {
            assert_eq!(split.train.len() + split.test.len(), 101);
            assert!(split.train.is_sorted_by_key(|rating| rating.rated_at));
            assert!(split.train.iter().all(|rating| !split.test.contains(rating)));
        }
        let users = |splits: &[Split<Part<'_>>]| splits[0].test.iter().map(|r| r.user.clone()).collect::<Vec<_>>();
        assert_eq!(users(&splits), users(&folds.outer(&ratings, 7).expect("folds")));
        assert_ne!(users(&splits), users(&folds.outer(&ratings, 8).expect("folds")));
    }

    #[test]
    fn folds_that_cannot_be_made_are_refused() {
        let many = ratings(0..100);
        let same_time = ratings(std::iter::repeat_n(5, 50));
        for (folds, ratings, words) in [
            (Folds { outer: 0, ..FOLDS }, &many, "folds: is 0"),
            (Folds { share: 0.0, ..FOLDS }, &many, "holdout: is 0"),
            (Folds { share: f64::NAN, ..FOLDS }, &many, "holdout: is NaN"),
            (Folds { share: 0.3, ..FOLDS }, &many, "folds: 3 folds"),
            (Folds { outer: 11, order: Order::Random, ..FOLDS }, &many, "folds: 11 folds"),
            (FOLDS, &Vec::new(), "fold 1 has 0 ratings"),
            (FOLDS, &same_time, "and 0 to judge"),
        ] {
            let error = folds.outer(ratings, 1).expect_err(words).to_string();
            assert!(error.contains(words), "{words} is not in {error}");
        }
        let error = Folds { inner: 0, ..FOLDS }.inner(&many, 1).expect_err("no folds").to_string();
        assert!(error.starts_with("inner: is 0"), "{error}");
    }
}
