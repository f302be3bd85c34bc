//! What producers and operators of other projects do to Kafka: nothing of it ends a consumer, and
//! every rating counts.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use marquee::Settings;
use marquee_domain::{Partition, Position, Timestamp};
use marquee_e2e::servers::{Kafka, Stack, or_skip};
use marquee_e2e::{Clients, DEADLINE, Fleet, World, read_topic, until};
use marquee_kafka::KafkaLog;
use marquee_ports::{RatingLog, Topic};
use marquee_proto::convert;
use marquee_proto::ratings::v1::Movie;
use marquee_proto::training::v1::{Algorithm, Parameters};
use tokio::process::Command;

use super::Python;

const HOSTILE: &str = "tests/e2e/foreign/hostile.py";

/// The product's own `main`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// Settings of a fleet on servers, whose archive is written at once.
fn lead(stack: &Stack, settings: &mut Settings) {
    stack.lead(settings);
    settings.role::<marquee_trainer::Trainer>().archive.every = Duration::from_millis(50);
}

async fn hostile(python: &Python, stack: &Stack, arguments: &[&str]) -> Result<BTreeMap<String, u64>> {
    let bootstrap = stack.kafka.bootstrap();
    let all = [&[bootstrap.as_str()], arguments].concat();
    Ok(serde_json::from_str(&python.ask(HOSTILE, all, b"").await?)?)
}

/// Waits until the features and the archive have all of the rating topic, also what applying it
/// appends. Offsets at the end of a partition may have no record.
async fn settled(clients: &Clients, stack: &Stack) -> Result<()> {
    let log = stack.kafka.log().await?;
    let started = Instant::now();
    let mut before = Vec::new();
    let last = loop {
        ensure!(started.elapsed() < DEADLINE, "the topic was never applied");
        let bounds = log.bounds(Topic::RATINGS).await?;
        let mut last = Vec::new();
        for bounds in &bounds {
            let from = Position { partition: bounds.partition, offset: bounds.begin };
            let records = log.read(Topic::RATINGS, from, 10_000).await?;
            last.extend(records.last().map(|record| convert::position(record.position)));
        }
        clients.user("nobody", &last).await.context("the features never had all of it")?;
        if bounds == before {
            break last;
        }
        before = bounds;
    };
    until("every record is archived", async || {
        let committed = log.committed(Topic::RATINGS, "archive").await.ok()?;
        let is_archived = |last: &marquee_proto::ratings::v1::Position| {
            committed.get(&Partition(last.partition)).is_some_and(|next| next.0 > last.offset)
        };
        last.iter().all(is_archived).then_some(())
    })
    .await?;
    Ok(())
}

/// The number of ratings of each user.
async fn ratings<'a>(clients: &Clients, users: impl Iterator<Item = &'a String>) -> Result<BTreeMap<String, u64>> {
    let mut all = BTreeMap::new();
    for user in users {
        all.insert(user.clone(), clients.user(user, &[]).await?.history.len() as u64);
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_other_producers_write_ends_a_consumer_and_every_rating_counts() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let Some(stack) = or_skip(Stack::start().await)? else { return Ok(()) };
    let fleet = Fleet::start_with(|settings| lead(&stack, settings)).await?;
    let mut written = hostile(&python, &stack, &["write"]).await?;
    let rejected = written.remove("").context("some are no ratings")?;
    settled(fleet.clients(), &stack).await?;
    assert_eq!(ratings(fleet.clients(), written.keys()).await?, written);
    let metrics = fleet.http().get("/metrics").await?.text();
    assert!(metrics.contains(&format!("marquee_features_events_rejected_total {rejected}\n")), "{metrics}");
    assert!(metrics.contains("marquee_features_events_moved_total 7\n"), "{metrics}");
    let training = fleet.clients().run(Algorithm::Bias, Parameters::default()).await?;
    let metrics = training.metrics.with_context(|| format!("no model: {}", training.message))?;
    assert_eq!(metrics.training_ratings + metrics.holdout_ratings, written.values().sum::<u64>());

    // The last offsets of many partitions are markers of transactions.
    let fleet = fleet.restart().await?;
    until("no partition has a lag", async || {
        let text = fleet.http().get("/metrics").await.ok()?.text();
        let lags: Vec<&str> = text.lines().filter(|line| line.starts_with("marquee_features_lag{")).collect();
        (lags.len() == 8 && lags.iter().all(|line| line.ends_with(" 0"))).then_some(())
    })
    .await?;

    // A broker that compresses again what producers write.
    hostile(&python, &stack, &["config", "compression.type", "zstd"]).await?;
    let movie = Movie { movie_id: "m99".to_owned(), ..Movie::default() };
    fleet.clients().add_movies(vec![movie]).await?;
    let position = fleet.clients().rate("times", "m99", 3.0).await?;
    assert_eq!(fleet.clients().user("times", &[position]).await?.history.len() as u64, written["times"] + 1);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ratings_count_with_their_own_times_where_the_broker_dates_the_records() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let Some(stack) = or_skip(Stack::start().await)? else { return Ok(()) };
    let fleet = Fleet::start_with(|settings| lead(&stack, settings)).await?;
    hostile(&python, &stack, &["config", "message.timestamp.type", "LogAppendTime"]).await?;
    let started = Timestamp::from(SystemTime::now());
    let mut written = hostile(&python, &stack, &["write"]).await?;
    written.remove("");
    settled(fleet.clients(), &stack).await?;
    assert_eq!(ratings(fleet.clients(), written.keys()).await?, written);
    let user = fleet.clients().user("codec-none", &[]).await?;
    let first = user.history.first().and_then(|entry| entry.rated_at.as_ref()).map(|at| at.seconds);
    assert_eq!(first, Some(1_767_225_600), "the first rating of the script is of 2026-01-01T00:00:00Z");
    // The script writes odd times as well. The broker replaces all of them.
    let log = stack.kafka.log().await?;
    let ended = Timestamp::from(SystemTime::now());
    for record in read_topic(&log, Topic::RATINGS).await? {
        assert!((started..=ended).contains(&record.timestamp), "{} is of {}", record.position, record.timestamp);
    }
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_retention_emptied_is_served_from_the_archive() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let Some(stack) = or_skip(Stack::start().await)? else { return Ok(()) };
    let fleet = Fleet::start_with(|settings| lead(&stack, settings)).await?;
    let mut written = hostile(&python, &stack, &["write"]).await?;
    written.remove("");
    settled(fleet.clients(), &stack).await?;
    fleet.stop().await;
    hostile(&python, &stack, &["empty"]).await?;
    assert_eq!(stack.redis.ask(0, "FLUSHALL").await?, "OK");
    let fleet = Fleet::start_with(|settings| lead(&stack, settings)).await?;
    assert_eq!(ratings(fleet.clients(), written.keys()).await?, written);
    let training = fleet.clients().run(Algorithm::Bias, Parameters::default()).await?;
    let metrics = training.metrics.with_context(|| format!("no model: {}", training.message))?;
    assert_eq!(metrics.training_ratings + metrics.holdout_ratings, written.values().sum::<u64>());
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_were_added_are_refused_and_a_copy_finds_every_user_again() -> Result<()> {
    copied_after_growth(&[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_only_the_rating_topic_got_are_refused_and_a_copy_works_too() -> Result<()> {
    copied_after_growth(&[Topic::RATINGS.name()]).await
}

/// Adds partitions to some topics, or to all of them if none is named. Checks that a fleet refuses
/// them and says what to do, and that doing it works.
async fn copied_after_growth(grown: &[&str]) -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let Some(stack) = or_skip(Stack::start().await)? else { return Ok(()) };
    let world = World::new(24, 15, 62);
    let fleet = Fleet::start_with(|settings| lead(&stack, settings)).await?;
    fleet.clients().add_movies(world.catalogue()).await?;
    let positions = fleet.clients().rate_all(world.ratings()).await?.positions;
    fleet.clients().user("nobody", &positions).await?;
    let mut served = Vec::new();
    for number in 0..world.users {
        served.push(fleet.clients().user(&world.user(number), &[]).await?);
    }
    fleet.stop().await;

    hostile(&python, &stack, &[&["partitions", "12"][..], grown].concat()).await?;
    let refused = Fleet::start_with(|settings| lead(&stack, settings)).await.expect_err("partitions were added");
    let refused = format!("{refused:#}");
    for part in ["marquee.ratings.v1", "has 12 partitions", "it had 8", "marquee rekey --to-prefix"] {
        assert!(refused.contains(part), "{refused}");
    }

    let folder = tempfile::tempdir()?;
    let mut rekey = Command::new(PROGRAM);
    rekey.args(["rekey", "--to-prefix", "v2.", "--data-dir"]).arg(folder.path()).envs(stack.variables());
    let output = rekey.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).output();
    let output = tokio::time::timeout(DEADLINE, output).await.context("the copy did not end")??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("events      {}\n", world.ratings().len())), "{said}");
    assert!(said.contains("kafka.prefix = \"v2.\""), "{said}");

    let fleet = Fleet::start_with(|settings| {
        lead(&stack, settings);
        settings.kafka.prefix = "v2.".to_owned();
        settings.redis.prefix = "v2:".to_owned();
        settings.s3.url = format!("{}/v2", settings.s3.url);
    })
    .await?;
    for (number, before) in served.iter().enumerate() {
        let after = fleet.clients().user(&world.user(number), &[]).await?;
        assert_eq!((&after.history, &after.statistics), (&before.history, &before.statistics));
    }
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_an_administrator_makes_forgetful_is_refused_by_what_its_broker_says() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let Some(kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    kafka.log().await?;
    let bootstrap = kafka.bootstrap();
    let set = async |key: &str, value: &str| {
        python.ask(HOSTILE, [bootstrap.as_str(), "config", key, value], b"").await.map(drop)
    };
    for (key, bad, good) in [
        ("retention.ms", "31536000000", "-1"),
        ("retention.bytes", "1099511627776", "-1"),
        ("unclean.leader.election.enable", "true", "false"),
        ("cleanup.policy", "compact", "delete"),
    ] {
        set(key, bad).await?;
        let refused = kafka.log().await.expect_err(key).to_string();
        for part in ["marquee.ratings.v1", &format!("{key}={bad}"), &format!("--add-config {key}={good}")] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        // With an archive the broker may forget old ratings, but only by their age.
        let archived = KafkaLog::connect_archived(&kafka.settings(), Some(Duration::from_secs(60))).await;
        assert_eq!(archived.is_ok(), key == "retention.ms", "{key}: {archived:?}");
        set(key, good).await?;
        kafka.log().await?;
    }
    Ok(())
}
