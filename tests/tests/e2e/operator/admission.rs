//! What the API server accepts, and what the rights of the operator are.

use anyhow::Result;
use marquee_e2e::operator::install_operator;
use marquee_e2e::servers::{Kubernetes, or_skip};
use serde_json::{Value, json};

use super::rollout;

/// A specification that makes no sense: steps, further fields, and what the refusal must contain.
fn bad_specs() -> Vec<(Value, Value, [&'static str; 2])> {
    let duel = json!([{"name": "a", "duel": {"margin": 0.01}}]);
    let use_a = json!([{"shadow": {}}, {"analysis": {"metrics": ["a"]}}]);
    vec![
        (json!([{"setWeight": 101}]), json!({}), ["spec.steps[0].setWeight", "less than or equal to 100"]),
        (json!([{"setWeight": 0.001}]), json!({}), ["spec.steps[0].setWeight", "at most two decimals"]),
        (json!([{"setWeight": 0}]), json!({}), ["spec.steps[0].setWeight", "shadow step"]),
        (json!([{"setWeight": 5, "pause": {}}]), json!({}), ["spec.steps[0]", "exactly one of setWeight"]),
        (json!([{}]), json!({}), ["spec.steps[0]", "exactly one of setWeight"]),
        (json!([{"setWeight": 50}, {"setWeight": 5}]), json!({}), ["spec.steps", "weights only grow"]),
        (json!([{"pause": {"duration": "soon"}}]), json!({}), ["spec.steps[0].pause.duration", "should match"]),
        (json!([]), json!({"version": null}), ["spec.version", "exactly one of version and follow"]),
        (json!([]), json!({"follow": "latest"}), ["spec.version", "exactly one of version and follow"]),
        (json!([]), json!({"version": 0}), ["spec.version", "greater than or equal to 1"]),
        (json!([]), json!({"version": null, "follow": "oldest"}), ["spec.follow", "latest"]),
        (json!([]), json!({"model": null}), ["spec.model", "Required value"]),
        (json!([]), json!({"onFailure": "Explode"}), ["spec.onFailure", "Abort"]),
        (json!([]), json!({"alpha": 0.9}), ["spec.alpha", "less than or equal to 0.5"]),
        (json!([]), json!({"instances": {}}), ["spec.instances", "exactly one of service and matchLabels"]),
        (json!([]), json!({"instances": null}), ["spec.instances", "Required value"]),
        (use_a.clone(), json!({"metrics": duel}), ["spec.monitor", "a duel needs"]),
        (use_a, json!({}), ["spec.steps", "names a metric"]),
        (json!([]), json!({"metrics": [{"name": "a", "errors": {"max": 1}}]}), ["spec.metrics", "never measured"]),
        (
            json!([{"setWeight": 5}, {"analysis": {}}]),
            json!({"metrics": [{"name": "a", "errors": {"max": 1, "maxIncrease": 1}}]}),
            ["spec.metrics[0].errors", "exactly one of max"],
        ),
        (
            json!([{"setWeight": 5}, {"analysis": {}}]),
            json!({"metrics": [{"name": "a"}]}),
            ["spec.metrics[0]", "exactly one of duel"],
        ),
        (
            json!([{"setWeight": 5}, {"analysis": {}}]),
            json!({"metrics": [{"name": "a", "latency": {"quantile": 2, "max": "1s"}}]}),
            ["spec.metrics[0].latency.quantile", "less than or equal to"],
        ),
        (
            json!([{"setWeight": 5}]),
            json!({"analysis": {"startingStep": 4}}),
            ["spec.analysis.startingStep", "index of a step"],
        ),
        (json!([]), json!({"stepps": []}), ["stepps", "unknown field"]),
    ]
}

#[tokio::test]
async fn bad_specifications_are_refused_at_admission_with_the_path_of_the_field() -> Result<()> {
    let Some(kubernetes) = or_skip(Kubernetes::start().await)? else { return Ok(()) };
    install_operator(&kubernetes).await?;
    for (steps, more, parts) in bad_specs() {
        let object = rollout(steps, &more).to_string();
        // Unknown fields are refused on the client's wish, which kubectl has by default.
        let create = ["create", "--validate=strict", "-f", "-"];
        let output = kubernetes.try_kubectl(&kubernetes.admin(), create, &object).await?;
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "accepted: {object}");
        for part in parts {
            assert!(words.contains(part), "no '{part}' in the refusal of {object}: {words}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_good_specification_gets_its_defaults_and_its_model_stays() -> Result<()> {
    let Some(kubernetes) = or_skip(Kubernetes::start().await)? else { return Ok(()) };
    install_operator(&kubernetes).await?;
    let steps = json!([{"shadow": {}}, {"setWeight": 12.5}, {"pause": {"duration": "1h 30m"}}, {"setWeight": 99.99}]);
    kubernetes.apply(&rollout(steps, &json!({})).to_string()).await?;
    let stored = marquee_e2e::operator::rollout(&kubernetes, "ratings").await?;
    let spec = &stored["spec"];
    assert_eq!((&spec["instances"]["port"], &spec["instances"]["scheme"]), (&json!("grpc"), &json!("http")), "{spec}");
    assert_eq!((&spec["onFailure"], &spec["alpha"]), (&json!("Abort"), &json!(0.01)), "{spec}");
    assert_eq!(spec["progressDeadline"], "1h", "{spec}");
    let other = rollout(json!([]), &json!({"model": "other"})).to_string();
    let refused = kubernetes.apply(&other).await.expect_err("another model").to_string();
    assert!(refused.contains("spec.model") && refused.contains("create another ModelRollout"), "{refused}");
    // The example is what a user copies.
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/operator/example.yaml");
    kubernetes.kubectl(["delete", "modelrollout", "ratings"]).await?;
    kubernetes.apply(&std::fs::read_to_string(example)?).await?;
    let columns = kubernetes.kubectl(["get", "mr"]).await?;
    for column in ["STATUS", "STEP", "STABLE", "CANDIDATE", "WEIGHT", "RATINGS", "ΔRMSE", "AGE"] {
        assert!(columns.contains(column), "no {column} in {columns}");
    }
    Ok(())
}

#[tokio::test]
async fn the_account_of_the_operator_has_no_right_that_it_does_not_need() -> Result<()> {
    let Some(kubernetes) = or_skip(Kubernetes::start().await)? else { return Ok(()) };
    install_operator(&kubernetes).await?;
    let account = kubernetes.service_account("default", "marquee-operator").await?;
    let can = async |words: &str| {
        let question = ["auth", "can-i"].into_iter().chain(words.split_whitespace());
        let output = kubernetes.try_kubectl(&account, question, "").await?;
        Ok::<_, anyhow::Error>(output.status.success())
    };
    for needed in ["patch modelrollouts --subresource=status", "watch modelrollouts", "list endpointslices"] {
        assert!(can(needed).await?, "cannot {needed}");
    }
    for refused in [
        "create modelrollouts",
        "delete modelrollouts",
        "get secrets",
        "list pods",
        "get endpointslices",
        "list events.events.k8s.io",
        "delete leases",
        "update leases/another",
        "watch modelrollouts --namespace kube-system",
    ] {
        assert!(!can(refused).await?, "can {refused}");
    }
    Ok(())
}
