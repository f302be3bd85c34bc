//! How rollouts are started and read: from controllers, or as an object of an API server.

use std::sync::Arc;

use anyhow::{Result, bail};
use marquee_e2e::servers::Kubernetes;
use marquee_e2e::{Clients, operator, until};
use marquee_ports::{ObjectKey, ObjectStore};
use marquee_proto::document;
use marquee_proto::rollout::v1::{ActOnRolloutRequest, StartRolloutRequest, Verb};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::shared::MODEL;

/// What drives rollouts.
pub(super) enum Steering {
    /// Controllers, any of which takes calls, and the object store where they keep rollouts.
    Controllers { controllers: Vec<Clients>, objects: Arc<dyn ObjectStore> },
    /// An operator.
    Operator(Box<Kubernetes>),
}

impl Steering {
    /// Starts a rollout.
    pub(super) async fn start(&self, spec: &Value) -> Result<()> {
        match self {
            Self::Operator(kubernetes) => kubernetes.apply(&object(spec).to_string()).await.map(drop),
            Self::Controllers { controllers, .. } => {
                let request = StartRolloutRequest { spec: spec.as_object().map(document::to_struct) };
                let start = async || {
                    for clients in controllers {
                        match clients.rollouts.clone().start_rollout(request.clone()).await {
                            Ok(_) => return Some(Ok(())),
                            Err(refused) if refused.code() == Code::InvalidArgument => return Some(Err(refused)),
                            Err(_) => {}
                        }
                    }
                    None
                };
                let started: Result<(), Status> = until("a controller takes the rollout", start).await?;
                if let Err(refused) = started {
                    bail!("{spec:#} was refused: {refused}");
                }
                Ok(())
            }
        }
    }

    /// Aborts the rollout with a number, unless it has ended.
    pub(super) async fn abort(&self, number: u64) {
        match self {
            Self::Operator(kubernetes) => {
                let _ = operator::tell(kubernetes, MODEL, (&number.to_string(), "abort")).await;
            }
            Self::Controllers { controllers, .. } => {
                for clients in controllers {
                    let request = ActOnRolloutRequest { model: MODEL.to_owned(), verb: Verb::Abort.into() };
                    if clients.rollouts.clone().act_on_rollout(request).await.is_ok() {
                        return;
                    }
                }
            }
        }
    }

    /// Returns the stored status. It is never older than an earlier route, because a status is
    /// stored before the route changes.
    pub(super) async fn status(&self) -> Option<Value> {
        let status = match self {
            Self::Operator(kubernetes) => operator::rollout(kubernetes, MODEL).await.ok()?["status"].take(),
            Self::Controllers { objects, .. } => {
                let key = ObjectKey::try_new(&format!("rollouts/{MODEL}.json")).ok()?;
                let object = objects.get(&key).await.ok()??;
                serde_json::from_slice::<Value>(&object.bytes).ok()?["status"].take()
            }
        };
        status.is_object().then_some(status)
    }
}

/// Returns the manifest of a rollout behind the Services of the fleet.
fn object(spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["instances"] = json!({"service": "inference"});
    spec["monitor"] = json!({"service": "monitor"});
    operator::manifest(MODEL, &spec)
}
