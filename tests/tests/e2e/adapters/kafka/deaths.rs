//! Brokers that die, and what stands afterwards.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use marquee_domain::{Partition, Position};
use marquee_e2e::read_topic;
use marquee_e2e::servers::{Kafka, or_skip};
use marquee_kafka::{KafkaLog, Settings};
use marquee_ports::{Delivery, RatingLog, Topic};
use tokio::sync::watch;

use super::{DEADLINE, numbered, settings};

/// What was acknowledged, and how often each record was handed over until it was.
#[derive(Default)]
struct Acknowledged {
    at: BTreeMap<Position, Bytes>,
    tries: HashMap<Bytes, usize>,
}

/// Writers that append until each has had so many records acknowledged; counts them in `done`.
async fn write(log: Arc<KafkaLog>, writers: usize, each: usize, done: watch::Sender<usize>) -> Result<Acknowledged> {
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let (log, done) = (Arc::clone(&log), done.clone());
        tasks.spawn(async move {
            let mut acknowledged = Acknowledged::default();
            let started = Instant::now();
            for first in (0..each).step_by(5) {
                let records: Vec<_> = (first..first + 5).map(|n| numbered(writer * each + n)).collect();
                let positions = loop {
                    for record in &records {
                        *acknowledged.tries.entry(record.value.clone()).or_default() += 1;
                    }
                    match log.append(Topic::RATINGS, records.clone()).await {
                        Ok(positions) => break positions,
                        Err(error) => assert!(error.is_retryable() && started.elapsed() < DEADLINE, "{error:?}"),
                    }
                };
                done.send_modify(|done| *done += records.len());
                acknowledged.at.extend(positions.into_iter().zip(records.into_iter().map(|record| record.value)));
            }
            acknowledged
        });
    }
    let mut all = Acknowledged::default();
    while let Some(written) = tasks.join_next().await {
        let written = written?;
        all.at.extend(written.at);
        all.tries.extend(written.tries);
    }
    Ok(all)
}

/// Checks that every acknowledged record is at its position, and that no record is there more often
/// than it was sent.
async fn check(log: &KafkaLog, acknowledged: &Acknowledged) -> Result<()> {
    let all = read_topic(log, Topic::RATINGS).await?;
    let mut copies: HashMap<&Bytes, usize> = HashMap::new();
    for record in &all {
        *copies.entry(&record.value).or_default() += 1;
    }
    let there: HashMap<Position, &Bytes> = all.iter().map(|record| (record.position, &record.value)).collect();
    for (position, value) in &acknowledged.at {
        assert_eq!(there.get(position), Some(&value), "acknowledged at {position}");
    }
    for (value, copies) in copies {
        assert!(copies <= acknowledged.tries[value], "{value:?} is there {copies} times");
    }
    Ok(())
}

async fn until(done: &watch::Sender<usize>, count: usize) -> Result<()> {
    let mut done = done.subscribe();
    tokio::time::timeout(DEADLINE, done.wait_for(|done| *done >= count)).await??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_killed_broker_and_is_there_once() -> Result<()> {
    const EACH: usize = 2_000;
    let Some(mut kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    let log = Arc::new(KafkaLog::connect(&settings(&kafka, "")).await?);
    let done = watch::Sender::new(0);
    let writing = tokio::spawn(write(Arc::clone(&log), 4, EACH, done.clone()));
    for share in [1, 2] {
        until(&done, share * EACH).await?;
        kafka.kill(0).await?;
        assert!(!writing.is_finished(), "it was killed in the middle");
        kafka.restart(0).await?;
    }
    let acknowledged = tokio::time::timeout(DEADLINE, writing).await???;
    assert_eq!(acknowledged.at.len(), 4 * EACH, "no position twice");
    check(&log, &acknowledged).await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_three_brokers_one_may_die() -> Result<()> {
    const EACH: usize = 2_000;
    let Some(mut kafka) = or_skip(Kafka::start(3).await)? else { return Ok(()) };
    let settings = Settings {
        replication: 3,
        min_insync_replicas: 2,
        session_timeout: Duration::from_secs(10),
        ..settings(&kafka, "")
    };
    let log = Arc::new(KafkaLog::connect(&settings).await?);
    let done = watch::Sender::new(0);
    let writing = tokio::spawn(write(Arc::clone(&log), 4, EACH, done.clone()));
    until(&done, EACH).await?;
    kafka.kill(1).await?;
    assert!(!writing.is_finished(), "it was killed in the middle");
    let acknowledged = tokio::time::timeout(DEADLINE, writing).await???;
    check(&log, &acknowledged).await?;

    // A group reads on too, whichever broker led it.
    let mut subscription = log.subscribe(Topic::RATINGS, "group").await?;
    let mut seen = BTreeMap::new();
    let mut next = BTreeMap::new();
    let started = Instant::now();
    while seen.len() < acknowledged.at.len() {
        assert!(started.elapsed() < DEADLINE, "{} of {} came", seen.len(), acknowledged.at.len());
        match subscription.next(500, Duration::from_secs(1)).await? {
            Delivery::Assigned(_) => seen.clear(),
            Delivery::Records(records) => {
                next.extend(records.iter().map(|record| (record.position.partition, record.position.offset.next())));
                seen.extend(records.into_iter().map(|record| (record.position, record.value)));
            }
        }
    }
    subscription.commit(&next).await?;
    assert_eq!(log.committed(Topic::RATINGS, "group").await?, next);
    assert!(acknowledged.at.iter().all(|(position, value)| seen.get(position) == Some(value)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_loses_its_broker_for_long_gives_up_its_partitions_and_comes_back() -> Result<()> {
    let Some(mut kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    let settings = Settings { session_timeout: Duration::from_secs(6), ..settings(&kafka, "") };
    let log = KafkaLog::connect(&settings).await?;
    let written = log.append(Topic::RATINGS, (0..50).map(numbered).collect()).await?;
    let mut subscription = log.subscribe(Topic::RATINGS, "group").await?;
    let all: Vec<Partition> = (0..4).map(Partition).collect();
    let started = Instant::now();
    let mut assigned = None;
    let mut seen = 0;
    // It has everything, then nothing, then everything again, from where the group was.
    for (stage, wanted) in [(0, &all[..]), (1, &[]), (2, &all[..])] {
        match stage {
            1 => kafka.pause(0).await?,
            2 => kafka.resume(0).await?,
            _ => {}
        }
        while assigned.as_deref() != Some(wanted) || (!wanted.is_empty() && seen < written.len()) {
            assert!(started.elapsed() < DEADLINE, "stage {stage}: {assigned:?}, {seen} records");
            match subscription.next(100, Duration::from_secs(1)).await {
                Ok(Delivery::Assigned(now)) => (assigned, seen) = (Some(now), 0),
                Ok(Delivery::Records(records)) => seen += records.len(),
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            }
        }
        assert_eq!(seen, if wanted.is_empty() { 0 } else { written.len() });
    }
    let next: BTreeMap<_, _> = written.iter().map(|position| (position.partition, position.offset.next())).collect();
    subscription.commit(&next).await?;
    assert_eq!(log.committed(Topic::RATINGS, "group").await?, next);
    Ok(())
}
