//! The command line: what can be typed, and where each command goes.
//!
//! Data goes to standard output and everything else to standard error; `--json` gives one JSON document, or a line of JSON an update where a
//! command streams. Exit codes: 0 done, 1 failed, 64 wrong usage. Commands that run the fleet are the integration's and come in through
//! [`FleetCommands`]; all others are clients of public APIs and know nothing else.

mod catalogue;
mod client;
pub(crate) mod error;
mod explain;
pub(crate) mod features;
mod fleet;
pub mod import;
mod keys;
mod models;
pub(crate) mod output;
mod predict;
mod provenance;
mod rate;
mod recommend;
mod route;
mod status;
pub(crate) mod train;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use client::Client;
pub use error::{Error, USAGE};
pub use fleet::{ConfigArgs, DemoArgs, FleetCommands, LayerArgs, Role, RoleArgs, UpArgs};
pub use output::{Format, Output};

/// Where the fleet's gRPC API listens unless told otherwise.
pub const DEFAULT_GRPC: &str = "http://127.0.0.1:7070";

/// Predicts what people would rate movies, learns from every rating, and rolls models out safely.
#[derive(Debug, Parser)]
#[command(name = "marquee", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// The fleet's gRPC address.
    #[arg(long, global = true, env = "MARQUEE_GRPC", default_value = DEFAULT_GRPC, value_name = "URL")]
    pub grpc: String,
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole fleet in this process.
    Up(UpArgs),
    /// Run the main job on MovieLens 100K and show every step.
    Demo(DemoArgs),
    /// Run only the ingest role.
    Ingest(RoleArgs),
    /// Run only the feature store.
    FeatureStore(RoleArgs),
    /// Run only the trainer.
    Trainer(RoleArgs),
    /// Run only inference.
    Inference(RoleArgs),
    /// Send a data set's movies and ratings to the fleet.
    Import(import::ImportArgs),
    /// Give or take back a rating.
    Rate(rate::RateArgs),
    /// Predict what a user would rate movies.
    Predict(predict::PredictArgs),
    /// List the movies that a user would like best.
    Recommend(recommend::RecommendArgs),
    /// Say which of a user's own ratings moved a prediction.
    Explain(explain::ExplainArgs),
    /// Train a model and watch it, or look after training runs.
    Train(train::TrainArgs),
    /// List model versions, or load one.
    Models(models::ModelsArgs),
    /// List, show, compute and check features.
    Features(features::FeaturesArgs),
    /// Show or change which version answers whom.
    Route(route::RouteArgs),
    /// Show how the fleet stands.
    Status,
    /// Show effective settings and where each comes from.
    Config(ConfigArgs),
    /// Make or inspect the keys that sign models.
    Keys(keys::KeysArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Reads the command line. Help and version are printed and end with 0, mistakes are printed and end with 64.
pub fn parse<I, T>(arguments: I) -> Result<Cli, ExitCode>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    Cli::try_parse_from(arguments).map_err(|error| {
        // Nothing is left to tell if standard error is closed.
        let _ = error.print();
        ExitCode::from(code(&error))
    })
}

fn code(error: &clap::Error) -> u8 {
    if error.exit_code() == 0 { 0 } else { USAGE }
}

/// Does what was asked and says how it ended.
pub async fn run(cli: Cli, fleet: impl FleetCommands) -> ExitCode {
    let output = Output::detect(if cli.json { Format::Json } else { Format::Human });
    match dispatch(cli, fleet, output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

async fn dispatch(cli: Cli, fleet: impl FleetCommands, output: Output) -> Result<(), Error> {
    let connect = || Client::connect(&cli.grpc);
    match cli.command {
        Command::Up(args) => fleet.up(args, output).await.map_err(Error::Fleet),
        Command::Demo(args) => fleet.demo(args, output).await.map_err(Error::Fleet),
        Command::Ingest(args) => fleet.role(Role::Ingest, args, output).await.map_err(Error::Fleet),
        Command::FeatureStore(args) => fleet.role(Role::FeatureStore, args, output).await.map_err(Error::Fleet),
        Command::Trainer(args) => fleet.role(Role::Trainer, args, output).await.map_err(Error::Fleet),
        Command::Inference(args) => fleet.role(Role::Inference, args, output).await.map_err(Error::Fleet),
        Command::Config(args) => fleet.config(args, output).await.map_err(Error::Fleet),
        Command::Import(args) => import::run(args, &cli.grpc, output).await,
        Command::Rate(args) => rate::run(args, &connect()?, output).await,
        Command::Predict(args) => predict::run(args, &connect()?, output).await,
        Command::Recommend(args) => recommend::run(args, &connect()?, output).await,
        Command::Explain(args) => explain::run(args, &connect()?, output).await,
        Command::Train(args) => train::run(args, &connect()?, output).await,
        Command::Models(args) => models::run(args, &connect()?, output).await,
        Command::Features(args) => features::run(args, &connect()?, output).await,
        Command::Route(args) => route::run(args, &connect()?, output).await,
        Command::Status => status::run(&connect()?, output).await,
        Command::Keys(args) => keys::run(args, output),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "marquee", &mut script);
            output.text(&String::from_utf8_lossy(&script))
        }
    }
}
