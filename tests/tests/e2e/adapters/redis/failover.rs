//! A failover in which the old primary stays up as a replica, behind one name and with a sentinel.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use marquee_domain::Offset;
use marquee_e2e::servers::{Redis, Sentinel, or_skip};
use marquee_e2e::{Relay, until};
use marquee_ports::{OnlineStore as _, Row, Write};
use marquee_redis::{ConnectError, RedisStore, Settings};

use super::{P0, key, write};

/// Settings for one address.
fn at(url: String) -> Settings {
    Settings { urls: vec![url], ..Settings::default() }
}

/// Starts a primary with a replica, and a relay that leads to the primary.
async fn behind_a_name() -> Result<Option<(Redis, Relay)>> {
    let Some(redis) = or_skip(Redis::replicated().await)? else { return Ok(None) };
    let relay = Relay::to(redis.port(0)?).await?;
    Ok(Some((redis, relay)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_primary_that_stays_as_a_replica_is_left_for_the_new_one() -> Result<()> {
    // The replica refuses writes only, or, without its primary, reads as well.
    for serves_stale in ["yes", "no"] {
        let Some((redis, relay)) = behind_a_name().await? else { return Ok(()) };
        let store = RedisStore::connect(&at(format!("redis://{}", relay.address()))).await?;
        let mut lease = store.lease(P0).await?;
        lease.apply(vec![write(0)], Offset(1)).await?;
        redis.wait_for_replica().await?;

        redis.fail_over().await?;
        if serves_stale == "no" {
            redis.ask(0, "CONFIG SET replica-serve-stale-data no").await?;
            redis.ask(0, "REPLICAOF 127.0.0.1 1").await?;
        }
        relay.point_to(redis.port(1)?);
        let started = Instant::now();
        let found = store.get(&[key(P0, 0)]).await?.remove(0);
        assert_eq!(found.map(|row| row.applied), Some(Offset(0)), "serves stale data: {serves_stale}");
        assert_eq!(lease.apply(vec![write(1)], Offset(2)).await?, 1, "the new primary has the lease too");
        assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
        assert_eq!(redis.ask(1, "GET marquee:{p0}@").await?, format!("{:020}", 2));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_only_reads_leaves_a_replica_too() -> Result<()> {
    let Some((redis, relay)) = behind_a_name().await? else { return Ok(()) };
    let reader = RedisStore::connect(&at(format!("redis://{}", relay.address()))).await?;
    let old = RedisStore::connect(&at(redis.urls().remove(0))).await?;
    old.lease(P0).await?.apply(vec![write(0)], Offset(1)).await?;
    assert!(reader.get(&[key(P0, 0)]).await?.remove(0).is_some());
    redis.wait_for_replica().await?;
    redis.fail_over().await?;
    // The old primary follows nobody, so what it answers stays old.
    redis.ask(0, "REPLICAOF 127.0.0.1 1").await?;
    relay.point_to(redis.port(1)?);
    let new = RedisStore::connect(&at(redis.urls().remove(1))).await?;
    let newer = Write { key: Bytes::from_static(b"k0"), value: Bytes::from_static(b"newer"), applied: Offset(9) };
    new.lease(P0).await?.apply(vec![newer], Offset(10)).await?;
    let wanted = Row { value: Bytes::from_static(b"newer"), applied: Offset(9) };
    until("the reader sees the new primary", async || {
        let found = reader.get(&[key(P0, 0)]).await.ok()?.remove(0)?;
        (found == wanted).then_some(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_leads_to_the_primary_before_and_after_a_failover() -> Result<()> {
    let Some(mut redis) = or_skip(Redis::replicated().await)? else { return Ok(()) };
    let sentinel = Sentinel::watch(&redis).await?;
    let settings = Settings { sentinel: "main".to_owned(), ..at(sentinel.url()) };
    let unknown = Settings { sentinel: "other".to_owned(), ..settings.clone() };
    let error = RedisStore::connect(&unknown).await.expect_err("no such primary");
    assert!(matches!(error, ConnectError::Server { .. }) && error.to_string().contains("redis.sentinel"), "{error}");

    let store = RedisStore::connect(&settings).await?;
    store.lease(P0).await?.apply(vec![write(0)], Offset(1)).await?;
    redis.wait_for_replica().await?;
    redis.kill(0).await?;
    until("the replica is the primary", async || {
        let mut lease = store.lease(P0).await.ok()?;
        lease.apply(vec![write(1)], Offset(2)).await.ok()
    })
    .await?;
    assert_eq!(redis.ask(1, "GET marquee:{p0}@").await?, format!("{:020}", 2));
    Ok(())
}
