//! The core over a log in memory.

use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{ManualClock, MovieId, Offset, Partition, Position, Rating, RatingEvent, Timestamp, UserId};
use marquee_kit::Metrics;
use marquee_ports::memory::{Fault, MemoryLog, Step};
use marquee_ports::{ErrorKind, RatingLog, Record};

use super::*;

const NOW: i64 = 1_000_000_000;

fn client() -> ClientName {
    "ann".parse().expect("a valid name")
}

fn rating(movie: &str) -> Result<Rating, Refused> {
    let (user, movie) = (UserId::try_new("u").expect("valid"), MovieId::try_new(movie).expect("valid"));
    Ok(Rating { user, movie, value: 4.0, rated_at: Timestamp::from_seconds(NOW) })
}

fn batch(ratings: Vec<Result<Rating, Refused>>) -> Batch {
    Batch { ratings, original: Box::new(|index| Bytes::from(format!("original {index}"))) }
}

fn movie(id: &str) -> marquee_domain::Movie {
    marquee_domain::Movie::try_new(MovieId::try_new(id).expect("valid"), "A title", None, Vec::new()).expect("valid")
}

fn intake_on(log: &Arc<MemoryLog>, settings: Settings) -> Intake {
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(NOW)));
    let scale = Scale::try_new(0.5, 5.0, 0.5).expect("valid");
    let dependencies = Dependencies { log: Arc::clone(log) as Arc<dyn RatingLog>, clock, scale };
    Intake::new(settings, dependencies, &Metrics::default(), Compute::default())
}

/// Returns an ingest whose catalog has the movie `m`, and its log of one partition.
async fn intake() -> (Intake, Arc<MemoryLog>) {
    let log = Arc::new(MemoryLog::new(1));
    let intake = intake_on(&log, Settings::default());
    intake.upsert(vec![movie("m")]).await.expect("written");
    intake.read_catalog().await.expect("read");
    (intake, log)
}

async fn records(log: &MemoryLog, topic: Topic) -> Vec<Record> {
    let from = Position { partition: Partition(0), offset: Offset(0) };
    log.read(topic, from, 1_000).await.expect("readable")
}

#[tokio::test]
async fn an_accepted_rating_is_in_the_log_when_it_is_acknowledged() {
    let (intake, log) = intake().await;
    let position = intake.submit_one(&client(), batch(vec![rating("m")]), Source::Grpc).await.expect("accepted");
    let stored = records(&log, Topic::RATINGS).await;
    assert_eq!(stored.iter().map(|record| record.position).collect::<Vec<_>>(), [position]);
    let event = record::decode_event(stored[0].header(record::CONTENT_TYPE), &stored[0].value).expect("decodes");
    assert_eq!(event, RatingEvent::Rated(rating("m").expect("valid")));
}

#[tokio::test]
async fn a_rating_that_the_log_refuses_is_not_acknowledged() {
    let (intake, log) = intake().await;
    for (kind, answer) in [(ErrorKind::Unavailable, Kind::Unavailable), (ErrorKind::Corrupt, Kind::Internal)] {
        log.faults().add_next(Fault::Fail(kind));
        let failure = intake.submit_one(&client(), batch(vec![rating("m")]), Source::Grpc).await.expect_err("refused");
        assert_eq!(failure.kind(), answer);
    }
    assert!(records(&log, Topic::RATINGS).await.is_empty());
    intake.submit_one(&client(), batch(vec![rating("m")]), Source::Grpc).await.expect("the log is back");
}

#[tokio::test]
async fn a_rejected_rating_is_kept_with_its_reasons_and_original() {
    let (intake, log) = intake().await;
    let violations = vec![Violation::new("rating", Reason::OffScale, "is 9")];
    let wrong = Err(Refused { violations, movie: None });
    let outcome =
        intake.submit_batch(&client(), batch(vec![wrong, rating("m"), rating("unknown")]), Source::Http).await;
    let outcome = outcome.expect("answered");
    assert_eq!(outcome.accepted(), 1);
    let reasons: Vec<_> = outcome.rejected.iter().map(|(index, violations)| (*index, violations[0].reason)).collect();
    assert_eq!(reasons, [(0, Reason::OffScale), (2, Reason::UnknownMovie)]);
    let kept: Vec<_> = records(&log, Topic::REJECTED)
        .await
        .into_iter()
        .map(|record| (record.header("reason").expect("a reason").to_vec(), record.value.to_vec()))
        .collect();
    let expected = [("OFF_SCALE", "original 0"), ("UNKNOWN_MOVIE", "original 2")]
        .map(|(reason, original)| (reason.as_bytes().to_vec(), original.as_bytes().to_vec()));
    assert_eq!(kept, expected);
}

#[tokio::test]
async fn a_large_batch_is_prepared_off_the_async_threads() {
    use std::sync::Mutex;
    use std::thread;

    let (intake, _) = intake().await;
    for (count, is_here) in [(LARGE, true), (LARGE + 1, false)] {
        // The original of a refused rating is encoded where the batch is prepared.
        let (encoded, here) = (Arc::new(Mutex::new(None)), thread::current().id());
        let noted = Arc::clone(&encoded);
        let original = move |_| {
            *noted.lock().expect("a lock") = Some(thread::current().id());
            Bytes::new()
        };
        let ratings = (1..count).map(|_| rating("m")).chain([rating("unknown")]).collect();
        let batch = Batch { ratings, original: Box::new(original) };
        let outcome = intake.submit_batch(&client(), batch, Source::Grpc).await.expect("answered");
        assert_eq!((outcome.accepted(), outcome.rejected[0].0), (count as u64 - 1, count - 1));
        let thread = encoded.lock().expect("a lock").expect("it was encoded");
        assert_eq!(thread == here, is_here, "{count} ratings");
    }
}

#[tokio::test]
async fn a_movie_that_another_instance_added_is_known_at_once() {
    let (intake, log) = intake().await;
    intake_on(&log, Settings::default()).upsert(vec![movie("new")]).await.expect("written");
    intake.submit_one(&client(), batch(vec![rating("new")]), Source::Grpc).await.expect("accepted");
}

#[tokio::test]
async fn unknown_movies_are_accepted_where_the_deployment_says_so() {
    let log = Arc::new(MemoryLog::new(1));
    let settings = Settings { unknown_movies: UnknownMovies::Accept, ..Settings::default() };
    let outcome = intake_on(&log, settings).submit_batch(&client(), batch(vec![rating("x")]), Source::Grpc).await;
    assert_eq!(outcome.expect("answered").accepted(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_limit_are_turned_away_with_retry_advice_and_cost_no_quota() {
    let log = Arc::new(MemoryLog::new(1));
    let settings = Settings { max_in_flight: 1, unknown_movies: UnknownMovies::Accept, ..Settings::default() };
    let intake = Arc::new(intake_on(&log, settings));
    log.faults().add(Step::on("append", 1, Fault::Delay(Duration::from_secs(1))));
    let waiting = {
        let intake = Arc::clone(&intake);
        tokio::spawn(async move { intake.submit_batch(&client(), batch(vec![rating("x")]), Source::Grpc).await })
    };
    tokio::task::yield_now().await;
    let refused = intake.submit_batch(&client(), batch(vec![rating("x")]), Source::Grpc).await.expect_err("refused");
    assert_eq!((refused.kind(), refused.delay()), (Kind::ResourceExhausted, Some(OVERLOAD_RETRY)));
    assert_eq!(waiting.await.expect("ends").expect("accepted").accepted(), 1);
}

#[tokio::test]
async fn a_removal_is_an_event_of_its_user() {
    let (intake, log) = intake().await;
    let (user, movie) = (UserId::try_new("u").expect("valid"), MovieId::try_new("m").expect("valid"));
    intake.remove(&client(), user.clone(), Some(movie)).await.expect("written");
    intake.remove(&client(), user, None).await.expect("written");
    let stored = records(&log, Topic::RATINGS).await;
    assert!(stored.iter().all(|record| record.key.as_deref() == Some(b"u")) && stored.len() == 2);
}

#[tokio::test]
async fn a_bad_rating_of_an_unknown_movie_names_both() {
    let (intake, _) = intake().await;
    let refused = |movie: &str| {
        let violations = vec![Violation::new("rating", Reason::OffScale, "is 9")];
        Err(Refused { violations, movie: Some(MovieId::try_new(movie).expect("valid")) })
    };
    let ratings = vec![refused("nope"), refused("m")];
    let outcome = intake.submit_batch(&client(), batch(ratings), Source::Grpc).await.expect("an outcome");
    let reasons = |at: usize| outcome.rejected[at].1.iter().map(|one| one.reason).collect::<Vec<_>>();
    assert_eq!(reasons(0), [Reason::OffScale, Reason::UnknownMovie]);
    assert_eq!(reasons(1), [Reason::OffScale]);
}

#[tokio::test]
async fn a_page_of_large_movies_ends_before_a_client_refuses_it() {
    let (intake, _) = intake().await;
    let large = |n: usize| {
        let id = MovieId::try_new(&format!("x{n:05}")).expect("valid");
        let genres = (0..32).map(|genre| format!("{genre:0>60}")).collect();
        marquee_domain::Movie::try_new(id, &"t".repeat(1_000), None, genres).expect("valid")
    };
    intake.upsert((0..3_000).map(large).collect()).await.expect("written");
    let (mut token, mut all) = (String::new(), 0);
    loop {
        let page = intake.list(&token, 10_000).await.expect("a page");
        let bytes: usize = page.movies.iter().map(|movie| record::encode_movie(movie).len()).sum();
        assert!(!page.movies.is_empty() && bytes < 4 << 20, "{bytes}");
        all += page.movies.len();
        if page.next_page_token.is_empty() {
            break;
        }
        token = page.next_page_token;
    }
    assert_eq!(all, 3_001);
}
