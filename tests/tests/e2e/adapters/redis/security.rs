//! TLS with client certificates, users with few permissions, and passwords with any character.

use anyhow::Result;
use marquee_domain::{Offset, Secret};
use marquee_e2e::servers::{Certificates, Redis, or_skip};
use marquee_ports::{ErrorKind, OnlineStore as _};
use marquee_redis::{RedisStore, Settings};

use super::{P0, key, settings, write};
use crate::operations::limits::limited;

const PASSWORD: &str = "p@ss:w/rd%41#?&=";

/// The same password in an address.
const ENCODED: &str = "p%40ss%3Aw%2Frd%2541%23%3F%26%3D";

/// Writes a row and reads it.
async fn use_store(settings: &Settings) -> Result<()> {
    let store = RedisStore::connect(settings).await?;
    let mut lease = store.lease(P0).await?;
    let next = Offset(lease.marker().0 + 1);
    lease.apply(vec![write(lease.marker().0)], next).await?;
    lease.verify().await?;
    assert!(store.get(&[key(P0, lease.marker().0 - 1)]).await?.remove(0).is_some());
    assert_eq!(store.get(&[key(P0, 40)]).await?, [None]);
    Ok(())
}

/// Returns an error with its causes.
async fn refused(settings: &Settings) -> String {
    format!("{:#}", anyhow::Error::from(RedisStore::connect(settings).await.expect_err("it is refused")))
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_a_client_certificate_works_and_what_is_missing_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(certificates) = or_skip(Certificates::create(&folder.path().join("right")).await)? else { return Ok(()) };
    let Some((redis, url)) = or_skip(Redis::secured(&certificates).await)? else { return Ok(()) };
    let right = Settings {
        urls: vec![url.clone()],
        ca_file: certificates.authority(),
        cert_file: certificates.certificate(),
        key_file: certificates.key(),
        ..Settings::default()
    };
    use_store(&right).await?;

    let strange = Certificates::create(&folder.path().join("strange")).await?;
    let none = std::path::PathBuf::new;
    for (wrong, words) in [
        (Settings { ca_file: none(), ..right.clone() }, "redis.ca_file"),
        (Settings { ca_file: strange.authority(), ..right.clone() }, "redis.ca_file"),
        (Settings { cert_file: none(), key_file: none(), ..right.clone() }, "redis.cert_file"),
        (Settings { cert_file: strange.certificate(), key_file: strange.key(), ..right.clone() }, "redis.cert_file"),
        (Settings { urls: vec![url.replace("rediss", "redis")], ..Settings::default() }, "rediss://"),
        (Settings { urls: vec![redis.urls().remove(0).replace("redis", "rediss")], ..right.clone() }, "redis.urls"),
    ] {
        let error = refused(&wrong).await;
        assert!(error.contains(words), "{words}: {error}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_dangerous_commands_is_enough() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let few = "+@read +@write +@scripting +@connection -@dangerous";
    redis.ask(0, &format!("ACL SETUSER marquee on >{PASSWORD} ~marquee:* {few}")).await?;
    let base = settings(&redis, "marquee:");
    let (username, password) = ("marquee".to_owned(), Secret::new(PASSWORD));
    use_store(&Settings { username: username.clone(), password, ..base.clone() }).await?;
    let in_url = base.urls[0].replace("redis://", &format!("redis://marquee:{ENCODED}@"));
    use_store(&Settings { urls: vec![in_url.clone()], ..base.clone() }).await?;

    let wrong = Settings { username, password: Secret::new("wrong@hunter2"), ..base.clone() };
    let error = refused(&wrong).await;
    assert!(error.contains("redis.password") && !error.contains("hunter2"), "{error}");
    let error = refused(&Settings { urls: vec![in_url.replace(ENCODED, "wrong%40hunter2")], ..base }).await;
    assert!(error.contains("redis.password") && !error.contains("hunter2"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_whose_user_may_not_run_info_serves_and_says_so_once() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let few = "+@read +@write +@scripting +@connection -@dangerous";
    redis.ask(0, &format!("ACL SETUSER marquee on >{PASSWORD} ~marquee:* {few}")).await?;
    let folder = tempfile::tempdir()?;
    let said = folder.path().join("said");
    let launch = limited(&folder.path().join("data"), &format!("exec 2>{}", said.display()));
    let launch = launch.set("backends.store=redis").set("redis.username=marquee");
    let launch = launch.set(format!("redis.urls={:?}", redis.urls()));
    let password = ("MARQUEE__REDIS__PASSWORD".to_owned(), PASSWORD.to_owned());
    let fleet = launch.variables([password]).start().await?;
    let clients = fleet.clients()?;
    let position = clients.rate("user", "movie", 4.0).await?;
    assert_eq!(clients.user("user", &[position]).await?.history.len(), 1);
    assert_eq!(fleet.stop().await?, Some(0));
    let said = std::fs::read_to_string(said)?;
    // The stores of features and of the monitor each say it.
    assert_eq!(said.matches("this user of Redis may not run INFO").count(), 2, "{said}");
    assert!(said.contains("allow it (+info)") && !said.contains(PASSWORD), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_or_taken_away_is_named_and_may_come_back() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    redis.ask(0, &format!("ACL SETUSER marquee on >{PASSWORD} ~marquee:* +@read +@write +@connection")).await?;
    let (username, password) = ("marquee".to_owned(), Secret::new(PASSWORD));
    let store = RedisStore::connect(&Settings { username, password, ..settings(&redis, "marquee:") }).await?;
    let error = store.lease(P0).await.expect_err("no scripts");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let text = format!("{:#}", anyhow::Error::from(error));
    assert!(text.contains("evalsha") || text.contains("script"), "{text}");
    redis.ask(0, "ACL SETUSER marquee +@scripting -hset").await?;
    let mut lease = store.lease(P0).await?;
    let error = lease.apply(vec![write(0)], Offset(1)).await.expect_err("a command inside the script");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    redis.ask(0, "ACL SETUSER marquee +hset").await?;
    store.lease(P0).await?.apply(vec![write(0)], Offset(1)).await?;
    Ok(())
}
