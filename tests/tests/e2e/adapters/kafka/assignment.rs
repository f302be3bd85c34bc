//! Consumers of a broker that takes its time to assign partitions, and appends to one that is slow.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use marquee::{LogBackend, Settings as FleetSettings};
use marquee_domain::Timestamp;
use marquee_e2e::servers::{Kafka, or_skip};
use marquee_e2e::{Fleet, World, read_topic};
use marquee_kafka::{KafkaLog, Settings};
use marquee_ports::{NewRecord, RatingLog, Topic};

use super::settings;

/// How long brokers wait by default until they assign partitions to a new group.
const DELAY: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn ready_means_assigned_and_applied_also_where_brokers_delay_the_assignment() -> Result<()> {
    let Some(kafka) = or_skip(Kafka::start_with_default_delay().await)? else { return Ok(()) };
    let lead = |settings: &mut FleetSettings| {
        settings.backends.log = LogBackend::Kafka;
        settings.kafka = kafka.settings();
    };
    let world = World::new(12, 10, 71);
    let fleet = Fleet::start_with(lead).await?;
    fleet.clients().add_movies(world.catalogue()).await?;
    let positions = fleet.clients().rate_all(world.ratings()).await?.positions;
    fleet.clients().user("nobody", &positions).await?;
    let mut served = Vec::new();
    for number in 0..world.users {
        served.push(fleet.clients().user(&world.user(number), &[]).await?);
    }
    fleet.stop().await.context("a folder of its own")?;

    // A new folder: the online store is empty, and the log has all ratings.
    let started = Instant::now();
    let fleet = Fleet::start_with(lead).await?;
    for (number, before) in served.iter().enumerate() {
        let after = fleet.clients().user(&world.user(number), &[]).await?;
        assert_eq!((&after.history, &after.statistics), (&before.history, &before.statistics));
    }
    assert!(served.iter().any(|user| !user.history.is_empty()));
    assert!(started.elapsed() >= DELAY, "the broker did not wait: {:?}", started.elapsed());
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_of_a_stream_keep_their_order_when_the_queue_is_full() -> Result<()> {
    const BATCHES: usize = 150;
    const RECORDS: usize = 3;
    let Some(kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    // Sixteen appends at a time need six times as much room as the queue has.
    let log = KafkaLog::connect(&Settings { in_flight_records: 8, ..settings(&kafka, "") }).await?;
    let record = |number: usize| NewRecord {
        key: Some("user".into()),
        value: number.to_string().into(),
        headers: Vec::new(),
        timestamp: Timestamp::from_seconds(1_700_000_000),
    };
    let batch = |batch: usize| (0..RECORDS).map(|index| record(batch * RECORDS + index)).collect::<Vec<_>>();
    // As streams of ratings are appended.
    let appends = stream::iter(0..BATCHES).map(|number| log.append(Topic::RATINGS, batch(number)));
    let positions: Vec<_> = appends.buffered(16).try_collect().await?;
    let positions = positions.concat();
    assert_eq!(positions.len(), BATCHES * RECORDS);
    assert!(positions.is_sorted(), "{positions:?}");
    let records = read_topic(&log, Topic::RATINGS).await?;
    let values: Vec<String> =
        records.iter().map(|record| String::from_utf8_lossy(&record.value).into_owned()).collect();
    assert_eq!(values, (0..BATCHES * RECORDS).map(|number| number.to_string()).collect::<Vec<_>>());
    Ok(())
}
