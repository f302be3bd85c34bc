//! Work on a run while the lease is renewed.

use marquee_kit::chain;
use marquee_lease::Lease;
use tokio::sync::Notify;

use super::REFRESH;
use crate::queue::{Queue, QueueError, Run};

/// A run that this trainer works on, and the lease that lets it.
#[derive(Debug)]
pub(super) struct Leased<'a> {
    pub(super) queue: &'a Queue,
    pub(super) lease: &'a Lease,
    pub(super) run: &'a Run,
}

impl Leased<'_> {
    /// Does work while the lease is renewed. Returns `None` if the lease is lost.
    ///
    /// A write of the run's progress that is under way when the work ends is waited for
    /// (`tests::a_write_under_way_is_waited_for_when_the_work_ends`). If it were dropped, it might
    /// still take place, and the next write of the run would take it for that of another trainer.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let ended = Notify::new();
        let keeping = self.keep(&ended);
        tokio::pin!(work, keeping);
        tokio::select! {
            value = &mut work => {
                ended.notify_one();
                keeping.await;
                Some(value)
            }
            () = &mut keeping => None,
        }
    }

    /// Renews the lease and stores the run's progress. Returns when the lease is lost or the work
    /// has ended.
    async fn keep(&self, ended: &Notify) {
        let Self { queue, lease, run } = self;
        let mut keeper = lease.keeper();
        let mut stored = run.now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(REFRESH.min(lease.renewal())) => {}
                () = ended.notified() => return,
            }
            match keeper.renew().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(error = chain(&error), "could not renew the lease; trying again"),
            }
            let now = run.now();
            let has_news = !now.has_ended() && now != stored;
            let refreshed = queue.refresh().await;
            let saved = if has_news { refreshed.and(queue.save(run).await) } else { refreshed };
            match saved {
                Ok(()) => stored = now,
                Err(QueueError::Superseded) => return,
                Err(error) => tracing::warn!(error = chain(&error), "could not store the progress of a training run"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use marquee_domain::{Clock, Stage, SystemClock};
    use marquee_lease::Claim;
    use marquee_ports::ObjectStore;
    use marquee_ports::memory::{Fault, MemoryObjects, Step};
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::queue::tests::{plan, published};

    #[tokio::test(start_paused = true)]
    async fn a_write_under_way_is_waited_for_when_the_work_ends() {
        let (memory, minute) = (MemoryObjects::default(), Duration::from_secs(60));
        let (objects, clock): (Arc<dyn ObjectStore>, Arc<dyn Clock>) =
            (Arc::new(memory.clone()), Arc::new(SystemClock));
        let queue = Queue::open(Arc::clone(&objects), Arc::clone(&clock)).await.expect("opens");
        let claim = Claim { key: "leases/trainer.json", holder: "one".to_owned(), duration: Duration::from_secs(15) };
        let lease = Lease::new(objects, clock, claim);
        let run = queue.create(plan()).await.expect("creates");
        queue.set_working(&run, true);
        // The run was written first. A second after the work begins, the lease is written, and then
        // the progress of the run.
        memory.faults().add(Step::on("put", 3, Fault::DelayAnswer(minute)));
        let work = async {
            sleep(Duration::from_millis(500)).await;
            run.enter(Stage::Fit, "fitting");
            sleep(Duration::from_secs(2)).await;
        };
        let begun = Instant::now();
        let leased = Leased { queue: &queue, lease: &lease, run: &run };
        assert_eq!(leased.during(work).await, Some(()));
        let puts = memory.faults().calls().iter().filter(|call| **call == "put").count();
        assert_eq!(puts, 3, "the work ended while the answer was on its way");
        queue.end(&run, published()).await.expect("the progress was this trainer's own write");
        assert!(begun.elapsed() >= minute, "the write was waited for");
    }
}
