//! The operator is killed between any two of its writes.

use std::time::Duration;

use anyhow::{Result, ensure};
use marquee_e2e::operator::{Operator, account, port, register, until_rollout};
use marquee_e2e::{Calls, Gate, Proxy};
use serde_json::{Value, json};

use super::{OPERATOR, Stage};
use crate::live::Routes;

/// More writes than a rollout has.
const MOST: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_killed_between_any_two_writes_goes_on_and_no_weight_falls() -> Result<()> {
    let Some(stage) = Stage::start(83).await? else { return Ok(()) };
    // All writes of the operator go through the gate: to the API server and to inference.
    let gate = Gate::default();
    let (_kubectl, port_of_kubectl) = stage.kubernetes.proxy(&account(&stage.kubernetes).await?).await?;
    let kubernetes = Proxy::start(port_of_kubectl, Calls::Kubernetes, &gate).await?;
    let inference = Proxy::start(port(&stage.fleet.address())?, Calls::Inference, &gate).await?;
    register(&stage.kubernetes, "inference", &[("inference-0", inference.port())]).await?;
    let kubeconfig = format!("http://127.0.0.1:{}", kubernetes.port());
    let kubeconfig = stage.kubernetes.kubeconfig_of("gate", &kubeconfig)?;
    let mut operator = Operator::start_with(&kubeconfig, OPERATOR, "one").await?;

    let (mut writes, mut rollouts) = (0, 0);
    loop {
        ensure!(writes < MOST, "a rollout never ends");
        let (from, to) = (1 + rollouts % 2, 2 - rollouts % 2);
        let routes = Routes::watch(stage.fleet.clients()).await?;
        gate.let_through(writes);
        let more = json!({"version": to, "rollbackWindow": {"versions": 0}});
        stage.roll_out(json!([{"shadow": {}}, {"setWeight": 50}]), &more).await?;
        let is_done = |status: &Value| status["phase"] == "Completed" && status["stable"] == to;
        let done = until_rollout(&stage.kubernetes, "ratings", ("the rollout completes", is_done));
        let was_killed = tokio::select! {
            () = gate.held() => true,
            // The status is stored before the last writes, which may be the ones that are held.
            done = done => {
                done?;
                tokio::time::timeout(Duration::from_secs(1), gate.held()).await.is_ok()
            }
        };
        if was_killed {
            operator.kill().await?;
            gate.open();
            operator.restart().await?;
        }
        until_rollout(&stage.kubernetes, "ratings", ("the rollout completes", is_done)).await?;
        stage.until_route(to, 0).await?;
        let seen = routes.until((to, 0)).await?;
        assert_eq!(seen, [(from, 0), (from, 5_000), (to, 0)], "killed at write {writes}");
        rollouts += 1;
        if !was_killed {
            break;
        }
        writes += 1;
    }
    println!("killed before each of {writes} writes");
    assert!(writes > 10, "a rollout has more writes than {writes}");
    // Each event is told once, whichever operator tells it. The last one is told after the status
    // is stored.
    stage.until_told_times("RolloutCompleted", rollouts).await?;
    let reasons = stage.reasons().await?;
    for reason in ["RolloutStarted", "ShadowStarted", "Promoting", "RolloutCompleted"] {
        let told = reasons.iter().filter(|told| *told == reason).count() as u64;
        assert_eq!(told, rollouts, "{reason} in {reasons:?}");
    }
    Ok(())
}
