//! Waits between the attempts of an import, says what it waits for, and gives up after a deadline.
//!
//! The deadline counts from the last progress, so that a long import may run as long as it has to.

use std::time::Duration;

use marquee_backoff::{Backoff, Delays};
use tokio::time::Instant;
use tonic::Status;

use super::Error;
use super::attempt::{Broken, retried};
use super::progress::Progress;

/// Delays between attempts.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));

/// The attempts of one import, or of another program that sends as one does.
#[derive(Debug)]
pub struct Retry {
    timeout: Duration,
    delays: Delays,
    progressed: Instant,
    /// Whether the fleet has accepted something. Before that, a fleet that can't be reached is not
    /// running, and waiting for it would hide that.
    connected: bool,
}

impl Retry {
    /// Starts to count. The import fails once it made no progress for `timeout`.
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, delays: BACKOFF.start(), progressed: Instant::now(), connected: false }
    }

    /// Notes that the fleet accepted something.
    pub(super) fn progressed(&mut self) {
        self.connected = true;
        self.resumed();
    }

    /// Starts to count again, because the fleet had nothing to answer until now.
    pub fn resumed(&mut self) {
        self.progressed = Instant::now();
        self.delays.reset();
    }

    /// Repeats a call while the fleet is busy, is starting, or is away after it has answered once.
    ///
    /// # Errors
    /// The call fails in another way, or no progress was made until the deadline.
    pub async fn call<T, F>(&mut self, progress: &mut dyn Progress, call: impl Fn() -> F) -> Result<T, crate::Error>
    where
        F: Future<Output = Result<T, crate::Error>>,
    {
        loop {
            let error = match call().await {
                Err(error @ crate::Error::Unreachable { .. }) if !self.connected => return Err(error),
                Err(error) => error,
                Ok(answer) => {
                    self.progressed();
                    return Ok(answer);
                }
            };
            match retried(error) {
                Broken::Fatal(error) => return Err(*error),
                Broken::Retry(status, delay) => self.wait(status, delay, progress).await?,
            }
        }
    }

    /// Returns the time that is left until the import gives up.
    pub(super) fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.progressed.elapsed())
    }

    /// Waits before the next attempt: `delay` if the server named one, otherwise a growing delay.
    ///
    /// # Errors
    /// No progress was made until the deadline.
    pub(super) async fn wait(
        &mut self,
        status: Status,
        delay: Option<Duration>,
        progress: &mut dyn Progress,
    ) -> Result<(), Error> {
        let left = self.left();
        if left.is_zero() {
            return Err(Error::GaveUp { seconds: self.timeout.as_secs(), source: Box::new(status) });
        }
        progress.waiting(status.message(), left);
        // A server may ask for a longer wait than the deadline allows: then this is the last
        // attempt.
        tokio::time::sleep(delay.unwrap_or_else(|| self.delays.next()).min(left)).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records what was reported.
    #[derive(Default)]
    struct Reports(Vec<String>);

    impl Progress for Reports {
        fn movies(&mut self, _: u64, _: u64) {}
        fn ratings(&mut self, _: u64) {}
        fn acknowledged(&mut self, _: &super::super::Imported, _: u64, _: u64) {}
        fn waiting(&mut self, why: &str, _: Duration) {
            self.0.push(why.to_owned());
        }
    }

    fn busy() -> Status {
        Status::resource_exhausted("too many requests in flight")
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_what_it_waits_for_and_gives_up_after_the_deadline() {
        let started = Instant::now();
        let (mut retry, mut reports) = (Retry::new(Duration::from_secs(30)), Reports::default());
        let error = loop {
            if let Err(error) = retry.wait(busy(), None, &mut reports).await {
                break error;
            }
        };
        assert!(matches!(error, Error::GaveUp { seconds: 30, .. }), "{error}");
        assert!(reports.0.len() > 10 && reports.0.iter().all(|why| why == "too many requests in flight"));
        let elapsed = started.elapsed();
        assert!((30..32).contains(&elapsed.as_secs()), "{elapsed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn progress_moves_the_deadline() -> Result<(), Error> {
        let mut retry = Retry::new(Duration::from_secs(10));
        for _ in 0..5 {
            retry.wait(busy(), Some(Duration::from_secs(9)), &mut ()).await?;
            retry.progressed();
        }
        assert_eq!(retry.left(), Duration::from_secs(10));
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_asks_for_more_time_than_is_left_gets_one_last_attempt() {
        let mut retry = Retry::new(Duration::from_secs(10));
        assert!(retry.wait(busy(), Some(Duration::from_secs(3_600)), &mut ()).await.is_ok());
        assert!(retry.wait(busy(), None, &mut ()).await.is_err());
    }
}
