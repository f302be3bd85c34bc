//! The listeners over real sockets on loopback.

mod age;
mod drain;
mod names;
mod unread;

use std::sync::Arc;
use std::time::Duration;

use axum::routing::{get, post};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::*;
use crate::{Compute, Health};

const PATIENCE: Duration = Duration::from_secs(20);

/// The length of a large answer: more than the system takes for a client that does not read.
const LARGE: usize = 32 << 20;

/// How long a late answer takes.
const LATE: Duration = Duration::from_millis(1_600);

/// Longer than the time between two looks at the files of certificates.
const RELOADED: Duration = Duration::from_millis(2_100);

struct Running {
    address: SocketAddr,
    shared: Arc<super::shared::Shared>,
    stop: Stop,
    task: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a listener")
    }

    /// Sends a request of HTTP/1 and returns the answer up to the end of the connection.
    async fn ask(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.expect("sent");
        read(&mut stream).await
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.expect("in time").expect("no panic").expect("no failure");
    }
}

/// Reads until the server closes the connection or has nothing more to say.
async fn read(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(Ok(length @ 1..)) = timeout(Duration::from_millis(300), stream.read(&mut buffer)).await {
        text.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether the server closes a connection before the deadline.
async fn is_closed(stream: &mut TcpStream, deadline: Duration) -> bool {
    matches!(timeout(deadline, stream.read(&mut [0; 16])).await, Ok(Ok(0) | Err(_)))
}

/// Serves HTTP. Requests in flight have a second to end.
async fn http(settings: ServerSettings) -> Running {
    http_draining(settings, Duration::from_secs(1)).await
}

/// Serves HTTP. Requests in flight have this long to end.
async fn http_draining(settings: ServerSettings, drain: Duration) -> Running {
    let routes = Router::new()
        .route("/v1/things", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/v1/late", get(late))
        .route("/v1/large", get(|| async { vec![0_u8; LARGE] }))
        .route("/v1/slow", get(std::future::pending::<()>));
    let router = Bodies::json(1 << 20).layer(routes).route("/livez", get(|| async { "ok" }));
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let services = Services { descriptors: &[], reads: &["Predict"], writes: &[], collections: &["things"] };
    let server = Server::new(settings, services, Compute::default()).expect("valid");
    let (shared, stop) = (Arc::clone(&server.shared), Stop::new());
    let closing = Closing { stop: stop.clone(), drain };
    let served = Served::http(router, &server, &Metrics::default());
    let task = tokio::spawn(serve(listener, served, server, closing));
    Running { address, shared, stop, task }
}

async fn late() -> &'static str {
    // Nothing is awaited but the time: this is how long the work of the request takes.
    let _: Result<(), _> = tokio::time::timeout(LATE, std::future::pending()).await;
    "late"
}

fn post_of(headers: &str, body: &str) -> String {
    format!("POST /v1/things HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_web_page_cannot_write() {
    let settings = ServerSettings { cors_origins: vec!["https://shop.test".to_owned()], ..ServerSettings::default() };
    let server = http(settings).await;
    let json = "content-type: application/json\r\n";
    assert!(server.ask(&post_of(json, "{}")).await.starts_with("HTTP/1.1 200"));
    // A page may send these without asking first.
    let simple = server.ask(&post_of("content-type: text/plain\r\n", "{}")).await;
    assert!(simple.starts_with("HTTP/1.1 415") && simple.contains("expected application/json"), "{simple}");
    let foreign = server.ask(&post_of(&format!("{json}origin: https://evil.test\r\n"), "{}")).await;
    assert!(foreign.starts_with("HTTP/1.1 403") && foreign.contains("server.cors_origins"), "{foreign}");
    for request in [
        "GET /livez HTTP/1.1\r\nhost: evil.test:7080\r\n\r\n",
        "DELETE /v1/things HTTP/1.1\r\nhost: evil.test\r\n\r\n",
        "GET http://evil.test/livez HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ] {
        let rebound = server.ask(request).await;
        assert!(rebound.starts_with("HTTP/1.1 403") && rebound.contains("server.allowed_hosts"), "{rebound}");
    }
    // A configured page asks, is allowed, and may read the answer.
    let preflight = "OPTIONS /v1/things HTTP/1.1\r\nhost: localhost\r\norigin: https://shop.test\r\n\
                     access-control-request-method: POST\r\n\r\n";
    let preflight = server.ask(preflight).await;
    assert!(preflight.starts_with("HTTP/1.1 204"), "{preflight}");
    assert!(preflight.contains("access-control-allow-origin: https://shop.test"), "{preflight}");
    let line = |answer: &str, name: &str| answer.lines().find(|line| line.starts_with(name)).map(str::to_owned);
    let sends = line(&preflight, "access-control-allow-headers: ").expect("the headers that a page may send");
    for header in ["authorization", "content-type", "traceparent", "x-client-id", "x-request-id"] {
        assert!(sends.contains(header), "no {header} in: {sends}");
    }
    let allowed = server.ask(&post_of(&format!("{json}origin: https://shop.test\r\n"), "{}")).await;
    assert!(allowed.starts_with("HTTP/1.1 200") && allowed.contains("access-control-allow-origin"), "{allowed}");
    let reads = line(&allowed, "access-control-expose-headers: ").expect("the headers that a page may read");
    assert!(["allow", "retry-after", "x-request-id"].iter().all(|header| reads.contains(header)), "{reads}");
    server.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_without_asking_for_it() {
    let server = http(ServerSettings::default()).await;
    let head = "POST /v1/things HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                expect: 100-continue\r\n";
    let refused = server.ask(&format!("{head}content-length: 16777216\r\n\r\n")).await;
    assert!(refused.starts_with("HTTP/1.1 413"), "{refused}");
    let invited = server.ask(&format!("{head}content-length: 2\r\n\r\n")).await;
    assert!(invited.starts_with("HTTP/1.1 100"), "{invited}");
    server.stop().await;
}

#[tokio::test]
async fn clients_that_take_too_long_are_disconnected() {
    let settings = ServerSettings {
        header_timeout: Duration::from_millis(500),
        body_timeout: Duration::from_millis(500),
        idle_timeout: Duration::from_secs(6),
        ..ServerSettings::default()
    };
    let server = http(settings).await;
    let mut silent = server.connect().await;
    let mut trickling = server.connect().await;
    trickling.write_all(b"GET /livez HT").await.expect("sent");
    let mut half = server.connect().await;
    let head = "POST /v1/things HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    half.write_all(format!("{head}content-length: 100\r\n\r\n{{").as_bytes()).await.expect("sent");
    assert!(read(&mut half).await.is_empty());
    let (closed, answer) = tokio::join!(is_closed(&mut trickling, Duration::from_secs(4)), async {
        half.readable().await.expect("an answer");
        read(&mut half).await
    });
    assert!(closed, "a head that does not arrive");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(!is_closed(&mut silent, Duration::from_millis(100)).await);
    assert!(is_closed(&mut silent, Duration::from_secs(9)).await, "an idle connection");
    server.stop().await;
}

#[tokio::test]
async fn idle_connections_make_room_and_busy_ones_leave_room_for_health_checks() {
    let server = http(ServerSettings { max_connections: 16, ..ServerSettings::default() }).await;
    let mut idle = Vec::new();
    for _ in 0..60 {
        idle.push(server.connect().await);
    }
    let live = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert!(server.ask(live).await.starts_with("HTTP/1.1 200"));
    assert!(is_closed(&mut idle[0], PATIENCE).await, "the one that was idle longest");
    drop(idle);
    let mut busy = Vec::new();
    for _ in 0..16 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /v1/slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
        busy.push(stream);
    }
    for stream in &mut busy {
        assert!(read(stream).await.is_empty());
    }
    let refused = server.ask(&post_of("content-type: application/json\r\n", "{}")).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("too many connections are busy"), "{refused}");
    assert!(server.ask(live).await.starts_with("HTTP/1.1 200"));
    server.stop().await;
}

#[tokio::test]
async fn thousands_of_connections_wait_in_the_backlog() {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    // Nobody accepts them.
    let mut waiting = Vec::new();
    for _ in 0..600 {
        waiting
            .push(timeout(Duration::from_secs(2), TcpStream::connect(address)).await.expect("at once").expect("room"));
    }
    assert_eq!(waiting.len(), 600);
}

#[tokio::test]
async fn a_write_needs_the_token_where_one_is_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "a-token-of-enough-length").expect("written");
    let server = http(ServerSettings { token_file, ..ServerSettings::default() }).await;
    let json = "content-type: application/json\r\n";
    let refused = server.ask(&post_of(json, "{}")).await;
    assert!(refused.starts_with("HTTP/1.1 401") && refused.contains("www-authenticate: Bearer"), "{refused}");
    let wrong = server.ask(&post_of(&format!("{json}authorization: Bearer another-token-here\r\n"), "{}")).await;
    assert!(wrong.starts_with("HTTP/1.1 401"), "{wrong}");
    let right = server.ask(&post_of(&format!("{json}authorization: Bearer a-token-of-enough-length\r\n"), "{}")).await;
    assert!(right.starts_with("HTTP/1.1 200"), "{right}");
    assert!(server.ask("GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    server.stop().await;
}

#[tokio::test]
async fn a_grpc_client_at_the_address_of_http_is_told_so() {
    let server = http(ServerSettings::default()).await;
    let answer = server.ask(&post_of("content-type: application/grpc\r\n", "12345")).await;
    assert!(answer.contains("grpc-status: 12") && answer.contains("grpc_listen"), "{answer}");
    server.stop().await;
}

/// A certificate authority and what it has signed.
struct Certificates {
    folder: tempfile::TempDir,
    authority: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("signed");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("written");
        Self { folder, authority: rcgen::Issuer::new(params, key) }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `NAME.pem` and `NAME.key`.
    fn sign(&self, name: &str) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.authority).expect("signed");
        std::fs::write(self.path(&format!("{name}.pem")), certificate.pem()).expect("written");
        std::fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).expect("written");
    }
}

#[tokio::test]
async fn calls_are_encrypted_and_certificates_change_without_a_restart() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;

    let certificates = Certificates::new();
    certificates.sign("server");
    certificates.sign("client");
    let tls = TlsSettings {
        cert_file: certificates.path("server.pem"),
        key_file: certificates.path("server.key"),
        client_ca_file: certificates.path("ca.pem"),
    };
    let settings = ServerSettings { tls, ..ServerSettings::default() };
    // Even a health check writes here, so that it needs a certificate.
    let services = Services { descriptors: &[], reads: &[], writes: &[], collections: &[] };
    let server = Server::new(settings, services, Compute::default()).expect("valid");
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
    let address = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
    let (stop, health) = (Stop::new(), Health::default());
    let (service, report) = health.grpc(stop.clone());
    tokio::spawn(report);
    let (routes, closing) = (Routes::new(service), Closing { stop: stop.clone(), drain: Duration::from_secs(1) });
    let metrics = Metrics::default();
    let served = Served::grpc(routes, &server, &metrics);
    let task = tokio::spawn(serve(listener, served, server, closing));

    let check = async |settings: ClientSettings| {
        let transport = crate::Transport::connect_with(&address, &settings).expect("a transport");
        HealthClient::new(transport).check(HealthCheckRequest::default()).await.map_err(|status| status.code())
    };
    let trusting = ClientSettings { ca_file: certificates.path("ca.pem"), ..ClientSettings::default() };
    let identified = ClientSettings {
        cert_file: certificates.path("client.pem"),
        key_file: certificates.path("client.key"),
        ..trusting.clone()
    };
    check(identified.clone()).await.expect("encrypted and identified");
    assert_eq!(check(trusting).await.expect_err("no certificate"), tonic::Code::Unauthenticated);
    let stranger = Certificates::new();
    stranger.sign("client");
    let distrusting = ClientSettings { ca_file: stranger.path("ca.pem"), ..identified.clone() };
    assert!(check(distrusting).await.is_err(), "an authority that the client does not trust");
    let other = ClientSettings {
        cert_file: stranger.path("client.pem"),
        key_file: stranger.path("client.key"),
        ..identified.clone()
    };
    assert!(check(other).await.is_err(), "a certificate of another authority");
    let page = metrics.text();
    assert!(page.contains(r#"route="/grpc.health.v1.Health/Check",status="OK""#), "{page}");
    assert!(page.contains(r#"status="UNAUTHENTICATED""#), "{page}");

    // A half-written certificate changes nothing; a new one is used after the next check.
    std::fs::write(certificates.path("server.pem"), "half of a certif").expect("written");
    let written = Instant::now();
    while written.elapsed() < RELOADED {
        check(identified.clone()).await.expect("the earlier certificate stays");
    }
    let renewed = Certificates::new();
    renewed.sign("server");
    for name in ["server.pem", "server.key"] {
        std::fs::copy(renewed.path(name), certificates.path(name)).expect("copied");
    }
    let renewed = ClientSettings { ca_file: renewed.path("ca.pem"), ..identified };
    let is_used = async { while check(renewed.clone()).await.is_err() {} };
    timeout(Duration::from_secs(30), is_used).await.expect("the new certificate");
    stop.cancel();
    timeout(PATIENCE, task).await.expect("in time").expect("no panic").expect("no failure");
}
