//! How far each partition of the rating topic is applied.

use std::sync::Arc;
use std::time::Duration;

use marquee_backoff::Backoff;
use marquee_domain::{Offset, Partition, Position, Reason};
use marquee_kit::{Failure, Kind};
use marquee_log::Progress;
use marquee_ports::{RatingLog, Topic};
use tokio::sync::watch;

use crate::rows::{Rows, failure};

/// How often the marker of a partition is read that another instance consumes.
const MARKER_POLL: Backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(50));

/// The applied positions: of this instance's partitions from its consumer, of the others from the
/// markers in the online store.
#[derive(Debug, Clone)]
pub(crate) struct Positions {
    pub(crate) log: Arc<dyn RatingLog>,
    pub(crate) rows: Rows,
    pub(crate) progress: watch::Receiver<Progress>,
}

/// How far a partition is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AppliedPartition {
    pub(crate) partition: Partition,
    /// The offset of the next event to apply.
    pub(crate) next: Offset,
    /// The offset that the next record of the partition will get.
    pub(crate) end: Offset,
}

impl Positions {
    /// Returns how far every partition is applied.
    pub(crate) async fn all(&self) -> Result<Vec<AppliedPartition>, Failure> {
        let ends = self.log.ends(Topic::RATINGS).await;
        let ends = ends.map_err(|error| failure("read the bounds of the rating log", &error))?;
        let own = self.progress.borrow().partitions();
        let mut all = Vec::with_capacity(ends.len());
        for (partition, end) in ends {
            let next = match own.get(&partition) {
                Some(progress) => progress.next,
                None => self.rows.marker(partition).await?,
            };
            // What was written and applied since the end was read is within the log too.
            all.push(AppliedPartition { partition, next, end: end.max(next) });
        }
        Ok(all)
    }

    /// Waits until the rows contain the events at these positions, at most as long as `patience`.
    pub(crate) async fn wait_for(&self, after: &[Position], patience: Duration) -> Result<(), Failure> {
        if after.is_empty() {
            return Ok(());
        }
        for (index, position) in after.iter().enumerate() {
            if position.partition.0 >= self.rows.partitions {
                let message = format!(
                    "is {}, and the rating topic has {} partitions; give a position that a write returned",
                    position.partition.0, self.rows.partitions
                );
                return Err(Failure::field(format!("after[{index}].partition"), Reason::OutOfRange, message));
            }
        }
        let message = "after: not all positions are applied yet; try again or give a longer deadline";
        let timeout = |_| Failure::new(Kind::DeadlineExceeded, message);
        tokio::time::timeout(patience, self.applied(after)).await.map_err(timeout)?
    }

    async fn applied(&self, after: &[Position]) -> Result<(), Failure> {
        let mut progress = self.progress.clone();
        let mut delays = MARKER_POLL.start();
        loop {
            let own: Vec<Option<Offset>> = {
                let progress = progress.borrow_and_update();
                after.iter().map(|position| progress.next_offset(position.partition)).collect()
            };
            let (mut reached, mut polls) = (true, false);
            for (position, own) in after.iter().zip(own) {
                let next = match own {
                    Some(next) => next,
                    None => {
                        polls = true;
                        // One position that is not applied is enough: do not ask the store for
                        // more.
                        if reached { self.rows.marker(position.partition).await? } else { continue }
                    }
                };
                reached &= next > position.offset;
            }
            if reached {
                return Ok(());
            }
            let stopped = |_| Failure::new(Kind::Unavailable, "the feature store is shutting down: try again");
            tokio::select! {
                changed = progress.changed() => changed.map_err(stopped)?,
                () = delays.wait(), if polls => {}
            }
        }
    }
}
