//! The running monitor over memory ports, with paused time.

use std::collections::BTreeMap;
use std::time::Duration;

use marquee_domain::{Offset, Partition, Rating, RatingEvent, Timestamp, Version};
use marquee_eval::duel::{HOURS_KEPT, Mergeable as _, Slice, Tally};
use marquee_ports::memory::{Fault, Step};
use marquee_ports::{Bounds, ErrorKind, RatingLog, Topic};
use tokio::time::{Instant, sleep};

use crate::inference::Reason;
use crate::reader::Window;
use crate::rows::Stats;
use crate::testing::{EPOCH, World, away, events, model, movie, shown, user, wanted};

const ALL: [u64; 2] = [1, 2];

async fn stats(world: &World) -> Stats {
    world.reader().stats().await.unwrap()
}

async fn ends(world: &World) -> BTreeMap<Partition, Offset> {
    let bounds = world.log.bounds(Topic::RATINGS).await.unwrap();
    bounds.into_iter().map(|Bounds { partition, end, .. }| (partition, end)).collect()
}

fn rated(user_number: usize, movie_number: usize, at: i64) -> (Timestamp, RatingEvent) {
    let (user, movie, rated_at) = (user(user_number), movie(movie_number), Timestamp::from_seconds(EPOCH + at));
    (rated_at, RatingEvent::Rated(Rating { user, movie, value: 4.0, rated_at }))
}

#[tokio::test(start_paused = true)]
async fn the_live_duel_is_the_replay_of_the_log() {
    let world = World::new(3, &[1, 2, 5]);
    world.start().await;
    for start in (0..900).step_by(100) {
        world.append(&events(start..start + 100)).await;
        sleep(Duration::from_millis(20)).await;
    }
    world.learned().await;
    let replayed = world.assert_replayed(&BTreeMap::new()).await;
    let pair = &replayed.pairs[&(Version(1), Version(5))];
    assert!(pair.slice(&Slice::all()).squared.count() > 500, "{pair:?}");
    let slices: Vec<&str> = pair.slices().map(|(slice, _)| slice.as_str()).collect();
    for slice in ["history:0", "history:1-4", "history:5-19", "popularity:high", "popularity:low", "new-users"] {
        assert!(slices.contains(&slice), "{slices:?} have {slice}");
    }
    let counts = stats(&world).await;
    assert_eq!(counts.ratings, pair.slice(&Slice::all()).squared.count());
    assert!(counts.not_compared > 100 && counts.unpredicted.is_empty(), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_window_has_the_ratings_that_arrived_in_it() {
    let world = World::new(3, &ALL);
    let handler = world.start().await;
    let (reader, pair) = (world.reader(), (Version(1), Version(2)));
    world.append(&events(0..200)).await;
    world.learned().await;
    let before = reader.pair(&model(), pair, None).await.unwrap();
    let pause = Duration::from_hours(5);
    let late = events(200..300).into_iter().map(|(arrived, event)| (arrived.plus(pause), event));
    world.append(&Vec::from_iter(late)).await;
    world.learned().await;
    let after = reader.pair(&model(), pair, None).await.unwrap();

    let now = Timestamp::from_seconds(EPOCH + 300).plus(pause);
    let within = async |hours: u64, now: Timestamp| {
        let window = Window { length: Duration::from_hours(hours), now };
        reader.pair(&model(), pair, Some(window)).await.unwrap()
    };
    let recent = within(1, now).await;
    assert!(recent.slice(&Slice::all()).squared.count() > 50, "{recent:?}");
    for (slice, sums) in after.slices() {
        assert_eq!(before.slice(slice).merged(recent.slice(slice)), *sums, "{}", slice.as_str());
    }
    assert_eq!(within(HOURS_KEPT, now).await, after);
    assert_eq!(within(1, now.plus(pause)).await, Tally::default(), "no rating arrived in it");
    let window = Some(Window { length: Duration::from_hours(1), now });
    let version = reader.version(&model(), Version(2), window).await.unwrap();
    assert_eq!(version.slice(&Slice::all()), recent.slice(&Slice::all()).other);
    // The clock of the calls is years ahead of these ratings.
    let counts = async |window: Option<Duration>| {
        let duels = handler.duels("ratings", window).await.unwrap().duels;
        duels.iter().map(|duel| duel.slices.len()).sum::<usize>()
    };
    assert_eq!((counts(None).await, counts(Some(pause)).await), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn ratings_that_trickle_in_are_gathered() {
    let mut world = World::new(1, &ALL);
    world.settings.batch = 1_024;
    world.start().await;
    for number in 0..100 {
        world.append(&[rated(number, number, number as i64)]).await;
        let nothing = std::future::pending::<()>();
        tokio::time::timeout(Duration::from_millis(10), nothing).await.expect_err("nothing never happens");
    }
    world.learned().await;
    let questions = world.inference.script().questions;
    assert!((3..=10).contains(&questions), "{questions} questions in a second");
    world.assert_replayed(&BTreeMap::new()).await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_changes_nothing() {
    let mut world = World::new(2, &ALL);
    world.start().await;
    world.append(&events(0..150)).await;
    world.learned().await;
    world.stop().await;
    // These arrive while the monitor is away, and are compared when it is back.
    world.append(&events(150..300)).await;
    world.start().await;
    world.append(&events(300..400)).await;
    world.learned().await;
    world.assert_replayed(&BTreeMap::new()).await;
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_store_change_nothing() {
    let world = World::new(2, &ALL);
    world.start().await;
    for (call, fault) in [
        (20, Fault::Fail(ErrorKind::Unavailable)),
        (35, Fault::LoseTail(9)),
        (60, Fault::FailAfter(ErrorKind::Unavailable)),
        (61, Fault::LoseTail(4)),
        (110, Fault::LoseTail(40)),
    ] {
        world.faults.add(Step::at(call, fault));
    }
    for start in (0..600).step_by(60) {
        world.append(&events(start..start + 60)).await;
        sleep(Duration::from_secs(1)).await;
    }
    world.learned().await;
    // A loss that no later write noticed is noticed by the next check of the leases.
    sleep(Duration::from_secs(15)).await;
    world.learned().await;
    world.assert_replayed(&BTreeMap::new()).await;
    assert!(world.context.metrics.text().contains("monitor_retries_total"));
}

#[tokio::test(start_paused = true)]
async fn a_new_monitor_learns_what_is_there_and_compares_what_comes() {
    let world = World::new(2, &ALL);
    world.append(&events(0..200)).await;
    let from = ends(&world).await;
    let handler = world.start().await;
    world.learned().await;
    assert_eq!(world.inference.script().questions, 0);
    world.append(&events(200..300)).await;
    world.learned().await;
    world.assert_replayed(&from).await;
    let status = handler.status().await.unwrap();
    let starts: Vec<Option<u64>> = status.partitions.iter().map(|partition| partition.duel_from).collect();
    assert_eq!(starts, from.values().map(|offset| Some(offset.0)).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn ratings_wait_for_inference_that_comes_back() {
    let world = World::new(1, &ALL);
    world.start().await;
    world.inference.script().error = Some(away());
    world.append(&events(0..50)).await;
    sleep(Duration::from_secs(40)).await;
    assert_eq!(stats(&world).await, Stats::default(), "they wait");
    assert!(world.context.health.is_ready());
    world.inference.script().error = None;
    world.learned().await;
    world.assert_replayed(&BTreeMap::new()).await;
    assert!(stats(&world).await.unpredicted.is_empty());
}

#[tokio::test(start_paused = true)]
async fn ratings_are_learned_without_a_prediction_when_inference_stays_away() {
    let world = World::new(1, &ALL);
    world.start().await;
    world.inference.script().error = Some(away());
    let started = Instant::now();
    world.append(&events(0..100)).await;
    world.learned().await;
    // The patience is spent once, and not for each of the batches.
    assert!((60..70).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    let away = stats(&world).await;
    assert_eq!(away.unpredicted, BTreeMap::from([(Reason::InferenceUnavailable.name().to_owned(), away.ratings)]));
    assert_eq!(away.predicted, 0);
    world.inference.script().error = None;
    world.append(&events(100..200)).await;
    world.learned().await;
    // What was learned meanwhile is in the histories.
    world.assert_replayed_after(&BTreeMap::new(), away.ratings).await;
    let metrics = world.context.metrics.text();
    let line = format!("monitor_ratings_unpredicted_total{{reason=\"INFERENCE_UNAVAILABLE\"}} {}\n", away.ratings);
    assert!(metrics.contains(&line), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn without_a_route_nothing_is_waited_for() {
    let world = World::new(1, &[]);
    world.start().await;
    let started = Instant::now();
    world.append(&events(0..100)).await;
    world.learned().await;
    assert!(started.elapsed() < Duration::from_secs(1));
    let counts = stats(&world).await;
    assert_eq!(counts.unpredicted, BTreeMap::from([("NO_VERSION".to_owned(), counts.ratings)]));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_not_warm_yet_is_waited_for_and_beside_a_warm_one_it_is_not() {
    let world = World::new(1, &[1]);
    world.start().await;
    world.inference.script().wanted[0].is_warm = false;
    world.append(&[rated(1, 1, 1)]).await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(stats(&world).await.ratings, 0);
    world.inference.script().wanted[0].is_warm = true;
    world.learned().await;
    assert_eq!(stats(&world).await.predicted, 1);
    let mut loading = wanted(2);
    loading.is_warm = false;
    world.inference.script().wanted.push(loading);
    sleep(Duration::from_secs(2)).await;
    world.append(&[rated(1, 2, 2)]).await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(stats(&world).await.predicted, 2);
}

#[tokio::test(start_paused = true)]
async fn ratings_that_a_version_may_have_learned_are_not_compared() {
    let world = World::new(1, &ALL);
    world.inference.script().wanted[1].created_at = Some(Timestamp::from_seconds(EPOCH + 10));
    world.start().await;
    world.append(&(0..20).map(|n| rated(n, n, n as i64)).collect::<Vec<_>>()).await;
    world.learned().await;
    let reader = world.reader();
    let all = Slice::all();
    let ratings =
        async |version| reader.version(&model(), Version(version), None).await.unwrap().slice(&all).squared.count();
    assert_eq!((ratings(1).await, ratings(2).await), (20, 9));
    let pair = reader.pair(&model(), (Version(1), Version(2)), None).await.unwrap().slice(&all);
    assert_eq!((pair.squared.count(), pair.other_failures), (9, 0));
    assert_eq!(stats(&world).await.unpredicted, BTreeMap::from([("BEFORE_TRAINING".to_owned(), 11)]));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_fails_is_told_and_the_other_goes_on() {
    let world = World::new(1, &ALL);
    world.inference.script().failing = vec![Version(2)];
    world.start().await;
    world.append(&[rated(1, 1, 1), rated(1, 2, 2)]).await;
    world.learned().await;
    let pair = world.reader().pair(&model(), (Version(1), Version(2)), None).await.unwrap().slice(&Slice::all());
    assert_eq!((pair.squared.count(), pair.other_failures, pair.stable_failures), (0, 2, 0));
    let counts = stats(&world).await;
    assert_eq!((counts.predicted, counts.unpredicted["VERSION_FAILED"]), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_busy_inference_is_asked_again_and_a_refusal_is_not() {
    let world = World::new(1, &ALL);
    world.start().await;
    let busy = crate::inference::AskError { reason: Reason::InferenceBusy, ..away() };
    world.inference.script().errors.extend([busy.clone(), busy.clone()]);
    world.append(&[rated(1, 1, 1)]).await;
    world.learned().await;
    assert_eq!(stats(&world).await.predicted, 1);
    let refused = crate::inference::AskError { reason: Reason::Refused, is_passing: false, ..busy };
    world.inference.script().errors.push_back(refused);
    world.append(&[rated(1, 2, 2)]).await;
    world.learned().await;
    assert_eq!(stats(&world).await.unpredicted, BTreeMap::from([("REFUSED".to_owned(), 1)]));
}

#[tokio::test(start_paused = true)]
async fn predictions_that_were_shown_are_joined_with_the_ratings_after_them() {
    let mut world = World::new(2, &ALL);
    let handler = world.start().await;
    let predictions = [
        shown(&user(1), &movie(1), (3.0, 1, EPOCH + 1)),
        shown(&user(1), &movie(1), (4.5, 2, EPOCH + 5)),
        shown(&user(2), &movie(1), (1.0, 1, EPOCH + 5)),
        // Shown after the rating.
        shown(&user(3), &movie(1), (1.0, 1, EPOCH + 30)),
    ];
    world.log.append(Topic::PREDICTIONS, predictions.to_vec()).await.unwrap();
    world.append(&[rated(1, 1, 20), rated(3, 1, 21), rated(4, 1, 22)]).await;
    world.learned().await;
    // The next start reads the predictions again: that of user 2 is not lost, and that of user 1 is
    // not counted again.
    world.stop().await;
    world.start().await;
    world.append(&[rated(2, 1, 40)]).await;
    world.learned().await;
    let live = handler.live("ratings", None).await.unwrap();
    let found: Vec<(u64, f64)> =
        live.versions.iter().map(|live| (live.version, live.errors.unwrap().squared_error.unwrap().sum)).collect();
    assert_eq!(found, [(1, 9.0), (2, 0.25)]);
    let join = live.join.unwrap();
    assert_eq!((join.ratings, join.joined, join.late, join.rate), (4, 2, 0, 0.5));
}

#[tokio::test(start_paused = true)]
async fn a_prediction_that_comes_late_is_joined_with_the_next_batch() {
    let world = World::new(1, &ALL);
    let handler = world.start().await;
    world.append(&[rated(1, 1, 20)]).await;
    world.learned().await;
    world.log.append(Topic::PREDICTIONS, vec![shown(&user(1), &movie(1), (3.0, 1, EPOCH + 10))]).await.unwrap();
    world.append(&[rated(2, 2, 25)]).await;
    world.learned().await;
    let join = handler.live("ratings", None).await.unwrap().join.unwrap();
    assert_eq!((join.joined, join.late), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn metrics_name_the_versions_that_are_compared_at_present() {
    let world = World::new(1, &ALL);
    world.start().await;
    world.append(&events(0..60)).await;
    world.log.append(Topic::PREDICTIONS, vec![shown(&user(50), &movie(1), (3.0, 1, EPOCH + 990))]).await.unwrap();
    world.append(&[rated(50, 1, 1_000)]).await;
    world.learned().await;
    sleep(Duration::from_secs(6)).await;
    let metrics = world.context.metrics.text();
    for series in [
        "marquee_duel_rmse{model=\"ratings\",version=\"2\"}",
        "marquee_duel_difference{model=\"ratings\",stable=\"1\",other=\"2\",measure=\"rmse\"}",
        "marquee_duel_difference_lower{model=\"ratings\",stable=\"1\",other=\"2\",measure=\"mae\"}",
        "marquee_duel_difference_upper{model=\"ratings\",stable=\"1\",other=\"2\",measure=\"log_score\"}",
        "marquee_live_rmse{model=\"ratings\",version=\"1\",variant=\"stable\",served_by=\"predict\"}",
        "marquee_live_join_rate",
        "marquee_monitor_lag{partition=\"0\"} 0",
    ] {
        assert!(metrics.contains(series), "{series}: {metrics}");
    }
    // The versions are replaced by another one.
    world.inference.script().wanted = vec![wanted(3)];
    sleep(Duration::from_secs(2)).await;
    world.append(&[rated(51, 1, 1_001), rated(52, 1, 1_002)]).await;
    world.learned().await;
    sleep(Duration::from_secs(6)).await;
    let metrics = world.context.metrics.text();
    assert!(metrics.contains("marquee_duel_rmse{model=\"ratings\",version=\"3\"}"), "{metrics}");
    assert!(!metrics.contains("version=\"2\"") && !metrics.contains("other=\"2\""), "{metrics}");
}
