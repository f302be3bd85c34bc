//! The rating log over a real Kafka: the suite of its port, and what only brokers that die and
//! other clients can show.

#[path = "kafka/assignment.rs"]
mod assignment;
#[path = "kafka/damage.rs"]
mod damage;
#[path = "kafka/deaths.rs"]
mod deaths;
#[path = "kafka/encryption.rs"]
mod encryption;
#[path = "kafka/foreign.rs"]
mod foreign;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Partition, Position, Timestamp};
use marquee_e2e::read_topic;
use marquee_e2e::servers::{Kafka, or_skip};
use marquee_kafka::{ConnectError, KafkaLog, Settings};
use marquee_ports::conformance::{Fixture, log};
use marquee_ports::{Delivery, NewRecord, RatingLog, Record, Topic, partition_for};

/// Longer than anything that works takes.
const DEADLINE: Duration = Duration::from_secs(60);

fn settings(kafka: &Kafka, prefix: &str) -> Settings {
    Settings {
        prefix: prefix.to_owned(),
        partitions: 4,
        // Far longer than the suite waits: who leaves must say so.
        session_timeout: Duration::from_secs(120),
        ..kafka.settings()
    }
}

/// A record of now. Brokers forget a producer whose last record is older than a day, and with it
/// the sequence numbers that they know from it.
fn numbered(number: usize) -> NewRecord {
    NewRecord {
        key: Some(format!("user {}", number % 97).into()),
        value: format!("rating {number}").into(),
        headers: Vec::new(),
        timestamp: SystemTime::now().into(),
    }
}

/// Topics of a prefix of their own for each log.
struct OnBroker {
    kafka: Kafka,
    runs: AtomicU64,
}

impl OnBroker {
    fn new(kafka: Kafka) -> Self {
        Self { kafka, runs: AtomicU64::new(0) }
    }

    async fn open(&self) -> Arc<dyn RatingLog> {
        let prefix = format!("run-{}.", self.runs.load(Ordering::Relaxed));
        Arc::new(KafkaLog::connect(&settings(&self.kafka, &prefix)).await.expect("connects"))
    }
}

#[async_trait]
impl Fixture<dyn RatingLog> for OnBroker {
    async fn empty(&self) -> Arc<dyn RatingLog> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.open().await
    }

    async fn reopen(&self, port: Arc<dyn RatingLog>) -> Arc<dyn RatingLog> {
        drop(port);
        self.open().await
    }
}

/// Consumes a topic as a member of a group until this many records came.
async fn consume(log: &KafkaLog, topic: Topic, count: usize) -> Result<Vec<Record>> {
    let mut subscription = log.subscribe(topic, "group").await?;
    let started = Instant::now();
    let mut consumed = Vec::new();
    while consumed.len() < count {
        assert!(started.elapsed() < DEADLINE, "only {} of {count} came: {consumed:?}", consumed.len());
        if let Delivery::Records(records) = subscription.next(100, Duration::from_secs(1)).await? {
            consumed.extend(records);
        }
    }
    Ok(consumed)
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_keeps_the_promises_of_the_rating_log() -> Result<()> {
    let Some(kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    log::suite(&OnBroker::new(kafka)).await;
    Ok(())
}

#[test]
fn random_operations_on_kafka_follow_the_model() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let Some(kafka) = or_skip(runtime.block_on(Kafka::start(1)))? else { return Ok(()) };
    let fixture = OnBroker::new(kafka);
    log::random_operations_follow_the_model(&fixture, 12);
    let _guard = runtime.enter();
    drop(fixture);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_clients_write_comes_as_it_is_and_stops_nobody() -> Result<()> {
    let Some(kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    let log = KafkaLog::connect(&settings(&kafka, "")).await?;
    let json = r#"{"user_id":"42","movie_id":"7","value":4.5}"#;
    let partition = partition_for(b"42", 4);
    let written = [
        foreign::Record { key: Some(b"42"), value: Some(json.as_bytes()), headers: &[] },
        foreign::Record { key: None, value: None, headers: &[] },
        foreign::Record { key: Some(b""), value: Some(&[0, 255]), headers: &[(b"none", None), (b"some", Some(b"x"))] },
        foreign::Record {
            key: None,
            value: Some(b"odd"),
            headers: &[(&[0xff, 0xfe], Some(b"y")), (b"ok", Some(b"z"))],
        },
    ];
    foreign::produce(&kafka, Topic::RATINGS.name(), partition, &written).await?;
    let header = |name: &str, value: &'static str| (name.to_owned(), Bytes::from(value));
    let expected = [
        (Some("42"), json.as_bytes(), vec![]),
        (None, b"", vec![]),
        (Some(""), &[0, 255], vec![header("none", ""), header("some", "x")]),
        (None, b"odd", vec![header("ok", "z")]),
    ];
    let check = |records: &[Record]| {
        assert_eq!(records.len(), expected.len());
        for (record, (key, value, headers)) in records.iter().zip(&expected) {
            assert_eq!(record.position.partition, partition);
            assert_eq!(record.key.as_deref(), key.map(str::as_bytes));
            assert_eq!((&record.value[..], &record.headers), (*value, headers));
            assert_eq!(record.timestamp, Timestamp::from_micros(foreign::MILLIS * 1_000));
        }
    };
    check(&read_topic(&log, Topic::RATINGS).await?);
    check(&consume(&log, Topic::RATINGS, expected.len()).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_do_not_fit_are_refused_with_what_to_do() -> Result<()> {
    let Some(kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    let base = settings(&kafka, "here.");
    let refused = async |settings: Settings| {
        let error = KafkaLog::connect(&settings).await.expect_err("refused");
        (error.to_string(), error)
    };
    let (words, error) = refused(Settings { create_topics: false, ..base.clone() }).await;
    assert!(matches!(error, ConnectError::NoTopic { .. }) && words.contains("here.marquee.ratings.v1"), "{words}");
    let (words, error) = refused(Settings { replication: 3, ..base.clone() }).await;
    assert!(matches!(error, ConnectError::Unfit { .. }) && words.contains("too few brokers"), "{words}");

    // Two that start at once agree.
    let (one, two) = tokio::join!(KafkaLog::connect(&base), KafkaLog::connect(&base));
    assert_eq!(one?.bounds(Topic::MOVIES).await?, two?.bounds(Topic::MOVIES).await?);
    // Partitions are those of the topics that are there.
    let log = KafkaLog::connect(&Settings { partitions: 9, create_topics: false, ..base.clone() }).await?;
    assert_eq!(log.bounds(Topic::RATINGS).await?.len(), 4);
    let (words, error) = refused(Settings { replication: 3, min_insync_replicas: 2, ..base.clone() }).await;
    assert!(matches!(error, ConnectError::Unfit { .. }), "{words}");
    for part in ["here.marquee.ratings.v1", "min.insync.replicas=1", "--add-config min.insync.replicas=2"] {
        assert!(words.contains(part), "{words}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_does_not_answer_is_an_error_in_time() -> Result<()> {
    let timeout = Duration::from_secs(2);
    let nowhere = Settings { bootstrap: "127.0.0.1:9".to_owned(), connect_timeout: timeout, ..Settings::default() };
    let started = Instant::now();
    let error = KafkaLog::connect(&nowhere).await.expect_err("nobody is there");
    assert!(matches!(error, ConnectError::Unreachable { .. }) && started.elapsed() < 3 * timeout, "{error}");

    let Some(mut kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    let settings = Settings { request_timeout: timeout, delivery_timeout: timeout, ..settings(&kafka, "") };
    let log = KafkaLog::connect(&settings).await?;
    log.append(Topic::RATINGS, vec![numbered(0)]).await?;
    kafka.pause(0).await?;
    let started = Instant::now();
    let at = Position { partition: Partition(0), offset: marquee_domain::Offset(0) };
    let silent = Settings { connect_timeout: timeout, ..settings };
    let (appended, read, bounds, committed, connected) = tokio::join!(
        log.append(Topic::RATINGS, vec![numbered(1)]),
        log.read(Topic::RATINGS, at, 1),
        log.bounds(Topic::RATINGS),
        log.committed(Topic::RATINGS, "group"),
        KafkaLog::connect(&silent),
    );
    assert!(started.elapsed() < 10 * timeout, "{:?}", started.elapsed());
    for error in [appended.err(), read.err(), bounds.err(), committed.err()] {
        assert!(error.expect("nobody answers").is_retryable());
    }
    assert!(matches!(connected, Err(ConnectError::Unreachable { .. })));
    kafka.resume(0).await?;
    log.append(Topic::RATINGS, vec![numbered(2)]).await?;
    Ok(())
}
