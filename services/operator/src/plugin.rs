//! `kubectl marquee`: shows rollouts, and tells the operator what to do with them.
//!
//! The plugin calls the API server only, with the rights of the person who runs it. A verb is an
//! annotation (see `commands`), which the operator carries out.

mod act;
mod show;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use kube::config::KubeConfigOptions;
use kube::{Api, Client, Config};
use marquee_cli::{Error, Format, Output};

use crate::resource::ModelRollout;

/// What other programs do, at the end of the help.
const OTHERS: &str = "\
Other programs:
  kubectl apply             Start a rollout, or change it
  marquee rollout simulate  Replay recorded ratings through a rollout file";

/// Shows and steers rollouts of model versions.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-marquee",
    bin_name = "kubectl marquee",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = OTHERS
)]
struct Program {
    #[command(flatten)]
    connection: Connection,
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// Which API server and namespace.
#[derive(Debug, Args)]
struct Connection {
    /// The namespace. Default: that of the context.
    #[arg(short, long, global = true, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// The context of the kubeconfig. Default: the current one.
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig. Default: KUBECONFIG or ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// What the plugin does.
#[derive(Debug, Subcommand)]
enum Command {
    /// List the rollouts, or show one.
    Get {
        /// The rollout. Default: a list of all.
        name: Option<String>,
    },
    /// Show a rollout and follow it until it ends.
    Watch {
        /// The rollout.
        name: String,
    },
    /// List the rollouts that ended.
    History {
        /// The rollout.
        name: String,
    },
    /// End the present step, or all steps.
    Promote {
        /// End all steps: the candidate is to answer all users.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Hold a rollout at its present weight.
    Pause(Target),
    /// Go on after a pause. Failed metrics are measured again.
    Resume(Target),
    /// Take all users from the candidate and end the rollout.
    Abort(Target),
    /// Begin an aborted rollout again.
    Retry(Target),
    /// Return to the version that was stable before.
    Undo(Target),
}

/// A rollout that is told something.
#[derive(Debug, Args)]
struct Target {
    /// The rollout.
    name: String,
    /// How long to wait until the operator has carried it out. 0 does not wait.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
}

/// Runs the plugin: reads the command line and carries it out. Returns 0 if that succeeded, 1 after
/// a failure or a rollout that was stopped, 64 for wrong usage.
pub fn main() -> ExitCode {
    let program = match crate::parse::<Program>() {
        Ok(program) => program,
        Err(code) => return code,
    };
    let output = Output::detect(if program.json { Format::Json } else { Format::Human });
    let result = crate::runtime().context("start the runtime").map_err(Error::Other);
    marquee_cli::finish(result.and_then(|runtime| runtime.block_on(run(&program, output))), output)
}

async fn run(program: &Program, output: Output) -> Result<(), Error> {
    let rollouts = connect(&program.connection).await.map_err(Error::Other)?;
    let tell = async |target: &Target, verb: &str| {
        act::tell(&rollouts, (&target.name, verb), Duration::from_secs(target.timeout), output).await
    };
    match &program.command {
        Command::Get { name: None } => show::list(&rollouts, output).await,
        Command::Get { name: Some(name) } => show::one(&rollouts, name, output).await,
        Command::Watch { name } => watch::run(&rollouts, name, output).await,
        Command::History { name } => show::history(&rollouts, name, output).await,
        Command::Promote { all: true, target } => tell(target, "promoteAll").await,
        Command::Promote { all: false, target } => tell(target, "promote").await,
        Command::Pause(target) => tell(target, "pause").await,
        Command::Resume(target) => tell(target, "resume").await,
        Command::Abort(target) => tell(target, "abort").await,
        Command::Retry(target) => tell(target, "retry").await,
        Command::Undo(target) => tell(target, "undo").await,
    }
}

/// Finds the API server, as kubectl does.
async fn connect(connection: &Connection) -> anyhow::Result<Api<ModelRollout>> {
    let options = KubeConfigOptions { context: connection.context.clone(), ..KubeConfigOptions::default() };
    let config = match &connection.kubeconfig {
        Some(file) => {
            let read = kube::config::Kubeconfig::read_from(file);
            let read = read.with_context(|| format!("read the kubeconfig {}", file.display()))?;
            Config::from_custom_kubeconfig(read, &options).await.context("use the kubeconfig")?
        }
        None if connection.context.is_some() => {
            Config::from_kubeconfig(&options).await.context("use the kubeconfig")?
        }
        None => Config::infer().await.context("find the API server: there is no kubeconfig")?,
    };
    let namespace = connection.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config).context("make a client of the API server")?;
    Ok(Api::namespaced(client, &namespace))
}

/// Describes why a call failed, with what helps.
fn refused(error: &kube::Error, what: &str) -> Error {
    let text = crate::error::explain(error);
    let no_definition = matches!(error, kube::Error::Api(status) if status.code == 404 && status.reason != "NotFound")
        || text.contains("could not find the requested resource");
    let error = Error::Other(anyhow::anyhow!("could not {what}: {text}"));
    if no_definition {
        let hint = "`marquee-operator crd | kubectl apply -f -` installs the definition of ModelRollout".to_owned();
        return Error::Hinted { error: Box::new(error), hint };
    }
    error
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_help_names_the_programs_that_start_and_simulate_rollouts() {
        let help = Program::command().render_help().to_string();
        for part in ["kubectl apply ", "marquee rollout simulate "] {
            assert!(help.contains(part), "no {part} in {help}");
        }
    }

    #[test]
    fn the_arguments_are_consistent_and_every_verb_names_a_rollout() {
        Program::command().debug_assert();
        for verb in ["watch", "history", "promote", "pause", "resume", "abort", "retry", "undo"] {
            let error = Program::try_parse_from(["kubectl-marquee", verb]).expect_err(verb);
            assert!(error.to_string().contains("<NAME>"), "{verb}: {error}");
            assert!(Program::try_parse_from(["kubectl-marquee", verb, "ratings", "-n", "shop"]).is_ok(), "{verb}");
        }
    }
}
