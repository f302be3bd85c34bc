//! `config`, `keys` and `completions`: commands that need no fleet.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::{fails, run_with, stderr};

#[tokio::test(flavor = "multi_thread")]
async fn config_shows_where_every_value_comes_from() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("marquee.toml");
    std::fs::write(&file, "shutdown = \"3s\"\n[ingest]\nmax_batch = 11\nmax_in_flight = 12\nstream_in_flight = 13\n")?;
    let file = file.display().to_string();
    let variables = [("MARQUEE__INGEST__MAX_IN_FLIGHT", "22"), ("MARQUEE__INGEST__STREAM_IN_FLIGHT", "23")];
    let arguments =
        ["config", "--config", &file, "--set", "ingest.stream_in_flight=33", "--data-dir", "/somewhere else", "--json"];
    let output = run_with(&variables, &arguments).await?;
    assert!(output.status.success(), "{}", stderr(&output));
    let values: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let of = |key: &str| values.iter().find(|one| one["key"] == key).map(|one| json!([one["value"], one["origin"]]));
    let from_file = format!("file {file}");
    assert_eq!(of("ingest.future_slack"), Some(json!(["5m", "default"])));
    assert_eq!(of("shutdown"), Some(json!(["3s", from_file])));
    assert_eq!(of("ingest.max_batch"), Some(json!([11, from_file])));
    assert_eq!(of("ingest.max_in_flight"), Some(json!([22, "environment"])));
    assert_eq!(of("ingest.stream_in_flight"), Some(json!([33, "flag"])));
    assert_eq!(of("data_dir"), Some(json!(["/somewhere else", "flag"])));

    let output = run_with(&[], &["config", "--set", "shutdown=7s"]).await?;
    let text = String::from_utf8(output.stdout)?;
    let line = |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    assert!(line("shutdown").ends_with("= \"7s\"  # flag"), "{text}");
    assert!(line("log.partitions").ends_with("= 8  # default"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_or_a_wrong_value_is_refused_wherever_it_stands() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |text: &str| -> Result<String> {
        let path = folder.path().join("wrong.toml");
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    for command in ["config", "up", "ingest"] {
        let output = run_with(&[], &[command, "--config", &file("[ingest]\nmaxbatch = 1\n")?]).await?;
        fails(&output, 64, &["ingest.maxbatch", "max_batch", "TOML"]);
        let output = run_with(&[("MARQUEE__INGEST__MAXBATCH", "1")], &[command]).await?;
        fails(&output, 64, &["ingest.maxbatch", "environment"]);
        let output = run_with(&[], &[command, "--set", "nope.deep=1"]).await?;
        fails(&output, 64, &["'nope'", "data_dir", "flag"]);
        let output = run_with(&[], &[command, "--set", "ingest.max_batch=many"]).await?;
        fails(&output, 64, &["ingest.max_batch", "\"many\"", "flag"]);
    }
    fails(&run_with(&[], &["config", "--set", "shutdown"]).await?, 64, &["KEY=VALUE"]);
    fails(&run_with(&[], &["config", "--set", "scale.min=9"]).await?, 64, &["scale", "above its min"]);
    fails(&run_with(&[], &["config", "--config", "/nowhere.toml"]).await?, 64, &["/nowhere.toml", "--config"]);
    fails(&run_with(&[], &["config", "--config", &file("[ingest\n")?]).await?, 64, &["TOML"]);
    fails(&run_with(&[], &["up", "--grpc-listen", "everywhere"]).await?, 64, &["everywhere"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_secret_and_never_overwritten() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("new/keys");
    let out = out.display().to_string();
    let output = run_with(&[], &["keys", "generate", "--out", &out, "--json"]).await?;
    assert!(output.status.success(), "{}", stderr(&output));
    let made: Value = serde_json::from_slice(&output.stdout)?;
    let (private, public) = (made["signing"].as_str().expect("a path"), made["verifying"].as_str().expect("a path"));
    assert_eq!(std::fs::metadata(private)?.permissions().mode() & 0o777, 0o600);
    let before = (std::fs::read(private)?, std::fs::read(public)?);
    for key in [private, public] {
        let output = run_with(&[], &["keys", "fingerprint", key]).await?;
        assert_eq!(String::from_utf8(output.stdout)?.trim(), made["fingerprint"].as_str().expect("a fingerprint"));
    }

    fails(&run_with(&[], &["keys", "generate", "--out", &out]).await?, 1, &["exists", "never overwritten", "--out"]);
    // One half alone is enough to stop.
    std::fs::remove_file(private)?;
    fails(&run_with(&[], &["keys", "generate", "--out", &out]).await?, 1, &["verifying.pem", "never overwritten"]);
    assert!(!std::fs::exists(private)?);
    assert_eq!(std::fs::read(public)?, before.1);
    std::fs::write(private, &before.0)?;

    let wrong = folder.path().join("wrong.pem");
    std::fs::write(&wrong, "-----BEGIN PRIVATE KEY-----\nbm8ga2V5\n-----END PRIVATE KEY-----\n")?;
    let wrong = wrong.display().to_string();
    fails(&run_with(&[], &["keys", "fingerprint", &wrong]).await?, 1, &["wrong.pem", "not an Ed25519 key"]);
    fails(&run_with(&[], &["keys", "fingerprint", "/nowhere.pem"]).await?, 1, &["/nowhere.pem"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_are_scripts_that_name_every_command() -> Result<()> {
    for shell in ["bash", "zsh", "fish"] {
        let output = run_with(&[], &["completions", shell]).await?;
        assert!(output.status.success(), "{}", stderr(&output));
        let script = String::from_utf8(output.stdout)?;
        for command in ["marquee", "feature-store", "recommend", "import", "fingerprint", "grpc-listen"] {
            assert!(script.contains(command), "{shell}: no {command}");
        }
    }
    // A shell that is there takes its script.
    let sourced = format!("eval \"$({} completions bash)\" && complete -p marquee", super::PROGRAM);
    let output = marquee_e2e::marquee("bash", ["-c", &sourced]).await?;
    assert!(output.status.success(), "{}", stderr(&output));
    Ok(())
}
