//! Tests of the command, on a small set in a folder.

use std::fmt::Write as _;

use clap::Parser;

use super::*;

/// Writes ratings of 30 users and 20 movies, with times if asked for.
fn set(folder: &Path, has_times: bool) -> PathBuf {
    let mut text = format!("userId,movieId,rating{}\n", if has_times { ",timestamp" } else { "" });
    for number in 0..400_u32 {
        let (user, movie) = (number * 7 % 30, (number * 11 + number / 30) % 20);
        let stars = 1 + (user * movie + number) % 5;
        let time = if has_times { format!(",{}", 1_000 + number * 37) } else { String::new() };
        let _ = writeln!(text, "{user},{movie},{stars}{time}");
    }
    let path = folder.join("ratings.csv");
    std::fs::write(&path, text).expect("written");
    path
}

fn args(line: &[&str]) -> Result<EvaluateArgs, clap::Error> {
    #[derive(Debug, Parser)]
    struct Program {
        #[arg(long, global = true)]
        json: bool,
        #[command(flatten)]
        args: EvaluateArgs,
    }
    Program::try_parse_from(std::iter::once(&"evaluate").chain(line)).map(|Program { json: _, args }| args)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_judges_and_writes_json_and_both_reports() {
    let folder = tempfile::tempdir().expect("a folder");
    let (set, json) = (set(folder.path(), true), folder.path().join("result.json"));
    let report = folder.path().join("report");
    let line = [
        set.to_str().expect("UTF-8"),
        json.to_str().expect("UTF-8"),
        "--json",
        "--report",
        report.to_str().expect("UTF-8"),
        "--algorithm",
        "map",
        "--factors",
        "2",
        "--sweeps",
        "4",
        "--seeds",
        "2",
        "--folds",
        "3",
    ];
    run(args(&line).expect("arguments"), Output::detect(Format::Json)).await.expect("judged");
    let text = std::fs::read_to_string(&json).expect("a result");
    let result: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let arms: Vec<&str> =
        result["arms"].as_array().expect("arms").iter().filter_map(|row| row["arm"].as_str()).collect();
    assert_eq!(arms, ["prequential", "prequential", "retrained", "temporal", "folds"]);
    assert_eq!(result["seeds"], serde_json::json!([1, 2]));
    assert_eq!(result["parameters"]["factors"], 2);
    for file in ["report.html", "report.md"] {
        assert!(std::fs::metadata(report.join(file)).expect("a report").len() > 1_000, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_judged_is_wrong_usage_that_names_the_argument() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = set(folder.path(), false);
    let set = set.to_str().expect("UTF-8");
    let cases: [(&[&str], &str); 4] = [
        (&[set, "--arms", "folds,temporal"], "--arms: temporal needs ratings with times"),
        (&[set, "--factors", "500"], "--factors: is out of range; give 1 to 128"),
        (&[set, "--sweeps", "5", "--burn-in", "5"], "--burn-in: is out of range; give less than sweeps"),
        (&[set, "--set", "tracking.url=mlflow"], "tracking.url"),
    ];
    for (line, words) in cases {
        let refused = run(args(line).expect("arguments"), Output::detect(Format::Json)).await.expect_err(words);
        assert!(
            matches!(refused.downcast_ref::<Error>(), Some(Error::Usage(why)) if why.contains(words)),
            "{refused:#}"
        );
    }
    for line in [
        &["x", "--holdout", "0.7"][..],
        &["x", "--seeds", "0"],
        &["x", "--folds", "1"],
        &["x", "--arms", "none"],
        &["x", "out.json"],
    ] {
        assert!(args(line).is_err(), "{line:?}");
    }
}

#[test]
fn fewer_sweeps_shorten_what_was_left_out() {
    let plan = plan(&args(&["x", "--sweeps", "10"]).expect("arguments")).expect("a plan");
    assert_eq!((plan.algorithm, plan.parameters.burn_in, plan.parameters.samples), (Algorithm::Bayes, 5, 5));
    assert!(plan.arms.is_empty() && plan.has_curve && plan.seeds == 3);
    let two = args(&["x", "--arms", "folds,retrained"]).expect("arguments");
    assert_eq!(two.arms, [ArmName::Folds, ArmName::Retrained]);
}
