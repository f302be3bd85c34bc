//! Runs one rollout while ratings arrive and people ask for predictions, and draws its evidence.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use marquee_proto::document;
use marquee_proto::monitor::v1::{GetStatusRequest, PartitionStatus};
use marquee_proto::rollout::v1::{Rollout as Wire, StartRolloutRequest, WatchRolloutRequest};
use marquee_rollout::{Measurement, Status};
use serde_json::{Map, Value};
use tokio::time::MissedTickBehavior;

use super::picture::{Picture, last_measurement};
use super::summary::Rollout;
use super::{Demo, models};

/// The time between two batches of ratings.
const TICK: Duration = Duration::from_millis(50);

/// The ratings of a batch: 600 a second, so that the evidence is seen to grow.
const BATCH: usize = 30;

/// The most ratings that may wait for the monitor. On a slow machine they arrive more slowly.
const WAITING: u64 = 200;

/// The people who ask for a prediction in each tick.
const PEOPLE: usize = 5;

/// The longest time of a rollout. The duel stands back behind everything else on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// What was seen during a rollout.
#[derive(Debug, Default)]
struct Seen {
    /// The answers of each version.
    answers: BTreeMap<u64, u64>,
    /// The shares of users that the candidate had, in percent and in their order.
    weights: Vec<f64>,
    people: usize,
}

impl Demo {
    /// Starts a rollout and waits until it has ended. Ratings arrive in the order of time.
    pub(super) async fn watch_rollout(&mut self, spec: Map<String, Value>, mut picture: Picture) -> Result<Rollout> {
        let (started, arrived) = (Instant::now(), self.arrivals.arrived());
        let request = StartRolloutRequest { spec: Some(document::to_struct(&spec)) };
        self.client.call(self.client.rollouts().start_rollout(request)).await.context("start the rollout")?;
        let request = WatchRolloutRequest { model: models::MODEL.to_owned() };
        let mut updates = self.client.call(self.client.rollouts().watch_rollout(request)).await?;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = Seen::default();
        let ended = loop {
            let update = tokio::select! {
                update = updates.message() => update.context("watch the rollout")?,
                _ = ticks.tick() => {
                    if self.waiting().await? < WAITING {
                        self.arrivals.send(&self.client, BATCH).await?;
                    }
                    self.ask_people(&mut seen).await?;
                    if started.elapsed() > PATIENCE {
                        bail!("the rollout did not end within {} s", PATIENCE.as_secs());
                    }
                    continue;
                }
            };
            let rollout = update.and_then(|update| update.rollout).context("the controller stopped reporting")?;
            let Some(status) = current(&rollout)? else { continue };
            seen.weight(status.weights.wanted.value());
            if let Some(line) = picture.line(&status) {
                self.screen.line(&line);
            }
            if status.phase.is_final() {
                break status;
            }
        };
        let arrived = (self.arrivals.arrived() - arrived) as u64;
        Ok(Rollout { arrived, seconds: started.elapsed().as_secs_f64(), ..outcome(&ended, seen) })
    }

    /// Returns how many ratings the monitor has not learned yet.
    async fn waiting(&self) -> Result<u64> {
        let status = self.client.call(self.client.monitor().get_status(GetStatusRequest {})).await?;
        let of = |one: &PartitionStatus| one.end_offset.saturating_sub(one.next_offset);
        Ok(status.partitions.iter().map(of).sum())
    }

    /// Asks for predictions of some people, and notes which versions answer.
    async fn ask_people(&self, seen: &mut Seen) -> Result<()> {
        for version in self.versions(seen.people..seen.people + PEOPLE).await? {
            *seen.answers.entry(version).or_default() += 1;
        }
        seen.people += PEOPLE;
        Ok(())
    }
}

impl Seen {
    fn weight(&mut self, percent: f64) {
        if self.weights.last() != Some(&percent) {
            self.weights.push(percent);
        }
    }
}

/// Returns the status of a rollout, once it belongs to the specification.
fn current(rollout: &Wire) -> Result<Option<Status>> {
    let is_current = rollout.generation == rollout.observed_generation;
    let Some(status) = rollout.status.as_ref().filter(|_| is_current) else { return Ok(None) };
    let status = serde_json::from_value(Value::Object(document::from_struct(status)));
    status.map(Some).context("read the status of the rollout")
}

/// Returns what a rollout ended with.
fn outcome(status: &Status, seen: Seen) -> Rollout {
    let last = last_measurement(status);
    let of = |value: fn(&Measurement) -> Option<f64>| last.and_then(value);
    let candidate = status.history.first().map_or(0, |past| past.target.0);
    Rollout {
        candidate,
        phase: status.phase.as_str(),
        reason: status.reason.to_string(),
        message: status.message.clone(),
        ratings: last.map_or(0, |last| last.samples),
        difference: of(|last| last.estimate),
        lower: of(|last| last.lower),
        upper: of(|last| last.upper),
        limit: of(|last| Some(last.limit)),
        candidate_answers: seen.answers.get(&candidate).copied().unwrap_or_default(),
        answers: seen.answers.values().sum(),
        weights: seen.weights,
        ..Rollout::default()
    }
}

#[cfg(test)]
mod tests {
    use marquee_rollout::{Phase, Reason};
    use serde_json::json;

    use super::*;

    fn ended() -> Status {
        let last = json!({
            "time": "2025-11-24T16:00:09Z", "verdict": "Failed", "estimate": 0.2, "lower": 0.1, "upper": 0.3,
            "limit": 0.02, "samples": 1_312, "minSamples": 500, "message": "worse",
        });
        let metric = json!({
            "name": "accuracy", "scope": "Step", "step": 1, "state": "Failed", "counts": {}, "alpha": 0.01,
            "last": last, "startedAt": "2025-11-24T16:00:00Z", "nextAt": "2025-11-24T16:00:10Z",
        });
        let analysis = serde_json::from_value(json!([metric])).expect("a metric");
        Status { format: 1, phase: Phase::Degraded, reason: Reason::AnalysisFailed, analysis, ..Status::default() }
    }

    #[test]
    fn the_figures_are_those_of_the_last_measurement() {
        let mut seen = Seen { answers: BTreeMap::from([(2, 40)]), ..Seen::default() };
        [0.0, 0.0, 5.0, 0.0].into_iter().for_each(|percent| seen.weight(percent));
        let rollout = Rollout { arrived: 2_000, ..outcome(&ended(), seen) };
        assert_eq!((rollout.phase, rollout.reason.as_str(), rollout.ratings), ("Degraded", "AnalysisFailed", 1_312));
        assert_eq!((rollout.difference, rollout.lower, rollout.upper), (Some(0.2), Some(0.1), Some(0.3)));
        assert_eq!((rollout.candidate_answers, rollout.answers, rollout.arrived), (0, 40, 2_000));
        assert_eq!(rollout.weights, [0.0, 5.0, 0.0]);
    }

    #[test]
    fn a_status_of_an_earlier_specification_is_passed_over() {
        let status = serde_json::to_value(ended()).expect("JSON");
        let status = status.as_object().map(document::to_struct);
        let mut rollout = Wire { generation: 2, observed_generation: 1, status, ..Wire::default() };
        assert!(current(&rollout).expect("read").is_none());
        rollout.observed_generation = 2;
        assert_eq!(current(&rollout).expect("read").map(|status| status.phase), Some(Phase::Degraded));
    }
}
