//! The queue over an object store in memory, shared by trainers that know nothing of each other.

use std::time::Duration;

use marquee_domain::{Algorithm, FitParameters, ManualClock, ModelName, Stage, Version};
use marquee_lease::{Claim, Lease};
use marquee_ports::memory::{Fault, MemoryObjects, Step};

use super::*;
use crate::tracking::Tracking;

/// Trainers over one object store and one clock.
struct Deployment {
    objects: Arc<dyn ObjectStore>,
    clock: Arc<ManualClock>,
}

impl Deployment {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_764_081_000)));
        Self { objects: Arc::new(MemoryObjects::default()), clock }
    }

    async fn queue(&self) -> Queue {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Queue::open(Arc::clone(&self.objects), clock).await.expect("opens")
    }

    fn lease(&self, holder: &str) -> Lease {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let duration = Duration::from_secs(15);
        let claim = Claim { key: "leases/trainer.json", holder: holder.to_owned(), duration };
        Lease::new(Arc::clone(&self.objects), clock, claim)
    }

    fn pass(&self, time: Duration) {
        self.clock.set(self.clock.now().plus(time));
    }
}

pub(crate) fn plan() -> TrainingPlan {
    TrainingPlan {
        model: ModelName::try_new("ratings").expect("valid"),
        algorithm: Algorithm::Map,
        parameters: FitParameters::default_of(Algorithm::Map),
        holdout: 0.1,
    }
}

/// Ends the runs of a dead trainer, or reads their verdict instead.
async fn end_abandoned(queue: &Queue) {
    for run in queue.abandoned() {
        let outcome = Outcome::Failed("interrupted".to_owned());
        queue.end_abandoned(&run, outcome).await.expect("ends or reads the verdict");
    }
}

pub(crate) fn published() -> Outcome {
    Outcome::Published { version: Version(1), digest: "ab".to_owned() }
}

#[tokio::test]
async fn a_run_survives_a_restart_and_is_known_to_every_trainer() {
    let deployment = Deployment::new();
    let (one, other) = (deployment.queue().await, deployment.queue().await);
    let run = one.create(plan()).await.expect("creates");
    other.refresh().await.expect("reads");
    assert_eq!(other.get(run.id()).expect("known").now(), run.now());
    one.end(&run, published()).await.expect("ends");
    assert_eq!(deployment.queue().await.before(None, 10), [run.now()]);
    other.refresh().await.expect("reads");
    assert_eq!(other.before(None, 10), [run.now()]);
}

#[tokio::test]
async fn runs_are_listed_from_any_run_on_the_newest_first() {
    let deployment = Deployment::new();
    let queue = deployment.queue().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.insert(0, queue.create(plan()).await.expect("creates").id().clone());
    }
    let listed = |from: Option<&RunId>, count| -> Vec<RunId> {
        queue.before(from, count).into_iter().map(|run| run.id).collect()
    };
    assert_eq!(listed(None, 2), ids[..2]);
    assert_eq!(listed(Some(&ids[1]), 9), ids[2..]);
    assert_eq!(listed(Some(&ids[3]), 9), []);
}

#[tokio::test]
async fn only_the_oldest_runs_that_have_ended_go() {
    let deployment = Deployment::new();
    let (one, other) = (deployment.queue().await, deployment.queue().await);
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(one.create(plan()).await.expect("creates"));
    }
    // The oldest one still waits.
    for run in &runs[1..] {
        one.end(run, published()).await.expect("ends");
    }
    // A request to cancel that comes too late.
    let late = key(&format!("{CANCELLATIONS}/{}.json", runs[4].id())).expect("a key");
    deployment.objects.put(&late, Bytes::from_static(b"{}"), Precondition::None).await.expect("written");
    for queue in [&one, &other] {
        queue.refresh().await.expect("reads");
    }
    one.prune(2).await.expect("removes");
    let ids = |queue: &Queue| -> Vec<RunId> { queue.before(None, 9).into_iter().map(|run| run.id).collect() };
    let expected: Vec<RunId> = [4, 3, 0].map(|at: usize| runs[at].id().clone()).into();
    other.refresh().await.expect("reads");
    assert_eq!(
        (ids(&one), ids(&other), ids(&deployment.queue().await)),
        (expected.clone(), expected.clone(), expected)
    );
    assert_eq!(deployment.objects.get(&late).await.expect("answers"), None);
    assert_eq!(one.next().expect("waits").id(), runs[0].id());
}

#[tokio::test]
async fn two_runs_of_one_microsecond_get_two_ids() {
    let deployment = Deployment::new();
    let (one, other) = (deployment.queue().await, deployment.queue().await);
    let first = one.create(plan()).await.expect("creates");
    let second = other.create(plan()).await.expect("creates");
    assert!(first.id() < second.id());
    one.refresh().await.expect("reads");
    assert_eq!((one.waiting(), one.next().expect("waits").id()), (2, first.id()));
}

#[tokio::test]
async fn a_trainer_that_lost_its_lease_does_not_overwrite_the_verdict() {
    let deployment = Deployment::new();
    let (paused, successor) = (deployment.queue().await, deployment.queue().await);
    let (old_lease, new_lease) = (deployment.lease("paused"), deployment.lease("successor"));
    let run = paused.create(plan()).await.expect("creates");
    assert!(old_lease.hold().await.expect("answers"));
    paused.set_working(&run, true);
    run.enter(Stage::Fit, "fitting");
    paused.save(&run).await.expect("saves");

    deployment.pass(Duration::from_secs(60));
    assert!(new_lease.hold().await.expect("answers"));
    successor.refresh().await.expect("reads");
    end_abandoned(&successor).await;
    new_lease.release().await.expect("releases");

    // The paused trainer gets the lease again, because nobody has it, and goes on where it was.
    assert!(old_lease.hold().await.expect("answers"));
    run.enter(Stage::Publish, "publishing");
    assert!(matches!(paused.save(&run).await, Err(QueueError::Superseded)));
    assert!(matches!(paused.end(&run, published()).await, Err(QueueError::Superseded)));
    assert_eq!(run.now().state, RunState::Failed, "it learns the verdict of the other trainer");
    assert_eq!(deployment.queue().await.before(None, 1)[0].state, RunState::Failed);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_not_another_trainers() {
    let objects = MemoryObjects::default();
    let faults = objects.faults().clone();
    let deployment = Deployment { objects: Arc::new(objects), ..Deployment::new() };
    let queue = deployment.queue().await;
    let run = queue.create(plan()).await.expect("creates");
    run.enter(Stage::Fit, "fitting");
    faults.add_next(Fault::FailAfter(ErrorKind::Unavailable));
    assert!(queue.save(&run).await.expect_err("the answer is lost").is_retryable());
    queue.save(&run).await.expect("the write is there already");
    queue.end(&run, published()).await.expect("ends");
}

#[tokio::test]
async fn a_run_that_was_left_can_be_begun_again_and_the_old_attempt_changes_nothing() {
    let queue = Deployment::new().queue().await;
    let run = queue.create(plan()).await.expect("creates");
    let first = run.begin(Tracking::off());
    first.leave();
    let second = run.begin(Tracking::off());
    assert!(first.must_stop() && !second.must_stop() && !run.is_canceled());
    second.enter(Stage::Fit, "fitting");
    first.advance(0.9);
    assert_eq!(run.now().progress, 0.0);
    run.cancel();
    assert!(second.must_stop());
}

#[tokio::test]
async fn a_run_that_ended_meanwhile_is_not_called_abandoned() {
    let deployment = Deployment::new();
    let (one, other) = (deployment.queue().await, deployment.queue().await);
    let run = one.create(plan()).await.expect("creates");
    run.enter(Stage::Fit, "fitting");
    one.save(&run).await.expect("saves");
    other.refresh().await.expect("reads");
    one.end(&run, published()).await.expect("ends");
    end_abandoned(&other).await;
    assert_eq!(other.before(None, 1)[0].state, RunState::Succeeded);
    assert_eq!(deployment.queue().await.before(None, 1)[0].state, RunState::Succeeded);
}

#[tokio::test]
async fn a_cancellation_reaches_the_trainer_at_work_and_goes_when_the_run_ends() {
    let deployment = Deployment::new();
    let (one, other) = (deployment.queue().await, deployment.queue().await);
    let run = one.create(plan()).await.expect("creates");
    one.set_working(&run, true);
    other.refresh().await.expect("reads");
    other.cancel(&other.get(run.id()).expect("known")).await.expect("cancels");
    assert!(!run.is_canceled());
    one.refresh().await.expect("reads");
    assert!(run.is_canceled());
    one.end(&run, Outcome::Canceled("canceled".to_owned())).await.expect("ends");
    let left = deployment.objects.list(Some(&key(CANCELLATIONS).expect("valid"))).await.expect("lists");
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn fields_of_a_newer_trainer_survive_a_change_by_this_one() {
    let deployment = Deployment::new();
    let run = deployment.queue().await.create(plan()).await.expect("creates");
    let place = key_of(run.id()).expect("valid");
    let object = deployment.objects.get(&place).await.expect("reads").expect("exists");
    let mut json: serde_json::Value = serde_json::from_slice(&object.bytes).expect("JSON");
    json["priority"] = "high".into();
    let written = deployment.objects.put(&place, json.to_string().into(), Precondition::None).await;
    written.expect("writes");

    let queue = deployment.queue().await;
    queue.end(&queue.next().expect("waits"), Outcome::Failed("no ratings".to_owned())).await.expect("ends");
    let object = deployment.objects.get(&place).await.expect("reads").expect("exists");
    let json: serde_json::Value = serde_json::from_slice(&object.bytes).expect("JSON");
    assert_eq!((&json["priority"], &json["state"]), (&"high".into(), &"STATE_FAILED".into()));
}

#[tokio::test]
async fn an_unreadable_object_does_not_hide_the_other_runs() {
    let deployment = Deployment::new();
    let run = deployment.queue().await.create(plan()).await.expect("creates");
    let place = key("trainings/t0000000000000001.json").expect("valid");
    deployment.objects.put(&place, "{".into(), Precondition::None).await.expect("writes");
    let queue = deployment.queue().await;
    assert_eq!(queue.before(None, 10), [run.now()]);
    assert_eq!(queue.unreadable().len(), 1);
    let written = key_of(run.id()).expect("valid");
    let mended = deployment.objects.get(&written).await.expect("reads").expect("exists").bytes;
    deployment.objects.put(&place, mended, Precondition::None).await.expect("writes");
    queue.refresh().await.expect("reads");
    assert!(queue.unreadable().is_empty(), "it is read again once it changed");
}

#[tokio::test]
async fn a_holder_that_renews_from_two_places_does_not_lose_its_lease() {
    let objects = MemoryObjects::default();
    let faults = objects.faults().clone();
    let deployment = Deployment { objects: Arc::new(objects), ..Deployment::new() };
    let lease = deployment.lease("one");
    assert!(lease.hold().await.expect("answers"));
    faults.add(Step::on("put", 2, Fault::Fail(ErrorKind::Conflict)));
    assert!(lease.hold().await.expect("answers"), "the other renewal was its own");
    assert!(!deployment.lease("other").hold().await.expect("answers"));
}

#[tokio::test]
async fn one_trainer_has_the_lease_until_it_expires_or_is_released() {
    let deployment = Deployment::new();
    let (one, other) = (deployment.lease("one"), deployment.lease("other"));
    assert!(one.hold().await.expect("answers"));
    assert!(!other.hold().await.expect("answers"));
    deployment.pass(Duration::from_secs(14));
    assert!(one.hold().await.expect("renews"));
    deployment.pass(Duration::from_secs(14));
    assert!(!other.hold().await.expect("answers"));
    deployment.pass(Duration::from_secs(1));
    assert!(other.hold().await.expect("takes over"));
    assert!(!one.hold().await.expect("answers"));
    one.release().await.expect("does nothing");
    assert!(other.hold().await.expect("renews"));
    other.release().await.expect("releases");
    assert!(one.hold().await.expect("takes over"));
}
