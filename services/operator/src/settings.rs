//! The command line of the operator.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use marquee_kit::telemetry::{self, Format};
use marquee_kit::{ClientSettings, is_http_address};

/// Rolls out model versions as `ModelRollout` objects ask for.
#[derive(Debug, Parser)]
#[command(name = "marquee-operator", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Program {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch the rollouts of a namespace, or of all, and carry them out.
    Run(Box<RunArgs>),
    /// Print the CustomResourceDefinition of ModelRollout as YAML.
    Crd,
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    /// The namespace to watch. Default: that of the operator's Pod or of the kubeconfig.
    #[arg(long, env = "MARQUEE_OPERATOR_NAMESPACE", value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Watch all namespaces. This needs a ClusterRole.
    #[arg(long, env = "MARQUEE_OPERATOR_ALL_NAMESPACES", conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
    /// How often a rollout is looked at.
    #[arg(long, env = "MARQUEE_OPERATOR_INTERVAL", value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) interval: Duration,
    /// How long a call to an inference instance or the monitor may take.
    #[arg(long, env = "MARQUEE_OPERATOR_DEADLINE", value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub(crate) deadline: Duration,
    /// Where /metrics, /livez and /readyz are served.
    #[arg(long, env = "MARQUEE_OPERATOR_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:7090")]
    pub(crate) listen: SocketAddr,
    /// The file to write the address of the listener to, for a port that the system picks.
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) address_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) election: ElectionArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryArgs,
}

/// Logs and traces, as the section `telemetry` of the settings of roles has them.
#[derive(Debug, Clone, Args)]
pub(crate) struct TelemetryArgs {
    /// What to log: a level, or directives such as info,marquee_operator=debug.
    #[arg(long, env = "MARQUEE_OPERATOR_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
    /// The form of log lines: auto (for people on a terminal, otherwise JSON), human or json.
    #[arg(
        long,
        env = "MARQUEE_OPERATOR_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "auto",
        value_parser = format
    )]
    log_format: Format,
    /// The endpoint that receives traces (OTLP over gRPC), for example http://127.0.0.1:4317.
    /// Default: no traces are sent.
    #[arg(long, env = "MARQUEE_OPERATOR_OTLP_ENDPOINT", value_name = "URL", value_parser = endpoint)]
    otlp_endpoint: Option<String>,
}

impl TelemetryArgs {
    /// Returns the settings of logs and traces.
    pub(crate) fn settings(&self) -> telemetry::Settings {
        telemetry::Settings {
            log: self.log.clone(),
            format: self.log_format,
            otlp_endpoint: self.otlp_endpoint.clone().unwrap_or_default(),
        }
    }
}

/// Which of several operators works.
#[derive(Debug, Clone, Args)]
pub(crate) struct ElectionArgs {
    /// The Lease that the working operator holds.
    #[arg(long, env = "MARQUEE_OPERATOR_LEASE", value_name = "NAME", default_value = "marquee-operator")]
    pub(crate) lease: String,
    /// The namespace of the Lease. Default: as for --namespace.
    #[arg(long, env = "MARQUEE_OPERATOR_LEASE_NAMESPACE", value_name = "NAMESPACE")]
    pub(crate) lease_namespace: Option<String>,
    /// How long another operator waits after the working one was last seen.
    #[arg(
        long,
        env = "MARQUEE_OPERATOR_LEASE_DURATION",
        value_name = "TIME",
        default_value = "15s",
        value_parser = duration
    )]
    pub(crate) lease_duration: Duration,
    /// The name of this operator in the Lease. Default: the host name and the process id.
    #[arg(long, env = "MARQUEE_OPERATOR_IDENTITY", value_name = "NAME")]
    pub(crate) identity: Option<String>,
}

/// Whom to trust at https:// addresses of inference and monitor, and who is calling.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct IdentityArgs {
    /// Certificates of the authorities to trust, in PEM, instead of those of this machine.
    #[arg(long, env = "MARQUEE_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Certificate to show, in PEM.
    #[arg(long, env = "MARQUEE_CERT_FILE", value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// Private key of the certificate, in PEM.
    #[arg(long, env = "MARQUEE_KEY_FILE", value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// File with the token that inference and monitor ask for.
    #[arg(long, env = "MARQUEE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl IdentityArgs {
    /// Returns the settings of the clients.
    pub(crate) fn client(&self) -> ClientSettings {
        let path = |given: &Option<PathBuf>| given.clone().unwrap_or_default();
        ClientSettings {
            ca_file: path(&self.ca_file),
            cert_file: path(&self.cert_file),
            key_file: path(&self.key_file),
            token_file: path(&self.token_file),
        }
    }
}

/// Parses the form of log lines.
fn format(text: &str) -> Result<Format, String> {
    match text {
        "auto" => Ok(Format::Auto),
        "human" => Ok(Format::Human),
        "json" => Ok(Format::Json),
        _ => Err("expected auto, human or json".to_owned()),
    }
}

/// Parses the address of what receives traces. An empty one is that of none.
fn endpoint(text: &str) -> Result<String, String> {
    let is_valid = text.is_empty() || is_http_address(text);
    if is_valid { Ok(text.to_owned()) } else { Err("expected http://HOST:PORT".to_owned()) }
}

/// Parses a duration that is longer than zero.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed = humantime_serde::re::humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if parsed.is_zero() { Err("expected a duration above 0, such as 5s".to_owned()) } else { Ok(parsed) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Program::command().debug_assert();
    }

    #[test]
    fn logs_and_traces_have_the_settings_of_roles() {
        let words = ["marquee-operator", "run", "--log-format", "json", "--otlp-endpoint", "http://collector:4317"];
        let Command::Run(args) = Program::parse_from(words).command else { panic!("run") };
        let expected = telemetry::Settings {
            format: Format::Json,
            otlp_endpoint: "http://collector:4317".to_owned(),
            ..telemetry::Settings::default()
        };
        assert_eq!(args.telemetry.settings(), expected);
        let Command::Run(args) = Program::parse_from(["marquee-operator", "run"]).command else { panic!("run") };
        assert_eq!(args.telemetry.settings(), telemetry::Settings::default());
    }

    #[test]
    fn what_is_typed_wrong_is_refused_with_what_is_expected() {
        for (line, part) in [
            ("run --interval 0s", "above 0"),
            ("run --lease-duration soon", "--lease-duration"),
            ("run --namespace a --all-namespaces", "cannot be used with"),
            ("run --key-file key.pem", "--cert-file"),
            ("run --listen nowhere", "--listen"),
            ("run --log-format xml", "auto, human or json"),
            ("run --otlp-endpoint collector", "--otlp-endpoint"),
        ] {
            let words = std::iter::once("marquee-operator").chain(line.split_whitespace());
            let error = Program::try_parse_from(words).expect_err(line);
            assert!(error.to_string().contains(part), "{line}: {error}");
        }
    }
}
