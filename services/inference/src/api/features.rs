//! The client of the feature stores' gRPC API.
//!
//! One store is asked as long as it answers, then the next.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use marquee_domain::{MovieId, Position, UserId};
use marquee_kit::{Failure, Kind, Transport};
use marquee_proto::convert;
use marquee_proto::features::v1::features_client::FeaturesClient;
use marquee_proto::features::v1::{
    Freshness as WireFreshness, GetUsersRequest, GetUsersResponse, HistoryEntry, UserQuery, UserView,
};
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status};

use crate::rating::{Entry, Features, FeaturesError, Freshness, HistoryRead};

/// Largest answer of a feature store in bytes.
const LARGEST_ANSWER: usize = 64 << 20;

/// The feature stores of a deployment.
#[derive(Debug)]
pub(crate) struct FeatureStores {
    stores: Vec<FeaturesClient<Transport>>,
    /// The store that is asked first: the one that answered last.
    first: AtomicUsize,
    deadline: Duration,
}

impl FeatureStores {
    pub(crate) fn new(transports: Vec<Transport>, deadline: Duration) -> Self {
        let client = |transport| FeaturesClient::new(transport).max_decoding_message_size(LARGEST_ANSWER);
        Self { stores: transports.into_iter().map(client).collect(), first: AtomicUsize::new(0), deadline }
    }

    /// Calls one store after another until one answers. Each gets its share of the time that is
    /// left.
    async fn call(&self, request: GetUsersRequest) -> Result<GetUsersResponse, Status> {
        let until = Instant::now() + self.deadline;
        let first = self.first.load(Ordering::Relaxed);
        let mut answer = Err(Status::unavailable("there is no feature store"));
        for (index, left) in (0..self.stores.len()).zip((1..=self.stores.len()).rev()) {
            let store = (first + index) % self.stores.len();
            let share = until.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(u32::MAX);
            let mut request = Request::new(request.clone());
            request.set_timeout(share);
            let called = tokio::time::timeout(share, self.stores[store].clone().get_users(request)).await;
            answer =
                called.unwrap_or_else(|_| Err(Status::deadline_exceeded("the feature store did not answer in time")));
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
}

#[async_trait]
impl Features for FeatureStores {
    async fn history(&self, user: &UserId, known: u64, after: &[Position]) -> Result<HistoryRead, FeaturesError> {
        let request = GetUsersRequest {
            users: vec![UserQuery { user_id: user.as_str().to_owned(), known_version: known }],
            views: vec![UserView::History as i32],
            as_of: None,
            after: after.iter().map(|&position| convert::position(position)).collect(),
        };
        let answer = self.call(request).await.map_err(|status| refused(&status))?;
        let Some(found) = answer.users.into_iter().next() else {
            let failure = Failure::new(Kind::Internal, "the feature store answered without the user");
            return Err(FeaturesError::Refused(failure));
        };
        Ok(HistoryRead {
            version: found.version,
            entries: (!found.unchanged).then(|| found.history.iter().filter_map(entry).collect()),
            freshness: found.freshness.as_ref().map(freshness),
        })
    }
}

/// Says whether no store was reached, as far as a status tells. A connection that breaks in the
/// middle of a call is reported as unknown or as canceled.
fn is_away(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Unknown | Code::Cancelled)
}

fn refused(status: &Status) -> FeaturesError {
    let failure = Failure::from_status(status);
    match status.code() {
        Code::DeadlineExceeded => FeaturesError::TimedOut(failure),
        _ if is_away(status) => FeaturesError::Unreachable(failure),
        _ => FeaturesError::Refused(failure),
    }
}

/// Reads an entry. The feature store checked it, so a wrong time is left out.
fn entry(message: &HistoryEntry) -> Option<Entry> {
    let rated_at = message.rated_at.as_ref().and_then(|time| convert::from_timestamp("rated_at", time).ok());
    Some(Entry { movie: MovieId::try_new(&message.movie_id).ok()?, rating: message.rating, rated_at })
}

fn freshness(message: &WireFreshness) -> Freshness {
    Freshness {
        event_time: message.event_time.as_ref().and_then(|time| convert::from_timestamp("event_time", time).ok()),
        applied: message.applied.as_ref().map(convert::from_position),
        past_ttl: message.past_ttl,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_a_store_was_reached() {
        let kind = |code| refused(&Status::new(code, "why"));
        assert!(matches!(kind(Code::Unavailable), FeaturesError::Unreachable(_)));
        assert!(matches!(kind(Code::Unknown), FeaturesError::Unreachable(_)));
        assert!(matches!(kind(Code::DeadlineExceeded), FeaturesError::TimedOut(_)));
        assert!(matches!(kind(Code::InvalidArgument), FeaturesError::Refused(_)));
    }
}
