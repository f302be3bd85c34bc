//! Background tasks. Each has a name, is supervised while it runs, and is joined at shutdown.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout_at};

/// A task returned an error or panicked.
#[derive(Debug, Clone, thiserror::Error)]
#[error("task {task} {what}")]
pub struct TaskError {
    task: &'static str,
    what: String,
}

/// The tasks of a process. Clones are cheap and share the tasks.
#[derive(Clone)]
pub struct Tasks(Arc<Inner>);

struct Inner {
    running: Mutex<Vec<Running>>,
    failed: watch::Sender<Option<TaskError>>,
}

struct Running {
    task: &'static str,
    supervisor: JoinHandle<()>,
    /// Aborts the task itself. Aborting its supervisor would leave the task running.
    work: AbortHandle,
}

impl Default for Tasks {
    fn default() -> Self {
        Self(Arc::new(Inner { running: Mutex::default(), failed: watch::Sender::new(None) }))
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").finish_non_exhaustive()
    }
}

impl Tasks {
    /// The longest time that aborted tasks may take to be dropped, all of them together.
    pub const ABORT: Duration = Duration::from_millis(200);

    /// Runs a task until it ends. An error or a panic is reported by [`Self::failed`], because a
    /// process with a failed task must not look healthy.
    pub fn spawn<E>(&self, task: &'static str, work: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: std::error::Error + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        // The work runs in a task of its own, so that a panic becomes a join error here and is not
        // lost.
        let work = tokio::spawn(work);
        let abort = work.abort_handle();
        let supervisor = tokio::spawn(async move {
            let what = match work.await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => format!("failed: {}", crate::failure::chain(&error)),
                Err(error) if error.is_cancelled() => return,
                Err(_) => "panicked".to_owned(),
            };
            tracing::error!(task, "background task {what}");
            inner.failed.send_if_modified(|slot| {
                let first = slot.is_none();
                slot.get_or_insert(TaskError { task, what });
                first
            });
        });
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|running| !running.supervisor.is_finished());
        running.push(Running { task, supervisor, work: abort });
    }

    /// Waits until a task fails.
    pub async fn failed(&self) -> TaskError {
        let mut failed = self.0.failed.subscribe();
        loop {
            if let Some(error) = failed.borrow_and_update().clone() {
                return error;
            }
            if failed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits for every task to end, at most until the deadline. Tasks that still run are logged by
    /// name and aborted. A task that blocks its thread is left behind [`Self::ABORT`] later.
    pub async fn join(&self, deadline: Duration) {
        let running: Vec<_> = std::mem::take(&mut *self.0.running.lock().unwrap_or_else(PoisonError::into_inner));
        let end = Instant::now() + deadline;
        let mut aborted = Vec::new();
        for Running { task, mut supervisor, work } in running {
            if timeout_at(end, &mut supervisor).await.is_err() {
                tracing::warn!(task, "background task did not end in time and is aborted");
                work.abort();
                aborted.push((task, supervisor));
            }
        }
        // Waits until the aborted tasks are dropped, so that what they hold is free afterwards. A
        // task that blocks its thread cannot be aborted.
        let end = Instant::now() + Self::ABORT;
        for (task, supervisor) in aborted {
            if timeout_at(end, supervisor).await.is_err() {
                tracing::error!(task, "background task blocks its thread and is left behind");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_reported_with_the_name_of_its_task() {
        let tasks = Tasks::default();
        tasks.spawn("doomed", async {
            if tokio::runtime::Handle::try_current().is_ok() {
                panic!("for the test");
            }
            Ok::<_, std::io::Error>(())
        });
        assert_eq!(tasks.failed().await.to_string(), "task doomed panicked");
    }

    #[tokio::test]
    async fn work_that_does_not_end_in_time_is_gone_after_join() {
        let tasks = Tasks::default();
        let held = Arc::new(());
        let holding = Arc::clone(&held);
        tasks.spawn("endless", async move {
            std::future::pending::<()>().await;
            drop(holding);
            Ok::<_, std::io::Error>(())
        });
        tasks.join(Duration::ZERO).await;
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test]
    async fn join_waits_for_work_that_ends() {
        let tasks = Tasks::default();
        let (send, receive) = tokio::sync::oneshot::channel();
        tasks.spawn("sender", async move {
            tokio::task::yield_now().await;
            let _ = send.send(7);
            Ok::<_, std::io::Error>(())
        });
        tasks.join(Duration::from_secs(5)).await;
        assert_eq!(receive.await, Ok(7));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_that_blocks_its_thread_does_not_block_join() {
        let tasks = Tasks::default();
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        tasks.spawn("blocked", async move {
            let _ = blocked.recv();
            Ok::<_, std::io::Error>(())
        });
        tokio::time::timeout(Duration::from_secs(10), tasks.join(Duration::ZERO)).await.expect("join ends");
        drop(release);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 16)]
    async fn all_tasks_that_block_their_threads_have_one_deadline() {
        const COUNT: usize = 12;
        let tasks = Tasks::default();
        let (started, starts) = std::sync::mpsc::channel();
        let releases: Vec<_> = (0..COUNT)
            .map(|_| {
                let started = started.clone();
                let (release, blocked) = std::sync::mpsc::channel::<()>();
                tasks.spawn("blocked", async move {
                    let _ = started.send(());
                    let _ = blocked.recv();
                    Ok::<_, std::io::Error>(())
                });
                release
            })
            .collect();
        for _ in 0..COUNT {
            starts.recv_timeout(Duration::from_secs(10)).expect("it runs");
        }
        let start = Instant::now();
        tasks.join(Duration::ZERO).await;
        // One after another they would take twelve times as long.
        assert!(start.elapsed() < Tasks::ABORT * 6, "{:?}", start.elapsed());
        drop(releases);
    }
}
