//! Rows that the server has lost are never read as rows that were not written.

use anyhow::Result;
use marquee_domain::Offset;
use marquee_e2e::servers::{Redis, or_skip};
use marquee_e2e::until;
use marquee_ports::{ErrorKind, OnlineStore as _};
use marquee_redis::RedisStore;

use super::{P0, key, settings, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_row_is_no_empty_history_and_its_partition_is_built_again() -> Result<()> {
    for starts in [Redis::start().await, Redis::cluster().await] {
        let Some(redis) = or_skip(starts)? else { return Ok(()) };
        let store = RedisStore::connect(&settings(&redis, "marquee:")).await?;
        let mut lease = store.lease(P0).await?;
        lease.apply((0..20).map(write).collect(), Offset(20)).await?;
        lease.verify().await?;
        delete(&redis, "marquee:{p0}:k3").await?;

        assert_eq!(store.get(&[key(P0, 49)]).await?, [None], "it was never written");
        lease.verify().await?;
        let error = store.get(&[key(P0, 4), key(P0, 3)]).await.expect_err("it was written");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("lost rows") && error.to_string().contains("noeviction"), "{error}");
        lease.verify().await.expect_err("the marker is removed");
        lease.apply(vec![write(20)], Offset(21)).await.expect_err("the lease has ended");

        let mut lease = store.lease(P0).await?;
        assert_eq!(lease.marker(), Offset(0), "it is built again from the first event");
        assert_eq!(store.get(&[key(P0, 4)]).await?, [None], "the rows that were left are removed");
        lease.apply((0..21).map(write).collect(), Offset(21)).await?;
        assert!(store.get(&[key(P0, 3), key(P0, 4)]).await?.iter().all(Option::is_some));
        lease.verify().await?;
    }
    Ok(())
}

/// Returns how often a server carried out a command since its counters were set to zero.
async fn calls(redis: &Redis, command: &str) -> Result<u64> {
    let statistics = redis.ask(0, "INFO commandstats").await?;
    let line = statistics.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    Ok(line.and_then(|line| line.split(',').next()).map_or(Ok(0), str::parse::<u64>)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_never_written_cost_the_server_no_script() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let store = RedisStore::connect(&settings(&redis, "marquee:")).await?;
    let mut lease = store.lease(P0).await?;
    lease.apply((0..20).map(write).collect(), Offset(20)).await?;
    redis.ask(0, "CONFIG RESETSTAT").await?;
    // One that was written, and two that were not.
    let rows = store.get(&[key(P0, 4), key(P0, 48), key(P0, 49)]).await?;
    assert_eq!(rows.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!((calls(&redis, "hmget").await?, calls(&redis, "eval").await?), (1, 0));
    // Rows that are all found are not looked for.
    store.get(&[key(P0, 4), key(P0, 5)]).await?;
    assert_eq!((calls(&redis, "hmget").await?, calls(&redis, "eval").await?), (1, 0));
    // The script decides about a row that is listed.
    delete(&redis, "marquee:{p0}:k3").await?;
    store.get(&[key(P0, 48), key(P0, 3)]).await.expect_err("it is lost");
    assert_eq!((calls(&redis, "hmget").await?, calls(&redis, "eval").await?), (2, 1));
    Ok(())
}

/// Deletes a key on the node that has it.
async fn delete(redis: &Redis, key: &str) -> Result<()> {
    for node in 0..redis.urls().len() {
        if redis.ask(node, &format!("DEL {key}")).await.is_ok_and(|deleted| deleted == "1") {
            return Ok(());
        }
    }
    anyhow::bail!("no node has {key}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_never_applied_to_a_row_that_was_lost() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let store = RedisStore::connect(&settings(&redis, "marquee:")).await?;
    let mut lease = store.lease(P0).await?;
    lease.apply((0..20).map(write).collect(), Offset(20)).await?;
    // The row is lost after it was read and before it is written.
    delete(&redis, "marquee:{p0}:k7").await?;
    let error = lease.apply(vec![write(57)], Offset(58)).await.expect_err("its row is lost");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(redis.ask(0, "GET marquee:{p0}:k7").await?, "", "nothing is written");
    assert_eq!(store.lease(P0).await?.marker(), Offset(0));
    // The list of rows is a key like others.
    let mut lease = store.lease(P0).await?;
    lease.apply((0..20).map(write).collect(), Offset(20)).await?;
    delete(&redis, "marquee:{p0}@known").await?;
    lease.verify().await.expect_err("the list is lost");
    assert_eq!(store.lease(P0).await?.marker(), Offset(0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_changes_while_it_runs_is_noticed() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    redis.ask(0, "CONFIG SET maxmemory-policy volatile-lru").await?;
    let store = RedisStore::connect(&settings(&redis, "marquee:")).await?;
    let mut lease = store.lease(P0).await?;
    lease.apply(vec![write(0)], Offset(1)).await?;
    redis.ask(0, "CONFIG SET maxmemory-policy allkeys-random").await?;
    let error = until("the policy is noticed", async || lease.verify().await.err()).await?;
    assert!(error.to_string().contains("allkeys-random"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    store.lease(P0).await.expect_err("nothing is written while rows may be evicted");
    redis.ask(0, "CONFIG SET maxmemory-policy noeviction").await?;
    let mut lease = until("the policy is right again", async || store.lease(P0).await.ok()).await?;
    lease.apply(vec![write(1)], Offset(2)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_older_version_are_read_and_written_without_a_list() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    redis.ask(0, &format!("SET marquee:{{p0}}@ {:020}", 1)).await?;
    redis.ask(0, &format!("SET marquee:{{p0}}:k0 {:020}old", 0)).await?;
    let store = RedisStore::connect(&settings(&redis, "marquee:")).await?;
    let mut lease = store.lease(P0).await?;
    assert_eq!(lease.marker(), Offset(1));
    assert_eq!(store.get(&[key(P0, 0), key(P0, 1)]).await?[1], None);
    lease.apply(vec![write(1)], Offset(2)).await?;
    lease.verify().await?;
    let found = store.get(&[key(P0, 0), key(P0, 1)]).await?;
    assert!(found.iter().all(Option::is_some));
    assert_eq!(redis.ask(0, "EXISTS marquee:{p0}@known").await?, "0");
    Ok(())
}
