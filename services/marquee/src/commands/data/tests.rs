//! Tests of the command, in temporary folders.

use clap::Parser;
use marquee_cli::Format;

use super::*;

async fn data(here: &Path, line: &[&str]) -> Result<()> {
    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        args: DataArgs,
    }
    let args = Program::try_parse_from(std::iter::once(&"data").chain(line)).expect("arguments").args;
    run_in(here, args, Output::detect(Format::Json)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_set_is_pushed_pulled_and_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, there) = (&folder.path().join("here"), &folder.path().join("there"));
    for workspace in [here, there] {
        std::fs::create_dir(workspace).expect("a folder");
    }
    data(here, &["init", "--remote", "../store"]).await.expect("a repository");
    std::fs::create_dir(here.join("raw")).expect("a folder");
    std::fs::write(here.join("raw/ratings.csv"), "user,movie,rating\n").expect("written");
    for line in [&["snapshot", "raw"][..], &["list"], &["diff"], &["push"]] {
        data(here, line).await.unwrap_or_else(|error| panic!("{line:?}: {error:#}"));
    }
    data(there, &["init"]).await.expect("a repository");
    std::fs::copy(here.join("raw.dvc"), there.join("raw.dvc")).expect("copied");
    assert!(folder.path().join("store/files/md5").is_dir(), "a folder is where it was typed");
    data(there, &["pull", "--remote", "../store"]).await.expect("pulled");
    let restored = || std::fs::read_to_string(there.join("raw/ratings.csv")).expect("a file");
    assert_eq!(restored(), "user,movie,rating\n");
    std::fs::write(there.join("raw/ratings.csv"), "mine").expect("written");
    let refused = data(there, &["checkout", "raw"]).await.expect_err("refused").to_string();
    assert!(refused.contains("no version has") && refused.contains("--force"), "{refused}");
    data(there, &["checkout", "raw", "--force"]).await.expect("forced");
    assert_eq!(restored(), "user,movie,rating\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrong_is_wrong_usage() {
    let nowhere = tempfile::tempdir().expect("a folder");
    let usage = |error: anyhow::Error, words: &str| match error.downcast_ref::<Error>() {
        Some(Error::Usage(why)) => assert!(why.contains(words), "{why}"),
        _ => panic!("no wrong usage: {error:#}"),
    };
    usage(data(nowhere.path(), &["list"]).await.expect_err("refused"), "marquee data init");
    data(nowhere.path(), &["init"]).await.expect("a repository");
    usage(data(nowhere.path(), &["snapshot", "x.csv"]).await.expect_err("refused"), "x.csv: no version and no data");
    usage(data(nowhere.path(), &["push"]).await.expect_err("refused"), "no remote is configured");
    usage(data(nowhere.path(), &["snapshot", "../x"]).await.expect_err("refused"), "not a place for data");
    let other = data(nowhere.path(), &["push", "--remote", "gs://bucket"]).await.expect_err("refused").to_string();
    assert!(other.contains("give a folder or s3://BUCKET/PREFIX"), "{other}");
}
