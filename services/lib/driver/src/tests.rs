//! Rounds over made-up instances and a made-up monitor.

use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{Timestamp, Version};
use marquee_proto::monitor::v1 as monitor;
use marquee_proto::rollout::v1 as pb;
use marquee_rollout::{Action, Decision, Observations, Phase, Spec, Status, WantedRoute};

use crate::testing::{Duels, Fleet, Instance, Table, route};
use crate::{ApplyError, Driver, Endpoint, Observed};

const DEADLINE: Duration = Duration::from_secs(2);

fn spec(version: u64) -> Spec {
    Spec::read(serde_json::json!({"model": "ratings", "version": version})).expect("valid")
}

fn driver(endpoints: Vec<Endpoint>, duels: &Duels) -> Driver {
    Driver::new(Arc::new(Fleet(endpoints)), Arc::new(duels.clone()), DEADLINE)
}

async fn observe(driver: &Driver) -> Observed {
    driver.observe(&spec(2), &Status::default(), Vec::new()).await
}

fn revision(observed: &Observed) -> Option<u64> {
    match &observed.observations.route {
        WantedRoute::Present(route) => Some(route.revision()),
        WantedRoute::Absent | WantedRoute::Unreachable => None,
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_answer_in_time_is_an_observation() {
    let table = Table::routed_to(1, 4);
    let (one, other) = (Instance::new(&table, &[1, 2]), Instance::new(&table, &[1, 2]));
    other.state().hangs = true;
    let endpoints = vec![one.endpoint("one"), other.endpoint("other")];
    let duels = Duels::default();
    duels.set_away(true);
    let driver = driver(endpoints, &duels);
    let started = tokio::time::Instant::now();
    let observed = observe(&driver).await;
    assert!(started.elapsed() <= DEADLINE * 3);
    let instances = observed.observations.instances.as_ref().expect("listed");
    assert_eq!((instances[0].report.is_some(), instances[1].report.is_some()), (true, false));
    assert_eq!((revision(&observed), &observed.observations.duels), (Some(4), &None));
    assert_eq!(observed.problems, ["ask other: no answer within 2000 ms", "no monitor answers"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_away_leaves_everything_unknown() {
    let driver = driver(Vec::new(), &Duels::default());
    let observed = observe(&driver).await;
    let observations = &observed.observations;
    assert_eq!((&observations.instances, &observations.published), (&None, &None));
    assert_eq!(observations.route, WantedRoute::Unreachable);
    let refused = driver.apply(&observed, &[set(&observed, 0)]).await.expect_err("no instance");
    assert!(matches!(refused, ApplyError::Unreachable(_)), "{refused}");
}

#[tokio::test]
async fn the_newest_route_that_an_instance_has_read_counts() {
    let table = Table::routed_to(1, 7);
    let (one, behind) = (Instance::new(&table, &[1]), Instance::new(&table, &[1]));
    behind.state().stale = Some(route(1, 6));
    let driver = driver(vec![behind.endpoint("behind"), one.endpoint("one")], &Duels::default());
    assert_eq!(revision(&observe(&driver).await), Some(7));
}

#[tokio::test]
async fn an_instance_that_has_not_listed_the_model_store_withdraws_no_version() {
    let table = Table::routed_to(1, 1);
    let (started, other) = (Instance::new(&table, &[]), Instance::new(&table, &[1, 2, 5]));
    started.state().versions.insert(1, pb::VersionState::NotFound);
    let alone = driver(vec![started.endpoint("started")], &Duels::default());
    assert_eq!(observe(&alone).await.observations.published, None);
    let both = driver(vec![started.endpoint("started"), other.endpoint("other")], &Duels::default());
    let observed = observe(&both).await.observations;
    assert_eq!(observed.published, Some(vec![Version(1), Version(2), Version(5)]));
    assert_eq!(observed.latest, Some(Version(5)));
}

#[tokio::test]
async fn the_duel_of_a_rollout_is_read_before_it_starts() {
    let instance = Instance::new(&Table::routed_to(1, 1), &[1, 2]);
    let duels = Duels::default();
    let driver = driver(vec![instance.endpoint("one")], &duels);
    let observed = observe(&driver).await;
    assert_eq!(observed.observations.duels, Some(Vec::new()), "the pair was never compared");
    assert_eq!(duels.asked(), [(1, 2)]);
}

/// A change of the route that only changes its revision.
fn set(observed: &Observed, expected_revision: u64) -> Action {
    let route = match &observed.observations.route {
        WantedRoute::Present(route) => route.clone(),
        WantedRoute::Absent | WantedRoute::Unreachable => crate::api::wire::route(&route(1, 1)).expect("valid"),
    };
    Action::SetRoute { route, expected_revision }
}

#[tokio::test(start_paused = true)]
async fn a_route_is_changed_through_the_first_instance_that_answers() {
    let table = Table::routed_to(1, 3);
    let (hanging, busy, one) = (Instance::new(&table, &[1]), Instance::new(&table, &[1]), Instance::new(&table, &[1]));
    busy.state().refusal = Some(tonic::Status::unavailable("starting"));
    let endpoints = vec![hanging.endpoint("hanging"), busy.endpoint("busy"), one.endpoint("one")];
    let driver = driver(endpoints, &Duels::default());
    let observed = observe(&driver).await;
    hanging.state().hangs = true;
    driver.apply(&observed, &[set(&observed, 3)]).await.expect("changed");
    assert_eq!(table.route().map(|route| route.revision), Some(4));
    // The route is at 4 now: the same change again comes too late.
    hanging.state().hangs = false;
    let refused = driver.apply(&observed, &[set(&observed, 3)]).await.expect_err("another revision");
    assert_eq!(refused, ApplyError::Conflict("the route is at 4".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_route_that_one_instance_refuses_is_changed_through_another() {
    let table = Table::routed_to(1, 3);
    let (broken, one) = (Instance::new(&table, &[1]), Instance::new(&table, &[1]));
    broken.refuse(Some("version 2 failed to load here"));
    let driver = driver(vec![broken.endpoint("broken"), one.endpoint("one")], &Duels::default());
    let observed = observe(&driver).await;
    driver.apply(&observed, &[set(&observed, 3)]).await.expect("changed");
    assert_eq!(table.route().map(|route| route.revision), Some(4));
    one.state().hangs = true;
    let failed = driver.apply(&observed, &[set(&observed, 4)]).await.expect_err("refused by the one that answers");
    assert_eq!(failed.refusal(), Some("version 2 failed to load here"), "{failed}");
}

#[tokio::test]
async fn a_refusal_is_told_apart_from_a_conflict_and_an_outage() {
    let table = Table::routed_to(1, 3);
    let instance = Instance::new(&table, &[1, 2]);
    let driver = driver(vec![instance.endpoint("one")], &Duels::default());
    let observed = observe(&driver).await;
    for (status, refusal) in [
        (tonic::Status::failed_precondition("version 2 does not verify"), Some("version 2 does not verify")),
        (tonic::Status::invalid_argument("no such model"), Some("no such model")),
        (tonic::Status::aborted("another caller changed the route first"), None),
        (tonic::Status::unavailable("starting"), None),
    ] {
        instance.state().refusal = Some(status);
        let error = driver.apply(&observed, &[set(&observed, 3)]).await.expect_err("not changed");
        assert_eq!(error.refusal(), refusal, "{error}");
    }
}

/// The sums of a duel over one slice.
fn duel(ratings: u64, difference: f64) -> monitor::Duel {
    let sums = monitor::Sums { count: ratings, sum: difference, sum_of_squares: ratings as f64 };
    let slice = monitor::DuelSlice { slice: "all".to_owned(), squared_error: Some(sums), ..Default::default() };
    monitor::Duel { slices: vec![slice], ..monitor::Duel::default() }
}

#[test]
fn sums_that_are_no_numbers_are_missing_and_not_zero() {
    let spec = Spec::read(serde_json::json!({
        "model": "ratings", "version": 2, "steps": [{"shadow": {}}, {"analysis": {}}],
        "metrics": [{"name": "accuracy", "duel": {"margin": 0.01, "minRatings": 100}}],
    }));
    let (spec, mut status) = (spec.expect("valid"), Status::default());
    for (second, told) in
        [duel(1_000, 0.0), duel(1_050, 0.0), duel(1_050, f64::NAN), duel(1_060, 0.0)].iter().enumerate()
    {
        let pair = crate::api::wire::pair(Version(1), Version(2), told).expect("compared");
        let observations = Observations {
            route: WantedRoute::Present(crate::api::wire::route(&route(1, 1)).expect("valid")),
            instances: None,
            published: Some(vec![Version(1), Version(2)]),
            latest: Some(Version(2)),
            duels: Some(vec![pair]),
            refusal: None,
            commands: Vec::new(),
        };
        let now = Timestamp::from_seconds(1_764_000_000 + second as i64);
        status = marquee_rollout::decide(&spec, &status, &observations, now).status;
    }
    // The 1,000 ratings before the rollout are no evidence, whatever was reported in between.
    assert_eq!(status.evidence.duels["all"].total.squared.ratings, 60);
}

/// One round: its decision, and whether the route was changed.
async fn round(driver: &Driver, status: &Status, applies: bool, second: i64) -> Decision {
    let observed = driver.observe(&spec(2), status, Vec::new()).await;
    let decision = driver.decide(&spec(2), status, &observed, Timestamp::from_seconds(1_764_000_000 + second));
    if applies {
        driver.apply(&observed, &decision.actions).await.expect("changed");
    }
    decision
}

#[tokio::test]
async fn a_route_change_that_was_lost_is_made_in_the_next_round() {
    let table = Table::routed_to(1, 3);
    let instance = Instance::new(&table, &[1, 2]);
    let driver = driver(vec![instance.endpoint("one")], &Duels::default());
    let (mut status, mut lost) = (Status::default(), 0);
    for second in 0..20 {
        // The driver dies after it has stored every other decision.
        let decision = round(&driver, &status, second % 2 == 1, second).await;
        let changes = decision.actions.iter().any(|action| matches!(action, Action::SetRoute { .. }));
        lost += usize::from(changes && second % 2 == 0);
        status = decision.status;
    }
    assert!(lost > 0, "no change was lost, so the test shows nothing");
    assert_eq!((status.phase, status.stable), (Phase::Completed, Some(Version(2))));
    assert_eq!(table.route().map(|route| route.stable), Some(2));
}
