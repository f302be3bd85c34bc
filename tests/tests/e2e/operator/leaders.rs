//! Several operators, and operators that are killed or paused.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use marquee_e2e::operator::{Operator, until_rollout};
use marquee_e2e::until;
use marquee_proto::rollout::v1::WatchRoutesRequest;
use serde_json::{Value, json};

use super::{Stage, phase};
use crate::rollouts::paced;

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

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_killed_again_and_again_completes_and_no_weight_falls() -> Result<()> {
    let Some(stage) = Stage::start(83).await? else { return Ok(()) };
    let mut operator = stage.operator("one").await?;
    let mut routes =
        stage.fleet.clients().routing.clone().watch_routes(WatchRoutesRequest::default()).await?.into_inner();
    stage.roll_out(json!(paced(&[1, 2, 5, 10, 20, 40, 60, 80], "500ms")), &json!({})).await?;
    let watched = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(update) = routes.message().await? {
            let route = update.route.context("an update without a route")?;
            seen.push(route.candidates.iter().map(|candidate| candidate.weight).sum::<u32>());
            if route.stable == 2 {
                return Ok(seen);
            }
        }
        anyhow::bail!("the routes end")
    });
    // Each kill hits another part of a round, unless the rollout is over before.
    let mut look = tokio::time::interval(Duration::from_millis(10));
    for round in 0..10_u64 {
        let over = async {
            while !watched.is_finished() {
                look.tick().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(300 + 97 * (round % 5)), over).await;
        operator.restart().await?;
    }
    let done = until_rollout(&stage.kubernetes, "ratings", phase("Completed")).await?;
    assert_eq!(done["status"]["stable"], 2, "{}", done["status"]);
    let seen = tokio::time::timeout(marquee_e2e::DEADLINE, watched).await???;
    let rising = &seen[..seen.len() - 1];
    ensure!(rising.windows(2).all(|pair| pair[0] <= pair[1]), "a weight fell: {seen:?}");
    ensure!(
        rising.iter().all(|weight| [0, 100, 200, 500, 1_000, 2_000, 4_000, 6_000, 8_000].contains(weight)),
        "{seen:?}"
    );
    Ok(())
}
