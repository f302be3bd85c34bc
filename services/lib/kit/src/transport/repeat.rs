//! Repeats calls that a server which closes its connection did not begin.
//!
//! A server tells its clients to go when it ends, or when a connection is old. Calls that are on
//! their way at this moment are not begun, and the client learns that. They are sent again over a
//! new connection, as other clients of gRPC do. Calls that may have been carried out are not.

use std::collections::VecDeque;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tower::{BoxError, Service, ServiceExt};

use super::closed::{Loss, loss, named};

/// How often a call is sent again.
const REPEATS: usize = 3;

/// The most bytes of a request that are kept until the server begins to answer.
const MOST: usize = 4 << 20;

/// The longest time until a connection drops the body of a call that failed.
const DROPPED: Duration = Duration::from_secs(1);

/// A service over connections that sends a call again which was not begun. Clones are cheap.
#[derive(Debug, Clone)]
pub(super) struct Repeating<S>(S);

impl<S> Repeating<S> {
    pub(super) fn new(service: S) -> Self {
        Self(service)
    }
}

impl<S> Service<Request<Body>> for Repeating<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Error: Error + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context).map_err(named)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (head, body) = request.into_parts();
        let (body, mut kept) = Kept::new(Content { read: VecDeque::new(), rest: Some(body) });
        let mut called = self.0.call(Request::from_parts(head.clone(), Body::new(body)));
        let mut service = self.0.clone();
        Box::pin(async move {
            for _ in 0..REPEATS {
                let error = match called.await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                if loss(&error) != Some(Loss::Unbegun) {
                    return Err(named(error));
                }
                let Ok(Ok(content)) = timeout(DROPPED, kept).await else { return Err(named(error)) };
                let (body, next) = Kept::new(content);
                kept = next;
                let ready = ServiceExt::<Request<Body>>::ready(&mut service).await.map_err(named)?;
                called = ready.call(Request::from_parts(head.clone(), Body::new(body)));
            }
            called.await.map_err(named)
        })
    }
}

/// The body of a request, as it can be sent again.
struct Content {
    /// The parts that were read.
    read: VecDeque<Bytes>,
    /// What was not read, or `None` if everything was.
    rest: Option<Body>,
}

/// A body that keeps what is read of it. When the connection drops it, it gives everything back.
struct Kept {
    /// The parts that come first, because they were read before.
    again: VecDeque<Bytes>,
    content: Content,
    size: usize,
    /// `None` once the body cannot be given back, or need not be.
    keeper: Option<oneshot::Sender<Content>>,
}

impl Kept {
    /// Makes a body of some content, and the receiver that gets the content back.
    fn new(content: Content) -> (Self, oneshot::Receiver<Content>) {
        let (keeper, kept) = oneshot::channel();
        let Content { read, rest } = content;
        let content = Content { read: VecDeque::new(), rest };
        (Self { again: read, content, size: 0, keeper: Some(keeper) }, kept)
    }

    /// Keeps a part, unless the server has begun to answer or the request is too large.
    fn keep(&mut self, part: &Bytes) {
        self.size += part.len();
        if self.size > MOST || self.keeper.as_ref().is_none_or(oneshot::Sender::is_closed) {
            self.give_up();
        } else {
            self.content.read.push_back(part.clone());
        }
    }

    fn give_up(&mut self) {
        self.keeper = None;
        self.content.read.clear();
    }
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if let Some(part) = this.again.pop_front() {
            this.keep(&part);
            return Poll::Ready(Some(Ok(Frame::data(part))));
        }
        let Some(rest) = &mut this.content.rest else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(rest).poll_frame(context));
        match &frame {
            None => this.content.rest = None,
            Some(Ok(frame)) => match frame.data_ref() {
                Some(part) => this.keep(part),
                None => this.give_up(),
            },
            Some(Err(_)) => this.give_up(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.again.is_empty() && self.content.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content.rest {
            Some(rest) if self.again.is_empty() => rest.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Some(keeper) = self.keeper.take() else { return };
        let mut read = std::mem::take(&mut self.content.read);
        read.append(&mut self.again);
        // Without a receiver the server has begun to answer.
        let _ = keeper.send(Content { read, rest: self.content.rest.take() });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::stream;
    use http_body_util::{BodyExt, Full, StreamBody};
    use hyper::client::conn::http2;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use thiserror::Error as ThisError;
    use tokio::task::JoinSet;
    use tower::service_fn;

    use super::*;

    #[derive(Debug, ThisError)]
    #[error("call a server")]
    struct Failed(#[source] hyper::Error);

    /// How a server ends its connection.
    #[derive(Debug, Clone, Copy)]
    enum End {
        /// It says that it did not begin the call.
        InOrder,
        /// It begins the call, and says nothing more.
        Abrupt,
    }

    /// Calls a server that ends its connection.
    async fn call_an_ending_server(end: End, request: Request<Body>) -> Failed {
        let (near, far) = tokio::io::duplex(64 << 10);
        let client = http2::handshake(TokioExecutor::new(), TokioIo::new(near));
        let (client, server) = tokio::join!(client, h2::server::handshake(far));
        let (mut sender, connection) = client.expect("a connection");
        let mut server = server.expect("a connection");
        let mut running = JoinSet::new();
        running.spawn(async move {
            // It ends with an error after an abrupt end.
            let _ = connection.await;
        });
        let ends = async {
            match end {
                End::InOrder => {
                    server.abrupt_shutdown(h2::Reason::NO_ERROR);
                    while server.accept().await.is_some() {}
                }
                End::Abrupt => {
                    assert!(server.accept().await.is_some_and(|request| request.is_ok()), "a request");
                    drop(server);
                }
            }
        };
        let (answer, ()) = tokio::join!(sender.send_request(request), ends);
        Failed(answer.expect_err("the server ends"))
    }

    /// Calls a service whose first servers end like this. Later ones answer with the body of the
    /// request. Returns the answer and the number of calls.
    async fn call(ends: &'static [End], body: Body) -> (Result<Bytes, Status>, usize) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let service = service_fn(move |request: Request<Body>| {
            let end = ends.get(counted.fetch_add(1, Ordering::Relaxed)).copied();
            async move {
                if let Some(end) = end {
                    return Err(call_an_ending_server(end, request).await);
                }
                let body = request.into_body().collect().await.expect("a body").to_bytes();
                Ok(Response::new(Body::new(Full::new(body))))
            }
        });
        let answer = match Repeating::new(service).oneshot(Request::new(body)).await {
            Ok(answer) => Ok(answer.into_body().collect().await.expect("a body").to_bytes()),
            Err(error) => Err(Status::from_error(error)),
        };
        (answer, calls.load(Ordering::Relaxed))
    }

    fn parts(parts: &'static [&'static str]) -> Body {
        let frames = parts.iter().map(|part| Ok::<_, Status>(Frame::data(Bytes::from_static(part.as_bytes()))));
        Body::new(StreamBody::new(stream::iter(frames)))
    }

    #[tokio::test]
    async fn a_call_that_was_not_begun_is_sent_again_with_its_whole_body() {
        const ONCE: &[End] = &[End::InOrder];
        const TWICE: &[End] = &[End::InOrder, End::InOrder];
        for ends in [ONCE, TWICE] {
            let (answer, calls) = call(ends, parts(&["one, ", "two, ", "three"])).await;
            assert_eq!(answer.expect("answered"), "one, two, three");
            assert_eq!(calls, ends.len() + 1);
            let (answer, _) = call(ends, Body::empty()).await;
            assert!(answer.expect("answered").is_empty());
        }
    }

    #[tokio::test]
    async fn a_call_is_not_sent_again_for_ever() {
        let (answer, calls) = call(&[End::InOrder; 10], parts(&["one"])).await;
        assert_eq!(answer.expect_err("no server begins it").code(), tonic::Code::Unavailable);
        assert_eq!(calls, REPEATS + 1);
    }

    #[tokio::test]
    async fn a_call_that_may_have_been_carried_out_is_not_sent_again() {
        let (answer, calls) = call(&[End::Abrupt], parts(&["one"])).await;
        assert_eq!(answer.expect_err("the connection broke").code(), tonic::Code::Unavailable);
        assert_eq!(calls, 1);
    }

    #[tokio::test]
    async fn a_body_is_given_back_as_it_was_until_the_server_answers() {
        let content = |body: Body| Content { read: VecDeque::new(), rest: Some(body) };
        let (mut body, kept) = Kept::new(content(parts(&["one", "two", "three"])));
        body.frame().await.expect("a part").expect("no error");
        drop(body);
        // The part that was read comes first.
        let (mut body, kept) = Kept::new(kept.await.expect("given back"));
        body.frame().await.expect("a part").expect("no error");
        body.frame().await.expect("a part").expect("no error");
        drop(body);
        let (body, _kept) = Kept::new(kept.await.expect("given back"));
        assert_eq!(body.collect().await.expect("a body").to_bytes(), "onetwothree");
        // Nothing is kept once nobody waits for it, or beyond the limit.
        let (mut body, kept) = Kept::new(content(parts(&["one", "two"])));
        drop(kept);
        body.frame().await.expect("a part").expect("no error");
        assert!(body.keeper.is_none() && body.content.read.is_empty());
        let large = Body::new(Full::new(Bytes::from(vec![0; MOST + 1])));
        let (mut body, kept) = Kept::new(content(large));
        body.frame().await.expect("a part").expect("no error");
        drop(body);
        assert!(kept.await.is_err());
    }
}
