//! Reads over memory ports, with paused time.

use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::time::Duration;

use marquee_domain::{Offset, Partition, Position, Timestamp};
use marquee_features::View;
use marquee_kit::{Context, Kind};
use marquee_log::Progress;
use marquee_ports::OnlineStore;
use tokio::time::Instant;

use super::*;
use crate::entity::Entity;
use crate::testing::{World, movie_id, user_id};

const NOW: Timestamp = Timestamp::from_seconds(100);

#[tokio::test(start_paused = true)]
async fn a_read_after_a_position_sees_the_event_at_it() {
    let world = World::new(3);
    let online = world.start().await.features().online;
    for n in 1..=9 {
        let position = world.rate("user", &format!("movie-{n}"), 4.0).await;
        online.positions.wait_for(&[position], Duration::from_secs(1)).await.expect("applied");
        let queries = vec![UserQuery { id: user_id("user"), known_version: 0 }];
        let selection = Selection { history: true, statistics: true, as_of: NOW };
        let users = online.users(queries, selection).await.expect("users");
        assert_eq!(users[0].history.len(), n);
        assert_eq!(users[0].statistics.as_ref().map(|statistics| statistics.all_time.count()), Some(n as u64));
        assert_eq!(users[0].basis.map(|basis| basis.applied), Some(position));
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_after_a_position_that_is_not_applied_ends_at_its_deadline() {
    let world = World::new(1);
    let online = world.start().await.features().online;
    let position = Position { partition: Partition(0), offset: Offset(0) };
    let started = Instant::now();
    let failure = online.positions.wait_for(&[position], Duration::from_secs(2)).await.expect_err("not applied");
    assert_eq!((failure.kind(), started.elapsed()), (Kind::DeadlineExceeded, Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_position_in_a_partition_that_does_not_exist_is_refused_at_once() {
    let world = World::new(2);
    let online = world.start().await.features().online;
    let wrong = Position { partition: Partition(99), offset: Offset(0) };
    let started = Instant::now();
    let failure = online.positions.wait_for(&[wrong], Duration::from_secs(2)).await.expect_err("no such partition");
    assert_eq!((failure.kind(), started.elapsed()), (Kind::InvalidArgument, Duration::ZERO));
    assert_eq!(failure.violations()[0].field, "after[0].partition");
}

#[tokio::test(start_paused = true)]
async fn a_partition_of_another_instance_is_applied_when_its_marker_says_so() {
    let world = World::new(2);
    let service = world.start().await;
    let rows = service.features().online.rows.clone();
    // An instance without partitions.
    let (_progress, progress) = tokio::sync::watch::channel(Progress::default());
    let positions = Positions { log: Arc::new(world.log.clone()), rows, progress };
    let user = (0..).map(|n| format!("user-{n}")).find(|user| positions.rows.partition_of(&user_id(user)).0 == 1);
    let position = world.rate(&user.expect("a user of the partition"), "movie", 2.0).await;
    positions.wait_for(&[position], Duration::from_secs(5)).await.expect("applied by the consumer");
    assert!(world.store.marker(Partition(1)).await.unwrap() > position.offset);
    let next = Position { offset: position.offset.next(), ..position };
    assert!(positions.wait_for(&[position, next], Duration::from_secs(1)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn statistics_are_the_features_by_name_and_movies_are_merged_over_partitions() {
    let world = World::new(4);
    let online = world.start().await.features().online;
    let mut after = Vec::new();
    for n in 0..12 {
        after.push(world.rate(&format!("user-{n}"), "movie", f64::from(1 + n % 5)).await);
    }
    online.positions.wait_for(&after, Duration::from_secs(1)).await.expect("applied");
    let movies = online.movies(vec![movie_id("movie"), movie_id("other")], NOW).await.expect("movies");
    let counts: Vec<u64> = movies.iter().map(|movie| movie.statistics.all_time.count()).collect();
    assert_eq!(counts, [12, 0]);
    assert!(movies[0].basis.is_some() && movies[1].basis.is_none());
    let entity = Entity { user: None, movie: Some(movie_id("movie")) };
    let columns = online.definition.all(View::Movie);
    let features = online.features(vec![entity.clone(), entity], columns.clone(), NOW).await.expect("features");
    let count = columns.iter().position(|&column| online.definition.name(column) == "movie:rating_count");
    let value = count.and_then(|index| features[1].values[index].clone());
    assert_eq!(value, Some(marquee_features::Value::Count(12)));
    assert_eq!(features[0].movie, movies[0].basis);
}

#[tokio::test]
async fn a_read_of_a_few_rows_does_not_wait_for_the_compute_pool() {
    let context = Context { compute: Compute::new(NonZeroUsize::MIN), ..Context::default() };
    let world = World { context, ..World::new(8) };
    let online = world.start().await.features().online;
    let position = world.rate("user", "movie", 4.0).await;
    online.positions.wait_for(&[position], Duration::from_secs(60)).await.expect("applied");
    let (release, released) = mpsc::channel::<()>();
    let pool = world.context.compute.clone();
    let busy = tokio::spawn(async move { pool.run(move || released.recv()).await });
    // The other job has the only place in the pool.
    tokio::task::yield_now().await;
    let entity = Entity { user: Some(user_id("user")), movie: Some(movie_id("movie")) };
    let columns = View::ALL.into_iter().flat_map(|view| online.definition.all(view)).collect();
    let read = online.features(vec![entity], columns, NOW);
    let features = tokio::time::timeout(Duration::from_secs(60), read).await.expect("it does not wait");
    assert_eq!(features.expect("features")[0].user.map(|basis| basis.applied), Some(position));
    drop(release);
    busy.await.expect("the other job ends").expect_err("nothing was sent");
}
