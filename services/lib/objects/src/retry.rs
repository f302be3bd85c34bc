//! How long to go on while S3 does not answer.

use std::time::Duration;

use marquee_ports::Error;
use object_store::{BackoffConfig, RetryConfig};
use tokio::time::{Instant, sleep};
use tracing::debug;

/// First and longest pause between two attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Repeats what may succeed when it is repeated, for a bounded time.
///
/// The client below repeats requests that no server has seen, and reading ones. It does not repeat a write after a connection broke in the middle:
/// it cannot know whether a second one does harm. Here none does, so that calls as a whole are repeated too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience(pub(crate) Duration);

impl Patience {
    /// For single requests.
    pub(crate) fn of_requests(self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig { init_backoff: PAUSES.0, max_backoff: PAUSES.1, base: 2.0 },
            // Time is the bound: how many attempts fit into it depends on how they fail.
            max_retries: usize::MAX,
            retry_timeout: self.0,
        }
    }

    /// Calls again while the failure is one that may pass.
    pub(crate) async fn persist<T, F>(self, attempt: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let started = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            match attempt().await {
                Err(error) if error.is_retryable() && started.elapsed() + pause < self.0 => {
                    debug!(%error, "object store call repeated");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
                done => return done,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use marquee_ports::ErrorKind;

    use super::*;

    /// Attempts that were made until the result, where the first few fail.
    async fn attempts(patience: Duration, failing: usize, kind: ErrorKind) -> (usize, bool) {
        let made = Cell::new(0);
        let result = Patience(patience)
            .persist(|| {
                made.set(made.get() + 1);
                let fails = made.get() <= failing;
                async move { if fails { Err(Error::bare(kind, "try")) } else { Ok(()) } }
            })
            .await;
        (made.get(), result.is_ok())
    }

    #[tokio::test]
    async fn what_may_pass_is_repeated() {
        assert_eq!(attempts(Duration::from_secs(30), 2, ErrorKind::Unavailable).await, (3, true));
    }

    #[tokio::test]
    async fn repeating_ends() {
        let started = Instant::now();
        let (made, succeeded) = attempts(Duration::from_millis(350), usize::MAX, ErrorKind::Unavailable).await;
        assert!(made > 1 && !succeeded);
        assert!(started.elapsed() < Duration::from_secs(20));
        assert_eq!(attempts(Duration::ZERO, usize::MAX, ErrorKind::Unavailable).await, (1, false));
    }

    #[tokio::test]
    async fn what_cannot_pass_is_not_repeated() {
        for kind in [ErrorKind::Conflict, ErrorKind::Corrupt, ErrorKind::Invalid] {
            assert_eq!(attempts(Duration::from_secs(30), 1, kind).await, (1, false));
        }
    }
}
