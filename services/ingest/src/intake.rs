//! What ingest does with ratings and movies: it counts them against quotas, writes the valid ones
//! to the log, and copies the others to the rejected topic. It speaks the types of the domain and
//! knows neither gRPC nor HTTP.

mod movies;
mod outcome;
mod prepare;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{Clock, MovieId, Position, Rating, RatingEvent, Reason, Scale, Timestamp, UserId, Violation};
use marquee_kit::{Compute, Failure, Kind, Metrics};
use marquee_log::MovieCatalog;
use marquee_ports::{Header, NewRecord, RatingLog, Topic};
use marquee_proto::record;
use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) use outcome::{Batch, Outcome, Prepared, Refused};

use crate::client::ClientName;
use crate::metrics::{Counters, OfReason};
use crate::quota::Quotas;
use crate::rejected::{Source, rejection};
use crate::settings::{Settings, UnknownMovies};
use prepare::{Preparing, event_record};

/// Batches of more entries are checked and encoded off the async threads. One of this size may take
/// half a millisecond if every field is wrong.
pub(crate) const LARGE: usize = 256;

/// How long a caller is told to wait when too many requests wait for the log.
const OVERLOAD_RETRY: Duration = Duration::from_millis(100);

/// What ingest needs from the process.
#[derive(Debug, Clone)]
pub struct Dependencies {
    /// The log that ratings and movies are appended to.
    pub log: Arc<dyn RatingLog>,
    /// The clock of the time of receipt.
    pub clock: Arc<dyn Clock>,
    /// The scale of the accepted ratings.
    pub scale: Scale,
}

/// What a rating is checked against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) scale: Scale,
    /// The time of receipt, which stands in for an absent `rated_at`.
    pub(crate) now: Timestamp,
    /// The latest acceptable `rated_at`.
    pub(crate) latest: Timestamp,
}

/// The core of the role.
#[derive(Debug)]
pub(crate) struct Intake {
    settings: Settings,
    dependencies: Dependencies,
    catalog: MovieCatalog,
    counters: Counters,
    quotas: Quotas,
    in_flight: Semaphore,
    compute: Compute,
}

impl Intake {
    /// Creates the core with an empty view of the catalog.
    pub(crate) fn new(settings: Settings, dependencies: Dependencies, metrics: &Metrics, compute: Compute) -> Self {
        Self {
            catalog: MovieCatalog::new(dependencies.log.clone()),
            counters: Counters::register(metrics),
            quotas: Quotas::new(&settings.quota, metrics),
            in_flight: Semaphore::new(settings.max_in_flight),
            settings,
            dependencies,
            compute,
        }
    }

    /// Reads the catalog up to its present end.
    pub(crate) async fn read_catalog(&self) -> Result<(), marquee_ports::Error> {
        self.catalog.catch_up().await.map(drop)
    }

    /// Returns what ratings are checked against now.
    pub(crate) fn rules(&self) -> Rules {
        let now = self.now();
        Rules { scale: self.scale(), now, latest: now.plus(self.settings.future_slack) }
    }

    /// Returns the scale of the deployment.
    pub(crate) fn scale(&self) -> Scale {
        self.dependencies.scale
    }

    /// Returns the pool for CPU work that takes over half a millisecond.
    pub(crate) fn compute(&self) -> &Compute {
        &self.compute
    }

    /// Returns how many batches of one stream may wait for the log.
    pub(crate) fn stream_in_flight(&self) -> usize {
        self.settings.stream_in_flight
    }

    fn now(&self) -> Timestamp {
        self.dependencies.clock.now()
    }

    /// Admits a call that writes `count` entries of `field`. A call that is turned away because too
    /// many wait costs nothing of its client's quota.
    pub(crate) fn admit(&self, client: &ClientName, field: &str, count: usize) -> Result<SemaphorePermit<'_>, Failure> {
        self.check_size(field, count)?;
        let permit = self.in_flight.try_acquire().map_err(|_| {
            self.counters.overloaded.inc();
            Failure::new(Kind::ResourceExhausted, "too many requests wait for the log: send fewer at once")
                .retry_after(OVERLOAD_RETRY)
        })?;
        self.quotas.take(client, field, count)?;
        Ok(permit)
    }

    /// Refuses a request with more entries than the setting `ingest.max_batch`.
    pub(crate) fn check_size(&self, field: &str, len: usize) -> Result<(), Failure> {
        let most = self.settings.max_batch;
        if len <= most {
            return Ok(());
        }
        Err(Failure::field(field, Reason::TooMany, format!("has {len} entries: send at most {most} a request")))
    }

    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Failure> {
        self.dependencies.log.append(topic, records).await.map_err(|error| match error.is_retryable() {
            true => Failure::unavailable("write to the log", &error),
            false => Failure::internal("write to the log", &error),
        })
    }

    /// Prepares a batch: copies what is rejected to the rejected topic and encodes the rest.
    /// Batches of one stream are prepared one by one, so that they reach the log in order.
    pub(crate) async fn prepare(&self, batch: Batch, source: Source) -> Result<Prepared, Failure> {
        let movies = self.movies_of(&batch.ratings).await?;
        let preparing = Preparing { movies, headers: headers(), source, now: self.now() };
        // The copies of what is rejected name the trace of the call.
        let (is_large, span) = (batch.ratings.len() > LARGE, tracing::Span::current());
        let job = move || span.in_scope(|| preparing.run(batch));
        let (prepared, copies) = self.compute.run_if(is_large, job).await;
        self.reject(copies).await?;
        for (_, violations) in &prepared.rejected {
            self.count_rejected(violations);
        }
        Ok(prepared)
    }

    /// Returns the catalog with the movies of these ratings, as far as they exist. `None` if the
    /// deployment accepts ratings of unknown movies.
    async fn movies_of(&self, ratings: &[Result<Rating, Refused>]) -> Result<Option<marquee_log::Movies>, Failure> {
        if self.settings.unknown_movies == UnknownMovies::Accept {
            return Ok(None);
        }
        let ids = ratings.iter().filter_map(|rating| match rating {
            Ok(rating) => Some(&rating.movie),
            Err(refused) => refused.movie.as_ref(),
        });
        let movies = self.catalog.movies_with(ids).await;
        movies.map(Some).map_err(|error| Failure::unavailable("read the movie catalog", &error))
    }

    /// Prepares a batch of a stream, after waiting until its client's quota has room for it.
    pub(crate) async fn prepare_streamed(&self, client: &ClientName, batch: Batch) -> Result<Prepared, Failure> {
        self.quotas.wait(client, batch.ratings.len()).await;
        self.prepare(batch, Source::Grpc).await
    }

    /// Appends what a batch may write, and returns when it is durable.
    pub(crate) async fn commit(&self, prepared: Prepared) -> Result<Outcome, Failure> {
        let Prepared { total, accepted, rejected } = prepared;
        let (indices, records): (Vec<usize>, Vec<NewRecord>) = accepted.into_iter().unzip();
        let written = if records.is_empty() { Vec::new() } else { self.append(Topic::RATINGS, records).await? };
        self.counters.accepted.inc_by(indices.len() as u64);
        let mut positions = vec![None; total];
        for (index, position) in indices.iter().zip(written) {
            positions[*index] = Some(position);
        }
        Ok(Outcome { rejected, positions })
    }

    /// Appends records to the rejected topic.
    async fn reject(&self, records: Vec<NewRecord>) -> Result<(), Failure> {
        if !records.is_empty() {
            self.append(Topic::REJECTED, records).await?;
        }
        Ok(())
    }

    /// Copies a body that does not decode to the rejected topic and returns the answer. It counts
    /// as one rating of the quota, because a record is written for it.
    pub(crate) async fn unreadable(
        &self,
        client: &ClientName,
        original: Bytes,
        content_type: &str,
        why: String,
    ) -> Failure {
        if let Err(refused) = self.quotas.take(client, "body", 1) {
            return refused;
        }
        let violations = [Violation::new("body", Reason::Malformed, why)];
        self.count_rejected(&violations);
        let copy = rejection(original, content_type, &violations, Source::Http, self.now());
        match self.reject(vec![copy]).await {
            Ok(()) => Failure::invalid(violations.into()),
            Err(failure) => failure,
        }
    }

    fn count_rejected(&self, violations: &[Violation]) {
        let reason = violations.first().map_or(Reason::Malformed, |violation| violation.reason);
        self.counters.rejected.get_or_create(&OfReason { reason: reason.as_str() }).inc();
    }

    /// Submits a batch of one rating and returns its position.
    pub(crate) async fn submit_one(
        &self,
        client: &ClientName,
        batch: Batch,
        source: Source,
    ) -> Result<Position, Failure> {
        let _permit = self.admit(client, "rating", 1)?;
        let mut outcome = self.commit(self.prepare(batch, source).await?).await?;
        if let Some((_, violations)) = outcome.rejected.pop() {
            // Over HTTP the body is the rating itself, so its fields have no prefix there.
            let place = |violation: Violation| match source {
                Source::Grpc => violation.within("rating"),
                Source::Http => violation,
            };
            return Err(Failure::invalid(violations.into_iter().map(place).collect()));
        }
        let position = outcome.positions.into_iter().flatten().next();
        position.ok_or_else(|| Failure::new(Kind::Internal, "the log acknowledged a rating without its position"))
    }

    /// Submits a batch.
    pub(crate) async fn submit_batch(
        &self,
        client: &ClientName,
        batch: Batch,
        source: Source,
    ) -> Result<Outcome, Failure> {
        let _permit = self.admit(client, "ratings", batch.ratings.len())?;
        self.commit(self.prepare(batch, source).await?).await
    }

    /// Removes one rating of a user, or all of them if no movie is given.
    pub(crate) async fn remove(
        &self,
        client: &ClientName,
        user: UserId,
        movie: Option<MovieId>,
    ) -> Result<Position, Failure> {
        let _permit = self.admit(client, "user_id", 1)?;
        let at = self.now();
        let event = match movie {
            Some(movie) => RatingEvent::Removed { user, movie, at },
            None => RatingEvent::UserRemoved { user, at },
        };
        let positions = self.append(Topic::RATINGS, vec![event_record(&event, headers(), at)]).await?;
        self.counters.removed.inc();
        let position = positions.first().copied();
        position.ok_or_else(|| Failure::new(Kind::Internal, "the log acknowledged a removal without its position"))
    }
}

/// Returns the headers of the records of one call: their encoding, and the trace of the call.
fn headers() -> Vec<Header> {
    let mut headers = vec![(record::CONTENT_TYPE.to_owned(), Bytes::from_static(record::PROTOBUF.as_bytes()))];
    if let Some(parent) = marquee_kit::telemetry::traceparent() {
        headers.push(("traceparent".to_owned(), Bytes::from(parent)));
    }
    headers
}

/// Returns the violation of a rating whose movie is not in the catalog.
fn unknown_movie(id: &str) -> Violation {
    let fix = format!("'{id}' is not in the catalog; add the movie first, or check the id");
    Violation::new("movie_id", Reason::UnknownMovie, fix)
}
