//! A token bucket: what one client may still write. It is pure: the caller passes the time, and
//! does the waiting.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// One rating in units of the level. A rate of one per second adds one unit per nanosecond, so
/// levels are whole numbers and waiting times are exact.
const RATING: i128 = 1_000_000_000;

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) rate: NonZeroU32,
    /// At least 1, so that a single rating fits at some time.
    pub(super) burst: u64,
}

impl Limit {
    /// Returns `None` for a rate of 0, which means no limit. A burst of 0 stands for two seconds of
    /// the rate.
    pub(super) fn new(rate: u32, burst: u32) -> Option<Self> {
        let rate = NonZeroU32::new(rate)?;
        let burst = if burst == 0 { 2 * u64::from(rate.get()) } else { u64::from(burst) };
        Some(Self { rate, burst })
    }

    /// Returns the level of a full bucket.
    fn full(self) -> i128 {
        i128::from(self.burst) * RATING
    }

    /// Returns the level that a cost waits for. A cost that is larger than the bucket waits for a
    /// full bucket and leaves it in debt; otherwise it would wait for ever.
    fn needed(self, cost: u64) -> i128 {
        i128::from(cost.min(self.burst)) * RATING
    }
}

/// A bucket and its level.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: Limit,
    /// In units, at the time `at`. Negative while the bucket is in debt.
    level: i128,
    at: Instant,
}

impl Bucket {
    /// Creates a full bucket.
    pub(super) fn new(limit: Limit, now: Instant) -> Self {
        Self { limit, level: limit.full(), at: now }
    }

    pub(super) fn limit(&self) -> Limit {
        self.limit
    }

    /// Takes a cost. If it does not fit, takes nothing and returns after which time it would fit.
    pub(super) fn take(&mut self, cost: u64, now: Instant) -> Result<(), Duration> {
        self.fill(now);
        if cost == 0 {
            return Ok(());
        }
        match self.until(self.limit.needed(cost)) {
            Duration::ZERO => {
                self.level -= i128::from(cost) * RATING;
                Ok(())
            }
            wait => Err(wait),
        }
    }

    /// Takes a cost in advance and returns how long the caller has to wait for it.
    pub(super) fn queue(&mut self, cost: u64, now: Instant) -> Duration {
        self.fill(now);
        let wait = self.until(self.limit.needed(cost));
        self.level -= i128::from(cost) * RATING;
        wait
    }

    /// Undoes [`Self::queue`] for a caller that did not wait to the end.
    pub(super) fn give_back(&mut self, cost: u64, now: Instant) {
        self.fill(now);
        self.level = self.limit.full().min(self.level + i128::from(cost) * RATING);
    }

    /// Returns when the bucket will be full if no cost is taken. A full bucket may be dropped,
    /// because a new one is equal to it.
    pub(super) fn full_at(&self) -> Instant {
        let wait = self.until(self.limit.full());
        // A time beyond the end of the clock: any far time does.
        self.at.checked_add(wait).unwrap_or(self.at + Duration::from_secs(u32::MAX.into()))
    }

    fn fill(&mut self, now: Instant) {
        // Callers on other threads may have read their clock a moment earlier.
        let passed = now.saturating_duration_since(self.at);
        let nanos = i128::try_from(passed.as_nanos()).unwrap_or(i128::MAX);
        let gained = nanos.saturating_mul(self.limit.rate.get().into());
        self.level = self.limit.full().min(self.level.saturating_add(gained));
        self.at += passed;
    }

    /// Returns how long the bucket takes to reach a level, rounded up to a nanosecond.
    fn until(&self, level: i128) -> Duration {
        let missing = u128::try_from(level - self.level).unwrap_or(0);
        let nanos = missing.div_ceil(u128::from(self.limit.rate.get()));
        let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        Duration::new(u64::try_from(seconds).unwrap_or(u64::MAX), nanos as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bucket(rate: u32, burst: u32) -> (Bucket, Instant) {
        let start = Instant::now();
        (Bucket::new(Limit::new(rate, burst).expect("a limit"), start), start)
    }

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_fits_at_once_and_the_next_one_exactly_when_it_says() {
        let (mut bucket, start) = bucket(3, 10);
        assert_eq!(bucket.take(10, start), Ok(()));
        let wait = bucket.take(1, start).expect_err("empty");
        assert_eq!(wait, Duration::from_nanos(333_333_334), "a third of a second, rounded up");
        assert_eq!(bucket.take(1, start + wait - Duration::from_nanos(1)), Err(Duration::from_nanos(1)));
        assert_eq!(bucket.take(1, start + wait), Ok(()));
    }

    #[test]
    fn what_is_refused_costs_nothing() {
        let (mut bucket, start) = bucket(10, 10);
        assert_eq!(bucket.take(8, start), Ok(()));
        for _ in 0..100 {
            assert_eq!(bucket.take(5, start), Err(millis(300)));
        }
        assert_eq!(bucket.take(2, start), Ok(()));
    }

    #[test]
    fn a_pause_gives_no_more_than_the_burst() {
        let (mut bucket, start) = bucket(10, 10);
        let later = start + Duration::from_secs(3_600);
        assert_eq!(bucket.take(10, later), Ok(()));
        assert_eq!(bucket.take(1, later), Err(millis(100)));
    }

    #[test]
    fn more_than_the_burst_waits_for_a_full_bucket_and_leaves_debt() {
        let (mut bucket, start) = bucket(10, 10);
        assert_eq!(bucket.take(30, start), Ok(()), "full");
        assert_eq!(bucket.take(30, start), Err(millis(3_000)), "two seconds of debt and one to be full");
        assert_eq!(bucket.take(1, start + millis(2_000)), Err(millis(100)));
        assert_eq!(bucket.take(30, start + millis(3_000)), Ok(()));
    }

    #[test]
    fn a_reservation_comes_before_later_calls_and_may_be_given_back() {
        let (mut bucket, start) = bucket(10, 10);
        assert_eq!(bucket.queue(10, start), Duration::ZERO);
        assert_eq!(bucket.queue(5, start), millis(500));
        assert_eq!(bucket.queue(5, start), millis(1_000));
        assert_eq!(bucket.take(1, start + millis(500)), Err(millis(600)));
        bucket.give_back(5, start + millis(500));
        assert_eq!(bucket.take(1, start + millis(500)), Err(millis(100)));
        bucket.give_back(5, start + millis(500));
        assert_eq!(bucket.take(5, start + millis(500)), Ok(()), "as if nothing had been reserved");
    }

    #[test]
    fn nothing_costs_nothing_even_in_debt() {
        let (mut bucket, start) = bucket(1, 1);
        assert_eq!(bucket.take(100, start), Ok(()));
        assert_eq!(bucket.take(0, start), Ok(()));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let (mut bucket, start) = bucket(10, 10);
        let later = start + millis(1_000);
        assert_eq!(bucket.take(10, later), Ok(()));
        assert_eq!(bucket.take(1, start), Err(millis(100)));
        assert_eq!(bucket.take(1, later), Err(millis(100)));
    }

    #[test]
    fn it_says_when_it_is_full() {
        let (mut bucket, start) = bucket(10, 10);
        assert_eq!(bucket.full_at(), start);
        assert_eq!(bucket.take(4, start + millis(100)), Ok(()));
        assert_eq!(bucket.full_at(), start + millis(500));
    }

    #[test]
    fn the_largest_numbers_are_no_trouble() {
        let (mut bucket, start) = bucket(u32::MAX, u32::MAX);
        assert_eq!(bucket.take(u64::MAX, start + Duration::from_secs(1 << 40)), Ok(()));
        assert!(bucket.take(u64::MAX, start).is_err());
        let (mut bucket, start) = self::bucket(1, 1);
        bucket.queue(u64::MAX, start);
        bucket.queue(u64::MAX, start);
        assert!(bucket.full_at() > start + Duration::from_secs(1 << 31));
    }

    /// What the test does with a bucket.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Take,
        Queue,
    }

    /// What the bucket granted, and at which nanosecond.
    struct Grant {
        at: u64,
        cost: u64,
        queued: bool,
    }

    fn steps() -> impl Strategy<Value = Vec<(u64, Step, u64)>> {
        let later = prop_oneof![Just(0), 0..1_000_000u64, 0..3_000_000_000u64];
        let step = prop_oneof![3 => Just(Step::Take), 1 => Just(Step::Queue)];
        prop::collection::vec((later, step, 1..60u64), 1..60)
    }

    proptest! {
        #[test]
        fn no_interval_is_granted_more_than_rate_times_time_and_a_burst(
            rate in 1..200u32,
            burst in 1..50u32,
            steps in steps(),
        ) {
            let (mut bucket, start) = bucket(rate, burst);
            let (mut now, mut granted): (u64, Vec<Grant>) = (0, Vec::new());
            for (later, step, cost) in steps {
                now += later;
                let at = start + Duration::from_nanos(now);
                let queued = matches!(step, Step::Queue);
                let wait = match step {
                    Step::Queue => bucket.queue(cost, at),
                    Step::Take => match bucket.take(cost, at) {
                        Ok(()) => Duration::ZERO,
                        Err(wait) => {
                            // Not a nanosecond earlier, and not one later.
                            let missing = bucket.take(cost, at + wait - Duration::from_nanos(1));
                            prop_assert_eq!(missing, Err(Duration::from_nanos(1)));
                            now += wait.as_nanos() as u64;
                            prop_assert_eq!(bucket.take(cost, at + wait), Ok(()));
                            Duration::ZERO
                        }
                    },
                };
                granted.push(Grant { at: now + wait.as_nanos() as u64, cost, queued });
            }
            prop_assert!(granted.is_sorted_by_key(|grant| grant.at), "a later caller is granted later");
            let (rate, burst) = (u64::from(rate), u64::from(burst));
            for (index, first) in granted.iter().enumerate() {
                let mut before = 0;
                for grant in &granted[index..] {
                    // A cost larger than the burst counts as the burst when it is granted, and in
                    // full against later ones.
                    let taken = (before + grant.cost.min(burst)) * RATING as u64;
                    // A queued caller waits up to a nanosecond longer than it must; the next gains
                    // it.
                    let nanos = grant.at - first.at + u64::from(first.queued);
                    prop_assert!(taken <= nanos * rate + burst * RATING as u64);
                    before += grant.cost;
                }
            }
        }
    }
}
