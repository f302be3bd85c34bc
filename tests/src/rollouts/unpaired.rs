//! A canary without the duel: some users get the candidate, and the errors of what both groups
//! were shown are compared.

use marquee_rollout::statistics::mean::{Bounds, Sample};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::outcomes::{Contest, Recording};

/// The candidate's share of the users.
const SHARE: f64 = 0.05;

/// Ratings after which a canary is given up.
pub(crate) const LIMIT: u64 = 5_000_000;

/// Ratings between two looks.
const LOOK_EVERY: u64 = 1_000;

/// Returns the number of ratings of all users after which the worse version is told from the
/// stable one, or `None` if the limit came first.
///
/// Each group has a confidence sequence of its mean squared error, and the groups share the error
/// probability. The candidate is worse once its lower bound is above the upper bound of the others.
/// Ratings count as independent, which favors this test: those of one user are not.
pub(crate) fn detect(recording: &Recording, alpha: f64, seed: u64) -> Option<u64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut stable, mut candidate) = (Sample::default(), Sample::default());
    let bounds = |tuned_for| Bounds { alpha: alpha / 2.0, tuned_for };
    let (mut ratings, mut next_look) = (0, LOOK_EVERY);
    while ratings < LIMIT {
        let is_candidate = rng.random_bool(SHARE);
        for rating in recording.draw(&mut rng) {
            let predictions = recording.predictions(rating, Contest::Worse);
            let (predicted, group) = match is_candidate {
                true => (predictions.1, &mut candidate),
                false => (predictions.0, &mut stable),
            };
            let squared = (predicted - rating.rating).powi(2);
            group.count += 1;
            group.sum += squared;
            group.sum_of_squares += squared * squared;
            ratings += 1;
        }
        if ratings < next_look {
            continue;
        }
        next_look = ratings + LOOK_EVERY;
        let (stable, candidate) = (bounds(400_000).interval(&stable, 0.0), bounds(20_000).interval(&candidate, 0.0));
        if stable.zip(candidate).is_some_and(|(stable, candidate)| candidate.lower > stable.upper) {
            return Some(ratings);
        }
    }
    None
}
