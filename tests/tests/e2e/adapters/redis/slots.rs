//! A cluster that moves a slot from one server to another under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use marquee_domain::Offset;
use marquee_e2e::servers::{Redis, or_skip};
use marquee_ports::{OnlineStore as _, RowKey};
use marquee_redis::RedisStore;
use tokio::task::JoinSet;

use super::{P0, key, settings, write};

/// Rows of the partition. [`write`] names as many keys.
const ROWS: u64 = 50;

/// The slot of the partition, the node that serves it, and another node.
struct Move<'a> {
    redis: &'a Redis,
    slot: String,
    from: usize,
    to: usize,
}

impl Move<'_> {
    async fn of(redis: &Redis) -> Result<Move<'_>> {
        let slot = redis.ask(0, "CLUSTER KEYSLOT marquee:{p0}@").await?;
        for from in 0..redis.urls().len() {
            if redis.ask(from, "GET marquee:{p0}@").await.is_ok() {
                return Ok(Move { redis, slot, from, to: (from + 1) % redis.urls().len() });
            }
        }
        anyhow::bail!("no node serves the slot {slot}")
    }

    /// Announces the move to both servers.
    async fn begin(&self) -> Result<()> {
        let (from, to) = (self.id(self.from).await?, self.id(self.to).await?);
        self.redis.ask(self.to, &format!("CLUSTER SETSLOT {} IMPORTING {from}", self.slot)).await?;
        self.redis.ask(self.from, &format!("CLUSTER SETSLOT {} MIGRATING {to}", self.slot)).await?;
        Ok(())
    }

    /// Moves one key. A key that is not there is no error.
    async fn key(&self, name: &str) -> Result<()> {
        let url = &self.redis.urls()[self.to];
        let (_, port) = url.rsplit_once(':').context("an address with a port")?;
        let answer = self.redis.ask(self.from, &format!("MIGRATE 127.0.0.1 {port} {name} 0 5000")).await?;
        ensure!(answer == "OK" || answer == "NOKEY", "{answer}");
        Ok(())
    }

    /// Tells every server who serves the slot now.
    async fn end(&self) -> Result<()> {
        let to = self.id(self.to).await?;
        let others = (0..self.redis.urls().len()).filter(|node| *node != self.to);
        for node in std::iter::once(self.to).chain(others) {
            self.redis.ask(node, &format!("CLUSTER SETSLOT {} NODE {to}", self.slot)).await?;
        }
        Ok(())
    }

    async fn id(&self, node: usize) -> Result<String> {
        self.redis.ask(node, "CLUSTER MYID").await
    }
}

/// Reads all rows again and again. Returns how often, how often in vain, and the longest time.
async fn read(store: RedisStore, stop: Arc<AtomicBool>) -> (u64, Vec<String>, Duration) {
    let keys: Vec<RowKey> = (0..ROWS).map(|number| key(P0, number)).collect();
    let (mut reads, mut failed, mut longest) = (0, Vec::new(), Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        match store.get(&keys).await {
            Ok(rows) if rows.iter().all(Option::is_some) => {}
            Ok(_) => failed.push("a row is absent".to_owned()),
            Err(error) => failed.push(format!("{error:?}")),
        }
        reads += 1;
        longest = longest.max(started.elapsed());
    }
    (reads, failed, longest)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_read_and_written_while_their_slot_moves() -> Result<()> {
    let Some(redis) = or_skip(Redis::cluster().await)? else { return Ok(()) };
    let store = RedisStore::connect(&settings(&redis, "marquee:")).await?;
    let mut lease = store.lease(P0).await?;
    lease.apply((0..ROWS).map(write).collect(), Offset(ROWS)).await?;

    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..8 {
        readers.spawn(read(store.clone(), Arc::clone(&stop)));
    }
    let slot = Move::of(&redis).await?;
    slot.begin().await?;
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    for number in 0..ROWS {
        pace.tick().await;
        slot.key(&format!("marquee:{{p0}}:k{number}")).await?;
    }
    for name in ["marquee:{p0}@known", "marquee:{p0}@", "marquee:{p0}@lease"] {
        slot.key(name).await?;
    }
    slot.end().await?;
    // The next write finds the other server.
    lease.apply(vec![write(ROWS)], Offset(ROWS + 1)).await?;
    lease.verify().await?;
    stop.store(true, Ordering::Relaxed);
    for (reads, failed, longest) in readers.join_all().await {
        assert!(failed.is_empty(), "{} of {reads} reads failed: {}", failed.len(), failed[0]);
        assert!(longest < Duration::from_secs(3), "{longest:?}");
    }
    assert_eq!(store.marker(P0).await?, Offset(ROWS + 1));
    Ok(())
}
