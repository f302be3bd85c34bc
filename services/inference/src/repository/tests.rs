//! Loads: outcomes, retries, bounds and what is kept.

mod unloading;

use std::sync::Arc;
use std::time::Duration;

use marquee_domain::SystemClock;
use marquee_kit::{Context, Metrics};

use super::*;
use crate::testing::{FakeLoader, Step, VERSION_BYTES, key, let_pass, within};

/// Returns a repository that has listed the store.
async fn repository(loader: &Arc<FakeLoader>) -> Arc<Repository> {
    let context = Context::default();
    let process = Process { tasks: context.tasks, stop: context.stop, clock: Arc::new(SystemClock) };
    let repository = Repository::new(loader.clone(), LIMITS, process, LoadMetrics::register(&Metrics::default()));
    repository.refresh().await.unwrap();
    repository
}

const LIMITS: Limits = Limits { loads: 2, deadline: Duration::from_secs(60), keep: 2, bytes: 0 };

/// Waits until a condition holds after a change.
async fn until(repository: &Repository, holds: impl Fn() -> bool) {
    let mut changes = repository.changes();
    while !holds() {
        within(changes.changed()).await.unwrap();
    }
}

fn is_warm(repository: &Repository, version: u64) -> bool {
    repository.warm(&key(version)).is_some()
}

#[tokio::test(start_paused = true)]
async fn the_newest_versions_are_loaded_and_older_ones_unloaded() {
    let loader = FakeLoader::with(1..=3);
    let repository = repository(&loader).await;
    repository.retain(&BTreeSet::new());
    until(&repository, || is_warm(&repository, 3) && is_warm(&repository, 2)).await;
    assert!(repository.state(&key(1)).is_none());
    loader.store(4, 0);
    repository.refresh().await.unwrap();
    repository.retain(&BTreeSet::from([key(1)]));
    until(&repository, || is_warm(&repository, 4) && is_warm(&repository, 1)).await;
    assert!(repository.state(&key(2)).is_none(), "it is neither routed nor among the newest two");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_pass_is_tried_again_with_growing_waits() {
    let loader = FakeLoader::with([1]);
    for _ in 0..4 {
        loader.script(1, Step::Away);
    }
    let repository = repository(&loader).await;
    let started = tokio::time::Instant::now();
    repository.retain(&BTreeSet::from([key(1)]));
    until(&repository, || is_warm(&repository, 1)).await;
    assert_eq!(loader.loads(), [1; 5]);
    let waited = started.elapsed();
    assert!((Duration::from_millis(1_875)..=Duration::from_millis(3_800)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_routed_version_that_appears_later_is_loaded_at_once() {
    let loader = FakeLoader::with([]);
    let repository = repository(&loader).await;
    repository.retain(&BTreeSet::from([key(1)]));
    let missing = || matches!(repository.state(&key(1)), Some((VersionState::Failed { .. }, _)));
    until(&repository, missing).await;
    assert_eq!(
        repository.explain(&key(1)),
        "version 1 of model 'ratings' is not loaded yet: the version is not in the model store"
    );
    loader.store(1, 0);
    repository.refresh().await.unwrap();
    let before = tokio::time::Instant::now();
    repository.retain(&BTreeSet::from([key(1)]));
    until(&repository, || is_warm(&repository, 1)).await;
    assert_eq!(before.elapsed(), Duration::ZERO, "it does not wait for the backoff");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_hangs_is_given_up_and_tried_again() {
    let loader = FakeLoader::with([1]);
    loader.script(1, Step::Hang);
    let repository = repository(&loader).await;
    repository.retain(&BTreeSet::from([key(1)]));
    let failed = || matches!(repository.state(&key(1)), Some((VersionState::Failed { retrying: true, .. }, _)));
    until(&repository, failed).await;
    assert!(repository.explain(&key(1)).ends_with("loading took longer than 60s"));
    until(&repository, || is_warm(&repository, 1)).await;
}

#[tokio::test(start_paused = true)]
async fn loads_run_side_by_side_up_to_the_bound() {
    let loader = FakeLoader::with(1..=3);
    for version in 1..=3 {
        loader.script(version, Step::Hold);
    }
    let repository = repository(&loader).await;
    repository.retain(&BTreeSet::from([key(1), key(2), key(3)]));
    let_pass(Duration::from_secs(1)).await;
    assert_eq!(loader.loads(), [1, 2]);
    loader.release(2);
    until(&repository, || is_warm(&repository, 2)).await;
    let_pass(Duration::from_secs(1)).await;
    assert_eq!(loader.loads(), [1, 2, 3], "version 1 still loads and does not delay version 3");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_asked_for_is_kept_and_a_refusal_is_returned() {
    let loader = FakeLoader::with(1..=5);
    loader.script(2, Step::Refuse);
    let repository = repository(&loader).await;
    assert_eq!(repository.load(&key(1)).await.unwrap().version, Version(1));
    let refused = repository.load(&key(2)).await.unwrap_err();
    assert_eq!(refused.to_string(), "the package has no usable encoder.onnx");
    assert!(matches!(*repository.load(&key(9)).await.unwrap_err(), LoadError::NotFound));
    repository.retain(&BTreeSet::new());
    assert!(is_warm(&repository, 1));
    assert!(repository.state(&key(2)).is_none() && repository.state(&key(9)).is_none());
    // Asked for again, it is tried again.
    assert!(repository.load(&key(2)).await.is_ok());
    // The oldest version that was asked for makes room.
    repository.load(&key(3)).await.unwrap();
    repository.retain(&BTreeSet::new());
    assert!(!is_warm(&repository, 1));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_a_caller_waits_for_is_not_ended() {
    let loader = FakeLoader::with(1..=5);
    loader.script(1, Step::Hold);
    let repository = repository(&loader).await;
    let waiting = tokio::spawn({
        let repository = Arc::clone(&repository);
        async move { repository.load(&key(1)).await }
    });
    while repository.state(&key(1)).is_none() {
        tokio::task::yield_now().await;
    }
    repository.retain(&BTreeSet::new());
    loader.release(1);
    assert_eq!(waiting.await.unwrap().unwrap().version, Version(1));
}

/// Returns a repository whose limit is the size of two versions.
async fn small(loader: &Arc<FakeLoader>, metrics: &Metrics) -> Arc<Repository> {
    let context = Context::default();
    let process = Process { tasks: context.tasks, stop: context.stop, clock: Arc::new(SystemClock) };
    let limits = Limits { bytes: 2 * VERSION_BYTES, ..LIMITS };
    let repository = Repository::new(loader.clone(), limits, process, LoadMetrics::register(metrics));
    repository.refresh().await.unwrap();
    repository
}

#[tokio::test(start_paused = true)]
async fn versions_that_no_route_names_leave_when_memory_is_short() {
    let (loader, metrics) = (FakeLoader::with(1..=3), Metrics::default());
    let repository = small(&loader, &metrics).await;
    repository.retain(&BTreeSet::from([key(1)]));
    until(&repository, || is_warm(&repository, 1) && is_warm(&repository, 3)).await;
    assert!(repository.state(&key(2)).is_none() && repository.is_left_out(&key(2)));
    let reason = repository.explain(&key(2));
    assert!(reason.starts_with("version 2 of model 'ratings' is not loaded: memory is short"), "{reason}");
    assert!(metrics.text().contains("marquee_inference_versions_left_out 1"), "{}", metrics.text());

    // A version that is asked for takes the place of one that is only new.
    repository.load(&key(2)).await.unwrap();
    let used = repository.warm(&key(3)).unwrap();
    repository.retain(&BTreeSet::from([key(1)]));
    assert!(is_warm(&repository, 2) && is_warm(&repository, 3), "a request uses version 3");
    drop(used);
    repository.retain(&BTreeSet::from([key(1)]));
    assert!(is_warm(&repository, 2) && !is_warm(&repository, 3));
}

#[tokio::test(start_paused = true)]
async fn versions_of_routes_are_loaded_however_short_memory_is() {
    let (loader, metrics) = (FakeLoader::with(1..=4), Metrics::default());
    let repository = small(&loader, &metrics).await;
    repository.retain(&(1..=3).map(key).collect());
    until(&repository, || (1..=3).all(|version| is_warm(&repository, version))).await;
    let refused = repository.load(&key(4)).await.unwrap_err();
    assert!(matches!(*refused, LoadError::NoRoom { need: 10, held: 30, limit: 20 }), "{refused}");
    assert!(repository.load(&key(3)).await.is_ok());
}
