//! From the predictions for a recorded rating to what decisions compare.

use std::f64::consts::TAU;

use marquee_domain::Timestamp;
use marquee_rollout::{PairObservation, RecordedRating, Spec};

use super::recording::{Estimate, Outcome};

/// The slices by the length of the history before a rating: the shortest history of each, and the
/// monitor's name.
const HISTORY: [(usize, &str); 5] =
    [(100, "history:100+"), (20, "history:20-99"), (5, "history:5-19"), (1, "history:1-4"), (0, "history:0")];

/// The monitor's name for the first ratings of users.
const NEW_USERS: &str = "new-users";

/// Returns what the monitor would count for a rating, or `None` if the stable version failed to
/// predict it: such a rating says nothing about the candidate. Only the order of the ratings
/// counts, so each has the time of its place.
pub(super) fn recorded(place: usize, outcome: &Outcome) -> Option<RecordedRating> {
    let [stable, candidate] = outcome.estimates;
    let (stable, failed) = (stable?, candidate.is_none());
    let candidate = candidate.unwrap_or(stable);
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
        failed,
    })
}

/// Returns minus the log density of an error under a normal distribution.
fn log_loss(error: f64, spread: f64) -> f64 {
    let deviations = error / spread;
    0.5 * (deviations * deviations + (TAU * spread * spread).ln())
}

/// Returns the slices of a rating by the length of the history before it, under the monitor's
/// names. The other slices of the monitor need the movies, which a simulation does not have.
fn slices(history: usize) -> impl Iterator<Item = &'static str> {
    let length = HISTORY.iter().find(|(shortest, _)| history >= *shortest).map(|(_, name)| *name);
    length.into_iter().chain((history == 0).then_some(NEW_USERS))
}

/// Checks that each slice of a specification can be simulated. The error names the metric, the
/// slice and the fix.
pub(super) fn check_slices(spec: &Spec) -> Result<(), String> {
    let known: Vec<&str> =
        [PairObservation::ALL, NEW_USERS].into_iter().chain(HISTORY.iter().rev().map(|(_, name)| *name)).collect();
    let duels = spec.metrics.iter().filter_map(|metric| Some((&metric.name, metric.duel.as_ref()?.slice_name())));
    for (metric, slice) in duels {
        if !known.contains(&slice) {
            return Err(format!(
                "metric '{metric}' compares the slice '{slice}', which a simulation does not have; remove the slice \
                 from a copy of the file, or name one of {}",
                known.join(", ")
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(stable: Option<f64>, candidate: Option<f64>) -> Outcome {
        let estimate = |rating| Estimate { rating, spread: 1.0, knows_movie: true };
        Outcome { rating: 4.0, history: 0, estimates: [stable.map(estimate), candidate.map(estimate)] }
    }

    #[test]
    fn the_losses_are_those_of_the_monitor() {
        let recorded = recorded(7, &outcome(Some(3.5), Some(6.0))).expect("both predicted it");
        assert_eq!((recorded.squared, recorded.absolute, recorded.failed), ((0.25, 4.0), (0.5, 2.0), false));
        let normal = 0.5 * TAU.ln();
        assert!((recorded.log_loss.0 - (0.125 + normal)).abs() < 1e-12, "{recorded:?}");
        assert!((recorded.log_loss.1 - (2.0 + normal)).abs() < 1e-12, "{recorded:?}");
        assert_eq!(recorded.slices, ["history:0", "new-users"]);
    }

    #[test]
    fn a_rating_that_the_candidate_failed_to_predict_is_kept_as_a_failure() {
        assert!(recorded(0, &outcome(Some(3.5), None)).expect("it counts").failed);
        assert_eq!(recorded(0, &outcome(None, Some(3.5))), None);
        assert_eq!(recorded(0, &outcome(None, None)), None);
    }

    #[test]
    fn a_rating_is_in_the_slice_of_its_history() {
        let last = |length| slices(length).last();
        assert_eq!([4, 5, 100].map(last), [Some("history:1-4"), Some("history:5-19"), Some("history:100+")]);
    }

    #[test]
    fn a_slice_that_cannot_be_simulated_is_refused_by_its_name() {
        let check = |slice: &str| {
            let spec = json!({
                "model": "ratings",
                "version": 2,
                "steps": [{"shadow": {}}, {"analysis": {}}],
                "metrics": [{"name": "drama", "duel": {"margin": 0.01, "slice": slice}}],
            });
            check_slices(&Spec::read(&spec).expect("valid"))
        };
        for slice in ["all", "new-users", "history:0", "history:20-99", "history:100+"] {
            assert_eq!(check(slice), Ok(()), "{slice}");
        }
        for slice in ["genre:Drama", "other-genres", "popularity:low", "new-user"] {
            let error = check(slice).expect_err(slice);
            for part in ["'drama'", &format!("'{slice}'"), "remove the slice", "new-users", "history:5-19"] {
                assert!(error.contains(part), "no {part} in: {error}");
            }
        }
    }
}
