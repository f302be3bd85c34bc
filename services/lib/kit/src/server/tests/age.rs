//! Connections that are told to go because of their age.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{Request, StatusCode};
use tokio::time::sleep;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::Transport;
use crate::server::connections::Connections;

fn aged(age: Duration, grace: Duration) -> ServerSettings {
    ServerSettings { max_connection_age: age, max_connection_age_grace: grace, ..ServerSettings::default() }
}

/// Begins a request over HTTP/2. Returns what asks for further ones, and the answer.
async fn ask(server: &Running, path: &str) -> (h2::client::SendRequest<Bytes>, h2::client::ResponseFuture) {
    let (sender, connection) = h2::client::handshake(server.connect().await).await.expect("a connection");
    // It ends with the server.
    tokio::spawn(connection);
    let mut sender = sender.ready().await.expect("ready");
    let request = Request::get(format!("http://localhost{path}")).body(()).expect("a request");
    let (answer, _) = sender.send_request(request, true).expect("sent");
    (sender, answer)
}

#[tokio::test]
async fn an_old_connection_is_told_to_go_and_its_request_ends() {
    let server = http(aged(Duration::from_millis(200), PATIENCE)).await;
    let (sender, answer) = ask(&server, "/v1/late").await;
    let told = async {
        loop {
            match sender.clone().ready().await {
                Err(error) => break error,
                Ok(_) => sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let error = timeout(PATIENCE, told).await.expect("it is told in time");
    assert!(error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR), "{error}");
    let answer = timeout(PATIENCE, answer).await.expect("in time").expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_outlasts_the_grace_is_cut() {
    let server = http(aged(Duration::from_millis(100), Duration::from_millis(200))).await;
    let (_sender, answer) = ask(&server, "/v1/slow").await;
    assert!(timeout(PATIENCE, answer).await.expect("in time").is_err());
    server.stop().await;
}

#[tokio::test]
async fn an_old_connection_of_http_1_closes_with_its_next_answer() {
    let server = http(aged(Duration::from_secs(1), PATIENCE)).await;
    let mut stream = server.connect().await;
    let live = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(live.as_bytes()).await.expect("sent");
    let young = read(&mut stream).await;
    assert!(young.starts_with("HTTP/1.1 200") && !young.contains("connection: close"), "{young}");
    sleep(Duration::from_millis(1_300)).await;
    stream.write_all(live.as_bytes()).await.expect("it is still open");
    let old = read(&mut stream).await;
    assert!(old.starts_with("HTTP/1.1 200") && old.contains("connection: close"), "{old}");
    assert!(is_closed(&mut stream, PATIENCE).await);
    server.stop().await;
}

#[tokio::test]
async fn without_an_age_a_connection_stays() {
    let server = http(aged(Duration::ZERO, Duration::from_millis(1))).await;
    let (sender, answer) = ask(&server, "/v1/late").await;
    assert_eq!(timeout(PATIENCE, answer).await.expect("in time").expect("an answer").status(), StatusCode::OK);
    sender.ready().await.expect("the same connection");
    server.stop().await;
}

/// Serves health checks over gRPC. Returns also the open connections.
async fn grpc(settings: ServerSettings) -> (Running, Connections) {
    let services = Services { descriptors: &[], reads: &["Check", "Watch"], writes: &[], collections: &[] };
    let server = Server::new(settings, services, Compute::default()).expect("valid");
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (shared, connections) = (Arc::clone(&server.shared), server.connections.clone());
    let stop = Stop::new();
    let (service, report) = Health::default().grpc(stop.clone());
    tokio::spawn(report);
    let served = Served::grpc(Routes::new(service), &server, &Metrics::default());
    let closing = Closing { stop: stop.clone(), drain: Duration::from_secs(1) };
    let task = tokio::spawn(serve(listener, served, server, closing));
    (Running { address, shared, stop, task }, connections)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_calls_all_the_time_sees_no_failed_call() {
    // No call takes as long as the grace, however slow the machine is.
    let (server, connections) = grpc(aged(Duration::from_millis(100), Duration::from_secs(600))).await;
    let transport = Transport::connect(&format!("http://{}", server.address)).expect("a transport");
    let (done, calls) = (Stop::new(), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (mut client, calls) = (HealthClient::new(transport.clone()), Arc::clone(&calls));
            let done = done.clone();
            tokio::spawn(async move {
                while !done.is_cancelled() {
                    client.check(HealthCheckRequest::default()).await.expect("no call fails");
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    // A stream that does not end keeps its connection open. Another connection beside it means that
    // its own was told to go, and that the calls go on elsewhere.
    let mut client = HealthClient::new(transport.clone());
    let (mut streams, renewed) = (Vec::new(), 4);
    timeout(PATIENCE, async {
        while streams.len() < renewed {
            streams.push(client.watch(HealthCheckRequest::default()).await.expect("no call fails").into_inner());
            while connections.open() <= streams.len() {
                client.check(HealthCheckRequest::default()).await.expect("no call fails");
            }
        }
    })
    .await
    .expect("the connections are told to go in time");
    for stream in &mut streams {
        stream.message().await.expect("the stream goes on").expect("a state");
    }
    done.cancel();
    for caller in callers {
        caller.await.expect("no call failed");
    }
    assert!(calls.load(Ordering::Relaxed) > renewed, "{calls:?}");
    drop(streams);
    server.stop().await;
}
