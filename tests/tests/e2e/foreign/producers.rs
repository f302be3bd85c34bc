//! Ratings, and records that are not ratings, written to Kafka by a Python producer.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use marquee_domain::{Offset, Position, Timestamp};
use marquee_e2e::servers::{Kafka, Stack, or_skip};
use marquee_e2e::{Clients, Fleet, World, read_topic};
use marquee_kafka::KafkaLog;
use marquee_ports::{RatingLog, Record, Topic};
use marquee_proto::convert;
use marquee_proto::features::v1::HistoryEntry;
use marquee_proto::ratings::v1::Rating;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::Python;

/// The example that the documentation of the topics names.
const PRODUCE: &str = "../deploy/examples/produce.py";

/// Writes anything.
const WRITE: &str = "tests/e2e/foreign/write.py";

/// Most bytes of a record that librdkafka lets through unless it is told otherwise.
const USUAL: usize = 1_000_000;

/// Waits until the features reflect the present end of the rating topic, because a producer does
/// not return the positions of its records.
async fn applied(clients: &Clients, log: &KafkaLog) -> Result<()> {
    let bounds = log.bounds(Topic::RATINGS).await?;
    let written = bounds.iter().filter(|bound| bound.begin < bound.end);
    let last = |offset: Offset| Offset(offset.0.saturating_sub(1));
    let positions: Vec<_> = written
        .map(|bound| convert::position(Position { partition: bound.partition, offset: last(bound.end) }))
        .collect();
    clients.user("nobody", &positions).await.context("the features never had all of it")?;
    Ok(())
}

/// Runs the example on ratings, and expects all to be delivered.
async fn produce(python: &Python, kafka: &Kafka, ratings: &[Rating]) -> Result<()> {
    let line = |rating: &Rating| {
        let at = rating.rated_at.unwrap_or_default().seconds;
        let line = json!({
            "user_id": rating.user_id,
            "movie_id": rating.movie_id,
            "rating": rating.rating,
            "rated_at": Timestamp::from_seconds(at).to_string(),
        });
        format!("{line}\n")
    };
    let lines: String = ratings.iter().map(line).collect();
    let said = python.ask(PRODUCE, ["--bootstrap", &kafka.bootstrap()], lines.as_bytes()).await?;
    assert_eq!(said, format!("{} ratings delivered to {}, 0 not\n", ratings.len(), Topic::RATINGS.name()));
    Ok(())
}

/// A record for the script that writes anything.
struct Raw {
    key: String,
    value: Vec<u8>,
    content_type: Option<&'static str>,
}

/// Writes records and returns the outcome of each. The client accepts records up to a size in
/// bytes.
async fn write(python: &Python, kafka: &Kafka, records: &[Raw], largest: usize) -> Result<Vec<String>> {
    let line = |record: &Raw| {
        let hex: String = record.value.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut headers = BTreeMap::from([("sent-by", "somebody else")]);
        headers.extend(record.content_type.map(|text| ("content-type", text)));
        format!("{}\n", json!({"key": record.key, "value": hex, "headers": headers}))
    };
    let lines: String = records.iter().map(line).collect();
    let arguments = [kafka.bootstrap(), Topic::RATINGS.name().to_owned(), largest.to_string()];
    let said = python.ask(WRITE, arguments, lines.as_bytes()).await?;
    let fates: Vec<String> = said.lines().map(str::to_owned).collect();
    ensure!(fates.len() == records.len(), "{said}");
    Ok(fates)
}

/// What a user's history must be, from what was sent: oldest first.
fn history(ratings: &[Rating], user: &str) -> Vec<HistoryEntry> {
    let mine = ratings.iter().filter(|rating| rating.user_id == user).cloned();
    mine.map(|one| HistoryEntry { rating: one.rating(), movie_id: one.movie_id, rated_at: one.rated_at }).collect()
}

/// Bytes that no codec makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    ChaCha8Rng::seed_from_u64(63).fill(&mut bytes[..]);
    bytes
}

/// A header's text; empty if there is none.
fn header(record: &Record, name: &str) -> String {
    record.header(name).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn ratings_of_a_python_producer_count_like_those_of_ingest_however_often_they_come() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let Some(stack) = or_skip(Stack::start().await)? else { return Ok(()) };
    let fleet = Fleet::start_with(|settings| stack.lead(settings)).await?;
    let (clients, log) = (fleet.clients(), stack.kafka.log().await?);
    let world = World::new(24, 15, 61);
    clients.add_movies(world.catalogue()).await?;
    let ratings = world.ratings();
    for _ in 0..2 {
        produce(&python, &stack.kafka, &ratings).await?;
        applied(clients, &log).await?;
        for number in 0..world.users {
            let user = clients.user(&world.user(number), &[]).await?;
            assert_eq!(user.history, history(&ratings, &world.user(number)));
            let moments = user.statistics.and_then(|statistics| statistics.all_time).unwrap_or_default();
            assert_eq!(moments.count, user.history.len() as u64);
        }
    }
    // A rating through ingest finds what the producer wrote of the same user.
    let known = clients.user("user-3", &[]).await?.history;
    let next = clients.rate("user-3", "movie-0", 2.0).await?;
    let movies = |history: &[HistoryEntry]| history.iter().map(|entry| entry.movie_id.clone()).collect::<Vec<_>>();
    let mut expected = movies(&known);
    expected.retain(|movie| movie != "movie-0");
    expected.push("movie-0".to_owned());
    assert_eq!(movies(&clients.user("user-3", &[next]).await?.history), expected);
    assert_eq!(read_topic(&log, Topic::REJECTED).await?, Vec::new());
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_python_producer_writes_and_is_no_rating_is_set_aside_and_its_partition_goes_on() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let Some(stack) = or_skip(Stack::start().await)? else { return Ok(()) };
    let fleet = Fleet::start_with(|settings| stack.lead(settings)).await?;
    let (clients, log) = (fleet.clients(), stack.kafka.log().await?);

    // One user's, so that all of it shares the partition of the ratings that follow.
    let raw = |content_type, value: &[u8]| Raw { key: "ann".to_owned(), value: value.to_vec(), content_type };
    let off_scale = br#"{"rated":{"userId":"ann","movieId":"m","rating":11,"ratedAt":"2026-01-31T20:15:00Z"}}"#;
    let mut written = vec![
        (raw(None, b"{\"rated\":{\"userId\":\"ann\""), "MALFORMED", "does not parse as the JSON"),
        (raw(None, off_scale), "OFF_SCALE", "rated.rating is 11, off the scale"),
        (raw(Some("text/csv"), b"ann,m,4"), "MALFORMED", "content-type 'text/csv' is not supported"),
        (raw(Some("application/x-protobuf"), &noise(400)), "MALFORMED", "does not decode as the protobuf message"),
    ];
    let poison = || (raw(Some("application/json"), b"\"poison\""), "MALFORMED", "does not parse as the JSON");
    written.extend(std::iter::repeat_with(poison).take(50));
    let records: Vec<Raw> = written.iter().map(|(record, ..)| raw(record.content_type, &record.value)).collect();
    let fates = write(&python, &stack.kafka, &records, USUAL).await?;
    assert!(fates.iter().all(|fate| fate == "delivered"), "{fates:?}");
    // A record that is far too large is refused: by the client itself, or by the brokers if the
    // client accepts it.
    for most in [USUAL, 16 << 20] {
        let fates = write(&python, &stack.kafka, &[raw(None, &noise(2 << 20))], most).await?;
        assert_eq!(fates, ["MSG_SIZE_TOO_LARGE"], "{most}");
    }

    let rated = |movie: &str, rating: f64, seconds: i64| Rating {
        user_id: "ann".to_owned(),
        movie_id: movie.to_owned(),
        rating: Some(rating),
        rated_at: Some(marquee_proto::Timestamp { seconds, nanos: 0 }),
    };
    let ratings = [rated("a", 4.0, 1_000), rated("b", 2.0, 2_000)];
    produce(&python, &stack.kafka, &ratings).await?;
    applied(clients, &log).await?;
    assert_eq!(clients.user("ann", &[]).await?.history, history(&ratings, "ann"));

    let (kept, sent) = (read_topic(&log, Topic::REJECTED).await?, read_topic(&log, Topic::RATINGS).await?);
    assert_eq!(kept.len(), written.len());
    for ((kept, sent), (record, reason, part)) in kept.iter().zip(&sent).zip(&written) {
        assert_eq!((&kept.value[..], kept.key.as_deref()), (&record.value[..], Some(record.key.as_bytes())));
        assert_eq!(header(kept, "reason"), *reason);
        assert!(header(kept, "message").contains(part), "{}", header(kept, "message"));
        assert_eq!(header(kept, "source"), Topic::RATINGS.name());
        assert_eq!(header(kept, "source-position"), sent.position.to_string());
        assert_eq!(header(kept, "sent-by"), "somebody else");
    }
    fleet.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_example_says_what_was_not_delivered_and_fails() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let input = br#"{"user_id": "ann", "movie_id": "m", "rating": 4, "rated_at": "2026-01-31T20:15:00Z"}
{"user_id": "ann", "movie_id": "m", "rating": 4}
"#;
    let output = python.run(PRODUCE, ["--bootstrap", "127.0.0.1:1", "--timeout", "1"], input).await?;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stdout)?, "0 ratings delivered to marquee.ratings.v1, 2 not\n");
    let reasons = String::from_utf8(output.stderr)?;
    assert!(reasons.contains("timed out") && reasons.contains("line 2") && reasons.contains("rated_at"), "{reasons}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_brokers_take_and_the_rejected_topic_does_not_stops_nobody() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let Some(stack) = or_skip(Stack::start().await)? else { return Ok(()) };
    let fleet = Fleet::start_with(|settings| stack.lead(settings)).await?;
    let (clients, log) = (fleet.clients(), stack.kafka.log().await?);
    let large = Raw { key: "ann".to_owned(), value: noise((1 << 20) + (64 << 10)), content_type: None };
    assert_eq!(write(&python, &stack.kafka, &[large], 16 << 20).await?, ["delivered"]);
    let rated_at = Some(marquee_proto::Timestamp { seconds: 1_000, nanos: 0 });
    let rating = Rating { user_id: "ann".to_owned(), movie_id: "m".to_owned(), rating: Some(4.0), rated_at };
    produce(&python, &stack.kafka, std::slice::from_ref(&rating)).await?;
    applied(clients, &log).await?;
    assert_eq!(clients.user("ann", &[]).await?.history, history(&[rating], "ann"));
    assert_eq!(read_topic(&log, Topic::REJECTED).await?.len(), 1);
    fleet.stop().await;
    Ok(())
}
