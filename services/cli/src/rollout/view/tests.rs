//! The view of made-up statuses.

use marquee_domain::Version;
use marquee_rollout::{MetricCounts, MetricWindow, Percent, Reason, StepStatus, Verdict, Weights};
use serde_json::json;

use super::*;

fn spec() -> Spec {
    let spec = json!({
        "model": "ratings",
        "version": 2,
        "steps": [{"shadow": {}}, {"analysis": {}}, {"setWeight": 25}],
        "metrics": [{"name": "accuracy", "duel": {"margin": 0.01}}],
    });
    Spec::read(&spec).expect("valid")
}

fn status() -> Status {
    let weight = Percent::try_new(12.5).expect("valid");
    let last = Measurement {
        time: Timestamp::EPOCH,
        verdict: Verdict::Inconclusive,
        estimate: Some(-0.0123),
        lower: Some(-0.03),
        upper: Some(0.0064),
        limit: 0.01,
        samples: 2_345,
        min_samples: 500,
        message: "neither is shown yet".to_owned(),
    };
    let metric = MetricStatus {
        name: "accuracy".to_owned(),
        scope: Scope::Step,
        step: Some(1),
        state: MetricState::Running,
        dry_run: false,
        counts: MetricCounts { inconclusive: 4, ..MetricCounts::default() },
        alpha: 0.01,
        last: Some(last),
        started_at: Timestamp::EPOCH,
        next_at: Timestamp::EPOCH,
        window: MetricWindow::default(),
    };
    let step = StepStatus { index: 1, count: 3, name: "analysis".to_owned(), started_at: Timestamp::from_seconds(100) };
    Status {
        format: 1,
        phase: Phase::Progressing,
        reason: Reason::AnalysisRunning,
        message: "measures accuracy".to_owned(),
        stable: Some(Version(1)),
        candidate: Some(Version(2)),
        step: Some(step),
        weights: Weights { wanted: weight, instances: 3, instances_effective: 2, ..Weights::default() },
        analysis: vec![metric],
        ..Status::default()
    }
}

fn view<'a>(spec: &'a Spec, status: &'a Status) -> View<'a> {
    View { spec, status, now: Timestamp::from_seconds(175), color: false }
}

#[test]
fn the_view_has_weights_steps_figures_and_reasons() {
    let (spec, status) = (spec(), status());
    let lines = view(&spec, &status).lines();
    let text = lines.join("\n");
    for part in [
        "ratings  Progressing  AnalysisRunning",
        "measures accuracy",
        "candidate  version 2    █████░",
        "12.5 %",
        "2 of 3 ready instances answer with the wanted route",
        "✓  1 shadow",
        "▶  2 analysis  for 1 min 15 s",
        "   3 setWeight 25",
        "ΔRMSE −0.0123 [−0.0300, +0.0064] stars, limit +0.0100, 2,345 of at least 500 ratings",
        "accuracy (step 2) running: 0 passed, 0 failed, 4 open, 0 errors",
    ] {
        assert!(text.contains(part), "no '{part}' in:\n{text}");
    }
    assert!(lines.iter().any(|line| line.contains('●') && line.contains('┊')), "{text}");
    assert!(lines.iter().all(|line| !line.contains('\x1b')), "no colors were asked for");
}

#[test]
fn the_headline_is_one_line_with_the_reason() {
    let (spec, mut status) = (spec(), status());
    status.message = "two\nlines".to_owned();
    let line = view(&spec, &status).headline();
    assert_eq!(
        line,
        "ratings Progressing, step 2/3 analysis, weight 12.5 % (effective 0 %), accuracy ΔRMSE −0.0123 \
         [−0.0300, +0.0064] stars, limit +0.0100, 2,345 of at least 500 ratings, AnalysisRunning: two lines"
    );
}

#[test]
fn a_completed_rollout_has_ticked_all_steps() {
    let (spec, mut status) = (spec(), status());
    (status.phase, status.step, status.candidate) = (Phase::Completed, None, None);
    let text = view(&spec, &status).lines().join("\n");
    assert_eq!(text.matches('✓').count(), 3, "{text}");
    assert!(!text.contains("candidate  version"), "{text}");
}
