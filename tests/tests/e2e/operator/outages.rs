//! What the operator needs is away.

use std::time::Duration;

use anyhow::Result;
use marquee_e2e::operator::{register, unregister, until_rollout};
use marquee_e2e::servers::closed_port;
use serde_json::{Value, json};
use tokio::time::{Instant, interval};

use super::{Stage, phase};

/// How long the API server is away.
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn predictions_and_routes_stay_while_the_api_server_is_away_for_a_minute() -> Result<()> {
    let Some(mut stage) = Stage::start(91).await? else { return Ok(()) };
    let operator = stage.operator("one").await?;
    stage.roll_out(json!([{"setWeight": 40}, {"pause": {}}]), &json!({})).await?;
    until_rollout(&stage.kubernetes, "ratings", phase("Paused")).await?;
    let revision = stage.route().await?.revision;
    stage.kubernetes.kill().await?;
    // The lease is lost meanwhile.
    let (away, mut pace) = (Instant::now(), interval(Duration::from_millis(200)));
    while away.elapsed() < MINUTE {
        stage.fleet.clients().predict("user-1", &["movie-1"], &[]).await?;
        pace.tick().await;
    }
    assert_eq!((stage.route().await?.revision, stage.weight().await?), (revision, 4_000));
    assert!(!operator.leads().await, "an operator leads that cannot renew its lease");
    assert_eq!(operator.http().get("/readyz").await?.status, 503);
    stage.kubernetes.restart().await?;
    stage.tell("1", "promoteAll").await?;
    until_rollout(&stage.kubernetes, "ratings", phase("Completed")).await?;
    assert_eq!(stage.route().await?.stable, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_wait_for_an_instance_that_does_not_answer_until_it_is_gone() -> Result<()> {
    let Some(stage) = Stage::start(92).await? else { return Ok(()) };
    register(&stage.kubernetes, "inference", &[("inference-1", closed_port()?)]).await?;
    let operator = stage.operator("one").await?;
    stage.roll_out(json!([{"setWeight": 10}, {"setWeight": 20}, {"pause": {}}]), &json!({})).await?;
    let waits = |status: &Value| {
        let instances = status["instances"].as_array().cloned().unwrap_or_default();
        instances.iter().any(|one| one["name"] == "inference-1" && one["reachable"] == false)
            && status["weights"]["wanted"] == 10
    };
    until_rollout(&stage.kubernetes, "ratings", ("the rollout waits", waits)).await?;
    operator.until_rounds(3).await?;
    assert_eq!(stage.weight().await?, 1_000, "a weight moved although an instance did not follow");
    unregister(&stage.kubernetes, "inference-1").await?;
    until_rollout(&stage.kubernetes, "ratings", phase("Paused")).await?;
    assert_eq!(stage.weight().await?, 2_000);
    Ok(())
}
