//! The running consumer over memory ports, with paused time.

use std::time::Duration;

use marquee_domain::{Offset, Partition, Position, Timestamp};
use marquee_ports::memory::{Fault, Step};
use marquee_ports::{ErrorKind, NewRecord, OnlineStore, RatingLog, Record, Topic, partition_for};
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
    let (value, timestamp) = ("no event".into(), Timestamp::from_seconds(1));
    let bad = NewRecord { key: None, value, headers: Vec::new(), timestamp };
    world.log.append(Topic::RATINGS, vec![bad]).await.unwrap();
    world.rate("user", "movie-2", 4.0).await;
    world.start().await;
    world.context.health.ready().await;
    let from = Position { partition: Partition(0), offset: Offset(0) };
    let rejected = world.log.read(Topic::REJECTED, from, 10).await.unwrap();
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].header("source-position"), Some(b"0@1".as_slice()));
    // A row of the user and one of each movie.
    assert_eq!(world.store.rows().len(), 3);
}

/// A rating in JSON, with a key that is not its user's.
fn misplaced(user: &str, key: &str, rating: u8) -> NewRecord {
    let value =
        format!(r#"{{"rated":{{"userId":"{user}","movieId":"movie","rating":{rating},"ratedAt":1769890500}}}}"#);
    let key = Some(key.to_owned().into());
    NewRecord { key, value: value.into(), headers: Vec::new(), timestamp: Timestamp::from_seconds(1_769_890_501) }
}

async fn read_all(world: &World, topic: Topic) -> Vec<Record> {
    let mut all = Vec::new();
    for bounds in world.log.bounds(topic).await.unwrap() {
        let from = Position { partition: bounds.partition, offset: bounds.begin };
        all.extend(world.log.read(topic, from, 1_000).await.unwrap());
    }
    all
}

/// Users of each of two partitions.
fn users() -> [String; 2] {
    let user = |partition: u32| {
        let of = |user: &String| partition_for(user.as_bytes(), 2) == Partition(partition);
        (0..).map(|n| format!("user-{n}")).find(of).unwrap()
    };
    [user(0), user(1)]
}

/// Waits until every record of the rating topic is applied, also those that applying appends.
async fn applied(world: &World) {
    let behind = async || {
        for bounds in world.log.bounds(Topic::RATINGS).await.unwrap() {
            if world.store.marker(bounds.partition).await.unwrap() < bounds.end {
                return true;
            }
        }
        false
    };
    while behind().await {
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_in_another_partition_is_moved_to_that_of_its_user() {
    let (world, [first, second]) = (World::new(2), users());
    let records = vec![misplaced(&first, &second, 4), misplaced(&second, &second, 3), misplaced(&second, &first, 9)];
    world.log.append(Topic::RATINGS, records).await.unwrap();
    world.start().await;
    world.context.health.ready().await;
    applied(&world).await;
    let keys = world.store.rows().into_keys().collect::<Vec<_>>();
    for (partition, user) in [(0, &first), (1, &second)] {
        let key = marquee_features::user_key(&crate::testing::user_id(user));
        assert!(keys.contains(&(Partition(partition), key)), "{user} has a row in its own partition");
    }
    let moved =
        world.log.read(Topic::RATINGS, Position { partition: Partition(0), offset: Offset(1) }, 9).await.unwrap();
    assert_eq!((moved.len(), moved[0].header("moved-from")), (1, Some(b"1@0".as_slice())));
    assert_eq!(moved[0].timestamp, Timestamp::from_seconds(1_769_890_501));
    let rejected = read_all(&world, Topic::REJECTED).await;
    assert_eq!(rejected.len(), 1, "what is off the scale is not moved");
    let metrics = world.context.metrics.text();
    assert!(metrics.contains("features_events_moved_total 1\n"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn an_event_is_moved_once_and_then_rejected() {
    let (world, [first, second]) = (World::new(2), users());
    let mut again = misplaced(&first, &second, 4);
    again.headers.push(("moved-from".to_owned(), "0@7".into()));
    world.log.append(Topic::RATINGS, vec![again]).await.unwrap();
    world.start().await;
    world.context.health.ready().await;
    let rejected = read_all(&world, Topic::REJECTED).await;
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].header("reason"), Some(b"WRONG_PARTITION".as_slice()));
    assert_eq!(read_all(&world, Topic::RATINGS).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_log_refuses_to_take_again_is_left_out_and_the_partition_goes_on() {
    let (world, [first, second]) = (World::new(2), users());
    let records = vec![misplaced(&first, &second, 9), misplaced(&first, &second, 4), misplaced(&second, &second, 3)];
    world.log.append(Topic::RATINGS, records).await.unwrap();
    // The appends of the test are over: those of the consumer are refused for good.
    for call in 2..30 {
        world.log.faults().add(Step::on("append", call, Fault::Fail(ErrorKind::Invalid)));
    }
    world.start().await;
    world.context.health.ready().await;
    assert_eq!(world.store.marker(Partition(1)).await.unwrap(), Offset(3));
    assert_eq!(read_all(&world, Topic::REJECTED).await, []);
    assert!(!world.context.stop.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_copy_whose_time_the_log_refuses_has_no_time() {
    let (world, [first, second]) = (World::new(2), users());
    world.log.append(Topic::RATINGS, vec![misplaced(&first, &second, 9)]).await.unwrap();
    for call in 2..4 {
        world.log.faults().add(Step::on("append", call, Fault::Fail(ErrorKind::Invalid)));
    }
    world.start().await;
    world.context.health.ready().await;
    let rejected = read_all(&world, Topic::REJECTED).await;
    assert_eq!(rejected.iter().map(|record| record.timestamp).collect::<Vec<_>>(), [Timestamp::EPOCH]);
}

#[tokio::test(start_paused = true)]
async fn what_the_log_does_not_take_now_is_appended_later() {
    let (world, [first, second]) = (World::new(2), users());
    world.log.append(Topic::RATINGS, vec![misplaced(&first, &second, 9)]).await.unwrap();
    for call in 2..5 {
        world.log.faults().add(Step::on("append", call, Fault::Fail(ErrorKind::Unavailable)));
    }
    world.start().await;
    world.context.health.ready().await;
    assert_eq!(read_all(&world, Topic::REJECTED).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_noticed_and_mended_although_no_event_comes() {
    let world = World::new(1);
    for n in 0..5 {
        world.rate("user", &format!("movie-{n}"), 3.0).await;
    }
    world.start().await;
    world.context.health.ready().await;
    let rows = world.store.rows();
    world.store.lose_tail(usize::MAX);
    assert!(world.store.rows().is_empty());
    // The leases are verified every 5 s, and the consumer tries again after a failure.
    sleep(Duration::from_secs(15)).await;
    assert_eq!(world.store.rows(), rows);
    assert_eq!(world.not_ready(), None);
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

/// Returns the partitions that have a lag in the metrics.
fn lagging(world: &World) -> usize {
    world.context.metrics.text().lines().filter(|line| line.contains("features_lag{")).count()
}

#[tokio::test(start_paused = true)]
async fn the_metrics_have_no_lag_of_a_partition_that_moved_away() {
    let world = World::new(2);
    world.start().await;
    world.context.health.ready().await;
    assert_eq!(lagging(&world), 2);
    // Another member of the group takes one of the partitions.
    let _other = world.log.subscribe(Topic::RATINGS, &Settings::default().group).await.unwrap();
    let moved = async {
        while lagging(&world) != 1 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), moved).await.expect("one partition has a lag");
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

#[tokio::test(start_paused = true)]
async fn a_slow_partition_does_not_keep_the_others_of_its_batch_waiting() {
    const SLOW: Duration = Duration::from_secs(5);
    let (world, [first, second]) = (World::new(2), users());
    let online = world.start().await.features().online;
    world.context.health.ready().await;
    world.faults.add(Step::on("apply", 1, Fault::Delay(SLOW)));
    let records = vec![misplaced(&first, &first, 4), misplaced(&second, &second, 4)];
    let positions = world.log.append(Topic::RATINGS, records).await.unwrap();
    let started = Instant::now();
    let applied = async |position: Position| {
        online.positions.wait_for(&[position], Duration::from_secs(60)).await.expect("applied");
        started.elapsed()
    };
    let (one, other) = tokio::join!(applied(positions[0]), applied(positions[1]));
    assert!(one.min(other) < Duration::from_secs(1), "{one:?} and {other:?}");
    assert!(one.max(other) >= SLOW, "{one:?} and {other:?}");
}

#[tokio::test(start_paused = true)]
async fn the_movies_are_read_while_the_rows_are() {
    const SLOW: Duration = Duration::from_secs(5);
    let world = World::new(1);
    let online = world.start().await.features().online;
    world.context.health.ready().await;
    let position = world.rate("user", "movie", 3.0).await;
    // The next call of the log is for the movies, and the next one of the store for the row.
    world.log.faults().add_next(Fault::Delay(SLOW));
    world.faults.add_next(Fault::Delay(SLOW));
    let started = Instant::now();
    online.positions.wait_for(&[position], Duration::from_secs(60)).await.expect("applied");
    assert!((SLOW..2 * SLOW).contains(&started.elapsed()), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn offsets_are_committed_once_a_second_and_at_last_all_of_them() {
    let world = World::new(1);
    let online = world.start().await.features().online;
    world.context.health.ready().await;
    for n in 0..50 {
        let position = world.rate("user", &format!("movie-{n}"), 3.0).await;
        online.positions.wait_for(&[position], Duration::from_secs(1)).await.expect("applied");
        sleep(Duration::from_millis(20)).await;
    }
    let commits = world.log.faults().calls().iter().filter(|call| **call == "commit").count();
    assert!(commits <= 3, "{commits} commits in a second");
    sleep(Duration::from_secs(3)).await;
    let committed = world.log.committed(Topic::RATINGS, &Settings::default().group).await.unwrap();
    assert_eq!(committed.get(&Partition(0)), Some(&Offset(50)));
}
