//! Rollouts from their start to their end.

use anyhow::Result;
use marquee_e2e::operator::until_rollout;
use marquee_e2e::until;
use marquee_proto::training::v1::{Algorithm, Parameters};
use serde_json::{Value, json};

use super::{Stage, phase};
use crate::live::Routes;

/// Whether the conditions of a status have a value for a type.
fn condition(status: &Value, kind: &str) -> Option<String> {
    let conditions = status["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == kind)?;
    found["status"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_goes_through_its_steps_and_completes() -> Result<()> {
    let Some(stage) = Stage::start(71).await? else { return Ok(()) };
    let mut operator = stage.operator("one").await?;
    let steps = json!([{"shadow": {}}, {"setWeight": 5}, {"setWeight": 25}, {"pause": {}}, {"setWeight": 50}]);
    stage.roll_out(steps, &json!({})).await?;

    let paused = until_rollout(&stage.kubernetes, "ratings", phase("Paused")).await?;
    let status = &paused["status"];
    assert_eq!((&status["stable"], &status["candidate"]), (&json!(1), &json!(2)), "{status}");
    assert_eq!((&status["weights"]["wanted"], &status["weights"]["effective"]), (&json!(25), &json!(25)), "{status}");
    assert_eq!(status["observedGeneration"], paused["metadata"]["generation"]);
    assert_eq!(status["instances"][0]["name"], "inference-0", "{status}");
    assert_eq!(condition(status, "Available").as_deref(), Some("True"), "{status}");
    assert_eq!(condition(status, "Paused").as_deref(), Some("True"), "{status}");
    assert_eq!(stage.weight().await?, 2_500);
    let columns = stage.kubernetes.kubectl(["get", "mr", "ratings"]).await?;
    for cell in ["Paused", "4/5 pause until promoted", "25%"] {
        assert!(columns.contains(cell), "no {cell} in {columns}");
    }

    stage.tell("1", "promote").await?;
    let done = until_rollout(&stage.kubernetes, "ratings", phase("Completed")).await?;
    let status = &done["status"];
    assert_eq!((&status["stable"], condition(status, "Completed").as_deref()), (&json!(2), Some("True")), "{status}");
    assert_eq!(status["history"][0]["outcome"], "Completed", "{status}");
    assert_eq!((stage.route().await?.stable, stage.weight().await?), (2, 0));
    until("the command is removed", async || {
        let rollout = marquee_e2e::operator::rollout(&stage.kubernetes, "ratings").await.ok()?;
        let annotations = rollout["metadata"]["annotations"].to_string();
        (!annotations.contains("command.rollouts")).then_some(())
    })
    .await?;

    let reasons = stage.reasons().await?;
    for reason in ["RolloutStarted", "ShadowStarted", "WeightChanged", "Promoted", "RolloutCompleted"] {
        assert!(reasons.iter().any(|seen| seen == reason), "no event {reason} in {reasons:?}");
    }
    let page = operator.http().get("/metrics").await?.text();
    let labels = "{namespace=\"default\",name=\"ratings\",phase=\"Completed\"}";
    assert!(page.contains(&format!("marquee_rollout_phase{labels} 1")), "{page}");
    assert!(page.contains("reason=\"RolloutCompleted\"} 1"), "{page}");
    assert_eq!(operator.http().get("/readyz").await?.status, 200);
    assert!(operator.log().contains("RolloutCompleted"), "{}", operator.log());
    operator.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_cannot_be_loaded_reaches_nobody_and_the_reason_is_told() -> Result<()> {
    let Some(stage) = Stage::start(72).await? else { return Ok(()) };
    // The encoder of version 2 is not the one that was signed; no instance has loaded it again yet.
    let package = stage.fleet.folder().join("models/objects/models/ratings/2");
    let encoder = package.join("encoder.onnx");
    let mut bytes = std::fs::read(&encoder)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&encoder, bytes)?;
    let Stage { kubernetes, fleet } = stage;
    let fleet = fleet.restart().await?;
    let port = marquee_e2e::operator::port(&fleet.address())?;
    marquee_e2e::operator::register(&kubernetes, "inference", &[("inference-0", port)]).await?;
    let stage = Stage { kubernetes, fleet };
    let _operator = stage.operator("one").await?;
    stage.roll_out(json!([{"shadow": {}}, {"setWeight": 5}]), &json!({})).await?;

    let failed = until_rollout(&stage.kubernetes, "ratings", phase("Degraded")).await?;
    let status = &failed["status"];
    assert_eq!(status["reason"], "VersionFailed", "{status}");
    assert!(status["message"].as_str().is_some_and(|message| message.contains("encoder.onnx")), "{status}");
    assert_eq!(condition(status, "Degraded").as_deref(), Some("True"), "{status}");
    assert_eq!((stage.route().await?.stable, stage.weight().await?), (1, 0));
    stage.until_told("VersionFailed").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_rollout_takes_its_users_back_before_it_goes() -> Result<()> {
    let Some(stage) = Stage::start(73).await? else { return Ok(()) };
    let operator = stage.operator("one").await?;
    stage.roll_out(json!([{"setWeight": 30}, {"pause": {}}]), &json!({})).await?;
    until_rollout(&stage.kubernetes, "ratings", phase("Paused")).await?;
    assert_eq!(stage.weight().await?, 3_000);
    stage.kubernetes.kubectl(["delete", "modelrollout", "ratings", "--timeout", "60s"]).await?;
    assert_eq!((stage.route().await?.stable, stage.weight().await?), (1, 0));
    stage.until_told("UsersTakenBack").await?;
    until("the metrics forget it", async || {
        let page = operator.http().get("/metrics").await.ok()?.text();
        (!page.contains("marquee_rollout_phase{")).then_some(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_target_supersedes_the_running_one_and_undo_returns() -> Result<()> {
    let Some(stage) = Stage::start(74).await? else { return Ok(()) };
    let _operator = stage.operator("one").await?;
    stage.roll_out(json!([{"setWeight": 30}, {"pause": {}}]), &json!({})).await?;
    until_rollout(&stage.kubernetes, "ratings", phase("Paused")).await?;
    let (third, _) = stage.fleet.clients().train(Algorithm::Bias, Parameters::default()).await?;
    assert_eq!(third.version, 3);
    let steps = json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}]);
    stage.roll_out(steps, &json!({"version": 3})).await?;
    let is_held = |status: &Value| status["phase"] == "Paused" && status["candidate"] == 3;
    let held = until_rollout(&stage.kubernetes, "ratings", ("version 3 is held", is_held)).await?;
    assert_eq!(held["status"]["history"][0]["outcome"], "Superseded", "{:#}", held["status"]);
    stage.until_route(1, 2_000).await?;
    stage.tell("1", "promote").await?;
    let is_three = |status: &Value| status["phase"] == "Completed" && status["stable"] == 3;
    until_rollout(&stage.kubernetes, "ratings", ("version 3 is stable", is_three)).await?;
    stage.until_route(3, 0).await?;

    // The return has no steps, although the specification has: it would be held at 20 % otherwise.
    let routes = Routes::watch(stage.fleet.clients()).await?;
    stage.tell("2", "undo").await?;
    let is_one = |status: &Value| status["phase"] == "Completed" && status["stable"] == 1;
    let back = until_rollout(&stage.kubernetes, "ratings", ("version 1 is stable again", is_one)).await?;
    assert_eq!(routes.until((1, 0)).await?, [(3, 0), (1, 0)], "{:#}", back["status"]);
    let run = |past: &Value| ["target", "kind", "outcome"].map(|field| past[field].clone());
    let runs: Vec<_> = back["status"]["history"].as_array().into_iter().flatten().map(run).collect();
    let expected = [(1, "Rollback", "Completed"), (3, "Steps", "Completed"), (2, "Steps", "Superseded")];
    assert_eq!(runs, expected.map(|(target, kind, outcome)| [json!(target), json!(kind), json!(outcome)]));
    Ok(())
}
