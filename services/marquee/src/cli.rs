//! The whole command line: the client's commands, and those that run a fleet in this process.

use clap::{ArgMatches, Args as _, CommandFactory, FromArgMatches, Parser, Subcommand};
use marquee_cli::{ClientArgs, Error, Output};
use marquee_role::Entry;

use crate::arguments::{ConfigArgs, DemoArgs, FleetArgs};
use crate::commands::{self, collect, data, evaluate, explore, keys, prepare, rekey, tune, validate};
use crate::roles::{self, ROLES};

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
    Up(FleetArgs),
    /// Run every step of the fleet on MovieLens 100K and show the results.
    Demo(DemoArgs),
    #[command(flatten)]
    Role(RoleCommand),
    #[command(flatten)]
    Client(marquee_cli::Command),
    /// Show the effective settings and where each one comes from.
    Config(ConfigArgs),
    /// Make or inspect the keys that sign models.
    Keys(keys::KeysArgs),
    /// Copy the topics of Kafka to new ones, for another number of partitions.
    Rekey(rekey::RekeyArgs),
    /// Make versions of data sets, compare them, and copy them to and from a remote, as DVC does.
    Data(data::DataArgs),
    /// Collect new ratings and movies from databases, APIs, files, logs and topics of others.
    Collect(collect::CollectArgs),
    /// Show what is in a data set: distributions, activity, outliers, and how it changes over time.
    Explore(Box<explore::ExploreArgs>),
    /// Carry out a plan of steps on a data set: duplicates, outliers, scales, features, splits.
    Prepare(Box<prepare::PrepareArgs>),
    /// Judge a model on a data set: by folds and by time, with several seeds.
    Evaluate(Box<evaluate::EvaluateArgs>),
    /// Search for the best parameters of a model on a data set, and judge them on other ratings.
    Tune(Box<tune::TuneArgs>),
    /// Validate a data set with a suite of expectations, as Great Expectations does.
    Validate(Box<validate::ValidateArgs>),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// A command that runs one role. There is one for each line in the table of roles.
#[derive(Debug)]
struct RoleCommand {
    role: Entry,
    args: FleetArgs,
}

impl Subcommand for RoleCommand {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        ROLES.iter().fold(command, |command, role| {
            command.subcommand(FleetArgs::augment_args(clap::Command::new(role.name)).about(role.about))
        })
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        roles::role(name).is_some()
    }
}

impl FromArgMatches for RoleCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let found = matches.subcommand().and_then(|(name, args)| Some((roles::role(name)?, args)));
        let (role, args) = found.ok_or_else(|| clap::Error::new(clap::error::ErrorKind::InvalidSubcommand))?;
        Ok(Self { role, args: FleetArgs::from_arg_matches(args)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Returns the commands that print no results: those that run a fleet, and the completion scripts.
pub(crate) fn silent() -> Vec<&'static str> {
    ROLES.iter().map(|role| role.name).chain(["up", "completions"]).collect()
}

/// Runs the command that was typed.
pub(crate) async fn run(cli: Cli) -> Result<(), Error> {
    let output = cli.client.output();
    let ended = match cli.command {
        Command::Client(command) => return marquee_cli::run(command, &cli.client, &services()).await,
        Command::Completions { shell } => completions(shell, output),
        Command::Up(args) => Box::pin(commands::up(args)).await,
        Command::Demo(args) => Box::pin(crate::demo::run(args, output)).await,
        Command::Role(RoleCommand { role, args }) => commands::role(role, args).await,
        Command::Config(args) => commands::config(args, output),
        Command::Keys(args) => keys::run(args, output),
        Command::Rekey(args) => rekey::run(args, output).await,
        Command::Data(args) => data::run(args, output).await,
        Command::Collect(args) => collect::run(args, &cli.client, output).await,
        Command::Explore(args) => explore::run(*args, output).await,
        Command::Prepare(args) => prepare::run(*args, output).await,
        Command::Evaluate(args) => evaluate::run(*args, output).await,
        Command::Tune(args) => tune::run(*args, output).await,
        Command::Validate(args) => validate::run(*args, output).await,
    };
    ended.map_err(Error::Other)
}

/// Returns the services that `marquee status` asks for.
fn services() -> Vec<marquee_cli::Service> {
    ROLES.iter().map(|role| marquee_cli::Service { role: role.name, health: role.health }).collect()
}

fn completions(shell: clap_complete::Shell, output: Output) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "marquee", &mut script);
    Ok(output.text(&String::from_utf8_lossy(&script))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_all_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_silent_command_exists() {
        let cli = Cli::command();
        for name in silent() {
            assert!(cli.find_subcommand(name).is_some(), "{name}");
        }
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

    #[test]
    fn every_role_of_the_table_is_a_command() {
        let help = Cli::command().render_long_help().to_string();
        for role in ROLES {
            let cli = Cli::try_parse_from(["marquee", role.name, "--set", "shutdown=3s"]).expect("a command");
            let Command::Role(command) = cli.command else { panic!("{} is not a role", role.name) };
            assert_eq!((command.role.name, command.args.layers.set.len()), (role.name, 1));
            assert!(help.contains(role.about), "{help}");
            let listens =
                ["marquee", role.name, "--data-dir", "/d", "--grpc-listen", "[::1]:0", "--http-listen", "[::1]:0"];
            Cli::try_parse_from(listens).expect("the arguments of every fleet");
        }
        assert!(Cli::try_parse_from(["marquee", "nothing"]).is_err());
    }
}
