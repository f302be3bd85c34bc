//! Commands that run roles in this process: their arguments, and the seam through which they are run.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::Output;

/// Runs what needs the roles themselves.
pub trait FleetCommands {
    /// Runs the whole fleet until it is told to stop.
    fn up(&self, args: UpArgs, output: Output) -> impl Future<Output = anyhow::Result<()>>;

    /// Runs the main job on real ratings.
    fn demo(&self, args: DemoArgs, output: Output) -> impl Future<Output = anyhow::Result<()>>;

    /// Runs one role until it is told to stop.
    fn role(&self, role: Role, args: RoleArgs, output: Output) -> impl Future<Output = anyhow::Result<()>>;

    /// Shows effective settings.
    fn config(&self, args: ConfigArgs, output: Output) -> impl Future<Output = anyhow::Result<()>>;
}

/// The roles that run on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes ratings in.
    Ingest,
    /// Knows users and movies.
    FeatureStore,
    /// Makes models.
    Trainer,
    /// Answers predictions.
    Inference,
}

/// Layers of settings above the defaults: file < environment < flags.
#[derive(Debug, Clone, Default, Args)]
pub struct LayerArgs {
    /// A TOML file with settings.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A setting by its dotted key; may be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
}

/// Arguments of one role.
#[derive(Debug, Clone, Args)]
pub struct RoleArgs {
    /// Settings.
    #[command(flatten)]
    pub layers: LayerArgs,
}

/// Arguments of the whole fleet.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// Settings.
    #[command(flatten)]
    pub layers: LayerArgs,
    /// Folder of the log, the stores and the models.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address of the gRPC API; port 0 lets the system choose. [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDR")]
    pub grpc_listen: Option<SocketAddr>,
    /// Address of the HTTP API and /metrics; port 0 lets the system choose. [default: 127.0.0.1:7080]
    #[arg(long, value_name = "ADDR")]
    pub http_listen: Option<SocketAddr>,
}

/// Arguments of the demonstration.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Settings of the fleet, for a demonstration on other back-ends than the embedded ones.
    #[command(flatten)]
    pub layers: LayerArgs,
    /// A MovieLens folder or archive.
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// With --json: the file that takes the summary, instead of standard output.
    // A positional, so that `--json PATH` reads as one and `--json` alone means here what it means everywhere.
    #[arg(value_name = "PATH", requires = "json")]
    pub summary: Option<PathBuf>,
    /// Stay up at the end and print commands to try.
    #[arg(long)]
    pub keep: bool,
    /// Seed of everything random.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

/// Arguments of `config`: the same layers as `up`.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// What `up` would be given.
    #[command(flatten)]
    pub up: UpArgs,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("give KEY=VALUE, for example ingest.max_batch=500".to_owned()),
    }
}
