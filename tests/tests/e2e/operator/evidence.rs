//! Rollouts that live ratings decide: a better version reaches all users, and one that was trained
//! on shuffled ratings is stopped.

use std::path::Path;

use anyhow::Result;
use marquee_domain::{Salt, UserId, bucket};
use marquee_e2e::World;
use marquee_e2e::operator::{Operator, until_rollout};
use serde_json::{Value, json};

use super::{PLUGIN, Stage, phase};
use crate::live::{Load, Routes};
use crate::packages;

/// A duel with a margin, in stars.
fn by_duel(margin: f64) -> Value {
    json!({
        "monitor": {"service": "monitor"},
        "metrics": [{"name": "accuracy", "duel": {"margin": margin, "minRatings": 200}, "interval": "1s"}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_better_version_goes_from_5_to_100_percent_by_evidence() -> Result<()> {
    let Some(stage) = Stage::of(&World::new(60, 20, 61)).await? else { return Ok(()) };
    stage.kubernetes.add_plugin("kubectl-marquee", Path::new(PLUGIN))?;
    let operator = stage.operator("one").await?;
    let ratings = Load::ratings(stage.fleet.clients(), 5_000, 10);
    let requests = Load::requests(stage.fleet.clients(), |number| format!("user-{}", number % 60));
    let routes = Routes::watch(stage.fleet.clients()).await?;
    let weights = [5, 25, 50].map(|weight| [json!({"setWeight": weight}), json!({"analysis": {}})]).concat();
    let steps: Vec<Value> = [json!({"shadow": {}}), json!({"analysis": {}})].into_iter().chain(weights).collect();
    stage.roll_out(json!(steps), &by_duel(0.05)).await?;

    let watched = stage.plugin("watch ratings").await?;
    let view = String::from_utf8_lossy(&watched.stdout).into_owned();
    assert!(watched.status.success() && view.contains("Completed"), "{view}{watched:?}");
    let done = until_rollout(&stage.kubernetes, "ratings", phase("Completed")).await?;
    let (given, asked) = (ratings.end().await?, requests.end().await?);
    let last = &done["status"]["analysis"][0]["last"];
    assert!(last["estimate"].as_f64().is_some_and(|estimate| estimate < 0.0), "{done:#}");
    assert!(last["samples"].as_u64().is_some_and(|samples| (200..=given).contains(&samples)), "{done:#}");
    assert!(asked > 0, "no requests meanwhile");
    let seen = routes.until((2, 0)).await?;
    assert_eq!(seen, [(1, 0), (1, 500), (1, 2_500), (1, 5_000), (2, 0)], "{:#}", done["status"]);
    for reason in ["RolloutStarted", "ShadowStarted", "WeightChanged", "StepCompleted", "RolloutCompleted"] {
        stage.until_told(reason).await?;
    }
    let columns = stage.kubernetes.kubectl(["get", "mr", "ratings"]).await?;
    assert!(columns.contains("Completed"), "{columns}");
    assert!(operator.log().contains("RolloutCompleted"), "{}", operator.log());
    Ok(())
}

/// Returns users who are the first that a candidate gets: the first twentieth of all.
fn first_users(salt: &Salt) -> Vec<String> {
    let is_first = |name: &String| UserId::try_new(name).is_ok_and(|user| bucket(salt, &user) < 500);
    (0..).map(|number| format!("guest-{number}")).filter(is_first).take(50).collect()
}

/// The reason of a version that predicts worse, in the status, event, metric, log and plugin.
async fn is_told(stage: &Stage, operator: &Operator, times: u64) -> Result<Value> {
    let is = |status: &Value| {
        let aborted = status["history"].as_array().map_or(0, Vec::len) as u64;
        status["phase"] == "Degraded" && aborted == times
    };
    let failed = until_rollout(&stage.kubernetes, "ratings", ("the version is stopped", is)).await?;
    let status = failed["status"].clone();
    let message = status["message"].as_str().unwrap_or_default();
    assert_eq!(status["reason"], "AnalysisFailed", "{status:#}");
    assert!(message.contains("'accuracy': ΔRMSE +") && message.contains("ratings"), "{message}");
    stage.until_told("AnalysisFailed").await?;
    let counted = async || {
        let page = operator.http().get("/metrics").await.ok()?.text();
        let line = format!("name=\"ratings\",reason=\"AnalysisFailed\"}} {times}");
        page.lines()
            .any(|found| found.starts_with("marquee_rollout_events_total{") && found.ends_with(&line))
            .then_some(())
    };
    marquee_e2e::until("the metric counts it", counted).await?;
    assert_eq!(operator.log().matches("AnalysisFailed").count() as u64, times, "{}", operator.log());
    let watched = stage.plugin("watch ratings").await?;
    let why = String::from_utf8_lossy(&watched.stderr).into_owned();
    assert!(watched.status.code() == Some(1) && why.contains("AnalysisFailed"), "{watched:?}");
    Ok(status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_shuffled_ratings_is_stopped_in_shadow_and_at_the_first_step() -> Result<()> {
    let world = World::new(60, 20, 62);
    let Some(stage) = Stage::of(&world).await? else { return Ok(()) };
    stage.kubernetes.add_plugin("kubectl-marquee", Path::new(PLUGIN))?;
    let clients = stage.fleet.clients();
    // Version 2 knows the tastes that the shuffled ratings do not have.
    clients.route(2, &[]).await?;
    packages::shuffled(&world).await?.publish(stage.fleet.folder(), 3)?;
    let operator = stage.operator("one").await?;
    let (ratings, routes) = (Load::ratings(clients, 7_000, 10), Routes::watch(clients).await?);
    let mut more = by_duel(0.0);
    more["version"] = json!(3);
    stage.roll_out(json!([{"shadow": {}}, {"analysis": {}}, {"setWeight": 5}, {"setWeight": 50}]), &more).await?;
    is_told(&stage, &operator, 1).await?;
    assert!(routes.seen().iter().all(|route| *route == (2, 0)), "it had users: {:?}", routes.seen());

    // Another specification gives it users at once, and looks afterwards. It fails no request and
    // is fast, so only the ratings can stop it.
    let users = first_users(&Salt::try_new(&stage.route().await?.salt)?);
    let requests = Load::requests(clients, move |number| users[number as usize % users.len()].clone());
    let errors = json!({"name": "errors", "errors": {"max": 5, "minRequests": 50}, "interval": "500ms"});
    let latency = json!({"quantile": 0.9, "max": "2s", "minRequests": 50});
    let latency = json!({"name": "latency", "latency": latency, "interval": "500ms"});
    let metrics = json!([more["metrics"][0], errors, latency]);
    more["metrics"] = metrics;
    let steps = json!([
        {"setWeight": 5},
        {"analysis": {"metrics": ["errors", "latency"]}},
        {"analysis": {"metrics": ["accuracy"]}},
        {"setWeight": 50},
    ]);
    stage.roll_out(steps, &more).await?;
    stage.tell("1", "retry").await?;
    let status = is_told(&stage, &operator, 2).await?;
    ratings.end().await?;
    assert!(requests.end().await? > 0, "no requests meanwhile");
    assert_eq!(status["history"][0]["weight"], 5, "{status:#}");
    for (name, state) in [("errors", "Successful"), ("latency", "Successful"), ("accuracy", "Failed")] {
        let mut metrics = status["analysis"].as_array().into_iter().flatten();
        let metric = metrics.find(|metric| metric["name"] == name);
        assert_eq!(metric.map(|metric| &metric["state"]), Some(&json!(state)), "{name}: {status:#}");
    }
    let is_out = async || (clients.routed().await.ok()?.candidates.is_empty()).then_some(());
    marquee_e2e::until("its users are back", is_out).await?;
    assert!(routes.seen().iter().all(|route| [(2, 0), (2, 500)].contains(route)), "{:?}", routes.seen());
    Ok(())
}
