//! Tests of the command, on small files.

use clap::Parser;
use marquee_cli::{Format, USAGE};

use super::*;

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    args: PrepareArgs,
}

fn args(line: &[&str]) -> PrepareArgs {
    Program::try_parse_from(std::iter::once(&"prepare").chain(line)).expect("arguments").args
}

/// Runs the command, and returns its exit code and what it says about a failure.
async fn ended(line: &[&str]) -> (u8, String) {
    match run(args(line), Output::detect(Format::Json)).await {
        Ok(()) => (0, String::new()),
        Err(error) => {
            let why = format!("{error:#}");
            (Error::Other(error).exit_code(), why)
        }
    }
}

const RATINGS: &str = "userId,movieId,rating,timestamp\n1,10,4.5,964982703\n1,10,3.0,964982704\n2,10,x,964982705\n";

const PLAN: &str = "version = 1\n[[steps]]\ndoes = 'deduplicate'\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_carried_out_and_what_is_wrong_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let file = |name: &str, text: &str| {
        std::fs::write(path(name), text).expect("written");
        path(name)
    };
    let (set, plan, out) = (file("a.csv", RATINGS), file("plan.toml", PLAN), path("out"));
    assert_eq!(ended(&[&plan, &set, "--dry-run"]).await, (0, String::new()));
    assert!(!folder.path().join("out").exists(), "nothing is written");
    assert_eq!(ended(&[&plan, &set, "--out", &out]).await, (0, String::new()));
    let report = std::fs::read_to_string(folder.path().join("out/_report.md")).expect("a report");
    assert!(report.contains("| 1. deduplicate | deduplicate | 2 | 1 | 1 | 1 | 1 |"), "{report}");

    let bad = file("bad.toml", &PLAN.replace("deduplicate'", "deduplicate'\nkeep = 'best'"));
    let strict = file("strict.toml", "version = 1\n[[steps]]\ndoes = 'minimum_counts'\nusers = 9\n");
    let none = file("none.csv", "user,movie,rating\n1,1,x\n");
    let absent = path("absent.toml");
    let [set, plan, out, bad, strict, none, absent] =
        [&set, &plan, &out, &bad, &strict, &none, &absent].map(String::as_str);
    for (line, code, words) in [
        (&[plan, set, "--out", out][..], USAGE, "--out: "),
        (&[bad, set, "--dry-run"], USAGE, "bad.toml: step 1 (deduplicate), keep: unknown variant `best`"),
        (&[strict, set, "--dry-run"], USAGE, "PLAN: step 1 (minimum_counts): no rating is left of 2"),
        (&[plan, none, "--dry-run"], USAGE, "PATH: none has no ratings"),
        (&[plan, set, "--dry-run", "--map-scale", "0..10"], USAGE, "--map-scale: "),
        (&[absent, set, "--dry-run"], 1, "could not read the plan"),
    ] {
        let (ended, why) = ended(line).await;
        assert!(ended == code && why.contains(words), "{line:?}: {ended}, {why}");
    }
    assert_eq!(ended(&[plan, set, "--out", out, "--replace"]).await, (0, String::new()));
    assert_eq!(ended(&["--example"]).await, (0, String::new()));
}

#[test]
fn a_plan_needs_a_set_and_a_folder() {
    for line in [&["prepare", "plan.toml"][..], &["prepare", "plan.toml", "a.csv"], &["prepare"]] {
        assert!(Program::try_parse_from(line).is_err(), "{line:?}");
    }
}

#[test]
fn what_is_printed_has_each_step_with_its_reasons() {
    let dataset = marquee_datasets::open_bytes("a.csv", RATINGS.into(), marquee_datasets::Options::default());
    let plan = Plan::parse(PLAN).expect("a plan");
    let prepared = marquee_prepare::prepare(&dataset.expect("a set"), plan, &()).expect("prepared");
    let done = Done { folder: None, report: prepared.report().clone() };
    let Human::Table(table) = done.human() else { panic!("no table") };
    let printed = table.print(false);
    assert!(printed.contains("deduplicate") && printed.contains("the user has another rating"), "{printed}");
    let summary = done.summary();
    assert!(summary.starts_with("1 of 2 ratings are left and nothing is written; left out: 1 row"), "{summary}");
}
