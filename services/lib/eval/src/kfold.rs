//! Folds: each part of the ratings is predicted by a model that was fitted on the others.

use marquee_domain::Rating;
use marquee_fit::MovieIndex;
use marquee_posterior::Posterior;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::prequential::{Predictor, Then, collect, is_usable};
use crate::random::Random;
use crate::summary::errors;
use crate::tables::Tables;
use crate::{Evaluation, Method, Options, Outcome, PointErrors, has_times};

/// How ratings are divided into folds.
#[derive(Debug, Clone, Copy)]
pub enum Folds<'a> {
    /// At random, with sizes that differ by one at most.
    Random {
        /// The number of folds, at least 2.
        folds: u32,
        /// The seed. The same seed gives the same folds.
        seed: u64,
    },
    /// As given: the number of the fold in which each rating is predicted, from 0.
    Given(&'a [u32]),
}

/// Why folds have no result.
#[derive(Debug, Error)]
pub enum FoldError<E> {
    /// There are too few folds, or more than ratings.
    #[error("{folds} folds of {ratings} ratings: give 2 or more folds, and at most as many as ratings")]
    Count {
        /// The number of folds.
        folds: u64,
        /// The number of ratings that can be used.
        ratings: usize,
    },
    /// The numbers of the folds do not fit the ratings.
    #[error("{given} fold numbers for {ratings} ratings: give one for each rating")]
    Length {
        /// The number of fold numbers.
        given: usize,
        /// The number of ratings.
        ratings: usize,
    },
    /// A fold has no ratings.
    #[error("fold {0} has no ratings: number the folds from 0 without gaps")]
    Empty(u32),
    /// The model could not be fitted.
    #[error("the model for fold {fold} cannot be fitted")]
    Fit {
        /// The fold that was to be predicted.
        fold: u32,
        /// Why.
        #[source]
        source: E,
    },
}

/// What was measured on folds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KFold {
    /// How the ratings were divided.
    pub method: Method,
    /// Whether the ratings have times. With times, a prequential evaluation says more about a model
    /// in use.
    pub has_times: bool,
    /// The errors of each fold.
    pub folds: Vec<PointErrors>,
    /// The root mean squared error over the folds.
    pub rmse: MeanDeviation,
    /// The mean absolute error over the folds.
    pub mae: MeanDeviation,
    /// The figures of all folds together. Each rating was predicted once.
    pub pooled: Evaluation,
}

/// A figure over folds or seeds, in stars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanDeviation {
    /// The mean.
    pub mean: f64,
    /// The standard deviation, with the number of values minus 1. 0 for one value.
    pub deviation: f64,
}

impl MeanDeviation {
    /// Returns mean and deviation of the figures of each fold or seed. 0 without figures.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self { mean, deviation: (squares / values.len().saturating_sub(1).max(1) as f64).sqrt() }
    }
}

/// Predicts each fold with a model that `fit` makes from the ratings of the other folds. `fit` gets
/// the number of the fold, too.
///
/// The state of a user comes from their ratings in the other folds: the newest ones, by
/// [`crate::History`]. No rating of the fold is learned. Ratings that are not numbers or lie
/// outside the scale are in no fold. A pair of user and movie must not come twice.
///
/// # Errors
/// The folds do not fit the ratings, or `fit` failed.
pub fn kfold<E>(
    ratings: &[Rating],
    index: &MovieIndex,
    folds: Folds<'_>,
    options: &Options<'_>,
    mut fit: impl FnMut(u32, &[Rating]) -> Result<Posterior, E>,
) -> Result<KFold, FoldError<E>> {
    let usable: Vec<bool> = ratings.iter().map(|rating| is_usable(rating, options.scale)).collect();
    let (numbers, method) = numbers(folds, &usable)?;
    let count = match method {
        Method::RandomFolds { folds, .. } | Method::GivenFolds { folds } => folds,
        Method::Prequential | Method::Retrained { .. } => 0,
    };
    let tables = Tables::new(&[], ratings);
    let (mut list, mut by_fold): (Vec<Outcome>, Vec<PointErrors>) = (Vec::new(), Vec::new());
    for fold in 0..count {
        let part = |is_inside: bool| {
            let all = ratings.iter().zip(&numbers).zip(&usable);
            all.filter(move |((_, number), usable)| **usable && (**number == fold) == is_inside)
                .map(|((one, _), _)| one)
        };
        let steps = tables.steps(part(true));
        if steps.is_empty() {
            return Err(FoldError::Empty(fold));
        }
        let training: Vec<Rating> = part(false).cloned().collect();
        let posterior = fit(fold, &training).map_err(|source| FoldError::Fit { fold, source })?;
        let predictor = Predictor::new((&posterior, index), &tables, training.iter(), options);
        let outcomes = predictor.outcomes(&steps, Then::Forget);
        by_fold.push(errors(&outcomes, |outcome| outcome.predicted));
        list.extend(outcomes);
    }
    list.sort_unstable_by_key(|one| (one.user, one.at, one.movie));
    let left_out = usable.iter().filter(|usable| !**usable).count() as u64;
    Ok(KFold {
        method,
        has_times: has_times(ratings),
        rmse: MeanDeviation::of(by_fold.iter().map(|fold| fold.rmse)),
        mae: MeanDeviation::of(by_fold.iter().map(|fold| fold.mae)),
        folds: by_fold,
        pooled: collect(&tables, list, left_out, method).evaluation(options),
    })
}

/// Returns the fold of each rating.
fn numbers<E>(folds: Folds<'_>, usable: &[bool]) -> Result<(Vec<u32>, Method), FoldError<E>> {
    let count = usable.iter().filter(|usable| **usable).count();
    let check = |folds: u64| match (2..=count as u64).contains(&folds) {
        true => Ok(()),
        false => Err(FoldError::Count { folds, ratings: count }),
    };
    match folds {
        Folds::Random { folds, seed } => {
            check(folds.into())?;
            let mut order: Vec<usize> = (0..usable.len()).filter(|&at| usable[at]).collect();
            Random::new(seed, 0).shuffle(&mut order);
            let mut numbers = vec![0; usable.len()];
            order.into_iter().zip((0..folds).cycle()).for_each(|(at, fold)| numbers[at] = fold);
            Ok((numbers, Method::RandomFolds { folds, seed }))
        }
        Folds::Given(numbers) => {
            if numbers.len() != usable.len() {
                return Err(FoldError::Length { given: numbers.len(), ratings: usable.len() });
            }
            let folds = numbers.iter().max().map_or(0, |most| u64::from(*most) + 1);
            check(folds)?;
            Ok((numbers.to_vec(), Method::GivenFolds { folds: folds as u32 }))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use marquee_domain::Scale;

    use super::*;
    use crate::testing::{biases, index, rating};

    fn options() -> Options<'static> {
        Options::new(Scale::try_new(1.0, 5.0, 1.0).unwrap())
    }

    #[test]
    fn each_fold_is_predicted_from_the_others_and_learns_nothing() {
        // Fold 0: the users' x. Fold 1: their y.
        let ratings =
            [rating("a", "x", 5.0, 1), rating("a", "y", 4.0, 2), rating("b", "x", 1.0, 1), rating("b", "y", 3.0, 1)];
        let mut seen = Vec::new();
        let fit = |fold: u32, training: &[Rating]| {
            seen.push((fold, training.iter().map(|one| one.movie.as_str().to_owned()).collect::<Vec<_>>()));
            Ok::<_, Infallible>(biases(2, 0.0))
        };
        let result = kfold(&ratings, &index(&["x", "y"]), Folds::Given(&[0, 1, 0, 1]), &options(), fit).unwrap();
        let both = |movie: &str| vec![movie.to_owned(); 2];
        assert_eq!(seen, [(0, both("y")), (1, both("x"))]);
        // The state after one rating r is (r − 3) / 2, so a's x is predicted as 3.5 and b's as 3;
        // a's y as 4 and b's as 2.
        let squares = [(1.5f64.powi(2) + 4.0) / 2.0, 0.5];
        assert!(result.folds.iter().zip(squares).all(|(fold, square)| (fold.rmse - square.sqrt()).abs() < 1e-12));
        let mean = (squares[0].sqrt() + squares[1].sqrt()) / 2.0;
        assert!((result.rmse.mean - mean).abs() < 1e-12);
        assert!((result.rmse.deviation - (squares[0].sqrt() - squares[1].sqrt()) / 2f64.sqrt()).abs() < 1e-12);
        assert!((result.mae.mean - (1.75 + 0.5) / 2.0).abs() < 1e-12);
        assert_eq!((result.pooled.ratings, result.pooled.users, result.pooled.new_users), (4, 2, 0));
        assert!((result.pooled.rmse - ((squares[0] + squares[1]) / 2.0).sqrt()).abs() < 1e-12);
        assert_eq!((result.method, result.pooled.method), (Method::GivenFolds { folds: 2 }, result.method));
        assert_eq!(result.pooled.frozen_rmse, result.pooled.rmse, "nothing is learned");
        assert!(result.pooled.windows.is_empty());
    }

    #[test]
    fn random_folds_cover_every_rating_once_and_say_so() {
        let ratings: Vec<Rating> =
            (0..23).map(|n| rating(&format!("u{}", n % 5), &format!("m{n}"), f64::from(n % 5) + 1.0, 7)).collect();
        let movies: Vec<String> = (0..23).map(|n| format!("m{n}")).collect();
        let index = index(&movies.iter().map(String::as_str).collect::<Vec<_>>());
        let mut held_out = Vec::new();
        let mut fit = |_: u32, training: &[Rating]| {
            held_out.extend(ratings.iter().filter(|one| !training.contains(one)).cloned());
            assert!((23 - training.len()).abs_diff(5) <= 1, "{} ratings", training.len());
            Ok::<_, Infallible>(biases(23, 0.0))
        };
        let result = kfold(&ratings, &index, Folds::Random { folds: 5, seed: 3 }, &options(), &mut fit).unwrap();
        let again = kfold(&ratings, &index, Folds::Random { folds: 5, seed: 3 }, &options(), &mut fit).unwrap();
        assert_eq!(result, again);
        assert!(!result.has_times, "all ratings are of one instant");
        assert_eq!(result.method, Method::RandomFolds { folds: 5, seed: 3 });
        let other = kfold(&ratings, &index, Folds::Random { folds: 5, seed: 4 }, &options(), &mut fit).unwrap();
        assert_ne!(result.folds, other.folds);
        held_out.truncate(23);
        assert!(ratings.iter().all(|one| held_out.contains(one)));
    }

    #[test]
    fn folds_that_do_not_fit_are_refused_by_name() {
        let ratings = [rating("a", "x", 5.0, 1), rating("a", "y", f64::NAN, 2), rating("b", "x", 1.0, 1)];
        let index = index(&["x", "y"]);
        let run = |folds: Folds<'_>| {
            let fit = |fold: u32, _: &[Rating]| if fold < 7 { Err("no data") } else { Ok(biases(2, 0.0)) };
            kfold(&ratings, &index, folds, &options(), fit).unwrap_err().to_string()
        };
        let few = "folds of 2 ratings: give 2 or more folds, and at most as many as ratings";
        for folds in [0, 1, 3] {
            assert_eq!(run(Folds::Random { folds, seed: 0 }), format!("{folds} {few}"));
        }
        assert_eq!(run(Folds::Given(&[0, 1])), "2 fold numbers for 3 ratings: give one for each rating");
        assert_eq!(run(Folds::Given(&[0, 0, 0])), format!("1 {few}"));
        assert_eq!(run(Folds::Given(&[1, 0, 1])), "fold 0 has no ratings: number the folds from 0 without gaps");
        assert_eq!(run(Folds::Given(&[0, 0, 1])), "the model for fold 0 cannot be fitted");
    }

    #[test]
    fn ratings_off_the_scale_are_in_no_fold() {
        let ratings = [rating("a", "x", 5.0, 1), rating("a", "y", f64::NAN, 2), rating("b", "x", 1.0, 1)];
        let fit = |_: u32, training: &[Rating]| {
            assert_eq!(training.len(), 1);
            Ok::<_, Infallible>(biases(2, 0.0))
        };
        let folds = Folds::Random { folds: 2, seed: 0 };
        let result = kfold(&ratings, &index(&["x", "y"]), folds, &options(), fit).unwrap();
        assert_eq!((result.pooled.ratings, result.pooled.left_out), (2, 1));
    }
}
