//! Repeats calls while S3 does not answer.

use std::time::Duration;

use marquee_backoff::Backoff;
use marquee_ports::Error;
use object_store::{BackoffConfig, RetryConfig};
use tokio::time::{Instant, sleep};
use tracing::debug;

/// Shortest delay between two attempts.
const MIN: Duration = Duration::from_millis(100);

/// Longest delay between two attempts.
const MAX: Duration = Duration::from_secs(2);

/// Repeats a call that failed with a transient error, up to the given time.
///
/// The S3 client repeats requests that only read, and requests that no server has received. It does
/// not repeat a write whose connection broke in the middle, because it cannot know whether a second
/// write is harmful. Here no second write is harmful, so whole calls are repeated as well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retry(pub(crate) Duration);

impl Retry {
    /// Returns the client's settings for the repetition of single requests.
    pub(crate) fn of_requests(self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig { init_backoff: MIN, max_backoff: MAX, base: 2.0 },
            // Only the time is limited. The number of attempts in that time depends on how they
            // fail.
            max_retries: usize::MAX,
            retry_timeout: self.0,
        }
    }

    /// Makes the call, and repeats it while it fails with a transient error and time is left.
    pub(crate) async fn call<T, F>(self, attempt: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let started = Instant::now();
        let mut delays = Backoff::new(MIN, MAX).start();
        loop {
            let error = match attempt().await {
                Err(error) if error.is_retryable() => error,
                result => return result,
            };
            let delay = delays.next();
            if started.elapsed() + delay >= self.0 {
                return Err(error);
            }
            debug!(%error, "object store call repeated");
            sleep(delay).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use marquee_ports::ErrorKind;

    use super::*;

    /// Makes a call whose first `failing` attempts fail. Returns the number of attempts and whether
    /// the call succeeded.
    async fn attempts(limit: Duration, failing: usize, kind: ErrorKind) -> (usize, bool) {
        let made = Cell::new(0);
        let result = Retry(limit)
            .call(|| {
                made.set(made.get() + 1);
                let fails = made.get() <= failing;
                async move { if fails { Err(Error::bare(kind, "try")) } else { Ok(()) } }
            })
            .await;
        (made.get(), result.is_ok())
    }

    #[tokio::test]
    async fn transient_failures_are_repeated() {
        assert_eq!(attempts(Duration::from_secs(30), 2, ErrorKind::Unavailable).await, (3, true));
    }

    #[tokio::test]
    async fn repeating_ends_at_the_limit() {
        let started = Instant::now();
        let (made, succeeded) = attempts(Duration::from_millis(350), usize::MAX, ErrorKind::Unavailable).await;
        assert!(made > 1 && !succeeded);
        assert!(started.elapsed() < Duration::from_secs(20));
        assert_eq!(attempts(Duration::ZERO, usize::MAX, ErrorKind::Unavailable).await, (1, false));
    }

    #[tokio::test]
    async fn permanent_failures_are_not_repeated() {
        for kind in [ErrorKind::Conflict, ErrorKind::Corrupt, ErrorKind::Invalid] {
            assert_eq!(attempts(Duration::from_secs(30), 1, kind).await, (1, false));
        }
    }
}
