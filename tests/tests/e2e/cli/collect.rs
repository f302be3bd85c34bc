//! `collect`: a topic of others on a real Kafka, and a process that is killed while a log grows.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use marquee_domain::Timestamp;
use marquee_e2e::servers::{Kafka, or_skip};
use marquee_e2e::{Clients, DEADLINE, Fleet};
use marquee_kafka::{KafkaLog, Settings};
use marquee_ports::{NewRecord, RatingLog as _, Topic};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{Cli, PROGRAM};

/// Precedes the topics of the other program.
const PREFIX: &str = "others.";

fn configuration(folder: &Path, source: &str) -> Result<PathBuf> {
    let path = folder.join("collect.toml");
    std::fs::write(&path, format!("[sources.shop]\n{source}"))?;
    Ok(path)
}

fn record(value: &str) -> NewRecord {
    let timestamp = Timestamp::from_seconds(1_700_000_000);
    NewRecord { key: None, value: value.to_owned().into(), headers: Vec::new(), timestamp }
}

/// Waits until a user has a number of ratings.
async fn until_rated(clients: &Clients, user: &str, count: usize) -> Result<Vec<(String, f64)>> {
    let started = Instant::now();
    loop {
        let history = clients.user(user, &[]).await?.history;
        if history.len() >= count || started.elapsed() > DEADLINE {
            ensure!(history.len() == count, "{user} has {} ratings, not {count}", history.len());
            return Ok(history.into_iter().map(|entry| (entry.movie_id, entry.rating)).collect());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_others_is_collected_and_nothing_is_committed_there() -> Result<()> {
    let Some(kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    let fleet = Fleet::start().await?;
    let (cli, clients) = (Cli::of(&fleet)?, fleet.clients());
    let settings = Settings { prefix: PREFIX.to_owned(), ..kafka.settings() };
    let others = KafkaLog::connect(&settings).await?;
    let topic = format!("{PREFIX}{}", Topic::RATINGS.name());
    let send = async |values: &[&str]| {
        others.append(Topic::RATINGS, values.iter().map(|value| record(value)).collect()).await.map(drop)
    };
    send(&[
        r#"{"customer": "ann", "film": "heat", "points": 8, "when": 1700000001}"#,
        "no rating",
        r#"{"customer": "ann", "film": "ran", "points": 10}"#,
    ])
    .await?;
    let folder = tempfile::tempdir()?;
    let source = format!(
        "kind = \"kafka\"\ntopic = \"{topic}\"\nmap_scale = \"0..10\"\ncolumns = {{ rating = \"points\" }}\n[sources.shop.connection]\n\
         bootstrap = \"{}\"",
        kafka.bootstrap()
    );
    let config = configuration(folder.path(), &source)?.display().to_string();
    let look = cli.json(&["collect", &config, "--dry-run"]).await?;
    assert_eq!((&look[0]["records"], &look[0]["unreadable"]), (&json!(3), &json!(1)));
    let counts = |round: &Value| {
        ["records", "accepted", "rejected", "movies"].map(|key| round["sources"][0][key].as_u64().unwrap_or(99))
    };
    assert_eq!(counts(&cli.json(&["collect", &config]).await?), [3, 2, 1, 2]);
    until_rated(clients, "ann", 2).await?;
    assert_eq!(counts(&cli.json(&["collect", &config]).await?), [0; 4], "each record is collected once");
    send(&[r#"{"customer": "bob", "film": "ran", "points": 2, "when": 1700000003}"#]).await?;
    assert_eq!(counts(&cli.json(&["collect", &config]).await?), [1, 1, 0, 0]);
    assert!(others.committed(Topic::RATINGS, "marquee").await?.is_empty());

    let wrong = source.replace(&topic, "nothing");
    let config = configuration(folder.path(), &wrong)?.display().to_string();
    let output = cli.run(&["collect", &config]).await?;
    assert_eq!(output.status.code(), Some(1));
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_killed_while_a_log_grows_loses_and_doubles_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let fleet = Fleet::start().await?;
    let (cli, clients) = (Cli::of(&fleet)?, fleet.clients());
    let log = folder.path().join("ratings.ndjson");
    let source = "kind = \"files\"\npaths = [\"ratings.ndjson\"]\nbatch = 3";
    let config = configuration(folder.path(), source)?.display().to_string();
    let mut lines = 0;
    for kill in 0..8 {
        let mut child = Command::new(PROGRAM)
            .args(["collect", &config, "--every", "1s", "--grpc", &cli.address])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut file = std::fs::File::options().append(true).create(true).open(&log)?;
        for _ in 0..20 {
            let line = json!({"user": "ann", "movie": format!("m{lines}"), "rating": lines % 5 + 1, "time": 1_700_000_000 + lines});
            file.write_all(format!("{line}\n").as_bytes())?;
            lines += 1;
        }
        // It is killed at instants that differ, from its first state on.
        let (state, started) = (folder.path().join("collected/objects/collect/shop.json"), Instant::now());
        while !state.exists() && started.elapsed() < DEADLINE {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(kill * 35)).await;
        child.kill().await.context("kill it")?;
        if kill == 3 {
            std::fs::rename(&log, folder.path().join("ratings.ndjson.1"))?;
        }
    }
    cli.json(&["collect", &config]).await?;
    let count = usize::try_from(lines)?;
    let history = until_rated(clients, "ann", count).await?;
    assert!(history.iter().all(|(movie, _)| movie.starts_with('m')));
    fleet.stop().await;
    Ok(())
}
