//! One transport for generated clients: over the network, or directly to a server in this process.
//!
//! The generated server of tonic is a valid transport for its generated client. So calls inside a
//! process and calls over the network have the same contract. A call inside a process takes
//! microseconds and no socket.

mod closed;
mod repeat;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri, header};
use marquee_settings::is_set;
use rustls_pki_types::ServerName;
use thiserror::Error;
use tonic::body::Body;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt};

use crate::ClientSettings;
use crate::server::{Token, TokenError};
use crate::telemetry;
use repeat::Repeating;

/// A client cannot be created.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The address of a server is not valid.
    #[error("'{address}' is not the address of a gRPC server; expected http://HOST:PORT or https://HOST:PORT")]
    Address {
        /// The address.
        address: String,
        /// What is wrong, if the library tells it.
        #[source]
        source: Option<tonic::transport::Error>,
    },
    /// A file with certificates or a key cannot be read.
    #[error("{path} cannot be read; expected PEM")]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The certificates or the key cannot be used.
    #[error("the certificates for '{address}' cannot be used; check the files that the settings name")]
    Tls {
        /// The address.
        address: String,
        /// What is wrong.
        #[source]
        source: tonic::transport::Error,
    },
    /// The token cannot be read.
    #[error("the token cannot be used")]
    Token(#[source] TokenError),
}

/// The transport of generated clients. Clones are cheap.
#[derive(Clone)]
pub struct Transport {
    service: BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>,
    token: Option<Arc<Token>>,
}

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
        Self { service: BoxCloneSyncService::new(server.map_err(|never| match never {})), token: None }
    }

    /// Returns a transport over the network to `http://HOST:PORT` or `https://HOST:PORT`. It
    /// connects at the first call, and again after a connection is lost. A connection attempt takes
    /// at most two seconds. A call that a server which closes its connection did not begin is sent
    /// again. A call whose connection is lost otherwise is UNAVAILABLE.
    ///
    /// # Errors
    /// The address is not valid.
    pub fn connect(address: &str) -> Result<Self, ConnectError> {
        Self::connect_with(address, &ClientSettings::default())
    }

    /// Returns a transport over the network with certificates and a token.
    ///
    /// # Errors
    /// The address is not valid, or a file of the settings cannot be used.
    pub fn connect_with(address: &str, settings: &ClientSettings) -> Result<Self, ConnectError> {
        Self::connect_named(address, settings, None)
    }

    /// Returns a transport like [`Transport::connect_with`] to a server whose certificate must have
    /// `name` in place of the host of the address. It has no effect on an `http://` address.
    ///
    /// # Errors
    /// The address or the name is not valid, or a file of the settings cannot be used.
    pub fn connect_named(address: &str, settings: &ClientSettings, name: Option<&str>) -> Result<Self, ConnectError> {
        let bad = |source| ConnectError::Address { address: address.to_owned(), source };
        let mut endpoint = Endpoint::from_shared(address.to_owned()).map_err(|source| bad(Some(source)))?;
        if !is_of_server(endpoint.uri()) {
            return Err(bad(None));
        }
        if endpoint.uri().scheme() == Some(&Scheme::HTTPS) {
            let refused = |source| ConnectError::Tls { address: address.to_owned(), source };
            let config = tls(settings)?;
            let config = match name {
                Some(name) => config.domain_name(name),
                None => config,
            };
            endpoint = endpoint.tls_config(config).map_err(refused)?;
        }
        let token = is_set(&settings.token_file).then(|| Token::read(&settings.token_file));
        let token = token.transpose().map_err(ConnectError::Token)?.map(Arc::new);
        let endpoint = endpoint
            .connect_timeout(Duration::from_secs(2))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_while_idle(true)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20);
        let channel = Repeating::new(endpoint.connect_lazy());
        Ok(Self { service: BoxCloneSyncService::new(channel), token })
    }
}

/// Returns whether a text is the address of a server: `http` or `https`, with a host.
pub fn is_http_address(text: &str) -> bool {
    text.parse().is_ok_and(|address: Uri| is_of_server(&address))
}

/// Returns whether a certificate can have a name: that of a host, or an IP address.
pub fn is_server_name(text: &str) -> bool {
    ServerName::try_from(text).is_ok()
}

/// Returns whether a server may be at an address. Without a host it would fail at every call.
fn is_of_server(address: &Uri) -> bool {
    matches!(address.scheme_str(), Some("http" | "https")) && address.host().is_some_and(|host| !host.is_empty())
}

/// Returns what a client trusts, and the certificate that it shows.
fn tls(settings: &ClientSettings) -> Result<ClientTlsConfig, ConnectError> {
    let read = |path: &Path| std::fs::read(path).map_err(|source| ConnectError::File { path: path.to_owned(), source });
    let mut config = if is_set(&settings.ca_file) {
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(&settings.ca_file)?))
    } else {
        ClientTlsConfig::new().with_native_roots()
    };
    if is_set(&settings.cert_file) {
        config = config.identity(Identity::from_pem(read(&settings.cert_file)?, read(&settings.key_file)?));
    }
    Ok(config)
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(parent) = telemetry::traceparent().and_then(|parent| parent.parse().ok()) {
            request.headers_mut().insert("traceparent", parent);
        }
        if let Some(token) = self.token.as_ref().and_then(|token| bearer(token)) {
            request.headers_mut().insert(header::AUTHORIZATION, token);
        }
        self.service.call(request)
    }
}

fn bearer(token: &Token) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.current())).ok()?;
    // The value is kept out of debug output and of the table of header compression.
    value.set_sensitive(true);
    Some(value)
}
