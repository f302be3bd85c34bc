//! Reports what was measured as metrics, every few seconds.
//!
//! Only versions that are compared at present have series, so that old versions do not pile up.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{Clock, ModelName, Version};
use marquee_eval::duel::{Errors, HOURS_KEPT, Interval, Slice};
use marquee_kit::{Metrics, Stop, chain};
use marquee_ports::Error;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;

use crate::metrics::{DuelLabels, LiveLabels, Measured, VersionLabels};
use crate::reader::Reader;
use crate::rows::{LiveId, ModelIndex};

const EVERY: Duration = Duration::from_secs(5);

/// Reports tallies.
pub(crate) struct Reporter {
    reader: Reader,
    clock: Arc<dyn Clock>,
    measured: Measured,
    versions: BTreeSet<VersionLabels>,
    duels: BTreeSet<DuelLabels>,
    live: BTreeSet<LiveLabels>,
}

impl Reporter {
    pub(crate) fn new(reader: Reader, clock: Arc<dyn Clock>, metrics: &Metrics) -> Self {
        let measured = Measured::register(metrics);
        Self { reader, clock, measured, versions: BTreeSet::new(), duels: BTreeSet::new(), live: BTreeSet::new() }
    }

    /// Reports until `stop`.
    pub(crate) async fn run(mut self, stop: Stop) -> Result<(), Infallible> {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = stop.cancelled() => return Ok(()),
            }
            tokio::select! {
                reported = self.report() => if let Err(error) = reported {
                    tracing::debug!(error = chain(&error), "metrics of the duel were not updated");
                },
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Reads the tallies and sets the metrics.
    pub(crate) async fn report(&mut self) -> Result<(), Error> {
        let (index, stats) = (self.reader.index().await?, self.reader.stats().await?);
        self.measured.join_rate.set(stats.join_rate());
        let (mut versions, mut duels, mut live) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (model, index) in &index.models {
            self.report_versions(model, index, &mut versions).await?;
            self.report_duels(model, index, &mut duels).await?;
            for id in index.live.iter().filter(|id| index.current.contains(&id.version)) {
                live.insert(self.report_live(model, id).await?);
            }
        }
        let Measured { duel_rmse, duel_mae, live_rmse, live_mae, live_ratings, .. } = &self.measured;
        for gone in self.versions.difference(&versions) {
            remove(&[duel_rmse, duel_mae], gone);
        }
        for gone in self.duels.difference(&duels) {
            let Measured { duel_difference, duel_difference_lower, duel_difference_upper, .. } = &self.measured;
            remove(&[duel_difference, duel_difference_lower, duel_difference_upper], gone);
            self.measured.duel_ratings.remove(gone);
        }
        for gone in self.live.difference(&live) {
            remove(&[live_rmse, live_mae], gone);
            live_ratings.remove(gone);
        }
        (self.versions, self.duels, self.live) = (versions, duels, live);
        Ok(())
    }

    async fn report_versions(
        &self,
        model: &ModelName,
        index: &ModelIndex,
        seen: &mut BTreeSet<VersionLabels>,
    ) -> Result<(), Error> {
        for &version in &index.current {
            let Errors { squared, absolute, .. } =
                self.reader.version(model, version, None).await?.slice(&Slice::all());
            let labels = VersionLabels { model: model.as_str().to_owned(), version: version.0 };
            if let (Some(squared), Some(absolute)) = (squared.mean(), absolute.mean()) {
                self.measured.duel_rmse.get_or_create(&labels).set(squared.max(0.0).sqrt());
                self.measured.duel_mae.get_or_create(&labels).set(absolute);
                seen.insert(labels);
            }
        }
        Ok(())
    }

    async fn report_duels(
        &self,
        model: &ModelName,
        index: &ModelIndex,
        seen: &mut BTreeSet<DuelLabels>,
    ) -> Result<(), Error> {
        let is_current =
            |pair: &&(Version, Version)| index.current.contains(&pair.0) && index.current.contains(&pair.1);
        for &pair in index.pairs.iter().filter(is_current) {
            let sums = self.reader.pair(model, pair, None).await?.slice(&Slice::all());
            let measures = [
                ("rmse", sums.rmse(), sums.squared.count()),
                ("mae", sums.absolute.interval(), sums.absolute.count()),
                ("log_score", sums.log.interval(), sums.log.count()),
            ];
            for (measure, interval, ratings) in measures {
                let Some(Interval { value, lower, upper }) = interval else { continue };
                let labels =
                    DuelLabels { model: model.as_str().to_owned(), stable: pair.0.0, other: pair.1.0, measure };
                self.measured.duel_difference.get_or_create(&labels).set(value);
                self.measured.duel_difference_lower.get_or_create(&labels).set(lower);
                self.measured.duel_difference_upper.get_or_create(&labels).set(upper);
                self.measured.duel_ratings.get_or_create(&labels).set(i64::try_from(ratings).unwrap_or(i64::MAX));
                seen.insert(labels);
            }
        }
        Ok(())
    }

    async fn report_live(&self, model: &ModelName, id: &LiveId) -> Result<LiveLabels, Error> {
        let tally = self.reader.live(model, id).await?;
        // What was shown long ago says nothing about the present.
        let recent = tally.within(Duration::from_secs(HOURS_KEPT * 3_600), self.clock.now());
        let Errors { squared, absolute, .. } = recent;
        let labels = LiveLabels {
            model: model.as_str().to_owned(),
            version: id.version.0,
            variant: id.variant.clone(),
            served_by: id.served_by.name(),
        };
        self.measured.live_rmse.get_or_create(&labels).set(squared.mean().unwrap_or(0.0).max(0.0).sqrt());
        self.measured.live_mae.get_or_create(&labels).set(absolute.mean().unwrap_or(0.0));
        let ratings = i64::try_from(squared.count()).unwrap_or(i64::MAX);
        self.measured.live_ratings.get_or_create(&labels).set(ratings);
        Ok(labels)
    }
}

fn remove<L: Clone + Hash + Eq + EncodeLabelSet>(families: &[&Family<L, crate::metrics::Number>], gone: &L) {
    for family in families {
        family.remove(gone);
    }
}
