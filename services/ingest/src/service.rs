//! The gRPC service, and what it shares with the HTTP door.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use marquee_domain::{Clock, Movie, Offset, Partition, Position, RatingEvent, Scale};
use marquee_kit::{Context, Failure, Kind};
use marquee_ports::{NewRecord, RatingLog, Topic};
use marquee_proto::convert::{self, Violation};
use marquee_proto::ratings::v1::{self as pb, ratings_server};
use marquee_proto::record;
use prost::Message;
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::{Request, Response, Status, Streaming};

use crate::catalogue::Catalogue;
use crate::metrics::{Counters, Reason};
use crate::rejected::{Source, rejection};
use crate::settings::{Settings, UnknownMovies};
use crate::validate::{self, Rules};

/// Largest request in bytes.
const MAX_MESSAGE: usize = 16 << 20;

/// The role could not start.
#[derive(Debug, Error)]
pub enum Error {
    /// The catalogue could not be read from the log.
    #[error("read the movie catalogue")]
    Catalogue(#[source] marquee_ports::Error),
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
    catalogue: Catalogue,
    counters: Counters,
    waiting: Semaphore,
}

/// The outcome of a batch.
pub(crate) struct Outcome {
    pub(crate) accepted: u64,
    pub(crate) rejected: Vec<(usize, Vec<Violation>)>,
    /// One a rating, absent where rejected.
    pub(crate) positions: Vec<Option<Position>>,
}

/// A batch that was validated: what holds waits for the log, what does not is on the rejected topic.
struct Prepared {
    total: usize,
    accepted: Vec<(usize, NewRecord)>,
    rejected: Vec<(usize, Vec<Violation>)>,
}

impl Service {
    /// Reads the catalogue and is ready.
    pub async fn start(settings: Settings, dependencies: Dependencies, context: &Context) -> Result<Self, Error> {
        let check = context.health.check("marquee.ratings.v1.Ratings");
        let catalogue = Catalogue::new(Arc::clone(&dependencies.log));
        catalogue.catch_up().await.map_err(Error::Catalogue)?;
        let counters = Counters::register(&context.metrics);
        let waiting = Semaphore::new(settings.max_in_flight);
        check.ready();
        Ok(Self(Arc::new(Inner { settings, dependencies, catalogue, counters, waiting })))
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

    fn admit(&self) -> Result<SemaphorePermit<'_>, Failure> {
        self.0.waiting.try_acquire().map_err(|_| {
            self.0.counters.overloaded.inc();
            Failure::new(Kind::ResourceExhausted, "too many requests wait for the log: send fewer at once")
                .retry_after(Duration::from_millis(100))
        })
    }

    fn now(&self) -> marquee_domain::Timestamp {
        self.0.dependencies.clock.now()
    }

    fn check_size(&self, field: &str, len: usize) -> Result<(), Failure> {
        let most = self.0.settings.max_batch;
        if len > most {
            return Err(Failure::field(field, "TOO_MANY", format!("has {len} entries: send at most {most} a request")));
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
    pub(crate) async fn submit(&self, ratings: Vec<pb::Rating>, source: Source) -> Result<Outcome, Failure> {
        self.commit(self.prepare(ratings, source).await?).await
    }

    /// The first half: everything but the append of what holds. Batches of one stream go through it one by one, so that they reach the log in order.
    async fn prepare(&self, ratings: Vec<pb::Rating>, source: Source) -> Result<Prepared, Failure> {
        self.check_size("ratings", ratings.len())?;
        let now = self.now();
        let rules = Rules { scale: self.0.dependencies.scale, now, latest: now.plus(self.0.settings.future_slack) };
        let (mut accepted, mut rejected) = (Vec::with_capacity(ratings.len()), Vec::new());
        let mut caught_up = self.0.settings.unknown_movies == UnknownMovies::Accept;
        for (index, wire) in ratings.iter().enumerate() {
            match validate::rating(wire, rules) {
                Ok(rating) => {
                    if !caught_up && !self.0.catalogue.holds(&rating.movie) {
                        self.catch_up().await?;
                        caught_up = true;
                    }
                    let known = self.0.settings.unknown_movies == UnknownMovies::Accept
                        || self.0.catalogue.holds(&rating.movie);
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
        let written = if records.is_empty() { Vec::new() } else { self.append(Topic::Ratings, records).await? };
        self.0.counters.accepted.inc_by(indices.len() as u64);
        let mut positions = vec![None; total];
        for (index, position) in indices.iter().zip(written) {
            positions[*index] = Some(position);
        }
        Ok(Outcome { accepted: indices.len() as u64, rejected, positions })
    }

    /// Writes to the rejected topic.
    pub(crate) async fn reject(&self, refusals: Vec<NewRecord>) -> Result<(), Failure> {
        if !refusals.is_empty() {
            self.append(Topic::Rejected, refusals).await?;
        }
        Ok(())
    }

    /// A body that could not even be read: kept with its reason, and answered.
    pub(crate) async fn unreadable(&self, original: Bytes, content_type: &str, why: String) -> Failure {
        let violation = Violation::new("body", "MALFORMED", why);
        self.count_rejected(std::slice::from_ref(&violation));
        let refusal = rejection(original, content_type, std::slice::from_ref(&violation), Source::Http, self.now());
        match self.reject(vec![refusal]).await {
            Ok(()) => invalid(vec![violation]),
            Err(failure) => failure,
        }
    }

    fn count_rejected(&self, violations: &[Violation]) {
        let reason = violations.first().map_or("MALFORMED", |violation| violation.reason);
        self.0.counters.rejected.get_or_create(&Reason { reason }).inc();
    }

    async fn catch_up(&self) -> Result<(), Failure> {
        self.0.catalogue.catch_up().await.map_err(|error| Failure::unavailable("read the movie catalogue", &error))
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
    pub(crate) async fn submit_one(&self, rating: Option<pb::Rating>, source: Source) -> Result<Position, Failure> {
        let _permit = self.admit()?;
        let Some(rating) = rating else {
            return Err(Failure::field("rating", "MISSING", "is missing: give a rating"));
        };
        let outcome = self.submit(vec![rating], source).await?;
        if let Some((_, violations)) = outcome.rejected.into_iter().next() {
            // A body over HTTP is the rating itself.
            let place = |violation: Violation| match source {
                Source::Grpc => violation.within("rating"),
                Source::Http => violation,
            };
            return Err(invalid(violations.into_iter().map(place).collect()));
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
        request: pb::SubmitRatingsRequest,
        source: Source,
    ) -> Result<pb::SubmitRatingsResponse, Failure> {
        let _permit = self.admit()?;
        let outcome = self.submit(request.ratings, source).await?;
        let positions = last_positions(&outcome.positions);
        Ok(pb::SubmitRatingsResponse {
            accepted: outcome.accepted,
            rejected: wire_rejected(outcome.rejected),
            positions,
        })
    }

    /// Takes back one rating, or all of a user's.
    pub(crate) async fn remove(&self, user: &str, movie: Option<&str>) -> Result<Position, Failure> {
        let _permit = self.admit()?;
        let at = self.now();
        let user = convert::user_id("user_id", user).map_err(|violation| invalid(vec![violation]))?;
        let event = match movie {
            Some(movie) => {
                let movie = convert::movie_id("movie_id", movie).map_err(|violation| invalid(vec![violation]))?;
                RatingEvent::Removed { user, movie, at }
            }
            None => RatingEvent::UserRemoved { user, at },
        };
        let positions = self.append(Topic::Ratings, vec![self.record(&event)]).await?;
        self.0.counters.removed.inc();
        positions
            .first()
            .copied()
            .ok_or_else(|| Failure::new(Kind::Internal, "the log acknowledged a removal without saying where"))
    }

    /// Adds movies to the catalogue: all of them or, if one is wrong, none.
    pub(crate) async fn upsert(&self, request: pb::UpsertMoviesRequest) -> Result<u64, Failure> {
        let _permit = self.admit()?;
        self.check_size("movies", request.movies.len())?;
        let (mut movies, mut violations): (Vec<Movie>, Vec<Violation>) = (Vec::new(), Vec::new());
        for (index, wire) in request.movies.into_iter().enumerate() {
            match convert::from_movie(wire) {
                Ok(movie) => movies.push(movie),
                Err(violation) => violations.push(violation.within(&format!("movies[{index}]"))),
            }
        }
        if !violations.is_empty() {
            return Err(invalid(violations));
        }
        let now = self.now();
        let records = movies
            .iter()
            .map(|movie| NewRecord {
                key: Some(Bytes::copy_from_slice(movie.id.as_str().as_bytes())),
                value: record::encode_movie(movie),
                headers: vec![(record::CONTENT_TYPE.to_owned(), Bytes::from_static(record::PROTOBUF.as_bytes()))],
                timestamp: now,
            })
            .collect();
        self.append(Topic::Movies, records).await?;
        let accepted = movies.len() as u64;
        self.0.counters.movies.inc_by(accepted);
        self.0.catalogue.add(movies);
        Ok(accepted)
    }

    /// A page of the catalogue.
    pub(crate) async fn list(&self, request: &pb::ListMoviesRequest) -> Result<pb::ListMoviesResponse, Failure> {
        const LARGEST: u32 = 10_000;
        if request.page_size > LARGEST {
            let fix = format!("is {}: ask for at most {LARGEST}", request.page_size);
            return Err(Failure::field("page_size", "TOO_MANY", fix));
        }
        self.catch_up().await?;
        let size = if request.page_size == 0 { 1_000 } else { request.page_size as usize };
        let movies = self.0.catalogue.page(&request.page_token, size);
        let next_page_token = match movies.last() {
            Some(last) if movies.len() == size => last.id.as_str().to_owned(),
            _ => String::new(),
        };
        Ok(pb::ListMoviesResponse { movies: movies.iter().map(convert::movie).collect(), next_page_token })
    }

    pub(crate) fn scale(&self) -> pb::GetScaleResponse {
        let scale = self.0.dependencies.scale;
        pb::GetScaleResponse { min: scale.min(), max: scale.max(), step: scale.step() }
    }
}

/// An answer that names every wrong field.
pub(crate) fn invalid(violations: Vec<Violation>) -> Failure {
    let violations = violations
        .into_iter()
        .map(|v| marquee_kit::Violation { field: v.field, reason: v.reason.to_owned(), description: v.description })
        .collect();
    Failure::invalid(violations)
}

fn wire_rejected(rejected: Vec<(usize, Vec<Violation>)>) -> Vec<pb::RejectedRating> {
    rejected
        .into_iter()
        .map(|(index, violations)| pb::RejectedRating {
            index: index as u32,
            violations: violations
                .into_iter()
                .map(|v| pb::FieldViolation {
                    field: format!("ratings[{index}].{}", v.field),
                    description: v.description,
                    reason: v.reason.to_owned(),
                })
                .collect(),
        })
        .collect()
}

/// The last position of each partition.
fn last_positions(positions: &[Option<Position>]) -> Vec<pb::Position> {
    let mut last: BTreeMap<Partition, Offset> = BTreeMap::new();
    for position in positions.iter().flatten() {
        let offset = last.entry(position.partition).or_insert(position.offset);
        *offset = (*offset).max(position.offset);
    }
    last.into_iter().map(|(partition, offset)| convert::position(Position { partition, offset })).collect()
}

#[tonic::async_trait]
impl ratings_server::Ratings for Service {
    async fn submit_rating(
        &self,
        request: Request<pb::SubmitRatingRequest>,
    ) -> Result<Response<pb::SubmitRatingResponse>, Status> {
        let position = self.submit_one(request.into_inner().rating, Source::Grpc).await?;
        Ok(Response::new(pb::SubmitRatingResponse { position: Some(convert::position(position)) }))
    }

    async fn submit_ratings(
        &self,
        request: Request<pb::SubmitRatingsRequest>,
    ) -> Result<Response<pb::SubmitRatingsResponse>, Status> {
        Ok(Response::new(self.submit_batch(request.into_inner(), Source::Grpc).await?))
    }

    type StreamRatingsStream = Pin<Box<dyn Stream<Item = Result<pb::StreamRatingsResponse, Status>> + Send>>;

    async fn stream_ratings(
        &self,
        request: Request<Streaming<pb::StreamRatingsRequest>>,
    ) -> Result<Response<Self::StreamRatingsStream>, Status> {
        let in_flight = self.0.settings.stream_in_flight.max(1);
        let (preparing, committing) = (self.clone(), self.clone());
        // Prepared one by one and committed in that order, so that the log has a stream's ratings as they were sent. `buffered` keeps the order of
        // answers, and takes no further batch from the client while that many wait for the log.
        let answers = request
            .into_inner()
            .then(move |batch| {
                let service = preparing.clone();
                async move {
                    let batch =
                        batch.map_err(|status| marquee_kit::unreadable(&status).map_or(status, Status::from))?;
                    Ok((batch.sequence, service.prepare(batch.ratings, Source::Grpc).await?))
                }
            })
            .map(move |prepared: Result<_, Status>| {
                let service = committing.clone();
                async move {
                    let (sequence, prepared) = prepared?;
                    let outcome = service.commit(prepared).await?;
                    Ok(pb::StreamRatingsResponse {
                        sequence,
                        accepted: outcome.accepted,
                        positions: last_positions(&outcome.positions),
                        rejected: wire_rejected(outcome.rejected),
                    })
                }
            })
            .buffered(in_flight);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn remove_rating(
        &self,
        request: Request<pb::RemoveRatingRequest>,
    ) -> Result<Response<pb::RemoveRatingResponse>, Status> {
        let request = request.into_inner();
        let position = self.remove(&request.user_id, Some(&request.movie_id)).await?;
        Ok(Response::new(pb::RemoveRatingResponse { position: Some(convert::position(position)) }))
    }

    async fn remove_user(
        &self,
        request: Request<pb::RemoveUserRequest>,
    ) -> Result<Response<pb::RemoveUserResponse>, Status> {
        let position = self.remove(&request.into_inner().user_id, None).await?;
        Ok(Response::new(pb::RemoveUserResponse { position: Some(convert::position(position)) }))
    }

    async fn upsert_movies(
        &self,
        request: Request<pb::UpsertMoviesRequest>,
    ) -> Result<Response<pb::UpsertMoviesResponse>, Status> {
        let accepted = self.upsert(request.into_inner()).await?;
        Ok(Response::new(pb::UpsertMoviesResponse { accepted }))
    }

    async fn list_movies(
        &self,
        request: Request<pb::ListMoviesRequest>,
    ) -> Result<Response<pb::ListMoviesResponse>, Status> {
        Ok(Response::new(self.list(&request.into_inner()).await?))
    }

    async fn get_scale(&self, _: Request<pb::GetScaleRequest>) -> Result<Response<pb::GetScaleResponse>, Status> {
        Ok(Response::new(self.scale()))
    }
}
