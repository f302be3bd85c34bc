//! The bytes of request bodies that a process holds at once.
//!
//! Small and large bodies have pools of their own, so that large bodies that arrive slowly do not
//! keep small requests waiting.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::{Failure, Kind};

/// The largest body that counts as small.
const SMALL: usize = 64 << 10;

/// The bodies that may be held at once. Clones are cheap and share the pools.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// A part of the budget. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Share {
    permit: OwnedSemaphorePermit,
    budget: Budget,
}

impl Budget {
    /// Creates the pools: a quarter of the bytes is for small bodies.
    pub(super) fn new(bytes: u32) -> Self {
        let pool = |bytes: u32| Arc::new(Semaphore::new(bytes as usize));
        Self { small: pool(bytes / 4), large: pool(bytes - bytes / 4) }
    }

    fn pool(&self, bytes: usize) -> &Arc<Semaphore> {
        if bytes <= SMALL { &self.small } else { &self.large }
    }

    /// Takes a share if there is room for it and no other body waits.
    pub(super) fn take_at_once(&self, bytes: usize) -> Option<Share> {
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX);
        let permit = Arc::clone(self.pool(bytes)).try_acquire_many_owned(wanted).ok()?;
        Some(Share { permit, budget: self.clone() })
    }

    /// Takes a share for a body of a known length. Waits for it until the deadline.
    pub(super) async fn take(&self, bytes: usize, deadline: Instant) -> Result<Share, Failure> {
        // Most bodies need no timer.
        if let Some(share) = self.take_at_once(bytes) {
            return Ok(share);
        }
        let pool = Arc::clone(self.pool(bytes));
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX);
        match timeout_at(deadline, pool.acquire_many_owned(wanted)).await {
            Ok(Ok(permit)) => Ok(Share { permit, budget: self.clone() }),
            _ => Err(exhausted()),
        }
    }
}

impl Share {
    /// Makes room for a body that turned out longer. It does not wait, so that two bodies never
    /// wait for each other.
    pub(super) fn grow_to(&mut self, bytes: usize) -> Result<(), Failure> {
        let missing = bytes.saturating_sub(self.permit.num_permits());
        if missing == 0 {
            return Ok(());
        }
        let more = u32::try_from(missing).unwrap_or(u32::MAX);
        let pool = Arc::clone(self.budget.pool(bytes));
        if Arc::ptr_eq(&pool, self.permit.semaphore()) {
            self.permit.merge(pool.try_acquire_many_owned(more).map_err(|_| exhausted())?);
        } else {
            let all = u32::try_from(bytes).unwrap_or(u32::MAX);
            self.permit = pool.try_acquire_many_owned(all).map_err(|_| exhausted())?;
        }
        Ok(())
    }
}

fn exhausted() -> Failure {
    Failure::new(Kind::ResourceExhausted, "too many bytes of requests are being received: send less at once, or later")
        .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_wait_for_each_other_and_small_ones_pass() {
        let budget = Budget::new(64 << 20);
        let held: Vec<_> = [budget.take(16 << 20, soon()).await, budget.take(30 << 20, soon()).await].into();
        assert!(held.iter().all(Result::is_ok));
        let refused = budget.take(16 << 20, soon()).await.expect_err("no room in time");
        assert_eq!(refused.kind(), Kind::ResourceExhausted);
        assert!(refused.delay().is_some());
        budget.take(1_000, soon()).await.expect("small bodies have their own pool");
        drop(held);
        budget.take(48 << 20, soon()).await.expect("everything is free again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_needs_less_does_not_overtake_one_that_waits() {
        let budget = Budget::new(64 << 20);
        let first = budget.take_at_once(40 << 20).expect("room");
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.take(16 << 20, soon()).await }
        });
        tokio::task::yield_now().await;
        assert!(budget.take_at_once(1 << 20).is_none(), "8 MiB are left, and another body waits for them");
        drop(first);
        let second = waiting.await.expect("no panic").expect("room");
        budget.take_at_once(1 << 20).expect("no other body waits");
        drop(second);
        assert_eq!(budget.large.available_permits(), 48 << 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_grows_while_there_is_room() {
        let budget = Budget::new(64 << 20);
        let mut share = budget.take(10, soon()).await.expect("room");
        share.grow_to(20).expect("room");
        share.grow_to(40 << 20).expect("room among the large");
        assert_eq!(budget.small.available_permits(), 16 << 20);
        assert!(share.grow_to(49 << 20).is_err());
        drop(share);
        assert_eq!(budget.large.available_permits(), 48 << 20);
    }
}
