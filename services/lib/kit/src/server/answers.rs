//! The answers that wait on a connection until the client reads them.
//!
//! A client may send many requests over one HTTP/2 connection and read none of the answers. So a
//! request begins only when the bytes that its answer is expected to have fit beside those of the
//! others on the connection. The expectation is the largest part of an answer of the route so far.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connections::InFlight;

/// The bytes of answers that may wait on one connection.
pub(super) const MOST: usize = 8 << 20;

/// The least that an answer is expected to have.
const LEAST: usize = 16 << 10;

/// What an answer of a route is expected to have before the first one.
const UNKNOWN: usize = 256 << 10;

/// The most routes that are remembered.
const ROUTES: usize = 256;

/// The largest answer of each route. Clones are cheap and share the sizes.
#[derive(Debug, Clone, Default)]
pub(super) struct Sizes(Arc<Mutex<HashMap<String, usize>>>);

impl Sizes {
    fn expected(&self, route: &str) -> usize {
        let sizes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sizes.get(route).map_or(UNKNOWN, |size| (*size).clamp(LEAST, MOST))
    }

    fn learn(&self, route: &str, size: usize) {
        let mut sizes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(largest) = sizes.get_mut(route) {
            *largest = size.max(*largest);
        } else if sizes.len() < ROUTES {
            sizes.insert(route.to_owned(), size);
        }
    }

    /// Waits until the answer to a request fits on its connection.
    pub(super) async fn admit(&self, connection: &Arc<Semaphore>, path: &str) -> Admitted {
        let route = route(path);
        let wanted = u32::try_from(self.expected(route)).unwrap_or(u32::MAX);
        // The semaphore of a connection is never closed.
        let permit = Arc::clone(connection).acquire_many_owned(wanted).await.ok();
        Admitted { sizes: self.clone(), route: route.to_owned(), permit, largest: None }
    }
}

/// Returns the part of a path that has no ids: the method of gRPC, or the collection of HTTP.
fn route(path: &str) -> &str {
    let end = path.match_indices('/').nth(2).map_or(path.len(), |(at, _)| at);
    if path.starts_with("/v1/") { &path[..end] } else { path }
}

/// A request whose answer fits on its connection.
#[derive(Debug)]
pub(super) struct Admitted {
    sizes: Sizes,
    route: String,
    permit: Option<OwnedSemaphorePermit>,
    /// The largest part so far. A smaller one teaches nothing.
    largest: Option<usize>,
}

impl Admitted {
    /// Notes the size of a part of the answer, and gives back what the answer does not need.
    fn sent(&mut self, size: usize) {
        if self.largest < Some(size) {
            self.largest = Some(size);
            self.sizes.learn(&self.route, size);
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
}

impl Answer {
    pub(super) fn new(body: Body, in_flight: InFlight, admitted: Option<Admitted>) -> Self {
        Self { body, in_flight, admitted }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_pending() {
            self.in_flight.caught_up();
        }
        let frame = ready!(polled);
        if let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref)) {
            let size = data.map_or(0, Bytes::len);
            self.in_flight.progress();
            if let Some(admitted) = &mut self.admitted {
                admitted.sent(size);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
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
        let (sizes, connection) = (Sizes::default(), Arc::new(Semaphore::new(MOST)));
        let mut stream = sizes.admit(&connection, "/a.v1.A/Watch").await;
        assert_eq!(connection.available_permits(), MOST - UNKNOWN);
        for _ in 0..10_000 {
            stream.sent(10_000);
        }
        assert_eq!(connection.available_permits(), MOST - LEAST);
        assert_eq!(sizes.expected("/a.v1.A/Watch"), LEAST);
    }

    #[tokio::test]
    async fn unread_answers_keep_further_requests_waiting() {
        let (sizes, connection) = (Sizes::default(), Arc::new(Semaphore::new(MOST)));
        let path = "/a.v1.A/List";
        let first = sizes.admit(&connection, path).await;
        sizes.learn(path, 3 << 20);
        let others = [sizes.admit(&connection, path).await, sizes.admit(&connection, path).await];
        let third = tokio::spawn({
            let (sizes, connection) = (sizes.clone(), Arc::clone(&connection));
            async move { sizes.admit(&connection, path).await }
        });
        tokio::task::yield_now().await;
        assert!(!third.is_finished());
        drop((first, others));
        third.await.expect("admitted");
        // Small answers hardly wait for each other.
        sizes.learn("/a.v1.A/Get", 10);
        let mut many = Vec::new();
        for _ in 0..MOST / LEAST {
            many.push(sizes.admit(&connection, "/a.v1.A/Get").await);
        }
        assert_eq!(many.len(), 512);
    }
}
