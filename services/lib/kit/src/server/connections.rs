//! The open connections of a process: how many there may be, and which one makes room for a new
//! one.
//!
//! A connection is idle while it has no request in flight, which includes the time until the head
//! of its first request has arrived. At the limit a new connection replaces the one that has been
//! idle longest. So neither forgotten connections nor trickled headers keep other clients out.
//! While every connection is busy, a few more are admitted for health checks only.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::process;

/// Connections beyond the limit, which are answered health checks only.
const RESERVE: usize = 8;

/// Open files that the process keeps for its own work.
const OWN_FILES: usize = 16;

/// The connections of a process. Clones are cheap and share them.
#[derive(Debug, Clone)]
pub(super) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: AtomicUsize,
    state: Mutex<State>,
    /// A connection that had made room is closed.
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: HashMap<u64, Open>,
    /// Idle connections in the order in which they became idle.
    idle: BTreeSet<(Instant, u64)>,
    /// Connections that have made room and still have their files.
    leaving: usize,
}

#[derive(Debug)]
struct Open {
    /// When the connection became idle, or when it last made progress.
    since: Instant,
    /// When the first byte of a request arrived whose head has not arrived yet.
    partial: Option<Instant>,
    /// Answers that the client has not read to their end.
    unread: usize,
    close: CancellationToken,
}

/// An admitted connection. Dropping it makes room.
#[derive(Debug)]
pub(super) struct Ticket {
    id: u64,
    connections: Connections,
    close: CancellationToken,
    /// Whether the connection was admitted beyond the limit.
    is_spare: AtomicBool,
    /// Whether the next byte begins a request.
    waits: AtomicBool,
    /// The requests in flight. It changes while the state of the connections is locked.
    busy: AtomicUsize,
    /// Whether several requests share the connection. Then bytes between requests say nothing.
    is_shared: AtomicBool,
    /// Whether the connection has reached its age and takes no further request.
    is_old: AtomicBool,
}

/// How long clients may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For the head of a request to arrive.
    pub(super) head: Duration,
    /// Without a request.
    pub(super) idle: Duration,
    /// To take a part of an answer.
    pub(super) answer: Duration,
}

/// A request in flight. Dropping it ends the request.
#[derive(Debug)]
pub(super) struct InFlight {
    ticket: Arc<Ticket>,
    has_answer: bool,
}

impl Connections {
    /// Creates a set of at most `limit` connections.
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Inner { limit: AtomicUsize::new(limit), state: Mutex::default(), closed: Notify::new() }))
    }

    /// Lowers the limit to what the limit of open files leaves, now that the process has opened its
    /// own.
    pub(super) fn fit(&self) {
        let Some(files) = files_left() else { return };
        let most = self.0.limit.load(Ordering::Relaxed);
        let limit = files.saturating_sub(RESERVE).max(RESERVE);
        if limit < most {
            tracing::warn!(limit, max_connections = most, "the limit of open files allows fewer connections");
            self.0.limit.store(limit, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a new connection, or returns `None` if every connection is busy and the reserve is
    /// used up.
    pub(super) fn admit(&self) -> Option<Ticket> {
        let limit = self.0.limit.load(Ordering::Relaxed);
        let mut state = self.lock();
        let is_spare = state.open.len() >= limit && !state.evict();
        if is_spare && state.open.len() >= limit + RESERVE {
            return None;
        }
        let id = state.next;
        state.next += 1;
        let (since, close) = (Instant::now(), CancellationToken::new());
        state.open.insert(id, Open { since, partial: None, unread: 0, close: close.clone() });
        state.idle.insert((since, id));
        drop(state);
        Some(Ticket {
            id,
            connections: self.clone(),
            close,
            is_spare: AtomicBool::new(is_spare),
            waits: AtomicBool::new(true),
            busy: AtomicUsize::new(0),
            is_shared: AtomicBool::new(false),
            is_old: AtomicBool::new(false),
        })
    }

    /// Waits until nearly all connections that made room are closed. New ones that come faster
    /// would use up the open files of the process.
    pub(super) async fn made_room(&self) {
        loop {
            let closed = self.0.closed.notified();
            if self.lock().leaving <= RESERVE / 2 {
                return;
            }
            closed.await;
        }
    }

    /// Closes the connection that has been idle longest. Returns whether there is one.
    pub(super) fn evict_idle(&self) -> bool {
        self.lock().evict()
    }

    /// Closes the connections whose clients took too long.
    pub(super) fn sweep(&self, patience: Patience) {
        let now = Instant::now();
        let mut state = self.lock();
        while state.idle.first().is_some_and(|(since, _)| now.duration_since(*since) >= patience.idle) {
            state.evict();
        }
        let is_stalled = |one: &&Open| {
            let is_partial = one.partial.is_some_and(|since| now.duration_since(since) >= patience.head);
            is_partial || one.unread > 0 && now.duration_since(one.since) >= patience.answer
        };
        state.open.values().filter(is_stalled).for_each(|one| one.close.cancel());
    }

    #[cfg(test)]
    fn open(&self) -> usize {
        self.lock().open.len()
    }
}

impl State {
    fn evict(&mut self) -> bool {
        let Some((_, id)) = self.idle.pop_first() else { return false };
        // The connection is still open until its task has ended, but it makes room at once.
        if let Some(open) = self.open.remove(&id) {
            self.leaving += 1;
            open.close.cancel();
        }
        true
    }
}

impl Ticket {
    /// Returns whether only health checks are answered on this connection at present.
    pub(super) fn is_health_only(&self) -> bool {
        if !self.is_spare.load(Ordering::Relaxed) {
            return false;
        }
        let limit = self.connections.0.limit.load(Ordering::Relaxed);
        let is_spare = self.connections.lock().open.len() > limit;
        self.is_spare.store(is_spare, Ordering::Relaxed);
        is_spare
    }

    /// Returns whether requests are in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Returns whether several requests share the connection, as over HTTP/2.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared.load(Ordering::Relaxed)
    }

    /// Notes that several requests share the connection.
    pub(super) fn share(&self) {
        self.is_shared.store(true, Ordering::Relaxed);
    }

    /// Returns whether the connection has reached its age.
    pub(super) fn is_old(&self) -> bool {
        self.is_old.load(Ordering::Relaxed)
    }

    /// Notes that the connection has reached its age.
    pub(super) fn grow_old(&self) {
        self.is_old.store(true, Ordering::Relaxed);
    }

    /// Waits until the connection must close.
    pub(super) async fn closed(&self) {
        self.close.cancelled().await;
    }

    /// Notes that bytes have arrived.
    pub(super) fn received(&self, bytes: &[u8]) {
        if !self.waits.swap(false, Ordering::Relaxed) {
            return;
        }
        if bytes.starts_with(b"PRI") {
            self.share();
        } else if let Some(open) = self.connections.lock().open.get_mut(&self.id) {
            open.partial = Some(Instant::now());
        }
    }

    /// Notes that a request has begun.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        let mut state = self.connections.lock();
        self.busy.fetch_add(1, Ordering::Relaxed);
        if let Some(open) = state.open.get_mut(&self.id) {
            open.partial = None;
            let since = std::mem::replace(&mut open.since, Instant::now());
            state.idle.remove(&(since, self.id));
        }
        drop(state);
        InFlight { ticket: Arc::clone(self), has_answer: false }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.connections.lock();
        if let Some(open) = state.open.remove(&self.id) {
            state.idle.remove(&(open.since, self.id));
        } else {
            state.leaving -= 1;
            self.connections.0.closed.notify_waiters();
        }
    }
}

impl InFlight {
    /// Returns whether the connection of the request has reached its age.
    pub(super) fn is_on_old_connection(&self) -> bool {
        self.ticket.is_old()
    }

    /// Notes that the client has taken a part of the answer and that more of it waits.
    pub(super) fn progress(&mut self) {
        let mut state = self.ticket.connections.lock();
        if let Some(open) = state.open.get_mut(&self.ticket.id) {
            open.since = Instant::now();
            open.unread += usize::from(!std::mem::replace(&mut self.has_answer, true));
        }
    }

    /// Notes that the client has taken everything so far, and that the server has to send more.
    pub(super) fn caught_up(&mut self) {
        if std::mem::take(&mut self.has_answer)
            && let Some(open) = self.ticket.connections.lock().open.get_mut(&self.ticket.id)
        {
            open.unread -= 1;
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.caught_up();
        let mut state = self.ticket.connections.lock();
        let is_last = self.ticket.busy.fetch_sub(1, Ordering::Relaxed) == 1;
        let Some(open) = state.open.get_mut(&self.ticket.id) else { return };
        open.since = Instant::now();
        if is_last {
            let since = open.since;
            state.idle.insert((since, self.ticket.id));
            self.ticket.waits.store(!self.ticket.is_shared(), Ordering::Relaxed);
        }
    }
}

/// Returns how many connections fit into the limit of open files, as far as the system tells it.
fn files_left() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let limit = process::most_descriptors(&limits)? as usize;
    let used = process::open_descriptors()?;
    Some(limit.saturating_sub(used + OWN_FILES.max(limit / 8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { head: Duration::from_secs(10), idle: Duration::from_secs(60), answer: Duration::from_secs(30) };

    fn is_closed(ticket: &Ticket) -> bool {
        ticket.close.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_connection_replaces_the_one_that_is_idle_longest() {
        let connections = Connections::new(2);
        let first = Arc::new(connections.admit().expect("room"));
        tokio::time::advance(Duration::from_secs(1)).await;
        let second = connections.admit().expect("room");
        tokio::time::advance(Duration::from_secs(1)).await;
        // The first one works and becomes idle after the second.
        drop(first.begin());
        let third = connections.admit().expect("the second makes room");
        assert!(is_closed(&second) && !is_closed(&first) && !is_closed(&third));
        assert!(!third.is_health_only());
        drop(second);
        assert_eq!(connections.open(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_make_room_are_waited_for() {
        let connections = Connections::new(RESERVE);
        let first: Vec<Ticket> = (0..RESERVE).map(|_| connections.admit().expect("room")).collect();
        connections.made_room().await;
        let second: Vec<Ticket> = (0..RESERVE).map(|_| connections.admit().expect("an idle one leaves")).collect();
        let wait = tokio::time::timeout(Duration::from_secs(1), connections.made_room());
        wait.await.expect_err("the first ones still have their files");
        let all_close = async {
            for ticket in first {
                tokio::task::yield_now().await;
                drop(ticket);
            }
        };
        tokio::join!(all_close, connections.made_room());
        drop(second);
        assert_eq!((connections.open(), connections.lock().leaving), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn busy_connections_stay_and_health_checks_have_a_reserve() {
        let connections = Connections::new(1);
        let busy = Arc::new(connections.admit().expect("room"));
        let request = busy.begin();
        let reserve: Vec<_> = std::iter::from_fn(|| {
            let ticket = Arc::new(connections.admit()?);
            assert!(ticket.is_health_only());
            Some((ticket.begin(), ticket))
        })
        .collect();
        assert_eq!(reserve.len(), RESERVE);
        assert!(!is_closed(&busy));
        let (last_request, last) = reserve.into_iter().next_back().expect("a reserve");
        assert!(last.is_health_only(), "there are more than the limit");
        drop((request, busy));
        assert!(!last.is_health_only(), "it counts as an ordinary one now");
        drop(last_request);
        let next = connections.admit().expect("the last one is idle");
        assert!(!next.is_health_only() && is_closed(&last));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_after_its_time_and_a_busy_one_is_not() {
        let connections = Connections::new(8);
        let (silent, busy) = (connections.admit().expect("room"), Arc::new(connections.admit().expect("room")));
        let request = busy.begin();
        tokio::time::advance(Duration::from_secs(59)).await;
        connections.sweep(PATIENCE);
        assert!(!is_closed(&silent));
        tokio::time::advance(Duration::from_secs(1)).await;
        connections.sweep(PATIENCE);
        assert!(is_closed(&silent) && !is_closed(&busy));
        drop(request);
        tokio::time::advance(Duration::from_secs(59)).await;
        connections.sweep(PATIENCE);
        assert!(!is_closed(&busy));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_closes_its_connection() {
        let connections = Connections::new(8);
        let (reader, watcher) =
            (Arc::new(connections.admit().expect("room")), Arc::new(connections.admit().expect("room")));
        let (mut left, mut watched) = (reader.begin(), watcher.begin());
        left.progress();
        // This client has read all there is, and waits for more.
        watched.progress();
        watched.caught_up();
        tokio::time::advance(Duration::from_secs(31)).await;
        connections.sweep(PATIENCE);
        assert!(is_closed(&reader) && !is_closed(&watcher));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_in_closes_its_connection() {
        let connections = Connections::new(8);
        let (slow, shared) = (connections.admit().expect("room"), connections.admit().expect("room"));
        let kept = Arc::new(connections.admit().expect("room"));
        for _ in 0..11 {
            slow.received(b"G");
            shared.received(b"PRI * HTTP/2.0");
            kept.received(b"GET");
            drop(kept.begin());
            tokio::time::advance(Duration::from_secs(1)).await;
            connections.sweep(PATIENCE);
        }
        assert!(is_closed(&slow) && !is_closed(&shared) && !is_closed(&kept));
    }

    #[tokio::test]
    async fn the_limit_of_open_files_is_known() {
        assert!(files_left().is_some_and(|files| files > 0));
    }
}
