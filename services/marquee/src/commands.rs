//! The commands that run roles in this process or show their settings: `up`, one for each role,
//! `config` and `keys`.

pub(crate) mod keys;

use anyhow::{Context, Result};
use marquee_cli::{Error, Format, Output};
use marquee_kit::settings::{Effective, Layers, Loaded};
use marquee_kit::telemetry;
use marquee_role::Entry;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{ConfigArgs, LayerArgs, RoleArgs, UpArgs};
use crate::fleet::{self, Addresses, Fleet};
use crate::roles::ROLES;
use crate::settings::Settings;

/// Runs the whole fleet until it is told to stop.
pub(crate) async fn up(args: UpArgs) -> Result<()> {
    serve(load(&up_layers(args))?.settings, ROLES).await
}

/// Runs one role until it is told to stop.
///
/// # Errors
/// Among others: the role needs an embedded back-end, which no other process could read.
pub(crate) async fn role(role: Entry, args: RoleArgs) -> Result<()> {
    let settings = load(&layers(args.layers))?.settings;
    let needs = fleet::needs(&settings, &[role]);
    settings.backends.check_shared(&needs).map_err(|invalid| Error::Usage(invalid.to_string()))?;
    serve(settings, &[role]).await
}

/// Shows the effective settings and where each one comes from.
pub(crate) fn config(args: ConfigArgs, output: Output) -> Result<()> {
    let loaded = load(&up_layers(args.up))?;
    let text = match output.format() {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&loaded.values)?),
        Format::Human => {
            let width = loaded.values.iter().map(|value| value.key.len()).max().unwrap_or(0);
            let line = |v: &Effective| format!("{:width$} = {}  # {}\n", v.key, v.value, v.origin);
            loaded.values.iter().map(line).collect()
        }
    };
    Ok(output.text(&text)?)
}

fn layers(args: LayerArgs) -> Layers {
    Layers { file: args.config, flags: args.set }
}

fn up_layers(args: UpArgs) -> Layers {
    let mut layers = layers(args.layers);
    let text = |value: String| serde_json::Value::String(value).to_string();
    if let Some(folder) = args.data_dir {
        layers.flags.push(("data_dir".to_owned(), text(folder.display().to_string())));
    }
    for (key, address) in [("grpc_listen", args.grpc_listen), ("http_listen", args.http_listen)] {
        if let Some(address) = address {
            layers.flags.push((key.to_owned(), text(address.to_string())));
        }
    }
    layers
}

/// Reads and validates the settings of every role.
pub(crate) fn load(layers: &Layers) -> Result<Loaded<Settings>> {
    Settings::load(layers, ROLES).map_err(|error| Error::Usage(error.to_string()).into())
}

/// Runs roles until a signal or a failure, then shuts them down in order. A second signal ends the
/// process at once.
async fn serve(settings: Settings, roles: &[Entry]) -> Result<()> {
    let telemetry = telemetry::start(&settings.telemetry, "marquee")?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let data_dir = settings.data_dir.clone();
    let fleet = tokio::select! {
        started = Box::pin(Fleet::start(settings, roles)) => started?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    fleet.announce()?;
    let ended = tokio::select! {
        ended = until_ended(&fleet) => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    tokio::select! {
        () = fleet.shutdown() => {}
        _ = interrupt.recv() => tracing::warn!("second signal: ending at once"),
        _ = terminate.recv() => tracing::warn!("second signal: ending at once"),
    }
    Addresses::remove(&data_dir);
    telemetry.shutdown();
    ended
}

async fn until_ended(fleet: &Fleet) -> Result<()> {
    fleet.ready().await?;
    tracing::info!("ready");
    Err(fleet.failed().await).context("a part of the fleet failed")
}
