//! The online store over a real Redis, alone and as a cluster.

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

const P0: Partition = Partition(0);

fn settings(redis: &Redis, prefix: &str) -> Settings {
    let urls = redis.urls();
    Settings { cluster: urls.len() > 1, urls, prefix: prefix.to_owned(), ..Settings::default() }
}

/// A prefix for each store.
struct OnServer {
    redis: Redis,
    prefixes: AtomicU64,
}

impl OnServer {
    fn new(redis: Redis) -> Self {
        Self { redis, prefixes: AtomicU64::new(0) }
    }

    async fn open(&self) -> Arc<dyn OnlineStore> {
        let prefix = format!("run-{}:", self.prefixes.load(Ordering::Relaxed));
        Arc::new(RedisStore::connect(&settings(&self.redis, &prefix)).await.expect("connects"))
    }
}

#[async_trait]
impl Fixture<dyn OnlineStore> for OnServer {
    async fn empty(&self) -> Arc<dyn OnlineStore> {
        self.prefixes.fetch_add(1, Ordering::Relaxed);
        self.open().await
    }

    async fn reopen(&self, port: Arc<dyn OnlineStore>) -> Arc<dyn OnlineStore> {
        drop(port);
        self.open().await
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
    for offset in 0..500 {
        store.apply(P0, vec![write(offset)], Offset(offset + 1)).await?;
    }
    redis.kill(0).await?;
    // The last second is lost: the end of the append-only file is cut off, in the middle of a command.
    let mut files: Vec<_> = std::fs::read_dir(redis.append_only(0))?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    let tail = files.iter().map(std::fs::DirEntry::path).find(|path| path.to_string_lossy().ends_with(".incr.aof"));
    let tail = std::fs::File::options().write(true).open(tail.expect("an append-only file"))?;
    tail.set_len(tail.metadata()?.len() / 2)?;
    redis.restart(0).await?;

    // Whoever goes on as if nothing had happened is told so, and nothing of it is written.
    let error = store.apply(P0, vec![write(500)], Offset(501)).await.expect_err("the marker is behind");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("lost its newest writes"), "{error}");
    let marker = whole_below_the_marker(&store, P0).await?;
    assert!((1..500).contains(&marker), "{marker}");
    for offset in marker..501 {
        store.apply(P0, vec![write(offset)], Offset(offset + 1)).await?;
    }
    assert_eq!(whole_below_the_marker(&store, P0).await?, 501);
    let row = store.get(&[key(P0, 0)]).await?.remove(0);
    assert_eq!(row, Some(Row { value: Bytes::from_static(b"value of 500"), applied: Offset(500) }));

    // An empty replacement loses everything.
    assert_eq!(redis.ask(0, "FLUSHALL").await?, "OK");
    store.apply(P0, vec![write(501)], Offset(502)).await.expect_err("everything is gone");
    assert_eq!(store.marker(P0).await?, Offset(0));
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
    store.apply(P0, vec![write(0)], Offset(1)).await?;
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
        for offset in 0..60 {
            store.apply(source, vec![write(offset)], Offset(offset + 1)).await?;
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
        for offset in marker..80 {
            store.apply(source, vec![write(offset)], Offset(offset + 1)).await?;
        }
        assert_eq!(whole_below_the_marker(&store, source).await?, 80);
    }
    Ok(())
}
