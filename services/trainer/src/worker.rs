//! Works on the queue while this trainer holds the lease, and stands by while another one does.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use marquee_backoff::Backoff;
use marquee_domain::{Outcome, Stage};
use marquee_fit::FitError;
use marquee_kit::{Metrics, Stop, chain};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use thiserror::Error;
use tokio::time::Instant;

use crate::pipeline::{Pipeline, PipelineError, Published};
use crate::queue::{Lease, Queue, QueueError, Run};

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
    pub(crate) fn new(queue: Arc<Queue>, lease: Lease, pipeline: Pipeline, metrics: &Metrics) -> Self {
        Self { queue, lease, pipeline, metrics: WorkerMetrics::register(metrics) }
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
                Some(run) => holds_lease = self.work_on(&run, &stop).await,
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
            }
        }
        Ok(holds_lease)
    }

    /// Works on a run until it ends, the lease is lost, or `stop`. Returns whether this trainer
    /// still has the lease.
    async fn work_on(&self, run: &Run, stop: &Stop) -> bool {
        self.metrics.running.set(1);
        self.queue.set_working(run, true);
        let run = &run.begin();
        let holds_lease = tokio::select! {
            () = self.train(run) => true,
            () = self.keep_lease(run) => {
                tracing::error!(run = %run.id(), "lost the lease; the run stops here");
                false
            }
            () = stop.cancelled() => true,
        };
        // A fit that still runs on another thread stops after its present sweep. The next holder of
        // the lease ends the run, or works on it if it is still queued in the store.
        run.leave();
        self.queue.set_working(run, false);
        self.metrics.running.set(0);
        holds_lease
    }

    /// Renews the lease and stores the run's progress. Returns when the lease is lost.
    async fn keep_lease(&self, run: &Run) {
        let mut renewed = Instant::now();
        let mut stored = run.now();
        loop {
            tokio::time::sleep(REFRESH.min(self.lease.renewal())).await;
            match self.lease.hold().await {
                Ok(true) => renewed = Instant::now(),
                Ok(false) => return,
                // Another trainer may take over after a whole lease, so this one stops earlier.
                Err(_) if renewed.elapsed() > self.lease.renewal() * 2 => return,
                Err(error) => tracing::warn!(error = chain(&error), "could not renew the lease; trying again"),
            }
            let now = run.now();
            let has_news = !now.has_ended() && now != stored;
            let refreshed = self.queue.refresh().await;
            let saved = if has_news { refreshed.and(self.queue.save(run).await) } else { refreshed };
            match saved {
                Ok(()) => stored = now,
                Err(QueueError::Superseded) => return,
                Err(error) => tracing::warn!(error = chain(&error), "could not store the progress of a training run"),
            }
        }
    }

    /// Trains, publishes, and stores how the run ended.
    async fn train(&self, run: &Run) {
        let started = Instant::now();
        let (outcome, label) = match self.publish(run).await {
            _ if run.has_ended() => {
                tracing::error!(run = %run.id(), "another trainer has ended the run");
                return;
            }
            Ok(Published { version, digest }) => {
                let (model, seconds) = (run.now().plan.model, started.elapsed().as_secs_f64());
                tracing::info!(run = %run.id(), %model, %version, seconds, "model published");
                (Outcome::Published { version, digest }, "succeeded")
            }
            Err(TrainError::LeaseLost) => {
                tracing::error!(run = %run.id(), "lost the lease before publishing");
                return;
            }
            Err(TrainError::Canceled(when)) => (Outcome::Canceled(when.to_owned()), "cancelled"),
            Err(TrainError::Pipeline(PipelineError::Fit(FitError::Canceled))) => {
                (Outcome::Canceled("canceled".to_owned()), "cancelled")
            }
            Err(error) => {
                let text = chain(&error);
                tracing::warn!(run = %run.id(), model = %run.now().plan.model, error = text, "training failed");
                (Outcome::Failed(text), "failed")
            }
        };
        match self.retry(|| self.queue.end(run, outcome.clone())).await {
            Ok(()) => self.metrics.count(label),
            Err(error) => {
                tracing::error!(run = %run.id(), error = chain(&error), ?outcome, "the end of a run is not stored")
            }
        }
    }

    async fn publish(&self, run: &Run) -> Result<Published, TrainError> {
        if run.is_canceled() {
            return Err(TrainError::Canceled("canceled before it began"));
        }
        run.enter(Stage::Snapshot, "reading the ratings");
        self.retry(|| self.queue.save(run)).await?;
        let exported = self.pipeline.prepare(run).await?;
        // A process that was paused for longer than a lease must not publish: another trainer has
        // ended this run. The lease shows that while the other trainer has it, the run does later.
        let lease = || async { self.lease.hold().await.map_err(QueueError::Store) };
        if !self.retry(lease).await? {
            return Err(TrainError::LeaseLost);
        }
        run.enter(Stage::Publish, "signing and publishing");
        self.retry(|| self.queue.save(run)).await?;
        Ok(self.pipeline.publish(exported).await?)
    }

    /// Repeats a call while the object store does not answer. The run is dropped when the lease is
    /// lost meanwhile, so this ends.
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
