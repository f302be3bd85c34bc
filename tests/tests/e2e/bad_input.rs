//! Bad input at the edge: every wrong value is refused by the name of its field and a stable
//! reason, and stands on the rejected topic; what was good beside it counts.

#[path = "bad_input/arbitrary.rs"]
mod arbitrary;
#[path = "bad_input/hostile.rs"]
mod hostile;
#[path = "bad_input/messages.rs"]
mod messages;
#[path = "bad_input/records.rs"]
mod records;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use bytes::Bytes;
use marquee_domain::{Offset, Position};
use marquee_e2e::{Clients, Fleet};
use marquee_embedded::{EmbeddedLog, LogSettings};
use marquee_kit::{Failure, Kind};
use marquee_ports::{RatingLog, Record, Topic};
use marquee_proto::Timestamp;
use marquee_proto::ratings::v1::{
    FieldViolation, ListMoviesRequest, Movie, Rating, RemoveRatingRequest, RemoveUserRequest, StreamRatingsRequest,
    SubmitRatingRequest, UpsertMoviesRequest,
};
use marquee_proto::training::v1::{StartTrainingRequest, WatchTrainingRequest};
use prost::Message;
use tokio_stream::StreamExt;
use tonic::{Code, Status};

/// A rating that holds.
fn good() -> Rating {
    Rating { user_id: "ann".to_owned(), movie_id: "m".to_owned(), rating: Some(4.0), rated_at: None }
}

fn movie(id: &str) -> Movie {
    Movie { movie_id: id.to_owned(), ..Movie::default() }
}

/// Seconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as i64
}

/// Every way in which a rating can be wrong, with the fields to be named and the reasons.
fn wrong() -> Vec<(Rating, Vec<(&'static str, &'static str)>)> {
    let user = |id: &str| Rating { user_id: id.to_owned(), ..good() };
    let movie = |id: &str| Rating { movie_id: id.to_owned(), ..good() };
    let value = |rating: f64| Rating { rating: Some(rating), ..good() };
    let at = |seconds: i64, nanos: i32| Rating { rated_at: Some(Timestamp { seconds, nanos }), ..good() };
    let long = "é".repeat(65);
    let past_all = Timestamp { seconds: i64::MIN, nanos: 0 };
    vec![
        (user(""), vec![("user_id", "EMPTY")]),
        (user(&long), vec![("user_id", "TOO_LONG")]),
        (user("an\u{1b}n"), vec![("user_id", "CONTROL_CHARACTER")]),
        (movie(""), vec![("movie_id", "EMPTY")]),
        (movie(&long), vec![("movie_id", "TOO_LONG")]),
        (movie("m\n"), vec![("movie_id", "CONTROL_CHARACTER")]),
        (movie("M"), vec![("movie_id", "UNKNOWN_MOVIE")]),
        (value(f64::NAN), vec![("rating", "NOT_A_NUMBER")]),
        (value(f64::INFINITY), vec![("rating", "NOT_A_NUMBER")]),
        (value(9.0), vec![("rating", "OFF_SCALE")]),
        (value(0.0), vec![("rating", "OFF_SCALE")]),
        (value(-1e300), vec![("rating", "OFF_SCALE")]),
        (value(3.5), vec![("rating", "OFF_STEP")]),
        (Rating { rating: None, ..good() }, vec![("rating", "MISSING")]),
        (at(now() + 3_600, 0), vec![("rated_at", "IN_THE_FUTURE")]),
        (at(i64::MAX, 0), vec![("rated_at", "MALFORMED")]),
        (at(1_000, -1), vec![("rated_at", "MALFORMED")]),
        (
            Rating { rating: Some(f64::NAN), rated_at: Some(past_all), ..Rating::default() },
            vec![("user_id", "EMPTY"), ("movie_id", "EMPTY"), ("rating", "NOT_A_NUMBER"), ("rated_at", "MALFORMED")],
        ),
    ]
}

/// What a refused call says: its fields and reasons.
#[track_caller]
fn named(status: &Status) -> Vec<(String, String)> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let failure = Failure::from_status(status);
    assert!(failure.violations().iter().all(|one| failure.message().contains(&one.description)), "{failure}");
    failure.violations().iter().map(|one| (one.field.clone(), one.reason.as_str().to_owned())).collect()
}

/// The same of a rating that was refused among others.
fn named_among(violations: &[FieldViolation]) -> Vec<(String, String)> {
    assert!(violations.iter().all(|one| !one.description.is_empty()), "{violations:?}");
    violations.iter().map(|one| (one.field.clone(), one.reason.clone())).collect()
}

/// Fields inside another, as they are to be named.
fn within(prefix: &str, expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(field, reason)| (format!("{prefix}.{field}"), (*reason).to_owned())).collect()
}

/// A whole topic of a fleet that is down, partition by partition.
async fn topic(folder: &Path, topic: Topic) -> Result<Vec<Record>> {
    let log = EmbeddedLog::open(&folder.join("log"), &LogSettings::default())?;
    let mut records = Vec::new();
    for bounds in log.bounds(topic).await? {
        let mut next = bounds.begin;
        while next < bounds.end {
            let page = log.read(topic, Position { partition: bounds.partition, offset: next }, 1_000).await?;
            let Some(last) = page.last() else { break };
            next = Offset(last.position.offset.0 + 1);
            records.extend(page);
        }
    }
    Ok(records)
}

/// A header's text; empty where it is missing.
fn header(record: &Record, name: &str) -> String {
    record.header(name).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

/// The fleet takes a good rating.
async fn serves_on(clients: &Clients) -> Result<()> {
    let position = clients.rate("still-here", "m", 3.0).await?;
    assert_eq!(clients.user("still-here", &[position]).await?.history.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_value_is_refused_by_field_and_reason_and_kept_on_the_rejected_topic() -> Result<()> {
    let fleet = Fleet::start().await?;
    let clients = fleet.clients();
    clients.add_movies(vec![movie("m")]).await?;
    let wrong = wrong();

    // One by one.
    for (rating, expected) in &wrong {
        let request = SubmitRatingRequest { rating: Some(rating.clone()) };
        let status = clients.ratings.clone().submit_rating(request).await.expect_err("wrong");
        assert_eq!(named(&status), within("rating", expected), "{rating:?}");
    }

    // In one batch, a good one before each and one at the end.
    let batch: Vec<Rating> =
        wrong.iter().flat_map(|(rating, _)| [good(), rating.clone()]).chain(std::iter::once(good())).collect();
    let answer = clients.rate_all(batch).await?;
    assert_eq!(answer.accepted, wrong.len() as u64 + 1);
    assert_eq!(answer.rejected.len(), wrong.len());
    for ((turn, (_, expected)), rejected) in wrong.iter().enumerate().zip(&answer.rejected) {
        let index = 2 * turn + 1;
        assert_eq!(rejected.index as usize, index);
        assert_eq!(named_among(&rejected.violations), within(&format!("ratings[{index}]"), expected));
    }

    // In a stream, a batch each.
    let batches: Vec<_> = (100..)
        .zip(&wrong)
        .map(|(sequence, (rating, _))| StreamRatingsRequest { sequence, ratings: vec![rating.clone(), good()] })
        .collect();
    let answers = clients.ratings.clone().stream_ratings(tokio_stream::iter(batches)).await?.into_inner();
    let answers: Vec<_> = answers.collect::<Result<_, Status>>().await?;
    assert_eq!(answers.len(), wrong.len());
    for ((sequence, (_, expected)), answer) in (100..).zip(&wrong).zip(&answers) {
        assert_eq!((answer.sequence, answer.accepted, answer.rejected.len()), (sequence, 1, 1));
        assert_eq!(answer.rejected[0].index, 0);
        assert_eq!(named_among(&answer.rejected[0].violations), within("ratings[0]", expected));
    }

    // Over HTTP, a body that is not even JSON.
    let body = Bytes::from_static(b"{\"userId\": \"ann\", ");
    let post = tonic::codegen::http::Method::POST;
    let answer = fleet.http().send(post, "/v1/ratings", "application/json", body.clone()).await?;
    assert_eq!(answer.status, 400);

    serves_on(clients).await?;
    let folder = fleet.stop().await.expect("a folder of its own");
    let kept = topic(folder.path(), Topic::REJECTED).await?;
    assert_eq!(kept.len(), 3 * wrong.len() + 1);
    for (rating, expected) in &wrong {
        // NaN equals nothing, bytes do.
        let original = rating.encode_to_vec();
        let mine: Vec<_> = kept.iter().filter(|record| record.value == original).collect();
        assert_eq!(mine.len(), 3, "{rating:?}: alone, in a batch and in a stream");
        let reasons = expected.iter().map(|(_, reason)| *reason).collect::<Vec<_>>().join(",");
        for record in mine {
            assert_eq!(header(record, "reason"), reasons);
            assert_eq!(header(record, "source"), "grpc");
            assert_eq!(header(record, "content-type"), "application/x-protobuf");
            let message = header(record, "message");
            assert!(expected.iter().all(|(field, _)| message.contains(&format!("{field} "))), "{message}");
        }
    }
    let unread: Vec<_> = kept.iter().filter(|record| record.value == body).collect();
    assert_eq!(unread.len(), 1);
    assert_eq!((header(unread[0], "reason"), header(unread[0], "source")), ("MALFORMED".to_owned(), "http".to_owned()));
    assert_eq!(header(unread[0], "content-type"), "application/json");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_makes_no_sense_as_a_whole_is_refused_by_field_and_reason() -> Result<()> {
    let fleet = Fleet::start_with(|settings| settings.role::<marquee_ingest::Ingest>().max_batch = 10).await?;
    let clients = fleet.clients();
    clients.add_movies(vec![movie("m")]).await?;
    let mut ratings = clients.ratings.clone();
    let pair = |field: &str, reason: &str| vec![(field.to_owned(), reason.to_owned())];

    let status = ratings.submit_rating(SubmitRatingRequest { rating: None }).await.expect_err("nothing in it");
    assert_eq!(named(&status), pair("rating", "MISSING"));
    let status = clients.rate_all(vec![good(); 11]).await.expect_err("too many");
    assert_eq!(named(&status), pair("ratings", "TOO_MANY"));
    assert!(status.message().contains("at most 10"), "{status}");
    let batch = StreamRatingsRequest { sequence: 1, ratings: vec![good(); 11] };
    let mut answers = ratings.stream_ratings(tokio_stream::once(batch)).await?.into_inner();
    assert_eq!(named(&answers.message().await.expect_err("too many")), pair("ratings", "TOO_MANY"));
    let movies = vec![movie("x"); 11];
    let status = ratings.upsert_movies(UpsertMoviesRequest { movies }).await.expect_err("too many");
    assert_eq!(named(&status), pair("movies", "TOO_MANY"));
    let request = ListMoviesRequest { page_size: 10_001, page_token: String::new() };
    let status = ratings.list_movies(request).await.expect_err("too many");
    assert_eq!(named(&status), pair("page_size", "TOO_MANY"));
    let status = ratings.remove_user(RemoveUserRequest::default()).await.expect_err("nobody");
    assert_eq!(named(&status), pair("user_id", "EMPTY"));
    let request = RemoveRatingRequest { user_id: "ann".to_owned(), movie_id: "\t".to_owned() };
    let status = ratings.remove_rating(request).await.expect_err("no id");
    assert_eq!(named(&status), pair("movie_id", "CONTROL_CHARACTER"));

    // All of a catalogue's errors at once, and then none of it is added.
    let movies = vec![
        movie("fine"),
        movie(""),
        Movie { title: "x".repeat(1_025), ..movie("a") },
        Movie { genres: vec!["g".to_owned(); 33], ..movie("b") },
        Movie { genres: vec![String::new()], ..movie("c") },
    ];
    let status = ratings.upsert_movies(UpsertMoviesRequest { movies }).await.expect_err("four of five");
    let expected = [
        ("movies[1].movie_id", "EMPTY"),
        ("movies[2].title", "TOO_LONG"),
        ("movies[3].genres", "TOO_MANY"),
        ("movies[4].genres", "MALFORMED"),
    ];
    assert_eq!(named(&status), expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));
    assert_eq!(ratings.list_movies(ListMoviesRequest::default()).await?.into_inner().movies, [movie("m")]);

    // Training has parameters of its own to refuse, and runs that it does not know.
    let mut trainer = clients.trainer.clone();
    let request = StartTrainingRequest { model: "no model".to_owned(), ..StartTrainingRequest::default() };
    let named = named(&trainer.start_training(request).await.expect_err("no algorithm, no name"));
    assert!(!named.is_empty() && named.iter().all(|(field, reason)| !field.is_empty() && !reason.is_empty()));
    let request = WatchTrainingRequest { training_id: "nothing".to_owned() };
    let status = trainer.watch_training(request).await.expect_err("no such run");
    assert_eq!(Failure::from_status(&status).kind(), Kind::NotFound, "{status}");

    serves_on(clients).await?;
    fleet.stop().await;
    Ok(())
}
