//! The answers that wait on a connection until the client reads them.
//!
//! A client may send many requests over one HTTP/2 connection and read none of the answers. So a
//! request begins only when the bytes that its answer is expected to have fit beside those of the
//! others on the connection. The expectation is the largest part of an answer of the route so far.
//!
//! Many connections may do the same. So the answer also takes room in the budget of the process,
//! and holds it until its bytes are handed to the system.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::answer_budget::{AnswerBudget, Room, SMALL, exhausted};
use super::connections::InFlight;
use super::is_grpc;
use super::schema::Method;

/// The bytes of answers that may wait on one connection.
pub(super) const MOST: usize = 8 << 20;

/// The least that an answer is expected to have.
const LEAST: usize = 16 << 10;

/// What an answer of a route is expected to have before the first one.
const UNKNOWN: usize = 256 << 10;

/// The most routes that are remembered besides the methods of gRPC.
const ROUTES: usize = 256;

/// The largest answer of each route. Clones are cheap and share the sizes.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    /// By the index of the method. The methods of gRPC are found without a lock.
    methods: Arc<[Size]>,
    routes: Arc<RwLock<HashMap<String, Size>>>,
}

/// The largest answer of one route in bytes, or 0 before the first one. A request looks it up once
/// and keeps it. Clones are cheap and share the size.
#[derive(Debug, Clone, Default)]
pub(super) struct Size(Arc<AtomicUsize>);

impl Sizes {
    /// Creates the sizes of this many methods of gRPC, and of routes of HTTP as they are called.
    pub(super) fn new(methods: usize) -> Self {
        Self { methods: (0..methods).map(|_| Size::default()).collect(), routes: Arc::default() }
    }

    /// Returns the size of a method, or of the route of a path. Beyond the most routes it is a new
    /// one, which is forgotten with the request.
    pub(super) fn of(&self, method: Option<Method>, path: &str) -> Size {
        match method.and_then(|method| self.methods.get(method.index)) {
            Some(size) => size.clone(),
            None => self.of_route(route(path)),
        }
    }

    fn of_route(&self, route: &str) -> Size {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(size) = routes.get(route) {
            return size.clone();
        }
        if routes.len() >= ROUTES {
            return Size::default();
        }
        drop(routes);
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.entry(route.to_owned()).or_default().clone()
    }
}

impl Size {
    /// Returns what an answer of the route is expected to have, if there was one.
    fn known(&self) -> Option<usize> {
        let size = self.0.load(Ordering::Relaxed);
        (size > 0).then(|| size.clamp(LEAST, MOST))
    }

    fn expected(&self) -> usize {
        self.known().unwrap_or(UNKNOWN)
    }

    fn learn(&self, size: usize) {
        let size = size.max(1);
        // Nearly every answer is smaller than the largest one, and then all cores only read.
        if self.0.load(Ordering::Relaxed) < size {
            self.0.fetch_max(size, Ordering::Relaxed);
        }
    }

    /// Waits until the answer to a request fits on its connection, if other requests share it.
    pub(super) async fn admit(self, connection: Option<&Arc<Semaphore>>) -> Admitted {
        let permit = match connection {
            Some(connection) => {
                let wanted = u32::try_from(self.expected()).unwrap_or(u32::MAX);
                // The semaphore of a connection is never closed.
                Arc::clone(connection).acquire_many_owned(wanted).await.ok()
            }
            None => None,
        };
        Admitted { size: self, permit, largest: None }
    }
}

/// Returns whether a request asks for the health of the process. It is answered while there is no
/// room for other answers.
pub(super) fn is_health_check(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz") || path.starts_with("/grpc.health.")
}

/// Returns the part of a path that has no ids: the method of gRPC, or the collection of HTTP.
fn route(path: &str) -> &str {
    let end = path.match_indices('/').nth(2).map_or(path.len(), |(at, _)| at);
    if path.starts_with("/v1/") { &path[..end] } else { path }
}

/// A request whose answer fits on its connection.
#[derive(Debug)]
pub(super) struct Admitted {
    size: Size,
    permit: Option<OwnedSemaphorePermit>,
    /// The largest part so far. A smaller one teaches nothing.
    largest: Option<usize>,
}

impl Admitted {
    /// Returns the room that the answer is expected to take in the budget of the process. One of an
    /// unknown size takes more when it turns out large.
    pub(super) fn expected_room(&self) -> usize {
        self.size.known().unwrap_or(SMALL)
    }

    /// Notes the size of a part of the answer, and gives back what the answer does not need.
    fn sent(&mut self, size: usize) {
        if self.largest < Some(size) {
            self.largest = Some(size);
            self.size.learn(size);
        }
        if let Some(permit) = &mut self.permit {
            let excess = permit.num_permits().saturating_sub(size.max(LEAST));
            drop(permit.split(excess));
        }
    }
}

/// The body of an answer. While it exists, its request is in flight.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    in_flight: InFlight,
    admitted: Option<Admitted>,
    budget: AnswerBudget,
    /// The room for the first part.
    room: Option<Room>,
    /// Whether a status may take the place of the first part.
    is_grpc: bool,
    /// Whether a status has taken the place of the first part.
    is_refused: bool,
}

impl Answer {
    /// Makes an answer of a response. `room` was taken for what was expected. An HTTP answer that
    /// is larger is replaced by a refusal if there is no room for it.
    pub(super) fn of(
        response: Response,
        in_flight: InFlight,
        mut admitted: Option<Admitted>,
        (budget, mut room): (AnswerBudget, Option<Room>),
    ) -> Response<Self> {
        let is_grpc = is_grpc(response.headers());
        let length = response.body().size_hint().exact().and_then(|length| usize::try_from(length).ok());
        let mut fits = true;
        if let (Some(length), Some(room), false) = (length, &mut room, is_grpc) {
            if let Some(admitted) = &mut admitted {
                admitted.sent(length);
            }
            fits = room.resize(length);
        }
        let response = if fits { response } else { exhausted().into_response() };
        response.map(|body| Self { body, in_flight, admitted, budget, room, is_grpc, is_refused: false })
    }

    /// Returns a part of the answer, which holds its room, or the status that takes its place.
    fn part(&mut self, data: Bytes) -> Frame<Bytes> {
        let mut room = self.room.take();
        let fits = room.as_mut().is_none_or(|room| room.resize(data.len()));
        if !fits && self.is_grpc {
            self.is_refused = true;
            return Frame::trailers(refusal());
        }
        // Of a stream, only the first part needs room. The others come as the client reads them.
        let room = room.filter(|_| fits).unwrap_or_else(|| self.budget.count(data.len()));
        Frame::data(room.hold(data, self.in_flight.unsent()))
    }
}

/// Returns the trailers of a gRPC answer for which there is no room.
fn refusal() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    // Only metadata could fail to become headers, and there is none.
    let _ = Status::from(exhausted()).add_header(&mut trailers);
    trailers
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.is_refused {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_pending() {
            self.in_flight.caught_up();
        }
        let frame = match ready!(polled) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        self.in_flight.progress();
        let size = frame.data_ref().map_or(0, Bytes::len);
        if let Some(admitted) = &mut self.admitted {
            admitted.sent(size);
        }
        let frame = match frame.into_data() {
            Ok(data) => self.part(data),
            Err(frame) => frame,
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_refused || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, StatusCode, header};
    use http_body_util::BodyExt;

    use super::super::connections::Connections;
    use super::*;

    #[test]
    fn a_route_has_no_ids() {
        assert_eq!(route("/v1/users/ann/ratings/m1"), "/v1/users");
        assert_eq!(route("/v1/movies"), "/v1/movies");
        assert_eq!(route("/a.v1.A/ListAll"), "/a.v1.A/ListAll");
        assert_eq!(route("/"), "/");
    }

    #[tokio::test]
    async fn a_stream_of_small_answers_keeps_only_what_it_needs() {
        let (size, connection) = (Size::default(), Arc::new(Semaphore::new(MOST)));
        let mut stream = size.clone().admit(Some(&connection)).await;
        assert_eq!(connection.available_permits(), MOST - UNKNOWN);
        for _ in 0..10_000 {
            stream.sent(10_000);
        }
        assert_eq!(connection.available_permits(), MOST - LEAST);
        assert_eq!(size.expected(), LEAST);
        drop(stream);
        assert_eq!(connection.available_permits(), MOST);
    }

    #[tokio::test]
    async fn unread_answers_keep_further_requests_waiting() {
        let (list, connection) = (Size::default(), Arc::new(Semaphore::new(MOST)));
        let first = list.clone().admit(Some(&connection)).await;
        list.learn(3 << 20);
        let others = [list.clone().admit(Some(&connection)).await, list.clone().admit(Some(&connection)).await];
        let third = tokio::spawn({
            let connection = Arc::clone(&connection);
            async move { list.admit(Some(&connection)).await }
        });
        tokio::task::yield_now().await;
        assert!(!third.is_finished());
        drop((first, others));
        third.await.expect("admitted");
        // Small answers hardly wait for each other.
        let get = Size::default();
        get.learn(10);
        let mut many = Vec::new();
        for _ in 0..MOST / LEAST {
            many.push(get.clone().admit(Some(&connection)).await);
        }
        assert_eq!(many.len(), 512);
    }

    #[tokio::test]
    async fn the_room_of_a_route_is_that_of_its_largest_answer_so_far() {
        let (sizes, path) = (Sizes::new(0), "/v1/users/ann");
        let mut first = sizes.of(None, path).admit(None).await;
        assert_eq!(first.expected_room(), SMALL);
        first.sent(3 << 20);
        assert_eq!(sizes.of(None, "/v1/users/ben").admit(None).await.expected_room(), 3 << 20);
        assert_eq!(sizes.of(None, "/v1/movies").admit(None).await.expected_room(), SMALL);
        assert!(is_health_check("/readyz") && is_health_check("/grpc.health.v1.Health/Check"));
        assert!(!is_health_check("/metrics") && !is_health_check("/v1/livez"));
    }

    #[test]
    fn methods_have_sizes_of_their_own_and_the_number_of_other_routes_is_limited() {
        let sizes = Sizes::new(2);
        let method = |index| Some(Method { index, input: 0, is_streaming: false });
        sizes.of(method(1), "/a.v1.A/List").learn(1 << 20);
        assert_eq!(sizes.of(method(1), "/a.v1.A/List").known(), Some(1 << 20));
        assert_eq!(sizes.of(method(0), "/a.v1.A/Get").known(), None);
        for number in 0..2 * ROUTES {
            sizes.of(None, &format!("/route-{number}")).learn(0);
        }
        assert_eq!(sizes.of(None, "/route-0").known(), Some(LEAST), "an answer without bytes teaches too");
        assert_eq!(sizes.of(None, &format!("/route-{ROUTES}")).known(), None);
        assert_eq!(sizes.routes.read().expect("a lock").len(), ROUTES);
    }

    /// Returns the answer of a response when 1 KiB was expected, and the room that other answers
    /// have: all of that for large ones.
    async fn answered(response: Response) -> (Response<Answer>, Option<Room>) {
        let budget = AnswerBudget::new(16 << 20);
        let (room, used) = (budget.take(1 << 10).await, budget.take(12 << 20).await);
        let ticket = Connections::new(1).admit().expect("room for a connection");
        (Answer::of(response, Arc::new(ticket).begin(), None, (budget, room)), used)
    }

    #[tokio::test]
    async fn an_http_answer_for_which_there_is_no_room_is_a_refusal() {
        let (small, _used) = answered(Response::new(Body::from(vec![0; 1_000]))).await;
        assert_eq!(small.status(), StatusCode::OK);
        assert_eq!(small.into_body().collect().await.expect("a body").to_bytes().len(), 1_000);
        let (large, _used) = answered(Response::new(Body::from(vec![0; 1 << 20]))).await;
        assert_eq!(large.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(large.headers().contains_key(header::RETRY_AFTER));
        let body = large.into_body().collect().await.expect("a body").to_bytes();
        assert!(String::from_utf8_lossy(&body).contains("RESOURCE_EXHAUSTED"), "{body:?}");
    }

    #[tokio::test]
    async fn a_grpc_answer_for_which_there_is_no_room_ends_with_the_status() {
        let call = |length: usize| {
            let mut response = Response::new(Body::from(vec![0; length]));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            response
        };
        let (small, _used) = answered(call(1_000)).await;
        let small = small.into_body().collect().await.expect("a body");
        assert!(small.trailers().is_none());
        assert_eq!(small.to_bytes().len(), 1_000);
        let (large, _used) = answered(call(1 << 20)).await;
        let large = large.into_body().collect().await.expect("a body");
        let status = Status::from_header_map(large.trailers().expect("trailers")).expect("a status");
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        assert!(crate::Failure::from_status(&status).delay().is_some());
        assert!(large.to_bytes().is_empty());
    }
}
