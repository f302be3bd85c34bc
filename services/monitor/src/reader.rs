//! Reads the tallies of all partitions.
//!
//! Every partition has tallies of its own. A sum over some of them would look like a smaller one,
//! so a read fails unless all partitions were read.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{ModelName, Offset, Partition, Timestamp, Version};
use marquee_eval::duel::{Differences, Errors, Hour, LiveTally, Mergeable, Tally};
use marquee_ports::{Error, OnlineStore, RowKey};

use crate::rows::{INDEX, Index, LiveId, START, STATS, Start, Stats, Stored, TallyId, unpack};

/// Most rows of one read.
const MOST_ROWS: usize = 512;

/// A period before a time, in which ratings arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// At most [`HOURS_KEPT`](marquee_eval::duel::HOURS_KEPT) hours. Rounded up to whole hours of
    /// the clock.
    pub(crate) length: Duration,
    pub(crate) now: Timestamp,
}

/// The tallies in the monitor's store.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) store: Arc<dyn OnlineStore>,
    /// The number of partitions of the rating topic.
    pub(crate) partitions: u32,
}

impl Reader {
    /// Returns which tallies there are.
    pub(crate) async fn index(&self) -> Result<Index, Error> {
        let mut all = Index::default();
        self.rows(INDEX).await?.into_iter().flatten().for_each(|index| all.merge(index));
        Ok(all)
    }

    /// Returns what became of the ratings.
    pub(crate) async fn stats(&self) -> Result<Stats, Error> {
        let mut all = Stats::default();
        self.rows::<Stats>(STATS).await?.iter().flatten().for_each(|stats| all.merge(stats));
        Ok(all)
    }

    /// Returns where the duel of each partition began, in partition order. `None` for a partition
    /// that was never assigned.
    pub(crate) async fn starts(&self) -> Result<Vec<Option<Offset>>, Error> {
        let starts = self.rows::<Start>(START).await?;
        Ok(starts.into_iter().map(|start| start.map(|start| start.duel_from)).collect())
    }

    /// Returns the errors of a version, of all ratings or of those in a window.
    pub(crate) async fn version(
        &self,
        model: &ModelName,
        version: Version,
        window: Option<Window>,
    ) -> Result<Tally<Errors>, Error> {
        self.tally(&TallyId::Version(model.clone(), version), window).await
    }

    /// Returns the duel of the older and the newer version of a pair, of all ratings or of those in
    /// a window.
    pub(crate) async fn pair(
        &self,
        model: &ModelName,
        (older, newer): (Version, Version),
        window: Option<Window>,
    ) -> Result<Tally<Differences>, Error> {
        self.tally(&TallyId::Pair(model.clone(), older, newer), window).await
    }

    /// Returns the errors of predictions that users were shown.
    pub(crate) async fn live(&self, model: &ModelName, id: &LiveId) -> Result<LiveTally, Error> {
        let mut all = LiveTally::default();
        let key = TallyId::Live(model.clone(), id.clone()).key();
        self.rows(key).await?.iter().flatten().for_each(|tally| all.merge(tally));
        Ok(all)
    }

    async fn tally<T: Mergeable>(&self, id: &TallyId, window: Option<Window>) -> Result<Tally<T>, Error>
    where
        Tally<T>: Stored,
    {
        let mut all = Tally::default();
        let Some(Window { length, now }) = window else {
            self.rows(id.key()).await?.iter().flatten().for_each(|tally| all.merge(tally));
            return Ok(all);
        };
        let hours: Vec<Hour> = Hour::within(length, now).collect();
        let each = |hour: &Hour| {
            let (key, hour) = (id.hour_key(*hour), *hour);
            (0..self.partitions).map(move |source| (hour, RowKey { source: Partition(source), key: key.clone() }))
        };
        for hours in hours.chunks((MOST_ROWS / self.partitions as usize).max(1)) {
            let (hours, keys): (Vec<Hour>, Vec<RowKey>) = hours.iter().flat_map(each).unzip();
            for (hour, row) in hours.into_iter().zip(self.store.get(&keys).await?) {
                let tally: Option<Tally<T>> = row.as_ref().map(unpack).transpose()?;
                tally.iter().filter(|tally| tally.is_of(hour)).for_each(|tally| all.merge(tally));
            }
        }
        Ok(all)
    }

    /// Reads the row of each partition, in partition order.
    async fn rows<T: Stored>(&self, key: Bytes) -> Result<Vec<Option<T>>, Error> {
        let key = |source| RowKey { source: Partition(source), key: key.clone() };
        let keys: Vec<RowKey> = (0..self.partitions).map(key).collect();
        let rows = self.store.get(&keys).await?;
        rows.iter().map(|row| row.as_ref().map(unpack).transpose()).collect()
    }
}
