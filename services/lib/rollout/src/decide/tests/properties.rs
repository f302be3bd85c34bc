//! What holds for every rollout, whatever happens to the fleet.

use marquee_domain::{BUCKETS, Route, Salt, Version};
use proptest::prelude::*;

use super::fleet::{CAREFUL, Fleet, Instance};
use crate::{
    Action, Decision, OnFailure, Outcome, Phase, Placement, Reason, Run, RunKind, Status, StepKind, Verb, decide,
};

const SERVED: &str = r#"
    model = "ratings"
    version = 2
    onDeadline = "Continue"
    progressDeadline = "5m"
    steps = [{ setWeight = 1 }, { analysis = {} }, { setWeight = 20 }, { pause = {} }, { setWeight = 100 }]
    analysis = { startingStep = 1, metrics = ["slow"] }
    metrics = [
        { name = "errors", errors = { maxIncrease = 1 } },
        { name = "slow", latency = { quantile = 0.9, max = "50ms" }, onMissingData = "Pass" },
        { name = "quality", duel = { margin = 0.02, measure = "mae" }, inconclusiveLimit = 20 },
    ]
"#;

const PLAIN: &str = "model = 'ratings'\nversion = 2\nsteps = [{ setWeight = 5 }, { pause = {} }, { setWeight = 50 }]";

/// Something that happens to a fleet.
#[derive(Debug, Clone)]
enum Happening {
    Time(u64),
    Rate(u64, f64),
    Serve(u64, u64, u64),
    Stick(usize, bool),
    Reach(usize, bool),
    Ready(usize, bool),
    Fail(usize, bool),
    Restart(usize),
    Add,
    Lose,
    Monitor(bool),
    Table(bool),
    List(bool),
    Target(u64),
    DryRun(bool),
    Command(Verb),
    ActionsLost,
    StatusLost,
}

fn happening() -> impl Strategy<Value = Happening> {
    let which = 0_usize..4;
    let verbs = [Verb::Promote, Verb::PromoteAll, Verb::Pause, Verb::Resume, Verb::Abort, Verb::Retry, Verb::Undo];
    prop_oneof![
        8 => (1_u64..90).prop_map(Happening::Time),
        6 => (1_u64..4_000, prop::sample::select(vec![-0.1, 0.0, 0.01, 0.2])).prop_map(|(n, worse)| Happening::Rate(n, worse)),
        3 => (1_u64..2_000, 0_u64..3, 0_u64..3).prop_map(|(n, errors, slow)| Happening::Serve(n, errors, slow)),
        2 => (which.clone(), any::<bool>()).prop_map(|(i, on)| Happening::Stick(i, on)),
        1 => (which.clone(), any::<bool>()).prop_map(|(i, on)| Happening::Reach(i, on)),
        1 => (which.clone(), any::<bool>()).prop_map(|(i, on)| Happening::Ready(i, on)),
        1 => (which.clone(), any::<bool>()).prop_map(|(i, on)| Happening::Fail(i, on)),
        1 => which.prop_map(Happening::Restart),
        1 => Just(Happening::Add),
        1 => Just(Happening::Lose),
        1 => any::<bool>().prop_map(Happening::Monitor),
        1 => any::<bool>().prop_map(Happening::Table),
        1 => any::<bool>().prop_map(Happening::List),
        1 => (1_u64..4).prop_map(Happening::Target),
        1 => any::<bool>().prop_map(Happening::DryRun),
        4 => prop::sample::select(verbs.to_vec()).prop_map(Happening::Command),
        1 => Just(Happening::ActionsLost),
        1 => Just(Happening::StatusLost),
    ]
}

fn fleet() -> impl Strategy<Value = Fleet> {
    (prop::sample::select(vec![CAREFUL, SERVED, PLAIN]), any::<bool>()).prop_map(|(text, pauses)| {
        let mut fleet = Fleet::new(text);
        fleet.published = Some(vec![Version(1), Version(2), Version(3)]);
        fleet.spec.on_failure = if pauses { OnFailure::Pause } else { OnFailure::Abort };
        fleet
    })
}

impl Fleet {
    fn happen(&mut self, happening: &Happening) {
        let count = self.instances.len();
        let mut change = |index: usize, change: &dyn Fn(&mut Instance)| {
            if count > 0 {
                change(&mut self.instances[index % count]);
            }
        };
        match *happening {
            Happening::Time(seconds) => self.now = self.now.plus(std::time::Duration::from_secs(seconds)),
            Happening::Rate(ratings, worse) => self.rate(ratings, worse),
            Happening::Serve(requests, errors, slow) => {
                self.serve(1, requests, 0, 0);
                self.serve(2, requests, errors.min(requests), slow.min(requests));
            }
            Happening::Stick(index, on) => change(index, &|instance| instance.is_stuck = on),
            Happening::Reach(index, on) => change(index, &|instance| instance.is_reachable = on),
            Happening::Ready(index, on) => change(index, &|instance| instance.is_ready = on),
            Happening::Fail(index, on) => change(index, &|instance| instance.failure = on.then(|| "broken".to_owned())),
            Happening::Restart(index) => change(index, &|instance| {
                instance.incarnation += 1;
                instance.served.clear();
            }),
            Happening::Add => {
                let name = format!("added-{}", self.now.seconds());
                self.instances.push(Instance::new(&name, self.now, None));
            }
            Happening::Lose => drop(self.instances.pop()),
            Happening::Monitor(on) => self.is_monitor_reachable = on,
            Happening::Table(on) => self.is_table_reachable = on,
            Happening::List(on) => self.is_listed = on,
            Happening::Target(version) => self.spec.version = Some(Version(version)),
            Happening::DryRun(on) => self.spec.metrics.iter_mut().take(1).for_each(|metric| metric.dry_run = on),
            Happening::Command(verb) => self.command(verb),
            Happening::ActionsLost | Happening::StatusLost => {}
        }
    }

    /// Decides once and checks the decision.
    fn checked_tick(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        let decision = self.decide();
        self.check(&decision)?;
        if !matches!(happening, Happening::StatusLost) {
            self.store(&decision);
        }
        if !matches!(happening, Happening::ActionsLost) {
            self.act(&decision.actions);
        }
        self.follow();
        Ok(())
    }

    /// Decides from the same inputs again, and from the status as it is stored.
    fn decide_again(&self) -> Result<(), TestCaseError> {
        let decision = self.decide();
        prop_assert_eq!(&decision, &self.decide(), "equal inputs have equal outputs");
        let stored = serde_json::to_value(&self.status).expect("written");
        let read: Status = serde_json::from_value(stored).expect("read");
        prop_assert_eq!(&read, &self.status, "a status is read as it was written");
        prop_assert_eq!(&decide(&self.spec, &read, &self.observations(), self.now), &decision);
        Ok(())
    }

    fn check(&self, decision: &Decision) -> Result<(), TestCaseError> {
        let run = decision.status.rollout.as_ref();
        let running = run.filter(|run| run.is_running());
        for action in &decision.actions {
            let Action::SetRoute { route, expected_revision } = action else { continue };
            prop_assert_eq!(route.revision(), expected_revision + 1);
            prop_assert!(route.candidates().len() <= 1, "users change sides when candidates change places");
            prop_assert_eq!(route.salt(), &Salt::try_new("salt").expect("a salt"), "another salt moves all users");
            let weight: u32 = route.candidates().iter().map(|candidate| candidate.weight.get()).sum();
            let limit = running.map_or(0, |run| self.limit(run.step, run.kind));
            prop_assert!(weight <= limit, "{} is above the step's {}", weight, limit);
            if running.is_none() {
                prop_assert!(
                    route.candidates().is_empty() && route.shadow().is_empty(),
                    "an ended rollout has no users"
                );
            }
        }
        let given: f64 = decision.status.evidence.shares.values().sum();
        prop_assert!(given <= self.spec.alpha * (1.0 + 1e-9), "tests may be wrong with a probability of {}", given);
        self.check_rise(decision)?;
        self.check_weights(decision)
    }

    /// A weight rises only if every ready instance answers with the wanted route, by a person, or
    /// by the policy for the deadline.
    fn check_rise(&self, decision: &Decision) -> Result<(), TestCaseError> {
        let (Some(before), Some(now)) = (self.status.running(), &decision.status.rollout) else { return Ok(()) };
        let is_same = (before.number, before.attempt) == (now.number, now.attempt);
        if !is_same || now.wanted_weight() <= before.wanted_weight() {
            return Ok(());
        }
        let is_forced = has_event(decision, &[Reason::Promoted, Reason::DeadlineExceeded]);
        let is_routed = self.weight() == before.wanted_weight().points().get();
        prop_assert!(
            is_forced || (is_routed && self.all_follow()),
            "a weight rises while an instance is behind: {:?}",
            decision.status.instances
        );
        Ok(())
    }

    /// Returns whether every ready instance can be seen to answer with the route.
    fn all_follow(&self) -> bool {
        let revision = self.route.as_ref().map(Route::revision);
        let mut ready = self.instances.iter().filter(|instance| instance.is_ready).peekable();
        self.is_listed
            && self.is_table_reachable
            && ready.peek().is_some()
            && ready
                .all(|instance| instance.is_reachable && instance.effective.as_ref().map(Route::revision) == revision)
    }

    /// Returns the largest weight that the steps up to one allow, in basis points.
    fn limit(&self, step: u32, kind: RunKind) -> u32 {
        if kind != RunKind::Steps || step as usize >= self.spec.steps.len() {
            return BUCKETS;
        }
        let weights = self.spec.steps[..=step as usize].iter().map(|step| match step.kind() {
            Some(StepKind::SetWeight(weight)) => weight.points().get(),
            _ => 0,
        });
        weights.max().unwrap_or(0)
    }

    /// Within an attempt a weight never falls. After a failure it does not rise while the rollout
    /// waits for a person, and after the end of the attempt it is 0 for ever.
    fn check_weights(&self, decision: &Decision) -> Result<(), TestCaseError> {
        let (Some(before), Some(now)) = (&self.status.rollout, &decision.status.rollout) else { return Ok(()) };
        if (before.number, before.attempt) != (now.number, now.attempt) {
            return Ok(());
        }
        if before.is_running() && now.is_running() {
            prop_assert!(now.wanted_weight() >= before.wanted_weight(), "a user changes sides without need");
        }
        let failure = |run: &Run| run.pause.clone().filter(|pause| pause.reason != Reason::PausedByUser);
        let is_promoted = has_event(decision, &[Reason::Promoted]);
        if !is_promoted && failure(before).is_some() && failure(before) == failure(now) {
            prop_assert_eq!(now.wanted_weight(), before.wanted_weight(), "a weight changes after a failure");
        }
        if !before.is_running() {
            prop_assert_eq!(before, now, "a rollout that has ended does not change");
        }
        if now.outcome == Some(Outcome::Aborted) {
            prop_assert_eq!(now.placement, Placement::Absent, "a weight rises after a failure");
        }
        Ok(())
    }

    /// Makes everything work again. A version that cannot be loaded stays so where the rollout is
    /// aborted for it; where it pauses, a person would have to abort it.
    fn heal(&mut self) {
        let stays = self.spec.on_failure == OnFailure::Abort;
        (self.is_monitor_reachable, self.is_table_reachable, self.is_listed) = (true, true, true);
        for instance in &mut self.instances {
            (instance.is_ready, instance.is_reachable, instance.is_stuck) = (true, true, false);
            instance.failure = instance.failure.take().filter(|_| stays);
        }
        if self.instances.is_empty() {
            self.instances.push(Instance::new("new", self.now, None));
        }
    }
}

fn has_event(decision: &Decision, reasons: &[Reason]) -> bool {
    decision.actions.iter().any(|action| matches!(action, Action::Event(event) if reasons.contains(&event.reason)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn weights_never_exceed_the_step_nor_rise_after_a_failure(
        fleet in fleet(), script in prop::collection::vec(happening(), 1..60)
    ) {
        let mut fleet = fleet;
        for happening in &script {
            fleet.happen(happening);
            fleet.checked_tick(happening)?;
        }
    }

    #[test]
    fn equal_inputs_have_equal_outputs(fleet in fleet(), script in prop::collection::vec(happening(), 1..40)) {
        let mut fleet = fleet;
        for happening in &script {
            fleet.happen(happening);
            fleet.decide_again()?;
            fleet.checked_tick(happening)?;
        }
    }

    #[test]
    fn every_rollout_ends(fleet in fleet(), script in prop::collection::vec(happening(), 1..40)) {
        let mut fleet = fleet;
        for happening in &script {
            fleet.happen(happening);
            fleet.checked_tick(happening)?;
        }
        fleet.heal();
        let mut ticks = 0;
        while !fleet.status.phase.is_final() {
            ticks += 1;
            prop_assert!(ticks < 3_000, "{:?} {}: {}", fleet.status.phase, fleet.status.reason, fleet.status.message);
            fleet.now = fleet.next.max(fleet.now.plus(std::time::Duration::from_secs(1)));
            fleet.rate(200, 0.0);
            (1..=3).for_each(|version| fleet.serve(version, 50, 0, 0));
            if fleet.status.phase == Phase::Paused && fleet.status.reason != Reason::PauseRunning {
                fleet.command(if fleet.status.reason == Reason::WaitingForPromotion { Verb::Promote } else { Verb::Resume });
            }
            fleet.checked_tick(&Happening::Time(0))?;
        }
        let stable = fleet.status.stable;
        fleet.checked_tick(&Happening::Time(0))?;
        prop_assert_eq!(fleet.route.as_ref().map(Route::stable), stable);
        prop_assert_eq!(fleet.weight(), 0);
    }
}
