//! The operator on a real API server, with the rights of its own service account, beside real
//! inference.

#[path = "operator/admission.rs"]
mod admission;
#[path = "operator/leaders.rs"]
mod leaders;
#[path = "operator/outages.rs"]
mod outages;
#[path = "operator/plugin.rs"]
mod plugin;
#[path = "operator/rollouts.rs"]
mod rollouts;

use anyhow::Result;
use marquee_e2e::operator::{Operator, install_operator, port, register};
use marquee_e2e::servers::{Kubernetes, or_skip};
use marquee_e2e::{Fleet, World};
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
        let Some(kubernetes) = or_skip(Kubernetes::start().await)? else { return Ok(None) };
        install_operator(&kubernetes).await?;
        let fleet = crate::spine::trained(&World::new(30, 20, seed), Algorithm::Bias).await?;
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

    /// Annotates the rollout with a command, as a person without the plugin would.
    async fn tell(&self, id: &str, verb: &str) -> Result<()> {
        let command = format!("command.rollouts.marquee.dev/{id}={verb}");
        self.kubernetes.kubectl(["annotate", "modelrollout", "ratings", &command]).await.map(|_| ())
    }
}

/// A rollout of version 2 of the model `ratings` by steps.
fn rollout(steps: Value, more: &Value) -> Value {
    let mut spec = json!({
        "instances": {"service": "inference"},
        "model": "ratings",
        "version": 2,
        "steps": steps,
    });
    if let (Value::Object(spec), Value::Object(more)) = (&mut spec, more) {
        spec.extend(more.clone());
        spec.retain(|_, value| !value.is_null());
    }
    json!({
        "apiVersion": "rollouts.marquee.dev/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": "ratings", "namespace": "default"},
        "spec": spec,
    })
}

/// Whether a status is in a phase.
fn phase(phase: &'static str) -> (&'static str, impl Fn(&Value) -> bool) {
    (phase, move |status: &Value| status["phase"] == phase)
}
