//! One transport for generated clients: over the network, or directly to a server in this process.
//!
//! The generated server of tonic is a valid transport for its generated client. So calls inside a
//! process and calls over the network have the same contract. A call inside a process takes
//! microseconds and no socket.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use thiserror::Error;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt};

use crate::telemetry;

/// The address of a server is not valid.
#[derive(Debug, Error)]
#[error("'{address}' is not the address of a gRPC server; expected http://HOST:PORT")]
pub struct ConnectError {
    address: String,
    #[source]
    source: Option<tonic::transport::Error>,
}

/// The transport of generated clients. Clones are cheap.
#[derive(Clone)]
pub struct Transport(BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>);

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Transport {
    /// Returns a transport to a generated server in this process.
    pub fn in_process<S>(server: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        Self(BoxCloneSyncService::new(server.map_err(|never| match never {})))
    }

    /// Returns a transport over the network to `http://HOST:PORT`. It connects at the first call,
    /// and again after a connection is lost. A connection attempt takes at most two seconds.
    pub fn connect(address: &str) -> Result<Self, ConnectError> {
        let bad = |source| ConnectError { address: address.to_owned(), source };
        let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|source| bad(Some(source)))?;
        // An address without a host, or with another scheme, would fail at every call.
        if endpoint.uri().scheme_str() != Some("http") || endpoint.uri().host().is_none_or(str::is_empty) {
            return Err(bad(None));
        }
        let endpoint = endpoint
            .connect_timeout(Duration::from_secs(2))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_while_idle(true)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20);
        let channel = endpoint.connect_lazy().map_err(BoxError::from);
        Ok(Self(BoxCloneSyncService::new(channel)))
    }
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(parent) = telemetry::traceparent().and_then(|parent| parent.parse().ok()) {
            request.headers_mut().insert("traceparent", parent);
        }
        self.0.call(request)
    }
}
