//! Requests that are encoded before they are sent, and the connections that they are sent on. The
//! client shares the cores with the fleet, so it does as little as it can.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use marquee_e2e::wire::frame;
use marquee_proto::prediction::v1::{PredictRequest, RecommendRequest};
use marquee_proto::ratings::v1::{Rating, SubmitRatingRequest};
use prost::Message;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::net::TcpStream;

use crate::data::Data;

/// Different requests of one kind.
const REQUESTS: usize = 4_000;

/// Movies of a predict request.
pub(crate) const MOVIES: usize = 100;

/// Recommendations of an answer.
pub(crate) const LIMIT: u32 = 10;

/// Requests to one method, in turn.
#[derive(Debug)]
pub(crate) struct Requests {
    path: &'static str,
    bodies: Vec<Bytes>,
    next: AtomicUsize,
}

impl Requests {
    fn new(path: &'static str, mut body: impl FnMut(&mut ChaCha8Rng) -> Vec<u8>) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let bodies = (0..REQUESTS).map(|_| frame(0, &body(&mut rng))).collect::<Result<_>>()?;
        Ok(Self { path, bodies, next: AtomicUsize::new(0) })
    }

    /// One user and 100 movies.
    pub(crate) fn predict(data: &Data) -> Result<Self> {
        Self::new("/marquee.prediction.v1.Predictions/Predict", |rng| {
            let movie = |rng: &mut ChaCha8Rng| data.movies[rng.random_range(0..data.movies.len())].movie_id.clone();
            let movie_ids = (0..MOVIES).map(|_| movie(rng)).collect();
            PredictRequest { user_id: user(data, rng), movie_ids, ..PredictRequest::default() }.encode_to_vec()
        })
    }

    /// The best movies of the whole catalog.
    pub(crate) fn recommend(data: &Data) -> Result<Self> {
        Self::new("/marquee.prediction.v1.Predictions/Recommend", |rng| {
            RecommendRequest { user_id: user(data, rng), limit: LIMIT, ..RecommendRequest::default() }.encode_to_vec()
        })
    }

    /// Ratings of the data set that users give again, with other stars.
    pub(crate) fn rate(data: &Data) -> Result<Self> {
        Self::new("/marquee.ratings.v1.Ratings/SubmitRating", |rng| {
            let given = data.ratings.choose(rng).cloned().unwrap_or_default();
            let stars = f64::from(rng.random_range(1_u8..=5));
            let rating = Rating { rating: Some(stars), rated_at: None, ..given };
            SubmitRatingRequest { rating: Some(rating) }.encode_to_vec()
        })
    }

    fn next(&self) -> Bytes {
        self.bodies[self.next.fetch_add(1, Ordering::Relaxed) % self.bodies.len()].clone()
    }
}

fn user(data: &Data, rng: &mut ChaCha8Rng) -> String {
    data.users.choose(rng).cloned().unwrap_or_default()
}

/// A connection to a fleet. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        let handshake = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(8 << 20)
            .handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await?;
        tokio::spawn(connection);
        Ok(Self { sender, authority: address.to_owned() })
    }

    /// Sends the next request, and returns the message of the answer.
    pub(crate) async fn call(&mut self, requests: &Requests) -> Result<Bytes> {
        let request = Request::post(format!("http://{}{}", self.authority, requests.path))
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers")
            .body(Full::new(requests.next()))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let (head, mut body) = answer.into_parts();
        check(&head.headers)?;
        let mut message = BytesMut::new();
        let mut trailers = None;
        while let Some(part) = body.frame().await {
            match part?.into_data() {
                Ok(data) => message.extend_from_slice(&data),
                Err(last) => trailers = last.into_trailers().ok(),
            }
        }
        check(&trailers.context("an answer without an end")?)?;
        ensure!(message.len() > 5, "an answer without a message");
        Ok(message.split_off(5).freeze())
    }
}

/// Checks the status of gRPC, if there is one.
fn check(headers: &HeaderMap) -> Result<()> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let status = text("grpc-status").unwrap_or("0");
    ensure!(status == "0", "status {status}: {}", text("grpc-message").unwrap_or_default());
    Ok(())
}
