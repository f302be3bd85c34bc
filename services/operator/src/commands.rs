//! Commands to a rollout, as annotations.
//!
//! A command is an annotation `command.rollouts.marquee.dev/ID` with a verb as its value. It edits
//! no field of the spec, so a tool that keeps the spec as it is in a repository does not undo it.
//! Several commands may wait at once; they are carried out in the order of their ids. The operator
//! removes an annotation after it stored a status that carried the command out, and the status
//! remembers its id. So a command takes effect once, whatever is killed in between.

use std::collections::BTreeMap;

use kube::Api;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::resource::ModelRollout;

/// What the keys of commands begin with.
const PREFIX: &str = "command.rollouts.marquee.dev/";

/// A command that waits in the annotations of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    /// The part of the key behind the prefix.
    pub(crate) id: String,
    /// The value.
    pub(crate) verb: String,
}

/// Returns the commands that wait, in order.
pub(crate) fn pending(rollout: &ModelRollout) -> Vec<Pending> {
    let command = |(key, value): (&String, &String)| {
        let id = key.strip_prefix(PREFIX)?.to_owned();
        Some(Pending { id, verb: value.trim().to_owned() })
    };
    rollout.annotations().iter().filter_map(command).collect()
}

/// Returns an id that sorts behind those of earlier moments.
pub(crate) fn new_id() -> String {
    k8s_openapi::jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S-%6f").to_string()
}

/// Adds a command to a rollout.
///
/// # Errors
/// The API server did not answer or refused.
pub(crate) async fn send(rollouts: &Api<ModelRollout>, name: &str, command: &Pending) -> Result<(), kube::Error> {
    annotate(rollouts, name, BTreeMap::from([(command.id.as_str(), json!(command.verb))])).await
}

/// Removes commands from a rollout.
///
/// # Errors
/// The API server did not answer or refused.
pub(crate) async fn remove(rollouts: &Api<ModelRollout>, name: &str, commands: &[Pending]) -> Result<(), kube::Error> {
    if commands.is_empty() {
        return Ok(());
    }
    annotate(rollouts, name, commands.iter().map(|command| (command.id.as_str(), Value::Null)).collect()).await
}

/// Sets annotations by the ids of commands; null removes one.
async fn annotate(rollouts: &Api<ModelRollout>, name: &str, values: BTreeMap<&str, Value>) -> Result<(), kube::Error> {
    let values: serde_json::Map<String, Value> =
        values.into_iter().map(|(id, value)| (format!("{PREFIX}{id}"), value)).collect();
    let patch = json!({"metadata": {"annotations": values}});
    rollouts.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.map(|_| ())
}
