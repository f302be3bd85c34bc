//! Tests of the whole command, on a small set in a folder.

use std::fmt::Write as _;

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    args: TuneArgs,
}

fn args(line: &[&str]) -> TuneArgs {
    Program::try_parse_from(std::iter::once(&"tune").chain(line)).expect("arguments").args
}

/// Writes the ratings of 30 users and 20 movies.
fn set(folder: &Path) -> PathBuf {
    let mut text = "userId,movieId,rating,timestamp\n".to_owned();
    for number in 0..400_u32 {
        let (user, movie) = (number * 7 % 30, (number * 11 + number / 30) % 20);
        let _ = writeln!(text, "{user},{movie},{},{}", 1 + (user * movie + number) % 5, 1_000 + number * 37);
    }
    let path = folder.join("ratings.csv");
    std::fs::write(&path, text).expect("written");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_writes_a_study_and_a_report_and_continues_the_search() {
    let folder = tempfile::tempdir().expect("a folder");
    let (set, out) = (set(folder.path()), folder.path().join("out"));
    let space = folder.path().join("space.toml");
    std::fs::write(&space, "[parameters.factors]\ntype='int'\nlow=1\nhigh=4\n").expect("written");
    let run_with = |trials: &'static str| {
        let line = [
            set.to_str().expect("UTF-8"),
            "--space",
            space.to_str().expect("UTF-8"),
            "--out",
            out.to_str().expect("UTF-8"),
            "--inner",
            "1",
            "--trials",
            trials,
        ];
        run(args(&line), Output::detect(marquee_cli::Format::Json))
    };
    let trials = || {
        std::fs::read_to_string(out.join("fold-1.jsonl")).expect("a study").matches("\"state\":\"complete\"").count()
    };
    run_with("2").await.expect("searches");
    let page = std::fs::read_to_string(out.join("report.html")).expect("a report");
    assert!(page.contains("Tuning map on ratings") && page.contains("2 complete"), "{page}");
    let first = trials();
    run_with("4").await.expect("continues");
    assert!(first > 0 && trials() > first, "the second run adds to the study of the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_without_ratings_is_wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ratings.csv");
    std::fs::write(&path, "userId,movieId,rating\n1,1,44\n").expect("written");
    let out = folder.path().join("out");
    let line = [path.to_str().expect("UTF-8"), "--out", out.to_str().expect("UTF-8")];
    let refused = run(args(&line), Output::detect(marquee_cli::Format::Json)).await.expect_err("no ratings");
    assert!(
        matches!(refused.downcast_ref::<Error>(), Some(Error::Usage(why)) if why.contains("--scale")),
        "{refused:#}"
    );
}
