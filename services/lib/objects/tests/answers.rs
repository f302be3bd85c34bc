//! Answers of S3 that cannot be forced from a real server: errors in the middle, lost answers and
//! ignored conditions.

#[path = "answers/server.rs"]
mod server;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use marquee_domain::Secret;
use marquee_objects::{ConnectError, S3Objects, Settings};
use marquee_ports::{ErrorKind, ObjectKey, ObjectStore as _, Precondition, Tag};

use server::{Answer, Request, Server};

const LISTING: &str = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

/// Long enough for a few attempts, and short enough for a test.
const PATIENCE: Duration = Duration::from_millis(1_500);
const TIMEOUT: Duration = Duration::from_millis(500);

fn key(text: &str) -> ObjectKey {
    ObjectKey::try_new(text).expect("a path of an object")
}

fn settings(server: &Server) -> Settings {
    Settings {
        url: "s3://films/v1".to_owned(),
        endpoint: server.endpoint().to_owned(),
        access_key_id: "key".to_owned(),
        secret_access_key: Secret::new("hunter2"),
        patience: PATIENCE,
        request_timeout: TIMEOUT,
        multipart_threshold: 10,
        part_size: 5 << 20,
        ..Settings::default()
    }
}

/// Answers the requests of `connect` like a correct server.
fn welcome(request: &Request) -> Option<Answer> {
    match request.method.as_str() {
        "GET" if request.target.contains("list-type=2") => Some(Answer::ok(LISTING)),
        "PUT" if request.target.contains("marquee-never-written") => Some(Answer::error(412, "PreconditionFailed")),
        _ => None,
    }
}

/// Starts a server that answers `connect` correctly and every other request with `answer`, and a
/// store that is connected to it.
async fn connected(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> (Server, S3Objects) {
    let server = Server::start(move |request| welcome(request).unwrap_or_else(|| answer(request))).await;
    let objects = S3Objects::connect(&settings(&server)).await.expect("connects");
    (server, objects)
}

/// Acts as a server that executes the first write, closes the connection before the answer, and
/// then refuses further writes because the object exists.
fn losing_the_first_answer(request: &Request, written: &Mutex<Option<String>>) -> Answer {
    let mut written = written.lock().expect("no panic");
    let of = request.header("x-amz-meta-marquee-write").unwrap_or_default().to_owned();
    match (request.method.as_str(), &*written) {
        ("PUT", None) => {
            assert_eq!(request.header("if-none-match"), Some("*"));
            *written = Some(of);
            Answer::HangUp
        }
        ("PUT", Some(_)) => Answer::error(412, "PreconditionFailed"),
        ("HEAD", Some(of)) => Answer::ok("").with("etag", "\"ours\"").with("x-amz-meta-marquee-write", of),
        _ => Answer::error(400, "NotExpected"),
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_known_again() {
    let written = Mutex::new(None);
    let (_server, objects) = connected(move |request| losing_the_first_answer(request, &written)).await;
    let put = objects.put(&key("a"), Bytes::from_static(b"lease"), Precondition::Absent).await;
    assert_eq!(put.expect("it was written"), Tag("\"ours\"".to_owned()));
}

#[tokio::test]
async fn a_write_of_another_is_a_conflict() {
    let (_server, objects) = connected(|request| match request.method.as_str() {
        "PUT" => Answer::error(412, "PreconditionFailed"),
        _ => Answer::ok("").with("etag", "\"theirs\"").with("x-amz-meta-marquee-write", "theirs"),
    })
    .await;
    for precondition in [Precondition::Absent, Precondition::Matches(Tag("\"old\"".to_owned()))] {
        let put = objects.put(&key("a"), Bytes::from_static(b"lease"), precondition).await;
        assert_eq!(put.expect_err("a conflict").kind(), ErrorKind::Conflict);
    }
}

#[tokio::test]
async fn a_server_that_has_no_time_is_asked_again() {
    let asked = AtomicUsize::new(0);
    let (_server, objects) = connected(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::error(503, "SlowDown"),
        1 => Answer::HangUp,
        2 => Answer::error(500, "InternalError"),
        _ => Answer::ok("content").with("etag", "\"tag\""),
    })
    .await;
    assert_eq!(objects.get(&key("a")).await.expect("get").expect("there").bytes, "content");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    for answer in [Answer::Silence, Answer::error(503, "SlowDown"), Answer::HangUp] {
        let (_server, objects) = connected(move |_| answer.clone()).await;
        let started = Instant::now();
        let bytes = Bytes::from_static(b"x");
        let results = tokio::join!(
            async { objects.get(&key("a")).await.map(|_| ()) },
            async { objects.put(&key("a"), bytes.clone(), Precondition::None).await.map(|_| ()) },
            async { objects.put(&key("a"), bytes.clone(), Precondition::Absent).await.map(|_| ()) },
            async { objects.put(&key("a"), vec![0; 11].into(), Precondition::None).await.map(|_| ()) },
            async { objects.delete(&key("a")).await },
        );
        for result in [results.0, results.1, results.2, results.3, results.4] {
            assert_eq!(result.expect_err("no answer").kind(), ErrorKind::Unavailable);
        }
        // The patience, one last request and one delay of the client. A busy machine takes longer.
        assert!(started.elapsed() < PATIENCE + TIMEOUT + Duration::from_secs(10), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn what_a_person_must_mend_is_not_repeated() {
    for (status, code) in
        [(400, "InvalidArgument"), (403, "AccessDenied"), (404, "NoSuchBucket"), (501, "NotImplemented")]
    {
        let (server, objects) = connected(move |_| Answer::error(status, code)).await;
        let before = server.requests().len();
        let get = objects.get(&key("a")).await.expect_err(code);
        let put = objects.put(&key("a"), Bytes::new(), Precondition::Absent).await.expect_err(code);
        let delete = objects.delete(&key("a")).await.expect_err(code);
        assert_eq!([get.kind(), put.kind(), delete.kind()], [ErrorKind::Invalid; 3], "{code}");
        // The client repeats a 501 like every other status from 500 to 599.
        assert!(status == 501 || server.requests().len() - before == 3, "{code}: {:?}", server.requests());
    }
}

#[tokio::test]
async fn what_is_not_there_is_no_failure() {
    let (_server, objects) = connected(|_| Answer::error(404, "NoSuchKey")).await;
    assert_eq!(objects.get(&key("a")).await.expect("get"), None);
    objects.delete(&key("a")).await.expect("delete");
}

#[tokio::test]
async fn a_failed_upload_is_dropped() {
    let (server, objects) = connected(|request| match request.method.as_str() {
        "POST" if request.target.contains("uploads") => {
            Answer::ok("<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>")
        }
        "PUT" if request.target.contains("partNumber=2") => Answer::error(403, "AccessDenied"),
        "DELETE" => Answer::ok(""),
        _ => Answer::ok("").with("etag", "\"part\""),
    })
    .await;
    let large = Bytes::from(vec![7; 11 << 20]);
    let error = objects.put(&key("a"), large, Precondition::None).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.to_string(), "write a: the keys do not permit it");
    let requests = server.requests();
    assert!(requests.iter().any(|line| line.starts_with("DELETE /films/v1/a?uploadId=up")), "{requests:?}");
}

#[tokio::test]
async fn a_server_that_ignores_conditions_is_refused_and_left_clean() {
    let server = Server::start(|request| match request.method.as_str() {
        "GET" => Answer::ok(LISTING),
        _ => Answer::ok("").with("etag", "\"written\""),
    })
    .await;
    let error = S3Objects::connect(&settings(&server)).await.expect_err("ignores conditions");
    assert!(matches!(error, ConnectError::NoConditions { .. }), "{error:?}");
    let requests = server.requests();
    assert!(requests.iter().any(|line| line.starts_with("DELETE /films/v1/marquee-never-written")), "{requests:?}");
}

#[tokio::test]
async fn keys_that_may_only_read_connect() {
    let server = Server::start(|request| match request.method.as_str() {
        "GET" => Answer::ok(LISTING),
        _ => Answer::error(403, "AccessDenied"),
    })
    .await;
    S3Objects::connect(&settings(&server)).await.expect("reads");
}

#[tokio::test]
async fn what_is_wrong_with_a_bucket_is_said_at_once() {
    for (answer, words) in [
        (Answer::error(404, "NoSuchBucket"), "there is no bucket films at http://127.0.0.1:"),
        (Answer::error(403, "SignatureDoesNotMatch"), "refuses bucket films to these keys"),
        (Answer::error(301, "PermanentRedirect"), "is in another region"),
        (Answer::error(400, "AuthorizationHeaderMalformed"), "is in another region"),
        (Answer::error(400, "InvalidRequest"), "check that the server speaks S3"),
        (Answer::error(403, "InvalidAccessKeyId"), "s3.access_key_id"),
        (Answer::error(400, "ExpiredToken"), "renew it"),
        (Answer::error(403, "RequestTimeTooSkewed"), "the clock of this machine differs"),
        (Answer::error(500, "InternalError"), "cannot reach bucket films at http://127.0.0.1:"),
        (Answer::error(503, "SlowDown"), "asks to slow down"),
    ] {
        let server = Server::start(move |_| answer.clone()).await;
        let error = S3Objects::connect(&settings(&server)).await.expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"));
        let passes =
            matches!(error, ConnectError::NoAnswer { .. } | ConnectError::Busy { .. } | ConnectError::Clock { .. });
        assert_eq!(error.is_retryable(), passes, "{error}");
    }
}

#[tokio::test]
async fn a_session_token_is_sent_and_never_shown() {
    let server = Server::start(|request| match request.header("x-amz-security-token") {
        Some("FwoGZXIvYXdz/+=") => welcome(request).unwrap_or_else(|| Answer::error(404, "NoSuchKey")),
        _ => Answer::error(403, "InvalidToken"),
    })
    .await;
    let with_token = Settings {
        session_token: Secret::new("FwoGZXIvYXdz/+="),
        access_key_id: "ASIAKEY".to_owned(),
        ..settings(&server)
    };
    let objects = S3Objects::connect(&with_token).await.expect("the token is right");
    for shown in [format!("{with_token:?}"), format!("{objects:?}"), serde_json::to_string(&with_token).expect("JSON")]
    {
        assert!(!shown.contains("FwoGZXIv"), "{shown}");
    }
    let wrong = Settings { session_token: Secret::new("other"), ..with_token };
    let error = S3Objects::connect(&wrong).await.expect_err("another token");
    assert!(error.to_string().contains("s3.session_token"), "{error}");
}

#[tokio::test]
async fn an_endpoint_below_a_path_is_used_as_it_is() {
    let server = Server::start(|request| welcome(request).unwrap_or_else(|| Answer::error(404, "NoSuchKey"))).await;
    let below = Settings { endpoint: format!("{}/storage/s3//", server.endpoint()), ..settings(&server) };
    let objects = S3Objects::connect(&below).await.expect("connects");
    assert_eq!(objects.get(&key("a")).await.expect("get"), None);
    let requests = server.requests();
    assert!(requests.iter().all(|line| line.contains(" /storage/s3/films")), "{requests:?}");
}

#[tokio::test]
async fn an_object_that_is_too_large_is_refused_before_it_is_read() {
    let server = Server::start(|request| {
        welcome(request).unwrap_or_else(|| Answer::ok(&"x".repeat(2_000)).with("etag", "\"tag\""))
    })
    .await;
    let small = Settings { max_object: 1_999, ..settings(&server) };
    let objects = S3Objects::connect(&small).await.expect("connects");
    let error = objects.get(&key("a")).await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("2000 bytes") && error.to_string().contains("s3.max_object"), "{error}");
}

#[tokio::test]
async fn a_content_that_never_ends_is_given_up() {
    let (_server, objects) = connected(|_| Answer::Beginning("\"tag\"", "half of it".to_owned(), 1_000)).await;
    let started = Instant::now();
    let error = objects.get(&key("a")).await.expect_err("it never ends");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(started.elapsed() < PATIENCE + TIMEOUT * 2 + Duration::from_secs(10), "{:?}", started.elapsed());
}
