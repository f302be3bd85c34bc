//! Quotas: a client that writes too fast is told when to come back, or is slowed down if it
//! streams. Other clients notice nothing.

#[path = "quotas/door.rs"]
mod door;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use marquee_e2e::{DEADLINE, marquee};
use marquee_kit::{Failure, Kind};
use marquee_ports::Topic;
use marquee_proto::ratings::v1::{
    Movie, Rating, RemoveUserRequest, StreamRatingsRequest, SubmitRatingRequest, UpsertMoviesRequest,
};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::http::Method;

use door::{Door, FREE, from, ratings};

/// The product's own `main`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// Checks that a refusal says so of a client.
#[track_caller]
fn over(refused: Result<(), Failure>, client: &str) -> Duration {
    let failure = refused.expect_err("over the quota");
    assert_eq!((failure.kind(), failure.quota()), (Kind::ResourceExhausted, Some(&*format!("client:{client}"))));
    assert!(failure.message().starts_with(&format!("client '{client}' is over its quota of ")), "{failure}");
    failure.delay().expect("advice")
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_do_not_take_each_others_quota() -> Result<()> {
    let door = Door::open(1, 100, &[("slow", 2)]).await?;
    for client in ["ann", "bob"] {
        door.rate(client, 100).await?;
        over(door.rate(client, 50).await, client);
    }
    // Who gives no name is known by the address, whatever the connection.
    door.rate("", 100).await?;
    over(door.rate("", 50).await, "127.0.0.1");

    // Ratings, removals and movies count one each, also what is rejected.
    let started = Instant::now();
    let mut client = door.ratings.clone();
    door.rate("cid", 60).await?;
    let rating = ratings(1).pop();
    client.submit_rating(from("cid", SubmitRatingRequest { rating })).await?;
    client
        .submit_rating(from("cid", SubmitRatingRequest { rating: Some(Rating::default()) }))
        .await
        .expect_err("wrong");
    client.remove_user(from("cid", RemoveUserRequest { user_id: "user-1".to_owned() })).await?;
    let movie = |number| Movie { movie_id: format!("m{number}"), ..Movie::default() };
    client.upsert_movies(from("cid", UpsertMoviesRequest { movies: (0..37).map(movie).collect() })).await?;
    let delay = over(door.rate("cid", 80).await, "cid");
    assert!(delay <= Duration::from_secs(80) && delay + started.elapsed() >= Duration::from_secs(80), "{delay:?}");

    // A rate of its own, or none at all.
    door.rate("slow", 100).await?;
    assert!(over(door.rate("slow", 100).await, "slow") <= Duration::from_secs(50));
    for _ in 0..10 {
        door.rate(FREE, 1_000).await?;
    }
    door.shows("marquee_ingest_requests_refused_total{reason=\"QUOTA\"} 5").await?;
    door.shows("marquee_ingest_quota_ratings_refused_total 330").await?;
    door.close(Topic::RATINGS).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_says_exactly_when_it_fits_and_leaves_nothing_in_the_log() -> Result<()> {
    let door = Door::open(20, 10, &[]).await?;
    // Until the machine is quick enough for the second call to come before its time.
    let mut accepted = 0;
    let (mut sent, mut delay) = loop {
        let sent = Instant::now();
        match door.rate("ann", 10).await {
            Ok(()) => accepted += 1,
            refused => break (sent, over(refused, "ann")),
        }
    };
    let mut told = Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(5));
    let served = async {
        loop {
            look.tick().await;
            let again = Instant::now();
            match door.rate("ann", 10).await {
                Ok(()) => break,
                refused => {
                    assert!(again < told + delay, "refused {:?} after the time that it was told", again - told - delay);
                    (sent, delay, told) = (again, over(refused, "ann"), Instant::now());
                }
            }
        }
    };
    tokio::time::timeout(DEADLINE, served).await?;
    assert!(sent.elapsed() >= delay, "accepted {:?} too early", delay - sent.elapsed());
    accepted += 1;
    assert_eq!(door.close(Topic::RATINGS).await?, 10 * accepted);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_takes_as_long_as_the_quota_says_and_loses_nothing() -> Result<()> {
    let door = Door::open(200, 20, &[]).await?;
    let started = Instant::now();
    let answers = door.stream("ann", &[10; 20]).await?;
    assert!(started.elapsed() >= Duration::from_millis(900), "180 of 200 after {:?}", started.elapsed());
    assert!(answers.iter().map(|answer| answer.sequence).eq(1..=20), "in order");
    assert!(answers.iter().all(|answer| answer.accepted == 10));

    // A batch that is larger than the burst waits for a full bucket, and the next batch waits for
    // all of it.
    let started = Instant::now();
    let answers = door.stream("bob", &[100, 1]).await?;
    assert!(started.elapsed() >= Duration::from_millis(405), "81 after {:?}", started.elapsed());
    assert!(answers.iter().map(|answer| answer.accepted).eq([100, 1]));
    assert_eq!(door.close(Topic::RATINGS).await?, 301);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_waits_ends_when_its_client_goes() -> Result<()> {
    let door = Door::open(1, 1, &[]).await?;
    let (batches, sent) = mpsc::channel(2);
    let mut answers = door.ratings.clone().stream_ratings(from("ann", ReceiverStream::new(sent))).await?.into_inner();
    for (sequence, count) in [(1, 10_000), (2, 1)] {
        batches.send(StreamRatingsRequest { sequence, ratings: ratings(count) }).await?;
    }
    let first = answers.message().await?.context("the first batch is answered while the second waits")?;
    assert_eq!((first.sequence, first.accepted), (1, 10_000));
    door.shows("marquee_ingest_quota_streams_waiting 1").await?;
    drop((batches, answers));
    door.shows("marquee_ingest_quota_streams_waiting 0").await?;
    assert_eq!(door.close(Topic::RATINGS).await?, 10_000);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_quotas_are_the_same() -> Result<()> {
    let door = Door::open(1, 100, &[]).await?;
    let batch =
        |count: usize| json!({"ratings": vec![json!({"userId": "u", "movieId": "m", "rating": 4}); count]}).to_string();
    let (path, post) = ("/v1/ratings/batch", Method::POST);
    let started = Instant::now();
    assert_eq!(door.send("ann", post.clone(), path, &batch(100)).await?.0, 200);
    let (status, headers, body) = door.send("ann", post.clone(), path, &batch(50)).await?;
    assert_eq!((status, body["error"]["code"].as_str()), (429, Some("RESOURCE_EXHAUSTED")), "{body}");
    let delay = Duration::from_secs(headers["retry-after"].to_str()?.parse()?);
    assert!(delay <= Duration::from_secs(50) && delay + started.elapsed() >= Duration::from_secs(50), "{delay:?}");
    let (status, _, body) = door.send("ann", post.clone(), path, &batch(101)).await?;
    assert_eq!((status, &body["error"]["violations"][0]["field"]), (400, &json!("ratings")), "{body}");
    let message = body["error"]["message"].as_str().context("a message")?;
    assert!(message.contains("'ann'") && message.contains("at most 100 a request"), "{message}");

    // Both doors count together, and what cannot even be read counts too, since it is kept.
    door.stream("cid", &[1_000]).await?;
    let one = json!({"userId": "u", "movieId": "m", "rating": 4}).to_string();
    let movies = json!({"movies": [{"movieId": "m2"}]}).to_string();
    for (method, path, body) in [
        (post.clone(), "/v1/ratings", &*one),
        (post.clone(), "/v1/ratings", "{"),
        (Method::PUT, "/v1/movies", &movies),
        (Method::DELETE, "/v1/users/u/ratings/m", ""),
        (Method::DELETE, "/v1/users/u", ""),
    ] {
        let (status, headers, _) = door.send("cid", method.clone(), path, body).await?;
        assert_eq!((status, headers.contains_key("retry-after")), (429, true), "{method} {path} {body}");
    }
    assert_eq!(door.send("bob", post.clone(), "/v1/ratings", "{").await?.0, 400);

    let (status, _, body) = door.send(&"x".repeat(129), post, "/v1/ratings", &one).await?;
    let violation = &body["error"]["violations"][0];
    assert_eq!((status, &violation["field"], &violation["reason"]), (400, &json!("x-client-id"), &json!("TOO_LONG")));
    assert_eq!(door.close(Topic::REJECTED).await?, 1, "only what was within its quota is kept");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_is_refused_by_name() -> Result<()> {
    let door = Door::open(5, 0, &[]).await?;
    let named = |failure: &Failure| {
        let violation = failure.violations().first().expect("a violation");
        (failure.kind(), violation.field.clone(), violation.reason.as_str().to_owned())
    };
    let invalid = |field: &str, reason: &str| (Kind::InvalidArgument, field.to_owned(), reason.to_owned());
    let refused = door.rate("ann", 11).await.expect_err("two seconds' worth is ten");
    assert_eq!(named(&refused), invalid("ratings", "TOO_MANY"));
    assert!(refused.message().contains("at most 10 a request") && refused.message().contains("'ann'"), "{refused}");
    door.rate("ann", 10).await?;

    let long = "x".repeat(129);
    let refused = door.rate(&long, 1).await.expect_err("no name");
    assert_eq!(named(&refused), invalid("x-client-id", "TOO_LONG"));
    let status = door.stream(&long, &[1]).await.expect_err("no name");
    assert_eq!(named(&Failure::from_status(&status)), invalid("x-client-id", "TOO_LONG"));
    assert_eq!(door.close(Topic::RATINGS).await?, 10);

    for (setting, parts) in [
        ("ratings_per_second=-1", ["ingest.quota.ratings_per_second", "-1"]),
        ("burst=many", ["ingest.quota.burst", "many"]),
        ("clients=0", ["ingest.quota.clients", "1 or more"]),
        ("overrides.é=1", ["ingest.quota.overrides", "printable ASCII"]),
        ("rate=1", ["ingest.quota.rate", "ratings_per_second"]),
    ] {
        let output = marquee(PROGRAM, ["config", "--set", &format!("ingest.quota.{setting}")]).await?;
        let error = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(64), "{setting}: {error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{setting}: {error}");
    }
    Ok(())
}
