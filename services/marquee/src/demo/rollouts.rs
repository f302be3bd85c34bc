//! Rolls out two versions by evidence: one that was trained on shuffled ratings, which the duel
//! stops before it has users, and one that was trained on more ratings, which reaches all users.
//!
//! The newest ratings of the data set arrive in the order of time meanwhile. No version was trained
//! on a rating before it predicted it.

use anyhow::{Context, Result};
use marquee_cli::thousands;
use marquee_proto::training::v1::Algorithm;
use serde_json::{Map, Value, json};

use super::picture::Picture;
use super::{Demo, models};

/// By how much a version may be worse than the stable one, in stars of RMSE.
const MARGIN: f64 = 0.02;

/// The scales of the two pictures, in stars.
const BAD: (f64, f64) = (-0.1, 0.5);
const GOOD: (f64, f64) = (-0.1, 0.1);

/// The part of the ratings, of ten, that has arrived before the good version is trained.
const KNOWN: usize = 9;

impl Demo {
    /// Rolls out a version that was trained on shuffled ratings.
    pub(super) async fn stop_a_bad_version(&mut self) -> Result<()> {
        self.screen.heading(8, "a version that was trained on shuffled ratings is stopped in the duel");
        let next = 1 + self.summary.models.iter().map(|model| model.version).max().unwrap_or_default();
        let trained = self.publish_shuffled(next).await?;
        let model = self.load(trained).await?;
        let (candidate, rmse, bias) = (model.version, model.rmse, model.bias_rmse);
        self.screen.check(
            &format!("version {candidate} passes every gate of the trainer, and is signed, verified, loaded and warm"),
            model.verified,
        );
        self.screen.line(&format!("RMSE {rmse:.4}, biases only {bias:.4}: its held-out ratings are shuffled too"));
        let arriving = "newer ratings arrive in the order of time; both versions predict each one, then learn it";
        self.screen.line(&format!("{arriving}:"));
        let picture = Picture::new(BAD.0, BAD.1);
        self.screen.line(&picture.head(MARGIN));
        let mut stopped = self.watch_rollout(spec(candidate), picture).await?;
        stopped.trained_on = self.summary.imported.accepted;
        let is_stopped = (stopped.phase, stopped.reason.as_str()) == ("Degraded", "AnalysisFailed");
        self.screen.check(
            &format!("stopped after {:.1} s: {}", stopped.seconds, stopped.message),
            is_stopped && stopped.candidate == candidate,
        );
        let counters = self.counters().await?;
        let counted = *counters.get(&candidate).with_context(|| format!("version {candidate} is not listed"))?;
        let unseen =
            stopped.candidate_answers == 0 && counted == 0 && stopped.weights.iter().all(|share| *share == 0.0);
        self.screen.check(
            &format!(
                "no user saw it: it had 0 % of the users at every look, and answered {counted} of {} requests",
                thousands(stopped.answers)
            ),
            unseen,
        );
        self.summary.stopped = stopped;
        Ok(())
    }

    /// Trains a version on everything that has arrived, and rolls it out.
    pub(super) async fn promote_a_good_version(&mut self) -> Result<()> {
        self.screen.heading(9, "a version that was trained on more ratings is promoted by evidence");
        self.catch_up(self.arrivals.len() * KNOWN / 10).await?;
        let known = self.arrivals.arrived() as u64;
        let run = models::fit(&self.client, Algorithm::Map, self.seed, self.output).await?;
        let model = self.load(run).await?;
        let candidate = model.version;
        self.screen.check(
            &format!("version {candidate} is trained on {} ratings, loaded and warm", thousands(known)),
            model.verified,
        );
        let picture = Picture::new(GOOD.0, GOOD.1);
        self.screen.line(&picture.head(MARGIN));
        let mut promoted = self.watch_rollout(spec(candidate), picture).await?;
        promoted.trained_on = known;
        self.screen.check(
            &format!(
                "it answers all users after {:.1} s and {} ratings: {}",
                promoted.seconds,
                thousands(promoted.ratings),
                promoted.message
            ),
            promoted.phase == "Completed" && promoted.candidate == candidate,
        );
        let steps = [0.0, 5.0, 25.0, 50.0, 100.0];
        let shown: Vec<String> = promoted.weights.iter().map(|share| format!("{share:.0}")).collect();
        self.screen.check(
            &format!(
                "its share of users went {} %, and it answered {} of {} requests meanwhile",
                shown.join(" → "),
                thousands(promoted.candidate_answers),
                thousands(promoted.answers)
            ),
            promoted.weights == steps && promoted.candidate_answers > 0,
        );
        self.summary.promoted = promoted;
        // The next step compares predictions, so nothing may arrive during it.
        self.catch_up(self.arrivals.len()).await
    }
}

/// Returns the specification of a rollout in which the duel decides, first without users.
fn spec(version: u64) -> Map<String, Value> {
    let weight = |percent: u32| [json!({"setWeight": percent}), json!({"pause": {"duration": "600ms"}})];
    let mut steps = vec![json!({"shadow": {}}), json!({"analysis": {}})];
    steps.extend([5, 25, 50].into_iter().flat_map(weight));
    let spec = json!({
        "model": models::MODEL,
        "version": version,
        "progressDeadline": "10m",
        "steps": steps,
        "analysis": {"startingStep": 2},
        "metrics": [{"name": "accuracy", "duel": {"margin": MARGIN, "minRatings": 500}, "interval": "200ms"}],
    });
    spec.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use marquee_rollout::{Spec, StepKind};

    use super::*;

    #[test]
    fn the_rollout_has_its_duel_before_its_first_user() {
        let spec = Spec::read(Value::Object(spec(3))).expect("valid");
        let kinds: Vec<StepKind<'_>> = spec.steps.iter().filter_map(marquee_rollout::Step::kind).collect();
        let at = |is: fn(&StepKind<'_>) -> bool| kinds.iter().position(is);
        let (duel, users) =
            (at(|kind| matches!(kind, StepKind::Analysis(_))), at(|kind| matches!(kind, StepKind::SetWeight(_))));
        assert!(duel.is_some() && duel < users, "{kinds:?}");
    }
}
