//! Inference instances that come and go during a rollout.

use anyhow::Result;
use marquee_e2e::operator::{Operator, install_operator, port, register, tell, unregister, until_rollout};
use marquee_e2e::servers::{Kubernetes, or_skip};
use marquee_e2e::{World, until};
use serde_json::{Value, json};

use super::{OPERATOR, phase, rollout};
use crate::live::Load;
use crate::shared::{Shared, view};

/// Waits until the rollout is held at a weight, in percent, on this many instances.
async fn until_held(kubernetes: &Kubernetes, weight: u64, instances: u64) -> Result<Value> {
    let is = |status: &Value| {
        let weights = &status["weights"];
        status["phase"] == "Paused"
            && (&weights["wanted"], &weights["effective"]) == (&json!(weight), &json!(weight))
            && (&weights["instances"], &weights["instancesEffective"]) == (&json!(instances), &json!(instances))
    };
    until_rollout(kubernetes, "ratings", ("the rollout is held on every instance", is)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_added_and_one_is_lost_during_a_rollout() -> Result<()> {
    let Some(kubernetes) = or_skip(Kubernetes::start().await)? else { return Ok(()) };
    let Some(mut fleet) = Shared::start(&World::new(30, 20, 65)).await? else { return Ok(()) };
    install_operator(&kubernetes).await?;
    let version = fleet.publish(|_| {}).await?;
    let [one, two] = [port(&fleet.instances[0].addresses().grpc)?, port(&fleet.instances[1].addresses().grpc)?];
    register(&kubernetes, "inference", &[("inference-1", one), ("inference-2", two)]).await?;
    let operator = Operator::start(&kubernetes, OPERATOR, "one").await?;
    let steps = json!([{"setWeight": 10}, {"pause": {}}, {"setWeight": 30}, {"pause": {}}, {"setWeight": 60}]);
    kubernetes.apply(&rollout(steps, &json!({"version": version})).to_string()).await?;
    until_held(&kubernetes, 10, 2).await?;

    // The core of the fleet is a third instance.
    let (core, survivor) = (fleet.core.clients()?, fleet.instances[1].clients()?);
    register(&kubernetes, "inference", &[("inference-3", port(&fleet.core.addresses().grpc)?)]).await?;
    until_held(&kubernetes, 10, 3).await?;
    tell(&kubernetes, "ratings", ("1", "promote")).await?;
    until_held(&kubernetes, 30, 3).await?;

    // One dies. No weight moves before it is gone from the list, and the others answer.
    let requests = Load::requests(&survivor, |number| format!("user-{}", number % 30));
    fleet.instances[0].kill().await?;
    tell(&kubernetes, "ratings", ("2", "promote")).await?;
    let is_missed = |status: &Value| {
        let instances = status["instances"].as_array().cloned().unwrap_or_default();
        let lost = instances.iter().any(|one| one["name"] == "inference-1" && one["reachable"] == false);
        lost && status["weights"]["wanted"] == 60 && status["weights"]["instancesEffective"] == 2
    };
    until_rollout(&kubernetes, "ratings", ("the others follow", is_missed)).await?;
    operator.until_rounds(5).await?;
    assert_eq!(core.routed().await?.candidates[0].weight, 6_000, "the rollout went on without an instance");
    unregister(&kubernetes, "inference-1").await?;
    let done = until_rollout(&kubernetes, "ratings", phase("Completed")).await?;
    assert_eq!(done["status"]["stable"], version, "{:#}", done["status"]);
    assert!(requests.end().await? > 0);

    // It comes back with the routes that it missed, and is listed again.
    fleet.instances[0].restart().await?;
    let back = fleet.instances[0].clients()?;
    let follows = async || view(&back).await.filter(|view| view.effective.stable().0 == version);
    until("it has the new route", follows).await?;
    Ok(())
}
