//! The listeners: gRPC over HTTP/2, and JSON over HTTP. Both drain before they close.
//!
//! Both share one [`Server`]: the limits of connections and of memory, the identity of callers, and
//! the certificates.

mod answers;
mod auth;
mod bodies;
mod budget;
mod connections;
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
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tonic::service::Routes;

pub use bodies::Bodies;
pub use observe::time_limit;
pub use settings::{ClientSettings, Settings as ServerSettings, TlsSettings};
pub use shared::{Server, Services, SetupError};
pub use tls::TlsError;

pub(crate) use auth::Token;
pub use auth::TokenError;
pub(crate) use settings::is_set;

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

/// Serves gRPC until `stop`. Then it waits for requests in flight, at most for the drain time.
///
/// # Errors
/// The listener has no address.
pub async fn serve_grpc(
    listener: TcpListener,
    routes: Routes,
    server: Server,
    metrics: &Metrics,
    closing: Closing,
) -> Result<(), Error> {
    let router = observe::grpc(routes.into_axum_router(), metrics, &server.0);
    serve(listener, router, true, server, closing).await
}

/// Serves HTTP until `stop`. Then it waits for requests in flight, at most for the drain time.
///
/// # Errors
/// The listener has no address.
pub async fn serve_http(
    listener: TcpListener,
    router: Router,
    server: Server,
    metrics: &Metrics,
    closing: Closing,
) -> Result<(), Error> {
    let router = observe::http(router, metrics, &server.0);
    serve(listener, router, false, server, closing).await
}

async fn serve(
    listener: TcpListener,
    router: Router,
    http2_only: bool,
    server: Server,
    closing: Closing,
) -> Result<(), Error> {
    let Closing { stop, drain } = closing;
    let shared = Arc::clone(&server.0);
    Listening { router, shared, http2_only, drain, stop }.run(listener).await.map_err(Error::Listen)
}

#[cfg(test)]
mod tests;
