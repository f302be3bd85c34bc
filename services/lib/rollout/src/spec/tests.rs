//! Specifications in all forms, and what is refused with which path.

use serde_json::{Value, json};

use super::*;
use crate::Percent;

fn read(value: &Value) -> Result<Spec, SpecError> {
    Spec::read(value)
}

/// A specification that uses every field.
fn full() -> Value {
    json!({
        "model": "ratings",
        "follow": "latest",
        "steps": [
            { "shadow": {} },
            { "analysis": { "metrics": ["quality"] } },
            { "setWeight": 5 },
            { "pause": { "duration": "10m" } },
            { "analysis": {} },
            { "setWeight": 12.5 },
            { "pause": {} },
        ],
        "analysis": { "startingStep": 2, "metrics": ["errors", "slow"] },
        "metrics": [
            {
                "name": "quality",
                "duel": { "measure": "rmse", "margin": 0.005, "minRatings": 500, "slice": "new-users", "maxFailures": 0.5 },
                "interval": "30s", "initialDelay": "1m", "count": 2, "failureLimit": 1, "inconclusiveLimit": 50,
                "consecutiveErrorLimit": 4, "dryRun": true, "onMissingData": "Fail",
            },
            { "name": "errors", "errors": { "maxIncrease": 0.5, "minRequests": 200 } },
            { "name": "slow", "latency": { "quantile": 0.99, "max": "50ms", "minRequests": 200 } },
        ],
        "onFailure": "Pause",
        "progressDeadline": "2h",
        "onDeadline": "Continue",
        "rollbackWindow": { "versions": 3, "age": "1day" },
        "alpha": 0.05,
    })
}

/// Returns the full specification with one value replaced, by its JSON pointer. `null` removes it.
fn with(pointer: &str, value: Value) -> Value {
    let mut spec = full();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = spec.pointer_mut(parent).expect("a place");
    match (parent, value) {
        (Value::Object(fields), Value::Null) => drop(fields.remove(name)),
        (Value::Object(fields), value) => drop(fields.insert(name.to_owned(), value)),
        (Value::Array(list), value) => list[name.parse::<usize>().expect("an index")] = value,
        _ => panic!("{pointer} is no place"),
    }
    spec
}

#[test]
fn every_field_is_read_and_written() {
    let spec = read(&full()).expect("valid");
    assert_eq!(spec.steps[5].set_weight, Percent::try_new(12.5).ok());
    assert_eq!(spec.metrics[0].interval, Duration::from_secs(30));
    let written = serde_json::to_value(&spec).expect("written");
    assert_eq!(read(&written), Ok(spec));
}

#[test]
fn toml_json_and_yaml_have_the_same_form() {
    let spec = read(&full()).expect("valid");
    let text = toml::to_string(&spec).expect("TOML");
    assert_eq!(Spec::read(toml::Deserializer::parse(&text).expect("TOML")), Ok(spec));
}

#[test]
fn a_short_specification_has_safe_defaults() {
    let spec = read(&json!({ "model": "ratings", "version": 3 })).expect("valid");
    assert_eq!((spec.on_failure, spec.alpha, spec.rollback_window.versions), (OnFailure::Abort, 0.01, 1));
    assert_eq!((spec.progress_deadline, spec.on_deadline), (Duration::from_hours(1), OnDeadline::Fail));
    let metric: Metric = serde_json::from_value(json!({ "name": "a", "duel": { "margin": 0.01 } })).expect("valid");
    assert_eq!((metric.count, metric.failure_limit, metric.on_missing_data), (1, 0, OnMissingData::Wait));
    assert_eq!(metric.duel.expect("a duel").min_ratings, 1_000);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_path() {
    for (pointer, value, path, words) in [
        ("/model", json!("No Model"), "model", "is not a model name"),
        ("/extra", json!(1), "extra", "unknown field `extra`"),
        ("/steps/0", json!({ "shade": {} }), "steps[0].shade", "unknown field `shade`"),
        ("/steps/2/setWeight", json!(101), "steps[2].setWeight", "is 101"),
        ("/steps/2/setWeight", json!(0.001), "steps[2].setWeight", "two decimals"),
        ("/steps/3/pause/duration", json!("soon"), "steps[3].pause.duration", "expected"),
        ("/metrics/0/duel/margn", json!(1), "metrics[0].duel.margn", "unknown field `margn`"),
        ("/metrics/0/onMissingData", json!("Guess"), "metrics[0].onMissingData", "unknown variant `Guess`"),
        ("/onFailure", json!("Ignore"), "onFailure", "unknown variant"),
        ("/rollbackWindow/versions", json!(-1), "rollbackWindow.versions", "invalid value"),
    ] {
        let error = read(&with(pointer, value)).expect_err(pointer);
        assert_eq!(error.path(), path, "{error}");
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_path() {
    let none = Value::Null;
    for (pointer, value, path) in [
        ("/version", json!(4), "version"),
        ("/follow", none.clone(), "version"),
        ("/steps/0", json!({}), "steps[0]"),
        ("/steps/0", json!({ "shadow": {}, "setWeight": 5 }), "steps[0]"),
        ("/steps/0", json!({ "pause": {} }), "steps[1].analysis.metrics"),
        ("/steps/1", json!({ "analysis": { "metrics": ["errors"] } }), "steps[1].analysis.metrics"),
        ("/steps/2/setWeight", json!(0), "steps[2].setWeight"),
        ("/steps/2/setWeight", json!(20), "steps[5].setWeight"),
        ("/steps/3/pause/duration", json!("0s"), "steps[3].pause.duration"),
        ("/steps/4/analysis", json!({ "metrics": ["other"] }), "steps[4].analysis.metrics[0]"),
        ("/steps/4/analysis", json!({ "metrics": ["slow", "slow"] }), "steps[4].analysis.metrics[1]"),
        ("/steps/6", json!({ "shadow": {} }), "steps[6].shadow"),
        ("/analysis/startingStep", json!(7), "analysis.startingStep"),
        ("/analysis/metrics", json!(["other"]), "analysis.metrics[0]"),
        ("/metrics/0/name", json!("a b"), "metrics[0].name"),
        ("/metrics/1/name", json!("quality"), "metrics[1].name"),
        ("/metrics/0/interval", json!("1ms"), "metrics[0].interval"),
        ("/metrics/0/count", json!(0), "metrics[0].count"),
        ("/metrics/0/duel", none.clone(), "metrics[0]"),
        ("/metrics/0/errors", json!({ "max": 1 }), "metrics[0]"),
        ("/metrics/0/duel/margin", json!(-0.1), "metrics[0].duel.margin"),
        ("/metrics/0/duel/minRatings", json!(29), "metrics[0].duel.minRatings"),
        ("/metrics/0/duel/slice", json!(""), "metrics[0].duel.slice"),
        ("/metrics/0/duel/maxFailures", json!(100), "metrics[0].duel.maxFailures"),
        ("/metrics/1/errors/max", json!(1), "metrics[1].errors"),
        ("/metrics/1/errors/maxIncrease", none, "metrics[1].errors"),
        ("/metrics/1/errors/minRequests", json!(0), "metrics[1].errors.minRequests"),
        ("/metrics/2/latency/quantile", json!(1.0), "metrics[2].latency.quantile"),
        ("/metrics/2/latency/max", json!("0s"), "metrics[2].latency.max"),
        ("/progressDeadline", json!("0s"), "progressDeadline"),
        ("/rollbackWindow/versions", json!(11), "rollbackWindow.versions"),
        ("/rollbackWindow/age", json!("0s"), "rollbackWindow.age"),
        ("/alpha", json!(0.0), "alpha"),
        ("/alpha", json!(0.6), "alpha"),
    ] {
        let error = read(&with(pointer, value.clone())).expect_err(&format!("{pointer} {value}"));
        assert_eq!(error.path(), path, "{pointer} {value}: {error}");
    }
}

#[test]
fn a_metric_that_is_never_measured_is_refused() {
    let mut spec = full();
    spec["steps"][4] = json!({ "pause": {} });
    spec["analysis"]["metrics"] = json!(["errors"]);
    let error = read(&spec).expect_err("refused");
    assert_eq!(
        (error.path(), error.message()),
        ("metrics[2].name", "'slow' is never measured; name it in a step or in 'analysis'")
    );
}

#[test]
fn a_background_analysis_needs_steps_and_metrics() {
    let spec = json!({ "model": "ratings", "version": 1, "analysis": {} });
    assert_eq!(read(&spec).expect_err("no steps").path(), "analysis.startingStep");
    let spec = json!({ "model": "ratings", "version": 1, "steps": [{ "setWeight": 5 }], "analysis": {} });
    assert_eq!(read(&spec).expect_err("no metrics").path(), "analysis.metrics");
}
