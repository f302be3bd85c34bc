//! Accepts connections and serves HTTP on them.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Version, header};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use marquee_backoff::jittered;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::answers::{self, Admitted, Answer, Sizes, is_health_check};
use super::connections::{Connections, Patience, Ticket};
use super::guard::Peer;
use super::shared::{Scope, Shared};

/// How often connections are checked for clients that take too long.
const SWEEP: Duration = Duration::from_secs(1);

/// How long a connection with requests in flight may take to end once it must close.
const GOODBYE: Duration = Duration::from_millis(250);

/// How long a connection without a request may take to end once its listener closes. A client that
/// is there has answered by then.
pub(super) const FAREWELL: Duration = Duration::from_millis(500);

/// The longest time from the end of the last request until a listener that closes has ended: silent
/// clients are cut, then the bodies of refused requests.
pub const LISTENER_END: Duration = FAREWELL.saturating_add(GOODBYE);

/// How much older or younger than its setting the age of a connection may be.
const SPREAD: f64 = 0.1;

/// The pause after the system could not give a connection.
const PAUSE: Duration = Duration::from_millis(20);

/// Bytes of requests that may be on their way to the server on one stream, and on one connection.
const WINDOWS: (u32, u32) = (256 << 10, 1 << 20);

/// The same on a connection that is one of the few wide ones, for clients that send much.
const WIDE_WINDOWS: (u32, u32) = (1 << 20, 4 << 20);

/// A listener and what it serves.
#[derive(Debug, Clone)]
pub(super) struct Listening {
    pub(super) router: Router,
    pub(super) shared: Arc<Shared>,
    pub(super) connections: Connections,
    pub(super) scope: Scope,
    /// Whether every client speaks HTTP/2, as gRPC clients do.
    pub(super) http2_only: bool,
    pub(super) drain: Duration,
    pub(super) stop: CancellationToken,
}

impl Listening {
    /// Serves until `stop`. Then it waits for requests in flight, at most for the drain time.
    pub(super) async fn run(self, listener: TcpListener) -> io::Result<()> {
        self.connections.fit();
        let is_loopback = listener.local_addr()?.ip().to_canonical().is_loopback();
        let sizes = Sizes::new(self.shared.schema.method_count());
        let (tracker, cut) = (TaskTracker::new(), CancellationToken::new());
        let settings = &self.shared.settings;
        let patience =
            Patience { head: settings.header_timeout, idle: settings.idle_timeout, answer: settings.answer_timeout };
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            let (stream, address) = tokio::select! {
                () = self.stop.cancelled() => break,
                _ = sweep.tick() => {
                    self.connections.sweep(patience);
                    continue;
                }
                accepted = self.accept(&listener) => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        self.not_accepted(&error).await;
                        continue;
                    }
                },
            };
            let Some(ticket) = self.connections.admit() else { continue };
            let connection = Connection {
                listening: self.clone(),
                ticket: Arc::new(ticket),
                address,
                is_loopback,
                sizes: sizes.clone(),
                cut: cut.clone(),
            };
            tracker.spawn(connection.serve(stream));
        }
        drop(listener);
        tracker.close();
        if timeout(self.drain, tracker.wait()).await.is_err() {
            tracing::warn!("requests in flight did not end in time");
            cut.cancel();
            tracker.wait().await;
        }
        // What clients still send of refused bodies ends with their connections.
        self.shared.refused.close();
        let _ = timeout(GOODBYE, self.shared.refused.wait()).await;
        Ok(())
    }

    /// Accepts a connection, once those that made room are closed.
    async fn accept(&self, listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        // No connection takes longer to close. If one does, that is no reason to accept none.
        let _ = timeout(GOODBYE, self.connections.made_room()).await;
        listener.accept().await
    }

    /// Handles an error of `accept`. If the process has no file left, an idle connection makes
    /// room.
    async fn not_accepted(&self, error: &io::Error) {
        let kinds = [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset, ErrorKind::Interrupted];
        if kinds.contains(&error.kind()) {
            return;
        }
        tracing::warn!(%error, "could not accept a connection");
        self.connections.evict_idle();
        sleep(PAUSE).await;
    }
}

/// What ends a connection, or changes how it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// The listener closes.
    Stop,
    /// The client of a connection that must end may have said so by now.
    Farewell,
    /// The connection has reached its age, or the grace after it is over.
    Age,
    /// The connection must make room.
    Closed,
    /// Requests in flight did not end in time.
    Cut,
}

/// The events of a connection. Each is polled only when it happens. To poll them with the
/// connection would lock what all connections share, several times for each request.
type Events<'a> = FuturesUnordered<BoxFuture<'a, Event>>;

/// An accepted connection.
struct Connection {
    listening: Listening,
    ticket: Arc<Ticket>,
    address: SocketAddr,
    is_loopback: bool,
    sizes: Sizes,
    cut: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        // Without this option small answers are late, but right.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.listening.shared.tls else { return self.serve_http(stream, false).await };
        let handshake = timeout(self.listening.shared.settings.header_timeout, tls.acceptor().accept(stream));
        tokio::select! {
            () = self.ticket.closed() => {}
            () = self.listening.stop.cancelled() => {}
            accepted = handshake => match accepted {
                Ok(Ok(stream)) => {
                    let is_certified = stream.get_ref().1.peer_certificates().is_some_and(|all| !all.is_empty());
                    Box::pin(self.serve_http(stream, is_certified)).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, address = %self.address, "no TLS handshake"),
                Err(_) => tracing::debug!(address = %self.address, "the TLS handshake took too long"),
            },
        }
    }

    /// Serves requests until the client or the server closes the connection.
    async fn serve_http<I>(&self, stream: I, is_certified: bool)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let unread = Arc::new(Semaphore::new(answers::MOST));
        let service = hyper::service::service_fn(|request| self.answer(request, is_certified, Arc::clone(&unread)));
        let builder = builder(&self.listening, self.ticket.is_wide());
        let io = TokioIo::new(Watched { io: stream, ticket: Arc::clone(&self.ticket) });
        let mut connection = pin!(builder.serve_connection(io, service));
        let settings = &self.listening.shared.settings;
        let mut events = self.events();
        loop {
            let event = tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, address = %self.address, "connection ended");
                    }
                    return;
                }
                Some(event) = events.next() => event,
            };
            match event {
                Event::Stop => {
                    connection.as_mut().graceful_shutdown();
                    events.push(after(FAREWELL, Event::Farewell));
                }
                // A client that does not answer keeps no listener open.
                Event::Farewell if !self.ticket.is_busy() => return,
                Event::Farewell => events.push(after(FAREWELL, Event::Farewell)),
                Event::Age if self.ticket.is_old() => {
                    tracing::debug!(address = %self.address, "requests on an old connection did not end in time");
                    return;
                }
                Event::Age => {
                    self.ticket.grow_old();
                    // Over HTTP/1 the next answer says it. Closing between two requests could cut
                    // one that is on its way.
                    if self.ticket.is_shared() {
                        connection.as_mut().graceful_shutdown();
                    }
                    events.push(after(settings.max_connection_age_grace, Event::Age));
                }
                Event::Closed => {
                    connection.as_mut().graceful_shutdown();
                    // What has not ended by now is cut. Without a request there is nothing to end,
                    // and a new connection is waiting for the place.
                    let most = if self.ticket.is_busy() { GOODBYE } else { Duration::ZERO };
                    let _ = timeout(most, connection).await;
                    return;
                }
                Event::Cut => return,
            }
        }
    }

    /// Returns the events that may happen from the start on.
    fn events(&self) -> Events<'_> {
        let events = Events::new();
        events.push(self.listening.stop.cancelled().map(|()| Event::Stop).boxed());
        events.push(self.ticket.closed().map(|()| Event::Closed).boxed());
        events.push(self.cut.cancelled().map(|()| Event::Cut).boxed());
        if let Some(age) = spread(self.listening.shared.settings.max_connection_age) {
            events.push(after(age, Event::Age));
        }
        events
    }

    /// Answers a request with the services of the listener.
    fn answer(
        &self,
        request: hyper::Request<Incoming>,
        is_certified: bool,
        unread: Arc<Semaphore>,
    ) -> impl Future<Output = Result<hyper::Response<Answer>, Infallible>> + Send + use<> {
        let (is_loopback, scope) = (self.is_loopback, self.listening.scope);
        let health_only = self.ticket.is_health_only();
        let path = request.uri().path();
        let method = self.listening.shared.schema.method(path);
        let mut peer = Peer { is_loopback, is_certified, health_only, scope, no_room: false, method };
        // A stream of requests is answered as it comes. Its client sends no more before it reads.
        let is_streaming = method.is_some_and(|method| method.is_streaming);
        let size = (!is_streaming).then(|| self.sizes.of(method, path));
        let needs_room = !is_health_check(path);
        let is_shared = request.version() == Version::HTTP_2;
        if is_shared {
            self.ticket.share();
        }
        let in_flight = self.ticket.begin();
        let (mut router, budget) = (self.listening.router.clone(), self.listening.shared.answers.clone());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(self.address));
        async move {
            // HTTP/1 has one request at a time.
            let connection = is_shared.then_some(&unread);
            let admitted = match size {
                Some(size) => Some(size.admit(connection).await),
                None => None,
            };
            let expected = admitted.as_ref().filter(|_| needs_room).map(Admitted::expected_room);
            let room = match expected {
                Some(bytes) => {
                    let room = budget.take(bytes).await;
                    peer.no_room = room.is_none();
                    room
                }
                None => None,
            };
            request.extensions_mut().insert(peer);
            let mut response = router.call(request).await?;
            if !is_shared && in_flight.is_on_old_connection() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(Answer::of(response, in_flight, admitted, (budget, room)))
        }
    }
}

/// Returns a time of up to a tenth more or less than an age, or `None` for an age of zero. Clients
/// that connected together therefore do not come back together.
fn spread(age: Duration) -> Option<Duration> {
    (!age.is_zero()).then(|| jittered(age, SPREAD))
}

/// Returns an event that happens after a time.
fn after(time: Duration, event: Event) -> BoxFuture<'static, Event> {
    sleep(time).map(move |()| event).boxed()
}

fn builder(listening: &Listening, is_wide: bool) -> auto::Builder<TokioExecutor> {
    let (stream, connection) = if is_wide { WIDE_WINDOWS } else { WINDOWS };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // `Connections` watches for trickled headers. hyper would close idle connections as early.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None::<Duration>);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .max_concurrent_streams(listening.shared.settings.max_streams)
        .initial_stream_window_size(stream)
        .initial_connection_window_size(connection);
    if listening.http2_only { builder.http2_only() } else { builder }
}

/// A connection that notes when bytes arrive.
struct Watched<I> {
    io: I,
    ticket: Arc<Ticket>,
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, into))?;
        if let Some(bytes) = into.filled().get(before..).filter(|bytes| !bytes.is_empty()) {
            self.ticket.received(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_differ_by_a_tenth_and_an_age_of_zero_is_none() {
        assert_eq!(spread(Duration::ZERO), None);
        let ages: Vec<Duration> = (0..1_000).filter_map(|_| spread(Duration::from_secs(100))).collect();
        let (least, most) = (ages.iter().min().expect("ages"), ages.iter().max().expect("ages"));
        assert!((90..93).contains(&least.as_secs()), "{least:?}");
        assert!((107..=110).contains(&most.as_secs()), "{most:?}");
    }
}
