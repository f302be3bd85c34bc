//! When requests are due: at a fixed rate, however long answers take.
//!
//! The time of a request follows from its number alone, so the rate does not drift. A caller that
//! comes late gets the missed requests at once, each with the time at which it was due. Latency is
//! measured from that time, so a stalled fleet cannot hide the requests that waited for it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The requests of one kind, in the order of time.
#[derive(Debug)]
pub(crate) struct Schedule {
    started: Instant,
    per_second: f64,
    next: u64,
}

/// A request that is to be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// Its number, from 0.
    pub(crate) number: u64,
    /// When it was due.
    pub(crate) at: Instant,
}

impl Schedule {
    /// Starts now. With a rate of 0 nothing is ever due.
    pub(crate) fn start(per_second: f64) -> Self {
        Self { started: Instant::now(), per_second, next: 0 }
    }

    /// Waits until the next request is due. A call that is dropped while it waits skips nothing.
    pub(crate) async fn next(&mut self) -> Due {
        if self.per_second <= 0.0 {
            return std::future::pending().await;
        }
        let number = self.next;
        let at = self.started + Duration::from_secs_f64(number as f64 / self.per_second);
        sleep_until(at).await;
        self.next += 1;
        Due { number, at }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_keeps_its_rate_without_drift() {
        let started = Instant::now();
        let mut schedule = Schedule::start(300.0);
        for number in 0..=3_000 {
            assert_eq!(schedule.next().await.number, number);
        }
        let elapsed = started.elapsed().as_millis();
        assert!((10_000..10_005).contains(&elapsed), "{elapsed} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn missed_requests_are_due_at_once_and_at_their_own_times() {
        let mut schedule = Schedule::start(100.0);
        let first = schedule.next().await;
        advance(Duration::from_secs(1)).await;
        let late = Instant::now();
        for number in 1..=100_u32 {
            let due = schedule.next().await;
            assert_eq!(due.at - first.at, Duration::from_millis(10) * number);
        }
        assert_eq!(Instant::now(), late);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_wait_skips_nothing_and_a_rate_of_zero_sends_nothing() {
        let mut schedule = Schedule::start(1.0);
        assert_eq!(schedule.next().await.number, 0);
        assert!(timeout(Duration::from_millis(500), schedule.next()).await.is_err());
        assert_eq!(schedule.next().await.number, 1);
        assert!(timeout(Duration::from_secs(3_600), Schedule::start(0.0).next()).await.is_err());
    }
}
