//! Reads the command line of a program that offers the client's commands beside its own.
//!
//! The flags of the client may stand before or after the command. The address of the fleet and the
//! like mean something to the client's commands only: the others do not offer them.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Parser, Subcommand};

use crate::error::USAGE;
use crate::{ClientArgs, Command};

/// The commands that print one table, which `--csv` offers.
const TABLES: [&str; 15] = [
    "predict",
    "recommend",
    "explain",
    "train list",
    "models",
    "models load",
    "features list",
    "features show",
    "features check",
    "duel",
    "route",
    "route show",
    "route status",
    "route set",
    "rollout list",
];

/// The commands of other crates that call a fleet.
const CALL_FLEET: [&str; 1] = ["collect"];

/// Reads the command line. Help and version are printed and end with 0, mistakes are printed and
/// end with 64. The `silent` commands print no results, so their help does not offer `--json`.
pub fn parse<P, I, T>(arguments: I, silent: &[&str]) -> Result<P, ExitCode>
where
    P: Parser,
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments = arguments.into_iter().map(Into::into).collect();
    try_parse(arguments, silent).map_err(|error| explain_usage(&error))
}

/// Prints why a command line was not read: help, version, or what is wrong with it. Returns the
/// exit code, which is 0 for help and version and 64 for mistakes.
pub fn explain_usage(error: &clap::Error) -> ExitCode {
    // Nobody can be told when standard error is closed.
    let _ = error.print();
    ExitCode::from(exit_code(error))
}

fn try_parse<P: Parser>(arguments: Vec<OsString>, silent: &[&str]) -> Result<P, clap::Error> {
    let mut command = without_csv(without_json(without_connection(P::command()), silent));
    let mut matches = command.try_get_matches_from_mut(flags_behind_command(arguments))?;
    if let Some(why) = csv_conflict(&matches) {
        return Err(command.error(ErrorKind::ArgumentConflict, why));
    }
    P::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

pub(crate) fn exit_code(error: &clap::Error) -> u8 {
    if error.exit_code() == 0 { 0 } else { USAGE }
}

/// Returns the flags by which a client finds a fleet: its address and what it shows there.
fn connection_flags() -> Vec<Arg> {
    let client = ClientArgs::augment_args(clap::Command::new("client"));
    client.get_arguments().filter(|flag| flag.get_action().takes_values()).cloned().collect()
}

/// Takes the flags of a connection from the commands that call no fleet. They refuse them, because
/// they would have no effect.
fn without_connection(program: clap::Command) -> clap::Command {
    let client = Command::augment_subcommands(clap::Command::new("client"));
    let calls_fleet =
        |name: &str| CALL_FLEET.contains(&name) || client.get_subcommands().any(|command| command.get_name() == name);
    let names = program.get_subcommands().map(|command| command.get_name().to_owned());
    let others: Vec<String> = names.filter(|name| !calls_fleet(name)).collect();
    others.into_iter().fold(program, |program, name| {
        let why = format!("`{name}` calls no fleet, so this has no effect");
        program.mut_subcommand(name, |command| {
            connection_flags().into_iter().fold(command, |command, flag| command.arg(refused(flag, &why)))
        })
    })
}

/// Hides `--json` where it changes nothing but the form of an error.
fn without_json(program: clap::Command, silent: &[&str]) -> clap::Command {
    let flag = program.get_arguments().find(|flag| flag.get_id() == "json").cloned();
    let Some(flag) = flag.map(|flag| flag.hide(true)) else { return program };
    silent.iter().fold(program, |program, name| program.mut_subcommand(*name, |command| command.arg(flag.clone())))
}

/// Hides `--csv` from commands that print no table.
fn without_csv(program: clap::Command) -> clap::Command {
    let flag = program.get_arguments().find(|flag| flag.get_id() == "csv").cloned();
    let Some(flag) = flag.map(|flag| flag.hide(true)) else { return program };
    let prints_table = |name: &str| TABLES.iter().any(|table| table.split(' ').next() == Some(name));
    let names = program.get_subcommands().map(|command| command.get_name().to_owned());
    let others: Vec<String> = names.filter(|name| !prints_table(name)).collect();
    others.into_iter().fold(program, |program, name| program.mut_subcommand(name, |command| command.arg(flag.clone())))
}

/// Returns why `--csv` cannot be used, if it is there. `clap` itself finds two flags that exclude
/// each other only if they are behind the same command.
fn csv_conflict(matches: &ArgMatches) -> Option<String> {
    let is_set = |flag: &str| matches.try_get_one::<bool>(flag).is_ok_and(|set| set == Some(&true));
    if !is_set("csv") {
        return None;
    }
    if is_set("json") {
        return Some("the argument '--csv' cannot be used with '--json'".to_owned());
    }
    let (mut names, mut inner) = (Vec::new(), matches);
    while let Some((name, next)) = inner.subcommand() {
        names.push(name);
        inner = next;
    }
    let command = names.join(" ");
    let prints_table = TABLES.contains(&command.as_str());
    (!prints_table).then(|| format!("the argument '--csv' cannot be used with `{command}`, which prints no table"))
}

/// Returns a hidden flag that says why it has no effect.
fn refused(flag: Arg, why: &str) -> Arg {
    let why = why.to_owned();
    let refuse = move |_: &str| Err::<String, _>(why.clone());
    // A variable of the environment is meant for other commands.
    let absent: Option<&'static str> = None;
    flag.env(absent).default_value(absent).hide(true).value_parser(refuse)
}

/// Moves the client's flags from before the command to behind it, so that they mean the same in
/// both places.
fn flags_behind_command(arguments: Vec<OsString>) -> Vec<OsString> {
    let valued: Vec<String> =
        connection_flags().iter().filter_map(|flag| Some(format!("--{}", flag.get_long()?))).collect();
    let takes_value = |argument: &OsStr| valued.iter().any(|flag| argument == flag.as_str());
    let has_value = |argument: &OsStr| {
        let text = argument.to_string_lossy();
        text.split_once('=').is_some_and(|(flag, _)| takes_value(OsStr::new(flag)))
    };
    let mut rest = arguments.into_iter().peekable();
    let mut moved: Vec<OsString> = rest.next().into_iter().collect();
    let mut flags = Vec::new();
    let is_form = |argument: &OsStr| argument == "--json" || argument == "--csv";
    while let Some(flag) = rest.next_if(|next| is_form(next) || takes_value(next) || has_value(next)) {
        let takes_value = takes_value(&flag);
        flags.push(flag);
        if takes_value {
            flags.extend(rest.next());
        }
    }
    let is_command = |next: &OsString| next != "help" && !next.to_string_lossy().starts_with('-');
    if !rest.peek().is_some_and(is_command) {
        moved.extend(flags);
        moved.extend(rest);
        return moved;
    }
    // To the end: `train` and `models` take no flag between them and their subcommands.
    let rest: Vec<OsString> = rest.collect();
    let end = rest.iter().position(|argument| argument == "--").unwrap_or(rest.len());
    moved.extend_from_slice(&rest[..end]);
    moved.extend(flags);
    moved.extend_from_slice(&rest[end..]);
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with a command of its own.
    #[derive(Debug, Parser)]
    #[command(name = "marquee", arg_required_else_help = true)]
    struct Program {
        #[command(flatten)]
        client: ClientArgs,
        #[command(subcommand)]
        command: Commands,
    }

    #[derive(Debug, Subcommand)]
    enum Commands {
        Demo(DemoArgs),
        Run,
        #[command(flatten)]
        Client(Command),
    }

    #[derive(Debug, Args)]
    struct DemoArgs {
        #[arg(requires = "json")]
        summary: Option<String>,
    }

    fn read(line: &str) -> Result<Program, clap::Error> {
        let words = std::iter::once("marquee").chain(line.split_whitespace());
        try_parse(words.map(OsString::from).collect(), &["run"])
    }

    #[test]
    fn the_flags_of_the_client_mean_the_same_before_and_behind_the_command() {
        for line in ["--json demo a.json", "demo --json a.json", "demo a.json --json"] {
            let program = read(line).expect(line);
            let Commands::Demo(demo) = program.command else { panic!("{line}") };
            assert_eq!((program.client.json, demo.summary.as_deref()), (true, Some("a.json")), "{line}");
        }
        for line in [
            "--json --grpc http://a:1 route set --stable 1",
            "--grpc=http://a:1 --json route set --stable 1",
            "route --json set --stable 1 --grpc http://a:1",
        ] {
            let program = read(line).expect(line);
            assert_eq!((program.client.json, program.client.grpc.as_deref()), (true, Some("http://a:1")), "{line}");
        }
        assert!(read("--grpc").is_err() && read("--json").is_err() && read("demo a.json").is_err());
        assert_eq!(exit_code(&read("--json help demo").expect_err("help")), 0);
    }

    #[test]
    fn a_command_without_results_offers_no_json_and_still_has_its_errors_as_json() {
        let help = |line| read(line).expect_err("help").to_string();
        assert!(!help("run --help").contains("--json") && help("demo --help").contains("--json"));
        for line in ["run --json", "--json run"] {
            assert!(read(line).expect(line).client.json, "{line}");
        }
        assert!(!read("run").expect("a command").client.json);
    }

    #[test]
    fn csv_is_offered_for_tables_only_and_not_with_json() {
        for line in [
            "--csv models",
            "models --csv",
            "--csv train list",
            "--csv models load ratings 2",
            "route --csv show",
            "features show --user ann --csv",
            "--csv predict ann -- -m",
        ] {
            assert!(read(line).expect(line).client.csv, "{line}");
        }
        for (line, part) in [
            ("models --csv --json", "--json"),
            ("--json route show --csv", "--json"),
            ("route --json show --csv", "--json"),
            ("rate ann m 4 --csv", "`rate`"),
            ("rollout --csv get", "`rollout get`"),
            ("--csv status", "`status`"),
            ("run --csv", "`run`"),
        ] {
            let error = read(line).expect_err(line);
            assert_eq!(exit_code(&error), USAGE, "{line}");
            assert!(error.to_string().contains("--csv") && error.to_string().contains(part), "{line}: {error}");
        }
        let help = |line| read(line).expect_err("help").to_string();
        assert!(help("models --help").contains("--csv") && !help("rate --help").contains("--csv"));
    }

    #[test]
    fn every_command_that_prints_a_table_exists() {
        let program = <Program as clap::CommandFactory>::command();
        for table in TABLES {
            let found = table.split(' ').try_fold(&program, |command, name| command.find_subcommand(name));
            assert!(found.is_some(), "{table}");
        }
    }

    #[test]
    fn a_command_that_calls_no_fleet_offers_no_address_and_refuses_one() {
        let help = |line| read(line).expect_err("help").to_string();
        for flag in ["--grpc", "--addresses"] {
            assert!(!help("demo --help").contains(flag) && help("status --help").contains(flag), "{flag}");
        }
        for line in
            ["demo --grpc http://a:1", "--json --grpc http://a:1 demo", "demo --addresses ingest=a:1,trainer=b:1"]
        {
            let error = read(line).expect_err(line);
            assert_eq!(exit_code(&error), USAGE);
            assert!(error.to_string().contains("`demo` calls no fleet"), "{error}");
        }
    }
}
