//! How often a comparison refuses a candidate that is exactly as good as its reference, and how
//! many users it would take to refuse that seldom.
//!
//! The upper bound of a difference is above the difference by what chance may have done. With few
//! users that alone can be more than the margin, and then most candidates are refused, whatever
//! they are worth. A reader of the verdict must know whether it says something about the candidate.

use serde::{Deserialize, Serialize};

use crate::Difference;
use crate::bootstrap::quantile;

/// How often a candidate that is exactly as good must pass before a comparison counts as able to
/// tell. This is the usual power of a study (Cohen, "Statistical power analysis for the behavioral
/// sciences", 1988, ch. 2).
const USUAL: f64 = 0.8;

/// What a comparison of this many users can tell, by the same resamples as its bound. The
/// differences between the users are taken as they are, and the difference of the models as 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// The probability that a candidate passes that is exactly as good as the reference.
    pub equal_passes: f64,
    /// With about how many users such a candidate passes in four of five cases.
    pub users_needed: u64,
}

/// Returns the power of a comparison from its resampled differences, or `None` without a bound.
pub(crate) fn of(drawn: impl Iterator<Item = f64>, rmse: &Difference, users: usize, margin: f64) -> Option<Power> {
    let above = rmse.upper? - rmse.value;
    // Where the difference is 0, the measured one is as far from 0 as a resample is from the
    // measured one.
    let chance: Vec<f64> = drawn.map(|one| one - rmse.value).filter(|one| one.is_finite()).collect();
    let passing = chance.iter().filter(|one| **one + above <= margin).count();
    let farthest = above + quantile(chance.iter().copied(), USUAL)?;
    // Both shrink with the root of the number of users.
    let needed = (users as f64 * (farthest.max(0.0) / margin).powi(2)).ceil().max(2.0);
    Some(Power { equal_passes: passing as f64 / chance.len() as f64, users_needed: needed as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::testing::{outcome, outcomes};
    use crate::{Bootstrap, Comparison, NonInferiority, compare};

    /// Returns a number from −1 to 1.
    fn number(random: &mut Random) -> f64 {
        random.below(2_000_001) as f64 / 1e6 - 1.0
    }

    /// Compares two models that are equally good on users at random, with 5 ratings each. On each
    /// user, one of them is better by chance.
    fn compared(users: u32, seed: u64) -> Comparison {
        let mut random = Random::new(seed, users.into());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for user in 0..users {
            let luck = 0.1 * number(&mut random);
            for place in 0..5 {
                let (movie, error) = (user * 5 + place, number(&mut random));
                ours.push(outcome(user, movie, 3.0, 3.0 + error * (1.0 + luck)));
                theirs.push(outcome(user, movie, 3.0, 3.0 + error * (1.0 - luck)));
            }
        }
        let bootstrap = Bootstrap { resamples: 300, seed };
        let rule = NonInferiority { margin: 0.01, bootstrap, ..NonInferiority::default() };
        compare(&outcomes(ours), &outcomes(theirs), &rule).unwrap()
    }

    /// Returns how often equal models pass, and the means of what the comparisons say about that.
    fn simulated(users: u32) -> (f64, f64, f64) {
        let runs = 200;
        let all: Vec<Comparison> = (0..runs).map(|seed| compared(users, seed)).collect();
        let mean = |value: &dyn Fn(&Comparison) -> f64| all.iter().map(value).sum::<f64>() / runs as f64;
        (
            mean(&|one| f64::from(u8::from(one.passes))),
            mean(&|one| one.power.unwrap().equal_passes),
            mean(&|one| one.power.unwrap().users_needed as f64),
        )
    }

    #[test]
    fn equal_models_pass_as_often_as_the_comparison_says() {
        for users in [80, 300] {
            let (passed, told, _) = simulated(users);
            assert!((passed - told).abs() < 0.1, "{users} users: {passed} passed, {told} told");
        }
    }

    #[test]
    fn with_as_many_users_as_are_needed_equal_models_pass_in_four_of_five_cases() {
        let (few, _, needed) = simulated(80);
        let (enough, _, _) = simulated(needed as u32);
        assert!(few < 0.6 && (enough - 0.8).abs() < 0.1, "{few} with 80 users, {enough} with {needed}");
    }

    #[test]
    fn models_that_never_differ_always_pass_and_without_a_bound_there_is_no_power() {
        let list = outcomes((0..20).map(|user| outcome(user, user, 3.0, 3.5)).collect());
        let power = compare(&list, &list, &NonInferiority::default()).unwrap().power;
        assert_eq!(power, Some(Power { equal_passes: 1.0, users_needed: 2 }));
        let few = NonInferiority { fewest_users: 21, ..NonInferiority::default() };
        assert_eq!(compare(&list, &list, &few).unwrap().power, None);
    }
}
