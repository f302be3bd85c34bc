//! From the predictions for a recorded rating to the losses that decisions compare.

use std::f64::consts::TAU;

use marquee_domain::Timestamp;
use marquee_rollout::RecordedRating;

use super::recording::{Estimate, Outcome};

/// Returns the losses of both versions, or `None` for a rating that a version failed to predict.
/// Only the order of the ratings counts, so each has the time of its place.
pub(super) fn recorded(place: usize, outcome: &Outcome) -> Option<RecordedRating> {
    let [Some(stable), Some(candidate)] = outcome.estimates else { return None };
    let error = |estimate: Estimate| (estimate.rating - outcome.rating).abs();
    let (stable_error, candidate_error) = (error(stable), error(candidate));
    let is_known = stable.knows_movie && candidate.knows_movie;
    // Where a version does not know the movie, its density says nothing: both count alike.
    let loss = |estimate: Estimate| if is_known { log_loss(error(estimate), estimate.spread) } else { 0.0 };
    Some(RecordedRating {
        time: Timestamp::from_seconds(i64::try_from(place).unwrap_or(i64::MAX)),
        squared: (stable_error * stable_error, candidate_error * candidate_error),
        absolute: (stable_error, candidate_error),
        log_loss: (loss(stable), loss(candidate)),
        slices: slices(outcome.history).map(str::to_owned).collect(),
    })
}

/// Returns minus the log density of an error under a normal distribution.
fn log_loss(error: f64, spread: f64) -> f64 {
    let deviations = error / spread;
    0.5 * (deviations * deviations + (TAU * spread * spread).ln())
}

/// Returns the slices of a rating by the length of the history before it, under the monitor's
/// names. The other slices need the movies, and are empty in a simulation.
fn slices(history: usize) -> impl Iterator<Item = &'static str> {
    let length = match history {
        0 => "history:0",
        1..=4 => "history:1-4",
        5..=19 => "history:5-19",
        20..=99 => "history:20-99",
        _ => "history:100+",
    };
    std::iter::once(length).chain((history == 0).then_some("new-users"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(stable: Option<f64>, candidate: Option<f64>) -> Outcome {
        let estimate = |rating| Estimate { rating, spread: 1.0, knows_movie: true };
        Outcome { rating: 4.0, history: 0, estimates: [stable.map(estimate), candidate.map(estimate)] }
    }

    #[test]
    fn the_losses_are_those_of_the_monitor() {
        let recorded = recorded(7, &outcome(Some(3.5), Some(6.0))).expect("both predicted it");
        assert_eq!((recorded.squared, recorded.absolute), ((0.25, 4.0), (0.5, 2.0)));
        let normal = 0.5 * TAU.ln();
        assert!((recorded.log_loss.0 - (0.125 + normal)).abs() < 1e-12, "{recorded:?}");
        assert!((recorded.log_loss.1 - (2.0 + normal)).abs() < 1e-12, "{recorded:?}");
        assert_eq!(recorded.slices, ["history:0", "new-users"]);
    }

    #[test]
    fn a_rating_that_a_version_failed_to_predict_is_left_out() {
        assert_eq!(recorded(0, &outcome(Some(3.5), None)), None);
        assert_eq!(recorded(0, &outcome(None, Some(3.5))), None);
    }

    #[test]
    fn a_rating_is_in_the_slice_of_its_history() {
        let last = |length| slices(length).last();
        assert_eq!([4, 5, 100].map(last), [Some("history:1-4"), Some("history:5-19"), Some("history:100+")]);
    }
}
