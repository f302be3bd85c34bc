//! Settings that are refused: with their key, their place and the fix, with exit code 64, by
//! `marquee config` and by every start alike.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::process::Stdio;

use anyhow::{Context, Result};
use marquee_e2e::DEADLINE;
use tokio::process::Command;

use super::PROGRAM;

/// Runs the program, which must end with 64 and with these words.
async fn refused(variables: &[(&str, OsString)], arguments: &[&OsStr], words: &[&str]) -> Result<()> {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    command.env("NO_COLOR", "1").stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(DEADLINE, command.output()).await.context("it did not end")??;
    let error = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(64), "{arguments:?}: {error}");
    assert!(words.iter().all(|word| error.contains(word)), "{words:?} are not in {error}");
    assert!(!error.contains("panicked") && !error.contains("hunter2"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_refused_with_its_place_by_config_and_by_every_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("marquee.toml");
    std::fs::write(&file, "[log]\n# none at all\npartitions = 0\n")?;
    let place = format!("TOML file {}, line 3", file.display());
    let taken = folder.path().join("a file");
    std::fs::write(&taken, "")?;
    for command in ["config", "up", "ingest", "feature-store", "inference", "monitor", "trainer"] {
        let run = [OsStr::new(command), OsStr::new("--config"), file.as_os_str()];
        refused(&[], &run, &["log.partitions: ", "give 1 to 1,024", &place]).await?;
        let run = [OsStr::new(command), OsStr::new("--data-dir"), taken.as_os_str()];
        refused(&[], &run, &["data_dir: ", "is a file; give a folder"]).await?;
        let level = [("MARQUEE__TELEMETRY__LOG", "inof".into())];
        let words = ["telemetry.log: 'inof' is not a level", "environment variable MARQUEE__TELEMETRY__LOG"];
        refused(&level, &[OsStr::new(command)], &words).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_not_utf8_work_or_are_refused_by_name() -> Result<()> {
    let odd = |text: &[u8]| OsString::from_vec([text, b"\xff"].concat());
    let [up, config] = ["up", "config"].map(OsStr::new);
    refused(&[], &[up, OsStr::new("--data-dir"), &odd(b"/tmp/data")], &["--data-dir", "not UTF-8"]).await?;
    refused(&[], &[config, OsStr::new("--set"), &odd(b"redis.prefix=")], &["UTF-8"]).await?;
    let variable = [("MARQUEE__REDIS__PASSWORD", odd(b"hunter2"))];
    refused(&variable, &[up], &["MARQUEE__REDIS__PASSWORD", "not UTF-8"]).await?;

    // A file may have any name.
    let folder = tempfile::tempdir()?;
    let file = folder.path().join(odd(b"settings"));
    std::fs::write(&file, "shutdown = '7s'\n")?;
    let output = Command::new(PROGRAM).arg("config").arg("--config").arg(&file).output().await?;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"7s\""));
    Ok(())
}
