//! Consumes a topic as a member of a consumer group, for as long as the process runs.
//!
//! The follower owns the loop: it subscribes, starts each assigned partition where its handler
//! says, delivers batches, commits, and after a failure waits and subscribes again. The handler
//! owns the effects. Delivery is at least once: after a failure or a rebalance, records come again
//! from the offset that [`Handler::assigned`] returns, so a handler keeps that offset with its
//! effects.
//!
//! Lag is measured beside the loop, so it costs a batch nothing, and it is right while the
//! handler's back-end fails.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use marquee_backoff::{Backoff, Delays};
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Delivery, Error, RatingLog, Record, Subscription, Topic};
use tokio::sync::watch;

use crate::{PartitionProgress, Progress, is_gap};

/// The next offset of some partitions.
pub type Offsets = BTreeMap<Partition, Offset>;

/// Records by partition, in order; at least one record for each partition.
pub type Batch = BTreeMap<Partition, Vec<Record>>;

/// What is done with the records of a topic.
#[async_trait]
pub trait Handler: Send {
    /// Takes over partitions; they replace those of the call before. Returns the offset to start
    /// at in each. A partition that is absent starts at what the group committed, else at its
    /// beginning.
    async fn assigned(&mut self, partitions: &[Partition]) -> Result<Offsets, Error>;

    /// Processes a batch. Returns the offsets to commit; empty if there is nothing to commit yet.
    async fn apply(&mut self, batch: Batch) -> Result<Offsets, Error>;

    /// Does what is due by time. Called after each batch and each wait without records. Returns the
    /// offsets to commit.
    async fn tick(&mut self) -> Result<Offsets, Error> {
        Ok(Offsets::new())
    }

    /// Returns whether the follower goes on after an error. It then subscribes again, so
    /// [`Self::assigned`] decides again where to start. Any other error ends the follower.
    fn is_retryable(&self, error: &Error) -> bool {
        error.is_passing()
    }
}

/// How a follower reads.
#[derive(Debug, Clone)]
pub struct FollowerOptions {
    /// The topic to consume.
    pub topic: Topic,
    /// The consumer group to join.
    pub group: String,
    /// Most records of a batch.
    pub batch: usize,
    /// Longest wait for records. [`Handler::tick`] is called at least this often.
    pub wait: Duration,
    /// How long to wait after a failure before the next try.
    pub backoff: Backoff,
    /// How often the ends of the topic are read, for lag.
    pub measure_every: Duration,
}

/// Reports the progress of a [`Follower`] from its handler. Clones report to the same receivers.
///
/// The partitions of a batch are finished at different times. A handler that reports each of them
/// lets the readers of one partition go on while the others are still processed.
#[derive(Debug, Clone)]
pub struct ProgressReporter(watch::Sender<Progress>);

impl ProgressReporter {
    /// Notes that the records of a partition before an offset were processed. Does nothing if the
    /// partition is not assigned.
    pub fn advance(&self, partition: Partition, next: Offset) {
        self.0.send_if_modified(|progress| progress.advance(partition, next));
    }
}

/// A consumer of a topic.
#[derive(Debug)]
pub struct Follower {
    log: Arc<dyn RatingLog>,
    options: FollowerOptions,
    progress: watch::Sender<Progress>,
}

impl Follower {
    /// Makes a consumer. It joins its group when [`Self::run`] is called.
    pub fn new(log: Arc<dyn RatingLog>, options: FollowerOptions) -> Self {
        Self { log, options, progress: watch::Sender::default() }
    }

    /// Returns the progress of this consumer: readiness and lag.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Returns a reporter for a handler whose partitions are finished at different times. Without
    /// it, progress is noted when the whole batch is processed.
    pub fn reporter(&self) -> ProgressReporter {
        ProgressReporter(self.progress.clone())
    }

    /// Consumes until `stop` is ready or an error that is not retryable. A stop drops the calls in
    /// progress, as a crash would.
    pub async fn run(self, handler: &mut impl Handler, stop: impl Future<Output = ()>) -> Result<(), Error> {
        tokio::select! {
            biased;
            () = stop => Ok(()),
            ended = self.consume(handler) => ended.map(|never| match never {}),
            never = self.measure() => match never {},
        }
    }

    async fn consume(&self, handler: &mut impl Handler) -> Result<Infallible, Error> {
        let mut delays = self.options.backoff.start();
        loop {
            let Err(error) = self.follow(handler, &mut delays).await;
            let (retryable, topic) = (handler.is_retryable(&error), self.options.topic.name());
            tracing::warn!(%error, cause = std::error::Error::source(&error), retryable, topic, "consuming was interrupted");
            self.update(|progress| progress.interrupt(&error));
            if !retryable {
                return Err(error);
            }
            delays.wait().await;
        }
    }

    /// Consumes until the first error.
    async fn follow(&self, handler: &mut impl Handler, delays: &mut Delays) -> Result<Infallible, Error> {
        let FollowerOptions { topic, group, batch, wait, .. } = &self.options;
        if !self.progress.borrow().is_started() {
            let bounds = self.log.bounds(*topic).await?;
            self.update(|progress| progress.measure(&bounds));
        }
        let mut subscription = self.log.subscribe(*topic, group).await?;
        loop {
            match subscription.next(*batch, *wait).await? {
                Delivery::Assigned(partitions) => self.assign(handler, &mut *subscription, &partitions).await?,
                Delivery::Records(records) => {
                    self.apply(handler, &mut *subscription, records).await?;
                    delays.reset();
                }
            }
            commit(&mut *subscription, &handler.tick().await?).await?;
        }
    }

    async fn assign(
        &self,
        handler: &mut impl Handler,
        subscription: &mut dyn Subscription,
        partitions: &[Partition],
    ) -> Result<(), Error> {
        self.update(|progress| progress.revoke_others(partitions));
        let mut starts = handler.assigned(partitions).await?;
        if partitions.iter().any(|partition| !starts.contains_key(partition)) {
            let committed = self.log.committed(self.options.topic, &self.options.group).await?;
            for (partition, offset) in committed {
                starts.entry(partition).or_insert(offset);
            }
        }
        let start = |&partition: &Partition| {
            let begin = self.progress.borrow().begin(partition);
            let start = starts.get(&partition).copied().unwrap_or(begin);
            if start < begin && !self.options.topic.is_compacted() {
                tracing::warn!(%partition, first = %start, next = %begin, topic = self.options.topic.name(),
                    "the topic lost records before they were consumed");
            }
            (partition, start.max(begin))
        };
        let starts: Offsets = partitions.iter().map(start).collect();
        for (&partition, &offset) in &starts {
            subscription.seek(Position { partition, offset }).await?;
        }
        tracing::info!(partitions = starts.len(), topic = self.options.topic.name(), "partitions assigned");
        self.update(|progress| progress.assign(starts));
        Ok(())
    }

    async fn apply(
        &self,
        handler: &mut impl Handler,
        subscription: &mut dyn Subscription,
        records: Vec<Record>,
    ) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for record in records {
            batch.entry(record.position.partition).or_default().push(record);
        }
        let last = |(partition, records): (&Partition, &Vec<Record>)| {
            Some((*partition, records.last()?.position.offset.next()))
        };
        let next: Offsets = batch.iter().filter_map(last).collect();
        let committed = handler.apply(batch).await?;
        self.progress.send_if_modified(|progress| {
            next.iter().fold(false, |changed, (&partition, &next)| progress.advance(partition, next) || changed)
        });
        commit(subscription, &committed).await
    }

    /// Measures lag for ever. A failure leaves the bounds that were known before.
    async fn measure(&self) -> Infallible {
        let mut before = BTreeMap::new();
        loop {
            tokio::time::sleep(self.options.measure_every).await;
            match self.log.bounds(self.options.topic).await {
                Ok(bounds) => self.update(|progress| progress.measure(&bounds)),
                Err(error) => tracing::debug!(%error, topic = self.options.topic.name(), "lag was not measured"),
            }
            let mut behind = self.progress.borrow().partitions();
            behind.retain(|_, progress| progress.lag() > 0);
            for (&partition, &progress) in &behind {
                // A consumer that does not move may wait for offsets that have no record, for
                // example the marker of a transaction at the end.
                let stalled = before.get(&partition).is_some_and(|p: &PartitionProgress| p.next == progress.next);
                if stalled && self.is_gap(partition, progress).await {
                    self.update(|all| all.skip_gap(partition, progress));
                }
            }
            before = behind;
        }
    }

    /// Returns whether no record is left between the consumer and the end of a partition.
    async fn is_gap(&self, partition: Partition, progress: PartitionProgress) -> bool {
        let from = Position { partition, offset: progress.next };
        is_gap(&*self.log, self.options.topic, from, progress.end).await.unwrap_or(false)
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) {
        update(&self.progress, change);
    }
}

/// Changes the progress, and wakes its receivers if it differs. It copies the progress, so it is
/// not for what happens with each batch.
fn update(progress: &watch::Sender<Progress>, change: impl FnOnce(&mut Progress)) {
    progress.send_if_modified(|progress| {
        let before = progress.clone();
        change(progress);
        *progress != before
    });
}

async fn commit(subscription: &mut dyn Subscription, next: &Offsets) -> Result<(), Error> {
    if next.is_empty() { Ok(()) } else { subscription.commit(next).await }
}

#[cfg(test)]
mod tests;
