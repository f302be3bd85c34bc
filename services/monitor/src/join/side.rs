//! Reads the predictions topic beside the rating topic.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{Offset, Partition, Position, Timestamp};
use marquee_ports::{Bounds, Error, RatingLog, Record, Topic};

use super::table::{Limits, Table};
use super::{Given, Joined, Shown};

/// Most records of a read. A record has up to 200 predictions.
const PAGE: usize = 256;

/// Most predictions that are read before a batch of ratings. The rest is read before the next one,
/// and joined late.
const MOST_AHEAD: usize = 1 << 18;

/// About the bytes that one prediction takes in the table. Bounds how far back the topic is read.
const PREDICTION_BYTES: usize = 400;

/// Most late joins that wait for the next batch of ratings.
const MOST_FOUND: usize = 10_000;

/// How predictions are joined.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JoinOptions {
    pub(crate) window: Duration,
    pub(crate) late: Duration,
    /// Most bytes of all partitions together.
    pub(crate) bytes: usize,
}

/// The predictions of the assigned partitions.
#[derive(Debug)]
pub(crate) struct SideInput {
    log: Arc<dyn RatingLog>,
    options: JoinOptions,
    /// Reads the predictions of a record of the topic.
    decode: fn(&Record) -> Vec<Shown>,
    partitions: BTreeMap<Partition, SidePartition>,
}

#[derive(Debug)]
struct SidePartition {
    table: Table,
    /// Predictions that were read and are later than the ratings so far.
    ahead: VecDeque<Shown>,
    /// The offset of the next record. `None`: the partition was not read yet.
    next: Option<Offset>,
    /// Late joins that are not counted yet.
    found: Vec<Joined>,
}

impl SideInput {
    pub(crate) fn new(log: Arc<dyn RatingLog>, options: JoinOptions, decode: fn(&Record) -> Vec<Shown>) -> Self {
        Self { log, options, decode, partitions: BTreeMap::new() }
    }

    /// Begins again in these partitions.
    pub(crate) fn assign(&mut self, partitions: &[Partition]) {
        let JoinOptions { window, late, bytes } = self.options;
        let limits = Limits { window, late, bytes: bytes / partitions.len().max(1) };
        let new = || SidePartition { table: Table::new(limits), ahead: VecDeque::new(), next: None, found: Vec::new() };
        self.partitions = partitions.iter().map(|partition| (*partition, new())).collect();
    }

    /// Joins ratings, in log order. Returns each joined one with its index among the ratings, and
    /// late joins with the index of the last rating.
    ///
    /// A failure of the log is not one of the ratings: they are then joined with what was read.
    pub(crate) async fn join(&mut self, partition: Partition, ratings: Vec<Given>) -> Vec<(usize, Joined)> {
        let Some(until) = ratings.iter().map(|given| given.arrived).max() else { return Vec::new() };
        self.read(partition, until).await;
        let Some(side) = self.partitions.get_mut(&partition) else { return Vec::new() };
        let last = ratings.len() - 1;
        let mut joined = Vec::new();
        for (index, given) in ratings.into_iter().enumerate() {
            side.show_until(given.arrived);
            joined.extend(side.table.rate(given).map(|joined| (index, joined)));
        }
        joined.extend(side.found.drain(..).map(|found| (last, found)));
        joined
    }

    /// Reads the predictions of all partitions up to a time, while no ratings come.
    pub(crate) async fn catch_up(&mut self, until: Timestamp) {
        let partitions: Vec<Partition> = self.partitions.keys().copied().collect();
        for partition in partitions {
            self.read(partition, until).await;
            if let Some(side) = self.partitions.get_mut(&partition) {
                side.show_until(until);
            }
        }
    }

    async fn read(&mut self, partition: Partition, until: Timestamp) {
        if let Err(error) = self.try_read(partition, until).await {
            tracing::debug!(%partition, %error, "predictions were not read");
        }
    }

    /// Reads until a prediction is later than `until`, or to the end of the topic.
    async fn try_read(&mut self, partition: Partition, until: Timestamp) -> Result<(), Error> {
        let share = self.options.bytes / self.partitions.len().max(1);
        let Some(side) = self.partitions.get(&partition) else { return Ok(()) };
        let mut next = match side.next {
            Some(next) => next,
            None => self.first(partition, share).await?,
        };
        let Some(side) = self.partitions.get_mut(&partition) else { return Ok(()) };
        while side.ahead.len() < MOST_AHEAD {
            side.next = Some(next);
            if side.ahead.back().is_some_and(|shown| shown.predicted_at > until) {
                break;
            }
            let records = self.log.read(Topic::PREDICTIONS, Position { partition, offset: next }, PAGE).await?;
            let Some(last) = records.last() else { break };
            next = last.position.offset.next();
            side.ahead.extend(records.iter().flat_map(self.decode));
        }
        side.next = Some(next);
        Ok(())
    }
}

impl SideInput {
    /// Returns where to begin: far enough back to fill the memory, if all records have as many
    /// predictions as the newest ones.
    async fn first(&self, partition: Partition, bytes: usize) -> Result<Offset, Error> {
        let all = self.log.bounds(Topic::PREDICTIONS).await?;
        let Some(Bounds { begin, end, .. }) = all.into_iter().find(|bounds| bounds.partition == partition) else {
            return Ok(Offset(0));
        };
        let newest = Offset(end.0.saturating_sub(PAGE as u64)).max(begin);
        if newest >= end {
            return Ok(newest);
        }
        let records = self.log.read(Topic::PREDICTIONS, Position { partition, offset: newest }, PAGE).await?;
        let predictions: usize = records.iter().map(|record| (self.decode)(record).len()).sum();
        let records = bytes / PREDICTION_BYTES * records.len().max(1) / predictions.max(1);
        Ok(Offset(end.0.saturating_sub(records as u64)).max(begin))
    }
}

impl SidePartition {
    /// Takes the predictions up to a time into the table.
    fn show_until(&mut self, until: Timestamp) {
        while self.ahead.front().is_some_and(|shown| shown.predicted_at <= until) {
            let late = self.ahead.pop_front().and_then(|shown| self.table.show(shown));
            if self.found.len() < MOST_FOUND {
                self.found.extend(late);
            }
        }
    }
}
