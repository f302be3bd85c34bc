//! The bytes of answers that a process holds at once.
//!
//! A request takes room for the answer that is expected before it begins. The answer gives the room
//! back when its bytes are handed to the system. Small and large answers have pools of their own,
//! so that large answers that nobody reads do not keep small requests waiting. While there is room,
//! taking it and giving it back are an atomic operation each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

use crate::{Failure, Kind};

/// The largest answer that counts as small.
pub(super) const SMALL: usize = 64 << 10;

/// How long a request waits for room.
const WAIT: Duration = Duration::from_secs(2);

/// A request that begins to wait and an answer that makes room must not miss each other.
const ORDER: Ordering = Ordering::SeqCst;

/// The answers that may be held at once. Clones are cheap and share the pools.
#[derive(Debug, Clone)]
pub(super) struct AnswerBudget(Arc<Pools>);

#[derive(Debug)]
struct Pools {
    small: Pool,
    large: Pool,
}

#[derive(Debug)]
struct Pool {
    limit: usize,
    used: AtomicUsize,
    /// The requests that wait.
    waiting: AtomicUsize,
    /// The first request that waits holds it.
    line: Mutex<()>,
    /// An answer has given its room back.
    freed: Notify,
}

/// A part of a pool. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Room {
    pools: Arc<Pools>,
    is_small: bool,
    bytes: usize,
}

impl AnswerBudget {
    /// Creates the pools: a quarter of the bytes is for small answers.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Pools { small: Pool::new(bytes / 4), large: Pool::new(bytes - bytes / 4) }))
    }

    /// Takes room for an answer of this expected size. Returns `None` if there is none in time.
    pub(super) async fn take(&self, bytes: usize) -> Option<Room> {
        let is_small = bytes <= SMALL;
        let pool = self.0.pool(is_small);
        let is_taken = pool.take_at_once(bytes) || timeout(WAIT, pool.wait(bytes)).await.is_ok();
        is_taken.then(|| Room { pools: Arc::clone(&self.0), is_small, bytes })
    }

    /// Counts a part of an answer that exists already, also if it goes beyond the budget.
    pub(super) fn count(&self, bytes: usize) -> Room {
        let is_small = bytes <= SMALL;
        self.0.pool(is_small).used.fetch_add(bytes, ORDER);
        Room { pools: Arc::clone(&self.0), is_small, bytes }
    }

    #[cfg(test)]
    fn used(&self) -> (usize, usize) {
        (self.0.small.used.load(ORDER), self.0.large.used.load(ORDER))
    }
}

impl Pools {
    fn pool(&self, is_small: bool) -> &Pool {
        if is_small { &self.small } else { &self.large }
    }
}

impl Pool {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            line: Mutex::new(()),
            freed: Notify::new(),
        }
    }

    /// Takes bytes if they fit. The first answer in a pool fits, whatever its size: `own` is what
    /// the caller has in the pool already.
    fn try_take(&self, bytes: usize, own: usize) -> bool {
        let fits = |used: usize| {
            let after = used.saturating_add(bytes);
            (used <= own || after <= self.limit).then_some(after)
        };
        self.used.fetch_update(ORDER, ORDER, fits).is_ok()
    }

    /// Takes bytes if they fit and no other request waits for room.
    fn take_at_once(&self, bytes: usize) -> bool {
        self.waiting.load(ORDER) == 0 && self.try_take(bytes, 0)
    }

    /// Waits in line until the bytes fit, and takes them.
    async fn wait(&self, bytes: usize) {
        let _waiting = Waiting::new(&self.waiting);
        let _first = self.line.lock().await;
        while !self.try_take(bytes, 0) {
            self.freed.notified().await;
        }
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, ORDER);
        if self.waiting.load(ORDER) > 0 {
            self.freed.notify_one();
        }
    }
}

/// A request that waits. Dropping it ends the waiting.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, ORDER);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, ORDER);
    }
}

impl Room {
    /// Makes the room as large as an answer. It does not wait, so that two answers never wait for
    /// each other. Returns whether there is room; if there is none, nothing changes.
    pub(super) fn resize(&mut self, bytes: usize) -> bool {
        let pool = self.pools.pool(self.is_small);
        if self.is_small && bytes > SMALL {
            if !self.pools.large.try_take(bytes, 0) {
                return false;
            }
            pool.give_back(self.bytes);
            self.is_small = false;
        } else if bytes > self.bytes {
            if !pool.try_take(bytes - self.bytes, self.bytes) {
                return false;
            }
        } else if bytes < self.bytes {
            pool.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
        true
    }

    /// Returns bytes that give the room back once they are dropped, and drop `also` then.
    pub(super) fn hold<A: Send + 'static>(self, bytes: Bytes, also: A) -> Bytes {
        Bytes::from_owner(Held { bytes, _room: self, _also: also })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.pools.pool(self.is_small).give_back(self.bytes);
    }
}

/// Bytes of an answer, their room, and what else lasts as long.
struct Held<A> {
    bytes: Bytes,
    _room: Room,
    _also: A,
}

impl<A> AsRef<[u8]> for Held<A> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns the failure of a request for whose answer there is no room.
pub(super) fn exhausted() -> Failure {
    let message = "too many bytes of answers wait for their clients: ask for less at once, or later";
    Failure::new(Kind::ResourceExhausted, message)
        .answered_as(StatusCode::SERVICE_UNAVAILABLE)
        .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// A budget of 4 MiB for small answers and 12 MiB for large ones.
    fn budget() -> AnswerBudget {
        AnswerBudget::new(16 * MIB)
    }

    #[tokio::test(start_paused = true)]
    async fn large_answers_wait_for_each_other_and_small_ones_go() {
        let budget = budget();
        let first = budget.take(8 * MIB).await.expect("room");
        let start = tokio::time::Instant::now();
        assert!(budget.take(8 * MIB).await.is_none());
        assert!(start.elapsed() >= WAIT, "{:?}", start.elapsed());
        budget.take(SMALL).await.expect("small answers have their own pool");
        budget.take(4 * MIB).await.expect("what fits goes");
        drop(first);
        budget.take(12 * MIB).await.expect("everything is free again");
        assert_eq!(budget.used(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_waits_goes_when_there_is_room_and_before_later_ones() {
        let budget = budget();
        let first = budget.take(12 * MIB).await.expect("room");
        let wait = |bytes: usize| {
            let budget = budget.clone();
            tokio::spawn(async move { budget.take(bytes).await })
        };
        let (second, third) = (wait(8 * MIB), wait(MIB));
        tokio::time::sleep(WAIT / 4).await;
        assert!(!second.is_finished() && !third.is_finished());
        drop(first);
        let second = second.await.expect("no panic").expect("room");
        let third = third.await.expect("no panic").expect("room");
        assert_eq!(budget.used(), (0, 9 * MIB));
        drop((second, third));
        assert_eq!(budget.used(), (0, 0));
    }

    #[tokio::test]
    async fn one_answer_always_goes() {
        let budget = budget();
        let mut only = budget.take(100 * MIB).await.expect("the only one");
        assert!(only.resize(200 * MIB), "it is still the only one");
        drop(only);
        assert_eq!(budget.used(), (0, 0));
    }

    #[tokio::test]
    async fn an_answer_that_turns_out_larger_takes_more_room_or_none() {
        let budget = budget();
        let mut room = budget.take(1_000).await.expect("room");
        assert!(room.resize(MIB));
        assert_eq!(budget.used(), (0, MIB));
        let other = budget.take(8 * MIB).await.expect("room");
        assert!(!room.resize(5 * MIB));
        assert_eq!(budget.used(), (0, 9 * MIB));
        drop(other);
        assert!(room.resize(5 * MIB) && room.resize(10));
        assert_eq!(budget.used(), (0, 10));
    }

    #[tokio::test]
    async fn bytes_hold_their_room_until_the_last_of_them_is_dropped() {
        let budget = budget();
        let mut bytes = budget.count(6).hold(Bytes::from_static(b"answer"), ());
        let part = bytes.split_to(3);
        assert_eq!((&part[..], &bytes[..]), (&b"ans"[..], &b"wer"[..]));
        drop(bytes);
        assert_eq!(budget.used(), (6, 0));
        drop(part);
        assert_eq!(budget.used(), (0, 0));
    }
}
