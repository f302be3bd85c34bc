//! The commands that run roles in this process or show their settings: `up`, one for each role,
//! `config` and `keys`.

pub(crate) mod keys;

use std::path::Path;

use anyhow::{Context, Result};
use marquee_cli::{Error, Format, Output};
use marquee_kit::settings::{self, Layers, Loaded};
use marquee_kit::telemetry;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{ConfigArgs, LayerArgs, RoleArgs, UpArgs};
use crate::fleet::{Fleet, Role};
use crate::settings::Settings;

/// Runs the whole fleet until it is told to stop.
pub(crate) async fn up(args: UpArgs) -> Result<()> {
    serve(load(&up_layers(args))?.settings, &Role::ALL).await
}

/// Runs one role until it is told to stop.
pub(crate) async fn role(role: Role, args: RoleArgs) -> Result<()> {
    serve(load(&layers(args.layers))?.settings, &[role]).await
}

/// Shows the effective settings and where each one comes from.
pub(crate) fn config(args: ConfigArgs, output: Output) -> Result<()> {
    let loaded = load(&up_layers(args.up))?;
    let text = match output.format() {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&loaded.values)?),
        Format::Human => {
            let width = loaded.values.iter().map(|value| value.key.len()).max().unwrap_or(0);
            let line = |v: &settings::Effective| format!("{:width$} = {}  # {}\n", v.key, v.value, v.origin);
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

pub(crate) fn load(layers: &Layers) -> Result<Loaded<Settings>> {
    settings::load(layers).map_err(|error| Error::Usage(error.to_string()).into())
}

/// Runs roles until a signal or a failure, then takes them down in order. A second signal ends at
/// once.
async fn serve(settings: Settings, roles: &[Role]) -> Result<()> {
    let telemetry = telemetry::start(&settings.telemetry, "marquee")?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let fleet = Fleet::start(settings.clone(), roles).await?;
    fleet.announce(&settings.data_dir)?;
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
    forget(&settings.data_dir);
    telemetry.shutdown();
    ended
}

async fn until_ended(fleet: &Fleet) -> Result<()> {
    fleet.ready().await?;
    tracing::info!("ready");
    Err(fleet.failed().await).context("a part of the fleet failed")
}

fn forget(data_dir: &Path) {
    // A missing file is what is wanted.
    let _ = std::fs::remove_file(data_dir.join(crate::fleet::ADDRESSES));
}
