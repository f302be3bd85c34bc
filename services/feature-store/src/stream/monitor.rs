//! Reports the consumer's progress: the health check, the lag of each assigned partition, and the
//! number of retries.
//!
//! An instance answers for the users of all partitions, also of those that other instances apply.
//! So it becomes ready only when the online store has the events of every partition up to the ends
//! at its start. A new online store would otherwise answer with empty histories.
//!
//! It runs beside the consumer, so the lag is right while a back-end is away and the consumer
//! cannot move.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use marquee_backoff::Backoff;
use marquee_domain::{Offset, Partition, Position};
use marquee_kit::{Check, Stop, chain};
use marquee_log::{Progress, Readiness, is_gap};
use marquee_ports::{Error, OnlineStore, RatingLog, Topic};
use tokio::sync::watch;

use crate::metrics::{Meters, PartitionLabel};

/// How often the online store is asked for the partitions of other instances.
const POLL: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));

/// Reports the progress of the consumer.
pub(crate) struct Monitor {
    pub(crate) log: Arc<dyn RatingLog>,
    pub(crate) store: Arc<dyn OnlineStore>,
    pub(crate) check: Check,
    pub(crate) meters: Meters,
}

impl Monitor {
    /// Reports each change of the progress, until `stop` or until the consumer ends.
    pub(crate) async fn run(self, mut progress: watch::Receiver<Progress>, stop: Stop) -> Result<(), Infallible> {
        let mut report = Report { meters: self.meters.clone(), partitions: BTreeSet::new(), retries: 0 };
        let mut delays = POLL.start();
        let mut is_whole = false;
        loop {
            let current = progress.borrow_and_update().clone();
            report.update(&current);
            let is_caught_up = current.readiness() == Readiness::Ready;
            let missing = if is_caught_up && !is_whole { self.missing(&current).await } else { None };
            let polls = missing.is_some();
            is_whole |= is_caught_up && !polls;
            match missing {
                None if is_caught_up => self.check.ready(),
                None => self.check.not_ready(current.readiness().to_string()),
                Some(why) => self.check.not_ready(why),
            }
            tokio::select! {
                changed = progress.changed() => if changed.is_err() { return Ok(()) },
                () = delays.wait(), if polls => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Returns what the online store lacks of the partitions that other instances apply, or `None`
    /// if it has everything up to the ends at the start.
    async fn missing(&self, progress: &Progress) -> Option<String> {
        let mut events = 0;
        for (partition, goal) in progress.goals_of_others() {
            match self.left(partition, goal).await {
                Ok(left) => events += left,
                Err(error) => return Some(chain(&error)),
            }
        }
        let why = || format!("the online store lacks {events} events of partitions that other instances apply");
        (events > 0).then(why)
    }

    /// Returns how many offsets before the goal are not applied. Offsets that have no record are
    /// never applied, for example the marker of a transaction at the end.
    async fn left(&self, partition: Partition, goal: Offset) -> Result<u64, Error> {
        let marker = self.store.marker(partition).await?;
        if marker >= goal {
            return Ok(0);
        }
        let is_gap = is_gap(&*self.log, Topic::RATINGS, Position { partition, offset: marker }, goal).await?;
        Ok(if is_gap { 0 } else { goal.0 - marker.0 })
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
