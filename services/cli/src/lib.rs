//! The command line as a client of the public APIs: its commands, output and errors.
//!
//! This crate knows the wire contracts and nothing of the servers behind them, so that other
//! programs can offer the same commands. A program flattens [`ClientArgs`] and [`Command`] into its
//! own parser, reads the command line with [`parse`] and ends with [`finish`].
//!
//! Data goes to standard output, everything else to standard error. `--json` prints one JSON
//! document, or one line of JSON for each update where a command streams. Exit codes: 0 done,
//! 1 failed, 64 wrong usage.

mod catalogue;
mod client;
mod error;
mod explain;
mod features;
pub mod import;
mod models;
mod output;
mod predict;
mod provenance;
mod rate;
mod recommend;
mod route;
mod status;
pub mod train;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use client::Client;
pub use error::{Error, USAGE};
pub use output::{Format, Human, Output, Show, Table, stars, thousands};

/// The address of the gRPC API unless the command line names another one.
pub const DEFAULT_GRPC: &str = "http://127.0.0.1:7070";

/// Arguments that every client command takes.
#[derive(Debug, Clone, Args)]
pub struct ClientArgs {
    /// The fleet's gRPC address.
    #[arg(long, global = true, env = "MARQUEE_GRPC", default_value = DEFAULT_GRPC, value_name = "URL")]
    pub grpc: String,
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
}

impl ClientArgs {
    /// Returns the output that these arguments ask for.
    pub fn output(&self) -> Output {
        Output::detect(if self.json { Format::Json } else { Format::Human })
    }
}

/// The commands that call a fleet.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send a data set's movies and ratings to the fleet.
    Import(import::ImportArgs),
    /// Rate a movie, or remove a rating.
    Rate(rate::RateArgs),
    /// Predict what a user would rate movies.
    Predict(predict::PredictArgs),
    /// List the movies that a user would like best.
    Recommend(recommend::RecommendArgs),
    /// Show which of a user's own ratings changed a prediction.
    Explain(explain::ExplainArgs),
    /// Train a model and watch it, or manage training runs.
    Train(train::TrainArgs),
    /// List model versions, or load one.
    Models(models::ModelsArgs),
    /// List, show, compute and check features.
    Features(features::FeaturesArgs),
    /// Show or change which model version answers which users.
    Route(route::RouteArgs),
    /// Show the fleet's services, models and routes.
    Status,
}

/// Reads the command line. Help and version are printed and end with 0, mistakes are printed and end with 64.
pub fn parse<P, I, T>(arguments: I) -> Result<P, ExitCode>
where
    P: Parser,
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    P::try_parse_from(arguments).map_err(|error| {
        // Nobody can be told when standard error is closed.
        let _ = error.print();
        ExitCode::from(if error.exit_code() == 0 { 0 } else { USAGE })
    })
}

/// Prints why a command failed, if it did, and returns the exit code.
pub fn finish(result: Result<(), Error>, output: Output) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Runs one command against the fleet that `args` name.
///
/// # Errors
/// The fleet cannot be reached, refuses the call, or the command's outcome is a failure.
pub async fn run(command: Command, args: &ClientArgs) -> Result<(), Error> {
    let (client, output) = (Client::connect(&args.grpc)?, args.output());
    match command {
        Command::Import(args) => import::run(args, &client, output).await,
        Command::Rate(args) => rate::run(args, &client, output).await,
        Command::Predict(args) => predict::run(args, &client, output).await,
        Command::Recommend(args) => recommend::run(args, &client, output).await,
        Command::Explain(args) => explain::run(args, &client, output).await,
        Command::Train(args) => train::run(args, &client, output).await,
        Command::Models(args) => models::run(args, &client, output).await,
        Command::Features(args) => features::run(args, &client, output).await,
        Command::Route(args) => route::run(args, &client, output).await,
        Command::Status => status::run(&client, output).await,
    }
}
