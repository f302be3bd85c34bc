//! What README.md says about running a fleet as a service, and about its backup.

use std::fs;

use anyhow::{Context, Result};
use marquee_e2e::World;
use marquee_proto::training::v1::Algorithm;
use serde_json::Value;

use super::{run_with, stderr};

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_of_the_systemd_unit_is_valid() -> Result<()> {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/systemd/marquee.service");
    let unit = fs::read_to_string(unit).context("read the unit")?;
    let setting = |name: &str| unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    for (name, value) in [
        ("DynamicUser", "yes"),
        ("StateDirectory", "marquee"),
        ("ProtectSystem", "strict"),
        ("NoNewPrivileges", "yes"),
        ("RestartPreventExitStatus", "64"),
    ] {
        assert_eq!(setting(name), Some(value), "{name}");
    }
    // `config` takes the flags of `up`, and shows what they come to.
    let started = setting("ExecStart").context("no ExecStart")?.replace("%S", "/var/lib");
    let mut words = started.split(' ').skip(1);
    assert_eq!(words.next(), Some("up"));
    let arguments: Vec<&str> = ["config"].into_iter().chain(words).chain(["--json"]).collect();
    let variable = setting("Environment").and_then(|pair| pair.split_once('=')).context("no Environment")?;
    let output = run_with(&[variable], &arguments).await?;
    assert!(output.status.success(), "{}", stderr(&output));
    let values: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let of = |key: &str| values.iter().find(|one| one["key"] == key).map(|one| &one["value"]);
    assert_eq!(of("data_dir").and_then(Value::as_str), Some("/var/lib/marquee"));
    assert_eq!(of("onnxruntime").and_then(Value::as_str), Some("/usr/local/lib/marquee/libonnxruntime.so"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_without_the_online_stores_is_restored_with_every_rating_and_model() -> Result<()> {
    let world = World::new(30, 20, 34);
    let fleet = crate::spine::trained(&world, Algorithm::Map).await?;
    let user = world.user(0);
    let position = fleet.clients().rate(&user, "movie-3", 2.0).await?;
    let before = fleet.clients().user(&user, &[position]).await?.history;
    let models = fleet.http().get("/v1/models").await?.json().context("JSON")?;
    let fleet = fleet
        .restart_after(|folder| {
            for store in ["store", "monitor"] {
                fs::remove_dir_all(folder.join(store)).with_context(|| format!("remove {store}"))?;
            }
            Ok(())
        })
        .await?;
    assert_eq!(fleet.clients().user(&user, &[position]).await?.history, before);
    let restored = fleet.http().get("/v1/models").await?.json().context("JSON")?;
    assert_eq!(restored["versions"][0]["digest"], models["versions"][0]["digest"]);
    assert!(restored["versions"][0]["digest"].as_str().is_some_and(|digest| !digest.is_empty()), "{restored}");
    fleet.stop().await;
    Ok(())
}
