//! Controllers over an object store in memory, made-up instances and a made-up monitor, in paused
//! time.

use std::sync::atomic::{AtomicU32, Ordering};

use marquee_domain::Clock;
use marquee_driver::testing::{Duels, Fleet, Instance, Table, route};
use marquee_kit::Context;
use marquee_lease::Claim;
use marquee_ports::memory::{Fault, MemoryObjects, Step};
use marquee_ports::{ErrorKind, ObjectStore};
use marquee_proto::rollout::v1 as pb;
use marquee_rollout::{Phase, Verb};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::rollouts::Rollout;
use crate::store::Store;

/// Longer than anything here takes, in paused time.
const LONG: Duration = Duration::from_secs(3_600);

/// A clock that goes with tokio's paused time.
#[derive(Debug)]
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_764_000_000).plus(self.0.elapsed())
    }
}

/// A fleet with one instance on which version 1 answers and version 2 is warm.
struct World {
    objects: MemoryObjects,
    clock: Arc<dyn Clock>,
    table: Table,
    instance: Instance,
    duels: Duels,
}

/// A controller that runs until it is killed.
struct Controller {
    rollouts: Arc<Rollouts>,
    context: Context,
    task: JoinHandle<Result<(), Infallible>>,
}

impl World {
    fn new() -> Self {
        let table = Table::routed_to(1, 1);
        let instance = Instance::new(&table, &[1, 2]);
        let clock = Arc::new(PausedClock(Instant::now()));
        Self { objects: MemoryObjects::default(), clock, table, instance, duels: Duels::default() }
    }

    fn controller(&self, name: &str) -> Controller {
        let objects: Arc<dyn ObjectStore> = Arc::new(self.objects.clone());
        let claim = Claim { key: "leases/rollouts.json", holder: name.to_owned(), duration: Duration::from_secs(15) };
        let lease = Lease::new(Arc::clone(&objects), Arc::clone(&self.clock), claim);
        let store = Store::new(objects, Arc::clone(&self.clock));
        let rollouts = Arc::new(Rollouts::new(store, Arc::clone(&self.clock), 10));
        let fleet = Fleet(vec![self.instance.endpoint("one")]);
        let driver = Driver::new(Arc::new(fleet), Arc::new(self.duels.clone()), Duration::from_secs(2));
        let context = Context::default();
        let metrics = RolloutMetrics::register(&context.metrics);
        let workplace = Workplace { lease, driver, metrics, check: context.health.check("rollouts") };
        let worker = Worker::new(Arc::clone(&rollouts), workplace, Duration::from_secs(1));
        let task = tokio::spawn(worker.run(context.stop.clone()));
        Controller { rollouts, context, task }
    }
}

impl Controller {
    async fn start(&self, spec: Value) {
        self.rollouts.start(&model(), spec).await.expect("stored");
    }

    async fn act(&self, verb: Verb) {
        self.rollouts.act(&model(), spec::name_of(verb)).await.expect("stored");
    }

    /// Waits until something is found in the stored rollout, and returns it.
    async fn find<T>(&self, what: &str, find: impl Fn(&Rollout) -> Option<T>) -> T {
        let mut board = self.rollouts.subscribe();
        let seen = async {
            loop {
                if let Some(found) = board.borrow_and_update().get(&model()).and_then(|rollout| find(rollout)) {
                    return found;
                }
                board.changed().await.expect("the controller lives");
            }
        };
        let last = || self.rollouts.board().get(&model()).map(|rollout| rollout.document.clone());
        tokio::time::timeout(LONG, seen).await.unwrap_or_else(|_| panic!("not {what}: {:#?}", last()))
    }

    /// Waits until the stored status is as wanted.
    async fn until(&self, what: &str, is: impl Fn(&Status) -> bool) -> Status {
        self.find(what, |rollout| Some(status_of(rollout)).filter(&is)).await
    }

    async fn until_phase(&self, phase: Phase) -> Status {
        self.until(phase.as_str(), |status| status.phase == phase).await
    }

    /// Ends the controller between any two instructions.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    fn reasons(&self) -> Vec<String> {
        let board = self.rollouts.board();
        board[&model()].document.events.iter().map(|event| event.reason.clone()).collect()
    }
}

/// Lets paused time pass.
async fn pass(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

/// Waits until the candidate has a share of users in the routing table, in basis points.
async fn until_weight(table: &Table, points: u32, why: &str) {
    tokio::time::timeout(LONG, table.wait_for_weight(2, points)).await.expect(why);
}

fn model() -> ModelName {
    ModelName::try_new("ratings").expect("valid")
}

fn status_of(rollout: &Rollout) -> Status {
    // A status of an earlier specification counts as none.
    match rollout.document.generation == rollout.document.observed_generation {
        true => spec::status(&rollout.document.status).expect("a status"),
        false => Status::default(),
    }
}

fn by_weights() -> Value {
    json!({"model": "ratings", "version": 2, "steps": [{"shadow": {}}, {"setWeight": 25}, {"setWeight": 50}]})
}

fn held() -> Value {
    json!({"model": "ratings", "version": 2, "steps": [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}]})
}

fn by_duel() -> Value {
    json!({
        "model": "ratings",
        "version": 2,
        "steps": [{"shadow": {}}, {"analysis": {}}, {"setWeight": 25}],
        "metrics": [{"name": "accuracy", "duel": {"margin": 0.01, "minRatings": 100}, "interval": "5s"}],
    })
}

/// Lets ratings arrive, 100 a second.
fn ratings(duels: &Duels, difference: f64) -> JoinHandle<()> {
    let duels = duels.clone();
    tokio::spawn(async move {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        loop {
            seconds.tick().await;
            duels.add(100, difference);
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_better_version_goes_through_the_steps_and_completes() {
    let world = World::new();
    let controller = world.controller("one");
    let ratings = ratings(&world.duels, -0.1);
    controller.start(by_duel()).await;
    let status = controller.until_phase(Phase::Completed).await;
    ratings.abort();
    assert_eq!((status.stable.map(|version| version.0), world.table.weight(2)), (Some(2), 10_000));
    let text = controller.context.metrics.text();
    for part in [
        "marquee_rollout_completed_total{model=\"ratings\"} 1",
        "marquee_rollout_phase{model=\"ratings\",phase=\"Completed\"} 1",
        "\nmarquee_rollout_lease 1\n",
    ] {
        assert!(text.contains(part), "no '{part}' in:\n{text}");
    }
    controller.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_worse_version_is_stopped_before_it_has_users() {
    let world = World::new();
    let controller = world.controller("one");
    let ratings = ratings(&world.duels, 0.5);
    controller.start(by_duel()).await;
    let (table, users) = (world.table.clone(), Arc::new(AtomicU32::new(0)));
    let (seen, mut routes) = (Arc::clone(&users), table.subscribe());
    let watch = tokio::spawn(async move {
        while routes.changed().await.is_ok() {
            seen.fetch_max(table.weight(2), Ordering::Relaxed);
        }
    });
    let status = controller.until_phase(Phase::Degraded).await;
    ratings.abort();
    watch.abort();
    assert_eq!((users.load(Ordering::Relaxed), world.table.weight(2)), (0, 0));
    assert_eq!(status.reason, marquee_rollout::Reason::AnalysisFailed, "{}", status.message);
    assert!(controller.reasons().iter().any(|reason| reason == "AnalysisFailed"), "{:?}", controller.reasons());
    let text = controller.context.metrics.text();
    assert!(text.contains("marquee_rollout_aborts_total{model=\"ratings\",reason=\"AnalysisFailed\"} 1"), "{text}");
    controller.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_is_killed_at_any_call_leaves_a_rollout_that_goes_on() {
    for call in 1..=60 {
        let world = World::new();
        let controller = world.controller("one");
        controller.start(by_weights()).await;
        let calls = world.objects.faults().calls().len();
        // The controller never returns from this call of the object store.
        world.objects.faults().add(Step::at(calls + call, Fault::Delay(LONG * 100)));
        let reached = world.objects.faults().wait_for_calls(calls + call);
        tokio::time::timeout(LONG, reached).await.expect("the call is made");
        controller.kill().await;
        let successor = world.controller("one");
        let status = successor.until_phase(Phase::Completed).await;
        assert_eq!(status.stable.map(|version| version.0), Some(2), "killed at call {call}");
        until_weight(&world.table, 10_000, "the route agrees with the status").await;
        successor.kill().await;
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_controllers_one_drives_and_the_other_takes_over() {
    let world = World::new();
    let (one, other) = (world.controller("one"), world.controller("other"));
    one.start(held()).await;
    one.until("held", |status| world.table.weight(2) == 1_000 && status.phase == Phase::Paused).await;
    let holds = |controller: &Controller| controller.context.metrics.text().contains("\nmarquee_rollout_lease 1\n");
    assert!(holds(&one) != holds(&other), "exactly one has the lease");
    let (leader, standby) = if holds(&one) { (one, other) } else { (other, one) };
    leader.kill().await;
    // A call to the controller that stands by waits for it to take over.
    standby.act(Verb::Promote).await;
    standby.until_phase(Phase::Completed).await;
    assert!(holds(&standby));
    standby.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_controller_goes_on_after_an_outage_of_everything() {
    let world = World::new();
    let controller = world.controller("one");
    controller.start(by_weights()).await;
    for call in 1..=40 {
        let calls = world.objects.faults().calls().len();
        world.objects.faults().add(Step::at(calls + call, Fault::Fail(ErrorKind::Unavailable)));
    }
    world.instance.state().hangs = true;
    world.duels.set_away(true);
    pass(Duration::from_secs(60)).await;
    assert!(!controller.task.is_finished(), "the task does not end");
    assert_eq!(world.table.weight(2), 0);
    world.instance.state().hangs = false;
    world.duels.set_away(false);
    controller.until_phase(Phase::Completed).await;
    assert_eq!(world.table.weight(2), 10_000);
    controller.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_route_that_was_changed_by_hand_is_seen_and_named() {
    let world = World::new();
    let controller = world.controller("one");
    controller.start(held()).await;
    controller.until("held", |status| status.phase == Phase::Paused && world.table.weight(2) == 1_000).await;
    let revision = world.table.route().expect("a route").revision;
    world
        .table
        .set(pb::Route { candidates: vec![pb::Candidate { version: 2, weight: 9_000 }], ..route(1, revision + 1) });
    let is_named = |rollout: &Rollout| rollout.document.events.iter().any(|event| event.reason == "RouteRestored");
    controller.find("named", |rollout| is_named(rollout).then_some(())).await;
    until_weight(&world.table, 1_000, "the route is set back").await;
    controller.kill().await;
}

#[tokio::test(start_paused = true)]
async fn every_command_is_carried_out() {
    let world = World::new();
    let controller = world.controller("one");
    controller.start(held()).await;
    controller.until("at the pause", |status| status.phase == Phase::Paused).await;
    controller.act(Verb::Abort).await;
    controller.until_phase(Phase::Degraded).await;
    assert_eq!(world.table.weight(2), 0);
    controller.act(Verb::Retry).await;
    controller.until("at the pause again", |status| status.phase == Phase::Paused).await;
    controller.act(Verb::Pause).await;
    let is_held = |status: &Status| status.rollout.as_ref().is_some_and(|run| run.pause.is_some());
    controller.until("held by hand", is_held).await;
    controller.act(Verb::Resume).await;
    controller.until("not held by hand", |status| !is_held(status)).await;
    controller.act(Verb::PromoteAll).await;
    controller.until_phase(Phase::Completed).await;
    assert_eq!(world.table.weight(2), 10_000);
    controller.act(Verb::Undo).await;
    controller.until("back at version 1", |status| status.stable.is_some_and(|version| version.0 == 1)).await;
    assert_eq!(world.table.weight(1), 10_000);
    let board = controller.rollouts.board();
    assert!(board[&model()].document.commands.is_empty(), "{:?}", board[&model()].document.commands);
    controller.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_ended_can_be_forgotten_and_leaves_the_route_alone() {
    let world = World::new();
    let controller = world.controller("one");
    controller.start(held()).await;
    controller.until_phase(Phase::Paused).await;
    let refused = controller.rollouts.delete(&model()).await.expect_err("it runs");
    assert!(refused.to_string().contains("abort or promote it first"), "{refused}");
    controller.act(Verb::Abort).await;
    controller.until_phase(Phase::Degraded).await;
    controller.rollouts.delete(&model()).await.expect("forgotten");
    world.table.set(route(2, 100));
    pass(Duration::from_secs(30)).await;
    assert_eq!(world.table.weight(2), 10_000, "nothing sets the route back");
    assert_eq!(controller.rollouts.get(&model()).await.expect("answers"), None);
    controller.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_route_that_is_refused_is_named_once_and_ends_the_rollout() {
    let world = World::new();
    let controller = world.controller("one");
    world.instance.refuse(Some("version 2 failed here"));
    let started = Instant::now();
    controller.start(by_weights()).await;
    let status = controller.until_phase(Phase::Degraded).await;
    assert!(started.elapsed() < Duration::from_secs(15), "after {:?}", started.elapsed());
    assert_eq!(status.reason, marquee_rollout::Reason::VersionFailed);
    assert_eq!(status.message, "version 2 cannot be routed: version 2 failed here");
    let refused = controller.reasons().iter().filter(|reason| *reason == ROUTE_NOT_CHANGED).count();
    assert_eq!((refused, world.table.weight(2)), (1, 0), "{:?}", controller.reasons());
    // The same version again, once it can be routed.
    world.instance.refuse(None);
    controller.act(Verb::Retry).await;
    controller.until_phase(Phase::Completed).await;
    controller.kill().await;
}

#[tokio::test(start_paused = true)]
async fn instances_that_are_starting_refuse_nothing() {
    let world = World::new();
    let controller = world.controller("one");
    world.instance.state().refusal = Some(tonic::Status::unavailable("starting"));
    controller.start(by_weights()).await;
    pass(Duration::from_secs(30)).await;
    let refused = controller.reasons().iter().filter(|reason| *reason == ROUTE_NOT_CHANGED).count();
    assert_eq!((refused, world.table.weight(2)), (1, 0), "{:?}", controller.reasons());
    world.instance.state().refusal = None;
    controller.until_phase(Phase::Completed).await;
    controller.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_specification_of_a_newer_release_is_not_driven() {
    let world = World::new();
    let controller = world.controller("one");
    let newer = json!({"model": "ratings", "version": 2, "warp": 9});
    controller.start(newer.clone()).await;
    pass(Duration::from_secs(30)).await;
    let rollout = controller.rollouts.get(&model()).await.expect("answers").expect("stored");
    assert_eq!((rollout.document.spec.clone(), world.table.weight(2)), (newer, 0));
    let board = controller.rollouts.board();
    assert!(board[&model()].stalled.as_ref().is_some_and(|why| why.contains("warp")), "{:?}", board[&model()].stalled);
    controller.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_rollout_is_shown_while_the_store_is_away_and_says_so() {
    let world = World::new();
    let mut controller = world.controller("one");
    controller.start(held()).await;
    controller.until_phase(Phase::Paused).await;
    controller.context.stop.cancel();
    let ended = tokio::time::timeout(LONG, &mut controller.task).await.expect("the task ends");
    assert!(matches!(ended, Ok(Ok(()))), "{ended:?}");
    world.objects.faults().add_next(Fault::Fail(ErrorKind::Unavailable));
    let rollout = controller.rollouts.get(&model()).await.expect("the last one").expect("known");
    assert!(rollout.stalled.as_ref().is_some_and(|why| why.contains("object store")), "{:?}", rollout.stalled);
    assert_eq!(status_of(&rollout).phase, Phase::Paused);
}
