//! Applies the rating log to the rows of the online store.
//!
//! Every event is applied exactly once in effect, whatever crashes between two writes. A partition
//! of the log has one consumer at a time, so every row has one writer. A user's row belongs to the
//! user's partition. The ratings that the users of a partition gave a movie have a row of their own
//! in that partition; readers merge the rows of all partitions. Moments are integers, so merging is
//! exact.
//!
//! An empty store is rebuilt from the archive where the log no longer has all events.

mod apply;
mod consumer;
mod decode;
mod monitor;
mod rebuild;
mod rejected;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use marquee_archive::Archive;
use marquee_backoff::Backoff;
use marquee_features::Layout;
use marquee_kit::{Check, Context};
use marquee_log::{Decoder, Follower, FollowerOptions, MovieCatalog, Offsets, Progress};
use marquee_ports::{OnlineStore, RatingLog, Topic};
use tokio::sync::watch;

use self::apply::Applier;
use self::consumer::{Consumer, Times};
use self::monitor::Monitor;
pub(crate) use self::rebuild::CutShort;
use self::worker::Worker;
use crate::metrics::Meters;
use crate::settings::Settings;

/// How long the consumer waits after a failure before it tries again.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));

/// How often the ends of the rating topic are read, for lag.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// Longest wait for records.
const WAIT: Duration = Duration::from_secs(1);

/// What the stream works on.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) log: Arc<dyn RatingLog>,
    pub(crate) store: Arc<dyn OnlineStore>,
    /// The events that the log no longer has.
    pub(crate) archive: Option<Archive>,
    /// Shared with the reads of the log, so that the movies topic is read once.
    pub(crate) catalog: Arc<MovieCatalog>,
    pub(crate) decoder: Decoder,
    pub(crate) meters: Meters,
}

impl Stream {
    /// Starts to consume in the background. The check is ready when the consumer has caught up with
    /// the ends that the partitions had at the start.
    pub(crate) fn start(self, settings: &Settings, check: Check, context: &Context) -> watch::Receiver<Progress> {
        let options = FollowerOptions {
            topic: Topic::RATINGS,
            group: settings.group.clone(),
            batch: settings.batch,
            wait: WAIT,
            backoff: BACKOFF,
            measure_every: MEASURE_EVERY,
        };
        let follower = Follower::new(Arc::clone(&self.log), options);
        let progress = follower.progress();
        let (log, store) = (Arc::clone(&self.log), Arc::clone(&self.store));
        let monitor = Monitor { log, store, check, meters: self.meters.clone() };
        let monitor = monitor.run(progress.clone(), context.stop.clone());
        let layout = Layout::of_history(settings.history);
        let applier = Applier { store: self.store, compute: context.compute.clone(), layout };
        let worker = Worker {
            applier,
            catalog: self.catalog,
            log: self.log,
            decoder: self.decoder,
            meters: self.meters,
            progress: follower.reporter(),
        };
        let mut consumer = Consumer {
            worker,
            archive: self.archive,
            batch: settings.batch,
            leases: BTreeMap::new(),
            uncommitted: Offsets::new(),
            times: Times::now(),
        };
        let stop = context.stop.clone().cancelled_owned();
        context.tasks.spawn("features-consumer", async move { follower.run(&mut consumer, stop).await });
        context.tasks.spawn("features-monitor", monitor);
        progress
    }
}
