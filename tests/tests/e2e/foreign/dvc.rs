//! The real DVC and ours take each other's versions, in a folder and over S3.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use marquee_e2e::DEADLINE;
use marquee_e2e::servers::{S3, or_skip};
use serde_json::{Value, json};
use tokio::process::Command;

use super::Python;

const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// A workspace, and DVC.
struct Workspace<'a> {
    python: &'a Python,
    folder: PathBuf,
}

impl Workspace<'_> {
    async fn run(&self, mut command: Command) -> Result<String> {
        command.current_dir(&self.folder).env("NO_COLOR", "1").env("DVC_NO_ANALYTICS", "1");
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(DEADLINE, command.output()).await.context("it did not end")??;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command:?} failed: {text}{error}");
        Ok(text)
    }

    async fn ours(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new(PROGRAM);
        command.args(["data", "--json"]).args(arguments);
        let text = self.run(command).await?;
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
    }

    async fn dvc(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.python.0);
        command.args(["-I", "-m", "dvc"]).args(arguments);
        self.run(command).await
    }

    async fn git(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=test", "-c", "user.email=test@example.com"]).args(arguments);
        self.run(command).await
    }

    fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().context("a folder")?)?;
        Ok(std::fs::write(path, text)?)
    }

    fn read(&self, path: &str) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.join(path))?)
    }

    /// Asserts that DVC finds the workspace as its pointers say, and the remote with all of it.
    async fn assert_clean(&self) -> Result<()> {
        let here: Value = serde_json::from_str(&self.dvc(&["status", "--json"]).await?)?;
        let there: Value = serde_json::from_str(&self.dvc(&["status", "--cloud", "--json"]).await?)?;
        assert_eq!((&here, &there), (&json!({}), &json!({})));
        Ok(())
    }
}

/// Makes versions here, and lets DVC fetch them in a clone, add to them and push. `local` is the
/// part of the configuration that is not in Git.
async fn exchange(python: &Python, init: &[&str], local: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = Workspace { python, folder: folder.path().join("here") };
    std::fs::create_dir(&here.folder)?;
    here.git(&["init", "-q"]).await?;
    here.ours(&[&["init"], init].concat()).await?;
    here.write(".dvc/config.local", local)?;
    here.write("data/raw/b.csv", "user,movie,rating\n1,2,3\n")?;
    here.write("data/raw/crlf.csv", "user\r\n1\r\n")?;
    here.write("data/raw/sub/é \"name\"\t😀.json", "{}\n")?;
    here.write("data/raw/empty.txt", "")?;
    here.write("ratings.csv", "one\n")?;
    let made = here.ours(&["snapshot", "data/raw", "ratings.csv"]).await?;
    assert_eq!((&made["versions"][0]["files"], &made["versions"][1]["is_new"]), (&json!(4), &json!(true)));
    let pushed = here.ours(&["push"]).await?;
    assert_eq!((&pushed["copied"], &pushed["present"]), (&json!(6), &json!(0)));
    here.git(&["add", "-A"]).await?;
    here.git(&["commit", "-qm", "one"]).await?;
    here.assert_clean().await?;

    // Both find the same changes.
    here.write("data/raw/b.csv", "changed\n")?;
    here.write("data/raw/new.csv", "new\n")?;
    std::fs::remove_file(here.folder.join("data/raw/crlf.csv"))?;
    let theirs: Value = serde_json::from_str(&here.dvc(&["diff", "--json"]).await?)?;
    let ours = here.ours(&["diff"]).await?;
    for group in ["added", "modified", "deleted"] {
        // DVC also names the folder around a change.
        let paths = |found: &Value| -> Vec<String> {
            let all = found[group].as_array().into_iter().flatten();
            all.filter_map(|one| one["path"].as_str()).filter(|path| !path.ends_with('/')).map(str::to_owned).collect()
        };
        assert_eq!(paths(&ours), paths(&theirs), "{group}");
    }
    assert_eq!(ours["modified"][0]["path"], "data/raw/b.csv");

    // DVC fetches in a clone, adds a version and pushes it.
    let there = Workspace { python, folder: folder.path().join("there") };
    here.git(&["clone", "-q", ".", "../there"]).await?;
    there.write(".dvc/config.local", local)?;
    there.dvc(&["pull"]).await?;
    assert_eq!(there.read("data/raw/sub/é \"name\"\t😀.json")?, "{}\n");
    assert_eq!(there.read("data/raw/crlf.csv")?, "user\r\n1\r\n");
    there.write("data/raw/theirs.csv", "theirs\n")?;
    there.dvc(&["add", "data/raw"]).await?;
    there.dvc(&["push"]).await?;
    let listed = there.ours(&["list"]).await?;
    assert_eq!((&listed["data"][0]["state"], &listed["data"][0]["files"]), (&json!("saved"), &json!(5)));
    let pointer = there.read("data/raw.dvc")?;
    let again = there.ours(&["snapshot", "data/raw"]).await?;
    assert_eq!(again["versions"][0]["is_new"], false, "the digest is that of DVC");
    assert_eq!(there.read("data/raw.dvc")?, pointer, "the pointer is that of DVC");

    // What DVC pushed comes back here.
    here.write("data/raw.dvc", &pointer)?;
    here.ours(&["pull", "--force", "data/raw"]).await?;
    assert_eq!(here.read("data/raw/theirs.csv")?, "theirs\n");
    assert!(!here.folder.join("data/raw/new.csv").exists());
    here.assert_clean().await?;
    here.ours(&["checkout", "--revision", "HEAD", "data/raw"]).await?;
    assert_eq!(here.read("data/raw/b.csv")?, "user,movie,rating\n1,2,3\n");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dvc_takes_our_versions_for_its_own_and_we_take_those_of_dvc() -> Result<()> {
    let Some(python) = Python::of("MARQUEE_DVC_PYTHON", "dvc") else { return Ok(()) };
    let remote = tempfile::tempdir()?;
    let url = remote.path().join("store").display().to_string();
    exchange(&python, &["--remote", &url], "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn dvc_and_we_share_a_bucket() -> Result<()> {
    let Some(python) = Python::of("MARQUEE_DVC_PYTHON", "dvc") else { return Ok(()) };
    let Some(s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let url = format!("s3://{}/dvc", s3.bucket());
    let (id, secret) = (s3.access_key(), s3.secret_key());
    let local = format!(
        "['remote \"store\"']\n    access_key_id = {id}\n    secret_access_key = {secret}\n    region = us-east-1\n"
    );
    exchange(&python, &["--remote", &url, "--endpoint", s3.endpoint()], &local).await
}
