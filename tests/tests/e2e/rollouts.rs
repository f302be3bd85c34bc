//! Rollouts in a fleet: by hand, by evidence, over kills, and from the command line.

#[path = "rollouts/evidence.rs"]
mod evidence;
#[path = "rollouts/files.rs"]
mod files;
#[path = "rollouts/kills.rs"]
mod kills;
#[path = "rollouts/load.rs"]
mod load;

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use marquee_controller::Controller;
use marquee_e2e::{Clients, Fleet, World, marquee, until};
use marquee_proto::document;
use marquee_proto::rollout::v1::{
    ActOnRolloutRequest, GetRolloutHistoryRequest, GetRolloutRequest, Rollout, StartRolloutRequest, Verb,
};
use marquee_proto::training::v1::{Algorithm, Parameters};
use serde_json::{Value, json};
use tonic::codegen::http::Method;
use tonic::{Code, Status};

use crate::spine::teach;

/// The product's own `main`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// A fleet that looks at its rollouts often, with ratings of a small world and one version.
async fn trained(world: &World) -> Result<Fleet> {
    let fleet =
        Fleet::start_with(|settings| settings.role::<Controller>().interval = Duration::from_millis(100)).await?;
    teach(fleet.clients(), world, Algorithm::Bias).await?;
    Ok(fleet)
}

async fn start(clients: &Clients, spec: &Value) -> Result<Rollout, Status> {
    let spec = spec.as_object().map(document::to_struct);
    let answer = clients.rollouts.clone().start_rollout(StartRolloutRequest { spec }).await?.into_inner();
    Ok(answer.rollout.expect("a rollout"))
}

async fn act(clients: &Clients, verb: Verb) -> Result<(), Status> {
    let request = ActOnRolloutRequest { model: "ratings".to_owned(), verb: verb.into() };
    clients.rollouts.clone().act_on_rollout(request).await.map(drop)
}

async fn get(clients: &Clients) -> Result<Rollout, Status> {
    let request = GetRolloutRequest { model: "ratings".to_owned() };
    Ok(clients.rollouts.clone().get_rollout(request).await?.into_inner().rollout.expect("a rollout"))
}

/// The status, once it belongs to the specification and every command is carried out.
fn status(rollout: &Rollout) -> Option<Value> {
    let is_current = rollout.generation == rollout.observed_generation && rollout.commands.is_empty();
    rollout.status.as_ref().filter(|_| is_current).map(|status| Value::Object(document::from_struct(status)))
}

/// Waits until the rollout has a status.
async fn until_status(clients: &Clients, what: &str, is: impl Fn(&Value) -> bool) -> Result<Value> {
    let found = until(what, async || status(&get(clients).await.ok()?).filter(|status| is(status))).await;
    match found {
        Ok(status) => Ok(status),
        Err(error) => Err(error.context(format!("{:#?}", get(clients).await))),
    }
}

async fn until_phase(clients: &Clients, phase: &str) -> Result<Value> {
    until_status(clients, phase, |status| status["phase"] == phase).await
}

/// Waits until the rollout is held at a weight on every instance.
async fn until_paused_at(clients: &Clients, weight: f64) -> Result<Value> {
    let is = |status: &Value| status["phase"] == "Paused" && status["weights"]["effective"].as_f64() == Some(weight);
    until_status(clients, "paused", is).await
}

/// The share of users whom a version answers, in percent.
async fn share(clients: &Clients, version: u64) -> Result<f64> {
    let mut answered = 0;
    for user in 0..400 {
        let answer = clients.predict(&format!("u{user}"), &["movie-1"], &[]).await?;
        answered += u64::from(answer.provenance.expect("provenance").version == version);
    }
    Ok(answered as f64 / 4.0)
}

/// Returns steps that raise the share of users, with a pause after each weight.
fn with_pauses(weights: &[u32], pause: &str) -> Vec<Value> {
    let steps = |weight: &u32| [json!({"setWeight": weight}), json!({"pause": {"duration": pause}})];
    weights.iter().flat_map(steps).collect()
}

fn by_hand() -> Value {
    json!({
        "model": "ratings",
        "version": 2,
        "steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_steered_by_hand() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 31)).await?;
    let clients = fleet.clients();
    assert_eq!(get(clients).await.expect_err("no rollout yet").code(), Code::NotFound);
    clients.train(Algorithm::Bias, Parameters::default()).await?;
    start(clients, &by_hand()).await?;
    until_paused_at(clients, 20.0).await?;
    let fifth = share(clients, 2).await?;
    assert!((12.0..28.0).contains(&fifth), "{fifth}");

    assert_eq!(act(clients, Verb::Retry).await.expect_err("it runs").code(), Code::FailedPrecondition);
    act(clients, Verb::Promote).await?;
    until_paused_at(clients, 50.0).await?;
    act(clients, Verb::Abort).await?;
    // The decision is stored before the route changes, and instances follow the route.
    let is_over = |status: &Value| status["phase"] == "Degraded" && status["weights"]["effective"] == 0.0;
    let aborted = until_status(clients, "aborted", is_over).await?;
    assert_eq!((&aborted["reason"], share(clients, 2).await?), (&json!("AbortedByUser"), 0.0));

    act(clients, Verb::Retry).await?;
    until_paused_at(clients, 20.0).await?;
    act(clients, Verb::PromoteAll).await?;
    until_phase(clients, "Completed").await?;
    assert_eq!(share(clients, 2).await?, 100.0);

    act(clients, Verb::Undo).await?;
    until_status(clients, "undone", |status| status["phase"] == "Completed" && status["stable"] == 1).await?;
    assert_eq!(share(clients, 1).await?, 100.0);

    let request = GetRolloutHistoryRequest { model: "ratings".to_owned() };
    let history = clients.rollouts.clone().get_rollout_history(request).await?.into_inner();
    let outcomes: Vec<Value> = history.past.iter().map(|past| document::from_struct(past)["outcome"].clone()).collect();
    assert_eq!(outcomes, ["Completed", "Completed", "Aborted"]);
    let metrics = fleet.http().get("/metrics").await?.text();
    assert!(
        metrics.contains("marquee_rollout_aborts_total{model=\"ratings\",reason=\"AbortedByUser\"} 1"),
        "{metrics}"
    );
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_set_by_hand_during_a_rollout_is_named_and_set_back() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 32)).await?;
    let clients = fleet.clients();
    clients.train(Algorithm::Bias, Parameters::default()).await?;
    start(clients, &by_hand()).await?;
    until_paused_at(clients, 20.0).await?;
    clients.route(1, &[(2, 9_000)]).await?;
    let restored = async || {
        let route = clients.routed().await.ok()?;
        (route.candidates.first()?.weight == 2_000).then_some(())
    };
    until("the route is set back", restored).await?;
    let request = GetRolloutHistoryRequest { model: "ratings".to_owned() };
    let history = clients.rollouts.clone().get_rollout_history(request).await?.into_inner();
    assert!(history.events.iter().any(|event| event.reason == "RouteRestored"), "{:#?}", history.events);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_newly_published_version_is_followed() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 33)).await?;
    let clients = fleet.clients();
    start(clients, &json!({"model": "ratings", "follow": "latest", "steps": [{"shadow": {}}, {"setWeight": 30}]}))
        .await?;
    until_phase(clients, "Completed").await?;
    for version in 2..=3_u64 {
        clients.train(Algorithm::Bias, Parameters::default()).await?;
        let is = |status: &Value| status["phase"] == "Completed" && status["stable"] == version;
        until_status(clients, "followed", is).await?;
        assert_eq!(clients.routed().await?.stable, version);
    }
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_calls_are_json_over_http() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 34)).await?;
    let http = fleet.http();
    let refused = http.post("/v1/rollouts", &json!({"spec": {"model": "ratings", "version": 0}})).await?;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("spec.version"), "{}", refused.text());
    fleet.clients().train(Algorithm::Bias, Parameters::default()).await?;
    let started = http.post("/v1/rollouts", &json!({"spec": by_hand()})).await?;
    assert_eq!(started.status, 200, "{}", started.text());
    until_paused_at(fleet.clients(), 20.0).await?;
    let shown: Value = serde_json::from_str(&http.get("/v1/rollouts/ratings").await?.text())?;
    assert_eq!(shown["rollout"]["spec"], by_hand());
    let acted = http.post("/v1/rollouts/ratings/act", &json!({"verb": "VERB_ABORT"})).await?;
    assert_eq!(acted.status, 200, "{}", acted.text());
    for path in ["/v1/rollouts", "/v1/rollouts/ratings/history"] {
        assert_eq!(http.get(path).await?.status, 200, "{path}");
    }
    assert_eq!(http.get("/v1/rollouts/films").await?.status, 404);
    until_phase(fleet.clients(), "Degraded").await?;
    let path = "/v1/rollouts/ratings";
    assert_eq!(http.send(Method::DELETE, path, "", Bytes::new()).await?.status, 200);
    assert_eq!(http.get(path).await?.status, 404);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rollouts_are_started_and_watched_from_the_command_line() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 35)).await?;
    fleet.clients().train(Algorithm::Bias, Parameters::default()).await?;
    let folder = tempfile::tempdir()?;
    let (good, bad) = (folder.path().join("good.toml"), folder.path().join("bad.toml"));
    std::fs::write(&good, "model = \"ratings\"\nversion = 2\nsteps = [{ shadow = {} }, { setWeight = 20 }]\n")?;
    std::fs::write(&bad, "model = \"ratings\"\nversion = 2\nsteps = [{ setWeight = 101 }]\n")?;
    let address = fleet.address();
    let run = async |arguments: &[&str]| {
        let arguments: Vec<String> =
            ["rollout"].iter().chain(arguments).chain(&["--grpc", &address]).map(|one| (*one).to_owned()).collect();
        marquee(PROGRAM, arguments).await
    };
    let path = |path: &std::path::Path| path.display().to_string();

    let refused = run(&["start", &path(&bad)]).await?;
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(64), "{error}");
    assert!(error.contains("steps[0].setWeight"), "{error}");
    let absent = run(&["get"]).await?;
    assert_eq!(absent.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&absent.stderr).contains("rollout start"), "{absent:?}");

    let watched = run(&["start", &path(&good), "--watch"]).await?;
    let error = String::from_utf8_lossy(&watched.stderr).into_owned();
    assert_eq!(watched.status.code(), Some(0), "{error}");
    let view = String::from_utf8_lossy(&watched.stdout).into_owned();
    assert!(view.contains("Completed") && view.contains("✓  1 shadow"), "{view}");
    assert!(error.contains("step 2/2 setWeight 20") || error.contains("Completed"), "{error}");

    for command in [&["get"][..], &["list"], &["history"]] {
        let shown = run(command).await?;
        assert!(String::from_utf8_lossy(&shown.stdout).contains("Completed"), "{command:?}: {shown:?}");
        let shown = run(&[command, &["--json"]].concat()).await?;
        let json: Value = serde_json::from_slice(&shown.stdout)?;
        assert!(json.to_string().contains("Completed"), "{json}");
    }
    let refused = run(&["promote"]).await?;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let undone = run(&["undo"]).await?;
    assert_eq!(undone.status.code(), Some(0), "{undone:?}");
    fleet.stop().await;
    Ok(())
}
