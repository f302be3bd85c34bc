//! What a tracker is told about runs.

mod world;

use marquee_ports::TrackingEvent;
use marquee_proto::training::v1::{Algorithm, Parameters, State};

use world::World;

fn short() -> (Algorithm, Parameters) {
    (Algorithm::Map, Parameters { factors: 2, sweeps: 3, ..Parameters::default() })
}

/// Returns the kind of an event, with the names of the metrics.
fn kind(event: &TrackingEvent) -> String {
    match event {
        TrackingEvent::RunStarted(_) => "started".to_owned(),
        TrackingEvent::DatasetRead { .. } => "read".to_owned(),
        TrackingEvent::Measured { step, metrics, .. } => {
            let names: Vec<&str> = metrics.iter().map(|(name, _)| name.as_str()).collect();
            format!("{step} {}", names.join(" "))
        }
        TrackingEvent::Reported { file, .. } => format!("reported {file}"),
        TrackingEvent::Published(_) => "published".to_owned(),
        TrackingEvent::RunEnded { state, .. } => format!("ended {state:?}"),
        TrackingEvent::RouteMoved(_) => "moved".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_is_told_of_each_run_from_its_start_to_its_end() {
    let Some(world) = World::new().await else { return };
    let trainer = world.trainer("one").await;
    let run = trainer.start(short()).await;
    let ended = trainer.until(&run, State::Succeeded).await;
    let events = world.events.until_end_of(&run.training_id).await;
    let kinds: Vec<String> = events.iter().map(kind).collect();
    let curve = |names: &'static str| (1..=3).map(move |step| format!("{step} {names}")).collect::<Vec<_>>();
    let mut expected = vec!["started".to_owned(), "read".to_owned()];
    expected.extend(curve("evaluate/seconds evaluate/noise evaluate/rmse"));
    expected.extend(curve("fit/seconds fit/noise"));
    expected.extend(["published".to_owned(), "ended Succeeded".to_owned()]);
    assert_eq!(kinds, expected);

    let Some(TrackingEvent::RunStarted(started)) = events.first() else { panic!("no start") };
    assert_eq!(started.params["algorithm"], "map");
    assert_eq!(started.params["factors"], "2");
    let Some(TrackingEvent::DatasetRead { dataset, .. }) = events.get(1) else { panic!("no data set") };
    assert_eq!((dataset.ratings, dataset.users, dataset.digest.as_str()), (600, 30, ended.dataset_digest.as_str()));
    let Some(TrackingEvent::Published(published)) = events.iter().rev().nth(1) else { panic!("no version") };
    assert_eq!((published.version.0, published.digest.as_str()), (ended.version, ended.digest.as_str()));
    let listed = world.objects.list(Some(&published.package)).await.expect("lists");
    assert!(listed.iter().any(|entry| entry.key.as_str().ends_with("/report.html")), "{listed:?}");
    let Some(TrackingEvent::RunEnded { metrics, message, .. }) = events.last() else { panic!("no end") };
    assert!(metrics["rmse"] > 0.0 && metrics.contains_key("gate/parity"), "{metrics:?}");
    assert_eq!(message, "");

    // A run that fails says why, and has no version.
    let strict = world.trainer_with("two", |settings| settings.gates.min_holdout = 1_000).await;
    trainer.stop().await;
    let run = strict.start(short()).await;
    strict.until(&run, State::Failed).await;
    let events = world.events.until_end_of(&run.training_id).await;
    let kinds: Vec<String> = events.iter().map(kind).skip(expected.len()).collect();
    assert_eq!(kinds, ["started", "read", "ended Failed"]);
    let Some(TrackingEvent::RunEnded { message, .. }) = events.last() else { panic!("no end") };
    assert!(message.contains("holdout_ratings"), "{message}");
    strict.stop().await;
}
