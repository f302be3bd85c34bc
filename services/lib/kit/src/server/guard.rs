//! Who may call: the `Host` and the `Origin` of a request, and the identity of its caller.
//!
//! A listener on loopback is not safe from web pages. A page may send requests to `127.0.0.1`, and
//! under a name of its own that resolves to `127.0.0.1` it may even read the answers. So the `Host`
//! must be one that this server has, and pages of other origins are refused.
//!
//! A listener on another address also accepts an IP address as the `Host`. This is how Prometheus
//! and the probes of Kubernetes call a Pod. It gives a page nothing: a page can make a name of its
//! own resolve to this server, but not an address. A browser that sends an address as the `Host`
//! has connected to that address, and a page from elsewhere has another origin.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::schema::Method as GrpcMethod;
use super::shared::{Scope, Shared};
use crate::{Failure, Kind};

/// What is known about a request and its connection before its router is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// Whether the listener is on loopback.
    pub(super) is_loopback: bool,
    /// Whether the client showed a certificate that was verified.
    pub(super) is_certified: bool,
    /// Whether only health checks are answered.
    pub(super) health_only: bool,
    /// Which calls the listener answers.
    pub(super) scope: Scope,
    /// Whether the process has no room for the answer.
    pub(super) no_room: bool,
    /// The gRPC method that is called, if it is known.
    pub(super) method: Option<GrpcMethod>,
}

impl Default for Peer {
    /// The peer of a router that is called without a listener.
    fn default() -> Self {
        let scope = Scope::Everything;
        Self { is_loopback: true, is_certified: false, health_only: false, scope, no_room: false, method: None }
    }
}

/// Checks the `Host` of a request.
pub(super) fn check_host(shared: &Shared, peer: Peer, uri: &Uri, headers: &HeaderMap) -> Result<(), Failure> {
    let allowed = &shared.settings.allowed_hosts;
    if !peer.is_loopback && allowed.is_empty() {
        return Ok(());
    }
    let mut given = headers.get_all(header::HOST).iter();
    let (host, second) = (given.next().map(|host| host.to_str().unwrap_or("?")), given.next());
    // HTTP/2 has the host in the URI. HTTP/1.0 may have none.
    let hosts = host.into_iter().chain(uri.authority().map(|authority| authority.as_str()));
    let mut names = hosts.map(name);
    let is_own = |name: &str| {
        if peer.is_loopback {
            name.eq_ignore_ascii_case("localhost") || is_loopback(name)
        } else {
            name.parse::<IpAddr>().is_ok()
        }
    };
    let is_allowed = |name: &str| is_own(name) || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
    if second.is_none() && names.all(is_allowed) {
        return Ok(());
    }
    let message = "the host header does not name this server: call it as localhost or by its address, or add the name \
                   to the setting server.allowed_hosts";
    Err(Failure::new(Kind::PermissionDenied, message))
}

/// Returns a host without its port.
fn name(host: &str) -> &str {
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_loopback(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Checks the `Origin` of a request. Returns the origin if its pages may read the answer.
pub(super) fn check_origin(shared: &Shared, headers: &HeaderMap) -> Result<Option<HeaderValue>, Failure> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(None) };
    let text = origin.to_str().unwrap_or("?");
    if shared.settings.cors_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(text)) {
        return Ok(Some(origin.clone()));
    }
    // A page that this server has sent, under the host that was checked before.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if text.split_once("://").is_some_and(|(_, rest)| Some(rest) == host) {
        return Ok(None);
    }
    let message = "web pages of this origin may not call this server: add the origin to the setting \
                   server.cors_origins";
    Err(Failure::new(Kind::PermissionDenied, message))
}

/// Answers the question of a browser whether a page may send a request.
pub(super) fn preflight(origin: &HeaderValue, request: &Request) -> Option<Response> {
    if request.method() != Method::OPTIONS || !request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut response = (StatusCode::NO_CONTENT, Body::empty()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, DELETE"));
    let names = "authorization, content-encoding, content-type, traceparent, x-client-id, x-request-id";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(names));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    allow(origin, &mut response);
    Some(response)
}

/// Lets the pages of an origin read an answer.
pub(super) fn allow(origin: &HeaderValue, response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    let names = HeaderValue::from_static("allow, retry-after, x-request-id");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

/// Checks that a listener answers a call, and that its caller may send it.
pub(super) fn check_call(shared: &Shared, peer: Peer, request: &Request) -> Result<(), Failure> {
    let (method, path) = (request.method(), request.uri().path());
    check_scope(shared, peer, method, path)?;
    check_caller(shared, peer, writes(shared, method, path), request.headers())
}

/// Checks that a caller who writes may do so.
fn check_caller(shared: &Shared, peer: Peer, writes: bool, headers: &HeaderMap) -> Result<(), Failure> {
    if !writes || !shared.settings.authenticates() || peer.is_certified {
        return Ok(());
    }
    if shared.token.as_ref().is_some_and(|token| token.is_in(headers)) {
        return Ok(());
    }
    let message = if shared.token.is_none() {
        "this call needs a client certificate"
    } else if headers.contains_key(header::AUTHORIZATION) {
        "the authorization header does not have the token of this server"
    } else {
        "this call needs a token: send the header authorization: Bearer TOKEN"
    };
    Err(Failure::new(Kind::Unauthenticated, message))
}

/// Checks that a listener answers a call.
fn check_scope(shared: &Shared, peer: Peer, method: &Method, path: &str) -> Result<(), Failure> {
    if peer.scope == Scope::Everything || path != "/metrics" && !administers(shared, method, path) {
        return Ok(());
    }
    let message = format!("{path} is for administrators: call it at the address of the setting admin_listen");
    Err(Failure::new(Kind::PermissionDenied, message))
}

/// Returns whether a call administers: it writes something else than the data of clients.
fn administers(shared: &Shared, method: &Method, path: &str) -> bool {
    let writes_data = match path.strip_prefix("/v1/") {
        Some(rest) => {
            let collection = rest.split('/').next().unwrap_or_default();
            shared.services.collections.contains(&collection)
        }
        None => {
            let call = path.rsplit('/').next().unwrap_or_default();
            shared.services.writes.iter().any(|word| begins(call, word))
        }
    };
    !writes_data && writes(shared, method, path)
}

/// Returns whether a call writes or administers: it does unless its name begins with a word that is
/// known to read.
fn writes(shared: &Shared, method: &Method, path: &str) -> bool {
    let call = path.rsplit('/').next().unwrap_or_default();
    let is_gateway = path.starts_with("/v1/");
    let reads = |word: &str| if is_gateway { word.eq_ignore_ascii_case(call) } else { begins(call, word) };
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => false,
        Method::POST => !shared.services.reads.iter().any(|&word| reads(word)),
        _ => true,
    }
}

/// Returns whether a name in camel case begins with a word.
fn begins(name: &str, word: &str) -> bool {
    name.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: Peer = Peer {
        is_loopback: true,
        is_certified: false,
        health_only: false,
        scope: Scope::Everything,
        no_room: false,
        method: None,
    };

    fn with(name: &header::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().expect("a header"));
        }
        headers
    }

    fn shared() -> Shared {
        let mut shared = Shared::default();
        shared.settings.allowed_hosts = vec!["marquee.test".to_owned()];
        shared.settings.cors_origins = vec!["https://shop.test".to_owned()];
        shared.services.reads = &["Get", "List", "Predict"];
        shared.services.writes = &["Submit"];
        shared.services.collections = &["ratings"];
        shared
    }

    #[test]
    fn a_listener_on_loopback_has_names_of_its_own_only() {
        let shared = shared();
        let check = |peer, uri: &'static str, hosts: &[&str]| {
            check_host(&shared, peer, &Uri::from_static(uri), &with(&header::HOST, hosts)).is_ok()
        };
        for host in
            ["localhost:7080", "LOCALHOST", "127.0.0.1:7080", "127.0.0.2", "[::1]:7080", "[::1]", "Marquee.test"]
        {
            assert!(check(LOOPBACK, "/", &[host]), "{host}");
        }
        for host in ["evil.test", "evil.test:7080", "localhost.evil.test", "127.0.0.1.evil.test", "10.0.0.1", "", "a@b"]
        {
            assert!(!check(LOOPBACK, "/", &[host]), "{host}");
        }
        assert!(!check(LOOPBACK, "/", &["localhost", "evil.test"]));
        assert!(!check(LOOPBACK, "http://evil.test/", &["localhost"]));
        assert!(check(LOOPBACK, "/", &[]));
    }

    #[test]
    fn another_listener_may_be_called_by_an_address() {
        let shared = shared();
        let check = |peer, uri: &'static str, hosts: &[&str]| {
            check_host(&shared, peer, &Uri::from_static(uri), &with(&header::HOST, hosts)).is_ok()
        };
        let public = Peer { is_loopback: false, ..LOOPBACK };
        for host in ["marquee.test", "10.0.0.1", "10.0.0.1:7090", "[fd00::1]:7090", "127.0.0.1"] {
            assert!(check(public, "/", &[host]), "{host}");
        }
        for host in ["localhost", "evil.test", "10.0.0.1.evil.test", "10.0.0.1@evil.test", "10.0.0", ""] {
            assert!(!check(public, "/", &[host]), "{host}");
        }
        assert!(!check(public, "http://evil.test/", &["10.0.0.1"]) && !check(public, "/", &["10.0.0.1", "evil.test"]));
        let open = Shared::default();
        let any = with(&header::HOST, &["any.test"]);
        assert!(check_host(&open, public, &Uri::from_static("/"), &any).is_ok());
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let shared = shared();
        let check = |origin: &str| {
            let mut headers = with(&header::ORIGIN, &[origin]);
            headers.insert(header::HOST, HeaderValue::from_static("localhost:7080"));
            check_origin(&shared, &headers)
        };
        assert!(check("https://shop.test").expect("allowed").is_some());
        assert!(check("http://localhost:7080").expect("its own").is_none());
        for origin in
            ["https://evil.test", "null", "http://localhost:9999", "https://shop.test.evil", "https://shop.test/"]
        {
            let refused = check(origin).expect_err(origin);
            assert!(refused.message().contains("server.cors_origins"), "{refused}");
        }
        assert!(check_origin(&shared, &HeaderMap::new()).expect("no page").is_none());
    }

    #[test]
    fn what_is_not_known_to_read_writes() {
        let shared = shared();
        let (get, post) = (Method::GET, Method::POST);
        for (method, path) in [
            (&get, "/v1/models"),
            (&post, "/v1/predict"),
            (&post, "/marquee.x.v1.X/GetRoute"),
            (&post, "/marquee.x.v1.X/Predict"),
        ] {
            assert!(!writes(&shared, method, path), "{path}");
        }
        for (method, path) in [
            (&Method::DELETE, "/v1/users/predict"),
            (&post, "/v1/ratings"),
            (&post, "/marquee.x.v1.X/SetRoute"),
            (&post, "/marquee.x.v1.X/Getaway"),
        ] {
            assert!(writes(&shared, method, path), "{path}");
        }
    }

    #[test]
    fn what_administers_is_refused_by_a_public_listener() {
        let shared = shared();
        let public = Peer { scope: Scope::Public, ..LOOPBACK };
        let check = |method: &Method, path: &str| check_scope(&shared, public, method, path);
        for (method, path) in [
            (Method::POST, "/marquee.x.v1.X/SubmitRatings"),
            (Method::POST, "/marquee.x.v1.X/GetRoute"),
            (Method::POST, "/v1/ratings/batch"),
            (Method::POST, "/v1/predict"),
            (Method::GET, "/v1/routes/ratings"),
            (Method::GET, "/readyz"),
        ] {
            assert!(check(&method, path).is_ok(), "{path}");
        }
        for (method, path) in [
            (Method::POST, "/marquee.x.v1.X/SetRoute"),
            (Method::POST, "/marquee.x.v1.X/Unheard"),
            (Method::PUT, "/v1/routes/ratings"),
            (Method::GET, "/metrics"),
        ] {
            let refused = check(&method, path).expect_err(path);
            assert!(refused.message().contains("admin_listen"), "{refused}");
            assert!(check_scope(&shared, LOOPBACK, &method, path).is_ok(), "{path}");
        }
    }

    #[test]
    fn a_write_needs_the_token_or_a_certificate() {
        let mut shared = shared();
        let check = |shared: &Shared, peer, writes| check_caller(shared, peer, writes, &HeaderMap::new());
        assert!(check(&shared, LOOPBACK, true).is_ok());
        shared.settings.tls.client_ca_file = "ca.pem".into();
        let refused = check(&shared, LOOPBACK, true).expect_err("no certificate");
        assert_eq!(refused.kind(), Kind::Unauthenticated);
        assert!(check(&shared, LOOPBACK, false).is_ok());
        assert!(check(&shared, Peer { is_certified: true, ..LOOPBACK }, true).is_ok());
    }
}
