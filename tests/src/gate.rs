//! A gate for the writes of a process: it lets a number of them through and holds the next one, so
//! that a test can kill the process between any two.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What a process calls through a [`Proxy`], and which of its calls are writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// The API server of Kubernetes: all but reads and the operator's own Lease.
    Kubernetes,
    /// Inference: changes of the route.
    Inference,
}

impl Calls {
    fn is_write(self, method: &Method, path: &str) -> bool {
        match self {
            Self::Kubernetes => *method != Method::GET && !path.contains("/leases"),
            Self::Inference => path.ends_with("/SetRoute"),
        }
    }
}

/// Counts the writes of a process over all its proxies. Clones share the count.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How many further writes pass. An open gate lets more pass than any test makes.
    left: AtomicU64,
    /// A write was held since the gate was set.
    holds: watch::Sender<bool>,
}

impl Default for Gate {
    /// An open gate.
    fn default() -> Self {
        Self(Arc::new(Inner { left: AtomicU64::new(u64::MAX), holds: watch::Sender::default() }))
    }
}

impl Gate {
    /// Lets this many further writes through. The next one never reaches its server.
    pub fn let_through(&self, writes: u64) {
        self.0.left.store(writes, Ordering::SeqCst);
        self.0.holds.send_replace(false);
    }

    /// Lets all writes through from now on.
    pub fn open(&self) {
        self.let_through(u64::MAX);
    }

    /// Waits until a write is held.
    pub async fn held(&self) {
        // The sender lives as long as this value, so the wait does not fail.
        let _ = self.0.holds.subscribe().wait_for(|holds| *holds).await;
    }

    async fn pass(&self) {
        let take = |left: u64| left.checked_sub(1);
        if self.0.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_err() {
            self.0.holds.send_replace(true);
            std::future::pending::<()>().await;
        }
    }
}

/// A proxy of a server on this machine. It ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

/// A server behind a proxy.
#[derive(Debug, Clone)]
struct Upstream {
    authority: Authority,
    calls: Calls,
    gate: Gate,
    client: Client<HttpConnector, Incoming>,
}

impl Proxy {
    /// Starts a proxy of the server at a port, whose writes pass a gate.
    pub async fn start(port: u16, calls: Calls, gate: &Gate) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("bind the proxy")?;
        let address = listener.local_addr().context("the address of the proxy")?;
        let mut builder = Client::builder(TokioExecutor::new());
        // Without TLS nothing negotiates the version of HTTP, and gRPC needs the second one.
        let client = builder.http2_only(calls == Calls::Inference).build_http();
        let authority = format!("127.0.0.1:{port}").parse().context("the address of the server")?;
        let upstream = Upstream { authority, calls, gate: gate.clone(), client };
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, upstream.clone()));
            }
        });
        Ok(Self { address, accepting })
    }

    /// Returns the port of the proxy.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Forwards the calls of a connection. A call that is held is dropped when the connection ends.
async fn serve(stream: TcpStream, upstream: Upstream) {
    let service = service_fn(move |request| forward(request, upstream.clone()));
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn forward(mut request: Request<Incoming>, upstream: Upstream) -> Result<Response<Incoming>, Error> {
    if upstream.calls.is_write(request.method(), request.uri().path()) {
        upstream.gate.pass().await;
    }
    let mut parts = request.uri().clone().into_parts();
    (parts.scheme, parts.authority) = (Some(Scheme::HTTP), Some(upstream.authority));
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    upstream.client.request(request).await
}
