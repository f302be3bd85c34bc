//! Reports the consumer's progress: the health check, the lag of each assigned partition, and the
//! number of retries.
//!
//! The monitor serves what it has measured, so it is ready as soon as it consumes. It need not have
//! caught up: ratings may wait for inference, which must not keep the process from its users. The
//! lag says how far behind the tallies are.

use std::collections::BTreeSet;
use std::convert::Infallible;

use marquee_domain::Partition;
use marquee_kit::{Check, Stop};
use marquee_log::{Progress, Readiness};
use tokio::sync::watch;

use crate::metrics::{Meters, PartitionLabel};

/// Reports the progress of the consumer.
pub(crate) struct Report {
    check: Check,
    meters: Meters,
    partitions: BTreeSet<Partition>,
    retries: u64,
}

impl Report {
    pub(crate) fn new(check: Check, meters: Meters) -> Self {
        Self { check, meters, partitions: BTreeSet::new(), retries: 0 }
    }

    /// Reports each change of the progress, until `stop` or until the consumer ends.
    pub(crate) async fn run(mut self, mut progress: watch::Receiver<Progress>, stop: Stop) -> Result<(), Infallible> {
        loop {
            let current = progress.borrow_and_update().clone();
            self.update(&current);
            match current.readiness() {
                Readiness::Ready | Readiness::CatchingUp(_) => self.check.ready(),
                waiting => self.check.not_ready(waiting.to_string()),
            }
            tokio::select! {
                changed = progress.changed() => if changed.is_err() { return Ok(()) },
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    fn update(&mut self, progress: &Progress) {
        let lags = progress.partitions();
        for (&partition, progress) in &lags {
            let lag = i64::try_from(progress.lag()).unwrap_or(i64::MAX);
            self.meters.lag.get_or_create(&label(partition)).set(lag);
        }
        // A partition that another instance consumes has no lag here.
        for &gone in self.partitions.iter().filter(|partition| !lags.contains_key(partition)) {
            self.meters.lag.remove(&label(gone));
        }
        self.partitions = lags.into_keys().collect();
        self.meters.retried.inc_by(progress.interruptions() - self.retries);
        self.retries = progress.interruptions();
    }
}

fn label(partition: Partition) -> PartitionLabel {
    PartitionLabel { partition: partition.0 }
}
