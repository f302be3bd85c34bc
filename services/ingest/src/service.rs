//! What both doors, gRPC and HTTP, do with ratings: check, count against quotas, write.

mod grpc;
mod movies;
mod outcome;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{Clock, MovieId, Position, RatingEvent, Reason, Scale, Violation};
use marquee_kit::{Context, Failure, Kind};
use marquee_log::MovieCatalog;
use marquee_ports::{NewRecord, RatingLog, Topic};
use marquee_proto::convert;
use marquee_proto::ratings::v1::{self as pb, ratings_server};
use marquee_proto::record;
use prost::Message;
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

use outcome::{Outcome, Prepared};

use crate::caller::ClientName;
use crate::metrics::{Counters, OfReason};
use crate::quota::Quotas;
use crate::rejected::{Source, rejection};
use crate::settings::{Settings, UnknownMovies};
use crate::validate::{self, Rules};

/// Largest request in bytes.
const MAX_MESSAGE: usize = 16 << 20;

/// The role could not start.
#[derive(Debug, Error)]
pub enum Error {
    /// The movie catalog could not be read from the log.
    #[error("read the movie catalog")]
    Catalog(#[source] marquee_ports::Error),
}

/// What ingest needs from the process.
#[derive(Debug, Clone)]
pub struct Dependencies {
    /// Where ratings go.
    pub log: Arc<dyn RatingLog>,
    /// The time of receipt.
    pub clock: Arc<dyn Clock>,
    /// Which ratings are accepted.
    pub scale: Scale,
}

/// The ingest role. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    dependencies: Dependencies,
    catalog: MovieCatalog,
    counters: Counters,
    quotas: Quotas,
    waiting: Semaphore,
}

impl Service {
    /// Reads the movie catalog and is ready.
    pub async fn start(settings: Settings, dependencies: Dependencies, context: &Context) -> Result<Self, Error> {
        let check = context.health.check("marquee.ratings.v1.Ratings");
        let catalog = MovieCatalog::new(Arc::clone(&dependencies.log));
        catalog.catch_up().await.map_err(Error::Catalog)?;
        let counters = Counters::register(&context.metrics);
        let quotas = Quotas::new(&settings.quota, &context.metrics);
        let waiting = Semaphore::new(settings.max_in_flight);
        check.ready();
        Ok(Self(Arc::new(Inner { settings, dependencies, catalog, counters, quotas, waiting })))
    }

    /// The gRPC server.
    pub fn server(&self) -> ratings_server::RatingsServer<Self> {
        ratings_server::RatingsServer::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    /// The same over HTTP as JSON.
    pub fn routes(&self) -> axum::Router {
        crate::http::routes(self.clone())
    }

    /// Lets a call in that writes `count` entries, which stand in `field`. Whoever is turned away because too many wait pays nothing for it.
    fn admit(&self, client: &ClientName, field: &str, count: usize) -> Result<SemaphorePermit<'_>, Failure> {
        self.check_size(field, count)?;
        let permit = self.0.waiting.try_acquire().map_err(|_| {
            self.0.counters.overloaded.inc();
            Failure::new(Kind::ResourceExhausted, "too many requests wait for the log: send fewer at once")
                .retry_after(Duration::from_millis(100))
        })?;
        self.0.quotas.take(client, field, count)?;
        Ok(permit)
    }

    fn now(&self) -> marquee_domain::Timestamp {
        self.0.dependencies.clock.now()
    }

    fn check_size(&self, field: &str, len: usize) -> Result<(), Failure> {
        let most = self.0.settings.max_batch;
        if len > most {
            return Err(Failure::field(
                field,
                Reason::TooMany,
                format!("has {len} entries: send at most {most} a request"),
            ));
        }
        Ok(())
    }

    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Failure> {
        self.0.dependencies.log.append(topic, records).await.map_err(|error| match error.is_retryable() {
            true => Failure::unavailable("write to the log", &error),
            false => Failure::internal("write to the log", &error),
        })
    }

    /// Validates ratings, writes those that hold to the log and the others, with their reasons, to the rejected topic.
    async fn submit(&self, ratings: Vec<pb::Rating>, source: Source) -> Result<Outcome, Failure> {
        self.commit(self.prepare(ratings, source).await?).await
    }

    /// The first half: everything but the append of what holds. Batches of one stream go through it one by one, so that they reach the log in order.
    async fn prepare(&self, ratings: Vec<pb::Rating>, source: Source) -> Result<Prepared, Failure> {
        let now = self.now();
        let rules = Rules { scale: self.0.dependencies.scale, now, latest: now.plus(self.0.settings.future_slack) };
        let (mut accepted, mut rejected) = (Vec::with_capacity(ratings.len()), Vec::new());
        let mut caught_up = self.0.settings.unknown_movies == UnknownMovies::Accept;
        for (index, wire) in ratings.iter().enumerate() {
            match validate::rating(wire, rules) {
                Ok(rating) => {
                    if !caught_up && !self.knows(&rating.movie) {
                        self.catch_up().await?;
                        caught_up = true;
                    }
                    let known = self.0.settings.unknown_movies == UnknownMovies::Accept || self.knows(&rating.movie);
                    if known {
                        accepted.push((index, self.record(&RatingEvent::Rated(rating))));
                    } else {
                        rejected.push((index, vec![validate::unknown_movie(rating.movie.as_str())]));
                    }
                }
                Err(violations) => rejected.push((index, violations)),
            }
        }
        let refusals = rejected
            .iter()
            .map(|(index, violations)| {
                let original = ratings[*index].encode_to_vec().into();
                rejection(original, record::PROTOBUF, violations, source, now)
            })
            .collect();
        self.reject(refusals).await?;
        for (_, violations) in &rejected {
            self.count_rejected(violations);
        }
        Ok(Prepared { total: ratings.len(), accepted, rejected })
    }

    /// The second half: ends when what holds is durable.
    async fn commit(&self, prepared: Prepared) -> Result<Outcome, Failure> {
        let Prepared { total, accepted, rejected } = prepared;
        let (indices, records): (Vec<usize>, Vec<NewRecord>) = accepted.into_iter().unzip();
        let written = if records.is_empty() { Vec::new() } else { self.append(Topic::RATINGS, records).await? };
        self.0.counters.accepted.inc_by(indices.len() as u64);
        let mut positions = vec![None; total];
        for (index, position) in indices.iter().zip(written) {
            positions[*index] = Some(position);
        }
        Ok(Outcome { accepted: indices.len() as u64, rejected, positions })
    }

    /// Writes to the rejected topic.
    async fn reject(&self, refusals: Vec<NewRecord>) -> Result<(), Failure> {
        if !refusals.is_empty() {
            self.append(Topic::REJECTED, refusals).await?;
        }
        Ok(())
    }

    /// A body that could not even be read: kept with its reason, and answered. It counts as one rating, since it is written like one.
    pub(crate) async fn unreadable(
        &self,
        client: &ClientName,
        original: Bytes,
        content_type: &str,
        why: String,
    ) -> Failure {
        if let Err(refused) = self.0.quotas.take(client, "body", 1) {
            return refused;
        }
        let violation = Violation::new("body", Reason::Malformed, why);
        self.count_rejected(std::slice::from_ref(&violation));
        let refusal = rejection(original, content_type, std::slice::from_ref(&violation), Source::Http, self.now());
        match self.reject(vec![refusal]).await {
            Ok(()) => Failure::invalid(vec![violation]),
            Err(failure) => failure,
        }
    }

    fn count_rejected(&self, violations: &[Violation]) {
        let reason = violations.first().map_or(Reason::Malformed, |violation| violation.reason);
        self.0.counters.rejected.get_or_create(&OfReason { reason: reason.as_str() }).inc();
    }

    async fn catch_up(&self) -> Result<(), Failure> {
        let caught_up = self.0.catalog.catch_up().await;
        caught_up.map(drop).map_err(|error| Failure::unavailable("read the movie catalog", &error))
    }

    /// Returns whether the catalog has a movie, as far as this instance has read it.
    fn knows(&self, movie: &MovieId) -> bool {
        self.0.catalog.movies().get(movie).is_some()
    }

    fn record(&self, event: &RatingEvent) -> NewRecord {
        let mut headers = vec![(record::CONTENT_TYPE.to_owned(), Bytes::from_static(record::PROTOBUF.as_bytes()))];
        if let Some(parent) = marquee_kit::telemetry::traceparent() {
            headers.push(("traceparent".to_owned(), Bytes::from(parent)));
        }
        NewRecord {
            key: Some(Bytes::copy_from_slice(event.user().as_str().as_bytes())),
            value: record::encode_event(event),
            headers,
            timestamp: self.now(),
        }
    }

    /// Submits one rating.
    pub(crate) async fn submit_one(
        &self,
        client: &ClientName,
        rating: Option<pb::Rating>,
        source: Source,
    ) -> Result<Position, Failure> {
        let Some(rating) = rating else {
            return Err(Failure::field("rating", Reason::Missing, "is missing: give a rating"));
        };
        let _permit = self.admit(client, "rating", 1)?;
        let outcome = self.submit(vec![rating], source).await?;
        if let Some((_, violations)) = outcome.rejected.into_iter().next() {
            // A body over HTTP is the rating itself.
            let place = |violation: Violation| match source {
                Source::Grpc => violation.within("rating"),
                Source::Http => violation,
            };
            return Err(Failure::invalid(violations.into_iter().map(place).collect()));
        }
        outcome
            .positions
            .into_iter()
            .flatten()
            .next()
            .ok_or_else(|| Failure::new(Kind::Internal, "the log acknowledged a rating without saying where"))
    }

    /// Submits a batch.
    pub(crate) async fn submit_batch(
        &self,
        client: &ClientName,
        request: pb::SubmitRatingsRequest,
        source: Source,
    ) -> Result<pb::SubmitRatingsResponse, Failure> {
        let _permit = self.admit(client, "ratings", request.ratings.len())?;
        let outcome = self.submit(request.ratings, source).await?;
        let positions = outcome.last_positions();
        Ok(pb::SubmitRatingsResponse { accepted: outcome.accepted, rejected: outcome.wire_rejected(), positions })
    }

    /// Takes back one rating, or all of a user's.
    pub(crate) async fn remove(
        &self,
        client: &ClientName,
        user: &str,
        movie: Option<&str>,
    ) -> Result<Position, Failure> {
        let _permit = self.admit(client, "user_id", 1)?;
        let at = self.now();
        let user = convert::user_id("user_id", user).map_err(|violation| Failure::invalid(vec![violation]))?;
        let event = match movie {
            Some(movie) => {
                let movie =
                    convert::movie_id("movie_id", movie).map_err(|violation| Failure::invalid(vec![violation]))?;
                RatingEvent::Removed { user, movie, at }
            }
            None => RatingEvent::UserRemoved { user, at },
        };
        let positions = self.append(Topic::RATINGS, vec![self.record(&event)]).await?;
        self.0.counters.removed.inc();
        positions
            .first()
            .copied()
            .ok_or_else(|| Failure::new(Kind::Internal, "the log acknowledged a removal without saying where"))
    }

    pub(crate) fn scale(&self) -> pb::GetScaleResponse {
        let scale = self.0.dependencies.scale;
        pb::GetScaleResponse { min: scale.min(), max: scale.max(), step: scale.step() }
    }
}
