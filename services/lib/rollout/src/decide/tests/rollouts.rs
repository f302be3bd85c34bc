//! Whole rollouts: good and bad versions, and what a new target does.

use marquee_domain::{Route, Version};

use super::fleet::{CAREFUL, Fleet, route, spec};
use crate::{ConditionStatus, ConditionType, OnFailure, Outcome, Percent, Phase, Reason, RunKind, Verb, Verdict};

#[test]
fn a_good_version_takes_over_step_by_step() {
    let mut fleet = Fleet::new(CAREFUL);
    let mut weights = vec![0];
    while fleet.status.phase != Phase::Completed {
        fleet.run(1, 100, 0.0);
        weights.push(fleet.weight());
        weights.dedup();
        assert!(fleet.now < super::fleet::second(3_600), "{}", fleet.status.message);
    }
    assert_eq!(weights, [0, 500, 2_500, 5_000, 0]);
    let status = &fleet.status;
    assert_eq!((status.stable, status.candidate, &status.step), (Some(Version(2)), None, &None));
    assert_eq!((status.weights.wanted.value(), status.weights.effective.value()), (100.0, 100.0));
    assert_eq!(fleet.route.as_ref().map(Route::stable), Some(Version(2)));
    assert_eq!(status.condition(ConditionType::Completed).map(|c| c.status), Some(ConditionStatus::True));
    assert_eq!(status.condition(ConditionType::Available).map(|c| c.status), Some(ConditionStatus::True));
    assert_eq!((status.history.len(), status.history[0].outcome), (1, Outcome::Completed));
    assert_eq!(status.good_versions.first().map(|good| good.version), Some(Version(1)));
    assert!(fleet.reasons().ends_with(&[Reason::Promoting, Reason::StepCompleted, Reason::RolloutCompleted]));
}

#[test]
fn a_bad_version_is_stopped_in_shadow_before_a_user_sees_it() {
    let mut fleet = Fleet::new(CAREFUL);
    while !fleet.status.phase.is_final() {
        fleet.run(1, 100, 0.1);
        assert_eq!(fleet.weight(), 0);
    }
    let status = &fleet.status;
    assert_eq!(
        (status.phase, status.reason, status.stable),
        (Phase::Degraded, Reason::AnalysisFailed, Some(Version(1)))
    );
    assert!(
        status.message.contains("ΔRMSE +0.0") && status.message.contains("ratings, margin 0.01"),
        "{}",
        status.message
    );
    let failed =
        status.analysis.iter().find_map(|metric| metric.last.as_ref().filter(|m| m.verdict == Verdict::Failed));
    let failed = failed.expect("a failed measurement");
    assert!(failed.lower.is_some_and(|lower| lower > 0.01) && failed.samples >= 500, "{failed:?}");
    assert_eq!(fleet.told(Reason::AnalysisFailed), format!("rollout of version 2 aborted: {}", status.message));
    assert_eq!(status.condition(ConditionType::Degraded).map(|c| &c.message), Some(&status.message));
    let before = fleet.status.clone();
    fleet.run(600, 100, 0.1);
    assert_eq!(
        (fleet.status.phase, fleet.weight(), fleet.status.history.len()),
        (Phase::Degraded, 0, before.history.len())
    );
}

#[test]
fn a_version_that_becomes_bad_loses_its_users_at_once() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 2_500 {
        fleet.run(1, 100, 0.0);
    }
    fleet.run_until(Phase::Degraded, 400, 0.5);
    assert_eq!((fleet.weight(), fleet.status.reason), (0, Reason::AnalysisFailed));
    assert_eq!(fleet.status.history[0].weight, Percent::try_new(25.0).expect("valid"));
}

#[test]
fn the_first_version_of_a_model_needs_no_steps() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.route = None;
    fleet.instances.iter_mut().for_each(|instance| instance.effective = None);
    fleet.run(3, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.stable), (Phase::Completed, Some(Version(2))));
    assert_eq!(fleet.route.as_ref().map(|route| (route.stable(), route.revision())), Some((Version(2), 1)));
    assert_eq!(fleet.status.history[0].kind, RunKind::First);
}

#[test]
fn a_target_that_is_stable_already_changes_nothing() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.spec.version = Some(Version(1));
    let before = fleet.route.clone();
    fleet.run(3, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.reason), (Phase::Completed, Reason::AlreadyStable));
    assert_eq!((&fleet.route, fleet.status.history.len()), (&before, 0));
}

#[test]
fn a_target_that_is_not_published_is_waited_for() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.spec.version = Some(Version(3));
    fleet.run(3, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.reason), (Phase::Pending, Reason::VersionNotPublished));
    assert_eq!(fleet.status.message, "version 3 is not published; the newest is 2");
    fleet.published = Some(vec![Version(1), Version(2), Version(3)]);
    fleet.run(3, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.candidate), (Phase::Progressing, Some(Version(3))));
}

#[test]
fn another_target_supersedes_the_running_rollout() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 2_500 {
        fleet.run(1, 100, 0.0);
    }
    fleet.published = Some(vec![Version(1), Version(2), Version(3)]);
    fleet.spec.version = Some(Version(3));
    fleet.run(2, 0, 0.0);
    assert_eq!((fleet.weight(), fleet.status.candidate), (0, Some(Version(3))));
    assert_eq!(fleet.route.as_ref().map(|route| route.shadow().to_vec()), Some(vec![Version(3)]));
    assert_eq!((fleet.status.history[0].target, fleet.status.history[0].outcome), (Version(2), Outcome::Superseded));
    assert_eq!(fleet.told(Reason::Superseded), "version 3 replaces version 2 as the target");
    fleet.run_until(Phase::Completed, 100, 0.0);
    assert_eq!((fleet.status.stable, fleet.status.history.len()), (Some(Version(3)), 2));
}

#[test]
fn a_target_that_becomes_the_stable_version_takes_the_users_back() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 500 {
        fleet.run(1, 100, 0.0);
    }
    fleet.spec.version = Some(Version(1));
    fleet.run(1, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.weight(), fleet.status.stable), (Phase::Completed, 0, Some(Version(1))));
}

#[test]
fn the_newest_version_is_followed() {
    let mut fleet = Fleet::new(CAREFUL);
    (fleet.spec.version, fleet.spec.follow) = (None, Some(crate::Follow::Latest));
    fleet.run_until(Phase::Completed, 100, 0.0);
    fleet.published = Some(vec![Version(1), Version(2), Version(3)]);
    fleet.run(2, 0, 0.0);
    assert_eq!(fleet.status.phase, Phase::Completed, "version 3 did not pass its gates");
    fleet.latest = Some(Version(3));
    fleet.run(1, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.candidate), (Phase::Progressing, Some(Version(3))));
    fleet.published = None;
    fleet.run(5, 100, 0.0);
    assert_eq!(fleet.status.candidate, Some(Version(3)), "a store that is away ends no rollout");
    (fleet.published, fleet.latest) = (Some(vec![Version(1), Version(2)]), Some(Version(2)));
    fleet.run(5, 100, 0.0);
    assert_eq!(fleet.status.candidate, Some(Version(3)), "an observer that is behind ends no rollout");
    (fleet.published, fleet.latest) = (Some(vec![Version(1), Version(2), Version(3)]), Some(Version(3)));
    fleet.run_until(Phase::Completed, 100, 0.0);
    assert_eq!(fleet.status.stable, Some(Version(3)));
    (fleet.published, fleet.latest) = (Some(vec![Version(1), Version(2)]), Some(Version(2)));
    fleet.run(5, 100, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.stable), (Phase::Completed, Some(Version(3))));
}

#[test]
fn a_recent_good_version_returns_at_once_without_steps() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.run_until(Phase::Completed, 100, 0.0);
    fleet.spec.version = Some(Version(1));
    fleet.run(2, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.stable), (Phase::Completed, Some(Version(1))));
    assert_eq!(fleet.status.history[0].kind, RunKind::Rollback);
    assert!(fleet.status.good_versions.is_empty(), "a version that was left by a rollback is not good");
    fleet.spec.version = Some(Version(2));
    fleet.run(2, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.weight()), (Phase::Progressing, 0), "version 2 goes by the steps again");
}

#[test]
fn an_old_version_returns_by_the_steps() {
    for change in [
        |spec: &mut crate::Spec| spec.rollback_window.versions = 0,
        |spec: &mut crate::Spec| {
            spec.rollback_window.age = Some(std::time::Duration::from_secs(60));
        },
    ] {
        let mut fleet = Fleet::new(CAREFUL);
        change(&mut fleet.spec);
        fleet.run_until(Phase::Completed, 100, 0.0);
        fleet.run(100, 0, 0.0);
        fleet.spec.version = Some(Version(1));
        fleet.run(2, 0, 0.0);
        assert_eq!((fleet.status.phase, fleet.status.stable), (Phase::Progressing, Some(Version(2))));
        assert_eq!(fleet.status.rollout.as_ref().map(|run| run.kind), Some(RunKind::Steps));
    }
}

#[test]
fn a_specification_without_steps_waits_for_warm_instances_only() {
    let mut fleet = Fleet::new("model = 'ratings'\nversion = 2");
    fleet.instances[1].is_stuck = true;
    fleet.run(10, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.reason), (Phase::Progressing, Reason::Promoting));
    fleet.instances[1].is_stuck = false;
    fleet.run(3, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.stable), (Phase::Completed, Some(Version(2))));
}

#[test]
fn steps_that_change_begin_again() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 2_500 {
        fleet.run(1, 100, 0.0);
    }
    fleet.spec = spec(&CAREFUL.replace("setWeight = 25", "setWeight = 30"));
    fleet.run(1, 0, 0.0);
    assert_eq!((fleet.weight(), fleet.status.step.as_ref().map(|step| step.index)), (0, Some(0)));
    assert!(fleet.reasons().contains(&Reason::StepsChanged));
    fleet.run_until(Phase::Completed, 100, 0.0);
}

#[test]
fn steps_that_change_are_another_attempt_with_new_evidence() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 2_500 {
        fleet.run(1, 100, 0.0);
    }
    fleet.spec = spec(&CAREFUL.replace("setWeight = 25", "setWeight = 30"));
    fleet.run(1, 100, 0.0);
    let run = fleet.status.rollout.as_ref().expect("a rollout");
    assert_eq!((run.number, run.attempt, run.evidence_since), (1, 2, fleet.now));
    let duel = fleet.status.evidence.duels.get("all").expect("a duel");
    assert_eq!(duel.total.squared.ratings, 0, "earlier ratings were judged by earlier steps");
    assert_eq!(fleet.status.evidence.shares.values().sum::<f64>(), 0.01);
}

#[test]
fn steps_that_change_while_a_failure_holds_the_rollout_wait_for_a_person() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.spec.on_failure = OnFailure::Pause;
    fleet.run_until_reason(Reason::AnalysisFailed, 100, 0.1);
    fleet.spec.steps = fleet.spec.steps.split_off(4);
    fleet.run(5, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.weight()), (Phase::Paused, 0));
    fleet.command(Verb::Resume);
    fleet.run(1, 0, 0.0);
    let attempt = fleet.status.rollout.as_ref().map(|run| run.attempt);
    assert_eq!((fleet.weight(), attempt), (2_500, Some(2)));
}

#[test]
fn a_specification_that_makes_no_sense_holds_everything() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 500 {
        fleet.run(1, 100, 0.0);
    }
    fleet.spec.metrics[0].interval = std::time::Duration::ZERO;
    fleet.run(300, 100, 0.0);
    assert_eq!((fleet.weight(), fleet.status.reason), (500, Reason::InvalidSpec));
    assert!(fleet.status.message.contains("metrics[0].interval: is 0s"), "{}", fleet.status.message);
    assert_eq!(fleet.reasons().iter().filter(|reason| **reason == Reason::InvalidSpec).count(), 1);
    fleet.spec.metrics[0].interval = std::time::Duration::from_secs(10);
    fleet.run_until(Phase::Completed, 100, 0.0);
}

#[test]
fn a_route_of_another_writer_is_set_back() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 500 {
        fleet.run(1, 100, 0.0);
    }
    fleet.run(3, 0, 0.0);
    let revision = fleet.route.as_ref().map_or(0, Route::revision);
    fleet.route = Some(route(1, Some((2, 9_000)), revision + 1));
    fleet.run(1, 0, 0.0);
    assert_eq!((fleet.weight(), fleet.route.as_ref().map(Route::revision)), (500, Some(revision + 2)));
    assert_eq!(fleet.reasons().iter().filter(|reason| **reason == Reason::RouteRestored).count(), 1);
}
