//! Reports the consumer's progress: the health check, the lag of each assigned partition, and the
//! number of retries.
//!
//! It runs beside the consumer, so the lag is right while a back-end is away and the consumer
//! cannot move.

use std::collections::BTreeSet;
use std::convert::Infallible;

use marquee_domain::Partition;
use marquee_kit::{Check, Stop};
use marquee_log::{Progress, Readiness};
use tokio::sync::watch;

use crate::metrics::{Meters, PartitionLabel};

/// Reports each change of the progress, until `stop` or until the consumer ends.
pub(crate) async fn run(
    mut progress: watch::Receiver<Progress>,
    check: Check,
    meters: Meters,
    stop: Stop,
) -> Result<(), Infallible> {
    let mut report = Report { meters, partitions: BTreeSet::new(), retries: 0 };
    loop {
        let current = progress.borrow_and_update().clone();
        match current.readiness() {
            Readiness::Ready => check.ready(),
            readiness => check.not_ready(readiness.to_string()),
        }
        report.update(&current);
        tokio::select! {
            changed = progress.changed() => if changed.is_err() { return Ok(()) },
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// What the metrics say at present.
struct Report {
    meters: Meters,
    partitions: BTreeSet<Partition>,
    retries: u64,
}

impl Report {
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
