//! Starts the role and serves `marquee.features.v1`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{Clock, Moments, MovieId, Offset, Partition, Position, Reason, Scale, Tiles, Timestamp, UserId};
use marquee_features::{Definition, MovieRow, UserHead, UserRow, UserSummary, View, movie_key, unpack, user_key};
use marquee_kit::settings::Validate as _;
use marquee_kit::{Context, Failure, Kind};
use marquee_ports::{Bounds, OnlineStore, RatingLog, Row, RowKey, Topic};
use marquee_proto::convert;
use marquee_proto::feast::serving::serving_service_server;
use marquee_proto::features::v1::{self as pb, feature_history_server, features_server};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::{Request, Response, Status};

use crate::apply::corrupt;
use crate::consume::{Consumer, Progress};
use crate::metrics::Meters;
use crate::named::{self, Entity};
use crate::settings::Settings;

/// Largest message in bytes.
const MAX_MESSAGE: usize = 64 << 20;
const MOST_USERS: usize = 1_000;
const MOST_MOVIES: usize = 10_000;
pub(crate) const MOST_ENTITIES: usize = 10_000;
/// How long a call without a deadline waits for positions.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the marker of another instance's partition is looked at.
const SHORTEST_LOOK: Duration = Duration::from_millis(2);
const LONGEST_LOOK: Duration = Duration::from_millis(50);

/// The role could not start.
#[derive(Debug, Error)]
pub enum Error {
    /// A setting is wrong.
    #[error("read the settings of the feature store")]
    Settings(#[source] marquee_settings::Invalid),
    /// The log could not be read.
    #[error("read the bounds of the rating log")]
    Log(#[source] marquee_ports::Error),
    /// The online store could not be read.
    #[error("read the online store")]
    Store(#[source] marquee_ports::Error),
    /// What was applied is gone from the log, and what comes next would be taken for applied.
    #[error(
        "partition {partition} of the rating log ends at offset {end}, but the online store has applied it up to {applied}: the log was cut short or \
         replaced; restore it, or remove the online store and it is made anew from the log"
    )]
    CutShort {
        /// Which partition.
        partition: Partition,
        /// Where it ends.
        end: Offset,
        /// The offset of the next event to apply.
        applied: Offset,
    },
}

/// What the feature store needs from the process.
#[derive(Debug, Clone)]
pub struct Dependencies {
    /// Where events come from.
    pub log: Arc<dyn RatingLog>,
    /// Where rows are kept.
    pub store: Arc<dyn OnlineStore>,
    /// The end of windows that name none.
    pub clock: Arc<dyn Clock>,
    /// Which ratings count; others may stand on the topic, since anybody may write to it.
    pub scale: Scale,
}

/// The feature-store role. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    dependencies: Dependencies,
    progress: watch::Receiver<Progress>,
    partitions: u32,
    meters: Meters,
    definition: Definition,
    /// One computation from the log at a time.
    batch: Arc<Semaphore>,
}

impl Service {
    /// Starts following the log; ready once it has reached the end that the log has now.
    pub async fn start(settings: Settings, dependencies: Dependencies, context: &Context) -> Result<Self, Error> {
        settings.validate().map_err(Error::Settings)?;
        let check = context.health.check("marquee.features.v1.Features");
        let bounds = dependencies.log.bounds(Topic::RATINGS).await.map_err(Error::Log)?;
        for &Bounds { partition, end, .. } in &bounds {
            let applied = dependencies.store.marker(partition).await.map_err(Error::Store)?;
            if applied > end {
                return Err(Error::CutShort { partition, end, applied });
            }
        }
        let goal: Progress = bounds.iter().map(|bounds| (bounds.partition, bounds.end)).collect();
        let progress = Arc::new(watch::Sender::new(Progress::new()));
        let meters = Meters::register(&context.metrics);
        let inner = Inner {
            settings: settings.clone(),
            dependencies: dependencies.clone(),
            progress: progress.subscribe(),
            partitions: bounds.len() as u32,
            meters: meters.clone(),
            definition: Definition::new(&settings.windows, settings.history),
            batch: Arc::new(Semaphore::new(1)),
        };
        let consumer =
            Consumer { settings, dependencies, meters, progress, check, partitions: bounds.len() as u32, goal };
        context.tasks.spawn("features-consumer", consumer.run(context.stop.clone()));
        Ok(Self(Arc::new(inner)))
    }

    /// The gRPC server.
    pub fn server(&self) -> features_server::FeaturesServer<Self> {
        features_server::FeaturesServer::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    /// The gRPC server of what is computed anew from the log.
    pub fn history(&self) -> feature_history_server::FeatureHistoryServer<Self> {
        feature_history_server::FeatureHistoryServer::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    /// The gRPC server that Feast's clients speak to.
    pub fn feast(&self) -> serving_service_server::ServingServiceServer<Self> {
        serving_service_server::ServingServiceServer::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    /// A value of this time is past its time to live.
    pub(crate) fn is_past_ttl(&self, event_time: Option<Timestamp>, now: Timestamp) -> bool {
        let ttl = self.0.settings.ttl;
        !ttl.is_zero() && event_time.is_some_and(|time| now.since(time) > ttl)
    }

    pub(crate) fn definition(&self) -> &Definition {
        &self.0.definition
    }

    pub(crate) fn dependencies(&self) -> &Dependencies {
        &self.0.dependencies
    }

    pub(crate) fn partitions(&self) -> u32 {
        self.0.partitions
    }

    pub(crate) fn count_read(&self, users: usize, movies: usize) {
        self.0.meters.users_read.inc_by(users as u64);
        self.0.meters.movies_read.inc_by(movies as u64);
    }

    /// Leave to compute from the log, which one call has at a time.
    pub(crate) fn batch(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.0.batch).try_acquire_owned().map_err(|_| {
            Failure::new(Kind::ResourceExhausted, "features are being computed from the log already: try again later")
                .retry_after(Duration::from_secs(1))
        })
    }

    fn freshness(&self, event_time: Option<Timestamp>, applied: Option<Position>, now: Timestamp) -> pb::Freshness {
        pb::Freshness {
            event_time: event_time.map(convert::timestamp),
            applied: applied.map(convert::position),
            past_ttl: self.is_past_ttl(event_time, now),
        }
    }

    fn windows(&self, tiles: &Tiles, end: Timestamp) -> Vec<pb::WindowMoments> {
        let moments = |days| Some(wire_moments(tiles.window(days, end)));
        self.0.settings.windows.iter().map(|&days| pb::WindowMoments { days, moments: moments(days) }).collect()
    }

    async fn wait_for(&self, after: &[Position], patience: Duration) -> Result<(), Failure> {
        if after.is_empty() {
            return Ok(());
        }
        match tokio::time::timeout(patience, self.applied(after)).await {
            Ok(applied) => applied,
            Err(_) => Err(Failure::new(
                Kind::DeadlineExceeded,
                "the feature store has not applied the positions in `after` yet: try again or give a longer deadline",
            )),
        }
    }

    /// Waits until these positions are applied: of partitions that are this instance's, its own progress tells; of the others, the store's marker.
    async fn applied(&self, after: &[Position]) -> Result<(), Failure> {
        let mut progress = self.0.progress.clone();
        let mut pause = SHORTEST_LOOK;
        loop {
            let (mut reached, mut others) = (true, Vec::new());
            {
                let progress = progress.borrow_and_update();
                for position in after {
                    match progress.get(&position.partition) {
                        Some(next) => reached &= *next > position.offset,
                        None => others.push(*position),
                    }
                }
            }
            for position in &others {
                reached = reached && self.marker(position.partition).await? > position.offset;
            }
            if reached {
                return Ok(());
            }
            let look = async {
                if others.is_empty() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(pause).await;
            };
            tokio::select! {
                changed = progress.changed() => changed.map_err(|_| Failure::new(Kind::Unavailable, "the feature store is going down: try again"))?,
                () = look => pause = (pause * 2).min(LONGEST_LOOK),
            }
        }
    }

    pub(crate) async fn marker(&self, partition: Partition) -> Result<Offset, Failure> {
        let marker = self.0.dependencies.store.marker(partition).await;
        marker.map_err(|error| Failure::unavailable("read the online store", &error))
    }

    /// The partition that a user's events come from.
    pub(crate) fn home(&self, user: &UserId) -> Partition {
        marquee_ports::partition_for(user.as_str().as_bytes(), self.0.partitions)
    }

    /// Keys of what each partition's users gave a movie.
    pub(crate) fn parts(&self, movie: &MovieId) -> impl Iterator<Item = RowKey> {
        let key = movie_key(movie);
        (0..self.0.partitions).map(move |source| RowKey { source: Partition(source), key: key.clone() })
    }

    pub(crate) async fn rows(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Failure> {
        let rows = self.0.dependencies.store.get(keys).await;
        rows.map_err(|error| match error.is_retryable() {
            true => Failure::unavailable("read the online store", &error),
            false => Failure::internal("read the online store", &error),
        })
    }

    fn user(&self, id: &UserId, query: &pb::UserQuery, stored: Option<&Row>, ask: &Ask) -> Result<pb::User, Failure> {
        // Offset + 1: 0 stays free for "no event yet".
        let version = stored.map_or(0, |row| row.applied.0 + 1);
        let unchanged = version == query.known_version && version != 0;
        let partition = self.home(id);
        let applied = stored.map(|row| Position { partition, offset: row.applied });
        let corrupt_row = |e| Failure::internal("read a user's row", &corrupt(e));
        let history = ask.history && !unchanged;
        let row: UserRow = match stored {
            // To say that nothing changed takes no more than the row's head, and statistics no more than its beginning.
            Some(stored) if !history && !ask.statistics => {
                unpack::<UserHead>(&stored.value).map_err(corrupt_row)?.into()
            }
            Some(stored) if !history => unpack::<UserSummary>(&stored.value).map_err(corrupt_row)?.into(),
            Some(stored) => unpack(&stored.value).map_err(corrupt_row)?,
            None => UserRow::default(),
        };
        let summary = row.summary();
        let history = if history { row.history(self.0.settings.history) } else { Vec::new() };
        let statistics = ask.statistics.then(|| pb::Statistics {
            all_time: Some(wire_moments(summary.moments)),
            windows: self.windows(&summary.tiles, ask.as_of),
            genres: summary
                .genres
                .iter()
                .map(|(genre, &moments)| pb::GenreMoments {
                    genre: genre.clone(),
                    moments: Some(wire_moments(moments)),
                })
                .collect(),
        });
        Ok(pb::User {
            user_id: id.as_str().to_owned(),
            version,
            unchanged,
            history: history
                .into_iter()
                .map(|(movie, rating, at)| pb::HistoryEntry {
                    movie_id: movie.as_str().to_owned(),
                    rating,
                    rated_at: Some(convert::timestamp(at)),
                })
                .collect(),
            statistics,
            freshness: Some(self.freshness(summary.event_time, applied, ask.now)),
        })
    }
}

/// What a call wants of every user.
struct Ask {
    history: bool,
    statistics: bool,
    as_of: Timestamp,
    now: Timestamp,
}

fn wire_moments(moments: Moments) -> pb::Moments {
    pb::Moments { count: moments.count(), mean: moments.mean(), spread: moments.spread() }
}

pub(crate) fn check_size(field: &str, len: usize, most: usize) -> Result<(), Failure> {
    if len > most {
        return Err(Failure::field(
            field,
            Reason::TooMany,
            format!("has {len} entries: ask for at most {most} a call"),
        ));
    }
    Ok(())
}

pub(crate) fn as_of(
    field: &str,
    time: Option<&marquee_proto::Timestamp>,
    now: Timestamp,
) -> Result<Timestamp, Failure> {
    match time {
        None => Ok(now),
        Some(time) => convert::from_timestamp(field, time).map_err(|violation| Failure::invalid(vec![violation])),
    }
}

/// The caller's deadline from `grpc-timeout` (digits and a unit, gRPC over HTTP/2), else the default.
fn patience(metadata: &tonic::metadata::MetadataMap) -> Duration {
    let parse = |text: &str| {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let count: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
        Some(match unit {
            "H" => Duration::from_secs(count * 3_600),
            "M" => Duration::from_secs(count * 60),
            "S" => Duration::from_secs(count),
            "m" => Duration::from_millis(count),
            "u" => Duration::from_micros(count),
            "n" => Duration::from_nanos(count),
            _ => return None,
        })
    };
    metadata.get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?)).unwrap_or(PATIENCE)
}

#[tonic::async_trait]
impl features_server::Features for Service {
    async fn get_users(&self, request: Request<pb::GetUsersRequest>) -> Result<Response<pb::GetUsersResponse>, Status> {
        let patience = patience(request.metadata());
        let request = request.into_inner();
        check_size("users", request.users.len(), MOST_USERS)?;
        let (mut ids, mut violations) = (Vec::with_capacity(request.users.len()), Vec::new());
        for (index, query) in request.users.iter().enumerate() {
            match convert::user_id("user_id", &query.user_id) {
                Ok(id) => ids.push(id),
                Err(violation) => violations.push(violation.within(&format!("users[{index}]"))),
            }
        }
        if !violations.is_empty() {
            return Err(Failure::invalid(violations).into());
        }
        let now = self.0.dependencies.clock.now();
        let asks = |view| request.views.contains(&(view as i32));
        let statistics = asks(pb::UserView::Statistics);
        let history = !statistics || asks(pb::UserView::History) || asks(pb::UserView::Unspecified);
        let ask = Ask { history, statistics, as_of: as_of("as_of", request.as_of.as_ref(), now)?, now };
        let after: Vec<Position> = request.after.iter().map(convert::from_position).collect();
        self.wait_for(&after, patience).await?;
        let keys: Vec<RowKey> = ids.iter().map(|id| RowKey { source: self.home(id), key: user_key(id) }).collect();
        let rows = self.rows(&keys).await?;
        self.0.meters.users_read.inc_by(ids.len() as u64);
        let users =
            ids.iter().zip(&request.users).zip(rows).map(|((id, query), row)| self.user(id, query, row.as_ref(), &ask));
        Ok(Response::new(pb::GetUsersResponse { users: users.collect::<Result<_, _>>()? }))
    }

    async fn get_movies(
        &self,
        request: Request<pb::GetMoviesRequest>,
    ) -> Result<Response<pb::GetMoviesResponse>, Status> {
        let request = request.into_inner();
        check_size("movie_ids", request.movie_ids.len(), MOST_MOVIES)?;
        let (mut ids, mut violations): (Vec<MovieId>, Vec<_>) = (Vec::new(), Vec::new());
        for (index, id) in request.movie_ids.iter().enumerate() {
            match convert::movie_id(&format!("movie_ids[{index}]"), id) {
                Ok(id) => ids.push(id),
                Err(violation) => violations.push(violation),
            }
        }
        if !violations.is_empty() {
            return Err(Failure::invalid(violations).into());
        }
        let now = self.0.dependencies.clock.now();
        let end = as_of("as_of", request.as_of.as_ref(), now)?;
        let partitions = self.0.partitions;
        let parts = |id| (0..partitions).map(move |source| RowKey { source: Partition(source), key: movie_key(id) });
        let keys: Vec<RowKey> = ids.iter().flat_map(parts).collect();
        let rows = self.rows(&keys).await?;
        self.0.meters.movies_read.inc_by(ids.len() as u64);
        let mut movies = Vec::with_capacity(ids.len());
        for (id, parts) in ids.iter().zip(rows.chunks(partitions.max(1) as usize)) {
            let mut whole = MovieRow::default();
            let mut newest = None;
            for (partition, stored) in (0..).map(Partition).zip(parts) {
                let Some(stored) = stored else { continue };
                let part: MovieRow =
                    unpack(&stored.value).map_err(|e| Failure::internal("read a movie's row", &corrupt(e)))?;
                newest = newest.max(Some((part.event_time, Position { partition, offset: stored.applied })));
                whole.merge(&part);
            }
            movies.push(pb::MovieFeatures {
                movie_id: id.as_str().to_owned(),
                statistics: Some(pb::Statistics {
                    all_time: Some(wire_moments(whole.moments)),
                    windows: self.windows(&whole.tiles, end),
                    genres: Vec::new(),
                }),
                freshness: Some(self.freshness(whole.event_time, newest.map(|(_, position)| position), now)),
            });
        }
        Ok(Response::new(pb::GetMoviesResponse { movies }))
    }

    async fn get_progress(
        &self,
        _: Request<pb::GetProgressRequest>,
    ) -> Result<Response<pb::GetProgressResponse>, Status> {
        let bounds = self.0.dependencies.log.bounds(Topic::RATINGS).await;
        let bounds = bounds.map_err(|error| Failure::unavailable("read the bounds of the rating log", &error))?;
        let progress: BTreeMap<Partition, Offset> = self.0.progress.borrow().clone();
        let mut partitions = Vec::with_capacity(bounds.len());
        for bounds in bounds {
            let next = match progress.get(&bounds.partition) {
                Some(next) => *next,
                // Another instance's.
                None => self.marker(bounds.partition).await?,
            };
            partitions.push(pb::PartitionProgress {
                partition: bounds.partition.0,
                next_offset: next.0,
                end_offset: bounds.end.0,
            });
        }
        Ok(Response::new(pb::GetProgressResponse { partitions }))
    }

    async fn list_views(&self, _: Request<pb::ListViewsRequest>) -> Result<Response<pb::ListViewsResponse>, Status> {
        Ok(Response::new(pb::ListViewsResponse { views: named::views(self.definition()) }))
    }

    async fn get_features(
        &self,
        request: Request<pb::GetFeaturesRequest>,
    ) -> Result<Response<pb::GetFeaturesResponse>, Status> {
        let request = request.into_inner();
        check_size("entities", request.entities.len(), MOST_ENTITIES)?;
        let columns = named::columns(self.definition(), &request.features)?;
        let mut violations = Vec::new();
        let entity = |(index, entity): (usize, &pb::Entity)| {
            Entity::read(&entity.user_id, &entity.movie_id, &format!("entities[{index}]"), &mut violations)
        };
        let entities: Vec<Entity> = request.entities.iter().enumerate().map(entity).collect();
        if !violations.is_empty() {
            return Err(Failure::invalid(violations).into());
        }
        let now = self.0.dependencies.clock.now();
        let as_of = as_of("as_of", request.as_of.as_ref(), now)?;
        let asks = |view| columns.iter().any(|column| column.view == view);
        let (users, movies) = (asks(View::User), asks(View::Movie));
        let freshness = |asked: bool, rests_on: Option<(Option<Timestamp>, Position)>| {
            let (event_time, applied) = rests_on.map_or((None, None), |(time, at)| (time, Some(at)));
            asked.then(|| self.freshness(event_time, applied, now))
        };
        let rows = self.find(&entities, &columns, as_of).await?.into_iter().map(|found| pb::EntityFeatures {
            values: found.values.into_iter().map(named::wire).collect(),
            user: freshness(users, found.user),
            movie: freshness(movies, found.movie),
        });
        Ok(Response::new(pb::GetFeaturesResponse { rows: rows.collect() }))
    }
}
