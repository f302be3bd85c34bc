//! The names of a server: those that clients call it by, and those of its certificate.

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::{Context, Transport, admin_routes};

const NOTHING: Services = Services { descriptors: &[], reads: &[], writes: &[], collections: &[] };

/// Begins to serve at an address. Returns the port.
async fn start(address: [u8; 4], served: Served, server: Server, stop: &Stop) -> u16 {
    let listener = bind(SocketAddr::from((address, 0))).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let closing = Closing { stop: stop.clone(), drain: Duration::from_secs(1) };
    tokio::spawn(serve(listener, served, server, closing));
    port
}

#[tokio::test]
async fn prometheus_may_call_a_listener_with_names_by_its_address() {
    let settings = ServerSettings { allowed_hosts: vec!["marquee.test".to_owned()], ..ServerSettings::default() };
    let (context, server) = (Context::default(), Server::new(settings, NOTHING, Compute::default()).expect("valid"));
    let (_, admin) = server.with_admin_listener();
    let served = Served::http(admin_routes(&context), &admin, &context.metrics);
    // Not on loopback, like the listener of a Pod.
    let port = start([0, 0, 0, 0], served, admin, &context.stop).await;
    let ask = async |path: &str, host: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a listener");
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        read(&mut stream).await
    };
    for path in ["/metrics", "/livez", "/readyz"] {
        for host in ["10.1.2.3:7090", "[fd00::7]:7090", "marquee.test"] {
            let answer = ask(path, host).await;
            assert!(!answer.is_empty() && !answer.starts_with("HTTP/1.1 403"), "{path} of {host}: {answer}");
        }
        let rebound = ask(path, "evil.test:7090").await;
        assert!(rebound.starts_with("HTTP/1.1 403") && rebound.contains("server.allowed_hosts"), "{rebound}");
    }
    context.stop.cancel();
}

#[tokio::test]
async fn a_server_may_be_called_by_its_address_if_its_certificate_has_the_expected_name() {
    let certificates = Certificates::new();
    certificates.sign("server");
    let tls = TlsSettings {
        cert_file: certificates.path("server.pem"),
        key_file: certificates.path("server.key"),
        ..TlsSettings::default()
    };
    let settings = ServerSettings { tls, ..ServerSettings::default() };
    let (stop, health) = (Stop::new(), Health::default());
    let (service, report) = health.grpc(stop.clone());
    tokio::spawn(report);
    let server = Server::new(settings, NOTHING, Compute::default()).expect("valid");
    let served = Served::grpc(Routes::new(service), &server, &Metrics::default());
    let port = start([127, 0, 0, 1], served, server, &stop).await;

    // The certificate has the name localhost, and not the address.
    let address = format!("https://127.0.0.1:{port}");
    let trusting = ClientSettings { ca_file: certificates.path("ca.pem"), ..ClientSettings::default() };
    let check = async |name: Option<&str>| {
        let transport = Transport::connect_named(&address, &trusting, name).expect("a transport");
        HealthClient::new(transport).check(HealthCheckRequest::default()).await
    };
    check(Some("localhost")).await.expect("the name of the certificate");
    assert!(check(None).await.is_err(), "the certificate does not have the address");
    assert!(check(Some("marquee.test")).await.is_err(), "the certificate has another name");
    assert!(Transport::connect_named(&address, &trusting, Some("no name")).is_err());
    stop.cancel();
}
