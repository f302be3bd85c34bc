//! The task that appends served predictions to the log.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use marquee_backoff::Backoff;
use marquee_kit::{Compute, Stop, chain};
use marquee_ports::{Error, RatingLog, Topic};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::MissedTickBehavior;

use super::{Encode, Encoded, Waiting};
use crate::metrics::ServedMetrics;

/// Predictions that are appended together, as soon as an answer brings so many.
const BATCH: usize = 1_000;

/// The least time between two appends. Ratings share the log, and each append makes it durable.
const INTERVAL: Duration = Duration::from_millis(100);

/// Pauses between two tries while the log is away.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// Longest time for the last append, when the process stops.
const FAREWELL: Duration = Duration::from_millis(250);

/// Appends answers in batches.
pub(super) struct Delivery {
    pub(super) log: Arc<dyn RatingLog>,
    pub(super) encode: Encode,
    pub(super) compute: Compute,
    pub(super) pending: Arc<AtomicUsize>,
    pub(super) metrics: ServedMetrics,
}

impl Delivery {
    /// Appends until the process stops, then once more what waits.
    pub(super) async fn run(self, mut waiting: UnboundedReceiver<Waiting>, stop: Stop) -> Result<(), Infallible> {
        let mut pace = tokio::time::interval(INTERVAL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next = async {
                pace.tick().await;
                waiting.recv().await
            };
            let first = tokio::select! {
                first = next => first,
                () = stop.cancelled() => break,
            };
            let Some(first) = first else { return Ok(()) };
            let delivery = self.deliver(gather(Some(first), &mut waiting));
            tokio::pin!(delivery);
            tokio::select! {
                () = &mut delivery => continue,
                () = stop.cancelled() => {}
            }
            self.finish(delivery, &mut waiting).await;
            return Ok(());
        }
        self.finish(std::future::ready(()), &mut waiting).await;
        Ok(())
    }

    /// Ends the append that runs, and appends what still waits, within some time. What is not known
    /// to be on the log then counts as dropped.
    async fn finish(&self, running: impl Future<Output = ()>, waiting: &mut UnboundedReceiver<Waiting>) {
        waiting.close();
        let rest = async {
            running.await;
            loop {
                let batch = gather(None, waiting);
                if batch.is_empty() {
                    return;
                }
                self.deliver(batch).await;
            }
        };
        if tokio::time::timeout(FAREWELL, rest).await.is_err() {
            let predictions = self.pending.swap(0, Ordering::Relaxed);
            tracing::warn!(predictions, "served predictions were not logged in time for the shutdown");
            self.metrics.count_dropped("shutdown", predictions);
        }
    }

    /// Appends a batch, and tries again while the log is away. The batch keeps its places in the
    /// queue until then.
    async fn deliver(&self, batch: Vec<Waiting>) {
        let encode = self.encode;
        // A batch has thousands of predictions at most, which takes milliseconds.
        let (batch, encoded) = self
            .compute
            .run(move || {
                let encoded: Vec<Encoded> = batch.iter().flat_map(|(shown, _)| encode(shown)).collect();
                (batch, encoded)
            })
            .await;
        for chunk in encoded.chunks(BATCH) {
            let predictions: usize = chunk.iter().map(|one| one.predictions).sum();
            if let Err(error) = self.append(chunk).await {
                tracing::warn!(error = chain(&error), "the log refused served predictions");
                self.metrics.count_dropped("refused", predictions);
            } else {
                self.metrics.logged.inc_by(predictions as u64);
            }
            self.pending.fetch_sub(predictions, Ordering::Relaxed);
        }
        drop(batch);
    }

    async fn append(&self, encoded: &[Encoded]) -> Result<(), Error> {
        let mut delays = BACKOFF.start();
        loop {
            let records = encoded.iter().map(|one| one.record.clone()).collect();
            match self.log.append(Topic::PREDICTIONS, records).await {
                Ok(_) => {
                    if delays.tries() > 0 {
                        tracing::info!("the log takes served predictions again");
                    }
                    return Ok(());
                }
                Err(error) if error.is_retryable() => {
                    if delays.tries() == 0 {
                        tracing::warn!(error = chain(&error), "the log takes no served predictions; they wait");
                    }
                    delays.wait().await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Takes answers that wait, until there are enough for an append.
fn gather(first: Option<Waiting>, waiting: &mut UnboundedReceiver<Waiting>) -> Vec<Waiting> {
    let mut batch: Vec<Waiting> = first.into_iter().collect();
    let mut predictions: usize = batch.iter().map(|(shown, _)| shown.predictions.len()).sum();
    while predictions < BATCH
        && let Ok(next) = waiting.try_recv()
    {
        predictions += next.0.predictions.len();
        batch.push(next);
    }
    batch
}
