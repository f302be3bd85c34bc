//! A new online store over a log that has forgotten: the archive has the events.

use std::path::Path;

use anyhow::{Result, ensure};
use marquee_domain::{Offset, Partition};
use marquee_e2e::servers::Stack;
use marquee_e2e::{Process, read_topic, until};
use marquee_kit::Transport;
use marquee_ports::{RatingLog, Topic};
use marquee_proto::features::v1::GetProgressRequest;
use marquee_proto::features::v1::features_client::FeaturesClient;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::{prepare, verdict};

/// The consumer group of the archive.
const ARCHIVE: &str = "archive";

/// How many of the newest archived events of each partition the log still has.
const KEPT: u64 = 3;

/// How often the feature store is killed while it rebuilds.
const KILLS: usize = 3;

/// Archives the whole log, makes the log forget what is archived, and starts a feature store whose
/// online store is empty. It is killed several times before it may finish.
pub(super) async fn rebuild(stack: &Stack, folder: &Path, seed: u64) -> Result<Process> {
    let trainer = prepare(stack, folder, "trainer", "trainer").set("trainer.archive.every=1s").start().await?;
    let archived = archived(stack).await?;
    let events: u64 = archived.iter().map(|(_, end)| end.0).sum();
    assert_eq!(trainer.stop().await?, Some(0));
    let below = archived.into_iter().map(|(partition, end)| (partition, Offset(end.0.saturating_sub(KEPT))));
    stack.kafka.delete_records(Topic::RATINGS.name(), &below.collect::<Vec<_>>()).await?;

    let launch = || {
        let launch = prepare(stack, folder, "feature-store", "features-3").set("redis.prefix=\"rebuilt:\"");
        // Small batches, so that a kill comes in the middle.
        launch.set("feature_store.group=\"rebuilt\"").set(format!("feature_store.batch={}", 16.max(events / 256)))
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(40);
    for kill in 0..KILLS {
        let mut process = launch().spawn_only().await?;
        let (features, least) = (process.clients()?.features, events / (KILLS - kill + 1) as u64);
        let goal = rng.random_range(0..=least);
        until("a part is applied", async || (applied(features.clone()).await? >= goal).then_some(())).await?;
        process.kill().await?;
    }
    launch().start().await
}

/// Returns how many events are applied.
async fn applied(mut features: FeaturesClient<Transport>) -> Option<u64> {
    let progress = features.get_progress(GetProgressRequest {}).await.ok()?.into_inner();
    Some(progress.partitions.iter().map(|partition| partition.next_offset).sum())
}

/// Waits until every event is archived. Returns the end of each partition.
async fn archived(stack: &Stack) -> Result<Vec<(Partition, Offset)>> {
    let log = stack.kafka.log().await?;
    let ends: Vec<_> = verdict::ends(&read_topic(&log, Topic::RATINGS).await?).into_iter().collect();
    ensure!(ends.iter().any(|(_, end)| end.0 > KEPT), "the log has no events");
    until("the log is archived", async || {
        let committed = log.committed(Topic::RATINGS, ARCHIVE).await.ok()?;
        let is_archived =
            |(partition, end): &(Partition, Offset)| committed.get(partition).is_some_and(|committed| committed >= end);
        ends.iter().all(is_archived).then_some(())
    })
    .await?;
    Ok(ends)
}
