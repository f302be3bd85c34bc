//! The command line as a client of the public APIs: its commands, output and errors.
//!
//! This crate knows the wire contracts and nothing of the servers behind them, so that other
//! programs can offer the same commands. A program flattens [`ClientArgs`] and [`Command`] into its
//! own parser, reads the command line with [`parse`] and ends with [`finish`].
//!
//! Data goes to standard output, everything else to standard error. `--json` prints one JSON
//! document, or one line of JSON for each update where a command streams. `--csv` prints the table
//! of a command that prints one. Exit codes: 0 done, 1 failed, 64 wrong usage, 65 imported without
//! some rows that were rejected.

mod addresses;
mod catalog;
mod client;
mod command_line;
mod csv;
mod duel;
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
pub mod rollout;
mod route;
mod status;
#[cfg(test)]
mod testing;
pub mod train;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use marquee_kit::ClientSettings;
use marquee_kit::settings::Validate;

pub use addresses::RoleAddress;
pub use client::{Api, Client};
pub use command_line::{explain_usage, parse};
pub use csv::Csv;
pub use error::{DATA, Error, USAGE, one_line};
pub use output::{Format, Human, Output, Show, Table, counted, stars, thousands};
pub use status::Service;

/// The address of the gRPC API unless the command line names another one.
pub const DEFAULT_GRPC: &str = "http://127.0.0.1:7070";

/// Arguments that every client command takes.
#[derive(Debug, Clone, Args)]
pub struct ClientArgs {
    /// The fleet's gRPC address, with or without `http://`. [default: http://127.0.0.1:7070]
    #[arg(long, global = true, env = "MARQUEE_GRPC", value_name = "URL")]
    pub grpc: Option<String>,
    /// The addresses of roles that listen at addresses of their own, for example
    /// `ingest=http://HOST:7070,inference=http://HOST:7071`. Other roles are called at `--grpc`.
    #[arg(long, global = true, env = "MARQUEE_ADDRESSES", value_name = "ROLE=URL", value_delimiter = ',')]
    pub addresses: Vec<RoleAddress>,
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print the table of the command as CSV, with a header line. Numbers are not rounded.
    #[arg(long, global = true, conflicts_with = "json")]
    pub csv: bool,
    /// Whom to trust, and who is calling.
    #[command(flatten)]
    pub identity: IdentityArgs,
}

/// Whom to trust at addresses that begin with `https://`, and who is calling.
#[derive(Debug, Clone, Default, Args)]
pub struct IdentityArgs {
    /// Certificates of the authorities to trust at https:// addresses, in PEM, instead of those of
    /// this machine.
    #[arg(long, global = true, env = "MARQUEE_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Certificate to show to the fleet, in PEM.
    #[arg(long, global = true, env = "MARQUEE_CERT_FILE", value_name = "FILE")]
    pub cert_file: Option<PathBuf>,
    /// Private key of the certificate, in PEM.
    #[arg(long, global = true, env = "MARQUEE_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// File with the token that the fleet asks for.
    #[arg(long, global = true, env = "MARQUEE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

impl IdentityArgs {
    fn settings(&self) -> Result<ClientSettings, Error> {
        let path = |given: &Option<PathBuf>| given.clone().unwrap_or_default();
        let settings = ClientSettings {
            ca_file: path(&self.ca_file),
            cert_file: path(&self.cert_file),
            key_file: path(&self.key_file),
            token_file: path(&self.token_file),
        };
        settings.validate().map_err(|invalid| Error::Usage(invalid.to_string()))?;
        Ok(settings)
    }
}

impl ClientArgs {
    /// Returns the client of the fleet that these arguments name.
    ///
    /// # Errors
    /// An address is not valid, or a file cannot be used.
    fn client(&self) -> Result<Client, Error> {
        let settings = self.identity.settings()?;
        Client::connect_or_default(self.grpc.as_deref(), &settings)?.with_roles(&self.addresses, &settings)
    }

    /// Returns the output that these arguments ask for.
    pub fn output(&self) -> Output {
        Output::detect(match (self.json, self.csv) {
            (true, _) => Format::Json,
            (false, true) => Format::Csv,
            (false, false) => Format::Human,
        })
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
    /// Compare the versions of a model on the ratings that arrived.
    Duel(duel::DuelArgs),
    /// Show or change which model version answers which users.
    Route(route::RouteArgs),
    /// Start, steer, watch and simulate rollouts of model versions.
    Rollout(rollout::RolloutArgs),
    /// Show the fleet's services, models and routes.
    Status,
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

/// Runs one command against the fleet that `args` name. `services` are the names of its roles.
///
/// # Errors
/// The fleet cannot be reached, refuses the call, or the command's outcome is a failure.
pub async fn run(command: Command, args: &ClientArgs, services: &[Service]) -> Result<(), Error> {
    let (client, output) = (args.client()?, args.output());
    match command {
        Command::Import(args) => import::run(args, &client, output).await,
        Command::Rate(args) => rate::run(args, &client, output).await,
        Command::Predict(args) => predict::run(args, &client, output).await,
        Command::Recommend(args) => recommend::run(args, &client, output).await,
        Command::Explain(args) => explain::run(args, &client, output).await,
        Command::Train(args) => train::run(args, &client, output).await,
        Command::Models(args) => models::run(args, &client, output).await,
        Command::Features(args) => features::run(args, &client, output).await,
        Command::Duel(args) => duel::run(args, &client, output).await,
        Command::Route(args) => route::run(args, &client, output).await,
        Command::Rollout(args) => rollout::run(args, &client, output).await,
        Command::Status => status::run(&client, services, output).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::command_line::exit_code;
    use super::*;

    /// A program with the client's commands only.
    #[derive(Debug, Parser)]
    #[command(name = "marquee", version, propagate_version = true, arg_required_else_help = true)]
    struct Program {
        #[command(flatten)]
        client: ClientArgs,
        #[command(subcommand)]
        command: Command,
    }

    fn read(line: &str) -> Result<Program, clap::Error> {
        Program::try_parse_from(std::iter::once("marquee").chain(line.split_whitespace()))
    }

    #[test]
    fn the_arguments_of_all_commands_are_consistent() {
        Program::command().debug_assert();
    }

    #[test]
    fn what_is_typed_wrong_ends_with_64_and_names_what_is_expected() {
        for (line, part) in [
            ("", "Usage:"),
            ("--nope", "--nope"),
            ("predictt", "predict"),
            ("predict ann", "MOVIE"),
            ("rate ann m", "RATING"),
            ("rate ann m high", "'high'"),
            ("rate ann m 4 --at yesterday", "RFC 3339"),
            ("rate ann --remove-user --at 5", "--at"),
            ("train --algorithm magic", "bayes"),
            ("models load ratings first", "'first'"),
            ("route set --stable 1 --candidate 2=101", "0 to 100 percent"),
            ("duel --between 1", "2 values required"),
            ("import", "PATH"),
            ("import x.csv --batch 0", "1..=10000"),
            ("import x.csv --timeout 0", "--timeout"),
            ("features show", "--user"),
            ("features backfill --as-of soon", "'soon'"),
            ("rollout", "Usage:"),
            ("rollout start", "<FILE>"),
            ("rollout start a.toml --version 0", "'0'"),
            ("status --addresses http://a:1", "ROLE=URL"),
            ("status --addresses ingest=a:1,store=b:1", "'store' is not a role"),
            ("rollout start a.toml --version 2 --follow-latest", "cannot be used with"),
        ] {
            let error = read(line).expect_err(line);
            assert_eq!(exit_code(&error), USAGE, "{line}");
            assert!(error.to_string().contains(part), "{line}: no {part} in {error}");
        }
    }

    #[test]
    fn help_and_version_end_with_0() {
        for line in ["--help", "--version", "help train", "route set --help"] {
            assert_eq!(exit_code(&read(line).expect_err(line)), 0, "{line}");
        }
    }

    #[test]
    fn the_address_and_the_format_may_stand_before_or_after_the_command() {
        for line in ["--json --grpc http://a:1 status", "status --grpc http://a:1 --json"] {
            let program = read(line).expect(line);
            assert_eq!((program.client.grpc.as_deref(), program.client.json), (Some("http://a:1"), true));
            assert_eq!(program.client.output().format(), Format::Json);
            assert!(matches!(program.command, Command::Status));
        }
        assert_eq!(read("--csv models").expect("arguments").client.output().format(), Format::Csv);
    }

    #[tokio::test]
    async fn roles_may_have_addresses_of_their_own() {
        let line = "status --grpc a:1 --addresses ingest=b:1,inference=http://c:1 --addresses trainer=d:1";
        let client = read(line).expect("arguments").client.client().expect("valid addresses");
        let addresses = ["ingest", "inference", "trainer", "monitor"].map(|role| client.address_of(role).to_owned());
        assert_eq!(addresses, ["http://b:1", "http://c:1", "http://d:1", "http://a:1"]);
        let wrong = read("status --addresses ingest=nonsense").expect("arguments").client.client();
        assert!(wrong.expect_err("no address").line().contains("'nonsense'"));
    }

    #[tokio::test]
    async fn a_key_needs_its_certificate() {
        let program = read("status --key-file key.pem").expect("arguments");
        let error = run(Command::Status, &program.client, &[]).await.expect_err("half an identity");
        assert_eq!(error.exit_code(), USAGE);
        assert!(error.line().contains("cert_file"), "{}", error.line());
    }

    #[tokio::test]
    async fn an_address_that_is_not_valid_is_wrong_usage() {
        for address in ["nonsense", "ftp://fleet:1", "http://", "fleet:port"] {
            let identity = IdentityArgs::default();
            let (grpc, addresses) = (address.to_owned(), Vec::new());
            let args = ClientArgs { grpc: Some(grpc), addresses, json: false, csv: false, identity };
            let error = run(Command::Status, &args, &[]).await.expect_err(address);
            assert_eq!(error.exit_code(), USAGE, "{address}");
            assert!(error.line().contains("http://HOST:PORT"), "{}", error.line());
        }
    }
}
