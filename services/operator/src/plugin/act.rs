//! The verbs: sends a command and waits until the operator has carried it out.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use kube::Api;
use kube::runtime::{WatchStreamExt as _, watcher};
use marquee_cli::{Error, Output};

use super::{refused, show};
use crate::commands::{self, Pending};
use crate::resource::ModelRollout;

/// Sends a verb to a rollout, waits until the operator has carried it out, and shows what came of
/// it.
///
/// # Errors
/// The API server refused, the operator ignored the command, or it did not carry it out in time.
pub(super) async fn tell(
    rollouts: &Api<ModelRollout>,
    (name, verb): (&str, &str),
    longest: Duration,
    output: Output,
) -> Result<(), Error> {
    let command = Pending { id: commands::new_id(), verb: verb.to_owned() };
    commands::send(rollouts, name, &command)
        .await
        .map_err(|error| refused(&error, &format!("tell {name} to {verb}")))?;
    if longest.is_zero() {
        output.note(&format!("{name} was told to {verb}"));
        return Ok(());
    }
    let rollout = match tokio::time::timeout(longest, handled(rollouts, name, &command)).await {
        Ok(rollout) => rollout?,
        Err(_) => {
            let text = format!("the operator has not carried out '{verb}' within {} s", longest.as_secs());
            let hint = "is the operator running and watching this namespace? the command stays until it does";
            let error = Box::new(Error::Outcome(text));
            return Err(Error::Hinted { error, hint: hint.to_owned() });
        }
    };
    let status = show::status(&rollout)?;
    // The events of one decision are next to each other, and the newest is first.
    let ignored = status.events.iter().take(3).find(|event| event.reason == marquee_rollout::Reason::CommandIgnored);
    match ignored {
        Some(event) => Err(Error::Outcome(event.message.clone())),
        None => show::print(&rollout, output),
    }
}

/// Waits until a command has been carried out, and returns the rollout then.
async fn handled(rollouts: &Api<ModelRollout>, name: &str, command: &Pending) -> Result<ModelRollout, Error> {
    let mut states = std::pin::pin!(watcher::watch_object(rollouts.clone(), name).default_backoff());
    loop {
        // An interrupted watch begins again by itself, after a pause.
        let Ok(Some(state)) = states.try_next().await else { continue };
        let Some(rollout) = state else { return Err(show::gone(name)) };
        let waits = commands::pending(&rollout).iter().any(|pending| pending.id == command.id);
        if !waits && show::status(&rollout)?.handled_commands.contains(&command.id) {
            return Ok(rollout);
        }
    }
}
