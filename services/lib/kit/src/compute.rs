//! The compute pool: CPU work that takes over half a millisecond runs here, not on async threads.
//!
//! Tokio's blocking pool starts up to 512 threads. That suits work that waits, but not work that
//! computes: on two cores it only adds context switches. This pool limits how many jobs compute at
//! the same time. Further jobs wait in order.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// A bounded pool for CPU work. Clones are cheap and share the limit.
#[derive(Clone)]
pub struct Compute {
    permits: Arc<Semaphore>,
}

impl Compute {
    /// Creates a pool that runs at most `threads` jobs at the same time.
    pub fn new(threads: NonZeroUsize) -> Self {
        Self { permits: Arc::new(Semaphore::new(threads.get())) }
    }

    /// Runs a large job as [`Self::run`] does, and a small one here and now. To hand a small one to
    /// another thread would take longer than to run it.
    ///
    /// # Panics
    /// A panic of the job continues in the caller.
    pub async fn run_if<T: Send + 'static>(&self, is_large: bool, job: impl FnOnce() -> T + Send + 'static) -> T {
        if is_large { self.run(job).await } else { job() }
    }

    /// Runs a job off the async threads and returns its result. Jobs start in the order of the
    /// calls. A job that has started runs to its end, even if the caller is dropped.
    ///
    /// # Panics
    /// A panic of the job continues in the caller.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let job = tokio::task::spawn_blocking(move || {
            // The job owns the permit, so that the limit holds even if the caller is dropped.
            let _permit = permit;
            job()
        });
        match job.await {
            Ok(value) => value,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down. The caller is being dropped too, so it needs no
                // value.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

impl Default for Compute {
    /// Creates a pool that runs one job for each core.
    fn default() -> Self {
        Self::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

impl fmt::Debug for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compute").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn no_more_jobs_run_at_once_than_the_pool_has_threads() {
        let compute = Compute::new(NonZeroUsize::new(2).expect("not zero"));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs = (0..16).map(|_| {
            let (compute, running, most) = (compute.clone(), Arc::clone(&running), Arc::clone(&most));
            tokio::spawn(async move {
                compute
                    .run(move || {
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    })
                    .await;
            })
        });
        for job in jobs.collect::<Vec<_>>() {
            job.await.expect("the job ends");
        }
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    }

    #[tokio::test]
    async fn a_panic_reaches_the_caller_and_frees_the_place() {
        let compute = Compute::new(NonZeroUsize::MIN);
        let job = compute.clone();
        let failed = tokio::spawn(async move { job.run(|| panic!("for the test")).await }).await;
        assert!(failed.expect_err("the panic goes on").is_panic());
        assert_eq!(compute.run(|| 7).await, 7);
    }
}
