//! The listeners: gRPC over HTTP/2, and JSON over HTTP. Both drain before they close.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use thiserror::Error;
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tracing::Instrument;

use crate::{Metrics, Stop, latency_buckets, refusal, telemetry};

/// A listener could not be opened, or it failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The address is in use, or does not belong to this machine.
    #[error("could not listen on {address}: choose a free address of this machine")]
    Bind {
        /// The configured address.
        address: SocketAddr,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The gRPC server failed.
    #[error("the gRPC server ended")]
    Grpc(#[source] tonic::transport::Error),
    /// The HTTP server failed.
    #[error("the HTTP server ended")]
    Http(#[source] std::io::Error),
}

/// The limits of a gRPC listener.
#[derive(Debug, Clone, Copy)]
pub struct GrpcLimits {
    /// The most requests in flight on one connection. Further requests wait in the client.
    pub streams_per_connection: u32,
    /// The longest time that closing waits for requests in flight.
    pub drain: Duration,
}

impl Default for GrpcLimits {
    fn default() -> Self {
        Self { streams_per_connection: 1_024, drain: Duration::from_secs(10) }
    }
}

/// Opens a listener. This comes before any other work, so that an address in use is reported at
/// once. With port 0 the system picks a port.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Bind { address, source })
}

/// Serves gRPC until `stop`. Then it waits for requests in flight, at most for the drain time.
pub async fn serve_grpc(
    listener: TcpListener,
    routes: Routes,
    limits: GrpcLimits,
    metrics: &Metrics,
    stop: Stop,
) -> Result<(), Error> {
    let routes = Routes::from(observed(routes.into_axum_router(), metrics, "grpc"));
    let server = tonic::transport::Server::builder()
        .max_concurrent_streams(limits.streams_per_connection)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .add_routes(routes)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            stop.clone().cancelled_owned(),
        );
    tokio::select! {
        ended = server => ended.map_err(Error::Grpc),
        () = expired(stop, limits.drain) => Ok(()),
    }
}

/// Serves HTTP until `stop`. Then it waits for requests in flight, at most for `drain`.
pub async fn serve_http(
    listener: TcpListener,
    router: Router,
    drain: Duration,
    metrics: &Metrics,
    stop: Stop,
) -> Result<(), Error> {
    let router = observed(router, metrics, "http");
    let server = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        ended = async { server.await } => ended.map_err(Error::Http),
        () = expired(stop, drain) => Ok(()),
    }
}

/// Waits until the drain time after `stop` is over.
async fn expired(stop: Stop, drain: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(drain).await;
    tracing::warn!("requests in flight did not end in time");
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    protocol: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone)]
struct Observer {
    protocol: &'static str,
    durations: Family<Labels, Histogram, fn() -> Histogram>,
}

/// Measures every request, and records it in a span of the caller's trace. Also converts the
/// answers to requests that no handler saw.
fn observed(router: Router, metrics: &Metrics, protocol: &'static str) -> Router {
    let family = Family::new_with_constructor((|| Histogram::new(latency_buckets())) as fn() -> Histogram);
    let name = if protocol == "grpc" { "grpc_request_seconds" } else { "http_request_seconds" };
    let durations = metrics.register(name, "Time to the head of the answer, by route and status", family);
    router.layer(from_fn_with_state(Observer { protocol, durations }, observe))
}

async fn observe(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", protocol = observer.protocol, route = path);
    telemetry::continue_trace(&span, |name| request.headers().get(name).and_then(|value| value.to_str().ok()));
    let response = next.run(request).instrument(span).await;
    let response = match observer.protocol {
        "grpc" => refusal::grpc(response),
        _ => refusal::http(response, method.as_str(), &path).await,
    };
    let (route, status) = if observer.protocol == "grpc" {
        let code = response.headers().get("grpc-status").and_then(|code| code.to_str().ok()?.parse().ok()).unwrap_or(0);
        // Only methods that exist become labels. Otherwise a caller could create new time series.
        (if matched.is_some() && code != tonic::Code::Unimplemented as u16 { path } else { "unknown".to_owned() }, code)
    } else {
        (matched.unwrap_or_else(|| "unknown".to_owned()), response.status().as_u16())
    };
    let labels = Labels { protocol: observer.protocol, route, status };
    observer.durations.get_or_create(&labels).observe(start.elapsed().as_secs_f64());
    response
}
