//! Users' histories: read from the feature store, cached, and answered from the cache while no
//! feature store answers.
//!
//! A read names the version that is cached, so an unchanged history is not sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use marquee_domain::{Position, UserId};

use super::cache::{Cache, Capacity};
use super::history::{Entry, Features, FeaturesError, History};

/// Histories of users.
#[derive(Debug)]
pub(crate) struct Histories {
    features: Arc<dyn Features>,
    /// No feature store answered the last read.
    away: AtomicBool,
    cached: Cache<UserId, History>,
}

impl Histories {
    pub(crate) fn new(features: Arc<dyn Features>, capacity: Capacity) -> Self {
        Self { features, away: AtomicBool::new(false), cached: Cache::new(capacity, weigh) }
    }

    /// Returns a user's history, at least up to the positions in `after`. While no feature store
    /// answers and `after` is empty, returns the cached history or an empty one, marked as
    /// degraded.
    pub(crate) async fn read(&self, user: &UserId, after: &[Position]) -> Result<History, FeaturesError> {
        let cached = self.cached.get(user);
        let known = cached.as_ref().map_or(0, |history| history.version);
        let read = self.features.history(user, known, after).await;
        let failure = read.as_ref().err();
        // A store that waited for a position in vain did answer.
        if after.is_empty() || !matches!(failure, Some(FeaturesError::TimedOut(_))) {
            self.notice(failure);
        }
        let read = match read {
            Ok(read) => read,
            Err(error) => return degraded(user, cached, after, error),
        };
        let entries = match (read.entries, cached) {
            // What is cached is what was read.
            (None, Some(cached)) if cached.version == read.version && cached.freshness == read.freshness => {
                return Ok(cached);
            }
            (Some(entries), _) => Arc::new(entries),
            (None, Some(cached)) => cached.entries,
            (None, None) => Arc::default(),
        };
        let history = History { version: read.version, entries, freshness: read.freshness, degraded: false };
        self.cached.insert(user.clone(), history.clone());
        Ok(history)
    }

    /// Logs once that no feature store answers, and once that one answers again. A metric counts
    /// the answers in between.
    fn notice(&self, failure: Option<&FeaturesError>) {
        let away = failure.filter(|error| !matches!(error, FeaturesError::Refused(_)));
        if self.away.swap(away.is_some(), Ordering::Relaxed) == away.is_some() {
            return;
        }
        match away {
            Some(error) => tracing::warn!(%error, reason = error.failure().message(), "no feature store answers"),
            None => tracing::info!("a feature store answers again"),
        }
    }
}

/// Returns about how many bytes a cached history takes.
fn weigh(user: &UserId, history: &History) -> usize {
    let entry = |entry: &Entry| size_of::<Entry>() + entry.movie.as_str().len();
    // Beside the history, the table has the user and the pointers to both.
    128 + user.as_str().len() + size_of::<History>() + history.entries.iter().map(entry).sum::<usize>()
}

fn degraded(
    user: &UserId,
    cached: Option<History>,
    after: &[Position],
    error: FeaturesError,
) -> Result<History, FeaturesError> {
    if !after.is_empty() || matches!(error, FeaturesError::Refused(_)) {
        return Err(error);
    }
    tracing::debug!(%user, %error, cached = cached.is_some(), "answered without features");
    let empty = History { version: 0, entries: Arc::default(), freshness: None, degraded: true };
    Ok(cached.map_or(empty, |history| History { degraded: true, ..history }))
}

#[cfg(test)]
mod tests {
    use marquee_domain::{Offset, Partition};
    use marquee_kit::{Failure, Kind};

    use super::*;
    use crate::rating::history::HistoryRead;
    use crate::testing::{FakeFeatures, entry, user};

    const CAPACITY: Capacity = Capacity { entries: 10, bytes: 10_000 };

    fn unreachable() -> FeaturesError {
        FeaturesError::Unreachable(Failure::new(Kind::Unavailable, "away"))
    }

    fn read(version: u64, entries: Option<Vec<crate::rating::history::Entry>>) -> HistoryRead {
        HistoryRead { version, entries, freshness: None }
    }

    #[tokio::test]
    async fn an_unchanged_history_comes_from_the_cache() {
        let features = FakeFeatures::default();
        features.answer(Ok(read(3, Some(vec![entry("m1", 4.0)]))));
        features.answer(Ok(read(3, None)));
        let histories = Histories::new(features.shared(), CAPACITY);
        let first = histories.read(&user("ann"), &[]).await.unwrap();
        let second = histories.read(&user("ann"), &[]).await.unwrap();
        assert_eq!(first, second);
        assert_eq!(features.known(), [0, 3], "the second read names the cached version");
    }

    #[tokio::test]
    async fn without_a_feature_store_the_cached_history_answers_and_says_so() {
        let features = FakeFeatures::default();
        features.answer(Ok(read(3, Some(vec![entry("m1", 4.0)]))));
        features.answer(Err(unreachable()));
        let histories = Histories::new(features.shared(), CAPACITY);
        histories.read(&user("ann"), &[]).await.unwrap();
        let cached = histories.read(&user("ann"), &[]).await.unwrap();
        assert_eq!((cached.version, cached.entries.len(), cached.degraded), (3, 1, true));
        let empty = histories.read(&user("bob"), &[]).await.unwrap();
        assert_eq!((empty.version, empty.entries.len(), empty.degraded), (0, 0, true));
    }

    #[tokio::test]
    async fn a_caller_that_needs_its_own_writes_gets_the_failure() {
        let features = FakeFeatures::default();
        features.answer(Err(unreachable()));
        let histories = Histories::new(features.shared(), CAPACITY);
        let after = [Position { partition: Partition(0), offset: Offset(7) }];
        let error = histories.read(&user("ann"), &after).await.unwrap_err();
        assert!(matches!(error, FeaturesError::Unreachable(_)), "{error:?}");
    }

    #[tokio::test]
    async fn a_refusal_is_not_answered_from_the_cache() {
        let features = FakeFeatures::default();
        features.answer(Err(FeaturesError::Refused(Failure::new(Kind::InvalidArgument, "no such user"))));
        let histories = Histories::new(features.shared(), CAPACITY);
        assert!(matches!(histories.read(&user("ann"), &[]).await, Err(FeaturesError::Refused(_))));
    }
}
