//! Users' histories from the feature store, with what this instance saw last.
//!
//! A read names the version that is cached, so that an unchanged history is not sent again. Of several feature stores one is asked as long as it
//! answers, then the next. When all are away, the cached history serves, or none, and the answer says that it is degraded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use marquee_domain::{MovieId, UserId};
use marquee_kit::{Failure, Kind, Transport};
use marquee_proto::features::v1::features_client::FeaturesClient;
use marquee_proto::features::v1::{Freshness, GetUsersRequest, GetUsersResponse, UserQuery, UserView};
use marquee_proto::ratings::v1::Position;
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status};

use crate::cache::Cache;

/// One rating of a history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) movie: MovieId,
    pub(crate) rating: f64,
    pub(crate) rated_at: Option<marquee_proto::Timestamp>,
}

/// A user's history at a version.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) version: u64,
    pub(crate) entries: Arc<Vec<Entry>>,
    pub(crate) freshness: Option<Freshness>,
    /// From the cache, because the feature store was away.
    pub(crate) degraded: bool,
}

#[derive(Debug)]
pub(crate) struct Histories {
    stores: Vec<FeaturesClient<Transport>>,
    /// Which of them is asked first: the one that answered last.
    first: AtomicUsize,
    /// None was there when one was last asked.
    away: AtomicBool,
    deadline: Duration,
    cached: Cache<UserId, History>,
}

/// The feature store is not there, as far as a status tells. A connection that breaks in the middle of a call is reported as unknown or as cancelled.
fn is_away(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Unknown | Code::Cancelled)
}

impl Histories {
    pub(crate) fn new(features: Vec<Transport>, deadline: Duration, capacity: usize) -> Self {
        let client = |store| FeaturesClient::new(store).max_decoding_message_size(64 << 20);
        let stores = features.into_iter().map(client).collect();
        Self {
            stores,
            first: AtomicUsize::new(0),
            away: AtomicBool::new(false),
            deadline,
            cached: Cache::new(capacity),
        }
    }

    /// Asks one store after another until one is there; each has its share of the time that is left.
    async fn ask(&self, request: GetUsersRequest) -> Result<GetUsersResponse, Status> {
        let until = Instant::now() + self.deadline;
        let first = self.first.load(Ordering::Relaxed);
        let mut answer = Err(Status::unavailable("there is no feature store"));
        for (index, left) in (0..self.stores.len()).zip((1..=self.stores.len()).rev()) {
            let store = (first + index) % self.stores.len();
            let share = until.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(u32::MAX);
            let mut request = Request::new(request.clone());
            request.set_timeout(share);
            let asked = tokio::time::timeout(share, self.stores[store].clone().get_users(request)).await;
            answer =
                asked.unwrap_or_else(|_| Err(Status::deadline_exceeded("the feature store did not answer in time")));
            match &answer {
                Err(status) if is_away(status) => {}
                _ => {
                    if index > 0 {
                        self.first.store(store, Ordering::Relaxed);
                    }
                    break;
                }
            }
        }
        answer.map(Response::into_inner)
    }

    /// Says once that features are away, and once that they are back: the metric counts the answers meanwhile.
    fn notice(&self, failure: Option<&Status>) {
        let away = failure.is_some_and(is_away);
        if self.away.swap(away, Ordering::Relaxed) == away {
            return;
        }
        match failure {
            Some(status) => {
                tracing::warn!(code = ?status.code(), reason = status.message(), "no feature store answers")
            }
            None => tracing::info!("a feature store answers again"),
        }
    }

    /// A user's history, at least up to the given positions.
    pub(crate) async fn of(&self, user: &UserId, after: Vec<Position>) -> Result<History, Failure> {
        let cached = self.cached.get(user);
        let must_be_fresh = !after.is_empty();
        let request = GetUsersRequest {
            users: vec![UserQuery {
                user_id: user.as_str().to_owned(),
                known_version: cached.as_ref().map_or(0, |history| history.version),
            }],
            views: vec![UserView::History as i32],
            as_of: None,
            after,
        };
        let answered = self.ask(request).await;
        let failure = answered.as_ref().err();
        // One that waited for a position in vain was there.
        if !(must_be_fresh && failure.is_some_and(|status| status.code() == Code::DeadlineExceeded)) {
            self.notice(failure);
        }
        let answer = match answered {
            Ok(answer) => answer,
            Err(status) => return Self::without_features(user, &status, cached, must_be_fresh),
        };
        let Some(found) = answer.users.into_iter().next() else {
            return Err(Failure::new(Kind::Internal, "the feature store answered without the user"));
        };
        let entries = match cached {
            Some(cached) if found.unchanged => cached.entries,
            _ => Arc::new(found.history.iter().filter_map(entry).collect()),
        };
        let history = History { version: found.version, entries, freshness: found.freshness, degraded: false };
        self.cached.insert(user.clone(), history.clone());
        Ok(history)
    }

    fn without_features(
        user: &UserId,
        status: &Status,
        cached: Option<History>,
        must_be_fresh: bool,
    ) -> Result<History, Failure> {
        if !is_away(status) {
            return Err(Failure::from_status(status));
        }
        if must_be_fresh {
            return Err(match status.code() {
                Code::Unavailable | Code::DeadlineExceeded => Failure::from_status(status),
                _ => Failure::new(Kind::Unavailable, "the feature store could not be reached: try again"),
            });
        }
        tracing::debug!(%user, code = ?status.code(), remembered = cached.is_some(), "answered without features");
        let none = || History { version: 0, entries: Arc::default(), freshness: None, degraded: true };
        Ok(cached.map_or_else(none, |history| History { degraded: true, ..history }))
    }
}

fn entry(wire: &marquee_proto::features::v1::HistoryEntry) -> Option<Entry> {
    let movie = MovieId::try_new(&wire.movie_id).ok()?;
    Some(Entry { movie, rating: wire.rating, rated_at: wire.rated_at })
}
