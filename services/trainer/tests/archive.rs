//! The archive has every event of the log once, over restarts and compaction, and a model trained
//! from it is the same as one trained from the log.

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use marquee_parquet::Column;
use marquee_ports::{ObjectKey, Topic};
use marquee_proto::training::v1::{Algorithm, Parameters, State};

use world::{DEADLINE, World};

/// Returns the names of the archive's objects with this extension.
async fn names(world: &World, extension: &str) -> BTreeSet<String> {
    let folder = ObjectKey::try_new("archive/ratings").expect("valid");
    let all = world.objects.list(Some(&folder)).await.expect("lists");
    all.into_iter().map(|entry| entry.key.as_str().to_owned()).filter(|name| name.ends_with(extension)).collect()
}

/// Returns what the indices say by partition: the next offset, and the numbers of rows and files.
async fn indices(world: &World) -> BTreeMap<u64, (u64, u64, usize)> {
    let mut indices = BTreeMap::new();
    for name in names(world, ".json").await {
        let bytes =
            world.objects.get(&ObjectKey::try_new(&name).expect("valid")).await.expect("reads").expect("there").bytes;
        let index: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        let number = |value: &serde_json::Value| value.as_u64().expect("a number");
        let files = index["files"].as_array().expect("a list");
        let rows = files.iter().map(|file| number(&file["rows"])).sum();
        indices.insert(number(&index["partition"]), (number(&index["next_offset"]), rows, files.len()));
    }
    indices
}

/// Waits until the archive reaches the end of every partition.
async fn archived(world: &World) {
    let started = Instant::now();
    loop {
        let indices = indices(world).await;
        let bounds = world.log.bounds(Topic::RATINGS).await.expect("bounds");
        let reached = |partition: u32| indices.get(&u64::from(partition)).map_or(0, |(next, ..)| *next);
        if bounds.iter().all(|one| reached(one.partition.0) == one.end.0) {
            return;
        }
        assert!(started.elapsed() < DEADLINE, "the archive never reached the log's end: {indices:?}");
        tokio::task::yield_now().await;
    }
}

/// Returns partition and offset of every row of every file.
async fn rows(world: &World, names: &BTreeSet<String>) -> Vec<(i64, i64)> {
    let mut rows = Vec::new();
    for name in names {
        let key = ObjectKey::try_new(name).expect("valid");
        let parquet = world.objects.get(&key).await.expect("reads").expect("there").bytes;
        let table = marquee_parquet::read(parquet).expect("Parquet");
        let numbers = |column: &str| match table.column(column) {
            Some(Column::Int64(values)) => values.iter().map(|value| value.expect("a value")).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        rows.extend(numbers("partition").into_iter().zip(numbers("offset")));
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_archived_once_over_restarts_and_compaction_and_trains_alike() {
    let Some(world) = World::new().await else { return };
    let quick = |settings: &mut marquee_trainer::Settings| {
        settings.archive.every = Duration::from_millis(5);
        settings.archive.compact = 3;
    };
    // Several trainers, one after the other. Some stop in order, others die.
    for (round, orderly) in [(1, true), (2, false), (3, true), (4, true), (5, true)] {
        let trainer = world.trainer_with("archivist", quick).await;
        world.rate(round * 30..round * 30 + 20).await;
        archived(&world).await;
        world.rate(round * 30 + 20..round * 30 + 30).await;
        if orderly { trainer.stop().await } else { trainer.die().await }
    }
    let trainer = world.trainer_with("archivist", quick).await;
    archived(&world).await;
    trainer.stop().await;
    let names = names(&world, ".parquet").await;
    let mut rows = rows(&world, &names).await;
    let total: u64 = world.log.bounds(Topic::RATINGS).await.expect("bounds").iter().map(|bounds| bounds.end.0).sum();
    assert_eq!(rows.len() as u64, total, "each event once");
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len() as u64, total, "no event twice");
    let indices = indices(&world).await;
    assert_eq!(indices.values().map(|(_, rows, _)| rows).sum::<u64>(), total, "the indices count them too");
    assert_eq!(indices.values().map(|(.., files)| files).sum::<usize>(), names.len(), "and name every file");
    assert!(names.iter().all(|name| name.contains("/day=2023-11-14/")), "{names:?}");
    let most = names.len() as f64 / world.log.bounds(Topic::RATINGS).await.expect("bounds").len() as f64;
    assert!(most < 4.0, "many small files became few: {names:?}");

    // Archive and log together, and the log alone, are the same data set.
    world.rate(500..510).await;
    let mut digests = BTreeSet::new();
    for archive in [true, false] {
        let trainer = world
            .trainer_with("reader", |settings| {
                settings.archive.enabled = false;
                settings.default_model = if archive { "from-archive".to_owned() } else { "from-log".to_owned() };
            })
            .await;
        if !archive {
            for name in names.iter().chain(&self::names(&world, ".json").await) {
                world.objects.delete(&ObjectKey::try_new(name).expect("valid")).await.expect("deletes");
            }
        }
        let run = trainer.start((Algorithm::Bias, Parameters::default())).await;
        digests.insert(trainer.until(&run, State::Succeeded).await.dataset_digest);
        trainer.stop().await;
    }
    assert_eq!(digests.len(), 1, "the archive and the log say the same");
}
