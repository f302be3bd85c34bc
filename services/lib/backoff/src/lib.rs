//! Exponential backoff with jitter: how long to wait before the next try of something that failed.
//!
//! The n-th delay is drawn uniformly from the upper half of `min × 2ⁿ`, capped at `max` ("equal
//! jitter"). Clients that failed together therefore do not come back together, and no delay is
//! ever so short that it counts as a busy loop.

use std::time::Duration;

use rand::RngExt;

/// Returns a time of up to a share more or less than another one. Things that began together
/// therefore do not all come due together.
pub fn jittered(time: Duration, share: f64) -> Duration {
    time.mul_f64(rand::rng().random_range(1.0 - share..=1.0 + share))
}

/// The limits of a backoff. It is a plain value: keep it in a constant and call [`Backoff::start`]
/// for every sequence of tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    min: Duration,
    max: Duration,
}

impl Backoff {
    /// Creates a backoff whose first delay is about `min` and whose longest delay is `max`.
    /// A `max` below `min` counts as `min`.
    pub const fn new(min: Duration, max: Duration) -> Self {
        let max = if max.as_nanos() < min.as_nanos() { min } else { max };
        Self { min, max }
    }

    /// Starts a sequence of delays.
    pub const fn start(self) -> Delays {
        Delays { backoff: self, tries: 0 }
    }

    /// Returns the delay of a try without jitter: `min × 2^tries`, at most `max`.
    fn ceiling(self, tries: u32) -> Duration {
        let factor = 2_u32.checked_pow(tries).unwrap_or(u32::MAX);
        self.min.saturating_mul(factor).min(self.max)
    }
}

/// The delays of one sequence of tries.
#[derive(Debug, Clone)]
pub struct Delays {
    backoff: Backoff,
    tries: u32,
}

impl Delays {
    /// Returns the next delay, between half of its ceiling and the ceiling.
    #[expect(clippy::should_implement_trait, reason = "a backoff never ends, so an Option would only be noise")]
    pub fn next(&mut self) -> Duration {
        let ceiling = self.backoff.ceiling(self.tries);
        self.tries = self.tries.saturating_add(1);
        ceiling.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// Sleeps for the next delay.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.next()).await;
    }

    /// Begins again at the shortest delay. Call it after a success.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// Returns how many delays were taken since the start or the last reset.
    pub fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));

    #[test]
    fn delays_double_up_to_the_longest_and_keep_within_the_upper_half() {
        let mut delays = BACKOFF.start();
        for ceiling in [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000] {
            let ceiling = Duration::from_millis(ceiling);
            let delay = delays.next();
            assert!(delay >= ceiling / 2 && delay <= ceiling, "{delay:?} is outside the upper half of {ceiling:?}");
        }
    }

    #[test]
    fn times_with_jitter_keep_within_their_share() {
        let times: Vec<Duration> = (0..1_000).map(|_| jittered(Duration::from_secs(100), 0.1)).collect();
        assert!(times.iter().all(|time| (90.0..=110.0).contains(&time.as_secs_f64())), "{times:?}");
        assert!(times.iter().any(|time| time.as_secs() < 95) && times.iter().any(|time| time.as_secs() >= 105));
    }

    #[test]
    fn two_sequences_differ() {
        let (mut one, mut other) = (BACKOFF.start(), BACKOFF.start());
        assert!((0..20).any(|_| one.next() != other.next()));
    }

    #[test]
    fn a_reset_begins_again_and_many_tries_do_not_overflow() {
        let mut delays = BACKOFF.start();
        for _ in 0..200 {
            assert!(delays.next() <= Duration::from_secs(5));
        }
        delays.reset();
        assert_eq!(delays.tries(), 0);
        assert!(delays.next() <= Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_takes_the_delay() {
        let started = tokio::time::Instant::now();
        BACKOFF.start().wait().await;
        assert!(started.elapsed() >= Duration::from_millis(25));
    }

    #[test]
    fn a_longest_delay_below_the_shortest_counts_as_the_shortest() {
        let mut delays = Backoff::new(Duration::from_secs(2), Duration::from_secs(1)).start();
        assert!(delays.next() >= Duration::from_secs(1));
    }
}
