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
        (
            json!([]),
            json!({"instances": {"service": "i", "serverName": "i"}}),
            ["spec.instances.serverName", "set the scheme to https"],
        ),
        (
            json!([]),
            json!({"instances": {"service": "i", "scheme": "https", "serverName": "*.shop"}}),
            ["spec.instances.serverName", "should match"],
        ),
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

/// Further ones: numbers, times and names out of their bounds.
fn bad_values() -> Vec<(Value, Value, [&'static str; 2])> {
    let steps = json!([{"setWeight": 5}, {"analysis": {}}]);
    let time_out_of_range = "give a time from";
    let mut specs = vec![
        (json!([]), json!({"model": "Ratings"}), ["spec.model", "should match"]),
        (json!([]), json!({"progressDeadline": "0s"}), ["spec.progressDeadline", time_out_of_range]),
        (json!([]), json!({"progressDeadline": "8761h"}), ["spec.progressDeadline", time_out_of_range]),
        (json!([]), json!({"rollbackWindow": {"age": "0 days"}}), ["spec.rollbackWindow.age", "should match"]),
        (json!([]), json!({"rollbackWindow": {"age": "0days"}}), ["spec.rollbackWindow.age", time_out_of_range]),
        (json!([{"pause": {"duration": "0s"}}]), json!({}), ["spec.steps[0].pause.duration", time_out_of_range]),
        (json!([{"pause": {"duration": "0h 999us"}}]), json!({}), ["spec.steps[0].pause.duration", time_out_of_range]),
    ];
    for (mut metric, path, words) in [
        (json!({"errors": {"max": 1}, "interval": "9ms"}), "spec.metrics[0].interval", time_out_of_range),
        (json!({"errors": {"max": 1}, "interval": "24h 1s"}), "spec.metrics[0].interval", time_out_of_range),
        (json!({"errors": {"max": 1}, "initialDelay": "721h"}), "spec.metrics[0].initialDelay", time_out_of_range),
        (json!({"latency": {"quantile": 0.9, "max": "0ms"}}), "spec.metrics[0].latency.max", time_out_of_range),
        (json!({"latency": {"quantile": 0.9, "max": "61m"}}), "spec.metrics[0].latency.max", time_out_of_range),
        (json!({"errors": {"max": 0}}), "spec.metrics[0].errors.max", "greater than 0"),
        (json!({"errors": {"max": 0.001}}), "spec.metrics[0].errors.max", "at most two decimals"),
        (json!({"errors": {"maxIncrease": 100}}), "spec.metrics[0].errors.maxIncrease", "less than 100"),
        (json!({"errors": {"max": 1}, "count": 4_294_967_296_u64}), "spec.metrics[0].count", "less than or equal to"),
        (
            json!({"errors": {"max": 1}, "failureLimit": 4_294_967_296_u64}),
            "spec.metrics[0].failureLimit",
            "less than or equal to",
        ),
        (
            json!({"errors": {"max": 1}, "inconclusiveLimit": 4_294_967_296_u64}),
            "spec.metrics[0].inconclusiveLimit",
            "less than or equal to",
        ),
        (
            json!({"errors": {"max": 1}, "consecutiveErrorLimit": 4_294_967_296_u64}),
            "spec.metrics[0].consecutiveErrorLimit",
            "less than or equal to",
        ),
        (json!({"duel": {"margin": 10.5}}), "spec.metrics[0].duel.margin", "less than or equal to 10"),
        (json!({"duel": {"margin": 1, "slice": ""}}), "spec.metrics[0].duel.slice", "at least 1 chars long"),
        (json!({"duel": {"margin": 1, "maxFailures": 0}}), "spec.metrics[0].duel.maxFailures", "greater than 0"),
        (json!({"duel": {"margin": 1, "maxFailures": 100}}), "spec.metrics[0].duel.maxFailures", "less than 100"),
    ] {
        metric["name"] = json!("a");
        specs.push((steps.clone(), json!({"monitor": {"service": "monitor"}, "metrics": [metric]}), [path, words]));
    }
    specs
}

/// Further ones: steps and analyses that do not fit together.
fn bad_analyses() -> Vec<(Value, Value, [&'static str; 2])> {
    let duel = json!({"name": "a", "duel": {"margin": 0.01}});
    let errors = json!({"name": "b", "errors": {"max": 1}});
    let with = |metrics: Value| json!({"monitor": {"service": "monitor"}, "metrics": metrics});
    let background = |metrics: Value| json!({"analysis": {"metrics": metrics}, "metrics": [errors]});
    vec![
        (json!([{"setWeight": 5}, {"shadow": {}}]), json!({}), ["spec.steps", "put a shadow step before"]),
        (json!([{"setWeight": 5}, {"analysis": {}}]), json!({}), ["spec.steps", "an analysis has no metrics"]),
        (json!([{"setWeight": 5}]), json!({"analysis": {}}), ["spec.analysis.metrics", "there are no metrics"]),
        (
            json!([{"pause": {}}, {"analysis": {}}, {"setWeight": 5}]),
            with(json!([duel])),
            ["spec.steps", "put a shadow or setWeight step before it"],
        ),
        (
            json!([{"shadow": {}}, {"analysis": {}}, {"setWeight": 5}]),
            with(json!([duel, errors])),
            ["spec.steps", "put a setWeight step before it"],
        ),
        (
            json!([{"shadow": {}}, {"analysis": {"metrics": ["a"]}}, {"analysis": {"metrics": ["b"]}}]),
            with(json!([duel, errors])),
            ["spec.steps", "put a setWeight step before it"],
        ),
        (
            json!([{"setWeight": 5}, {"analysis": {}}]),
            with(json!([duel, duel])),
            ["spec.metrics[1]", "Duplicate value"],
        ),
        (
            json!([{"setWeight": 5}, {"analysis": {"metrics": ["b", "b"]}}]),
            with(json!([errors])),
            ["spec.steps[1].analysis.metrics[1]", "Duplicate value"],
        ),
        (json!([{"setWeight": 5}]), background(json!(["b", "b"])), ["spec.analysis.metrics[1]", "Duplicate value"]),
        (json!([{"setWeight": 5}]), background(json!(["c", "b"])), ["spec.analysis", "names a metric"]),
    ]
}

#[tokio::test]
async fn bad_specifications_are_refused_at_admission_with_the_path_of_the_field() -> Result<()> {
    let Some(kubernetes) = or_skip(Kubernetes::start().await)? else { return Ok(()) };
    install_operator(&kubernetes).await?;
    for (steps, more, parts) in [bad_specs(), bad_values(), bad_analyses()].concat() {
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
    // Values at the end of their ranges are good.
    let metric = json!({"name": "a", "errors": {"max": 0.01}, "interval": "24h", "count": 4_294_967_295_u64});
    let at_the_end = json!({
        "metrics": [metric],
        "analysis": {"startingStep": 1},
        "rollbackWindow": {"age": "520weeks"},
    });
    kubernetes.apply(&rollout(steps, &at_the_end).to_string()).await?;
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
