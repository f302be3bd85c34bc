//! The tracker against a real MLflow server, and its models under MLflow's own Python client.
//!
//! `MARQUEE_MLFLOW_PYTHON` names a Python with MLflow; `make mlflow` makes one. Without it the test
//! is skipped, except in continuous integration.

#[path = "real/packages.rs"]
mod packages;
#[path = "real/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{ModelName, RunId, RunState, Timestamp, Version};
use marquee_mlflow::{Delivery, Recorder, Settings};
use marquee_ports::memory::MemoryObjects;
use marquee_ports::{PublishedModel, TrackedDataset, TrackedRoute, TrackedRun, Tracker as _, TrackingEvent};
use serde_json::{Value, json};

use packages::Trained;
use server::Server;

const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// More than one call of the API takes.
const SWEEPS: u64 = 1_200;

fn model() -> ModelName {
    ModelName::try_new("ratings").expect("valid")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + second)
}

fn started(run: &str, parent: Option<&str>) -> TrackingEvent {
    let id = |text: &str| RunId::try_new(text).expect("valid");
    TrackingEvent::RunStarted(TrackedRun {
        run: id(run),
        parent: parent.map(id),
        model: model(),
        at: at(0),
        params: BTreeMap::from([("factors".to_owned(), "3".to_owned())]),
    })
}

fn published(run: &str, (version, digest): (Version, String)) -> TrackingEvent {
    TrackingEvent::Published(PublishedModel {
        run: RunId::try_new(run).expect("valid"),
        model: model(),
        version,
        at: at(20),
        digest,
        package: marquee_model::ModelStore::folder(&model(), version).expect("valid"),
        params: BTreeMap::from([("factors".to_owned(), "3".to_owned())]),
        metrics: BTreeMap::from([("rmse".to_owned(), 0.9), ("precision@10".to_owned(), 0.25)]),
    })
}

fn ended(run: &str, state: RunState, message: &str) -> TrackingEvent {
    TrackingEvent::RunEnded {
        run: RunId::try_new(run).expect("valid"),
        at: at(30),
        state,
        message: message.to_owned(),
        metrics: BTreeMap::from([("rmse".to_owned(), 0.9), ("nll".to_owned(), f64::NAN)]),
    }
}

/// Returns everything that a run and its parts tell.
fn story(first: (Version, String)) -> Vec<TrackingEvent> {
    let run = RunId::try_new("t1").expect("valid");
    let dataset =
        TrackedDataset { name: "ratings".to_owned(), digest: DIGEST.to_owned(), ratings: 360, users: 30, movies: 12 };
    let mut events = vec![started("t1", None), TrackingEvent::DatasetRead { run: run.clone(), at: at(1), dataset }];
    events.extend((1..=SWEEPS).map(|step| TrackingEvent::Measured {
        run: run.clone(),
        at: at(step.cast_signed() / 100),
        step,
        metrics: vec![("fit/rmse".to_owned(), 1.0 / step as f64)],
    }));
    events.extend([started("t1-fold-1", Some("t1")), ended("t1-fold-1", RunState::Failed, "no ratings")]);
    events.extend([published("t1", first), ended("t1", RunState::Succeeded, "")]);
    events
}

fn moved(stable: Version, candidate: Option<Version>, revision: u64) -> TrackingEvent {
    TrackingEvent::RouteMoved(TrackedRoute { model: model(), stable, candidate, revision })
}

/// Delivers events as a process does that then ends.
async fn deliver(settings: &Settings, objects: &MemoryObjects, events: Vec<TrackingEvent>) {
    let recorder = Recorder::new(settings, Arc::new(objects.clone())).expect("a recorder");
    let (queue, delivery) = Delivery::new(settings, recorder);
    let (counts, expected) = (delivery.counts(), events.len() as u64);
    for event in events {
        queue.record(event);
    }
    let delivered = async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while counts.delivered.get() < expected {
            look.tick().await;
        }
    };
    let delivered = tokio::time::timeout(Duration::from_secs(90), delivered);
    tokio::select! {
        () = delivery.run(std::future::pending()) => {}
        result = delivered => assert!(result.is_ok(), "{} of {expected}", counts.delivered.get()),
    }
}

/// Returns the number of the version of each alias.
fn aliases(model: &Value) -> BTreeMap<&str, &str> {
    let aliases = model["registered_model"]["aliases"].as_array().map(Vec::as_slice).unwrap_or_default();
    aliases.iter().map(|one| (one["alias"].as_str().expect("text"), one["version"].as_str().expect("text"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_a_version_and_its_aliases_reach_a_real_server_and_the_champion_predicts() {
    let Some(server) = Server::start().await else { return };
    let objects = MemoryObjects::default();
    let settings = Settings { url: server.url(), experiment: "movies at home".to_owned(), ..Settings::default() };
    let trained = Trained::new(3.0);
    let first = trained.publish(&objects).await;
    let second = Trained::new(2.0).publish(&objects).await;

    // The route changes before its candidate is registered.
    let mut events = story(first.clone());
    events.push(moved(first.0, Some(second.0), 2));
    events.extend([started("t2", None), published("t2", second.clone()), ended("t2", RunState::Succeeded, "")]);
    deliver(&settings, &objects, events).await;

    let run = check_run(&server).await;
    check_model(&server, &run, &first).await;
    let registered = server.get("registered-models/get", &[("name", "ratings")]).await;
    assert_eq!(aliases(&registered), BTreeMap::from([("champion", "1"), ("challenger", "2")]));
    server.check_predictions(&trained, "champion").await;

    // A process that begins again tells the same again, and an older route comes late.
    let mut again = story(first.clone());
    again.push(moved(second.0, None, 3));
    deliver(&settings, &objects, again).await;
    deliver(&settings, &objects, vec![moved(first.0, None, 1)]).await;
    let registered = server.get("registered-models/get", &[("name", "ratings")]).await;
    assert_eq!(aliases(&registered), BTreeMap::from([("champion", "2")]));
    let versions = server.get("model-versions/search", &[("filter", "name = 'ratings'")]).await;
    assert_eq!(versions["model_versions"].as_array().map(Vec::len), Some(2), "{versions}");
    let runs = server.runs("tags.`marquee.run` LIKE '%'").await;
    assert_eq!(runs.len(), 3, "{runs:?}");
}

/// Checks the runs. Returns the id of the first one.
async fn check_run(server: &Server) -> String {
    let runs = server.runs("tags.`marquee.run` = 't1'").await;
    let run = runs.first().expect("a run");
    let id = run["info"]["run_id"].as_str().expect("an id").to_owned();
    assert_eq!((run["info"]["status"].as_str(), run["info"]["run_name"].as_str()), (Some("FINISHED"), Some("t1")));
    assert_eq!(
        (&run["info"]["start_time"], &run["info"]["end_time"]),
        (&json!(1_700_000_000_000_u64), &json!(1_700_000_030_000_u64))
    );
    assert_eq!(run["data"]["params"], json!([{"key": "factors", "value": "3"}]));
    let dataset = &run["inputs"]["dataset_inputs"][0];
    assert_eq!(dataset["dataset"]["digest"], DIGEST[..36]);
    assert_eq!(dataset["dataset"]["source"], json!({"topic": "ratings", "sha256": DIGEST}).to_string());
    let tags = run["data"]["tags"].to_string();
    assert!(tags.contains(DIGEST) && tags.contains("marquee.model"), "{tags}");

    let query = [("run_id", id.as_str()), ("metric_key", "fit/rmse"), ("max_results", "5000")];
    let history = server.get("metrics/get-history", &query).await;
    let steps: Vec<u64> =
        history["metrics"].as_array().expect("a curve").iter().filter_map(|one| one["step"].as_u64()).collect();
    assert_eq!(steps.len() as u64, SWEEPS);
    assert_eq!((steps.iter().min(), steps.iter().max()), (Some(&1), Some(&SWEEPS)));

    let nested = server.runs(&format!("tags.`mlflow.parentRunId` = '{id}'")).await;
    assert_eq!(nested.len(), 1);
    assert_eq!(nested[0]["info"]["status"], "FAILED");
    assert!(nested[0]["data"]["tags"].to_string().contains("no ratings"));

    let artifacts = server.get("artifacts/list", &[("run_id", &id)]).await;
    let mut paths: Vec<&str> =
        artifacts["files"].as_array().expect("files").iter().filter_map(|file| file["path"].as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["manifest.json", "metrics.json", "report.html"]);
    id
}

/// Checks the logged model and the version.
async fn check_model(server: &Server, run: &str, (version, digest): &(Version, String)) {
    let versions = server.get("model-versions/search", &[("filter", "name = 'ratings'")]).await;
    let versions = versions["model_versions"].as_array().expect("versions");
    let found = versions.iter().find(|one| one["version"] == "1").expect("the first version");
    let tags = found["tags"].to_string();
    assert!(tags.contains(digest) && tags.contains(&format!(r#""value":"{version}""#)), "{tags}");
    assert_eq!((found["run_id"].as_str(), found["status"].as_str()), (Some(run), Some("READY")));
    let id = found["source"].as_str().and_then(|source| source.strip_prefix("models:/")).expect("a logged model");
    let logged = &server.get(&format!("logged-models/{id}"), &[]).await["model"];
    assert_eq!(logged["info"]["status"], "LOGGED_MODEL_READY");
    let metrics = logged["data"]["metrics"].as_array().expect("metrics");
    let mut names: Vec<&str> = metrics.iter().filter_map(|metric| metric["key"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["precision_at_10", "rmse"]);
}
