//! A user's history, and what the core needs of the feature store.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use marquee_domain::{MovieId, Position, Timestamp, UserId};
use marquee_kit::Failure;
use thiserror::Error;

/// One rating of a history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) movie: MovieId,
    pub(crate) rating: f64,
    pub(crate) rated_at: Option<Timestamp>,
}

/// How fresh a history is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// Time of the newest event.
    pub(crate) event_time: Option<Timestamp>,
    /// The last event that was applied.
    pub(crate) applied: Option<Position>,
    /// The history is older than its time to live.
    pub(crate) past_ttl: bool,
}

/// A user's history at a version.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct History {
    /// Changes with every event of the user; 0 before the first.
    pub(crate) version: u64,
    pub(crate) entries: Arc<Vec<Entry>>,
    pub(crate) freshness: Option<Freshness>,
    /// The history comes from the cache or is empty, because no feature store answered.
    pub(crate) degraded: bool,
}

/// A history as the feature store returns it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HistoryRead {
    pub(crate) version: u64,
    /// `None` if the version is the one that the caller knows.
    pub(crate) entries: Option<Vec<Entry>>,
    pub(crate) freshness: Option<Freshness>,
}

/// Why a feature store did not return a history.
#[derive(Debug, Clone, Error)]
pub(crate) enum FeaturesError {
    /// No feature store could be reached.
    #[error("no feature store could be reached")]
    Unreachable(#[source] Failure),
    /// None answered in time. It may have waited for a position.
    #[error("no feature store answered in time")]
    TimedOut(#[source] Failure),
    /// A feature store refused the request.
    #[error("the feature store refused the request")]
    Refused(#[source] Failure),
}

impl FeaturesError {
    /// Returns the failure that the caller is told.
    pub(crate) fn failure(&self) -> &Failure {
        match self {
            Self::Unreachable(failure) | Self::TimedOut(failure) | Self::Refused(failure) => failure,
        }
    }
}

/// The feature stores.
#[async_trait]
pub(crate) trait Features: Debug + Send + Sync {
    /// Reads a user's history, at least up to the positions in `after`. `known` is the version that
    /// the caller has; 0 if it has none.
    async fn history(&self, user: &UserId, known: u64, after: &[Position]) -> Result<HistoryRead, FeaturesError>;
}
