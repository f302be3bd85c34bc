//! The operator on a real API server, with the rights of its own service account, beside real
//! inference.

#[path = "operator/admission.rs"]
mod admission;
#[path = "operator/evidence.rs"]
mod evidence;
#[path = "operator/faults.rs"]
mod faults;
#[path = "operator/instances.rs"]
mod instances;
#[path = "operator/kills.rs"]
mod kills;
#[path = "operator/leaders.rs"]
mod leaders;
#[path = "operator/outages.rs"]
mod outages;
#[path = "operator/plugin.rs"]
mod plugin;
#[path = "operator/rollouts.rs"]
mod rollouts;

use std::process::Output;

use anyhow::Result;
use marquee_e2e::operator::{Operator, install_operator, manifest, port, register, tell};
use marquee_e2e::servers::{Kubernetes, or_skip};
use marquee_e2e::{Fleet, World, until};
use marquee_proto::rollout::v1::Route;
use marquee_proto::training::v1::{Algorithm, Parameters};
use serde_json::{Value, json};

/// The programs under test.
const OPERATOR: &str = env!("CARGO_BIN_EXE_operator-under-test");
const PLUGIN: &str = env!("CARGO_BIN_EXE_kubectl-marquee-under-test");

/// An API server that knows `ModelRollout`, and a fleet with two versions behind the Services
/// `inference` and `monitor`. Version 1 answers all users.
struct Stage {
    kubernetes: Kubernetes,
    fleet: Fleet,
}

impl Stage {
    /// Prepares both. Returns `None` if the servers are not on this machine.
    async fn start(seed: u64) -> Result<Option<Self>> {
        Self::of(&World::new(30, 20, seed)).await
    }

    /// The same with ratings of another world. Version 1 knows biases only, and version 2 tastes.
    async fn of(world: &World) -> Result<Option<Self>> {
        let Some(kubernetes) = or_skip(Kubernetes::start().await)? else { return Ok(None) };
        install_operator(&kubernetes).await?;
        let fleet = crate::spine::trained(world, Algorithm::Bias).await?;
        fleet.clients().train(Algorithm::Map, Parameters::default()).await?;
        let port = port(&fleet.address())?;
        register(&kubernetes, "inference", &[("inference-0", port)]).await?;
        register(&kubernetes, "monitor", &[("monitor-0", port)]).await?;
        Ok(Some(Self { kubernetes, fleet }))
    }

    /// Starts an operator.
    async fn operator(&self, identity: &str) -> Result<Operator> {
        Operator::start(&self.kubernetes, OPERATOR, identity).await
    }

    /// Applies a rollout of version 2 with these steps and further fields of its specification.
    async fn roll_out(&self, steps: Value, more: &Value) -> Result<()> {
        self.kubernetes.apply(&rollout(steps, more).to_string()).await.map(|_| ())
    }

    /// The route in the table.
    async fn route(&self) -> Result<Route> {
        Ok(self.fleet.clients().routed().await?)
    }

    /// The candidate's share of users in the table, in basis points.
    async fn weight(&self) -> Result<u32> {
        Ok(self.route().await?.candidates.iter().map(|candidate| candidate.weight).sum())
    }

    /// Waits until the route has a stable version, and its candidates a share of users in basis
    /// points. A status is stored before the route is changed.
    async fn until_route(&self, stable: u64, weight: u32) -> Result<()> {
        let is_so = async || {
            let route = self.route().await.ok()?;
            let found = route.candidates.iter().map(|candidate| candidate.weight).sum::<u32>();
            (route.stable == stable && found == weight && route.shadow.is_empty()).then_some(())
        };
        until(&format!("version {stable} is stable and its candidate has {weight}"), is_so).await
    }

    /// The reasons of the events of the rollout, in the order of their times.
    async fn reasons(&self) -> Result<Vec<String>> {
        let events = marquee_e2e::operator::events(&self.kubernetes, "ratings").await?;
        Ok(events.iter().filter_map(|event| event["reason"].as_str().map(str::to_owned)).collect())
    }

    /// Waits until an event with a reason was told.
    async fn until_told(&self, reason: &str) -> Result<()> {
        self.until_told_times(reason, 1).await
    }

    /// Waits until at least so many events with a reason were told.
    async fn until_told_times(&self, reason: &str, times: u64) -> Result<()> {
        let told = async || {
            let told = self.reasons().await.ok()?.iter().filter(|told| *told == reason).count() as u64;
            (told >= times).then_some(())
        };
        until(&format!("{reason} is told {times} times"), told).await
    }

    /// Runs `kubectl marquee …`.
    async fn plugin(&self, words: &str) -> Result<Output> {
        let words = std::iter::once("marquee").chain(words.split_whitespace());
        self.kubernetes.try_kubectl(&self.kubernetes.admin(), words, "").await
    }

    /// Annotates the rollout with a command.
    async fn tell(&self, id: &str, verb: &str) -> Result<()> {
        tell(&self.kubernetes, "ratings", (id, verb)).await
    }
}

/// A rollout of version 2 of the model `ratings` by steps.
fn rollout(steps: Value, more: &Value) -> Value {
    let mut spec = json!({"instances": {"service": "inference"}, "model": "ratings", "version": 2});
    if let (Value::Object(spec), Value::Object(more)) = (&mut spec, more) {
        spec.insert("steps".to_owned(), steps);
        spec.extend(more.clone());
        spec.retain(|_, value| !value.is_null());
    }
    manifest("ratings", &spec)
}

/// Whether a status is in a phase.
fn phase(phase: &'static str) -> (&'static str, impl Fn(&Value) -> bool) {
    (phase, move |status: &Value| status["phase"] == phase)
}
