//! Rollouts that are deleted: no user stays on a version that was on trial.

use marquee_driver::testing::route;

use super::server::slice;
use super::*;
use crate::reconcile::cleanup::PATIENCE;

impl World {
    /// Deletes the rollout at the present time.
    fn delete(&self) {
        let now = self.clock.now().to_rfc3339();
        self.server.edit(|rollout| rollout["metadata"]["deletionTimestamp"] = json!(now));
    }

    /// Returns whether the finalizer keeps the rollout.
    fn is_kept(&self) -> bool {
        !self.server.finalizers().is_empty()
    }

    /// Makes a round that must let the rollout go, without a user on version 2.
    async fn assert_let_go(&self, operator: &Reconciler) {
        let outcome = operator.reconcile(&labels()).await.expect("it is let go");
        assert_eq!((outcome, self.is_kept(), self.table.weight(2)), (Outcome::Gone, false, 0));
    }

    /// Makes a round that cannot take the users of version 2 back, and returns why.
    async fn assert_kept(&self, operator: &Reconciler) -> Error {
        let error = operator.reconcile(&labels()).await.expect_err("it is kept");
        assert_eq!((self.is_kept(), self.table.weight(2)), (true, 5_000), "{error}");
        error
    }
}

/// Returns a world whose rollout holds half of the users on version 2, and the operator.
async fn held() -> (World, Reconciler) {
    let world = World::of(Table::routed_to(1, 1), &json!([{"setWeight": 50}, {"pause": {}}]));
    let operator = world.operator();
    world.until(&operator, "Paused").await.expect("it is held");
    assert_eq!(world.table.weight(2), 5_000);
    (world, operator)
}

#[tokio::test]
async fn a_deleted_rollout_whose_specification_makes_no_sense_takes_its_users_back() {
    let (world, operator) = held().await;
    world.server.edit(|rollout| rollout["spec"]["steps"] = json!([{"setWeight": 101}]));
    operator.reconcile(&labels()).await.expect("it is held");
    assert_eq!((world.server.status()["reason"].as_str(), world.table.weight(2)), (Some("InvalidSpec"), 5_000));
    world.delete();
    world.assert_let_go(&operator).await;
    assert_eq!(world.server.told("UsersTakenBack"), 1, "{:?}", world.server.reasons());
}

#[tokio::test]
async fn a_deleted_rollout_that_has_ended_waits_until_the_route_is_cleared() {
    let (world, operator) = held().await;
    world.instance.refuse(Some("version 1 cannot be read now"));
    world.server.annotate("command.rollouts.marquee.dev/1", "abort");
    world.rounds(&operator, 1).await;
    assert_eq!((world.server.status()["phase"].as_str(), world.table.weight(2)), (Some("Degraded"), 5_000));
    world.delete();
    for _ in 0..3 {
        let why = world.assert_kept(&operator).await;
        assert!(marquee_kit::chain(&why).contains("version 1 cannot be read now"), "{why}");
    }
    assert_eq!(world.server.told("DeletionWaits"), 1, "{:?}", world.server.reasons());
    world.instance.refuse(None);
    world.assert_let_go(&operator).await;
}

#[tokio::test]
async fn a_deleted_rollout_waits_for_an_instance_that_can_be_asked() {
    let (world, operator) = held().await;
    world.delete();
    // The Service has no Pod, or is replaced at present.
    for slices in [vec![slice(false)], Vec::new()] {
        world.server.set_slices(slices);
        world.assert_kept(&operator).await;
    }
    world.server.set_slices(vec![slice(true)]);
    world.assert_let_go(&operator).await;
}

#[tokio::test]
async fn a_deleted_rollout_is_let_go_some_time_after_its_fleet_was_deleted_too() {
    let (world, operator) = held().await;
    world.delete();
    let second = Duration::from_secs(1);
    world.pass(PATIENCE - second);
    world.server.set_slices(Vec::new());
    world.assert_kept(&operator).await;
    world.pass(second);
    world.server.set_slices(vec![slice(false)]);
    world.assert_kept(&operator).await;
    assert_eq!(world.server.told("FleetGone"), 0, "{:?}", world.server.reasons());
    world.server.set_slices(Vec::new());
    assert_eq!(operator.reconcile(&labels()).await.expect("it is let go"), Outcome::Gone);
    assert_eq!((world.is_kept(), world.server.told("FleetGone")), (false, 1), "{:?}", world.server.reasons());
}

#[tokio::test]
async fn an_instance_with_an_older_route_does_not_prove_that_the_candidate_has_no_users() {
    let (world, operator) = held().await;
    world.instance.state().stale = Some(route(1, 1));
    world.delete();
    assert!(world.assert_kept(&operator).await.is_conflict());
    // Nor does one with a route that this rollout did not make.
    world.instance.state().stale = Some(route(7, 1));
    world.assert_kept(&operator).await;
    world.instance.state().stale = None;
    world.assert_let_go(&operator).await;
}

#[tokio::test]
async fn a_deleted_rollout_that_has_completed_leaves_the_route_and_needs_no_instance() {
    let world = World::new();
    let operator = world.operator();
    world.until(&operator, "Completed").await.expect("it ends");
    let revision = world.table.route().map(|route| route.revision);
    world.server.set_slices(Vec::new());
    world.delete();
    assert_eq!(operator.reconcile(&labels()).await.expect("it is let go"), Outcome::Gone);
    assert_eq!((world.is_kept(), world.table.weight(2)), (false, 10_000));
    assert_eq!(world.table.route().map(|route| route.revision), revision);
}

#[tokio::test]
async fn a_namespace_that_takes_no_events_any_more_keeps_no_rollout() {
    let (world, operator) = held().await;
    world.server.refuse_events(Some(("UsersTakenBack", StatusCode::FORBIDDEN)));
    world.delete();
    world.assert_let_go(&operator).await;
}

#[tokio::test]
async fn an_event_about_users_who_were_taken_back_is_told_before_the_rollout_goes() {
    let (world, operator) = held().await;
    world.server.refuse_events(Some(("UsersTakenBack", StatusCode::INTERNAL_SERVER_ERROR)));
    world.delete();
    operator.reconcile(&labels()).await.expect_err("an event is refused");
    assert_eq!((world.is_kept(), world.table.weight(2)), (true, 0));
    world.server.refuse_events(None);
    world.assert_let_go(&operator).await;
    assert_eq!(world.server.told("UsersTakenBack"), 1, "{:?}", world.server.reasons());
}

#[tokio::test]
async fn an_operator_that_is_killed_while_it_cleans_up_leaves_no_user_on_the_candidate() {
    for call in 0.. {
        let ((world, operator), labels) = (held().await, labels());
        world.delete();
        world.server.kill_at(call);
        let was_killed = tokio::select! {
            biased;
            () = world.server.killed() => true,
            outcome = operator.reconcile(&labels) => {
                outcome.expect("a round");
                false
            }
        };
        assert!(world.is_kept() || world.table.weight(2) == 0, "killed at call {call}");
        if !was_killed {
            assert!(call > 3, "a cleanup has more calls than {call}");
            break;
        }
        world.server.kill_at(u64::MAX);
        world.assert_let_go(&world.operator()).await;
    }
}
