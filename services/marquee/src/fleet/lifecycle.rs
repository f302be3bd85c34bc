//! The tasks of a fleet, and the order in which they end.

use std::time::Duration;

use marquee_kit::{Context, Stop, TaskError, Tasks};

/// The longest time that background work may take to end. All of it can be interrupted: what it
/// leaves is taken up at the next start.
const BACKGROUND: Duration = Duration::from_millis(1_200);

/// The tasks of a fleet: its listeners, and the background work of its roles.
#[derive(Debug)]
pub(super) struct Lifecycle {
    drain_delay: Duration,
    /// The longest time that requests in flight may take.
    patience: Duration,
    context: Context,
    servers: Tasks,
    /// Cancelled when the listeners must close.
    close: Stop,
}

impl Lifecycle {
    pub(super) fn new(drain_delay: Duration, patience: Duration) -> Self {
        Self { drain_delay, patience, context: Context::default(), servers: Tasks::default(), close: Stop::new() }
    }

    /// Returns the token that is canceled when the listeners close.
    pub(super) fn close(&self) -> Stop {
        self.close.clone()
    }

    /// Returns what roles work with.
    pub(super) fn context(&self) -> &Context {
        &self.context
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
        self.servers.join(self.patience).await;
        self.stop_tasks().await;
        tracing::info!("stopped");
    }

    /// Ends the background work of roles whose fleet did not start or has closed its listeners.
    pub(super) async fn stop_tasks(self) {
        self.close.cancel();
        self.context.stop.cancel();
        self.context.tasks.join(self.patience.min(BACKGROUND)).await;
    }

    /// Returns the longest time that a shutdown with these settings takes.
    pub(super) fn longest_shutdown(drain_delay: Duration, patience: Duration) -> Duration {
        // The last part is for back-ends to close.
        drain_delay.saturating_add(patience).saturating_add(BACKGROUND).saturating_add(Duration::from_secs(3))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use tokio::time::Instant;

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
        assert!(start.elapsed() <= Duration::from_secs(2), "{:?}", start.elapsed());
    }
}
