//! The calls over a server that a test scripts, and what the recorder makes of events.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use marquee_backoff::Backoff;
use marquee_domain::{ModelName, RunId, RunState, Timestamp, Version};
use marquee_ports::memory::MemoryObjects;
use marquee_ports::{
    ObjectKey, ObjectStore as _, Precondition, PublishedModel, TrackedRoute, TrackedRun, TrackingEvent,
};
use serde_json::json;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::sink::Sink as _;
use crate::testing::{Answer, Request, Server};
use crate::{Batch, Metric, Recorder};

const QUICK: Backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(2));

fn settings(server: &Server) -> Settings {
    Settings { url: format!("http://127.0.0.1:{}", server.port), ..Settings::default() }
}

fn client(settings: &Settings) -> Client {
    Client::new(settings).expect("a client").with_backoff(QUICK)
}

fn new_run() -> NewRun {
    NewRun {
        experiment: "1".to_owned(),
        name: "t1".to_owned(),
        started_at: Timestamp::from_seconds(1),
        tags: BTreeMap::new(),
        parent: Some("p".to_owned()),
    }
}

fn secret(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

#[tokio::test]
async fn a_token_is_sent_and_never_shown() {
    let server = Server::start(|_| Answer::error(401, "UNAUTHENTICATED")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let token_file = secret(folder.path(), "token", "hunter2\n");
    let settings = Settings { token_file: token_file.clone(), ..settings(&server) };
    let client = client(&settings);
    let error = client.registered("ratings").await.expect_err("refused");
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer hunter2"));
    assert!(!format!("{error:?} {client:?} {settings:?}").contains("hunter2"));
    assert_eq!(
        error.to_string(),
        "read registered model 'ratings': the tracking server answered 401 Unauthorized UNAUTHENTICATED: no"
    );
    // The file is read again: tokens are replaced while the process runs.
    std::fs::write(&token_file, "hunter3").expect("written");
    let _ = client.registered("ratings").await;
    assert_eq!(server.requests().last().expect("a request").header("authorization"), Some("Bearer hunter3"));

    let password_file = secret(folder.path(), "password", "pass:word\n");
    let settings = Settings { username: "ann".to_owned(), password_file, ..self::settings(&server) };
    let _ = self::client(&settings).registered("ratings").await;
    // "ann:pass:word" in Base64.
    assert_eq!(
        server.requests().last().expect("a request").header("authorization"),
        Some("Basic YW5uOnBhc3M6d29yZA==")
    );
}

#[test]
fn a_file_that_cannot_be_used_is_named_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = "https://127.0.0.1:1".to_owned();
    for (name, text) in [("missing", None), ("empty", Some("")), ("lines", Some("a\nb\n"))] {
        let token_file = folder.path().join(name);
        if let Some(text) = text {
            std::fs::write(&token_file, text).expect("written");
        }
        let settings = Settings { url: url.clone(), token_file, ..Settings::default() };
        let error = Client::new(&settings).expect_err("refused").to_string();
        assert!(error.starts_with("tracking.token_file: ") && error.contains(name), "{error}");
    }
    let ca_file = secret(folder.path(), "ca.pem", "no certificate");
    let error = Client::new(&Settings { url, ca_file, ..Settings::default() }).expect_err("refused").to_string();
    assert!(error.starts_with("tracking.ca_file: ") && error.contains("ca.pem"), "{error}");
    let error = Client::new(&Settings { url: "nowhere".to_owned(), ..Settings::default() }).expect_err("refused");
    assert!(error.to_string().starts_with("tracking.url: "), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_answer_now_is_asked_again_when_it_says() {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::error(429, "REQUEST_LIMIT_EXCEEDED").with("retry-after", "1"),
        1 => Answer::error(503, ""),
        _ => Answer::ok(r#"{"run": {"info": {"run_id": "r", "artifact_uri": "mlflow-artifacts:/1/r/artifacts"}}}"#),
    })
    .await;
    let began = Instant::now();
    let run = client(&settings(&server)).create_run(&new_run()).await.expect("made");
    assert_eq!(run.id, "r");
    assert!(began.elapsed() >= Duration::from_secs(1));
    let body: Value = serde_json::from_str(&server.requests()[2].body).expect("JSON");
    assert_eq!(body["start_time"], 1_000);
    assert_eq!(body["tags"], json!([{"key": "mlflow.parentRunId", "value": "p"}]));
}

#[tokio::test]
async fn a_call_that_may_have_made_something_is_not_sent_again() {
    for answer in [Answer::HangUp, Answer::error(500, "INTERNAL_ERROR"), Answer::error(504, "")] {
        let server = Server::start(move |_| answer.clone()).await;
        let client = client(&settings(&server));
        let error = client.create_run(&new_run()).await.expect_err("unknown");
        assert!(error.is_retryable(), "{error}");
        assert_eq!(server.lines(), ["POST mlflow/runs/create"]);
        // A batch of metrics may come twice.
        let tags = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        client.log("r", &Batch { tags, ..Batch::default() }).await.expect_err("unknown");
        assert_eq!(server.lines().len(), 1 + 4);
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_sent_once() {
    let server = Server::start(|_| Answer::error(400, "INVALID_PARAMETER_VALUE")).await;
    let error = client(&settings(&server)).set_alias("ratings", "champion", "1").await.expect_err("refused");
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(server.lines(), ["POST mlflow/registered-models/alias"]);
}

#[tokio::test]
async fn an_answer_that_is_not_mlflows_is_an_error() {
    let pages = ["<html>Sign in</html>", "", "[]", r#"{"run": {}}"#, "\u{0}\u{1}"];
    for page in pages {
        let server = Server::start(move |_| Answer::ok(page)).await;
        let error = client(&settings(&server)).create_run(&new_run()).await.expect_err("garbage");
        assert!(error.is_retryable() && error.to_string().contains("tracking.url"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_or_too_much_is_left() {
    for answer in [Answer::Silence, Answer::Endless] {
        let server = Server::start(move |_| answer.clone()).await;
        let settings = Settings { timeout: Duration::from_millis(500), ..settings(&server) };
        let began = Instant::now();
        client(&settings).create_run(&new_run()).await.expect_err("no answer");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_token_does_not_follow_a_redirect() {
    let other = Server::start(|_| Answer::ok("{}")).await;
    let address = format!("http://127.0.0.1:{}/", other.port);
    let server = Server::start(move |_| Answer::Whole(307, vec![("location", address.clone())], String::new())).await;
    client(&settings(&server)).registered("ratings").await.expect_err("refused");
    assert!(other.lines().is_empty());
}

#[tokio::test]
async fn an_experiment_that_another_process_makes_first_is_found() {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::error(404, "RESOURCE_DOES_NOT_EXIST"),
        1 => Answer::error(400, "RESOURCE_ALREADY_EXISTS"),
        _ => Answer::ok(r#"{"experiment": {"experiment_id": "7"}}"#),
    })
    .await;
    assert_eq!(client(&settings(&server)).experiment("a b&c").await.expect("found"), "7");
    let get = "GET mlflow/experiments/get-by-name?experiment_name=a+b%26c";
    assert_eq!(server.lines(), [get, "POST mlflow/experiments/create", get]);
}

#[tokio::test]
async fn artifacts_are_sent_through_the_server_only() {
    let server = Server::start(|_| Answer::ok("")).await;
    let settings = Settings { url: format!("http://127.0.0.1:{}/prefix/", server.port), ..Settings::default() };
    let client = client(&settings);
    for root in ["mlflow-artifacts:/1/r/artifacts", "mlflow-artifacts://host:80/1/r/artifacts"] {
        client.put_artifact(root, "a b/c.txt", Bytes::from_static(b"text")).await.expect("sent");
        let last = server.requests().pop().expect("a request");
        assert_eq!(last.target, "/prefix/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/a%20b/c.txt");
        assert_eq!((last.method.as_str(), last.body.as_str()), ("PUT", "text"));
    }
    for root in ["s3://bucket/1/r/artifacts", "/var/mlruns/1"] {
        let error = client.put_artifact(root, "a", Bytes::new()).await.expect_err("not proxied");
        assert!(!error.is_retryable() && error.to_string().contains("--serve-artifacts"), "{error}");
    }
}

/// Returns a server's TLS, and the certificate to trust.
fn tls() -> (TlsAcceptor, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).expect("a pair");
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

#[tokio::test]
async fn a_server_with_tls_is_trusted_by_its_certificate_only() {
    let (acceptor, pem) = tls();
    let server = Server::start_with(Some(acceptor), |_| Answer::ok(r#"{"registered_model": {}}"#)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("https://127.0.0.1:{}", server.port);
    let trusting = Settings { url: url.clone(), ca_file: secret(folder.path(), "ca.pem", &pem), ..Settings::default() };
    assert_eq!(client(&trusting).registered("a").await.expect("trusted"), Some(RegisteredModel::default()));
    let stranger = Settings { url, ca_file: secret(folder.path(), "other.pem", &tls().1), ..Settings::default() };
    let error = client(&stranger).registered("a").await.expect_err("not trusted");
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

fn recorder(server: &Server, objects: &MemoryObjects) -> Recorder {
    let settings = settings(server);
    Recorder::new(&settings, Arc::new(objects.clone())).expect("a recorder").with_client(client(&settings))
}

fn model() -> ModelName {
    ModelName::try_new("ratings").expect("valid")
}

fn run_id() -> RunId {
    RunId::try_new("t1").expect("valid")
}

fn published() -> TrackingEvent {
    TrackingEvent::Published(PublishedModel {
        run: run_id(),
        model: model(),
        version: Version(3),
        at: Timestamp::from_seconds(5),
        digest: "d1".to_owned(),
        package: ObjectKey::try_new("models/ratings/3").expect("valid"),
        params: BTreeMap::new(),
        metrics: BTreeMap::from([("rmse".to_owned(), 0.9)]),
    })
}

/// Answers as a server that has nothing, and makes everything.
fn empty(request: &Request) -> Answer {
    let line = request.line();
    let info = |id: &str| format!(r#"{{"info": {{"{id}", "artifact_uri": "mlflow-artifacts:/1/x/artifacts"}}}}"#);
    match line.as_str() {
        line if line.starts_with("GET mlflow/experiments") => Answer::ok(r#"{"experiment": {"experiment_id": "1"}}"#),
        "POST mlflow/runs/create" => Answer::ok(&format!(r#"{{"run": {}}}"#, info(r#"run_id": "r1"#))),
        "POST mlflow/logged-models" => Answer::ok(&format!(r#"{{"model": {}}}"#, info(r#"model_id": "m1"#))),
        "POST mlflow/model-versions/create" => Answer::ok(r#"{"model_version": {"version": "1"}}"#),
        _ => Answer::ok("{}"),
    }
}

async fn package() -> MemoryObjects {
    let objects = MemoryObjects::default();
    for path in ["claim", "encoder.onnx", "manifest.json", "report.html"] {
        let key = ObjectKey::try_new(&format!("models/ratings/3/{path}")).expect("valid");
        objects.put(&key, Bytes::from(path), Precondition::None).await.expect("written");
    }
    objects
}

#[tokio::test]
async fn a_published_version_is_registered_when_all_its_files_are_there() {
    let server = Server::start(empty).await;
    recorder(&server, &package().await).deliver(&published()).await.expect("delivered");
    let artifacts: Vec<String> = server.lines().into_iter().filter(|line| line.starts_with("PUT")).collect();
    let root = "PUT mlflow-artifacts/artifacts/1/x/artifacts";
    let files =
        ["package/encoder.onnx", "manifest.json", "package/manifest.json", "report.html", "package/report.html"];
    let files = files.into_iter().chain(["code/marquee_pyfunc.py", "requirements.txt", "python_env.yaml", "MLmodel"]);
    assert_eq!(artifacts, files.map(|file| format!("{root}/{file}")).collect::<Vec<_>>());
    let last = server.lines().split_off(server.lines().len() - 5);
    assert_eq!(
        last,
        [
            "PATCH mlflow/logged-models/m1",
            "POST mlflow/runs/outputs",
            "POST mlflow/runs/log-batch",
            "POST mlflow/registered-models/create",
            "POST mlflow/model-versions/create"
        ]
    );
}

#[tokio::test]
async fn a_version_that_is_registered_is_not_sent_again() {
    let server = Server::start(|request| match request.target.contains("model-versions/search") {
        true => Answer::ok(r#"{"model_versions": [{"version": "9"}, {"version": "10"}]}"#),
        false => empty(request),
    })
    .await;
    recorder(&server, &package().await).deliver(&published()).await.expect("delivered");
    assert!(!server.lines().iter().any(|line| line.starts_with("PUT") || line.contains("model-versions/create")));
    let found = client(&settings(&server)).find_version("ratings", ("marquee.version", "3")).await.expect("found");
    assert_eq!(found.expect("a version").version, "10", "numbers are compared as numbers");
}

#[tokio::test]
async fn a_version_that_was_withdrawn_or_is_too_large_is_not_logged() {
    let server = Server::start(empty).await;
    let error = recorder(&server, &MemoryObjects::default()).deliver(&published()).await.expect_err("withdrawn");
    assert!(!error.is_retryable() && error.to_string().contains("withdrawn"), "{error}");
    let objects = package().await;
    let key = ObjectKey::try_new("models/ratings/3/scorer.onnx").expect("valid");
    objects.put(&key, Bytes::from(vec![0; 1 << 20]), Precondition::None).await.expect("written");
    let small = Settings { largest_package: 1 << 20, ..settings(&server) };
    let error = Recorder::new(&small, Arc::new(objects)).expect("a recorder").deliver(&published()).await;
    let error = error.expect_err("too large");
    assert!(!error.is_retryable() && error.to_string().contains("tracking.largest_package"), "{error}");
    assert!(!server.lines().iter().any(|line| line == "POST mlflow/logged-models"));
}

#[tokio::test]
async fn a_run_that_the_server_has_is_found_and_not_made_again() {
    let found = r#"{"runs": [{"info": {"run_id": "r7", "artifact_uri": "mlflow-artifacts:/1/r7/artifacts"}}]}"#;
    let server = Server::start(move |request| match request.target.ends_with("runs/search") {
        true => Answer::ok(found),
        false => empty(request),
    })
    .await;
    let mut recorder = recorder(&server, &MemoryObjects::default());
    let params = BTreeMap::from([("factors".to_owned(), "16".to_owned())]);
    let started = TrackedRun { run: run_id(), parent: None, model: model(), at: Timestamp::from_seconds(1), params };
    recorder.deliver(&TrackingEvent::RunStarted(started)).await.expect("delivered");
    let metric = Metric { key: "rmse".to_owned(), value: 0.9, at: Timestamp::EPOCH, step: 1, model: None };
    recorder.measure(&run_id(), &[metric]).await.expect("delivered");
    let ended = TrackingEvent::RunEnded {
        run: run_id(),
        at: Timestamp::from_seconds(9),
        state: RunState::Canceled,
        message: "canceled".to_owned(),
        metrics: BTreeMap::new(),
    };
    recorder.deliver(&ended).await.expect("delivered");
    let lines = server.lines();
    assert!(!lines.iter().any(|line| line == "POST mlflow/runs/create"), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.ends_with("runs/search")).count(), 1, "its id is remembered");
    let last: Value = serde_json::from_str(&server.requests().last().expect("a request").body).expect("JSON");
    assert_eq!(last, json!({"run_id": "r7", "status": "KILLED", "end_time": 9_000}));
}

fn route(candidate: Option<u64>, revision: u64) -> TrackedRoute {
    TrackedRoute { model: model(), stable: Version(1), candidate: candidate.map(Version), revision }
}

#[tokio::test]
async fn an_older_route_that_arrives_late_moves_no_alias() {
    let registered = r#"{"registered_model": {"tags": [{"key": "marquee.route_revision", "value": "8"}]}}"#;
    let server = Server::start(move |_| Answer::ok(registered)).await;
    let mut recorder = recorder(&server, &MemoryObjects::default());
    assert_eq!(recorder.route(&route(None, 7)).await.expect("read"), None);
    assert_eq!(server.lines(), ["GET mlflow/registered-models/get?name=ratings"]);
}

#[tokio::test]
async fn a_candidate_that_is_not_registered_yet_takes_the_alias_from_the_one_before() {
    let server = Server::start(|request| match request.line().as_str() {
        line if line.starts_with("GET mlflow/registered-models/get") => {
            let aliases = r#"[{"alias": "champion", "version": "4"}, {"alias": "challenger", "version": "5"}]"#;
            Answer::ok(&format!(r#"{{"registered_model": {{"aliases": {aliases}}}}}"#))
        }
        line if line.contains("%60+%3D+%271%27") => Answer::ok(r#"{"model_versions": [{"version": "4"}]}"#),
        _ => Answer::ok("{}"),
    })
    .await;
    let mut recorder = recorder(&server, &MemoryObjects::default());
    assert_eq!(recorder.route(&route(Some(6), 9)).await.expect("followed"), Some(Version(6)));
    let changes: Vec<String> = server.lines().into_iter().filter(|line| !line.starts_with("GET")).collect();
    assert_eq!(changes, ["DELETE mlflow/registered-models/alias"], "the champion has its alias already");
}

#[tokio::test]
async fn a_part_is_a_run_below_another_and_a_report_is_a_file_of_its_run() {
    let server = Server::start(empty).await;
    let mut recorder = recorder(&server, &MemoryObjects::default());
    let id = |text: &str| RunId::try_new(text).expect("valid");
    let started = |run: &str, parent: Option<&str>| {
        let (run, parent, at) = (id(run), parent.map(id), Timestamp::from_seconds(1));
        TrackingEvent::RunStarted(TrackedRun { run, parent, model: model(), at, params: BTreeMap::new() })
    };
    recorder.deliver(&started("evaluate-1", None)).await.expect("delivered");
    recorder.deliver(&started("evaluate-1-folds-s1-f2", Some("evaluate-1"))).await.expect("delivered");
    let made: Vec<Value> = server
        .requests()
        .iter()
        .filter(|request| request.line() == "POST mlflow/runs/create")
        .map(|request| serde_json::from_str(&request.body).expect("JSON"))
        .collect();
    assert_eq!(made.len(), 2);
    let parent = json!({"key": "mlflow.parentRunId", "value": "r1"});
    let has_parent = |run: &Value| run["tags"].as_array().expect("tags").contains(&parent);
    assert!(!has_parent(&made[0]) && has_parent(&made[1]), "{made:?}");
    assert_eq!(made[1]["run_name"], "evaluate-1-folds-s1-f2");
    let bytes = Bytes::from_static(b"# report");
    let (run, at) = (id("evaluate-1"), Timestamp::from_seconds(2));
    recorder.deliver(&TrackingEvent::Reported { run, at, file: "report.md", bytes }).await.expect("delivered");
    let last = server.requests().pop().expect("a request");
    assert_eq!(last.line(), "PUT mlflow-artifacts/artifacts/1/x/artifacts/report.md");
    assert_eq!(last.body, "# report");
}
