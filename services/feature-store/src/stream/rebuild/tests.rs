//! New stores over logs that have forgotten events, with paused time.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use marquee_archive::{Settings as ArchiveSettings, Source, Writer};
use marquee_features::user_key;
use marquee_kit::Context;
use marquee_ports::memory::{Fault, MemoryLog, MemoryObjects, Step};
use marquee_ports::{ObjectStore, OnlineStore, RatingLog, Topic};
use tokio::time::sleep;

use super::*;
use crate::service::Service;
use crate::settings::Settings;
use crate::testing::{World, scale, user_id};

/// The group of the archive's writer.
const ARCHIVE: &str = "archive";

/// Log lines.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Returns how many lines contain a text.
    fn with(&self, text: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).lines().filter(|line| line.contains(text)).count()
    }
}

const SOON: Duration = Duration::from_millis(10);

/// Archives the whole log of a world.
async fn archive(world: &World) -> Arc<dyn ObjectStore> {
    let objects: Arc<dyn ObjectStore> = Arc::new(MemoryObjects::default());
    let source = Source { log: Arc::new(world.log.clone()), scale: scale(), objects: Arc::clone(&objects) };
    let every = Duration::from_millis(1);
    let settings = ArchiveSettings { group: ARCHIVE.to_owned(), every, rows: 7, ..ArchiveSettings::default() };
    let context = Context::default();
    let writer = tokio::spawn(Writer::new(settings, source, &context).run(context.stop.clone()));
    for Bounds { partition, end, .. } in world.log.bounds(Topic::RATINGS).await.unwrap() {
        while archived(world, partition).await < end {
            sleep(SOON).await;
        }
    }
    context.stop.cancel();
    writer.await.unwrap().unwrap();
    objects
}

async fn archived(world: &World, partition: Partition) -> Offset {
    let committed = world.log.committed(Topic::RATINGS, ARCHIVE).await.unwrap();
    committed.get(&partition).copied().unwrap_or_default()
}

/// Returns a world with the log of another one, with a store of its own that is empty.
fn with_new_store(world: &World, objects: Option<Arc<dyn ObjectStore>>) -> World {
    World { log: world.log.clone(), objects, ..World::new(1) }
}

/// Starts a feature store with a group of its own, and waits until it has applied everything.
async fn start(world: &World, group: &str) -> Service {
    let settings = Settings { group: group.to_owned(), batch: 3, ..Settings::default() };
    let service = Service::start(settings, world.dependencies(), &world.context).await.unwrap();
    for Bounds { partition, end, .. } in world.log.bounds(Topic::RATINGS).await.unwrap() {
        while world.store.marker(partition).await.unwrap() < end {
            sleep(SOON).await;
        }
    }
    world.context.health.ready().await;
    service
}

async fn rate(world: &World, range: std::ops::Range<usize>) {
    for n in range {
        world.rate(&format!("user-{}", n % 7), &format!("movie-{}", n % 5), (1 + n % 5) as f64).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_store_has_the_events_that_only_the_archive_has() {
    let world = World::new(2);
    rate(&world, 0..60).await;
    let objects = archive(&world).await;
    rate(&world, 60..80).await;
    start(&world, "old").await;
    for Bounds { partition, .. } in world.log.bounds(Topic::RATINGS).await.unwrap() {
        let archived = archived(&world, partition).await;
        assert!(archived > Offset(10), "both partitions have events");
        world.log.forget(Topic::RATINGS, partition, Offset(archived.0 - 2));
    }

    let rebuilt = with_new_store(&world, Some(objects));
    // The rebuild is interrupted and goes on at the marker.
    rebuilt.faults.add(Step::on("apply", 3, Fault::FailAfter(ErrorKind::Unavailable)));
    rebuilt.faults.add(Step::on("apply", 5, Fault::Fail(ErrorKind::Unavailable)));
    let service = start(&rebuilt, "new").await;
    assert_eq!(rebuilt.store.rows(), world.store.rows());

    let events = &service.history().offline.events;
    let mut count = 0;
    for bounds in world.log.bounds(Topic::RATINGS).await.unwrap() {
        count = events.fold(&bounds, count, |count, _| *count += 1).await.expect("it reads");
    }
    assert_eq!(count, 80, "joins and backfills have every event once");
}

#[tokio::test(start_paused = true)]
async fn events_in_neither_the_archive_nor_the_log_are_left_out_and_the_others_are_applied() {
    let world = World::new(1);
    let rate = async |user: &str, count: usize| {
        for n in 0..count {
            world.rate(user, &format!("movie-{n}"), 4.0).await;
        }
    };
    rate("archived", 5).await;
    let objects = archive(&world).await;
    rate("lost", 3).await;
    rate("kept", 4).await;
    world.log.forget(Topic::RATINGS, Partition(0), Offset(8));

    for (group, objects, expected) in [("one", Some(objects), [true, false, true]), ("two", None, [false, false, true])]
    {
        let rebuilt = with_new_store(&world, objects);
        start(&rebuilt, group).await;
        let rows = rebuilt.store.rows();
        let has = |user: &str| rows.contains_key(&(Partition(0), user_key(&user_id(user))));
        assert_eq!(["archived", "lost", "kept"].map(has), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_retention_emptied_is_warned_of_once() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    // With a single dispatcher, another thread that comes to the warning first would decide that
    // it is not wanted.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::new(1);
    rate(&world, 0..20).await;
    world.log.forget(Topic::RATINGS, Partition(0), Offset(20));
    // Ready, although no event is left.
    start(&world, "group").await;
    let warning = "events are in neither the archive nor the log";
    assert_eq!(lines.with(warning), 1);
    assert_eq!(lines.with("lost_from=0 lost_until=20 has_archive=false"), 1);
    rate(&world, 20..25).await;
    // An instance that takes the partition over does not say it again.
    world.context.stop.cancel();
    let next = World { store: world.store.clone(), log: world.log.clone(), ..World::new(1) };
    start(&next, "group").await;
    assert_eq!(lines.with(warning), 1);
}

#[tokio::test(start_paused = true)]
async fn events_that_retention_removes_before_they_are_consumed_come_from_the_archive() {
    let world = World::new(1);
    rate(&world, 0..20).await;
    start(&world, "old").await;
    let objects = archive(&world).await;
    for (group, objects) in [("with", Some(objects)), ("without", None)] {
        let is_whole = objects.is_some();
        // The first batch, of three events, takes longer than retention.
        let late = World { log: MemoryLog::new(1), objects, ..World::new(1) };
        rate(&late, 0..20).await;
        late.faults.add(Step::on("apply", 1, Fault::Delay(Duration::from_secs(1))));
        let forget = async {
            sleep(SOON).await;
            late.log.forget(Topic::RATINGS, Partition(0), Offset(10));
        };
        tokio::join!(start(&late, group), forget);
        assert_eq!(late.store.rows() == world.store.rows(), is_whole, "{group}");
        assert_eq!(late.store.marker(Partition(0)).await.unwrap(), Offset(20), "{group}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_replaced_under_a_running_consumer_is_not_applied() {
    let world = World::new(1);
    rate(&world, 0..10).await;
    start(&world, "group").await;
    let before = world.store.rows();
    world.log.recreate(Topic::RATINGS);
    rate(&world, 10..12).await;
    let why = async {
        loop {
            match world.not_ready() {
                Some(why) if why.contains("cut short or replaced") => return why,
                _ => sleep(SOON).await,
            }
        }
    };
    let why = tokio::time::timeout(Duration::from_secs(60), why).await.expect("it says why it does not go on");
    assert!(why.contains("ends at offset 2, but the online store has applied it up to 10"), "{why}");
    assert_eq!(world.store.rows(), before);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_made_again_and_has_grown_is_refused_at_the_start() {
    let world = World::new(1);
    rate(&world, 0..10).await;
    let objects = archive(&world).await;
    let own = with_new_store(&world, Some(Arc::clone(&objects)));
    start(&own, "own").await;
    world.log.recreate(Topic::RATINGS);
    rate(&world, 20..50).await;
    let other = with_new_store(&world, Some(objects));
    let settings = Settings { group: "other".to_owned(), ..Settings::default() };
    let refused = Service::start(settings, other.dependencies(), &other.context).await.expect_err("another log");
    assert!(refused.to_string().contains("0@9 is not the one that was archived"), "{refused}");
}
