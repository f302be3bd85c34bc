//! Step 4 of a reconciliation: the status object of a decision.
//!
//! The decision itself is made by `marquee-rollout`, through the driver.

use marquee_rollout::{PairObservation, Status, Weights};
use serde_json::{Map, Value};

use crate::resource::{ModelRolloutStatus, Summary};

/// Returns the status object of a decision on a generation of the specification.
pub(crate) fn status(status: &Status, generation: Option<i64>) -> ModelRolloutStatus {
    let rollout = match serde_json::to_value(status) {
        Ok(Value::Object(rollout)) => rollout,
        // A status is an object, and its numbers are finite.
        _ => Map::new(),
    };
    ModelRolloutStatus { observed_generation: generation, summary: summary(status), rollout }
}

/// Returns the columns of `kubectl get`.
fn summary(status: &Status) -> Summary {
    let squared = status.evidence.duels.get(PairObservation::ALL).map(|duel| duel.total.squared);
    let squared = squared.filter(|sums| sums.ratings > 0);
    let difference = squared.map(|sums| {
        let count = sums.ratings as f64;
        let difference = (sums.candidate / count).max(0.0).sqrt() - (sums.stable / count).max(0.0).sqrt();
        format!("{difference:+.4}")
    });
    let step = status.step.as_ref().map(|step| {
        let number = (step.index + 1).min(step.count);
        format!("{number}/{} {}", step.count, step.name)
    });
    Summary { step, weight: weight(status), ratings: squared.map(|sums| sums.ratings), difference }
}

/// Returns the candidate's share of users, and the effective one where it differs.
fn weight(status: &Status) -> Option<String> {
    status.candidate?;
    let Weights { wanted, effective, effective_max, .. } = status.weights;
    let both = if effective == effective_max {
        format!("{}", effective.value())
    } else {
        format!("{}-{}", effective.value(), effective_max.value())
    };
    let is_effective = effective == wanted && effective_max == wanted;
    Some(if is_effective { format!("{}%", wanted.value()) } else { format!("{both}→{}%", wanted.value()) })
}

#[cfg(test)]
mod tests {
    use marquee_domain::Version;
    use marquee_rollout::{DuelEvidence, LossSums, PairSums, Percent};

    use super::*;

    fn percent(value: f64) -> Percent {
        Percent::try_new(value).expect("a percentage")
    }

    #[test]
    fn columns_have_the_wanted_weight_and_the_effective_one_until_they_agree() {
        let mut status = Status { candidate: Some(Version(3)), ..Status::default() };
        let all = percent(25.0);
        status.weights = Weights { wanted: all, effective: percent(5.0), effective_max: all, ..Weights::default() };
        assert_eq!(summary(&status).weight.as_deref(), Some("5-25→25%"));
        status.weights.effective = all;
        assert_eq!(summary(&status).weight.as_deref(), Some("25%"));
        status.candidate = None;
        assert_eq!(summary(&status).weight, None);
    }

    #[test]
    fn the_difference_is_that_of_the_root_mean_squared_errors() {
        let squared = LossSums { ratings: 4, stable: 4.0, candidate: 9.0, difference: 5.0, ..LossSums::default() };
        let total = PairSums { squared, ..PairSums::default() };
        let mut status = Status::default();
        assert_eq!(summary(&status), Summary::default());
        status.evidence.duels.insert("all".to_owned(), DuelEvidence { total, ..DuelEvidence::default() });
        let summary = summary(&status);
        assert_eq!((summary.ratings, summary.difference.as_deref()), (Some(4), Some("+0.5000")));
    }

    #[test]
    fn a_status_is_read_back_as_it_was_stored() {
        let mut before = Status { candidate: Some(Version(3)), message: "waits".to_owned(), ..Status::default() };
        before.weights.wanted = percent(12.5);
        let stored = serde_json::to_value(super::status(&before, Some(4))).expect("JSON");
        let read: ModelRolloutStatus = serde_json::from_value(stored).expect("a status");
        assert_eq!(read.observed_generation, Some(4));
        let after: Status = serde_json::from_value(Value::Object(read.rollout)).expect("a status");
        assert_eq!(after, before);
    }
}
