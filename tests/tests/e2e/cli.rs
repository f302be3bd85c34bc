//! The command line as people and scripts meet it: exit codes, errors that help, JSON that parses,
//! tables that read.

#[path = "cli/csv.rs"]
mod csv;
#[path = "cli/deploy.rs"]
mod deploy;
#[path = "cli/evaluate.rs"]
mod evaluate;
#[path = "cli/features.rs"]
mod features;
#[path = "cli/import.rs"]
mod import;
#[path = "cli/settings.rs"]
mod settings;

use std::process::{Output, Stdio};

use anyhow::Result;
use marquee_e2e::servers::closed_port;
use marquee_e2e::{DEADLINE, Fleet, World, marquee};
use marquee_proto::ratings::v1::Movie;
use marquee_proto::training::v1::Algorithm;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The product's own `main`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// Runs the program with variables of its own.
async fn run_with(variables: &[(&str, &str)], arguments: &[&str]) -> Result<Output> {
    let variables = variables.iter().map(|(name, value)| format!("{name}={value}"));
    let arguments = arguments.iter().map(|argument| (*argument).to_owned());
    marquee("env", variables.chain(std::iter::once(PROGRAM.to_owned())).chain(arguments)).await
}

/// The command line of one fleet, with a folder of its own for what it remembers.
struct Cli {
    address: String,
    state: TempDir,
}

impl Cli {
    fn of(fleet: &Fleet) -> Result<Self> {
        Ok(Self { address: fleet.address(), state: tempfile::tempdir()? })
    }

    async fn run(&self, arguments: &[&str]) -> Result<Output> {
        let state = self.state.path().display().to_string();
        run_with(&[("XDG_STATE_HOME", &state), ("MARQUEE_GRPC", &self.address)], arguments).await
    }

    /// Standard output of a command that succeeds.
    async fn text(&self, arguments: &[&str]) -> Result<String> {
        let output = self.run(arguments).await?;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The JSON document of a command that succeeds.
    async fn json(&self, arguments: &[&str]) -> Result<Value> {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        Ok(serde_json::from_str(&self.text(&arguments).await?)?)
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Checks a command that fails: nothing on standard output, and every part in what it says.
#[track_caller]
fn fails(output: &Output, code: i32, parts: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(parts.iter().all(|part| error.contains(part)), "not all of {parts:?} in: {error}");
    assert!(!error.contains("panicked"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrong_ends_with_64_and_says_what_to_type() -> Result<()> {
    let cases: [(&[&str], &[&str]); 18] = [
        (&["--nope"], &["--nope"]),
        (&["predictt"], &["predictt", "predict"]),
        (&["predict", "ann"], &["MOVIE"]),
        (&["predict", "ann", "m", "--grpc", "nonsense"], &["'nonsense'", "http://HOST:PORT"]),
        (&["predict", "ann", "m", "--grpc", "ftp://fleet:1"], &["http://HOST:PORT"]),
        (&["status", "--grpc", "http://"], &["http://HOST:PORT"]),
        (&["rate", "ann", "m"], &["RATING"]),
        (&["rate", "ann", "m", "high"], &["'high'"]),
        (&["rate", "ann", "m", "4", "--at", "yesterday"], &["RFC 3339"]),
        (&["rate", "ann", "--remove-user", "--at", "5"], &["--at"]),
        (&["train", "--algorithm", "magic"], &["bias", "map", "bayes"]),
        (&["models", "load", "ratings", "first"], &["'first'"]),
        (&["route", "set", "--stable", "1", "--candidate", "2=101"], &["0 to 100 percent"]),
        (&["route", "set", "--stable", "1", "--candidate", "2=0.001%"], &["two decimals"]),
        (&["route", "set", "--stable", "1", "--candidate", "2=0.1"], &["2=0.1% or 2=10%"]),
        (&["import"], &["PATH"]),
        (&["import", "x.csv", "--batch", "0"], &["1..=10000"]),
        (&["completions", "cobol"], &["bash", "zsh"]),
    ];
    for (arguments, parts) in cases {
        fails(&run_with(&[], arguments).await?, 64, parts);
    }
    fails(&run_with(&[], &[]).await?, 64, &["Usage:", "recommend"]);
    for arguments in [&["--help"][..], &["--version"], &["help", "train"], &["route", "set", "--help"]] {
        let output = run_with(&[], arguments).await?;
        assert!(output.status.success() && !output.stdout.is_empty() && output.stderr.is_empty(), "{arguments:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_ends_with_1_and_says_what_helps() -> Result<()> {
    let nobody = format!("http://127.0.0.1:{}", closed_port()?);
    for arguments in [&["status"][..], &["rate", "ann", "m", "4"], &["train"], &["route", "show"]] {
        let output = run_with(&[("MARQUEE_GRPC", &nobody)], arguments).await?;
        fails(
            &output,
            1,
            &[&format!("no answer from {nobody}"), "Connection refused", "hint:", "marquee up", "--grpc"],
        );
        assert!(!stderr(&output).contains("source:"), "an error for people: {}", stderr(&output));
    }

    let fleet = Fleet::start().await?;
    fleet.clients().add_movies(vec![Movie { movie_id: "m".to_owned(), ..Movie::default() }]).await?;
    let cli = Cli::of(&fleet)?;
    let cases: [(&[&str], &[&str]); 10] = [
        (&["rate", "ann", "m", "9"], &["rating.rating is 9", "[OFF_SCALE]"]),
        (&["rate", "ann", "m", "nan"], &["[NOT_A_NUMBER]"]),
        (&["rate", "", "m", "-1"], &["[EMPTY]", "[OFF_SCALE]"]),
        (&["rate", "ann", "x", "4"], &["[UNKNOWN_MOVIE]", "hint:", "marquee import"]),
        (&["rate", "ann", "m", "4", "--at", "2999-01-01T00:00:00Z"], &["[IN_THE_FUTURE]"]),
        (&["predict", "ann", "m"], &["hint:", "marquee train"]),
        (&["route", "show"], &["hint:", "marquee train"]),
        (&["route", "set", "--stable", "3"], &["version 3", "hint:", "marquee models"]),
        (&["models", "load", "ratings", "3"], &["version 3", "hint:"]),
        (&["train", "watch", "nothing"], &["nothing"]),
    ];
    for (arguments, parts) in cases {
        fails(&cli.run(arguments).await?, 1, parts);
    }
    // Too little to learn from: the run fails, and so does the command that watched it.
    let output = cli.run(&["train", "--algorithm", "bias", "--json"]).await?;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("import at least 20 first"), "{}", stderr(&output));
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_speaks_json_for_machines() -> Result<()> {
    let world = World::new(30, 20, 31);
    let fleet = crate::spine::trained(&world, Algorithm::Map).await?;
    let (cli, clients) = (Cli::of(&fleet)?, fleet.clients());

    let rated = cli.json(&["rate", "ann", "movie-2", "5", "--at", "2024-05-01T12:30:00Z"]).await?;
    let expected = [&rated["action"], &rated["user"], &rated["movie"], &rated["rating"], &rated["rated_at"]];
    assert_eq!(json!(expected), json!(["rated", "ann", "movie-2", 5.0, "2024-05-01T12:30:00Z"]));
    let position = serde_json::from_value(json!({"partition": rated["partition"], "offset": rated["offset"]}))?;
    assert_eq!(clients.user("ann", &[position]).await?.history.len(), 1);

    let predicted = cli.json(&["predict", "ann", "movie-4", "nobody-knows"]).await?;
    let answer = clients.predict("ann", &["movie-4"], &[]).await?;
    let (shown, unknown) = (&predicted["predictions"][0], &predicted["predictions"][1]);
    assert_eq!((shown["movie"].as_str(), shown["title"].as_str()), (Some("movie-4"), Some("Movie 4")));
    let near = |value: &Value, expected: f64| value.as_f64().is_some_and(|value| (value - expected).abs() < 1e-9);
    assert!(near(&shown["rating"], answer.predictions[0].rating), "{predicted}");
    assert!(near(&shown["spread"], answer.predictions[0].spread), "{predicted}");
    assert_eq!((&shown["unknown_movie"], &unknown["unknown_movie"]), (&json!(false), &json!(true)));
    let provenance = ["model", "version", "variant", "degraded", "history_version"].map(|key| &predicted[key]);
    let history = answer.provenance.expect("provenance").history_version;
    assert_eq!(json!(provenance), json!(["ratings", 1, "stable", false, history]));
    assert_eq!(predicted["freshness"]["event_time"], "2024-05-01T12:30:00Z");

    let recommended = cli.json(&["recommend", "ann", "-n", "3", "--genre", "Comedy"]).await?;
    let list = recommended["recommendations"].as_array().expect("a list");
    assert_eq!(list.len(), 3);
    assert!(list.iter().all(|one| one["genres"] == json!(["Comedy"]) && one["movie"] != "movie-2"), "{recommended}");
    let unknown = ["recommend", "ann", "--genre", "comedy"];
    fails(&cli.run(&unknown).await?, 1, &["no movie of the catalog has the genre 'comedy'", "did you mean 'Comedy'?"]);
    let explained = cli.json(&["explain", "ann", "movie-4"]).await?;
    assert_eq!(explained["reasons"].as_array().map(Vec::len), Some(1), "{explained}");
    assert_eq!((&explained["reasons"][0]["movie"], &explained["title"]), (&json!("movie-2"), &json!("Movie 4")));

    // Training streams a line an update.
    let lines = cli.text(&["train", "--algorithm", "bias", "--json"]).await?;
    let lines: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let last = lines.last().expect("a line");
    assert_eq!(json!([last["state"], last["version"], last["algorithm"]]), json!(["succeeded", 2, "bias"]));
    assert!(last["metrics"]["rmse"].as_f64().is_some_and(|rmse| rmse > 0.0), "{last}");
    let runs = cli.json(&["train", "list"]).await?;
    assert_eq!(runs.as_array().map(Vec::len), Some(2));
    assert_eq!(runs[0]["id"], last["id"], "newest first");
    let detached = cli.json(&["train", "--algorithm", "bias", "--detach"]).await?;
    let watched = cli.text(&["train", "watch", detached["id"].as_str().expect("an id"), "--json"]).await?;
    let ended: Value = serde_json::from_str(watched.lines().last().expect("a line"))?;
    assert_eq!((&ended["state"], &ended["version"]), (&json!("succeeded"), &json!(3)));

    let loaded = cli.json(&["models", "load", "ratings", "2"]).await?;
    assert_eq!(
        (&loaded["state"], &loaded["verified"], &loaded["digest"]),
        (&json!("ready"), &json!(true), &last["digest"])
    );
    cli.json(&["models", "load", "ratings", "3"]).await?;
    let models = cli.json(&["models"]).await?;
    let versions: Vec<_> =
        models.as_array().expect("a list").iter().map(|one| (&one["version"], &one["weight"])).collect();
    assert_eq!(json!(versions), json!([[1, 10_000], [2, 0], [3, 0]]));
    assert_eq!(cli.json(&["models", "other"]).await?, json!([]));

    let set = ["route", "set", "--stable", "1", "--candidate", "2=12.5%", "--candidate", "3=34bp"];
    let route = cli.json(&set).await?;
    assert_eq!(
        route["candidates"],
        json!([{"version": 2, "weight": 1_250, "percent": 12.5}, {"version": 3, "weight": 34, "percent": 0.34}])
    );
    assert_eq!(cli.json(&["route", "show"]).await?, route);
    assert_eq!(cli.json(&["route"]).await?, route, "alone it shows the default model");
    let instance = cli.json(&["route", "status", "ratings"]).await?;
    assert_eq!(
        (&instance["models"][0]["model"], &instance["models"][0]["wanted"]["stable"]),
        (&json!("ratings"), &json!(1))
    );
    fails(&cli.run(&["route", "set", "--stable", "2", "--expect-revision", "1"]).await?, 1, &["hint:", "route show"]);

    let status = cli.json(&["status"]).await?;
    let services: Vec<_> = status["services"].as_array().expect("a list").iter().map(|one| &one["state"]).collect();
    assert_eq!(json!(services), json!(vec!["serving"; 6]));
    assert_eq!((&status["feature_lag"], &status["routes"][0]), (&json!(0), &route));
    assert_eq!(status["models"].as_array().map(Vec::len), Some(3));

    assert_eq!(cli.json(&["rate", "--remove", "ann", "movie-2"]).await?["action"], "removed");
    assert_eq!(cli.json(&["rate", "--remove-user", "ann"]).await?["action"], "removed_user");
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_name_titles_and_nothing_in_them_steers_the_terminal() -> Result<()> {
    let world = World::new(30, 20, 32);
    let fleet = crate::spine::trained(&world, Algorithm::Map).await?;
    let evil = Movie { movie_id: "evil".to_owned(), title: "\u{1b}[31mRed\nfacts".to_owned(), ..Movie::default() };
    fleet.clients().add_movies(vec![evil]).await?;
    let cli = Cli::of(&fleet)?;
    let user = world.user(0);
    let user = user.as_str();
    let cases: [(&[&str], &[&str]); 8] = [
        (&["predict", user, "movie-4", "evil"], &["TITLE", "Movie 4", "★", "±", "[31mRed facts", "not in the model"]),
        (&["recommend", user, "-n", "2"], &["TITLE", "Movie ", "Comedy"]),
        (&["explain", user, "movie-4"], &["Movie 4: ", "without any ratings", "BECAUSE OF", "Movie "]),
        (&["models"], &["ratings", "ready", "map", "100%", "yes"]),
        (&["route", "show"], &["VARIANT", "stable", "100%"]),
        (&["status"], &["feature-store", "serving", "up to date with the log", "route of ratings"]),
        (&["train", "list"], &["ALGORITHM", "succeeded"]),
        (&["rate", user, "movie-4", "4"], &[user, "movie-4", "partition", "offset"]),
    ];
    for (arguments, parts) in cases {
        let text = cli.text(arguments).await?;
        assert!(parts.iter().all(|part| text.contains(part)), "not all of {parts:?} in:\n{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    // A reader that has read enough closes the pipe. That is no failure, and nothing is printed.
    for arguments in [&["models"][..], &["completions", "bash"], &["config"], &["train", "list", "--json"]] {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let mut command = tokio::process::Command::new(PROGRAM);
        command.args(arguments).env("MARQUEE_GRPC", &cli.address).stdout(writer).stdin(Stdio::null());
        let child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await??;
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{arguments:?}");
    }
    fleet.stop().await;
    Ok(())
}
