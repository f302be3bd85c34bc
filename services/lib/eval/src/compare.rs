//! Compares two models on the same ratings: is the new one at most a little worse?

use marquee_domain::{MovieId, UserId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bootstrap::{quantile, resample};
use crate::power::{self, Power};
use crate::{Bootstrap, Outcome, Outcomes};

/// When a candidate counts as not worse than a reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NonInferiority {
    /// The largest difference of the root mean squared errors that does not matter, in stars.
    pub margin: f64,
    /// The probability, from 0.5 to 1, with which the candidate must be within the margin: 0.95 is
    /// usual.
    pub confidence: f64,
    /// The smallest number of users. With fewer, the candidate fails: a bound from a few users says
    /// little. At least 2.
    pub fewest_users: usize,
    /// How the bound is computed.
    pub bootstrap: Bootstrap,
}

impl Default for NonInferiority {
    fn default() -> Self {
        Self { margin: 0.005, confidence: 0.95, fewest_users: 10, bootstrap: Bootstrap::default() }
    }
}

/// How a candidate compares with a reference. Differences are the candidate's error minus that of
/// the reference: below 0, the candidate is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The number of ratings.
    pub ratings: u64,
    /// The number of users.
    pub users: u64,
    /// The mean difference of the squared errors, in square stars.
    pub squared: Difference,
    /// The difference of the root mean squared errors, in stars.
    pub rmse: Difference,
    /// The margin that was asked for, in stars.
    pub margin: f64,
    /// Whether the upper bound of `rmse` is at most the margin.
    pub passes: bool,
    /// How often a candidate that is exactly as good would pass. `None` with too few users, and in
    /// a file of an older version of this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<Power>,
}

/// A difference and its bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The difference.
    pub value: f64,
    /// The one-sided upper bound with the confidence that was asked for. `None` with too few users.
    pub upper: Option<f64>,
}

/// Why two models cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CompareError {
    /// The models did not predict the same number of ratings.
    #[error("{candidate} ratings of the candidate and {reference} of the reference: predict the same ratings")]
    Length {
        /// The number of ratings that the candidate predicted.
        candidate: usize,
        /// The number of ratings that the reference predicted.
        reference: usize,
    },
    /// The models did not predict the same ratings.
    #[error("rating {0} has another user, movie, time or value: predict the same ratings")]
    Rating(usize),
}

/// Compares the strict predictions of two models on the same ratings in pairs. The bound comes from
/// resamples of users (see [`Bootstrap`]): a rating that is hard to predict is hard for both
/// models, and cancels out.
///
/// Both models must be fitted on the same past. A published version has learned from the ratings
/// that are held out now, so fit its algorithm and parameters again on the past to compare with it.
///
/// A candidate without ratings, with too few users, or with a prediction that is not a number does
/// not pass.
///
/// # Errors
/// The two did not predict the same ratings.
pub fn compare(candidate: &Outcomes, reference: &Outcomes, rule: &NonInferiority) -> Result<Comparison, CompareError> {
    let by_user = paired_sums(candidate, reference)?;
    let total = Pairs::total(by_user.iter().map(|pairs| (pairs, 1.0)));
    let has_enough = by_user.len() >= rule.fewest_users.max(2);
    let drawn: Vec<[f64; 2]> = match has_enough {
        true => resample(by_user.len(), rule.bootstrap, |drawn| {
            Pairs::total(by_user.iter().zip(drawn.iter().copied())).differences()
        }),
        false => Vec::new(),
    };
    let [squared, rmse] = total.differences();
    let upper = |figure: usize| {
        // A prediction that is not a number must not vanish among the resamples.
        let values = drawn.iter().map(|one| one[figure]);
        quantile(values, rule.confidence).filter(|_| rmse.is_finite())
    };
    let rmse = Difference { value: rmse, upper: upper(1) };
    let power = power::of(drawn.iter().map(|one| one[1]), &rmse, by_user.len(), rule.margin);
    Ok(Comparison {
        ratings: total.count as u64,
        users: by_user.len() as u64,
        squared: Difference { value: squared, upper: upper(0) },
        rmse,
        margin: rule.margin,
        passes: rmse.upper.is_some_and(|upper| upper <= rule.margin),
        power,
    })
}

/// The squared errors of two models on the same ratings.
#[derive(Debug, Clone, Copy, Default)]
struct Pairs {
    count: f64,
    candidate: f64,
    reference: f64,
}

impl Pairs {
    fn total<'a>(weighted: impl Iterator<Item = (&'a Self, f64)>) -> Self {
        let mut total = Self::default();
        for (pairs, weight) in weighted {
            total.count += weight * pairs.count;
            total.candidate += weight * pairs.candidate;
            total.reference += weight * pairs.reference;
        }
        total
    }

    /// Returns the mean difference of the squares, and the difference of the roots of the means. 0
    /// without ratings.
    fn differences(self) -> [f64; 2] {
        let count = self.count.max(1.0);
        let (candidate, reference) = (self.candidate / count, self.reference / count);
        [candidate - reference, candidate.sqrt() - reference.sqrt()]
    }
}

fn paired_sums(candidate: &Outcomes, reference: &Outcomes) -> Result<Vec<Pairs>, CompareError> {
    let (ours, theirs) = (candidate.list(), reference.list());
    if ours.len() != theirs.len() {
        return Err(CompareError::Length { candidate: ours.len(), reference: theirs.len() });
    }
    let mut by_user: Vec<(u32, Pairs)> = Vec::new();
    for (place, (one, other)) in ours.iter().zip(theirs).enumerate() {
        let is_same = one.at == other.at && one.rating == other.rating && ids(candidate, one) == ids(reference, other);
        if !is_same {
            return Err(CompareError::Rating(place));
        }
        if by_user.last().is_none_or(|(user, _)| *user != one.user) {
            by_user.push((one.user, Pairs::default()));
        }
        if let Some((_, pairs)) = by_user.last_mut() {
            pairs.count += 1.0;
            pairs.candidate += one.error().powi(2);
            pairs.reference += other.error().powi(2);
        }
    }
    Ok(by_user.into_iter().map(|(_, pairs)| pairs).collect())
}

fn ids<'a>(all: &'a Outcomes, one: &Outcome) -> Option<(&'a UserId, &'a MovieId)> {
    Some((all.users().get(one.user as usize)?, all.movies().get(one.movie as usize)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{outcome, outcomes};

    /// 40 users with 5 ratings each. The errors of the reference are about 1; those of the
    /// candidate differ by `worse` and by noise.
    fn pair(worse: f64, noise: f64) -> (Outcomes, Outcomes) {
        let make = |extra: &dyn Fn(u32) -> f64| {
            let one = |n: u32| outcome(n / 5, n, 3.0, 4.0 + f64::from(n % 7) / 20.0 + extra(n));
            outcomes((0..200).map(one).collect())
        };
        let wave = |n: u32| (f64::from(n / 5) * 2.4).sin() * noise;
        (make(&|n| worse + wave(n)), make(&|_| 0.0))
    }

    fn passes(worse: f64, noise: f64) -> bool {
        let (candidate, reference) = pair(worse, noise);
        compare(&candidate, &reference, &NonInferiority::default()).unwrap().passes
    }

    #[test]
    fn a_candidate_passes_within_the_margin_and_fails_beyond_it() {
        assert!(passes(0.0, 0.0) && passes(-0.1, 0.05) && passes(0.004, 0.0));
        assert!(!passes(0.006, 0.0), "worse by more than the margin");
        assert!(!passes(0.0, 0.3), "worse where the users differ");
    }

    #[test]
    fn differences_are_those_of_the_errors() {
        let (candidate, reference) = pair(0.5, 0.0);
        let result = compare(&candidate, &reference, &NonInferiority::default()).unwrap();
        let rmse = |all: &Outcomes| (all.list().iter().map(|one| one.error().powi(2)).sum::<f64>() / 200.0).sqrt();
        assert!((result.rmse.value - rmse(&candidate) + rmse(&reference)).abs() < 1e-12);
        assert!((result.squared.value - rmse(&candidate).powi(2) + rmse(&reference).powi(2)).abs() < 1e-12);
        assert!(result.rmse.upper.unwrap() >= result.rmse.value);
        assert_eq!((result.ratings, result.users, result.passes), (200, 40, false));
        let exchanged = compare(&reference, &candidate, &NonInferiority::default()).unwrap();
        assert!(exchanged.passes && exchanged.rmse.value == -result.rmse.value);
    }

    #[test]
    fn too_few_users_never_pass() {
        let few = |users: u32| {
            let list = outcomes((0..users).map(|user| outcome(user, user, 3.0, 3.0)).collect());
            compare(&list, &list, &NonInferiority { fewest_users: 0, ..NonInferiority::default() }).unwrap()
        };
        for users in [0, 1] {
            let result = few(users);
            assert_eq!(
                (result.passes, result.rmse, result.users),
                (false, Difference { value: 0.0, upper: None }, users.into())
            );
        }
        assert!(few(2).passes);
        let list = outcomes((0..9).map(|user| outcome(user, user, 3.0, 3.0)).collect());
        assert!(!compare(&list, &list, &NonInferiority::default()).unwrap().passes);
    }

    #[test]
    fn a_prediction_that_is_not_a_number_does_not_pass() {
        let (mut candidate, reference) = pair(-0.5, 0.0);
        candidate.list[7].predicted = f64::NAN;
        let result = compare(&candidate, &reference, &NonInferiority::default()).unwrap();
        assert!(!result.passes && result.rmse.upper.is_none());
    }

    #[test]
    fn other_ratings_are_refused_by_place() {
        let (candidate, mut reference) = pair(0.0, 0.0);
        reference.list[3].rating = 2.0;
        assert_eq!(compare(&candidate, &reference, &NonInferiority::default()), Err(CompareError::Rating(3)));
        reference.list.pop();
        let lengths = CompareError::Length { candidate: 200, reference: 199 };
        assert_eq!(compare(&candidate, &reference, &NonInferiority::default()), Err(lengths));
    }
}
