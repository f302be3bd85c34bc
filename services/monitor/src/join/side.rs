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
    ///
    /// `marquee_log::scan` does not fit, because it reads a range with a known end and counts an
    /// empty page as the rest of that range. Here the end is open: after an empty page the same
    /// offset is read again for the next ratings. To know the end would take one more call to the
    /// log for each batch of ratings.
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

#[cfg(test)]
mod tests {
    use marquee_domain::{ModelName, MovieId, UserId, Version};
    use marquee_ports::NewRecord;
    use marquee_ports::memory::MemoryLog;

    use super::*;
    use crate::rows::{LiveId, ServedBy};

    const FIRST: Partition = Partition(0);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + seconds)
    }

    /// The prediction of a record: its value is the user, and its time that of the prediction.
    fn decode(record: &Record) -> Vec<Shown> {
        let id = LiveId { version: Version(1), variant: "stable".to_owned(), served_by: ServedBy::Predict };
        let user = UserId::try_new(std::str::from_utf8(&record.value).unwrap()).unwrap();
        let (movie, model) = (MovieId::try_new("m").unwrap(), ModelName::try_new("ratings").unwrap());
        vec![Shown { user, movie, rating: 4.0, spread: None, model, id, predicted_at: record.timestamp }]
    }

    fn given(user: &str, seconds: i64) -> Given {
        let (user, movie) = (UserId::try_new(user).unwrap(), MovieId::try_new("m").unwrap());
        Given { user, movie, rating: 5.0, arrived: at(seconds) }
    }

    #[tokio::test]
    async fn predictions_that_arrive_after_the_topic_was_read_to_its_end_are_joined() {
        let log = Arc::new(MemoryLog::new(1));
        let (window, late) = (Duration::from_secs(100), Duration::from_secs(10));
        let options = JoinOptions { window, late, bytes: 1 << 20 };
        let mut side = SideInput::new(Arc::clone(&log) as Arc<dyn RatingLog>, options, decode);
        side.assign(&[FIRST]);
        for (user, seconds) in [("ann", 10), ("bob", 20), ("cleo", 30)] {
            // Nothing is joined, but the topic is read to its end.
            assert!(side.join(FIRST, vec![given("nobody", seconds)]).await.is_empty());
            let timestamp = at(seconds + 1);
            let shown = NewRecord { key: None, value: user.into(), headers: Vec::new(), timestamp };
            log.append(Topic::PREDICTIONS, vec![shown]).await.unwrap();
            let joined = side.join(FIRST, vec![given(user, seconds + 2)]).await;
            assert_eq!(joined.iter().map(|(_, joined)| joined.is_late).collect::<Vec<_>>(), [false], "{user}");
        }
    }
}
