//! Stored runs: older forms load, and unknown fields are kept.

use super::*;

/// A run as the first version stored it: the wire message in protobuf's JSON mapping.
const FIRST_FORM: &str = r#"{
  "trainingId": "t1764081000123456",
  "model": "ratings",
  "algorithm": "ALGORITHM_BAYES",
  "parameters": {
    "factors": 16,
    "sweeps": 340,
    "burnIn": 40,
    "samples": 20,
    "seed": "18446744073709551615",
    "holdout": 0.1
  },
  "state": "STATE_SUCCEEDED",
  "stage": "STAGE_PUBLISH",
  "progress": 1,
  "message": "published version 7",
  "createdAt": "2025-11-25T14:30:00.123456+00:00",
  "endedAt": "2025-11-25T14:31:00+00:00",
  "version": "7",
  "metrics": {
    "rmse": 0.92,
    "mae": 0.72,
    "frozenRmse": 0.95,
    "biasRmse": 0.97,
    "coverage90": 0.89,
    "holdoutRatings": "10000",
    "trainingRatings": "90000"
  },
  "digest": "ab",
  "datasetDigest": "cd",
  "trainSeconds": 12.5
}"#;

/// The first version left out fields with default values.
const FIRST_FORM_QUEUED: &str = r#"{
  "trainingId": "t0000000000000007",
  "model": "ratings",
  "algorithm": "ALGORITHM_BIAS",
  "parameters": {"factors": 1, "sweeps": 20, "samples": 1, "seed": "1", "holdout": 0.1},
  "state": "STATE_QUEUED",
  "createdAt": "1970-01-01T00:00:00.000007+00:00"
}"#;

fn decode(json: &str) -> RunDocument {
    RunDocument::decode(json.as_bytes()).expect("decodes")
}

#[test]
fn a_run_of_the_first_form_is_read() {
    let run = decode(FIRST_FORM).run().expect("a run");
    assert_eq!((run.id.as_str(), run.plan.model.as_str()), ("t1764081000123456", "ratings"));
    assert_eq!((run.plan.algorithm, run.plan.holdout), (Algorithm::Bayes, 0.1));
    let parameters = FitParameters { factors: 16, sweeps: 340, burn_in: 40, samples: 20, seed: u64::MAX };
    assert_eq!(run.plan.parameters, parameters);
    assert_eq!((run.state, run.stage, run.progress), (RunState::Succeeded, Some(Stage::Publish), 1.0));
    assert_eq!(run.created_at, Timestamp::from_micros(1_764_081_000_123_456));
    assert_eq!(run.ended_at, Some(Timestamp::from_seconds(1_764_081_060)));
    assert_eq!((run.version, run.digest.as_deref()), (Some(Version(7)), Some("ab")));
    assert_eq!((run.snapshot.as_deref(), run.train_seconds), (Some("cd"), Some(12.5)));
    let metrics = run.metrics.expect("metrics");
    assert_eq!((metrics.rmse, metrics.coverage_90, metrics.holdout_ratings), (0.92, 0.89, 10_000));
}

#[test]
fn fields_that_the_first_form_left_out_have_their_defaults() {
    let run = decode(FIRST_FORM_QUEUED).run().expect("a run");
    assert_eq!((run.state, run.stage, run.plan.parameters.burn_in), (RunState::Queued, None, 0));
    assert_eq!((run.version, run.metrics, run.ended_at), (None, None, None));
    assert_eq!(run.created_at, Timestamp::from_micros(7));
}

#[test]
fn a_run_comes_back_as_it_was() {
    for form in [FIRST_FORM, FIRST_FORM_QUEUED] {
        let mut run = decode(form).run().expect("a run");
        let gate = |name: &str, side| GateResult { name: name.to_owned(), value: 0.9, bound: 1.0, side };
        run.gates = vec![gate("rmse", GateSide::AtMost), gate("holdout_ratings", GateSide::AtLeast)];
        run.warnings = vec!["3 records are unreadable".to_owned()];
        let mut document = RunDocument::default();
        document.update(&run);
        let stored = RunDocument::decode(&document.encode().expect("encodes")).expect("decodes");
        assert_eq!((stored.format, stored.run().expect("a run")), (FORMAT, run));
    }
}

#[test]
fn a_run_with_a_value_that_is_not_finite_stays_readable() {
    for value in [f64::NAN, f64::INFINITY] {
        let mut run = decode(FIRST_FORM).run().expect("a run");
        run.gates = vec![GateResult { name: "parity".to_owned(), value, bound: 1.0, side: GateSide::AtMost }];
        run.metrics = Some(RunMetrics { rmse: value, ..RunMetrics::default() });
        let mut document = RunDocument::default();
        document.update(&run);
        let stored = RunDocument::decode(&document.encode().expect("encodes")).expect("decodes");
        let read = stored.run().expect("a run");
        assert!(read.gates[0].value.is_nan() && !read.gates[0].passes());
        assert!(read.metrics.is_some_and(|metrics| metrics.rmse.is_nan()));
    }
}

#[test]
fn unknown_fields_survive_a_change() {
    let mut newer: Value = serde_json::from_str(FIRST_FORM).expect("JSON");
    newer["format"] = 9.into();
    newer["priority"] = "high".into();
    newer["stage"] = "STAGE_REVIEW".into();
    newer["parameters"]["optimizer"] = "adam".into();
    newer["metrics"]["ndcg"] = 0.5.into();
    newer["gates"] = serde_json::json!([{"name": "rmse", "value": 0.9, "bound": 1.0, "unit": "stars"}]);
    let mut document = decode(&newer.to_string());
    let mut run = document.run().expect("a newer form is read as far as it can be");
    assert_eq!(run.stage, None);
    run.message = "changed".to_owned();
    document.update(&run);
    let stored: Value = serde_json::from_slice(&document.encode().expect("encodes")).expect("JSON");
    assert_eq!(stored["message"], "changed");
    assert_eq!(
        (&stored["format"], &stored["priority"], &stored["stage"]),
        (&9.into(), &"high".into(), &"STAGE_REVIEW".into())
    );
    assert_eq!((&stored["parameters"]["optimizer"], &stored["metrics"]["ndcg"]), (&"adam".into(), &0.5.into()));
    assert_eq!(stored["gates"][0]["unit"], "stars");
}

#[test]
fn a_state_or_algorithm_of_a_newer_version_is_refused_by_name() {
    for (field, value) in [("state", "STATE_PAUSED"), ("algorithm", "ALGORITHM_DEEP")] {
        let mut newer: Value = serde_json::from_str(FIRST_FORM).expect("JSON");
        newer[field] = value.into();
        let error = decode(&newer.to_string()).run().expect_err("unknown");
        assert_eq!(error.to_string(), format!("{field}: '{value}' is unknown to this version"));
    }
}

#[test]
fn damage_is_an_error() {
    for text in ["", "{", "[]", r#"{"version": "x"}"#, r#"{"progress": "half"}"#] {
        assert!(RunDocument::decode(text.as_bytes()).is_err(), "{text}");
    }
    assert!(decode("{}").run().is_err());
}
