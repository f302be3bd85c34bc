//! Ingest alone with quotas, and clients with names.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use marquee::Fleet;
use marquee_e2e::DEADLINE;
use marquee_embedded::{EmbeddedLog, LogSettings};
use marquee_kit::{Failure, Transport};
use marquee_ports::{RatingLog, Topic};
use marquee_proto::ratings::v1::ratings_client::RatingsClient;
use marquee_proto::ratings::v1::{
    Movie, Rating, StreamRatingsRequest, StreamRatingsResponse, SubmitRatingsRequest, UpsertMoviesRequest,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio_stream::StreamExt;
use tonic::codegen::http::{HeaderMap, Method, Request as HttpRequest};
use tonic::{Request, Status};

/// Who has no quota, whatever that of others is.
pub(super) const FREE: &str = "free";

/// Ingest with quotas, alone in this process.
pub(super) struct Door {
    fleet: Fleet,
    folder: TempDir,
    pub(super) ratings: RatingsClient<Transport>,
}

/// A request that gives up, of a client; the nameless one gives no name.
pub(super) fn from<T>(client: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    if !client.is_empty() {
        request.metadata_mut().insert("x-client-id", client.parse().expect("metadata"));
    }
    request
}

pub(super) fn ratings(count: usize) -> Vec<Rating> {
    let rating = |number| Rating {
        user_id: format!("user-{}", number % 7),
        movie_id: "m".to_owned(),
        rating: Some(4.0),
        rated_at: None,
    };
    (0..count).map(rating).collect()
}

impl Door {
    /// Opens it with one movie in the catalogue, and clients with rates of their own.
    pub(super) async fn open(rate: u32, burst: u32, overrides: &[(&str, u32)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut settings = marquee_e2e::settings(folder.path());
        let quota = &mut settings.role::<marquee_ingest::Ingest>().quota;
        (quota.ratings_per_second, quota.burst) = (rate, burst);
        for (name, rate) in overrides.iter().chain(&[(FREE, 0)]) {
            quota.overrides.insert(name.parse()?, *rate);
        }
        let fleet = Box::pin(Fleet::start(settings, &[marquee::role("ingest").context("a role")?])).await?;
        tokio::time::timeout(DEADLINE, fleet.ready()).await.context("ingest did not become ready")??;
        let mut ratings = RatingsClient::new(fleet.transport()?);
        let movies = vec![Movie { movie_id: "m".to_owned(), ..Movie::default() }];
        ratings.upsert_movies(from(FREE, UpsertMoviesRequest { movies })).await?;
        Ok(Self { fleet, folder, ratings })
    }

    /// One call with so many ratings.
    pub(super) async fn rate(&self, client: &str, count: usize) -> Result<(), Failure> {
        let request = from(client, SubmitRatingsRequest { ratings: ratings(count) });
        let answer = self.ratings.clone().submit_ratings(request).await.map_err(|status| Failure::from_status(&status));
        assert_eq!(answer?.into_inner().accepted, count as u64);
        Ok(())
    }

    /// A whole stream, a batch after the other.
    pub(super) async fn stream(&self, client: &str, batches: &[usize]) -> Result<Vec<StreamRatingsResponse>, Status> {
        let batches =
            (1..).zip(batches).map(|(sequence, &count)| StreamRatingsRequest { sequence, ratings: ratings(count) });
        let batches: Vec<_> = batches.collect();
        let answers = self.ratings.clone().stream_ratings(from(client, tokio_stream::iter(batches))).await?;
        answers.into_inner().collect().await
    }

    /// The same door over HTTP.
    pub(super) async fn send(
        &self,
        client: &str,
        method: Method,
        path: &str,
        body: &str,
    ) -> Result<(u16, HeaderMap, Value)> {
        let uri = format!("http://{}{path}", self.fleet.http_address());
        let request = HttpRequest::builder().method(method).uri(uri).header("x-client-id", client);
        let request = request.header("content-type", "application/json");
        let request = request.body(Full::new(Bytes::from(body.to_owned())))?;
        let call = Client::builder(TokioExecutor::new()).build_http().request(request);
        let (head, body) = tokio::time::timeout(DEADLINE, call).await??.into_parts();
        let body = String::from_utf8(body.collect().await?.to_bytes().into())?;
        // Metrics are text.
        let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
        Ok((head.status.as_u16(), head.headers, body))
    }

    /// Waits until the page of metrics has a line.
    pub(super) async fn shows(&self, line: &str) -> Result<()> {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        let seen = async {
            loop {
                look.tick().await;
                let (_, _, page) = self.send(FREE, Method::GET, "/metrics", "").await?;
                if page.as_str().is_some_and(|page| page.lines().any(|one| one == line)) {
                    return Ok(());
                }
            }
        };
        tokio::time::timeout(DEADLINE, seen).await.with_context(|| format!("waited in vain for {line}"))?
    }

    /// Closes it and counts the records of a topic.
    pub(super) async fn close(self, topic: Topic) -> Result<u64> {
        self.fleet.shutdown().await;
        let log = EmbeddedLog::open(&self.folder.path().join("log"), &LogSettings::default())?;
        Ok(log.bounds(topic).await?.iter().map(|bounds| bounds.end.0 - bounds.begin.0).sum())
    }
}
