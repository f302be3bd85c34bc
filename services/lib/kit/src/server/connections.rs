//! The open connections of a process: how many there may be, and which one makes room for a new
//! one.
//!
//! A connection is idle while it has no request in flight, which includes the time until the head
//! of its first request has arrived. At the limit a new connection replaces the one that has been
//! idle longest. So neither forgotten connections nor trickled headers keep other clients out.
//! While every connection is busy, a few more are admitted for health checks only.
//!
//! Requests note what they do in atomics of their connection. Only opening and closing connections
//! take the lock, so requests on different connections do not wait for each other.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
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

/// Connections of a listener set that may send much at once. They add at most 48 MiB to what is on
/// its way to the process, and those of the listeners for administration as much again.
const WIDE: usize = 16;

/// A request that ends and a connection that is taken off the list must not miss each other.
const ORDER: Ordering = Ordering::SeqCst;

/// The connections of a process. Clones are cheap and share them.
#[derive(Debug, Clone)]
pub(super) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: AtomicUsize,
    /// Times are counted from here.
    start: Instant,
    state: Mutex<State>,
    /// A connection that had made room is closed.
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: HashMap<u64, Open>,
    /// The list of the connections that may be idle, by a time at which each was. Requests do not
    /// change it: an entry is corrected when it is the first one.
    ///
    /// **Invariant:** every idle connection is listed, and not with a later time than the one since
    /// when it has been idle (`a_connection_that_was_busy_is_listed_again`).
    idle: BTreeSet<(u64, u64)>,
    /// Connections that have made room and still have their files.
    leaving: usize,
    /// Open connections that may send much at once.
    wide: usize,
}

#[derive(Debug)]
struct Open {
    activity: Arc<Activity>,
    /// The time of the entry on the list.
    listed: Option<u64>,
    close: CancellationToken,
}

/// What a connection does at present. Times are nanoseconds since the start of the set, never 0.
#[derive(Debug)]
struct Activity {
    /// The requests in flight.
    busy: AtomicUsize,
    /// When the connection became idle, or when it last made progress.
    since: AtomicU64,
    /// When the first byte of a request arrived whose head has not arrived yet, or 0.
    partial: AtomicU64,
    /// Answers that the client has not read to their end.
    unread: AtomicUsize,
    /// Parts of answers that are not handed to the system yet. Their requests may have ended.
    unsent: AtomicUsize,
    /// Whether the connection is on the list, or is about to be.
    is_listed: AtomicBool,
}

impl Activity {
    /// Returns since when a connection has been idle that was taken off the list, or `None` if it
    /// is busy. The end of its last request lists it then.
    fn taken_off(&self) -> Option<u64> {
        self.is_listed.store(false, ORDER);
        // If that request ends right now, one of the two lists the connection.
        let is_idle = self.busy.load(ORDER) == 0 && !self.is_listed.swap(true, ORDER);
        is_idle.then(|| self.since.load(ORDER))
    }
}

/// An admitted connection. Dropping it makes room.
#[derive(Debug)]
pub(super) struct Ticket {
    id: u64,
    connections: Connections,
    activity: Arc<Activity>,
    close: CancellationToken,
    is_wide: bool,
    /// Whether the connection was admitted beyond the limit.
    is_spare: AtomicBool,
    /// Whether the next byte begins a request.
    waits: AtomicBool,
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

/// A part of an answer. Dropping it says that it is handed to the system.
#[derive(Debug)]
pub(super) struct Unsent(Arc<Activity>);

impl Drop for Unsent {
    fn drop(&mut self) {
        self.0.unsent.fetch_sub(1, ORDER);
    }
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
        Self(Arc::new(Inner {
            limit: AtomicUsize::new(limit),
            start: Instant::now(),
            state: Mutex::default(),
            closed: Notify::new(),
        }))
    }

    /// Returns the time in nanoseconds since the start of this set, at least 1.
    fn now(&self) -> u64 {
        nanoseconds(self.0.start.elapsed()).saturating_add(1)
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
        let is_spare = state.open.len() >= limit && !state.evict(u64::MAX);
        if is_spare && state.open.len() >= limit + RESERVE {
            return None;
        }
        let id = state.next;
        state.next += 1;
        let is_wide = state.wide < WIDE;
        state.wide += usize::from(is_wide);
        let (since, close) = (self.now(), CancellationToken::new());
        let activity = Arc::new(Activity {
            busy: AtomicUsize::new(0),
            since: AtomicU64::new(since),
            partial: AtomicU64::new(0),
            unread: AtomicUsize::new(0),
            unsent: AtomicUsize::new(0),
            is_listed: AtomicBool::new(true),
        });
        state.open.insert(id, Open { activity: Arc::clone(&activity), listed: None, close: close.clone() });
        state.list(id, since);
        drop(state);
        Some(Ticket {
            id,
            connections: self.clone(),
            activity,
            close,
            is_wide,
            is_spare: AtomicBool::new(is_spare),
            waits: AtomicBool::new(true),
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
        self.lock().evict(u64::MAX)
    }

    /// Closes the connections whose clients took too long.
    pub(super) fn sweep(&self, patience: Patience) {
        let now = self.now();
        let mut state = self.lock();
        if let Some(latest) = now.checked_sub(nanoseconds(patience.idle)) {
            while state.evict(latest) {}
        }
        let takes = |since: u64, most: Duration| now.saturating_sub(since) >= nanoseconds(most);
        let is_stalled = |one: &&Open| {
            let activity = &one.activity;
            let partial = activity.partial.load(Ordering::Relaxed);
            // In the order opposite to that of `progress`: an answer is seen with its time.
            let is_unread = activity.unread.load(ORDER) > 0;
            partial > 0 && takes(partial, patience.head)
                || is_unread && takes(activity.since.load(ORDER), patience.answer)
        };
        state.open.values().filter(is_stalled).for_each(|one| one.close.cancel());
    }

    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        self.lock().open.len()
    }
}

impl State {
    /// Puts a connection on the list, unless it is there.
    fn list(&mut self, id: u64, since: u64) {
        if let Some(open) = self.open.get_mut(&id)
            && open.listed.is_none()
        {
            open.listed = Some(since);
            self.idle.insert((since, id));
        }
    }

    /// Closes the connection that has been idle longest, if it became idle at `latest` or before.
    /// Returns whether there is one.
    fn evict(&mut self, latest: u64) -> bool {
        while let Some(entry @ (listed, id)) = self.idle.first().copied().filter(|(listed, _)| *listed <= latest) {
            self.idle.remove(&entry);
            let Some(open) = self.open.get_mut(&id) else { continue };
            open.listed = None;
            let Some(since) = open.activity.taken_off() else { continue };
            if since > listed {
                // It was busy in between.
                self.list(id, since);
                continue;
            }
            // The connection is still open until its task has ended, but it makes room at once.
            open.close.cancel();
            self.open.remove(&id);
            self.leaving += 1;
            return true;
        }
        false
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
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

    /// Returns whether requests are in flight, or answers that the client has not taken yet.
    pub(super) fn is_busy(&self) -> bool {
        self.activity.busy.load(ORDER) > 0 || self.activity.unsent.load(ORDER) > 0
    }

    /// Returns whether the client may send much at once.
    pub(super) fn is_wide(&self) -> bool {
        self.is_wide
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
        if !self.waits.load(Ordering::Relaxed) {
            return;
        }
        self.waits.store(false, Ordering::Relaxed);
        if bytes.starts_with(b"PRI") {
            self.share();
        } else {
            self.activity.partial.store(self.connections.now(), Ordering::Relaxed);
        }
    }

    /// Notes that a request has begun.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.activity.busy.fetch_add(1, ORDER);
        self.activity.partial.store(0, Ordering::Relaxed);
        InFlight { ticket: Arc::clone(self), has_answer: false }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.connections.lock();
        state.wide -= usize::from(self.is_wide);
        if let Some(open) = state.open.remove(&self.id) {
            if let Some(listed) = open.listed {
                state.idle.remove(&(listed, self.id));
            }
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

    /// Counts a part of the answer until it is handed to the system.
    pub(super) fn unsent(&self) -> Unsent {
        self.ticket.activity.unsent.fetch_add(1, ORDER);
        Unsent(Arc::clone(&self.ticket.activity))
    }

    /// Notes that the client has taken a part of the answer and that more of it waits.
    pub(super) fn progress(&mut self) {
        let activity = &self.ticket.activity;
        activity.since.store(self.ticket.connections.now(), ORDER);
        if !std::mem::replace(&mut self.has_answer, true) {
            activity.unread.fetch_add(1, ORDER);
        }
    }

    /// Notes that the client has taken everything so far, and that the server has to send more.
    pub(super) fn caught_up(&mut self) {
        if std::mem::take(&mut self.has_answer) {
            self.ticket.activity.unread.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.caught_up();
        let Ticket { id, connections, activity, waits, .. } = &*self.ticket;
        let since = connections.now();
        activity.since.store(since, ORDER);
        if activity.busy.fetch_sub(1, ORDER) > 1 {
            return;
        }
        waits.store(!self.ticket.is_shared(), Ordering::Relaxed);
        if !activity.is_listed.load(ORDER) && !activity.is_listed.swap(true, ORDER) {
            connections.lock().list(*id, since);
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
mod tests;
