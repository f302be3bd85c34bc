//! The online store over a real Redis, alone and as a cluster.

#[path = "redis/eviction.rs"]
mod eviction;
#[path = "redis/failover.rs"]
mod failover;
#[path = "redis/security.rs"]
mod security;
#[path = "redis/slots.rs"]
mod slots;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Offset, Partition};
use marquee_e2e::servers::{Redis, or_skip};
use marquee_ports::conformance::{Fixture, store};
use marquee_ports::{ErrorKind, OnlineStore, Row, RowKey, Write};
use marquee_redis::{RedisStore, Settings};
use tokio::sync::Mutex;

const P0: Partition = Partition(0);

fn settings(redis: &Redis, prefix: &str) -> Settings {
    let urls = redis.urls();
    Settings { cluster: urls.len() > 1, urls, prefix: prefix.to_owned(), ..Settings::default() }
}

/// Opens stores on one server, each with a prefix of its own.
struct OnServer {
    redis: Mutex<Redis>,
    prefixes: AtomicU64,
    /// The length of the append-only file when the store was empty.
    begin: AtomicU64,
}

impl OnServer {
    fn new(redis: Redis) -> Self {
        Self { redis: Mutex::new(redis), prefixes: AtomicU64::new(0), begin: AtomicU64::new(0) }
    }

    async fn open(&self) -> Arc<dyn OnlineStore> {
        let prefix = format!("run-{}:", self.prefixes.load(Ordering::Relaxed));
        let settings = settings(&*self.redis.lock().await, &prefix);
        Arc::new(RedisStore::connect(&settings).await.expect("connects"))
    }
}

#[async_trait]
impl Fixture<dyn OnlineStore> for OnServer {
    async fn empty(&self) -> Arc<dyn OnlineStore> {
        self.prefixes.fetch_add(1, Ordering::Relaxed);
        let length = appended(&*self.redis.lock().await).and_then(|path| Ok(std::fs::metadata(path)?.len()));
        self.begin.store(length.unwrap_or(0), Ordering::Relaxed);
        self.open().await
    }

    async fn reopen(&self, port: Arc<dyn OnlineStore>) -> Arc<dyn OnlineStore> {
        drop(port);
        self.open().await
    }
}

impl OnServer {
    /// Kills the server and cuts off the end of its append-only file, in the middle of a command.
    async fn lose(&self) -> Result<()> {
        let mut redis = self.redis.lock().await;
        redis.kill(0).await?;
        let file = std::fs::File::options().write(true).open(appended(&redis)?)?;
        let end = file.metadata()?.len();
        file.set_len(self.begin.load(Ordering::Relaxed).midpoint(end))?;
        redis.restart(0).await
    }
}

#[async_trait]
impl store::LosingFixture for OnServer {
    async fn lose_newest_writes(&self) {
        // The futures of the harness cannot change threads.
        let lost = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(self.lose()));
        lost.expect("the server is killed and started again");
    }
}

fn write(offset: u64) -> Write {
    let value = Bytes::from(format!("value of {offset}"));
    Write { key: Bytes::from(format!("k{}", offset % 50)), value, applied: Offset(offset) }
}

fn key(source: Partition, number: u64) -> RowKey {
    RowKey { source, key: Bytes::from(format!("k{number}")) }
}

/// Everything below the marker is in the rows.
async fn whole_below_the_marker(store: &RedisStore, source: Partition) -> Result<u64> {
    let marker = store.marker(source).await?.0;
    for offset in marker.saturating_sub(50)..marker {
        let row = store.get(&[key(source, offset % 50)]).await?.remove(0);
        assert!(row.is_some_and(|row| row.applied >= Offset(offset)), "{offset} is below the marker {marker} and lost");
    }
    Ok(marker)
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_keeps_the_promises_of_the_online_store() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    store::suite(&OnServer::new(redis)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_the_promises_of_the_online_store() -> Result<()> {
    let Some(redis) = or_skip(Redis::cluster().await)? else { return Ok(()) };
    store::suite(&OnServer::new(redis)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_loses_writes_keeps_the_promises_of_the_online_store() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    store::loss_suite(&OnServer::new(redis)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_another_process_fences_this_one() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let (one, other) = (
        RedisStore::connect(&settings(&redis, "marquee:")).await?,
        RedisStore::connect(&settings(&redis, "marquee:")).await?,
    );
    let mut older = one.lease(P0).await?;
    older.apply(vec![write(0)], Offset(1)).await?;
    let mut newer = other.lease(P0).await?;
    assert_eq!(newer.marker(), Offset(1));
    let error = older.apply(vec![write(1)], Offset(2)).await.expect_err("it is fenced");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("a newer lease was taken"), "{error}");
    assert_eq!(one.marker(P0).await?, Offset(1));
    newer.apply(vec![write(1)], Offset(2)).await?;
    Ok(())
}

#[test]
fn random_operations_on_redis_follow_the_model() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let Some(redis) = or_skip(runtime.block_on(Redis::start()))? else { return Ok(()) };
    let fixture = OnServer::new(redis);
    store::random_operations_follow_the_model(&fixture, 16);
    let _guard = runtime.enter();
    drop(fixture);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_loses_the_marker_goes_back_with_and_a_replay_mends() -> Result<()> {
    let Some(mut redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let store = RedisStore::connect(&settings(&redis, "marquee:")).await?;
    let mut lease = store.lease(P0).await?;
    for offset in 0..500 {
        lease.apply(vec![write(offset)], Offset(offset + 1)).await?;
    }
    redis.kill(0).await?;
    // The last second is lost: the end of the append-only file is cut off, in the middle of a
    // command.
    let tail = std::fs::File::options().write(true).open(appended(&redis)?)?;
    tail.set_len(tail.metadata()?.len() / 2)?;
    redis.restart(0).await?;

    // The next write is refused, and nothing of it is written.
    let error = lease.apply(vec![write(500)], Offset(501)).await.expect_err("the marker is behind");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("lost its newest writes"), "{error}");
    let marker = whole_below_the_marker(&store, P0).await?;
    assert!((1..500).contains(&marker), "{marker}");
    let mut lease = store.lease(P0).await?;
    assert_eq!(lease.marker(), Offset(marker));
    for offset in marker..501 {
        lease.apply(vec![write(offset)], Offset(offset + 1)).await?;
    }
    assert_eq!(whole_below_the_marker(&store, P0).await?, 501);
    let row = store.get(&[key(P0, 0)]).await?.remove(0);
    assert_eq!(row, Some(Row { value: Bytes::from_static(b"value of 500"), applied: Offset(500) }));

    // An empty replacement loses everything.
    assert_eq!(redis.ask(0, "FLUSHALL").await?, "OK");
    lease.apply(vec![write(501)], Offset(502)).await.expect_err("everything is gone");
    assert_eq!(store.marker(P0).await?, Offset(0));
    Ok(())
}

/// The file that the server appends to.
fn appended(redis: &Redis) -> Result<PathBuf> {
    let files = std::fs::read_dir(redis.append_only(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut paths = files.iter().map(std::fs::DirEntry::path);
    Ok(paths.find(|path| path.to_string_lossy().ends_with(".incr.aof")).expect("an append-only file"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_beginning_is_lost_before_its_end_is_written_moves_no_marker() -> Result<()> {
    const ROWS: u64 = 20_000;
    let Some(mut redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let patient = Settings {
        response_timeout: Duration::from_secs(10),
        deadline: marquee_e2e::DEADLINE,
        ..settings(&redis, "marquee:")
    };
    let store = RedisStore::connect(&patient).await?;
    let row = |offset: u64| {
        let key = Bytes::from(format!("k{offset}"));
        Write { key, value: Bytes::from(vec![b'v'; 2_000]), applied: Offset(offset) }
    };
    let mut lease = store.lease(P0).await?;
    lease.apply(vec![row(0)], Offset(1)).await?;
    let before = std::fs::metadata(appended(&redis)?)?.len();
    let work = {
        let batch = (1..ROWS).map(row).collect();
        tokio::spawn(async move { lease.apply(batch, Offset(ROWS)).await })
    };
    while redis.ask(0, "DBSIZE").await?.parse::<u64>()? < 2_000 {}
    redis.kill(0).await?;
    std::fs::File::options().write(true).open(appended(&redis)?)?.set_len(before)?;
    redis.restart(0).await?;
    let error = work.await?.expect_err("its beginning is lost");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let marker = store.marker(P0).await?.0;
    let keys: Vec<RowKey> = (0..marker).map(|number| key(P0, number)).collect();
    assert!(store.get(&keys).await?.iter().all(Option::is_some), "rows below the marker {marker} are lost");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_to_a_server_that_says_nothing_each_end_in_time() -> Result<()> {
    let Some(mut redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let store = RedisStore::connect(&settings(&redis, "marquee:")).await?;
    redis.pause(0).await?;
    let mut calls = tokio::task::JoinSet::new();
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..300 {
        tick.tick().await;
        let store = store.clone();
        calls.spawn(async move {
            let started = Instant::now();
            (store.get(&[key(P0, 0)]).await.is_err(), started.elapsed())
        });
    }
    let ended = calls.join_all().await;
    redis.resume(0).await?;
    let longest = ended.iter().map(|(_, elapsed)| *elapsed).max().unwrap_or_default();
    assert!(ended.iter().all(|(failed, _)| *failed));
    assert!(longest < Duration::from_secs(5), "the deadline is 3 s, the longest call took {longest:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_says_nothing_does_not_silence_the_others() -> Result<()> {
    let Some(mut redis) = or_skip(Redis::cluster().await)? else { return Ok(()) };
    let store = RedisStore::connect(&settings(&redis, "marquee:")).await?;
    let (mut silent, mut others) = (Vec::new(), Vec::new());
    for source in (0..8).map(Partition) {
        // Another master's key is an error there.
        let here = redis.ask(0, &format!("GET marquee:{{p{source}}}@")).await.is_ok();
        if here { &mut silent } else { &mut others }.push(source);
    }
    assert!(!silent.is_empty() && !others.is_empty());
    redis.pause(0).await?;
    let blocked = {
        let (store, source) = (store.clone(), silent[0]);
        tokio::spawn(async move { store.get(&[key(source, 0)]).await.is_err() })
    };
    while !blocked.is_finished() {
        for &source in &others {
            assert_eq!(store.get(&[key(source, 0)]).await?, [None]);
        }
    }
    assert!(blocked.await?);
    redis.resume(0).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_memory_passes_and_a_server_that_drops_rows_is_refused() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let store = RedisStore::connect(&settings(&redis, "marquee:")).await?;
    let mut lease = store.lease(P0).await?;
    redis.ask(0, "CONFIG SET maxmemory 1").await?;
    let error = lease.apply(vec![write(0)], Offset(1)).await.expect_err("no memory");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    redis.ask(0, "CONFIG SET maxmemory 0").await?;
    store.lease(P0).await?.apply(vec![write(0)], Offset(1)).await?;
    redis.ask(0, "CONFIG SET maxmemory-policy allkeys-lru").await?;
    let error = RedisStore::connect(&settings(&redis, "marquee:")).await.expect_err("it drops rows");
    assert!(error.to_string().contains("noeviction"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_costs_no_more_than_the_deadline() -> Result<()> {
    let Some(mut redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let brief = Settings {
        response_timeout: Duration::from_millis(200),
        deadline: Duration::from_millis(600),
        ..settings(&redis, "marquee:")
    };
    let store = RedisStore::connect(&brief).await?;
    store.lease(P0).await?.apply(vec![write(0)], Offset(1)).await?;
    redis.pause(0).await?;
    let started = Instant::now();
    let error = store.get(&[key(P0, 0)]).await.expect_err("it says nothing");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    redis.resume(0).await?;
    assert!(store.get(&[key(P0, 0)]).await?.remove(0).is_some(), "it is found again by itself");

    redis.kill(0).await?;
    let error = store.marker(P0).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = RedisStore::connect(&brief).await.expect_err("nobody is there");
    assert!(error.to_string().contains("redis://127.0.0.1:"), "{error}");
    redis.restart(0).await?;
    assert_eq!(store.marker(P0).await?, Offset(1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_goes_on_when_a_master_comes_back() -> Result<()> {
    let Some(mut redis) = or_skip(Redis::cluster().await)? else { return Ok(()) };
    let store = RedisStore::connect(&settings(&redis, "marquee:")).await?;
    let sources: Vec<Partition> = (0..8).map(Partition).collect();
    for &source in &sources {
        let mut lease = store.lease(source).await?;
        for offset in 0..60 {
            lease.apply(vec![write(offset)], Offset(offset + 1)).await?;
        }
    }
    for master in 0..3 {
        redis.kill(master).await?;
        redis.restart(master).await?;
    }
    for &source in &sources {
        let started = Instant::now();
        // The cluster has to find itself again first.
        let marker = loop {
            match whole_below_the_marker(&store, source).await {
                Ok(marker) => break marker,
                Err(error) => assert!(started.elapsed() < marquee_e2e::DEADLINE, "{error:#}"),
            }
        };
        let mut lease = store.lease(source).await?;
        for offset in marker..80 {
            lease.apply(vec![write(offset)], Offset(offset + 1)).await?;
        }
        assert_eq!(whole_below_the_marker(&store, source).await?, 80);
    }
    Ok(())
}
