//! The arguments of the commands that run a fleet in this process.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Layers of settings above the defaults: file < environment < flags.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LayerArgs {
    /// A TOML file with settings.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Sets one setting by its dotted key; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub(crate) set: Vec<(String, String)>,
}

/// Arguments of a command that runs a fleet or a role, or shows its settings.
#[derive(Debug, Clone, Args)]
pub(crate) struct FleetArgs {
    /// Settings.
    #[command(flatten)]
    pub(crate) layers: LayerArgs,
    /// Folder of the log, the stores and the models.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of the gRPC API; port 0 lets the system choose. [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDR")]
    pub(crate) grpc_listen: Option<SocketAddr>,
    /// Address of the HTTP API and /metrics; port 0 lets the system choose. [default:
    /// 127.0.0.1:7080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) http_listen: Option<SocketAddr>,
    /// Address of a listener of its own for administrators, with /metrics; the others then refuse
    /// what administers.
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin_listen: Option<SocketAddr>,
}

/// Arguments of `config`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// The arguments of `up`.
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    /// Say what each setting means.
    #[arg(long)]
    pub(crate) explain: bool,
}

/// Arguments of the demonstration.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Settings of the fleet, for a demonstration on other back-ends than the embedded ones.
    #[command(flatten)]
    pub(crate) layers: LayerArgs,
    /// A MovieLens folder or archive.
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// With --json: write the summary to this file instead of standard output.
    // A positional, so that `--json PATH` reads as one and `--json` alone means here what it means
    // everywhere.
    #[arg(value_name = "PATH", requires = "json")]
    pub(crate) summary: Option<PathBuf>,
    /// Keep the fleet running at the end and print commands to try.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Seed of everything random.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, for example ingest.max_batch=500".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn a_setting_is_a_key_and_a_value_around_the_first_equals_sign() {
        let pair = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(setting("ingest.max_batch=500"), pair("ingest.max_batch", "500"));
        assert_eq!(setting(" s3.url =s3://bucket/a=b"), pair("s3.url", "s3://bucket/a=b"));
        assert_eq!(setting("features_address="), pair("features_address", ""));
        for wrong in ["shutdown", "", "=1", "  =1"] {
            assert!(setting(wrong).is_err_and(|error| error.contains("KEY=VALUE")), "{wrong:?}");
        }
    }
}
