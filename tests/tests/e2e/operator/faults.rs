//! Versions that predict too slowly or not at all, and rollouts without ratings.

use anyhow::Result;
use marquee_e2e::operator::{Operator, until_rollout};
use serde_json::{Value, json};

use super::{Stage, phase};
use crate::live::{Load, Routes};
use crate::packages::Draft;

/// A metric with a policy for missing ratings.
fn accuracy(on_missing_data: &str) -> Value {
    let duel = json!({"margin": 0.05, "minRatings": 100});
    json!({"name": "accuracy", "duel": duel, "interval": "500ms", "onMissingData": on_missing_data})
}

/// Waits until a rollout was stopped for a reason and says why, and returns the status.
async fn stopped(stage: &Stage, version: u64, reason: &str, part: &str) -> Result<Value> {
    let is = |status: &Value| {
        status["phase"] == "Degraded" && status["candidate"].is_null() && status["history"][0]["target"] == version
    };
    let found = until_rollout(&stage.kubernetes, "ratings", ("the version is stopped", is)).await?;
    let message = found["status"]["message"].as_str().unwrap_or_default();
    assert_eq!(found["status"]["reason"], reason, "{:#}", found["status"]);
    assert!(message.contains(part), "no '{part}' in: {message}");
    stage.until_told(reason).await?;
    Ok(found["status"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ratings_the_policy_for_missing_data_decides() -> Result<()> {
    let Some(stage) = Stage::start(63).await? else { return Ok(()) };
    let operator = stage.operator("one").await?;
    let routes = Routes::watch(stage.fleet.clients()).await?;
    let steps = json!([{"shadow": {}}, {"analysis": {}}, {"setWeight": 50}]);
    let more = |policy: &str| json!({"monitor": {"service": "monitor"}, "metrics": [accuracy(policy)]});

    stage.roll_out(steps.clone(), &more("Wait")).await?;
    let waits = |status: &Value| {
        let message = status["message"].as_str().unwrap_or_default();
        status["reason"] == "AnalysisRunning" && message.contains("at least 100 are needed")
    };
    until_rollout(&stage.kubernetes, "ratings", ("the rollout waits for ratings", waits)).await?;
    operator.until_rounds(8).await?;
    let held = marquee_e2e::operator::rollout(&stage.kubernetes, "ratings").await?;
    assert_eq!(held["status"]["phase"], "Progressing", "{:#}", held["status"]);

    // Another policy counts from the next measurement on.
    stage.roll_out(steps.clone(), &more("Fail")).await?;
    stopped(&stage, 2, "AnalysisFailed", "at least 100 are needed").await?;
    assert!(routes.seen().iter().all(|route| *route == (1, 0)), "it had users: {:?}", routes.seen());

    stage.roll_out(steps, &more("Pass")).await?;
    stage.tell("1", "retry").await?;
    until_rollout(&stage.kubernetes, "ratings", phase("Completed")).await?;
    assert_eq!(stage.route().await?.stable, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_version_and_one_whose_encoder_fails_are_stopped() -> Result<()> {
    let Some(stage) = Stage::start(64).await? else { return Ok(()) };
    let folder = stage.fleet.folder();
    let draft = Draft::read(folder, 2)?;
    draft.clone().failing().publish(folder, 3)?;
    draft.slow()?.publish(folder, 4)?;
    let operator = stage.operator("one").await?;
    fails(&stage, &operator).await?;
    is_slow(&stage).await
}

/// Rolls out the version whose encoder fails: in shadow by the duel, and then with users.
async fn fails(stage: &Stage, operator: &Operator) -> Result<()> {
    let clients = stage.fleet.clients();
    let routes = Routes::watch(clients).await?;
    let ratings = Load::ratings(clients, 9_000, 10);
    let more = json!({"version": 3, "monitor": {"service": "monitor"}, "metrics": [accuracy("Wait")]});
    stage.roll_out(json!([{"shadow": {}}, {"analysis": {}}, {"setWeight": 50}]), &more).await?;
    stopped(stage, 3, "AnalysisFailed", "version 3 failed to predict").await?;
    ratings.end().await?;
    assert!(routes.seen().iter().all(|route| *route == (1, 0)), "it had users: {:?}", routes.seen());
    assert!(operator.log().contains("failed to predict"), "{}", operator.log());

    let requests = Load::requests(clients, |number| format!("user-{}", number % 30));
    let errors = json!({"name": "errors", "errors": {"max": 1, "minRequests": 20}, "interval": "500ms"});
    let more = json!({"version": 3, "metrics": [errors]});
    stage.roll_out(json!([{"setWeight": 50}, {"analysis": {}}, {"setWeight": 90}]), &more).await?;
    stage.tell("1", "retry").await?;
    let is_second =
        |status: &Value| status["phase"] == "Degraded" && status["history"].as_array().map(Vec::len) == Some(2);
    until_rollout(&stage.kubernetes, "ratings", ("it is stopped again", is_second)).await?;
    stopped(stage, 3, "AnalysisFailed", "requests failed").await?;
    requests.end().await?;
    assert!(routes.seen().iter().all(|(_, weight)| [0, 5_000].contains(weight)), "{:?}", routes.seen());
    Ok(())
}

/// Rolls out the slow version, while new users without ratings ask for predictions.
async fn is_slow(stage: &Stage) -> Result<()> {
    let requests = Load::requests(stage.fleet.clients(), |number| format!("stranger-{number}"));
    let latency = json!({"quantile": 0.9, "max": "20ms", "minRequests": 20});
    let metric = json!({"name": "latency", "latency": latency, "interval": "500ms"});
    let more = json!({"version": 4, "metrics": [metric]});
    stage.roll_out(json!([{"setWeight": 50}, {"analysis": {}}, {"setWeight": 90}]), &more).await?;
    stopped(stage, 4, "AnalysisFailed", "took longer than 20ms").await?;
    requests.end().await?;
    stage.until_route(1, 0).await
}
