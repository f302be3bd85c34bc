//! The whole command line: the client's commands, and those that run a fleet in this process.

use clap::{CommandFactory, Parser, Subcommand};
use marquee_cli::{ClientArgs, Error, Output, Service};

use crate::arguments::{ConfigArgs, DemoArgs, RoleArgs, UpArgs};
use crate::commands::{self, keys};
use crate::fleet::Role;

/// The names of the roles, by their health checks.
const SERVICES: [Service; 4] = [
    Service { role: "ingest", health: "marquee.ratings.v1.Ratings" },
    Service { role: "feature-store", health: "marquee.features.v1.Features" },
    Service { role: "trainer", health: "marquee.training.v1.Trainer" },
    Service { role: "inference", health: "marquee.prediction.v1.Predictions" },
];

/// Predicts what people would rate movies, learns from every rating, and rolls models out safely.
#[derive(Debug, Parser)]
#[command(name = "marquee", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(subcommand)]
    command: Command,
}

/// All commands.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole fleet in this process.
    Up(UpArgs),
    /// Run every step of the fleet on MovieLens 100K and show the results.
    Demo(DemoArgs),
    /// Run only the ingest role.
    Ingest(RoleArgs),
    /// Run only the feature store.
    FeatureStore(RoleArgs),
    /// Run only the trainer.
    Trainer(RoleArgs),
    /// Run only inference.
    Inference(RoleArgs),
    #[command(flatten)]
    Client(marquee_cli::Command),
    /// Show the effective settings and where each one comes from.
    Config(ConfigArgs),
    /// Make or inspect the keys that sign models.
    Keys(keys::KeysArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Runs the command that was typed.
pub(crate) async fn run(cli: Cli) -> Result<(), Error> {
    let output = cli.client.output();
    let ended = match cli.command {
        Command::Client(command) => return marquee_cli::run(command, &cli.client, &SERVICES).await,
        Command::Completions { shell } => return completions(shell, output),
        Command::Up(args) => commands::up(args).await,
        Command::Demo(args) => crate::demo::run(args, output).await,
        Command::Ingest(args) => commands::role(Role::Ingest, args).await,
        Command::FeatureStore(args) => commands::role(Role::FeatureStore, args).await,
        Command::Trainer(args) => commands::role(Role::Trainer, args).await,
        Command::Inference(args) => commands::role(Role::Inference, args).await,
        Command::Config(args) => commands::config(args, output),
        Command::Keys(args) => keys::run(args, output),
    };
    ended.map_err(Error::Other)
}

fn completions(shell: clap_complete::Shell, output: Output) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "marquee", &mut script);
    output.text(&String::from_utf8_lossy(&script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_all_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn commands_of_the_fleet_and_of_the_client_are_one_list() {
        let cli = Cli::command();
        let names: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
        for name in ["up", "demo", "feature-store", "predict", "import", "status", "config", "keys", "completions"] {
            assert!(names.contains(&name), "no {name} in {names:?}");
        }
    }

    #[test]
    fn settings_may_be_repeated_and_keep_their_order() {
        let line = ["marquee", "up", "--set", "shutdown=1s", "--set", "shutdown=2s", "--grpc-listen", "127.0.0.1:0"];
        let Command::Up(up) = Cli::try_parse_from(line).expect("a command line").command else { panic!("up") };
        let values: Vec<&str> = up.layers.set.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["1s", "2s"]);
        let error = Cli::try_parse_from(["marquee", "up", "--set", "shutdown"]).expect_err("no value");
        assert!(error.to_string().contains("KEY=VALUE"), "{error}");
    }
}
