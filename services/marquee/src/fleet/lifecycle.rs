//! The tasks of a fleet, and the order in which they end.
//!
//! **Invariant:** a process ends within two seconds, besides `drain_delay` and the time that
//! requests in flight take. All steps share this time: one that ends early leaves the rest of it to
//! the next ones (held by `whatever_is_stuck_the_steps_of_a_shutdown_share_two_seconds`).

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use marquee_kit::{Compute, Context, LISTENER_END, LowPriority, Stop, TaskError, Tasks, telemetry};
use marquee_role::Entry;
use tokio::time::{Instant, timeout_at};

use crate::LINGER;

/// The longest time that the end of a process takes besides `drain_delay` and requests in flight.
const END: Duration = Duration::from_secs(2);

/// The part of it until the back-ends are closed. After that the last spans are sent, and blocking
/// calls are left behind.
const WORK: Duration = END.saturating_sub(telemetry::LAST_SPANS.saturating_add(LINGER));

/// The part of it that background work and back-ends have after the last listener has ended.
const AFTER_LISTENERS: Duration = WORK.saturating_sub(LISTENER_END);

/// The least time in which back-ends close.
const CLOSE: Duration = Duration::from_millis(150);

/// The time beyond all bounds after which a process is ended by force.
const FORCE: Duration = Duration::from_secs(1);

/// The tasks of a fleet: its listeners, and the background work of its roles. It also holds the
/// back-ends, which end after the tasks.
#[derive(Debug)]
pub(super) struct Lifecycle {
    drain_delay: Duration,
    /// The longest time that requests in flight may take.
    patience: Duration,
    context: Context,
    servers: Tasks,
    /// Cancelled when the listeners must close.
    close: Stop,
    back_ends: Mutex<Vec<Box<dyn Any + Send>>>,
}

/// What roles of a low priority work with.
pub(super) struct Low {
    pub(super) runtime: Arc<LowPriority>,
    pub(super) context: Context,
}

impl Lifecycle {
    pub(super) fn new(drain_delay: Duration, patience: Duration) -> Self {
        Self {
            drain_delay,
            patience,
            context: Context::default(),
            servers: Tasks::default(),
            close: Stop::new(),
            back_ends: Mutex::default(),
        }
    }

    /// Holds back-ends until the tasks have ended. They are then closed off the async threads: an
    /// embedded one waits for its own threads and for the disk.
    pub(super) fn hold(&self, back_ends: impl Send + 'static) {
        self.back_ends.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(back_ends));
    }

    /// Returns the token that is canceled when the listeners close.
    pub(super) fn close(&self) -> Stop {
        self.close.clone()
    }

    /// Returns what roles work with.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Returns what roles of a low priority work with, if they have others beside them. It lives as
    /// long as the back-ends.
    pub(super) fn low_priority(&self, roles: &[Entry]) -> std::io::Result<Option<Low>> {
        let lower = roles.iter().filter(|role| role.is_low_priority).count();
        if lower == 0 || lower == roles.len() {
            return Ok(None);
        }
        let runtime = Arc::new(LowPriority::start()?);
        self.hold(Arc::clone(&runtime));
        // A job that computes holds a place of the pool. Others must not wait for a slow one.
        let context = Context { compute: Compute::default(), ..self.context.clone() };
        Ok(Some(Low { runtime, context }))
    }

    /// Returns the longest time that requests in flight may take when the listeners close. It is
    /// shorter than the step, so that a server can report that it cut requests.
    pub(super) fn request_patience(&self) -> Duration {
        self.patience / 2
    }

    /// Runs a listener until the token that it gets is cancelled.
    pub(super) fn spawn_server<E, W>(&self, name: &'static str, serve: impl FnOnce(Stop) -> W)
    where
        E: std::error::Error + Send + 'static,
        W: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.servers.spawn(name, serve(self.close.clone()));
    }

    /// Waits until a task has failed.
    pub(super) async fn failed(&self) -> TaskError {
        tokio::select! {
            error = self.context.tasks.failed() => error,
            error = self.servers.failed() => error,
        }
    }

    /// Ends everything in order.
    ///
    /// **Invariant:** the process reports that it is not ready for `drain_delay` before a listener
    /// closes, and background work ends after the last request.
    pub(super) async fn shutdown(self) {
        tracing::info!(drain_delay = ?self.drain_delay, "shutting down");
        self.context.health.drain();
        tokio::time::sleep(self.drain_delay).await;
        self.close.cancel();
        let closing = Instant::now();
        self.servers.join(self.patience).await;
        // The time of requests in flight is not a part of the work.
        let end = (closing + WORK).max(Instant::now() + AFTER_LISTENERS);
        self.stop_tasks_until(end).await;
        tracing::info!("stopped");
    }

    /// Ends the background work of roles whose fleet did not start.
    pub(super) async fn stop_tasks(self) {
        self.stop_tasks_until(Instant::now() + WORK).await;
    }

    /// Ends the background work of roles, then the back-ends. All of the work can be interrupted:
    /// what it leaves is taken up at the next start.
    async fn stop_tasks_until(self, end: Instant) {
        self.close.cancel();
        self.context.stop.cancel();
        let left = end.saturating_duration_since(Instant::now());
        let patience = left.saturating_sub(Tasks::ABORT + CLOSE).min(self.patience);
        self.context.tasks.join(patience).await;
        close(self.back_ends.into_inner().unwrap_or_else(PoisonError::into_inner), end).await;
    }

    /// Returns the time after which a process that was told to stop is ended by force. An orderly
    /// shutdown with these settings takes less.
    pub(super) fn longest_shutdown(drain_delay: Duration, patience: Duration) -> Duration {
        drain_delay.saturating_add(patience).saturating_add(END + FORCE)
    }
}

/// Closes back-ends off the async threads, and leaves those behind that are not closed in time.
async fn close(back_ends: Vec<Box<dyn Any + Send>>, end: Instant) {
    if back_ends.is_empty() {
        return;
    }
    if timeout_at(end, tokio::task::spawn_blocking(move || drop(back_ends))).await.is_err() {
        tracing::warn!("back-ends did not close in time and are left behind");
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use super::*;

    type Events = Arc<Mutex<Vec<(&'static str, u64)>>>;

    /// Starts a listener and a task that write down when they end, in milliseconds.
    fn recorded(lifecycle: &Lifecycle, server_takes: Duration) -> Events {
        let events = Events::default();
        let start = Instant::now();
        let note = move |events: &Events, name| {
            events.lock().expect("a lock").push((name, start.elapsed().as_millis() as u64));
        };
        let list = Arc::clone(&events);
        lifecycle.spawn_server("server", move |close| async move {
            close.cancelled().await;
            note(&list, "listener closes");
            tokio::time::sleep(server_takes).await;
            note(&list, "requests end");
            Ok::<_, Infallible>(())
        });
        let (list, stop) = (Arc::clone(&events), lifecycle.context().stop.clone());
        lifecycle.context().tasks.spawn("work", async move {
            stop.cancelled().await;
            note(&list, "work ends");
            Ok::<_, Infallible>(())
        });
        events
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_is_not_ready_for_the_drain_delay_before_its_listeners_close() {
        let lifecycle = Lifecycle::new(Duration::from_secs(10), Duration::from_secs(30));
        let events = recorded(&lifecycle, Duration::from_secs(2));
        let health = lifecycle.context().health.clone();
        let check = health.check("one");
        check.ready();
        let shutdown = tokio::spawn(lifecycle.shutdown());
        tokio::time::sleep(Duration::from_secs(9)).await;
        // The loop of a role reports that it is ready, as it does every second.
        check.ready();
        assert!(!health.is_ready());
        assert!(events.lock().expect("a lock").is_empty());
        shutdown.await.expect("no panic");
        let expected = [("listener closes", 10_000), ("requests end", 12_000), ("work ends", 12_000)];
        assert_eq!(*events.lock().expect("a lock"), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_do_not_end_are_cut_in_time() {
        let lifecycle = Lifecycle::new(Duration::ZERO, Duration::from_secs(3));
        let events = recorded(&lifecycle, Duration::from_secs(3_600));
        lifecycle.shutdown().await;
        assert_eq!(*events.lock().expect("a lock"), [("listener closes", 0), ("work ends", 3_000)]);
    }

    #[tokio::test(start_paused = true)]
    async fn background_work_that_does_not_end_is_cut_soon() {
        let lifecycle = Lifecycle::new(Duration::ZERO, Duration::from_secs(3_600));
        lifecycle.context().tasks.spawn("endless", std::future::pending::<Result<(), Infallible>>());
        let start = Instant::now();
        lifecycle.shutdown().await;
        assert!(start.elapsed() <= WORK, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_is_stuck_the_steps_of_a_shutdown_share_two_seconds() {
        let rest = telemetry::LAST_SPANS + LINGER;
        // Silent clients alone, and a request that takes longer than all of the work.
        for request in [Duration::ZERO, Duration::from_secs(5)] {
            let lifecycle = Lifecycle::new(Duration::ZERO, Duration::from_secs(3_600));
            let events = recorded(&lifecycle, request + LISTENER_END);
            lifecycle.context().tasks.spawn("endless", std::future::pending::<Result<(), Infallible>>());
            let start = Instant::now();
            lifecycle.shutdown().await;
            let took = start.elapsed() + rest;
            assert!(took <= request + Duration::from_secs(2), "{took:?} with a request of {request:?}");
            let names: Vec<&str> = events.lock().expect("a lock").iter().map(|(name, _)| *name).collect();
            assert_eq!(names, ["listener closes", "requests end", "work ends"]);
        }
        // A start that was interrupted has no listener to wait for.
        let lifecycle = Lifecycle::new(Duration::ZERO, Duration::from_secs(3_600));
        lifecycle.context().tasks.spawn("endless", std::future::pending::<Result<(), Infallible>>());
        let start = Instant::now();
        lifecycle.stop_tasks().await;
        assert!(start.elapsed() + rest <= Duration::from_secs(2), "{:?}", start.elapsed());
        let forced = Lifecycle::longest_shutdown(Duration::from_secs(1), Duration::from_secs(5));
        assert!(forced > Duration::from_secs(1 + 5 + 2), "force comes after an orderly end");
    }

    /// A back-end that writes down when it closes.
    struct Noted(Events);

    impl Drop for Noted {
        fn drop(&mut self) {
            self.0.lock().expect("a lock").push(("back-end closes", 0));
        }
    }

    /// A back-end that does not close before the other side of its channel is dropped.
    struct Hangs(std::sync::mpsc::Receiver<()>);

    impl Drop for Hangs {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }

    #[tokio::test]
    async fn back_ends_close_after_the_work_and_those_that_hang_are_left_behind() {
        let lifecycle = Lifecycle::new(Duration::ZERO, Duration::from_secs(3_600));
        let events = recorded(&lifecycle, Duration::ZERO);
        lifecycle.hold(Noted(Arc::clone(&events)));
        lifecycle.shutdown().await;
        let names: Vec<&str> = events.lock().expect("a lock").iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["listener closes", "requests end", "work ends", "back-end closes"]);

        let (release, closes) = std::sync::mpsc::channel::<()>();
        let hangs: Vec<Box<dyn Any + Send>> = vec![Box::new(Hangs(closes))];
        let ended = tokio::time::timeout(Duration::from_secs(10), close(hangs, Instant::now())).await;
        ended.expect("a back-end that hangs delays nothing");
        drop(release);
    }
}
