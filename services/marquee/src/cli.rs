//! The whole command line: the client's commands, and those that run a fleet in this process.

use clap::{CommandFactory, Parser, Subcommand};
use marquee_cli::{ClientArgs, Error, Output};

use crate::arguments::{ConfigArgs, DemoArgs, RoleArgs, UpArgs};
use crate::commands::{self, keys};
use crate::fleet::Role;

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
        Command::Client(command) => return marquee_cli::run(command, &cli.client).await,
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
