//! The running consumer over memory ports, with paused time.

use std::time::Duration;

use marquee_domain::Partition;
use marquee_ports::memory::{Fault, Step};
use marquee_ports::{ErrorKind, NewRecord, OnlineStore, RatingLog, Topic};
use tokio::time::{Instant, sleep};

use crate::settings::Settings;
use crate::testing::World;

#[tokio::test(start_paused = true)]
async fn it_is_ready_only_after_its_partitions_are_assigned_and_applied() {
    let world = World::new(2);
    for n in 0..20 {
        world.rate(&format!("user-{n}"), "movie", 4.0).await;
    }
    world.log.set_rebalance_delay(Duration::from_secs(3));
    let started = Instant::now();
    world.start().await;
    sleep(Duration::from_millis(2_500)).await;
    let why = world.not_ready().expect("not ready before partitions are assigned");
    assert!(why.contains("assign partitions"), "{why}");
    world.context.health.ready().await;
    assert_eq!(started.elapsed().as_secs(), 3);
    for bounds in world.log.bounds(Topic::RATINGS).await.unwrap() {
        assert_eq!(world.store.marker(bounds.partition).await.unwrap(), bounds.end);
    }
    let metrics = world.context.metrics.text();
    assert!(metrics.contains("features_events_applied_total 20\n"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_it_is_not_ready_and_its_lag_grows_and_then_it_goes_on() {
    let world = World::new(1);
    world.start().await;
    world.context.health.ready().await;
    let failures = (1..=6).map(|call| Step::on("apply", call, Fault::Fail(ErrorKind::Unavailable)));
    failures.for_each(|step| world.faults.add(step));
    for n in 0..7 {
        world.rate("user", &format!("movie-{n}"), 3.0).await;
    }
    // Six delays with jitter last at least 50 ms × (2⁶ − 1) / 2, which is over 1.5 s.
    sleep(Duration::from_millis(1_400)).await;
    let why = world.not_ready().expect("not ready while the store is away");
    assert!(why.contains("a back-end failed"), "{why}");
    let metrics = world.context.metrics.text();
    assert!(metrics.contains("features_lag{partition=\"0\"} 7\n"), "{metrics}");
    world.context.health.ready().await;
    sleep(Duration::from_secs(2)).await;
    let metrics = world.context.metrics.text();
    assert!(metrics.contains("features_lag{partition=\"0\"} 0\n"), "{metrics}");
    assert!(metrics.contains("features_retries_total 6\n"), "{metrics}");
    let bounds = world.log.bounds(Topic::RATINGS).await.unwrap()[0];
    assert_eq!(world.store.marker(bounds.partition).await.unwrap(), bounds.end);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_not_an_event_is_rejected_and_the_others_are_applied() {
    let world = World::new(1);
    world.rate("user", "movie-1", 3.0).await;
    let (value, timestamp) = ("no event".into(), marquee_domain::Timestamp::from_seconds(1));
    let bad = NewRecord { key: None, value, headers: Vec::new(), timestamp };
    world.log.append(Topic::RATINGS, vec![bad]).await.unwrap();
    world.rate("user", "movie-2", 4.0).await;
    world.start().await;
    world.context.health.ready().await;
    let from = marquee_domain::Position { partition: marquee_domain::Partition(0), offset: marquee_domain::Offset(0) };
    let rejected = world.log.read(Topic::REJECTED, from, 10).await.unwrap();
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].header("source-position"), Some(b"0@1".as_slice()));
    // A row of the user and one of each movie.
    assert_eq!(world.store.rows().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_ready_only_when_the_store_has_the_partitions_of_other_instances_too() {
    let world = World::new(2);
    for n in 0..20 {
        world.rate(&format!("user-{n}"), "movie", 4.0).await;
    }
    // Another member of the group has one of the partitions. It is dead: it applies nothing.
    let group = Settings::default().group;
    let dead = world.log.subscribe(Topic::RATINGS, &group).await.unwrap();
    world.start().await;
    sleep(Duration::from_secs(3)).await;
    let why = world.not_ready().expect("not ready while the store lacks a partition");
    assert!(why.contains("partitions that other instances apply"), "{why}");
    // The group gives its partition to the instance that lives.
    drop(dead);
    world.context.health.ready().await;
    for bounds in world.log.bounds(Topic::RATINGS).await.unwrap() {
        assert_eq!(world.store.marker(bounds.partition).await.unwrap(), bounds.end);
    }
}

#[tokio::test(start_paused = true)]
async fn offsets_without_a_record_in_the_partition_of_another_instance_are_not_waited_for() {
    let world = World::new(2);
    for partition in [Partition(0), Partition(1)] {
        world.log.append_control_record(Topic::RATINGS, partition);
    }
    let _other = world.log.subscribe(Topic::RATINGS, &Settings::default().group).await.unwrap();
    world.start().await;
    tokio::time::timeout(Duration::from_secs(10), world.context.health.ready()).await.expect("ready");
}
