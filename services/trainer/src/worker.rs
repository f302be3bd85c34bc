//! Works on the queue while this trainer holds the lease, and stands by while another one does.

mod leased;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use marquee_backoff::Backoff;
use marquee_domain::{Outcome, Stage, Version};
use marquee_fit::FitError;
use marquee_kit::{Metrics, Stop, chain};
use marquee_lease::Lease;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use thiserror::Error;
use tokio::time::Instant;

use crate::pipeline::{Approved, Pipeline, PipelineError, Published};
use crate::queue::{Queue, QueueError, Run};
use crate::tracking::Tracking;
use leased::Leased;

/// The runs that have ended and are kept. Older ones are removed.
const KEPT_RUNS: usize = 1_000;

/// How often a trainer reads what others wrote.
const REFRESH: Duration = Duration::from_secs(1);

/// The delays between two tries of a call that the object store did not answer.
const STORE_BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// Why a run has no published version.
#[derive(Debug, Error)]
enum TrainError {
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("another trainer has taken the lease")]
    LeaseLost,
    #[error("{0}")]
    Canceled(&'static str),
}

/// Works on training runs, one at a time.
#[derive(Debug)]
pub(crate) struct Worker {
    queue: Arc<Queue>,
    lease: Lease,
    pipeline: Pipeline,
    tracking: Tracking,
    /// The last try to remove old runs failed.
    prune_fails: AtomicBool,
    metrics: WorkerMetrics,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug)]
struct WorkerMetrics {
    runs: Family<OutcomeLabel, Counter>,
    running: Gauge,
}

impl WorkerMetrics {
    fn register(metrics: &Metrics) -> Self {
        Self {
            runs: metrics.register("trainer_runs", "Training runs that ended, by outcome", Family::default()),
            running: metrics.register("trainer_running", "Training runs at work", Gauge::default()),
        }
    }

    fn count(&self, outcome: &'static str) {
        self.runs.get_or_create(&OutcomeLabel { outcome }).inc();
    }
}

impl Worker {
    pub(crate) fn new(
        queue: Arc<Queue>,
        lease: Lease,
        (pipeline, tracking): (Pipeline, Tracking),
        metrics: &Metrics,
    ) -> Self {
        let metrics = WorkerMetrics::register(metrics);
        Self { queue, lease, pipeline, tracking, prune_fails: AtomicBool::new(false), metrics }
    }

    /// Works until `stop`.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), Infallible> {
        let mut holds_lease = false;
        while !stop.is_cancelled() {
            holds_lease = match self.look(holds_lease).await {
                Ok(holds_lease) => holds_lease,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "could not read the training runs; trying again");
                    false
                }
            };
            match self.queue.next().filter(|_| holds_lease) {
                Some(run) => holds_lease = Box::pin(self.work_on(&run, &stop)).await,
                None => tokio::select! {
                    () = self.queue.wait_for_run() => {}
                    () = tokio::time::sleep(REFRESH) => {}
                    () = stop.cancelled() => {}
                },
            }
        }
        if holds_lease && let Err(error) = self.lease.release().await {
            tracing::warn!(error = chain(&error), "could not release the lease; other trainers wait until it expires");
        }
        Ok(())
    }

    /// Reads what others wrote, and takes or renews the lease. Returns whether this trainer has it.
    async fn look(&self, held_before: bool) -> Result<bool, QueueError> {
        let holds_lease = self.lease.hold().await.map_err(QueueError::Store)?;
        self.queue.refresh().await?;
        if holds_lease && !held_before {
            for run in self.queue.abandoned() {
                let published = self.pipeline.published_by(&run.now()).await.map_err(QueueError::Store)?;
                let outcome = match published {
                    Some(Published { version, digest }) => Outcome::Published { version, digest },
                    None => Outcome::Failed("interrupted by a restart: start it again".to_owned()),
                };
                self.queue.end_abandoned(&run, outcome).await?;
                self.tracking.ended(&run.now());
            }
        }
        if holds_lease {
            self.prune().await;
        }
        Ok(holds_lease)
    }

    /// Removes old runs. They only cost time, so a failure must not keep new ones from being
    /// trained. Of failures one after another, the first is logged where people see it.
    async fn prune(&self) {
        match self.queue.prune(KEPT_RUNS).await {
            Ok(()) => self.prune_fails.store(false, Ordering::Relaxed),
            Err(error) if self.prune_fails.swap(true, Ordering::Relaxed) => {
                tracing::debug!(error = chain(&error), "still could not remove old training runs");
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "could not remove old training runs; trying again");
            }
        }
    }

    /// Works on a run until it ends, the lease is lost, or `stop`. Returns whether this trainer
    /// still has the lease.
    async fn work_on(&self, run: &Run, stop: &Stop) -> bool {
        self.metrics.running.set(1);
        self.queue.set_working(run, true);
        let run = &run.begin(self.tracking.of_next_run());
        self.tracking.started(&run.now());
        let holds_lease = tokio::select! {
            holds_lease = self.work(run) => holds_lease,
            () = stop.cancelled() => true,
        };
        // A fit that still runs on another thread stops after its present sweep. The next holder of
        // the lease ends the run, or works on it if it is still queued in the store.
        run.leave();
        self.queue.set_working(run, false);
        self.metrics.running.set(0);
        holds_lease
    }

    /// Works on a run until it ends or the lease is lost. Returns whether this trainer still has
    /// the lease.
    async fn work(&self, run: &Run) -> bool {
        let started = Instant::now();
        let leased = Leased { queue: &self.queue, lease: &self.lease, run };
        let Some(prepared) = leased.during(self.prepare(run)).await else {
            tracing::error!(run = %run.id(), "lost the lease; the run stops here");
            return false;
        };
        // From here on a lost lease must not drop the work: a version that this trainer publishes
        // after another one has ended the run would stay behind.
        let ended = async {
            let published = match prepared {
                Ok(approved) => self.publish(run, approved).await,
                Err(error) => Err(error),
            };
            self.end(run, published, started).await;
        };
        tokio::pin!(ended);
        // A run that was left without an end counts as abandoned, as if the lease had been lost.
        match leased.during(&mut ended).await {
            Some(()) => run.has_ended(),
            None => {
                ended.await;
                false
            }
        }
    }

    /// Stores how the run ended. Withdraws what was published if another trainer ended the run.
    async fn end(&self, run: &Run, published: Result<Published, TrainError>, started: Instant) {
        let version = published.as_ref().ok().map(|published| published.version);
        let Some((outcome, label)) = self.outcome(run, published, started) else { return };
        match self.retry(|| self.queue.end(run, outcome.clone())).await {
            Ok(()) => {
                self.metrics.count(label);
                self.tracking.ended(&run.now());
            }
            Err(QueueError::Superseded) if run.has_ended() => {
                tracing::error!(run = %run.id(), "another trainer has ended the run");
                if let Some(version) = version {
                    self.withdraw(run, version).await;
                }
            }
            Err(error) => {
                tracing::error!(run = %run.id(), error = chain(&error), ?outcome, "the end of a run is not stored")
            }
        }
    }

    /// Returns how a run ends, or `None` if another trainer decides that.
    fn outcome(
        &self,
        run: &Run,
        published: Result<Published, TrainError>,
        started: Instant,
    ) -> Option<(Outcome, &'static str)> {
        match published {
            Ok(Published { version, digest }) => {
                let (model, seconds) = (run.now().plan.model, started.elapsed().as_secs_f64());
                tracing::info!(run = %run.id(), %model, %version, seconds, "model published");
                Some((Outcome::Published { version, digest }, "succeeded"))
            }
            Err(TrainError::LeaseLost | TrainError::Queue(QueueError::Superseded)) => {
                tracing::error!(run = %run.id(), "lost the lease before publishing");
                None
            }
            Err(TrainError::Canceled(when)) => Some((Outcome::Canceled(when.to_owned()), "cancelled")),
            Err(TrainError::Pipeline(PipelineError::Fit(FitError::Canceled))) => {
                Some((Outcome::Canceled("canceled".to_owned()), "cancelled"))
            }
            Err(error) => {
                let text = chain(&error);
                tracing::warn!(run = %run.id(), model = %run.now().plan.model, error = text, "training failed");
                Some((Outcome::Failed(text), "failed"))
            }
        }
    }

    /// Removes a version whose run was ended otherwise. Another trainer that found the version has
    /// ended the run with it, and then it stays.
    async fn withdraw(&self, run: &Run, version: Version) {
        let ended = run.now();
        if ended.version == Some(version) {
            return;
        }
        let withdraw = || async { self.pipeline.withdraw(&ended, version).await.map_err(QueueError::Store) };
        match self.retry(withdraw).await {
            Ok(()) => tracing::warn!(run = %run.id(), %version, "withdrew a version that was published too late"),
            Err(error) => {
                tracing::error!(run = %run.id(), %version, error = chain(&error), "could not withdraw a version")
            }
        }
    }

    /// Trains and judges a model.
    async fn prepare(&self, run: &Run) -> Result<Approved, TrainError> {
        if run.is_canceled() {
            return Err(TrainError::Canceled("canceled before it began"));
        }
        run.enter(Stage::Snapshot, "reading the ratings");
        self.retry(|| self.queue.save(run)).await?;
        Ok(self.pipeline.prepare(run).await?)
    }

    /// Publishes a model if the run is still this trainer's.
    async fn publish(&self, run: &Run, approved: Approved) -> Result<Published, TrainError> {
        // A process that was paused for longer than a lease must not publish: another trainer has
        // ended this run. The lease shows that while the other trainer has it, the run does later.
        // Both are checked before the files are written, the run by storing its stage, and again
        // right before the version exists.
        let lease = || async { self.lease.hold().await.map_err(QueueError::Store) };
        if !self.retry(lease).await? {
            return Err(TrainError::LeaseLost);
        }
        run.enter(Stage::Publish, "signing and publishing");
        self.retry(|| self.queue.save(run)).await?;
        let may_publish = || async {
            match self.retry(|| self.holds(run)).await {
                Err(QueueError::Store(error)) => Err(error),
                answer => Ok(answer.unwrap_or(false)),
            }
        };
        match self.pipeline.publish(approved, may_publish).await {
            Ok(published) => published.ok_or(TrainError::LeaseLost),
            // The version may exist although the store did not say so.
            Err(PipelineError::Publish(error)) => {
                let published = || async { self.pipeline.published_by(&run.now()).await.map_err(QueueError::Store) };
                self.retry(published).await?.ok_or(PipelineError::Publish(error).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whether this trainer has the lease, and nobody else has changed the run.
    async fn holds(&self, run: &Run) -> Result<bool, QueueError> {
        if run.has_ended() || !self.lease.hold().await.map_err(QueueError::Store)? {
            return Ok(false);
        }
        match self.queue.save(run).await {
            Err(QueueError::Superseded) => Ok(false),
            saved => saved.map(|()| true),
        }
    }

    /// Repeats a call while the object store does not answer. A run that waits here ends when the
    /// process stops.
    async fn retry<T, F>(&self, call: impl Fn() -> F) -> Result<T, QueueError>
    where
        F: Future<Output = Result<T, QueueError>>,
    {
        let mut delays = STORE_BACKOFF.start();
        loop {
            match call().await {
                Err(error) if error.is_retryable() => {
                    tracing::warn!(error = chain(&error), "the object store does not answer; trying again");
                    delays.wait().await;
                }
                answer => return answer,
            }
        }
    }
}
