//! The object store over a real S3 server.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::Secret;
use marquee_e2e::servers::{S3, or_skip};
use marquee_objects::{ConnectError, S3Objects, Settings};
use marquee_ports::conformance::{self, Fixture};
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore, Precondition, Tag};
use tokio::time::timeout;

/// Random sequences.
const CASES: u32 = 24;

/// Longer than a call needs to find nobody there.
const ABSENCE: Duration = Duration::from_millis(300);

/// What a busy machine takes on top of any bound.
const SLACK: Duration = Duration::from_secs(10);

fn settings(s3: &S3, prefix: &str) -> Settings {
    Settings {
        url: format!("s3://{}/{prefix}", s3.bucket()),
        endpoint: s3.endpoint().to_owned(),
        access_key_id: s3.access_key().to_owned(),
        secret_access_key: Secret::new(s3.secret_key()),
        ..Settings::default()
    }
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::try_new(text).expect("a path of an object")
}

/// A store of its own is a prefix of its own.
struct InBucket {
    s3: S3,
    opened: AtomicUsize,
}

impl InBucket {
    async fn open(&self, number: usize) -> Arc<dyn ObjectStore> {
        Arc::new(S3Objects::connect(&settings(&self.s3, &format!("case/{number}"))).await.expect("connects"))
    }
}

#[async_trait]
impl Fixture<dyn ObjectStore> for InBucket {
    async fn empty(&self) -> Arc<dyn ObjectStore> {
        self.open(self.opened.fetch_add(1, Ordering::SeqCst) + 1).await
    }

    async fn reopen(&self, port: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        assert_eq!(Arc::strong_count(&port), 1, "the last handle");
        drop(port);
        self.open(self.opened.load(Ordering::SeqCst)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_keeps_the_promises_of_its_port() -> Result<()> {
    let Some(s3) = or_skip(S3::start().await)? else { return Ok(()) };
    conformance::objects::suite(&InBucket { s3, opened: AtomicUsize::new(0) }).await;
    Ok(())
}

#[test]
fn s3_follows_its_model() -> Result<()> {
    // The server's process belongs to this one; the random operations bring their own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let Some(s3) = or_skip(runtime.block_on(S3::start()))? else { return Ok(()) };
    let _entered = runtime.enter();
    let fixture = InBucket { s3, opened: AtomicUsize::new(0) };
    std::thread::scope(|scope| {
        let follow = || conformance::objects::random_operations_follow_the_model(&fixture, CASES);
        scope.spawn(follow).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    Ok(())
}

#[tokio::test]
async fn of_two_processes_that_take_a_name_one_wins() -> Result<()> {
    let Some(s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let [one, two] =
        [S3Objects::connect(&settings(&s3, "leases")).await?, S3Objects::connect(&settings(&s3, "leases")).await?];
    for round in 0..20 {
        let lease = key(&format!("round/{round}"));
        let take = |objects: &S3Objects, who: &'static str| {
            let (objects, lease) = (objects.clone(), lease.clone());
            async move { objects.put(&lease, who.into(), Precondition::Absent).await }
        };
        let (first, second) = tokio::join!(take(&one, "one"), take(&two, "two"));
        let (winner, lost) = match (first, second) {
            (Ok(_), Err(lost)) => ("one", lost),
            (Err(lost), Ok(_)) => ("two", lost),
            other => anyhow::bail!("not one won: {other:?}"),
        };
        assert_eq!(lost.kind(), ErrorKind::Conflict);
        let held = two.get(&lease).await?.context("taken")?;
        assert_eq!(held.bytes, winner);
        assert_eq!(
            one.put(&lease, "again".into(), Precondition::Absent).await.map_err(|e| e.kind()),
            Err(ErrorKind::Conflict)
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_large_object_goes_in_parts_and_comes_back_whole() -> Result<()> {
    let Some(s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let objects = S3Objects::connect(&settings(&s3, "large")).await?;
    let content = |seed: u32| -> Bytes { (0..(40u32 << 20) + 1).map(|n| (n.wrapping_mul(seed) >> 13) as u8).collect() };
    let (first, second) = (content(2_654_435_761), content(40_503));
    let tag = objects.put(&key("model"), first.clone(), Precondition::None).await?;
    // S3 counts the parts in the tag: five of 8 MiB, and one byte.
    assert!(tag.0.ends_with("-6\""), "{tag:?}");
    let found = objects.get(&key("model")).await?.context("there")?;
    ensure!(found.bytes == first && found.tag == tag, "another object came back");
    let listed = objects.list(None).await?;
    assert_eq!(
        listed.iter().map(|entry| (entry.key.as_str(), entry.size)).collect::<Vec<_>>(),
        [("model", 41_943_041)]
    );
    let stale = Precondition::Matches(Tag("\"stale\"".to_owned()));
    assert_eq!(objects.put(&key("model"), second.clone(), stale).await.map_err(|e| e.kind()), Err(ErrorKind::Conflict));
    let replaced = objects.put(&key("model"), second.clone(), Precondition::Matches(tag)).await?;
    let found = objects.get(&key("model")).await?.context("there")?;
    ensure!(found.bytes == second && found.tag == replaced, "another object came back");
    Ok(())
}

#[tokio::test]
async fn prefixes_of_one_bucket_do_not_meet() -> Result<()> {
    let Some(s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let [a, ab] = [S3Objects::connect(&settings(&s3, "a")).await?, S3Objects::connect(&settings(&s3, "ab")).await?];
    a.put(&key("x"), "a".into(), Precondition::Absent).await?;
    ab.put(&key("x"), "ab".into(), Precondition::Absent).await?;
    for (objects, content) in [(&a, "a"), (&ab, "ab")] {
        assert_eq!(objects.list(None).await?.len(), 1);
        assert_eq!(objects.get(&key("x")).await?.context("there")?.bytes, content);
    }
    a.delete(&key("x")).await?;
    assert_eq!(ab.list(None).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn more_objects_than_a_page_are_listed_in_order() -> Result<()> {
    let Some(s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let objects = S3Objects::connect(&settings(&s3, "pages")).await?;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let objects = objects.clone();
        writers.spawn(async move {
            for number in (writer..1_100).step_by(8) {
                objects.put(&key(&format!("a/{number:04}")), Bytes::new(), Precondition::None).await?;
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    let listed: Vec<String> = objects.list(Some(&key("a"))).await?.iter().map(|entry| entry.key.to_string()).collect();
    assert_eq!(listed, (0..1_100).map(|number| format!("a/{number:04}")).collect::<Vec<_>>());
    Ok(())
}

/// Every kind of call.
async fn each_call(objects: &S3Objects, round: &str) -> [Result<(), Error>; 5] {
    let (a, b) = (key(&format!("{round}/a")), key(&format!("{round}/b")));
    let calls = tokio::join!(
        async { objects.put(&a, "a".into(), Precondition::None).await.map(drop) },
        async { objects.put(&b, "b".into(), Precondition::Absent).await.map(drop) },
        async { objects.get(&key("there")).await.map(drop) },
        async { objects.list(None).await.map(drop) },
        async { objects.delete(&key("none")).await },
    );
    [calls.0, calls.1, calls.2, calls.3, calls.4]
}

/// Stops a server; a signal takes effect a moment after it is sent.
async fn pause(s3: &mut S3, objects: &S3Objects) -> Result<()> {
    s3.pause().await?;
    let started = Instant::now();
    while matches!(timeout(ABSENCE, objects.get(&key("there"))).await, Ok(Ok(_))) {
        ensure!(started.elapsed() < SLACK, "it goes on");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_comes_back_is_waited_for() -> Result<()> {
    let Some(mut s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let objects = S3Objects::connect(&settings(&s3, "restarts")).await?;
    let there = objects.put(&key("there"), "there".into(), Precondition::None).await?;
    s3.kill().await?;
    {
        let mut calls = pin!(each_call(&objects, "dead"));
        assert!(timeout(ABSENCE, &mut calls).await.is_err(), "a dead server answered");
        s3.restart().await?;
        for call in calls.await {
            call?;
        }
    }
    assert_eq!(objects.get(&key("there")).await?.context("kept")?.tag, there);
    assert_eq!(objects.get(&key("dead/b")).await?.context("written")?.bytes, "b");
    Ok(())
}

#[tokio::test]
async fn a_write_that_a_stopped_server_ran_late_is_not_lost_to_itself() -> Result<()> {
    let Some(mut s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let settings = Settings { request_timeout: ABSENCE, ..settings(&s3, "stopped") };
    let objects = S3Objects::connect(&settings).await?;
    pause(&mut s3, &objects).await?;
    {
        // Requests that the client gave up wait in the server's socket, and run when it goes on.
        let mut calls = pin!(each_call(&objects, "stopped"));
        assert!(timeout(ABSENCE * 4, &mut calls).await.is_err(), "a stopped server answered");
        s3.resume().await?;
        for call in calls.await {
            call?;
        }
    }
    assert_eq!(objects.get(&key("stopped/b")).await?.context("written")?.bytes, "b");
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_gone_is_given_up() -> Result<()> {
    let Some(mut s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let patience = Duration::from_secs(1);
    let settings = Settings { patience, request_timeout: patience, ..settings(&s3, "gone") };
    let objects = S3Objects::connect(&settings).await?;
    for stopped in [true, false] {
        if stopped {
            pause(&mut s3, &objects).await?
        } else {
            s3.kill().await?
        }
        let started = Instant::now();
        for call in each_call(&objects, "gone").await {
            assert_eq!(call.map_err(|error| error.kind()), Err(ErrorKind::Unavailable), "stopped: {stopped}");
        }
        let error = S3Objects::connect(&settings).await.expect_err("nobody is there");
        assert!(matches!(error, ConnectError::NoAnswer { .. }) && error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains(s3.endpoint()), "{error}");
        // Both: patience, a last request, and a pause.
        assert!(started.elapsed() < patience * 8 + SLACK, "{:?}", started.elapsed());
    }
    s3.restart().await?;
    for call in each_call(&objects, "back").await {
        call?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_is_said_at_once_and_no_secret_is() -> Result<()> {
    let Some(s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let right = settings(&s3, "said");
    let objects = S3Objects::connect(&right).await?;
    let mut said = vec![format!("{right:?}"), format!("{objects:?}"), serde_json::to_string(&right)?];
    let elsewhere = Settings { url: "s3://no-such-bucket".to_owned(), ..right.clone() };
    let stranger = Settings { secret_access_key: Secret::new(format!("{}x", s3.secret_key())), ..right.clone() };
    let abroad = Settings { region: "eu-west-1".to_owned(), ..right.clone() };
    for (settings, words) in [
        (elsewhere, format!("there is no bucket no-such-bucket at {}", s3.endpoint())),
        (stranger, format!("{} refuses bucket {} to these keys", s3.endpoint(), s3.bucket())),
        (abroad, format!("bucket {} at {} is in another region", s3.bucket(), s3.endpoint())),
    ] {
        let error = S3Objects::connect(&settings).await.expect_err(&words);
        assert!(error.to_string().starts_with(&words), "{error:?}");
        said.push(format!("{error:?}"));
        said.push(format!("{:#}", anyhow::Error::from(error)));
    }
    objects.put(&key("a"), "a".into(), Precondition::None).await?;
    // This server keeps objects in files: a path cannot be both.
    let both = objects.put(&key("a/b"), "b".into(), Precondition::None).await.expect_err("below an object");
    assert_eq!(both.kind(), ErrorKind::Invalid);
    said.push(format!("{both:?}"));
    said.push(format!("{:#}", anyhow::Error::from(both)));
    for text in said {
        assert!(!text.contains(s3.secret_key()), "{text}");
    }
    Ok(())
}
