//! The name of a client, which its quota is counted by.
//!
//! The name is a claim, not a proof. Where clients are not trusted, a proxy in front of the fleet
//! sets the header.

use marquee_domain::Reason;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use marquee_kit::Failure;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tonic::transport::server::TcpConnectInfo;

/// The header with the name of the client, for gRPC and HTTP alike.
const HEADER: &str = "x-client-id";

/// The longest name, in bytes.
const LONGEST: usize = 128;

/// The name of a client without the header whose address is unknown.
const LOCAL: &str = "local";

/// The name of a client: the header `x-client-id`, or else the IP address of the connection, or
/// else `local`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientName(Arc<str>);

/// Why a text is not a valid client name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClientNameError {
    /// The name is empty.
    #[error("is empty: give 1 to {LONGEST} bytes of printable ASCII")]
    Empty,
    /// The name is too long.
    #[error("has {0} bytes: give at most {LONGEST}")]
    TooLong(usize),
    /// The name holds other characters than printable ASCII, which logs and messages could not
    /// show.
    #[error("is not printable ASCII: give only that")]
    NotPrintable,
}

impl ClientNameError {
    fn reason(self) -> Reason {
        match self {
            Self::Empty => Reason::Empty,
            Self::TooLong(_) => Reason::TooLong,
            Self::NotPrintable => Reason::Malformed,
        }
    }
}

impl ClientName {
    /// Checks a name of 1 to 128 bytes of printable ASCII.
    pub fn try_new(name: &[u8]) -> Result<Self, ClientNameError> {
        if name.is_empty() {
            return Err(ClientNameError::Empty);
        }
        if name.len() > LONGEST {
            return Err(ClientNameError::TooLong(name.len()));
        }
        match str::from_utf8(name) {
            Ok(text) if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => Ok(Self(Arc::from(text))),
            _ => Err(ClientNameError::NotPrintable),
        }
    }

    /// Returns the name of the client that sent a request with these headers over this connection.
    pub(crate) fn of(headers: &HeaderMap, connection: &Extensions) -> Result<Self, Failure> {
        let mut given = headers.get_all(HEADER).iter();
        match (given.next(), given.next()) {
            (Some(name), None) => Self::try_new(name.as_bytes())
                .map_err(|error| Failure::field(HEADER, error.reason(), error.to_string())),
            (Some(_), Some(_)) => {
                Err(Failure::field(HEADER, Reason::TooMany, "is given more than once: give one name"))
            }
            (None, _) => Ok(Self(peer(connection).map_or_else(|| Arc::from(LOCAL), |ip| Arc::from(ip.to_string())))),
        }
    }
}

/// Returns the address of the client, as tonic or axum recorded it.
fn peer(connection: &Extensions) -> Option<IpAddr> {
    let grpc = connection.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
    let http = || connection.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    // A listener for both families maps IPv4 into IPv6. Both forms are the same client.
    grpc.or_else(http).map(|address| address.ip().to_canonical())
}

impl<S: Send + Sync> FromRequestParts<S> for ClientName {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Self::of(&parts.headers, &parts.extensions)
    }
}

impl TryFrom<String> for ClientName {
    type Error = ClientNameError;

    fn try_from(name: String) -> Result<Self, ClientNameError> {
        Self::try_new(name.as_bytes())
    }
}

impl FromStr for ClientName {
    type Err = ClientNameError;

    fn from_str(name: &str) -> Result<Self, ClientNameError> {
        Self::try_new(name.as_bytes())
    }
}

impl From<ClientName> for String {
    fn from(name: ClientName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn named(names: &[&[u8]]) -> Result<String, (String, Reason)> {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.append(HEADER, HeaderValue::from_bytes(name).expect("a header's value"));
        }
        let violation = |failure: Failure| {
            let violation = failure.violations().first().expect("a violation");
            (violation.field.clone(), violation.reason)
        };
        ClientName::of(&headers, &Extensions::new()).map(String::from).map_err(violation)
    }

    #[test]
    fn the_header_names_the_client() {
        assert_eq!(named(&[b"web shop/2"]), Ok("web shop/2".to_owned()));
        assert_eq!(named(&[&[b'x'; 128]]), Ok("x".repeat(128)));
    }

    #[test]
    fn an_invalid_name_is_refused() {
        let refused = |reason: Reason| Err((HEADER.to_owned(), reason));
        assert_eq!(named(&[b""]), refused(Reason::Empty));
        assert_eq!(named(&[&[b'x'; 129]]), refused(Reason::TooLong));
        assert_eq!(named(&["caf\u{e9}".as_bytes()]), refused(Reason::Malformed));
        assert_eq!(named(&[b"a\tb"]), refused(Reason::Malformed));
        assert_eq!(named(&[b"\xff"]), refused(Reason::Malformed));
        assert_eq!(named(&[b"ann", b"bob"]), refused(Reason::TooMany));
    }

    #[test]
    fn without_the_header_the_address_is_the_name() {
        let of =
            |connection: Extensions| ClientName::of(&HeaderMap::new(), &connection).map(String::from).expect("a name");
        let mut connection = Extensions::new();
        assert_eq!(of(connection.clone()), "local");
        connection.insert(ConnectInfo(SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0x0a00, 0x0007], 1_234))));
        assert_eq!(of(connection.clone()), "10.0.0.7");
        connection
            .insert(TcpConnectInfo { local_addr: None, remote_addr: Some(SocketAddr::from(([10, 0, 0, 8], 1_234))) });
        assert_eq!(of(connection), "10.0.0.8");
    }
}
