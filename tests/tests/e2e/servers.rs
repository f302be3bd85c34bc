//! The real servers start, answer in their own protocols, stand being killed and paused, and keep
//! what they were told.

use std::time::Duration;

use anyhow::{Context, Result};
use marquee_e2e::Http;
use marquee_e2e::servers::{Kafka, Kubernetes, Missing, Redis, S3, or_skip};
use tonic::codegen::http::Method;

/// Longer than a server takes for an answer, unless it is stopped.
const SILENCE: Duration = Duration::from_millis(300);

const API_VERSIONS: i16 = 18;

/// How many APIs a broker has.
async fn apis(kafka: &Kafka, broker: usize) -> Result<i32> {
    let answer = kafka.ask(broker, API_VERSIONS, 0, &[]).await?;
    let (error, rest) = answer.split_first_chunk().context("no error code")?;
    assert_eq!(i16::from_be_bytes(*error), 0);
    Ok(i32::from_be_bytes(*rest.first_chunk().context("no count")?))
}

#[tokio::test]
async fn a_broker_answers_and_comes_back_where_it_was() -> Result<()> {
    let Some(mut kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    assert!(apis(&kafka, 0).await? > 20);
    kafka.pause(0).await?;
    assert!(tokio::time::timeout(SILENCE, apis(&kafka, 0)).await.is_err(), "a stopped broker answered");
    kafka.resume(0).await?;
    assert!(apis(&kafka, 0).await? > 20);
    let address = kafka.bootstrap();
    kafka.kill(0).await?;
    assert!(apis(&kafka, 0).await.is_err(), "a dead broker answered");
    kafka.restart(0).await?;
    assert_eq!(kafka.bootstrap(), address);
    assert!(apis(&kafka, 0).await? > 20);
    Ok(())
}

#[tokio::test]
async fn three_brokers_go_on_without_one_and_take_it_back() -> Result<()> {
    let Some(mut kafka) = or_skip(Kafka::start(3).await)? else { return Ok(()) };
    assert_eq!(kafka.bootstrap().split(',').count(), 3);
    kafka.kill(1).await?;
    for alive in [0, 2] {
        assert!(apis(&kafka, alive).await? > 20);
    }
    kafka.restart(1).await?;
    assert!(apis(&kafka, 1).await? > 20);
    Ok(())
}

#[tokio::test]
async fn redis_keeps_what_it_synced() -> Result<()> {
    let Some(mut redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    // From here on, what it acknowledges is in its file.
    assert_eq!(redis.ask(0, "CONFIG SET appendfsync always").await?, "OK");
    assert_eq!(redis.ask(0, "SET movie heat").await?, "OK");
    redis.pause(0).await?;
    assert!(tokio::time::timeout(SILENCE, redis.ask(0, "PING")).await.is_err(), "a stopped server answered");
    redis.resume(0).await?;
    redis.kill(0).await?;
    assert!(redis.ask(0, "PING").await.is_err(), "a dead server answered");
    redis.restart(0).await?;
    assert_eq!(redis.ask(0, "GET movie").await?, "heat");
    Ok(())
}

#[tokio::test]
async fn three_masters_share_the_keys_and_take_one_back() -> Result<()> {
    let Some(mut redis) = or_skip(Redis::cluster().await)? else { return Ok(()) };
    assert_eq!(redis.urls().len(), 3);
    let mut owners = Vec::new();
    // By CRC16, these lie in the first, the last and the middle third of the slots.
    for key in ["b", "a", "c"] {
        let mut held = Vec::new();
        for node in 0..3 {
            match redis.ask(node, &format!("SET {key} {key}-value")).await {
                Ok(_) => held.push(node),
                Err(error) => assert!(error.to_string().starts_with("MOVED"), "{error}"),
            }
        }
        assert_eq!(held.len(), 1, "one master has {key}");
        owners.extend(held);
    }
    assert_eq!(owners, [0, 2, 1]);
    redis.kill(1).await?;
    assert!(redis.ask(1, "PING").await.is_err(), "a dead master answered");
    redis.restart(1).await?;
    assert!(redis.ask(1, "CLUSTER INFO").await?.contains("cluster_slots_ok:16384"));
    assert_eq!(redis.ask(1, "GET c").await?, "c-value");
    Ok(())
}

#[tokio::test]
async fn s3_has_a_bucket_for_those_who_sign() -> Result<()> {
    let Some(mut s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let endpoint = s3.endpoint().to_owned();
    let bucket = format!("/{}", s3.bucket());
    let unsigned = Http::new(&endpoint).send(Method::HEAD, &bucket, "", bytes::Bytes::new()).await?;
    assert_eq!(unsigned.status, 403);
    assert!(unsigned.headers.contains_key("x-amz-request-id"));
    assert_ne!(s3.access_key(), S3::start().await?.access_key(), "two servers share a key");
    s3.kill().await?;
    assert!(Http::new(&endpoint).get(&bucket).await.is_err(), "a dead server answered");
    s3.restart().await?;
    assert_eq!(s3.endpoint(), endpoint);
    assert_eq!(Http::new(&endpoint).get(&bucket).await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn an_api_server_comes_back_with_what_it_stored() -> Result<()> {
    let Some(mut kubernetes) = or_skip(Kubernetes::start().await)? else { return Ok(()) };
    kubernetes.kubectl(["create", "configmap", "movie", "--from-literal=title=heat"]).await?;
    let read = ["get", "configmap", "movie", "--output", "jsonpath={.data.title}"];
    assert_eq!(kubernetes.kubectl(read).await?, "heat");
    // A service account may do nothing that no role grants.
    kubernetes.kubectl(["create", "serviceaccount", "visitor"]).await?;
    let visitor = kubernetes.service_account("default", "visitor").await?;
    let refused = kubernetes.try_kubectl(&visitor, read, "").await?;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Forbidden"), "{refused:?}");
    kubernetes.kill().await?;
    assert!(kubernetes.kubectl(read).await.is_err(), "a dead server answered");
    kubernetes.restart().await?;
    assert_eq!(kubernetes.kubectl(read).await?, "heat");
    Ok(())
}

#[test]
fn only_a_missing_server_is_skipped() -> Result<()> {
    let missing = || Err::<(), _>(anyhow::Error::from(Missing { what: "a server".to_owned() }).context("start it"));
    assert_eq!(or_skip(Ok(1))?, Some(1));
    assert!(or_skip(Err::<(), _>(anyhow::anyhow!("it broke"))).is_err());
    match std::env::var("CI").as_deref() {
        Ok("true") => assert!(or_skip(missing()).is_err()),
        _ => assert_eq!(or_skip(missing())?, None),
    }
    let words = format!("{:#}", missing().expect_err("it is missing"));
    assert!(words.contains("make servers"), "{words}");
    Ok(())
}
