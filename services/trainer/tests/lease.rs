//! Two trainers over one log and one object store. One of them works, both answer calls, and when
//! one is gone the other continues.

mod world;

use std::sync::Arc;

use bytes::Bytes;
use marquee_ports::memory::{Fault, MemoryObjects, Step};
use marquee_ports::{ErrorKind, ObjectKey, ObjectStore as _, Precondition};
use marquee_proto::training::v1::{Algorithm, Parameters, State};

use world::{Reached, World};

fn endless() -> (Algorithm, Parameters) {
    (Algorithm::Bayes, Parameters { sweeps: 10_000, burn_in: 10, samples: 4, factors: 64, ..Parameters::default() })
}

fn short() -> (Algorithm, Parameters) {
    (Algorithm::Bias, Parameters::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_works_and_both_may_be_asked() {
    let Some(world) = World::new().await else { return };
    let one = world.trainer("one").await;
    let long = one.start(endless()).await;
    one.until(&long, State::Running).await;

    let other = world.trainer("other").await;
    let seen = other.until(&long, State::Running).await;
    assert_eq!(seen.training_id, long.training_id);
    let queued = other.start(short()).await;
    other.cancel(&long).await;
    assert_eq!(other.until(&long, State::Cancelled).await.version, 0);
    assert_eq!(other.until(&queued, State::Succeeded).await.version, 1, "the one with the lease worked it off");

    // The first trainer stops in order and releases the lease, so the other one does not wait until
    // it expires.
    one.stop().await;
    let next = other.start(short()).await;
    assert_eq!(other.until(&next, State::Succeeded).await.version, 2);
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_worked_off_where_nothing_may_be_removed() {
    let Some(world) = World::new().await else { return };
    let objects = MemoryObjects::default();
    for number in 1..1_000 {
        objects.faults().add(Step::on("delete", number, Fault::Fail(ErrorKind::Invalid)));
    }
    let trainer = world.trainer_over(Arc::new(objects.clone()), "one", |_| {}).await;
    let first = trainer.start(short()).await;
    trainer.until(&first, State::Succeeded).await;
    // A request to cancel that comes too late would be removed before the next run.
    let late = ObjectKey::try_new(&format!("cancellations/{}.json", first.training_id)).expect("a key");
    objects.put(&late, Bytes::from_static(b"{}"), Precondition::None).await.expect("written");
    let next = trainer.start(short()).await;
    assert_eq!(trainer.until(&next, State::Succeeded).await.version, 2);
    assert!(objects.faults().calls().contains(&"delete"), "it was tried");
    trainer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_one_at_work_dies_its_run_ends_and_the_other_goes_on() {
    let Some(world) = World::new().await else { return };
    let one = world.trainer("one").await;
    let cut = one.start(endless()).await;
    one.until(&cut, State::Running).await;
    let other = world.trainer("other").await;
    let queued = other.start(short()).await;
    one.cancel(&cut).await;
    one.die().await;
    let ended = other.until(&queued, State::Succeeded).await;
    assert_eq!(ended.version, 1);
    // Canceled if the first trainer noticed in time. Otherwise the other one ended it as failed.
    let request = marquee_proto::training::v1::ListTrainingsRequest::default();
    let all = other.client.clone().list_trainings(request).await.expect("lists").into_inner().trainings;
    let cut = all.iter().find(|run| run.training_id == cut.training_id).expect("kept");
    assert!(matches!(cut.state(), State::Failed | State::Cancelled), "{:?}", cut.state());
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_a_trainer_that_was_paused_for_longer_than_its_lease_is_withdrawn() {
    let Some(world) = World::new().await else { return };
    let (one, pause) = world.trainer_that_pauses("one").await;
    let late = one.start(short()).await;
    pause.until(Reached::Paused).await;
    let other = world.trainer("other").await;
    let ended = other.until(&late, State::Failed).await;
    assert!(ended.message.contains("interrupted"), "{}", ended.message);

    pause.resume();
    pause.until(Reached::Withdrawn).await;
    let models = ObjectKey::try_new("models").expect("valid");
    let stored = world.objects.list(Some(&models)).await.expect("lists");
    assert!(!stored.iter().any(|entry| entry.key.as_str().ends_with("/manifest.json")), "{stored:?}");
    assert_eq!(one.until(&late, State::Failed).await.version, 0, "both trainers tell the same");
    let next = other.start(short()).await;
    assert_eq!(other.until(&next, State::Succeeded).await.version, 2, "the number is not used again");
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_held_out_ratings_fail_a_gate_before_the_fit() {
    let Some(world) = World::new().await else { return };
    let trainer = world.trainer_with("one", |settings| settings.gates.min_holdout = 61).await;
    let run = trainer.start(short()).await;
    let failed = trainer.until(&run, State::Failed).await;
    assert_eq!(
        failed.message,
        "gate holdout_ratings: 60 ratings held out, but at least 61 must judge a model; nothing was published: \
         import more ratings, or give a larger share with parameters.holdout"
    );
    assert!(failed.metrics.is_none(), "nothing was fitted");
    trainer.stop().await;
}
