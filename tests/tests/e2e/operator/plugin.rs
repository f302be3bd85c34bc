//! `kubectl marquee`, as kubectl finds it.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::{PLUGIN, Stage};

/// Runs it, and returns what it printed.
async fn ok(stage: &Stage, words: &str) -> Result<String> {
    let output = stage.plugin(words).await?;
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs it, and returns its complaint.
async fn refused(stage: &Stage, words: &str) -> Result<String> {
    let output = stage.plugin(words).await?;
    assert_eq!(output.status.code(), Some(1), "{words}");
    Ok(String::from_utf8(output.stderr)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_reaches_the_operator_and_edits_no_specification() -> Result<()> {
    let Some(stage) = Stage::start(95).await? else { return Ok(()) };
    stage.kubernetes.add_plugin("kubectl-marquee", Path::new(PLUGIN))?;
    let operator = stage.operator("one").await?;
    stage.roll_out(json!([{"setWeight": 10}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}]), &json!({})).await?;
    marquee_e2e::operator::until_rollout(&stage.kubernetes, "ratings", super::phase("Paused")).await?;
    let generation =
        marquee_e2e::operator::rollout(&stage.kubernetes, "ratings").await?["metadata"]["generation"].clone();

    let list = ok(&stage, "get").await?;
    assert!(list.contains("ratings") && list.contains("2/4 pause until promoted"), "{list}");
    let shown = ok(&stage, "get ratings").await?;
    assert!(shown.contains("Paused") && shown.contains("setWeight 10") && shown.contains('█'), "{shown}");
    ok(&stage, "promote ratings").await?;
    let at_twenty = |status: &serde_json::Value| status["phase"] == "Paused" && status["weights"]["effective"] == 20;
    marquee_e2e::operator::until_rollout(&stage.kubernetes, "ratings", ("20 % are effective", at_twenty)).await?;
    ok(&stage, "pause ratings").await?;
    ok(&stage, "resume ratings").await?;
    assert!(ok(&stage, "abort ratings").await?.contains("Degraded"));
    stage.until_route(1, 0).await?;
    let why = refused(&stage, "watch ratings").await?;
    assert!(why.contains("AbortedByUser"), "{why}");
    ok(&stage, "retry ratings").await?;
    ok(&stage, "promote ratings --all").await?;
    let watched = ok(&stage, "watch ratings").await?;
    assert!(watched.contains("Completed") && !watched.contains('\u{1b}'), "{watched}");
    ok(&stage, "undo ratings").await?;
    let history = ok(&stage, "history ratings --json").await?;
    let history: serde_json::Value = serde_json::from_str(&history)?;
    assert!(history["rollouts"].as_array().is_some_and(|past| past.len() >= 2), "{history}");
    let after = marquee_e2e::operator::rollout(&stage.kubernetes, "ratings").await?["metadata"]["generation"].clone();
    assert_eq!(after, generation, "a verb edited the specification");

    let why = refused(&stage, "promote nobody").await?;
    assert!(why.contains("nobody"), "{why}");
    drop(operator);
    let why = refused(&stage, "pause ratings --timeout 1").await?;
    assert!(why.contains("is the operator running"), "{why}");
    Ok(())
}
