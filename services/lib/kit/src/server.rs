//! The listeners: gRPC over HTTP/2, JSON over HTTP, and both of them for administrators. They
//! drain before they close.
//!
//! They share one [`Server`]: the limits of requests and of memory, the identity of callers, and
//! the certificates.

mod answer_budget;
mod answers;
mod auth;
mod bodies;
mod budget;
mod compress;
mod connections;
mod frame;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod guard;
mod json;
mod listen;
mod messages;
mod observe;
mod reload;
mod schema;
mod settings;
mod shared;
mod tls;
mod unpack;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tonic::service::Routes;
use tower::{ServiceExt, service_fn};

pub use bodies::{Bodies, BodyParser, parse_json};
pub use listen::LISTENER_END;
pub use observe::time_limit;
pub use settings::{ClientSettings, Settings as ServerSettings, TlsSettings};
pub use shared::{Server, Services, SetupError};
pub use tls::TlsError;

pub(crate) use auth::Token;
pub use auth::TokenError;

use crate::{Metrics, Stop};
use listen::Listening;

/// The connections that the system accepts before the process does.
const BACKLOG: u32 = 1_024;

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
    /// The listener failed.
    #[error("a listener ended")]
    Listen(#[source] std::io::Error),
}

/// Opens a listener. This comes before any other work, so that an address in use is reported at
/// once. With port 0 the system picks a port.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A server that starts again finds connections of its predecessor that wait to expire.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|source| Error::Bind { address, source })
}

/// When a listener ends.
#[derive(Debug, Clone)]
pub struct Closing {
    /// Canceled when the listener must close.
    pub stop: Stop,
    /// The longest time that closing waits for requests in flight.
    pub drain: Duration,
}

/// The services of a listener, whose requests are checked and measured.
#[derive(Debug, Clone)]
pub struct Served {
    grpc: Option<Router>,
    http: Option<Router>,
}

impl Served {
    /// Serves gRPC.
    pub fn grpc(routes: Routes, server: &Server, metrics: &Metrics) -> Self {
        let router = observe::grpc(routes.into_axum_router(), metrics, &server.shared);
        Self { grpc: Some(router), http: None }
    }

    /// Serves HTTP.
    pub fn http(router: Router, server: &Server, metrics: &Metrics) -> Self {
        Self { grpc: None, http: Some(observe::http(router, metrics, &server.shared)) }
    }

    /// Serves what either serves, at one address: requests of gRPC are told by their content type.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { grpc: self.grpc.or(other.grpc), http: self.http.or(other.http) }
    }

    fn into_router(self) -> Router {
        match (self.grpc, self.http) {
            (Some(grpc), Some(http)) => {
                let either = service_fn(move |request: Request| {
                    let router = if is_grpc(request.headers()) { grpc.clone() } else { http.clone() };
                    router.oneshot(request)
                });
                Router::new().fallback_service(either)
            }
            (router, None) | (None, router) => router.unwrap_or_default(),
        }
    }
}

/// Returns whether a request is a call of gRPC.
fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// Serves until `stop`. Then it waits for requests in flight, at most for the drain time.
///
/// # Errors
/// The listener has no address.
pub async fn serve(listener: TcpListener, served: Served, server: Server, closing: Closing) -> Result<(), Error> {
    let Closing { stop, drain } = closing;
    let Server { shared, connections, scope } = server;
    let http2_only = served.http.is_none();
    let router = served.into_router();
    let listening = Listening { router, shared, connections, scope, http2_only, drain, stop };
    listening.run(listener).await.map_err(Error::Listen)
}

#[cfg(test)]
mod tests;
