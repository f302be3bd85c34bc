//! Several operators, of which one is killed or paused.

use anyhow::Result;
use marquee_e2e::operator::{Operator, until_rollout};
use marquee_e2e::until;
use serde_json::{Value, json};

use super::{Stage, phase};

async fn until_leads(operator: &Operator) -> Result<()> {
    until("the operator leads", async || operator.leads().await.then_some(())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_operators_one_works_and_the_other_takes_over() -> Result<()> {
    let Some(stage) = Stage::start(81).await? else { return Ok(()) };
    let mut first = stage.operator("first").await?;
    until_leads(&first).await?;
    let mut second = stage.operator("second").await?;
    stage.roll_out(json!([{"setWeight": 10}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}]), &json!({})).await?;
    until_rollout(&stage.kubernetes, "ratings", phase("Paused")).await?;
    assert!(first.leads().await && !second.leads().await, "both lead, or the wrong one");
    first.kill().await?;
    stage.tell("1", "promote").await?;
    let at_twenty = |status: &Value| status["phase"] == "Paused" && status["weights"]["effective"] == 20;
    until_rollout(&stage.kubernetes, "ratings", ("the second operator promotes", at_twenty)).await?;
    assert!(second.leads().await);
    // An orderly end gives the lease back at once.
    let lease = ["get", "lease", "marquee-operator", "--output", "jsonpath={.spec.holderIdentity}"];
    assert_eq!(stage.kubernetes.kubectl(lease).await?, "second");
    second.stop().await?;
    assert_eq!(stage.kubernetes.kubectl(lease).await?, "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_paused_changes_nothing_after_another_one_took_over() -> Result<()> {
    let Some(stage) = Stage::start(82).await? else { return Ok(()) };
    let first = stage.operator("first").await?;
    until_leads(&first).await?;
    stage.roll_out(json!([{"setWeight": 10}, {"pause": {}}, {"setWeight": 20}]), &json!({})).await?;
    until_rollout(&stage.kubernetes, "ratings", phase("Paused")).await?;
    first.pause().await?;
    let second = stage.operator("second").await?;
    until_leads(&second).await?;
    stage.tell("1", "abort").await?;
    until_rollout(&stage.kubernetes, "ratings", phase("Degraded")).await?;
    stage.until_route(1, 0).await?;
    let revision = stage.route().await?.revision;
    first.resume().await?;
    until("the first operator sees that it does not lead", async || (!first.leads().await).then_some(())).await?;
    // Both go on while the second one makes several rounds.
    second.until_rounds(5).await?;
    let route = stage.route().await?;
    assert_eq!((route.revision, route.candidates.len()), (revision, 0), "the route changed");
    until_rollout(&stage.kubernetes, "ratings", phase("Degraded")).await?;
    Ok(())
}
