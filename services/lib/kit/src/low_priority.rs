//! A runtime for work that nobody waits for, such as training and measuring: its threads give way
//! to those that serve.
//!
//! In a process with all roles, the monitor applies every rating that the feature store applies,
//! and a fit takes all cores for minutes. On few cores, requests and imports would share the
//! processor evenly with them. Linux gives each thread a niceness of its own, and a thread at 10
//! gets about a tenth of the time of one at 0 if both want all of it (sched(7)). Elsewhere the
//! niceness is one of the whole process, so there the work runs with everything else.

use std::pin::pin;
use std::task::Poll;

use tokio::runtime::Runtime;

/// The niceness of the threads.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// A runtime whose threads have a low priority. It ends when it is dropped, and leaves blocking
/// calls behind.
#[derive(Debug)]
pub struct LowPriority(Option<Runtime>);

impl LowPriority {
    /// Starts the threads. Where threads have no priority of their own, none are started, and the
    /// work runs on the runtime of the caller.
    ///
    /// # Errors
    /// The system starts no more threads.
    pub fn start() -> std::io::Result<Self> {
        #[cfg(target_os = "linux")]
        let runtime = {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.enable_all().thread_name("tokio-low-priority").on_thread_start(give_way);
            Some(builder.build()?)
        };
        #[cfg(not(target_os = "linux"))]
        let runtime = None;
        Ok(Self(runtime))
    }

    /// Runs work within the runtime. The work itself runs on the thread of the caller; the tasks
    /// and blocking calls that it starts run with a low priority.
    pub async fn within<T>(&self, work: impl Future<Output = T>) -> T {
        let Some(runtime) = &self.0 else { return work.await };
        let mut work = pin!(work);
        std::future::poll_fn(|context| -> Poll<T> {
            let _entered = runtime.enter();
            work.as_mut().poll(context)
        })
        .await
    }
}

impl Drop for LowPriority {
    fn drop(&mut self) {
        // A runtime that is just dropped waits for its threads, which async threads must not do.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(target_os = "linux")]
fn give_way() {
    // On Linux this sets the niceness of the calling thread alone. A sandbox may forbid it. A
    // process that gives way already keeps its niceness.
    if rustix::process::getpriority_process(None).is_ok_and(|niceness| niceness >= NICENESS) {
        return;
    }
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(error = %error, "a thread keeps its priority");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn niceness() -> i32 {
        rustix::process::getpriority_process(None).expect("a niceness")
    }

    #[tokio::test]
    async fn tasks_blocking_calls_and_their_threads_give_way_and_the_caller_does_not() {
        let low = LowPriority::start().expect("threads");
        let before = niceness();
        let (task, blocking, thread) = low
            .within(async {
                let task = tokio::spawn(async { niceness() }).await.expect("no panic");
                let blocking = tokio::task::spawn_blocking(niceness).await.expect("no panic");
                let started = tokio::task::spawn_blocking(|| std::thread::spawn(niceness).join());
                (task, blocking, started.await.expect("no panic").expect("no panic"))
            })
            .await;
        let lowest = NICENESS.max(before);
        assert_eq!([task, blocking, thread], [lowest; 3]);
        assert_eq!(niceness(), before);
        assert_eq!(tokio::spawn(async { niceness() }).await.expect("no panic"), before);
    }

    #[tokio::test]
    async fn an_end_waits_for_no_blocking_call() {
        let low = LowPriority::start().expect("threads");
        let (free, wait) = std::sync::mpsc::channel::<()>();
        let mut call = None;
        low.within(async { call = Some(tokio::task::spawn_blocking(move || wait.recv().is_err())) }).await;
        drop(low);
        drop(free);
        assert!(call.expect("started").await.is_ok_and(|was_left| was_left));
    }
}
