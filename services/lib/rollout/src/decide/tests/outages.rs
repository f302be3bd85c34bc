//! Instances that come, go and fail, and parts of the fleet that do not answer.

use marquee_domain::Version;

use super::fleet::{CAREFUL, Fleet, Instance};
use crate::{ConditionStatus, ConditionType, OnDeadline, OnFailure, Phase, Reason, Verb, VersionState};

const WEIGHTS: &str = "model = 'ratings'\nversion = 2\nsteps = [{ setWeight = 5 }, { setWeight = 50 }]";

const PAUSES: &str = r#"
    model = "ratings"
    version = 2
    progressDeadline = "2m"
    steps = [
        { setWeight = 5 },
        { pause = { duration = "5m" } },
        { setWeight = 25 },
        { pause = { duration = "5m" } },
    ]
"#;

/// Runs until the pause after a weight begins.
fn run_until_pause(fleet: &mut Fleet, weight: u32) {
    while fleet.weight() != weight || fleet.status.reason != Reason::PauseRunning {
        assert!(!fleet.status.phase.is_final(), "{}", fleet.status.message);
        fleet.run(1, 0, 0.0);
    }
}

#[test]
fn a_weight_waits_for_every_ready_instance() {
    let mut fleet = Fleet::new(WEIGHTS);
    fleet.instances[1].is_stuck = true;
    fleet.run(600, 0, 0.0);
    assert_eq!((fleet.weight(), fleet.status.weights.instances_effective), (500, 2));
    assert_eq!((fleet.status.weights.effective.value(), fleet.status.weights.effective_max.value()), (0.0, 5.0));
    assert_eq!(fleet.status.condition(ConditionType::Available).map(|c| c.reason), Some(Reason::InstancesBehind));
    fleet.instances[1].is_ready = false;
    fleet.run(1, 0, 0.0);
    assert_eq!(fleet.weight(), 5_000, "an instance that is not ready is not waited for");
}

#[test]
fn an_instance_that_cannot_be_asked_is_waited_for() {
    let mut fleet = Fleet::new(WEIGHTS);
    fleet.instances[1].is_reachable = false;
    fleet.run(600, 0, 0.0);
    assert_eq!(fleet.weight(), 500);
    assert!(fleet.status.message.contains("'b' (could not be asked)"), "{}", fleet.status.message);
    assert_eq!(fleet.status.condition(ConditionType::Available).map(|c| c.status), Some(ConditionStatus::Unknown));
}

#[test]
fn without_a_list_of_instances_or_a_ready_one_no_weight_moves() {
    for break_it in [
        |fleet: &mut Fleet| fleet.is_listed = false,
        |fleet: &mut Fleet| {
            fleet.instances.iter_mut().for_each(|instance| instance.is_ready = false);
        },
    ] {
        let mut fleet = Fleet::new(WEIGHTS);
        break_it(&mut fleet);
        fleet.run(600, 0, 0.0);
        assert_eq!((fleet.weight(), fleet.status.reason), (500, Reason::WaitingForInstances));
    }
}

#[test]
fn an_instance_that_is_added_is_waited_for_and_one_that_is_lost_is_not() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 500 {
        fleet.run(1, 100, 0.0);
    }
    let added = Instance { is_stuck: true, ..Instance::new("d", fleet.now, None) };
    fleet.instances.push(added);
    fleet.run(300, 100, 0.0);
    assert_eq!((fleet.weight(), fleet.status.reason), (500, Reason::WaitingForInstances));
    assert_eq!(fleet.status.condition(ConditionType::Available).map(|c| c.reason), Some(Reason::InstancesUnavailable));
    fleet.instances.truncate(2);
    fleet.run_until(Phase::Completed, 100, 0.0);
}

#[test]
fn an_instance_that_falls_behind_during_a_pause_holds_what_comes_next() {
    let ways: [fn(&mut Fleet); 3] = [
        |fleet| {
            let cold = Instance { is_stuck: true, ..Instance::new("d", fleet.now, None) };
            fleet.instances.push(cold);
        },
        |fleet| fleet.instances[1].is_reachable = false,
        |fleet| {
            fleet.instances[1].is_stuck = true;
            fleet.instances[1].effective = None;
        },
    ];
    for fall_behind in ways {
        let mut fleet = Fleet::new(PAUSES);
        // The last pause holds the promotion.
        for weight in [500, 2_500] {
            run_until_pause(&mut fleet, weight);
            fall_behind(&mut fleet);
            fleet.run(360, 0, 0.0);
            assert_eq!(
                (fleet.weight(), fleet.status.phase, fleet.status.reason),
                (weight, Phase::Progressing, Reason::WaitingForInstances)
            );
            assert!(fleet.status.message.contains("ready instances answer with the wanted route; missing: "));
            assert!(fleet.next.since(fleet.now) > std::time::Duration::from_secs(1), "it does not decide all the time");
            fleet.instances.truncate(3);
            for instance in &mut fleet.instances {
                (instance.is_reachable, instance.is_stuck) = (true, false);
            }
            fleet.run(3, 0, 0.0);
        }
        assert_eq!(fleet.status.phase, Phase::Completed, "{}", fleet.status.message);
    }
}

#[test]
fn an_instance_that_falls_behind_during_an_analysis_holds_the_next_weight() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.run(3, 200, 0.0);
    assert_eq!(fleet.status.reason, Reason::AnalysisRunning);
    fleet.instances[1].is_reachable = false;
    fleet.run(120, 200, 0.0);
    assert_eq!((fleet.weight(), fleet.status.reason), (0, Reason::WaitingForInstances));
    fleet.instances[1].is_reachable = true;
    fleet.run(2, 200, 0.0);
    assert_eq!(fleet.weight(), 500);
}

#[test]
fn the_deadline_of_a_wait_for_instances_counts_from_the_end_of_the_pause() {
    for (policy, weight) in [(OnDeadline::Fail, 0), (OnDeadline::Continue, 2_500)] {
        let mut fleet = Fleet::new(PAUSES);
        fleet.spec.on_deadline = policy;
        run_until_pause(&mut fleet, 500);
        fleet.instances[1].is_reachable = false;
        fleet.run(300 + 115, 0, 0.0);
        assert_eq!((fleet.weight(), fleet.status.reason), (500, Reason::WaitingForInstances));
        fleet.run(10, 0, 0.0);
        assert_eq!(fleet.weight(), weight, "{}", fleet.status.message);
        let told = fleet.told(Reason::DeadlineExceeded);
        let words = match policy {
            OnDeadline::Fail => "the wait for instances after pause 5m took longer than 2m: 2 of 3 ready instances",
            OnDeadline::Continue => "goes on without some instances: 2 of 3 ready instances",
        };
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_person_promotes_the_rollout_past_an_instance_that_is_behind() {
    let mut fleet = Fleet::new(PAUSES);
    run_until_pause(&mut fleet, 500);
    fleet.instances[1].is_reachable = false;
    fleet.run(310, 0, 0.0);
    assert_eq!(fleet.weight(), 500);
    fleet.command(Verb::Promote);
    fleet.run(1, 0, 0.0);
    assert_eq!(fleet.weight(), 2_500);
}

#[test]
fn a_version_that_cannot_be_loaded_is_stopped_with_the_reason() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.instances[2].failure = Some("the signature does not verify".to_owned());
    fleet.run(3, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.reason), (Phase::Degraded, Reason::VersionFailed));
    assert_eq!(fleet.status.message, "version 2 cannot be loaded on 'c': the signature does not verify");
    let instance = fleet.status.instances.iter().find(|instance| instance.name == "c").expect("listed");
    assert_eq!(instance.versions[0].state, VersionState::Failed);
}

#[test]
fn a_version_that_cannot_be_routed_is_stopped_with_the_reason() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.refusal = Some("the digest of encoder.onnx is another one".to_owned());
    fleet.run(5, 0, 0.0);
    assert_eq!(fleet.status.phase, Phase::Progressing, "an observer may be behind");
    fleet.run(5, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.reason), (Phase::Degraded, Reason::VersionFailed));
    assert_eq!(fleet.status.message, "version 2 cannot be routed: the digest of encoder.onnx is another one");
    let mut fleet = Fleet::new(CAREFUL);
    for _ in 0..10 {
        fleet.refusal = Some("expected_revision is 1, but the route is at 2".to_owned());
        fleet.run(5, 0, 0.0);
        fleet.refusal = None;
        fleet.run(1, 0, 0.0);
    }
    assert_eq!(fleet.status.phase, Phase::Progressing);
}

#[test]
fn a_writer_that_is_always_faster_ends_no_rollout() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.refusal = Some("another caller changed the route first".to_owned());
    for _ in 0..60 {
        fleet.run(1, 0, 0.0);
        fleet.route = fleet.route.take().map(|route| {
            let next = route.revision() + 1;
            route.with_revision(next)
        });
    }
    assert_eq!(fleet.status.phase, Phase::Progressing, "{}", fleet.status.message);
}

#[test]
fn a_version_that_is_withdrawn_is_stopped() {
    let mut fleet = Fleet::new(CAREFUL.replace("duration = \"1m\"", "duration = \"1h\"").as_str());
    while fleet.weight() < 500 {
        fleet.run(1, 100, 0.0);
    }
    fleet.published = Some(vec![Version(1)]);
    fleet.run(40, 0, 0.0);
    fleet.published = Some(vec![Version(1), Version(2)]);
    fleet.run(1, 0, 0.0);
    fleet.published = Some(vec![Version(1)]);
    fleet.run(40, 0, 0.0);
    assert_eq!(fleet.weight(), 500, "an observer that has not listed the version yet ends nothing");
    fleet.run(30, 0, 0.0);
    assert_eq!(
        (fleet.status.phase, fleet.status.reason, fleet.weight()),
        (Phase::Degraded, Reason::VersionWithdrawn, 0)
    );
}

#[test]
fn a_monitor_that_is_away_for_a_minute_stops_nothing_and_for_longer_it_does() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.run(5, 100, 0.0);
    fleet.is_monitor_reachable = false;
    fleet.run(60, 100, 0.0);
    assert_eq!(fleet.status.phase, Phase::Progressing);
    fleet.is_monitor_reachable = true;
    fleet.run(30, 100, 0.0);
    fleet.is_monitor_reachable = false;
    fleet.run(110, 0, 0.0);
    assert!(!fleet.status.phase.is_final(), "{}", fleet.status.message);
    fleet.run(50, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.reason), (Phase::Degraded, Reason::AnalysisError));
    assert!(fleet.status.message.contains("the monitor could not be read"), "{}", fleet.status.message);
}

#[test]
fn ratings_before_the_rollout_are_no_evidence() {
    let mut fleet = Fleet::new(CAREFUL);
    let sums = fleet.duels.entry((Version(1), Version(2))).or_default();
    (0..100_000).for_each(|_| sums.squared.add_rating(0.5, 2.0));
    fleet.run_until(Phase::Completed, 100, 0.0);
}

#[test]
fn a_table_that_cannot_be_read_delays_the_start_and_an_abort() {
    let mut fleet = Fleet::new(CAREFUL);
    fleet.is_table_reachable = false;
    fleet.run(5, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.status.reason), (Phase::Pending, Reason::RouteUnreachable));
    fleet.is_table_reachable = true;
    while fleet.weight() < 500 {
        fleet.run(1, 100, 0.0);
    }
    fleet.is_table_reachable = false;
    fleet.command(Verb::Abort);
    fleet.run(5, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.weight()), (Phase::Degraded, 500));
    fleet.is_table_reachable = true;
    fleet.run(1, 0, 0.0);
    assert_eq!(fleet.weight(), 0);
}

#[test]
fn a_table_that_was_lost_is_written_again() {
    let mut fleet = Fleet::new(CAREFUL);
    while fleet.weight() < 500 {
        fleet.run(1, 100, 0.0);
    }
    let before = fleet.route.take().expect("a route");
    fleet.run(1, 0, 0.0);
    let after = fleet.route.expect("a route");
    assert_eq!(
        (after.candidates(), after.salt(), after.stable()),
        (before.candidates(), before.salt(), before.stable())
    );
}

#[test]
fn a_deadline_that_pauses_is_renewed_by_a_person() {
    let mut fleet = Fleet::new(WEIGHTS);
    fleet.spec.on_failure = OnFailure::Pause;
    fleet.instances[0].is_stuck = true;
    fleet.run_until_reason(Reason::DeadlineExceeded, 0, 0.0);
    assert_eq!((fleet.status.phase, fleet.weight()), (Phase::Paused, 500));
    fleet.command(Verb::Resume);
    fleet.run(10, 0, 0.0);
    assert_eq!(fleet.status.reason, Reason::WaitingForInstances);
    fleet.instances[0].is_stuck = false;
    fleet.run_until(Phase::Completed, 0, 0.0);
}
