//! Step 4 of a reconciliation: the status object of a decision.
//!
//! The decision itself is made by `marquee-rollout`, through the driver.

use marquee_rollout::{Measure, Metric, PairObservation, Spec, Status, Test, Weights};
use serde_json::{Map, Value};

use crate::resource::{ModelRolloutStatus, Summary};

/// Returns the status object of a decision on a generation of the specification. `spec` is `None`
/// if this release cannot read it.
pub(crate) fn status(status: &Status, spec: Option<&Spec>, generation: Option<i64>) -> ModelRolloutStatus {
    let rollout = match serde_json::to_value(status) {
        Ok(Value::Object(rollout)) => rollout,
        // A status is an object, and its numbers are finite.
        _ => Map::new(),
    };
    ModelRolloutStatus { observed_generation: generation, summary: summary(status, spec), rollout }
}

/// Returns the columns of `kubectl get`.
fn summary(status: &Status, spec: Option<&Spec>) -> Summary {
    let (ratings, difference) = compared(status).or_else(|| last_compared(status, spec?)).unzip();
    let step = status.step.as_ref().map(|step| {
        let number = (step.index + 1).min(step.count);
        format!("{number}/{} {}", step.count, step.name)
    });
    let difference = difference.flatten().map(|stars| format!("{stars:+.4}"));
    Summary { step, weight: weight(status), ratings, difference }
}

/// Returns how many ratings the running rollout has compared, and the difference of the RMSE in
/// stars. `None` if there are none.
fn compared(status: &Status) -> Option<(u64, Option<f64>)> {
    let sums = status.evidence.duels.get(PairObservation::ALL)?.total.squared;
    let count = sums.ratings as f64;
    let rmse = |sum: f64| (sum / count).max(0.0).sqrt();
    (sums.ratings > 0).then(|| (sums.ratings, Some(rmse(sums.candidate) - rmse(sums.stable))))
}

/// Returns the same of the last measurement of a duel. The evidence is dropped when a rollout ends,
/// and its measurements stay. The difference is `None` if the duel has another measure.
fn last_compared(status: &Status, spec: &Spec) -> Option<(u64, Option<f64>)> {
    let duels = status.analysis.iter().filter_map(|metric| {
        let Some(Test::Duel(duel)) = spec.metric(&metric.name).and_then(Metric::test) else { return None };
        let last = metric.last.as_ref().filter(|_| duel.slice_name() == PairObservation::ALL)?;
        Some((duel.measure == Measure::Rmse, last))
    });
    let (is_rmse, last) = duels.max_by_key(|(is_rmse, last)| (*is_rmse, last.time))?;
    (last.samples > 0).then(|| (last.samples, last.estimate.filter(|_| is_rmse)))
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
    use serde_json::json;

    use super::*;

    fn percent(value: f64) -> Percent {
        Percent::try_new(value).expect("a percentage")
    }

    #[test]
    fn columns_have_the_wanted_weight_and_the_effective_one_until_they_agree() {
        let mut status = Status { candidate: Some(Version(3)), ..Status::default() };
        let all = percent(25.0);
        status.weights = Weights { wanted: all, effective: percent(5.0), effective_max: all, ..Weights::default() };
        assert_eq!(weight(&status).as_deref(), Some("5-25→25%"));
        status.weights.effective = all;
        assert_eq!(weight(&status).as_deref(), Some("25%"));
        status.candidate = None;
        assert_eq!(weight(&status), None);
    }

    #[test]
    fn the_difference_is_that_of_the_root_mean_squared_errors() {
        let squared = LossSums { ratings: 4, stable: 4.0, candidate: 9.0, difference: 5.0, ..LossSums::default() };
        let total = PairSums { squared, ..PairSums::default() };
        let mut status = Status::default();
        assert_eq!(summary(&status, None), Summary::default());
        status.evidence.duels.insert("all".to_owned(), DuelEvidence { total, ..DuelEvidence::default() });
        let summary = summary(&status, None);
        assert_eq!((summary.ratings, summary.difference.as_deref()), (Some(4), Some("+0.5000")));
    }

    /// A metric whose last measurement, at a minute, has an estimate and a number of samples.
    fn measured(name: &str, minute: u32, (estimate, samples): (f64, u64)) -> Value {
        let time = format!("2026-07-29T12:{minute:02}:00Z");
        json!({
            "name": name, "scope": "Step", "state": "Successful", "counts": {}, "alpha": 0.01,
            "last": {
                "time": time, "verdict": "Successful", "estimate": estimate, "limit": 0.1, "samples": samples,
                "minSamples": 100, "message": "",
            },
            "startedAt": time, "nextAt": time,
        })
    }

    #[test]
    fn the_last_duel_stays_in_the_columns_when_a_rollout_has_ended() {
        let spec = Spec::read(json!({
            "model": "ratings", "version": 2, "steps": [{"setWeight": 5}, {"analysis": {}}],
            "metrics": [
                {"name": "accuracy", "duel": {"margin": 0.1}},
                {"name": "new-users", "duel": {"margin": 0.1, "slice": "new-users"}},
                {"name": "density", "duel": {"margin": 0.1, "measure": "logLoss"}},
                {"name": "errors", "errors": {"max": 1}},
            ],
        }))
        .expect("a specification");
        let ended = |metrics: &[Value]| {
            let analysis = serde_json::from_value(json!(metrics)).expect("metrics");
            Status { analysis, ..Status::default() }
        };
        let columns = |status: &Status| {
            let summary = summary(status, Some(&spec));
            (summary.ratings, summary.difference)
        };
        let mut metrics = vec![measured("new-users", 8, (0.3, 70)), measured("errors", 9, (0.4, 900))];
        assert_eq!(columns(&ended(&metrics)), (None, None), "no duel over all ratings");
        metrics.push(measured("density", 7, (0.02, 1_300)));
        assert_eq!(columns(&ended(&metrics)), (Some(1_300), None), "a duel with another measure");
        metrics.extend([measured("accuracy", 3, (0.05, 800)), measured("accuracy", 6, (-0.02, 1_200))]);
        let all = ended(&metrics);
        assert_eq!(columns(&all), (Some(1_200), Some("-0.0200".to_owned())));
        assert_eq!(summary(&all, None), Summary::default(), "which metrics are duels is unknown");
    }

    #[test]
    fn a_status_is_read_back_as_it_was_stored() {
        let mut before = Status { candidate: Some(Version(3)), message: "waits".to_owned(), ..Status::default() };
        before.weights.wanted = percent(12.5);
        let stored = serde_json::to_value(super::status(&before, None, Some(4))).expect("JSON");
        let read: ModelRolloutStatus = serde_json::from_value(stored).expect("a status");
        assert_eq!(read.observed_generation, Some(4));
        let after: Status = serde_json::from_value(Value::Object(read.rollout)).expect("a status");
        assert_eq!(after, before);
    }
}
