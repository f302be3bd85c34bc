//! Reconciliations against an API server in memory that knows one rollout, and a fleet in memory.

mod cleanup;
mod server;

use std::time::Duration;

use clap::Parser as _;
use http::StatusCode;
use marquee_domain::{ManualClock, Timestamp};
use marquee_driver::testing::{Instance, Table};
use marquee_kit::Context;
use serde_json::{Value, json};

use super::*;
use crate::settings::{Command, Program};
use server::Server;

/// A rollout of version 2, an API server, and an instance on which both versions are warm.
struct World {
    server: Server,
    table: Table,
    instance: Instance,
    clock: Arc<ManualClock>,
    context: Context,
}

fn labels() -> RolloutLabels {
    RolloutLabels { namespace: "default".to_owned(), name: "ratings".to_owned() }
}

impl World {
    fn new() -> Self {
        Self::with(Table::routed_to(1, 1))
    }

    fn with(table: Table) -> Self {
        Self::of(table, &json!([{"shadow": {}}, {"setWeight": 50}]))
    }

    /// Returns a world whose rollout has these steps.
    fn of(table: Table, steps: &Value) -> Self {
        let instance = Instance::new(&table, &[1, 2]);
        let spec = json!({"instances": {"service": "inference"}, "model": "ratings", "version": 2, "steps": steps});
        let server = Server::new(&spec, table.clone());
        instance.state().gate = Some(Arc::new(server.clone()));
        let clock = Arc::new(ManualClock::new(Timestamp::from(std::time::SystemTime::now())));
        Self { server, table, instance, clock, context: Context::default() }
    }

    /// Returns an operator that has just started.
    fn operator(&self) -> Reconciler {
        let Command::Run(args) = Program::parse_from(["marquee-operator", "run"]).command else { unreachable!() };
        let metrics = OperatorMetrics::new(&self.context.metrics);
        let made = Reconciler::new(self.server.client(), &args, metrics, "one".to_owned());
        let mut reconciler = made.expect("valid arguments");
        reconciler.clock = self.clock.clone();
        let transports = reconciler.transports.get_mut().expect("a lock");
        transports.insert((server::ADDRESS.to_owned(), None), self.instance.transport());
        reconciler
    }

    /// Makes this many rounds, one a second.
    async fn rounds(&self, operator: &Reconciler, count: u32) {
        for _ in 0..count {
            operator.reconcile(&labels()).await.expect("a round");
            self.pass(Duration::from_secs(1));
        }
    }

    fn pass(&self, time: Duration) {
        self.clock.set(self.clock.now().plus(time));
    }

    /// Makes a round a second until the rollout is in a phase. Returns how many seconds it took, or
    /// `None` if the operator was killed before.
    async fn until(&self, operator: &Reconciler, phase: &str) -> Option<u32> {
        let labels = labels();
        for second in 0..100 {
            if self.server.status()["phase"] == phase {
                return Some(second);
            }
            tokio::select! {
                biased;
                () = self.server.killed() => return None,
                outcome = operator.reconcile(&labels) => drop(outcome.expect("a round")),
            }
            self.pass(Duration::from_secs(1));
        }
        panic!("not {phase}: {:#}", self.server.status())
    }
}

#[tokio::test]
async fn a_route_that_is_refused_ends_the_rollout_with_the_reason() {
    let world = World::new();
    world.instance.refuse(Some("version 2 does not verify"));
    let took = world.until(&world.operator(), "Degraded").await.expect("it ends");
    let status = world.server.status();
    assert!(took < 15, "after {took} s");
    assert_eq!(status["reason"], "VersionFailed", "{status:#}");
    assert_eq!(status["message"], "version 2 cannot be routed: version 2 does not verify");
    for reason in ["VersionFailed", "RouteNotChanged"] {
        assert_eq!(world.server.told(reason), 1, "{reason} in {:?}", world.server.reasons());
    }
    let text = world.context.metrics.text();
    assert!(text.contains("reason=\"VersionFailed\"} 1\n"), "{text}");
    assert_eq!(world.table.weight(1), 10_000);
}

#[tokio::test]
async fn an_instance_is_called_under_the_name_that_its_certificate_must_have() {
    let world = World::new();
    let instances = json!({"service": "inference", "scheme": "https", "serverName": "marquee-inference"});
    world.server.edit(|rollout| rollout["spec"]["instances"] = instances);
    let mut operator = world.operator();
    let key = |name: Option<&str>| (server::ADDRESS.replace("http:", "https:"), name.map(str::to_owned));
    let transports = operator.transports.get_mut().expect("a lock");
    transports.insert(key(Some("marquee-inference")), world.instance.transport());
    assert!(world.until(&operator, "Completed").await.is_some(), "{:#}", world.server.status());
    let transports = operator.transports.get_mut().expect("a lock");
    assert!(!transports.contains_key(&key(None)), "it was called by its address too");
}

#[tokio::test]
async fn a_first_version_that_is_refused_waits_and_an_event_says_why() {
    let world = World::with(Table::default());
    world.instance.refuse(Some("version 2 does not verify"));
    let operator = world.operator();
    world.rounds(&operator, 20).await;
    assert_eq!(world.server.told("RouteNotChanged"), 1, "{:?}", world.server.reasons());
    world.instance.refuse(None);
    world.until(&operator, "Completed").await.expect("it is tried again");
    assert_eq!(world.table.weight(2), 10_000);
}

#[tokio::test]
async fn a_refused_route_that_could_not_be_told_is_told_in_the_next_round() {
    // Either an event of the decision is refused, or the one about the route.
    for reason in ["FirstVersion", "RouteNotChanged"] {
        let world = World::with(Table::default());
        world.instance.refuse(Some("version 2 does not verify"));
        let operator = world.operator();
        operator.reconcile(&labels()).await.expect("the finalizer is added");
        world.server.refuse_events(Some((reason, StatusCode::INTERNAL_SERVER_ERROR)));
        operator.reconcile(&labels()).await.expect_err(reason);
        assert_eq!(world.server.told("RouteNotChanged"), 0, "{reason}");
        world.server.refuse_events(None);
        world.rounds(&operator, 3).await;
        assert_eq!(world.server.told("RouteNotChanged"), 1, "{reason}: {:?}", world.server.reasons());
    }
}

#[tokio::test]
async fn each_reason_why_a_route_is_refused_is_told_once_by_all_operators_together() {
    let world = World::with(Table::default());
    let (one, other) = (world.operator(), world.operator());
    for why in ["version 2 does not verify", "version 2 has no scorer", "version 2 does not verify"] {
        world.instance.refuse(Some(why));
        world.rounds(&one, 3).await;
        world.rounds(&other, 3).await;
    }
    assert_eq!(world.server.told("RouteNotChanged"), 2, "{:?}", world.server.reasons());
}

#[test]
fn a_fingerprint_is_the_same_in_every_release() {
    // The values are those of the authors of FNV-1a.
    assert_eq!(fingerprint(""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fingerprint("foobar"), 0x8594_4171_f739_67e8);
}

#[tokio::test]
async fn an_operator_that_is_killed_at_any_call_leaves_a_rollout_that_goes_on() {
    let undisturbed = World::new();
    undisturbed.until(&undisturbed.operator(), "Completed").await.expect("it ends");
    for call in 0..undisturbed.server.calls() {
        let world = World::new();
        world.server.kill_at(call);
        let killed = world.until(&world.operator(), "Completed").await;
        assert_eq!(killed, None, "call {call} was not made");
        world.server.kill_at(u64::MAX);
        let operator = world.operator();
        world.until(&operator, "Completed").await.expect("it goes on");
        // The last route and the last events may be those that were lost.
        operator.reconcile(&labels()).await.expect("a round");
        assert_eq!(world.table.weight(2), 10_000, "killed at call {call}");
        assert_eq!(world.server.reasons(), undisturbed.server.reasons(), "killed at call {call}");
        let weights = world.server.weights();
        assert!(weights.is_sorted() && weights.iter().all(|weight| [0, 5_000, 10_000].contains(weight)), "{weights:?}");
    }
    assert!(undisturbed.server.calls() > 20, "a rollout has more calls than {}", undisturbed.server.calls());
}

#[tokio::test]
async fn a_command_is_carried_out_once_whatever_is_lost() {
    for call in 0..14 {
        let world = World::new();
        let operator = world.operator();
        world.until(&operator, "Progressing").await.expect("it starts");
        world.server.annotate("command.rollouts.marquee.dev/1", "pause");
        world.server.kill_at(call);
        world.until(&operator, "Paused").await;
        world.server.kill_at(u64::MAX);
        let operator = world.operator();
        for _ in 0..3 {
            operator.reconcile(&labels()).await.expect("a round");
        }
        let status = world.server.status();
        assert_eq!((&status["phase"], &status["reason"]), (&json!("Paused"), &json!("PausedByUser")), "{status:#}");
        assert_eq!(world.server.annotations(), Value::Null, "killed at call {call}");
        let told = world.server.reasons().iter().filter(|reason| *reason == "PausedByUser").count();
        assert_eq!(told, 1, "killed at call {call}");
    }
}
