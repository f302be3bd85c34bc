//! The commands that work in this process: those that run roles or show their settings (`up`, one
//! for each role, `config`, `keys` and `rekey`), `collect`, `data`, `evaluate`, `explore`,
//! `prepare`, `tune` and `validate`.

pub(crate) mod collect;
pub(crate) mod data;
pub(crate) mod evaluate;
pub(crate) mod explore;
pub(crate) mod keys;
mod meanings;
mod panics;
pub(crate) mod prepare;
mod progress;
pub(crate) mod rekey;
mod tracked;
pub(crate) mod tune;
pub(crate) mod validate;

use anyhow::{Context, Result, anyhow};
use marquee_cli::{Error, Format, Output};
use marquee_kit::settings::{Effective, Invalid, Layers, Loaded};
use marquee_kit::{Stop, signals, telemetry};
use marquee_role::Entry;

use crate::arguments::{ConfigArgs, FleetArgs, LayerArgs};
use crate::fleet::{self, Addresses, Fleet};
use crate::roles::ROLES;
use crate::settings::Settings;
use meanings::Meanings;

/// Runs the whole fleet until it is told to stop.
pub(crate) async fn up(args: FleetArgs) -> Result<()> {
    serve(load(&layers(args)?)?.settings, ROLES).await
}

/// Runs one role until it is told to stop.
///
/// # Errors
/// Among others: the role needs an embedded back-end, which no other process could read.
pub(crate) async fn role(role: Entry, args: FleetArgs) -> Result<()> {
    let settings = load(&layers(args)?)?.settings;
    let needs = fleet::needs(&settings, &[role]);
    settings.backends.check_shared(&needs).map_err(|invalid| Error::Usage(invalid.to_string()))?;
    serve(settings, &[role]).await
}

/// Shows the effective settings, where each one comes from and, if asked, what it means.
pub(crate) fn config(args: ConfigArgs, output: Output) -> Result<()> {
    let values = load(&layers(args.fleet)?)?.values;
    let meanings = args.explain.then(meanings::all).unwrap_or_default();
    let text = match output.format() {
        Format::Json => {
            let shown = |value| shown(value, &meanings);
            format!("{}\n", serde_json::to_string_pretty(&values.iter().map(shown).collect::<Result<Vec<_>, _>>()?)?)
        }
        // The command line refuses CSV for this command.
        Format::Human | Format::Csv => lines(&values, &meanings),
    };
    Ok(output.text(&text)?)
}

/// Returns a setting for programs: its value is a number, a boolean, a text or a list.
fn shown(value: &Effective, meanings: &Meanings) -> serde_json::Result<serde_json::Value> {
    let mut shown = serde_json::to_value(value)?;
    // The text of a value is JSON, in which secrets are hidden.
    if let Ok(parsed) = serde_json::from_str::<serde_json::Value>(&value.value) {
        shown["value"] = parsed;
    }
    if let Some(meaning) = meanings.get(&value.key) {
        shown["meaning"] = meaning.as_str().into();
    }
    Ok(shown)
}

/// Returns a line for each setting, with its meaning in comments above it.
fn lines(values: &[Effective], meanings: &Meanings) -> String {
    let width = values.iter().map(|value| value.key.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Effective { key, value, origin } in values {
        for line in meanings.get(key).into_iter().flat_map(|meaning| meaning.lines()) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("{key:width$} = {value}  # {origin}\n"));
        if !meanings.is_empty() {
            text.push('\n');
        }
    }
    text
}

/// Returns the layers of a command that runs no fleet.
fn layers_of(args: LayerArgs) -> Layers {
    Layers { file: args.config, flags: args.set }
}

/// Returns the layers that a command line names. Its own arguments win over `--set`.
fn layers(args: FleetArgs) -> Result<Layers> {
    let mut layers = layers_of(args.layers);
    let text = |value: &str| serde_json::Value::from(value).to_string();
    if let Some(folder) = args.data_dir {
        let folder = folder.to_str().ok_or_else(|| {
            let shown = folder.display();
            Error::Usage(format!("--data-dir: the path {shown} is not UTF-8; give a folder with a name in UTF-8"))
        })?;
        layers.flags.push(("data_dir".to_owned(), text(folder)));
    }
    let listeners =
        [("grpc_listen", args.grpc_listen), ("http_listen", args.http_listen), ("admin_listen", args.admin_listen)];
    for (key, address) in listeners {
        if let Some(address) = address {
            layers.flags.push((key.to_owned(), text(&address.to_string())));
        }
    }
    Ok(layers)
}

/// Reads and validates the settings of every role.
pub(crate) fn load(layers: &Layers) -> Result<Loaded<Settings>> {
    Settings::load(layers, ROLES).map_err(|error| Error::Usage(error.to_string()).into())
}

/// Runs roles until a signal or a failure, then shuts them down in order. A signal during the start
/// ends it, also a start that fails meanwhile. A signal during the shutdown ends the process at
/// once.
async fn serve(settings: Settings, roles: &[Entry]) -> Result<()> {
    let telemetry = telemetry::start(&settings.telemetry, &service_name(roles))?;
    let lost = panics::watch();
    let stop = signals::watch(Fleet::longest_shutdown(&settings)).context("watch for signals")?;
    let ended = run(settings, roles, (&stop, &lost)).await;
    // Sending the last spans may block, also for longer than its own bound.
    let sent = tokio::task::spawn_blocking(|| telemetry.shutdown());
    let _ = tokio::time::timeout(telemetry::LAST_SPANS, sent).await;
    ended.map_err(as_usage)
}

/// Returns the name in traces of a process with these roles.
fn service_name(roles: &[Entry]) -> String {
    match roles {
        [role] => format!("marquee-{}", role.name),
        _ => "marquee".to_owned(),
    }
}

/// Runs roles until they are told to stop, a part fails, or a thread is lost.
async fn run(settings: Settings, roles: &[Entry], (stop, lost): (&Stop, &Stop)) -> Result<()> {
    let data_dir = settings.data_dir.clone();
    let Some(fleet) = Fleet::start_unless(settings, roles, stop.cancelled()).await? else {
        tracing::info!("stopped during the start");
        return Ok(());
    };
    let ended = match fleet.announce() {
        Ok(()) => tokio::select! {
            // What fails at the same instant as the signal comes does not matter any more.
            biased;
            () = stop.cancelled() => Ok(()),
            ended = until_ended(&fleet) => ended,
            () = lost.cancelled() => Err(anyhow!("a thread of the fleet panicked; the log says which")),
        },
        failed => failed,
    };
    stop.cancel();
    fleet.shutdown().await;
    Addresses::remove(&data_dir);
    ended
}

/// Turns an error that names a setting into wrong usage, whose exit code is 64 wherever the setting
/// was refused.
fn as_usage(error: anyhow::Error) -> anyhow::Error {
    if error.chain().any(|cause| cause.is::<Invalid>()) { Error::Usage(format!("{error:#}")).into() } else { error }
}

async fn until_ended(fleet: &Fleet) -> Result<()> {
    fleet.ready().await?;
    tracing::info!("ready");
    Err(fleet.failed().await).context("a part of the fleet failed")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_process_of_one_role_has_a_name_of_its_own_in_traces() {
        let names: Vec<String> = ROLES.iter().map(|role| service_name(&[*role])).collect();
        assert!(names.contains(&"marquee-feature-store".to_owned()), "{names:?}");
        assert_eq!(service_name(ROLES), "marquee");
    }

    #[test]
    fn values_for_programs_have_their_types_and_secrets_stay_hidden() {
        let flags = [
            ("ingest.max_batch", "11"),
            ("trainer.holdout", "0.2"),
            ("redis.password", "0042"),
            ("features_address", "http://me:hunter2@host:7070"),
        ];
        let flags = flags.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let values = load(&Layers { file: None, flags }).expect("valid").values;
        let of = |key: &str| -> Value {
            let value = values.iter().find(|value| value.key == key).expect(key);
            shown(value, &Meanings::new()).expect("JSON")["value"].take()
        };
        assert_eq!(of("ingest.max_batch"), json!(11));
        assert_eq!(of("trainer.holdout"), json!(0.2));
        assert_eq!(of("server.allow_unauthenticated"), json!(false));
        assert_eq!(of("monitor.models"), json!(["ratings"]));
        assert_eq!(of("shutdown"), json!("10s"));
        assert_eq!(of("redis.password"), json!("***"));
        assert_eq!(of("features_address"), json!("http://me:***@host:7070"));
    }
}
