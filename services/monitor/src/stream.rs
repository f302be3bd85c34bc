//! Compares and learns the ratings of the log: predict, then learn.
//!
//! The monitor keeps rows of users of its own, which hold what the log says up to each partition's
//! marker. So the history before a rating is the row, however far the feature store is. A rating is
//! predicted from the row and then applied to it.
//!
//! A partition of the log has one consumer at a time, under a lease. Rows, tallies and the marker
//! are written together, so no rating counts twice and a restart goes on where the marker is.
//!
//! A new monitor learns the ratings that are there and begins to compare at the end of the log: the
//! versions that it could ask were trained on them.

mod apply;
mod batch;
mod consumer;
mod health;
mod plan;
mod predict;
mod rebuild;
mod score;
mod sequences;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use marquee_archive::Archive;
use marquee_backoff::Backoff;
use marquee_domain::{Clock, ModelName};
use marquee_features::Layout;
use marquee_kit::{Check, Context};
use marquee_log::{Decoder, Follower, FollowerOptions, MovieCatalog, Progress};
use marquee_ports::{OnlineStore, RatingLog, Topic};
use tokio::sync::watch;

use self::apply::Applier;
use self::consumer::{Consumer, Times};
use self::health::Report;
use self::predict::Predictor;
use crate::inference::Inference;
use crate::join::SideInput;
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
    pub(crate) inference: Arc<dyn Inference>,
    pub(crate) models: Vec<ModelName>,
    pub(crate) side: SideInput,
    pub(crate) decoder: Decoder,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meters: Meters,
}

impl Stream {
    /// Starts to consume in the background.
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
        let report = Report::new(check, self.meters.clone()).run(progress.clone(), context.stop.clone());
        let mut consumer = Consumer {
            applier: Applier {
                store: self.store,
                compute: context.compute.clone(),
                layout: Layout::of_history(settings.history),
                history: settings.history,
            },
            predictor: Predictor::new(self.inference, self.models, (settings.history, settings.patience)),
            side: self.side,
            catalog: Arc::new(MovieCatalog::new(Arc::clone(&self.log))),
            log: self.log,
            archive: self.archive,
            batch: settings.batch,
            decoder: self.decoder,
            clock: self.clock,
            meters: self.meters,
            assigned: BTreeMap::new(),
            times: Times::now(),
        };
        let stop = context.stop.clone().cancelled_owned();
        context.tasks.spawn("monitor-consumer", async move { follower.run(&mut consumer, stop).await });
        context.tasks.spawn("monitor-health", report);
        progress
    }
}

#[cfg(test)]
mod tests;
