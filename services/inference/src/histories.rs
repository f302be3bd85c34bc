//! Users' histories from the feature store, with what this instance saw last.
//!
//! A read names the version that is cached, so that an unchanged history is not sent again; when the feature store is away, the cached history
//! serves and the answer says that it is degraded.

use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{MovieId, UserId};
use marquee_kit::{Failure, Kind, Transport};
use marquee_proto::features::v1::features_client::FeaturesClient;
use marquee_proto::features::v1::{Freshness, GetUsersRequest, UserQuery, UserView};
use marquee_proto::ratings::v1::Position;
use tonic::{Code, Request, Status};

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
    client: FeaturesClient<Transport>,
    deadline: Duration,
    cached: Cache<UserId, History>,
}

impl Histories {
    pub(crate) fn new(features: Transport, deadline: Duration, capacity: usize) -> Self {
        let client = FeaturesClient::new(features).max_decoding_message_size(64 << 20);
        Self { client, deadline, cached: Cache::new(capacity) }
    }

    /// A user's history, at least up to the given positions.
    pub(crate) async fn of(&self, user: &UserId, after: Vec<Position>) -> Result<History, Failure> {
        let cached = self.cached.get(user);
        let must_be_fresh = !after.is_empty();
        let mut request = Request::new(GetUsersRequest {
            users: vec![UserQuery {
                user_id: user.as_str().to_owned(),
                known_version: cached.as_ref().map_or(0, |history| history.version),
            }],
            views: vec![UserView::History as i32],
            as_of: None,
            after,
        });
        request.set_timeout(self.deadline);
        let answer = tokio::time::timeout(self.deadline, self.client.clone().get_users(request)).await;
        let answer =
            answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("the feature store did not answer in time")));
        let answer = match answer {
            Ok(answer) => answer.into_inner(),
            Err(status) => return self.without_features(user, &status, cached, must_be_fresh),
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
        &self,
        user: &UserId,
        status: &Status,
        cached: Option<History>,
        must_be_fresh: bool,
    ) -> Result<History, Failure> {
        // A connection that breaks in the middle of a call is reported as unknown or as cancelled.
        let broken = matches!(status.code(), Code::Unknown | Code::Cancelled);
        let away = broken || matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded);
        match cached {
            Some(history) if away && !must_be_fresh => {
                tracing::warn!(%user, code = ?status.code(), "the feature store is away: answering from the cached history");
                Ok(History { degraded: true, ..history })
            }
            _ if broken => Err(Failure::new(Kind::Unavailable, "the feature store could not be reached: try again")),
            _ => Err(Failure::from_status(status)),
        }
    }
}

fn entry(wire: &marquee_proto::features::v1::HistoryEntry) -> Option<Entry> {
    let movie = MovieId::try_new(&wire.movie_id).ok()?;
    Some(Entry { movie, rating: wire.rating, rated_at: wire.rated_at })
}
