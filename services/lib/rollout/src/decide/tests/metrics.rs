//! Each kind of metric, its limits and its policies.

use marquee_domain::Version;

use super::fleet::{CAREFUL, Fleet, spec};
use crate::{Measure, MetricState, OnDeadline, Phase, Reason, Scope, Verb};

const SERVED: &str = r#"
    model = "ratings"
    version = 2
    steps = [{ setWeight = 5 }, { analysis = {} }, { setWeight = 50 }, { analysis = {} }]
    metrics = [
        { name = "errors", errors = { maxIncrease = 1 } },
        { name = "slow", latency = { quantile = 0.95, max = "50ms" } },
    ]
"#;

/// Runs with 100 requests a second to each version on each instance, of which some of the candidate
/// fail and some are slow.
fn serve(fleet: &mut Fleet, seconds: u64, errors: u64, slow: u64) {
    for _ in 0..seconds {
        if fleet.status.phase.is_final() {
            return;
        }
        fleet.serve(1, 100, 0, 1);
        fleet.serve(2, 100, errors, slow);
        fleet.run(1, 0, 0.0);
    }
}

#[test]
fn a_version_with_more_errors_is_stopped() {
    let mut fleet = Fleet::new(SERVED);
    serve(&mut fleet, 200, 5, 0);
    assert_eq!((fleet.status.phase, fleet.status.reason, fleet.weight()), (Phase::Degraded, Reason::AnalysisFailed, 0));
    assert!(
        fleet.status.message.contains("'errors'") && fleet.status.message.contains("requests failed"),
        "{}",
        fleet.status.message
    );
}

#[test]
fn a_slow_version_is_stopped() {
    let mut fleet = Fleet::new(SERVED);
    serve(&mut fleet, 200, 0, 10);
    assert_eq!((fleet.status.phase, fleet.status.reason), (Phase::Degraded, Reason::AnalysisFailed));
    assert!(fleet.status.message.contains("took longer than 50ms (10 %"), "{}", fleet.status.message);
}

#[test]
fn a_fast_version_without_errors_passes() {
    let mut fleet = Fleet::new(SERVED);
    serve(&mut fleet, 200, 0, 2);
    assert_eq!((fleet.status.phase, fleet.status.stable), (Phase::Completed, Some(Version(2))));
    let steps: Vec<_> = fleet.status.analysis.iter().map(|metric| (metric.scope, metric.step, metric.state)).collect();
    assert_eq!(steps.len(), 4);
    assert!(steps.iter().all(|(scope, _, state)| (*scope, *state) == (Scope::Step, MetricState::Successful)));
}

#[test]
fn requests_before_a_step_do_not_count_for_it() {
    let mut fleet = Fleet::new(SERVED);
    fleet.serve(2, 1_000_000, 900_000, 900_000);
    serve(&mut fleet, 200, 0, 0);
    assert_eq!(fleet.status.phase, Phase::Completed, "{}", fleet.status.message);
}

#[test]
fn a_version_that_fails_to_predict_is_stopped_without_users() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.run(5, 0, 0.0);
    while !fleet.status.phase.is_final() {
        fleet.duels.entry((Version(1), Version(2))).or_default().failures += 50;
        fleet.run(1, 0, 0.0);
        assert_eq!(fleet.weight(), 0);
        assert!(fleet.now < super::fleet::second(120), "{}", fleet.status.message);
    }
    assert!(fleet.status.message.contains("version 2 failed to predict"), "{}", fleet.status.message);
}

#[test]
fn nothing_is_decided_below_the_least_number_of_ratings() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.run(2, 0, 0.0);
    fleet.run(1, 499, 2.0);
    fleet.run(100, 0, 2.0);
    assert_eq!(fleet.status.phase, Phase::Progressing);
    assert!(fleet.status.message.ends_with("margin 0.01; at least 500 are needed"), "{}", fleet.status.message);
    fleet.run(11, 1, 2.0);
    assert_eq!(fleet.status.phase, Phase::Degraded, "{}", fleet.status.message);
}

#[test]
fn without_ratings_the_deadline_ends_the_rollout() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.run(3_700, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.reason), (Phase::Degraded, Reason::DeadlineExceeded));
    assert!(
        fleet.status.message.starts_with("analysis quality took longer than 1h: 'quality': 0 ratings"),
        "{}",
        fleet.status.message
    );
}

#[test]
fn missing_data_does_what_the_policy_says() {
    let policy = |policy: &str, more: &str| {
        let metric = format!("minRatings = 500 }}, onMissingData = '{policy}'{more} }}]");
        let mut fleet = Fleet::new(&CAREFUL.replace("minRatings = 500 } }]", &metric));
        fleet.run(400, 0, 0.0);
        fleet
    };
    assert_eq!(policy("Pass", "").status.phase, Phase::Completed);
    assert_eq!(policy("Fail", "").status.reason, Reason::AnalysisFailed);
    assert_eq!(policy("Wait", "").status.reason, Reason::AnalysisRunning);
    let limited = policy("Wait", ", inconclusiveLimit = 5");
    assert_eq!((limited.status.phase, limited.status.reason), (Phase::Paused, Reason::AnalysisInconclusive));
    let delayed = policy("Fail", ", initialDelay = '10m'");
    assert_eq!(delayed.status.reason, Reason::AnalysisRunning);
}

#[test]
fn an_inconclusive_rollout_is_not_stuck() {
    let mut fleet =
        Fleet::new(&CAREFUL.replace("minRatings = 500 } }]", "minRatings = 500 }, inconclusiveLimit = 5 }]"));
    fleet.run_until_reason(Reason::AnalysisInconclusive, 0, 0.0);
    fleet.command(Verb::Resume);
    fleet.run_until(Phase::Completed, 400, 0.0);
}

#[test]
fn a_count_demands_several_good_measurements() {
    let mut fleet = Fleet::new(&CAREFUL.replace("minRatings = 500 } }]", "minRatings = 500 }, count = 5 }]"));
    fleet.run(3, 20_000, 0.0);
    fleet.run(36, 0, 0.0);
    assert_eq!(fleet.weight(), 0);
    fleet.run(10, 0, 0.0);
    assert_eq!(fleet.weight(), 500);
}

#[test]
fn failed_measurements_within_the_limit_are_tolerated() {
    let mut fleet = Fleet::new(&CAREFUL.replace("minRatings = 500 } }]", "minRatings = 500 }, failureLimit = 3 }]"));
    fleet.run(3, 20_000, 0.1);
    fleet.run(25, 0, 0.0);
    assert_eq!(fleet.status.phase, Phase::Progressing, "{}", fleet.status.message);
    fleet.run(20, 0, 0.0);
    assert_eq!(fleet.status.reason, Reason::AnalysisFailed);
}

#[test]
fn a_dry_run_reports_and_stops_nothing() {
    let mut fleet = Fleet::new(&CAREFUL.replace("minRatings = 500 } }]", "minRatings = 500 }, dryRun = true }]"));
    fleet.run_until(Phase::Completed, 1_000, 0.5);
    assert!(fleet.told(Reason::AnalysisFailed).ends_with("it is a dry run, so the rollout goes on"));
}

#[test]
fn a_metric_that_failed_as_a_dry_run_has_failed_when_the_dry_run_ends() {
    let mut fleet = Fleet::new(&CAREFUL.replace("minRatings = 500 } }]", "minRatings = 500 }, dryRun = true }]"));
    while !fleet.reasons().contains(&Reason::AnalysisFailed) {
        fleet.run(1, 1_000, 0.5);
    }
    assert_eq!(fleet.weight(), 500);
    fleet.spec.metrics[0].dry_run = false;
    fleet.run(1, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.reason, fleet.weight()), (Phase::Degraded, Reason::AnalysisFailed, 0));
}

#[test]
fn a_metric_that_becomes_a_dry_run_stops_nothing() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 500 {
        fleet.run(1, 100, 0.0);
    }
    fleet.spec.metrics[0].dry_run = true;
    fleet.run_until(Phase::Completed, 1_000, 0.5);
}

/// Returns the error probability that was given to tests.
fn given(fleet: &Fleet) -> f64 {
    fleet.status.evidence.shares.values().sum()
}

#[test]
fn metrics_that_are_added_share_what_is_left_of_alpha() {
    let mut fleet = Fleet::new(SERVED);
    serve(&mut fleet, 3, 0, 0);
    assert!((given(&fleet) - 0.01 / 2.0).abs() < 1e-12, "two of four tests have begun");
    let mut added = fleet.spec.metrics[0].clone();
    added.name = "more-errors".to_owned();
    fleet.spec.metrics.push(added);
    serve(&mut fleet, 1, 0, 0);
    // The added metric shares the other half with three tests of the last step.
    assert!((given(&fleet) - 0.01 / 2.0 - 0.01 / 8.0).abs() < 1e-12, "{:?}", fleet.status.evidence.shares);
    for _ in 0..400 {
        serve(&mut fleet, 1, 0, 0);
        assert!(given(&fleet) <= 0.01 + 1e-12, "{:?}", fleet.status.evidence.shares);
    }
    assert_eq!(fleet.status.phase, Phase::Completed, "{}", fleet.status.message);
}

#[test]
fn a_metric_that_replaces_another_one_gets_no_share_twice() {
    let mut fleet = Fleet::new(SERVED);
    serve(&mut fleet, 3, 0, 0);
    fleet.spec.metrics[0].name = "other-errors".to_owned();
    serve(&mut fleet, 1, 0, 0);
    assert!(fleet.status.evidence.shares.contains_key("errors/1"), "{:?}", fleet.status.evidence.shares);
    assert!((given(&fleet) - 0.01 / 2.0 - 0.01 / 6.0).abs() < 1e-12, "{:?}", fleet.status.evidence.shares);
}

#[test]
fn a_metric_that_is_added_when_alpha_is_spent_begins_new_evidence_for_all() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 500 {
        fleet.run(1, 200, 0.0);
    }
    let mut added = fleet.spec.metrics[0].clone();
    added.name = "absolute".to_owned();
    if let Some(duel) = &mut added.duel {
        duel.measure = Measure::Mae;
    }
    fleet.spec.metrics.push(added);
    if let Some(background) = &mut fleet.spec.analysis {
        background.metrics.push("absolute".to_owned());
    }
    fleet.run(1, 0, 0.0);
    let shares: Vec<_> = fleet.status.analysis.iter().map(|metric| (metric.name.as_str(), metric.alpha)).collect();
    assert_eq!(shares, [("quality", 0.005), ("absolute", 0.005)]);
    assert_eq!(fleet.status.rollout.as_ref().map(|run| run.evidence_since), Some(fleet.now));
    assert_eq!((fleet.weight(), given(&fleet)), (500, 0.01));
    fleet.run_until(Phase::Completed, 200, 0.0);
}

#[test]
fn a_dry_run_that_ends_without_a_failure_takes_a_share() {
    let mut fleet = Fleet::new(SERVED);
    fleet.spec.metrics[1].dry_run = true;
    serve(&mut fleet, 3, 0, 0);
    assert_eq!(given(&fleet), 0.01 / 2.0, "only the errors of two steps count");
    fleet.spec.metrics[1].dry_run = false;
    serve(&mut fleet, 1, 0, 0);
    let shares = &fleet.status.evidence.shares;
    assert_eq!(shares.keys().collect::<Vec<_>>(), ["errors/1", "slow/1"]);
    assert!(shares["slow/1"] > 0.0 && given(&fleet) < 0.01, "{shares:?}");
}

#[test]
fn alpha_is_shared_by_the_tests_of_a_rollout() {
    let mut fleet = Fleet::new(SERVED);
    serve(&mut fleet, 3, 0, 0);
    // Two metrics in two steps each are four tests.
    assert!(fleet.status.analysis.iter().all(|metric| (metric.alpha - 0.01 / 4.0).abs() < 1e-15));
    let mut fleet = Fleet::new(CAREFUL);
    fleet.run(3, 0, 0.0);
    // A duel is one test, in the background and in a step.
    assert_eq!(fleet.status.analysis.iter().map(|metric| metric.alpha).collect::<Vec<_>>(), [0.01, 0.01]);
}

#[test]
fn a_background_analysis_begins_with_its_step() {
    let text = CAREFUL
        .replace("analysis = { metrics = [\"quality\"] }\n    metrics", "analysis = { startingStep = 4 }\n    metrics");
    let mut fleet = Fleet::new(&text);
    while fleet.weight() < 500 {
        fleet.run(1, 100, 0.0);
    }
    fleet.run(5, 4_000, 0.5);
    assert_eq!(fleet.status.phase, Phase::Paused, "nothing is measured yet");
    fleet.run_until(Phase::Degraded, 100, 0.5);
    assert_eq!(fleet.status.history[0].weight.value(), 25.0);
}

#[test]
fn a_deadline_may_leave_an_instance_behind() {
    for (policy, phase) in [(OnDeadline::Fail, Phase::Degraded), (OnDeadline::Continue, Phase::Completed)] {
        let mut fleet =
            Fleet::new("model = 'ratings'\nversion = 2\nprogressDeadline = '1m'\nsteps = [{ setWeight = 5 }]");
        fleet.spec.on_deadline = policy;
        fleet.instances[2].is_stuck = true;
        fleet.run(55, 0, 0.0);
        assert_eq!((fleet.status.reason, fleet.weight()), (Reason::WaitingForInstances, 500));
        assert!(
            fleet.status.message.contains("2 of 3") && fleet.status.message.contains("'c' (has revision 1)"),
            "{}",
            fleet.status.message
        );
        fleet.run(100, 0, 0.0);
        assert_eq!(fleet.status.phase, phase, "{}", fleet.status.message);
        assert!(fleet.reasons().contains(&Reason::DeadlineExceeded));
    }
}

#[test]
fn the_metrics_of_the_first_steps_are_forgotten_if_there_are_many() {
    let steps: String = (0..40).map(|_| "{ analysis = {} },").collect();
    let mut fleet = Fleet::new(&SERVED.replace("{ analysis = {} },", &steps));
    serve(&mut fleet, 600, 0, 0);
    assert_eq!(fleet.status.phase, Phase::Completed, "{}", fleet.status.message);
    assert_eq!(fleet.status.analysis.len(), 64);
}

#[test]
fn specifications_of_these_tests_are_valid() {
    assert_eq!((spec(SERVED).metrics.len(), spec(CAREFUL).steps.len()), (2, 8));
}
