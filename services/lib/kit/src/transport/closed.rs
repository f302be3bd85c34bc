//! Names the loss of a connection as other gRPC clients do.
//!
//! A server that ends closes its connections. A request that is about to be sent then fails. tonic
//! calls this CANCELLED, as if the caller had given up, and a connection that breaks UNKNOWN. The
//! specification of gRPC calls both UNAVAILABLE, which callers repeat.

use std::error::Error;
use std::io;
use std::sync::Arc;

use tonic::Status;
use tower::BoxError;

/// Returns the error of a call. If the connection was lost, it is UNAVAILABLE.
pub(super) fn named(error: impl Error + Send + Sync + 'static) -> BoxError {
    if loss(&error).is_none() {
        return Box::new(error);
    }
    let mut status = Status::unavailable("the connection was closed: try again");
    status.set_source(Arc::new(error));
    Box::new(status)
}

/// How far a call came whose connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The server did not begin it, and never will.
    Unbegun,
    /// The server may have carried it out.
    Unknown,
}

/// Returns how far a call came if its open connection was lost. An attempt to connect that fails is
/// UNAVAILABLE already, and has no error of hyper.
pub(super) fn loss(error: &(dyn Error + 'static)) -> Option<Loss> {
    let (mut current, mut is_open) = (Some(error), false);
    while let Some(error) = current {
        if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
            // It was not sent.
            if hyper.is_canceled() || hyper.is_closed() {
                return Some(Loss::Unbegun);
            }
            is_open = true;
        }
        if is_open && error.downcast_ref().is_some_and(is_going) {
            return Some(Loss::Unbegun);
        }
        if is_open && error.is::<io::Error>() {
            return Some(Loss::Unknown);
        }
        current = error.source();
    }
    None
}

/// Returns whether the server ended the connection in order and did not begin this call (RFC 9113,
/// section 6.8).
fn is_going(error: &h2::Error) -> bool {
    error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;
    use hyper::client::conn::http2;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use thiserror::Error;
    use tokio::io::DuplexStream;
    use tokio::task::JoinSet;
    use tonic::Code;
    use tonic::body::Body;

    use super::*;

    #[derive(Debug, Error)]
    #[error("call a server")]
    struct Failed<E: Error + 'static>(#[source] E);

    fn code(error: impl Error + Send + Sync + 'static) -> Code {
        Status::from_error(named(error)).code()
    }

    /// Connects a client to a server. The client's connection is polled in the background.
    async fn connect(
        running: &mut JoinSet<hyper::Result<()>>,
    ) -> (http2::SendRequest<Body>, h2::server::Connection<DuplexStream, Bytes>) {
        let (near, far) = tokio::io::duplex(1_024);
        let client = http2::handshake(TokioExecutor::new(), TokioIo::new(near));
        let (client, server) = tokio::join!(client, h2::server::handshake(far));
        let (sender, connection) = client.expect("a connection");
        running.spawn(connection);
        (sender, server.expect("a connection"))
    }

    #[tokio::test]
    async fn a_request_on_a_connection_that_closes_is_unavailable() {
        let (near, _far) = tokio::io::duplex(1_024);
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(near)).await.expect("a connection");
        drop(connection);
        let error = sender.send_request(Request::new(Body::empty())).await.expect_err("no connection");
        assert!(error.is_canceled(), "{error:?}");
        assert_eq!(code(Failed(error)), Code::Unavailable);
    }

    #[tokio::test]
    async fn a_request_that_a_server_that_goes_did_not_begin_is_unavailable() {
        let mut running = JoinSet::new();
        let (mut sender, mut server) = connect(&mut running).await;
        server.abrupt_shutdown(h2::Reason::NO_ERROR);
        running.spawn(async move {
            while server.accept().await.is_some() {}
            Ok(())
        });
        let error = sender.send_request(Request::new(Body::empty())).await.expect_err("the server goes");
        assert_eq!(code(Failed(error)), Code::Unavailable);
    }

    #[tokio::test]
    async fn a_request_on_a_connection_that_breaks_is_unavailable() {
        let mut running = JoinSet::new();
        let (mut sender, mut server) = connect(&mut running).await;
        let breaks = async {
            assert!(server.accept().await.is_some_and(|request| request.is_ok()), "a request");
            drop(server);
        };
        let (answer, ()) = tokio::join!(sender.send_request(Request::new(Body::empty())), breaks);
        let error = answer.expect_err("the connection broke");
        assert!(!error.is_canceled() && !error.is_closed(), "{error:?}");
        assert_eq!(code(Failed(error)), Code::Unavailable);
    }

    #[test]
    fn other_errors_stay_what_they_are() {
        assert_eq!(code(Failed(Status::data_loss("a"))), Code::DataLoss);
        assert_eq!(code(Failed(io::Error::other("a"))), Code::Unknown);
    }
}
