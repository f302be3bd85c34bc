//! What operators see: liveness, readiness, metrics, health, reflection, and how a fleet starts,
//! refuses to start and goes down.

#[path = "operations/admin.rs"]
mod admin;
#[path = "operations/connections.rs"]
mod connections;
#[path = "operations/limits.rs"]
pub(super) mod limits;
#[path = "operations/roles.rs"]
mod roles;
#[path = "operations/settings.rs"]
mod settings;
#[path = "operations/shutdown.rs"]
mod shutdown;
#[path = "operations/signals.rs"]
mod signals;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use marquee::ROLES;
use marquee_e2e::{Fleet, Http, Process, World, marquee, until};
use marquee_kit::Transport;
use marquee_proto::training::v1::Algorithm;
use serde_json::{Value, json};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

/// The product's own `main`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// Returns each role's name in health checks.
fn services() -> impl Iterator<Item = &'static str> {
    ROLES.iter().map(|role| role.health)
}

async fn health(transport: &Transport, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(transport.clone()).check(request).await;
    answer.map(|answer| answer.into_inner().status()).map_err(|status| status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_serves_says_so_to_every_kind_of_probe() -> Result<()> {
    let fleet = Fleet::start().await?;
    let (http, transport) = (fleet.http(), Transport::connect(&fleet.address())?);
    let live = http.get("/livez").await?;
    assert_eq!((live.status, live.text().as_str()), (200, "ok\n"));
    let ready = http.get("/readyz").await?;
    let expected: BTreeMap<_, _> = services().map(|service| (service, json!({"ready": true}))).collect();
    assert_eq!((ready.status, ready.json()?), (200, json!(expected)));
    for service in services().chain([""]) {
        assert_eq!(health(&transport, service).await, Ok(ServingStatus::Serving), "{service}");
    }
    assert_eq!(health(&transport, "marquee.nothing.v1.Nothing").await, Err(Code::NotFound));

    // Reflection names every service, and describes what there is.
    let ask = |question: MessageRequest| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        let mut client = ServerReflectionClient::new(transport.clone());
        async move {
            let mut answers = client.server_reflection_info(tokio_stream::once(request)).await?.into_inner();
            let answer = answers.message().await?.context("an answer")?;
            answer.message_response.context("a response")
        }
    };
    let MessageResponse::ListServicesResponse(list) = ask(MessageRequest::ListServices(String::new())).await? else {
        panic!("not a list of services");
    };
    let listed: BTreeSet<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    let others = ["marquee.prediction.v1.Models", "marquee.rollout.v1.Routing", "grpc.reflection.v1.ServerReflection"];
    let missing: Vec<_> = services().chain(others).filter(|name| !listed.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} not in {listed:?}");
    let question = MessageRequest::FileContainingSymbol("marquee.ratings.v1.Rating".to_owned());
    let described = ask(question).await?;
    assert!(
        matches!(&described, MessageResponse::FileDescriptorResponse(files) if !files.file_descriptor_proto.is_empty())
    );
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_cannot_serve_yet_lives_and_says_why_it_is_not_ready() -> Result<()> {
    let fleet = crate::spine::trained(&World::new(20, 12, 51), Algorithm::Bias).await?;
    let folder = fleet.stop().await.expect("a folder of its own");
    let stored = folder.path().join("models/objects/models/ratings/1");
    let aside = folder.path().join("aside");
    std::fs::rename(&stored, &aside)?;

    let fleet = marquee::Fleet::start(marquee_e2e::settings(folder.path()), ROLES).await?;
    let (http, transport) = (Http::new(&format!("http://{}", fleet.http_address())), fleet.transport()?);
    let readiness = || async {
        let answer = http.get("/readyz").await.ok()?;
        Some((answer.status, answer.json().ok()?))
    };
    let loading = until("inference says what it lacks", || async {
        let (status, checks) = readiness().await?;
        let why = checks["marquee.prediction.v1.Predictions"]["reason"].as_str()?;
        let others = services().filter(|service| checks[*service]["ready"] == true).count();
        (status == 503 && why.contains("version 1 of model") && others == ROLES.len() - 1).then_some(checks)
    });
    let checks = loading.await?;
    assert_eq!(checks["marquee.prediction.v1.Predictions"]["ready"], Value::Bool(false));
    assert_eq!(http.get("/livez").await?.status, 200);
    until("health says the same", || async {
        let away = health(&transport, "marquee.prediction.v1.Predictions").await;
        let ingest = health(&transport, "marquee.ratings.v1.Ratings").await;
        let states = [away, health(&transport, "").await, ingest];
        (states == [Ok(ServingStatus::NotServing), Ok(ServingStatus::NotServing), Ok(ServingStatus::Serving)])
            .then_some(())
    })
    .await?;

    // The version comes back, and with it readiness, without another start.
    std::fs::rename(&aside, &stored)?;
    until("the fleet is ready", || async { (readiness().await?.0 == 200).then_some(()) }).await?;
    fleet.shutdown().await;
    Ok(())
}

/// A page of metrics: values by name and labels, types by family. Fails at what Prometheus would
/// not read.
fn parsed(text: &str) -> Result<(BTreeMap<String, f64>, BTreeMap<String, String>)> {
    let (mut values, mut types) = (BTreeMap::new(), BTreeMap::new());
    assert!(text.ends_with("# EOF\n"), "an OpenMetrics page has an end");
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (kind, family, rest) = (words.next(), words.next(), words.next());
            let (family, rest) = family.zip(rest).with_context(|| format!("half a comment: {line}"))?;
            match kind {
                Some("TYPE") => assert_eq!(types.insert(family.to_owned(), rest.to_owned()), None, "{family} twice"),
                Some("HELP") => assert!(!rest.is_empty() && !rest.ends_with(".."), "{line}"),
                Some("UNIT") => {}
                _ => bail!("no such comment: {line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').with_context(|| format!("no value: {line}"))?;
        let value = value.parse().with_context(|| format!("no number: {line}"))?;
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && labels.ends_with('}'), "{line}");
        let is_known = ["marquee_", "process_", "nv_inference_"].iter().any(|prefix| name.starts_with(prefix));
        assert!(is_known, "{line}");
        assert!(types.keys().any(|family| name.starts_with(family.as_str())), "a value of no family: {line}");
        assert_eq!(values.insert(series.to_owned(), value), None, "{series} twice");
    }
    Ok((values, types))
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_prometheus_text_with_counters_of_every_role() -> Result<()> {
    let world = World::new(20, 12, 52);
    let fleet = crate::spine::trained(&world, Algorithm::Bias).await?;
    let (http, clients) = (fleet.http(), fleet.clients());
    clients.predict(&world.user(0), &["movie-1"], &[]).await?;
    clients.rate("ann", "nothing", 4.0).await.expect_err("no such movie");
    http.get("/v1/scale").await?;
    http.get("/v1/such-a-path-does-not-exist").await?;
    let plain = http.get("/metrics").await?;
    assert_eq!(plain.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(plain.text().contains("# TYPE marquee_ingest_ratings_accepted_total counter\n"), "{}", plain.text());
    let page = http.get_as("/metrics", "application/openmetrics-text; version=1.0.0").await?;
    assert!(page.headers["content-type"].to_str()?.starts_with("application/openmetrics-text; version=1.0.0"));
    let (values, types) = parsed(&page.text())?;
    let total = |name: &str| -> f64 {
        let mine = |series: &&String| series.split('{').next() == Some(name);
        values.iter().filter(|(series, _)| mine(series)).map(|(_, value)| value).sum()
    };
    let ratings = world.ratings().len() as f64;
    for (name, expected) in [
        ("marquee_ingest_ratings_accepted_total", ratings),
        ("marquee_ingest_ratings_rejected_total", 1.0),
        ("marquee_ingest_movies_upserted_total", world.movies as f64),
        ("marquee_features_events_applied_total", ratings),
        ("marquee_trainer_runs_total", 1.0),
        ("marquee_inference_answers_total", 1.0),
        ("marquee_inference_predict_seconds_count", 1.0),
        ("marquee_build_info", 1.0),
    ] {
        assert_eq!(total(name), expected, "{name}");
    }
    assert_eq!(values["marquee_ingest_ratings_rejected_total{reason=\"UNKNOWN_MOVIE\"}"], 1.0);
    assert!(total("process_cpu_seconds_total") > 0.0 && total("process_resident_memory_bytes") > 1e6);
    assert!(total("process_open_fds") >= 5.0 && total("process_open_fds") <= total("process_max_fds"));
    assert_eq!(types["marquee_http_request_seconds"], "histogram");
    let has = |parts: &[&str]| values.keys().any(|series| parts.iter().all(|part| series.contains(part)));
    assert!(has(&["grpc_request_seconds_count", "/marquee.prediction.v1.Predictions/Predict", "status=\"OK\""]));
    assert!(has(&["http_request_seconds_count", "route=\"/v1/scale\"", "status=\"200\""]));
    assert!(has(&["http_request_seconds_count", "route=\"unknown\"", "status=\"404\""]));
    assert!(!page.text().contains("such-a-path"), "callers must not make time series");
    assert!(!page.text().contains("user-0"), "nor must their data");
    fleet.stop().await;
    Ok(())
}

/// Runs `up`, which must refuse to start, and returns its error.
async fn refuses(code: i32, arguments: &[&str]) -> Result<String> {
    let output = marquee(PROGRAM, [&["up", "--http-listen", "127.0.0.1:0"], arguments].concat()).await?;
    let error = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    assert!(error.lines().any(|line| line.starts_with("error: ")) && !error.contains("panicked"), "{error}");
    Ok(error)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_cannot_start_says_why_and_leaves_the_one_that_runs_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let running = Process::start(PROGRAM, &folder.path().join("one"), &[]).await?;
    let position = running.clients()?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (one, other) = (at("one"), at("other"));
    let any = "127.0.0.1:0";

    let taken = running.addresses().grpc.trim_start_matches("http://").to_owned();
    let error = refuses(1, &["--data-dir", &other, "--grpc-listen", &taken]).await?;
    assert!(error.contains(&taken) && error.contains("choose a free address"), "{error}");
    assert!(!std::fs::exists(&other)?, "nothing is made for a fleet that cannot listen");
    let error = refuses(1, &["--data-dir", &one, "--grpc-listen", any]).await?;
    assert!(error.contains(&one) && error.contains("in use by another process"), "{error}");
    let error = refuses(1, &["--data-dir", "/dev/null/x", "--grpc-listen", any]).await?;
    assert!(error.contains("/dev/null/x"), "{error}");

    for (library, part) in
        [("/nowhere.so", "not at /nowhere.so"), ("/dev/null", "/dev/null"), (PROGRAM, "not a usable")]
    {
        let setting = format!("onnxruntime={library}");
        let error = refuses(1, &["--data-dir", &other, "--grpc-listen", any, "--set", &setting]).await?;
        assert!(error.contains(part) && error.contains("make onnxruntime"), "{error}");
    }
    let sets = [
        (1, "log.partitions=4", "8 partitions, not 4"),
        (64, "feature_store.history=0", "feature_store.history: "),
        (64, "monitor.history=800", "monitor.history: is 800, but feature_store.history is 500"),
        (64, "rollouts.folder=/dev/null", "rollouts.folder: "),
        (64, "inference.default_model=A/B", "inference.default_model: "),
        (64, "inference.refresh=0s", "inference.refresh: "),
        (64, "ingest.max_in_flight=0", "ingest.max_in_flight: "),
        (64, "telemetry.log=very=loud", "telemetry.log: "),
        (1, "verifying_key=/dev/null", "/dev/null: is not a verifying key"),
        (1, "trainer.signing_key=/nowhere.pem", "trainer.signing_key: /nowhere.pem"),
    ];
    for (code, setting, part) in sets {
        let error = refuses(code, &["--data-dir", &other, "--grpc-listen", any, "--set", setting]).await?;
        assert!(error.contains(part), "{setting}: {error}");
    }

    // All the while the first one serves, and it is still it that the folder names.
    assert_eq!(marquee::Addresses::read(&folder.path().join("one")).as_ref(), Some(running.addresses()));
    assert!(position.predict("ann", &["m"], &[]).await.is_err_and(|status| status.code() == Code::NotFound));
    assert_eq!(running.http().get("/readyz").await?.status, 200);
    assert_eq!(running.stop().await?, Some(0));
    assert_eq!(marquee::Addresses::read(&folder.path().join("one")), None, "a fleet that is gone is not announced");
    Ok(())
}
