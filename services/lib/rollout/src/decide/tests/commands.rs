//! Commands of people.

use marquee_domain::{Route, Version};

use super::fleet::{CAREFUL, Fleet};
use crate::{OnFailure, Phase, Reason, Verb};

const MANUAL: &str = r#"
    model = "ratings"
    version = 2
    steps = [{ setWeight = 5 }, { pause = {} }, { setWeight = 50 }, { pause = { duration = "10m" } }]
"#;

fn paused() -> Fleet {
    let mut fleet = Fleet::new(MANUAL);
    fleet.run_until_reason(Reason::WaitingForPromotion, 0, 0.0);
    fleet
}

fn give(fleet: &mut Fleet, verb: Verb) {
    fleet.command(verb);
    fleet.run(1, 0, 0.0);
}

#[test]
fn a_pause_without_end_waits_for_a_promotion() {
    let mut fleet = paused();
    fleet.run(10_000, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.weight()), (Phase::Paused, 500));
    give(&mut fleet, Verb::Promote);
    fleet.run(1, 0, 0.0);
    assert_eq!((fleet.weight(), fleet.status.reason), (5_000, Reason::PauseRunning));
    fleet.run(590, 0, 0.0);
    assert_eq!(fleet.weight(), 5_000);
    fleet.run(15, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.stable), (Phase::Completed, Some(Version(2))));
}

#[test]
fn a_command_is_carried_out_once() {
    let mut fleet = paused();
    fleet.command(Verb::Promote);
    let command = fleet.commands.clone();
    fleet.run(2, 0, 0.0);
    fleet.commands.extend(command);
    fleet.run(2, 0, 0.0);
    assert_eq!(fleet.status.step.as_ref().map(|step| step.index), Some(3), "the second pause still runs");
}

#[test]
fn the_candidate_takes_over_when_everything_is_promoted() {
    let mut fleet = paused();
    give(&mut fleet, Verb::PromoteAll);
    fleet.run(1, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.stable), (Phase::Completed, Some(Version(2))));
    assert_eq!(fleet.told(Reason::Promoted), "all steps were ended by a person");
}

#[test]
fn a_promoted_candidate_is_not_stopped_by_metrics() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.run(5, 100, 0.1);
    fleet.instances[0].is_stuck = true;
    give(&mut fleet, Verb::PromoteAll);
    fleet.run(60, 100, 0.1);
    assert_eq!((fleet.status.phase, fleet.status.reason), (Phase::Progressing, Reason::Promoting));
    fleet.instances[0].is_stuck = false;
    fleet.run_until(Phase::Completed, 100, 0.1);
}

#[test]
fn a_pause_by_a_person_holds_the_weight_and_its_time_does_not_count() {
    let mut fleet = paused();
    give(&mut fleet, Verb::Promote);
    fleet.run(100, 0, 0.0);
    give(&mut fleet, Verb::Pause);
    fleet.run(5_000, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.reason, fleet.weight()), (Phase::Paused, Reason::PausedByUser, 5_000));
    give(&mut fleet, Verb::Resume);
    fleet.run(450, 0, 0.0);
    assert_eq!(fleet.status.reason, Reason::PauseRunning, "most of the ten minutes is left");
    fleet.run_until(Phase::Completed, 0, 0.0);
}

#[test]
fn an_aborted_rollout_begins_again_by_a_retry_with_new_evidence() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.run_until(Phase::Degraded, 100, 0.1);
    fleet.run(100, 100, 0.1);
    give(&mut fleet, Verb::Retry);
    assert_eq!((fleet.status.phase, fleet.weight()), (Phase::Progressing, 0));
    assert_eq!(fleet.status.rollout.as_ref().map(|run| (run.number, run.attempt)), Some((1, 2)));
    fleet.run_until(Phase::Completed, 100, 0.0);
    assert_eq!(fleet.status.history.len(), 2);
}

#[test]
fn an_abort_takes_all_users_at_once() {
    let mut fleet = paused();
    give(&mut fleet, Verb::Abort);
    assert_eq!((fleet.status.phase, fleet.status.reason, fleet.weight()), (Phase::Degraded, Reason::AbortedByUser, 0));
    fleet.run(100, 0, 0.0);
    assert_eq!(fleet.status.phase, Phase::Degraded);
}

#[test]
fn an_undo_returns_to_the_version_before_without_steps_and_a_retry_goes_forward() {
    let mut fleet = paused();
    give(&mut fleet, Verb::PromoteAll);
    fleet.run_until(Phase::Completed, 0, 0.0);
    give(&mut fleet, Verb::Undo);
    fleet.run(2, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.stable), (Phase::Completed, Some(Version(1))));
    assert_eq!(fleet.route.as_ref().map(Route::stable), Some(Version(1)));
    fleet.run(100, 0, 0.0);
    assert_eq!(fleet.status.stable, Some(Version(1)), "the specification's target stays away");
    give(&mut fleet, Verb::Retry);
    fleet.run(2, 0, 0.0);
    assert_eq!((fleet.status.candidate, fleet.weight()), (Some(Version(2)), 500), "by the steps again");
}

#[test]
fn a_return_that_was_aborted_begins_again_without_steps() {
    let mut fleet = paused();
    give(&mut fleet, Verb::PromoteAll);
    fleet.run_until(Phase::Completed, 0, 0.0);
    fleet.instances[0].is_stuck = true;
    give(&mut fleet, Verb::Undo);
    give(&mut fleet, Verb::Abort);
    assert_eq!((fleet.status.phase, fleet.status.stable), (Phase::Degraded, Some(Version(2))));
    give(&mut fleet, Verb::Undo);
    assert!(fleet.told(Reason::CommandIgnored).contains("'retry' begins it again"), "{:?}", fleet.events);
    fleet.instances[0].is_stuck = false;
    give(&mut fleet, Verb::Retry);
    fleet.run(2, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.stable), (Phase::Completed, Some(Version(1))));
}

#[test]
fn an_undo_ends_when_the_specification_names_another_version() {
    let mut fleet = paused();
    give(&mut fleet, Verb::PromoteAll);
    fleet.run_until(Phase::Completed, 0, 0.0);
    give(&mut fleet, Verb::Undo);
    fleet.run(2, 0, 0.0);
    fleet.published = Some(vec![Version(1), Version(2), Version(3)]);
    fleet.spec.version = Some(Version(3));
    fleet.run(2, 0, 0.0);
    assert_eq!((fleet.status.candidate, &fleet.status.undo), (Some(Version(3)), &None));
}

#[test]
fn a_rollout_that_failed_and_paused_goes_on_when_a_person_says_so() {
    for (verb, waits) in [(Verb::Resume, 1), (Verb::Promote, 2)] {
        let mut fleet = Fleet::new(CAREFUL);
        fleet.spec.on_failure = OnFailure::Pause;
        fleet.run_until_reason(Reason::AnalysisFailed, 100, 0.1);
        assert_eq!((fleet.status.phase, fleet.weight()), (Phase::Paused, 0));
        fleet.run(1_000, 100, 0.1);
        assert_eq!(fleet.status.phase, Phase::Paused, "it waits for a person");
        give(&mut fleet, verb);
        assert_eq!(fleet.status.phase, Phase::Progressing);
        assert_eq!(fleet.status.step.as_ref().map(|step| step.index), Some(waits));
        fleet.run(5, 100, 0.0);
        assert_ne!(fleet.status.reason, Reason::AnalysisFailed, "{}", fleet.status.message);
        fleet.run_until(Phase::Completed, 100, 0.0);
    }
}

#[test]
fn a_command_without_meaning_is_answered_with_a_reason() {
    let mut fleet = paused();
    for (verb, words) in [
        (Verb::Resume, "resume was ignored: the rollout is not paused by a person"),
        (Verb::Retry, "retry was ignored: a rollout runs"),
    ] {
        give(&mut fleet, verb);
        assert!(fleet.told(Reason::CommandIgnored).starts_with(words), "{}", fleet.told(Reason::CommandIgnored));
    }
    give(&mut fleet, Verb::Pause);
    give(&mut fleet, Verb::Pause);
    assert_eq!(fleet.told(Reason::CommandIgnored), "pause was ignored: the rollout is paused already");
    give(&mut fleet, Verb::Abort);
    for verb in [Verb::Promote, Verb::PromoteAll, Verb::Pause, Verb::Resume, Verb::Abort] {
        give(&mut fleet, verb);
        assert!(fleet.told(Reason::CommandIgnored).ends_with("was ignored: no rollout runs"));
    }
    give(&mut fleet, Verb::Undo);
    assert_eq!(fleet.told(Reason::CommandIgnored), "undo was ignored: version 1 answers all users already");
}
