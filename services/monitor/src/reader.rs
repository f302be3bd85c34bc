//! Reads the tallies of all partitions.
//!
//! Every partition has tallies of its own. A sum over some of them would look like a smaller one,
//! so a read fails unless all partitions were read.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{ModelName, Offset, Partition, Timestamp, Version};
use marquee_eval::duel::{Differences, Errors, LiveTally, Mergeable, Tally};
use marquee_ports::{Error, ErrorKind, OnlineStore, RowKey};
use thiserror::Error as ThisError;

use crate::rows::{INDEX, Index, LiveId, START, STATS, Start, Stats, Stored, TallyId, unpack};

/// A period before a time, in which ratings arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// At most [`HOURS_KEPT`](marquee_eval::duel::HOURS_KEPT) hours. Rounded up to whole hours of
    /// the clock.
    pub(crate) length: Duration,
    pub(crate) now: Timestamp,
}

/// A row that another one names does not exist.
#[derive(Debug, ThisError)]
#[error("the copy of a tally from the beginning of an hour is missing")]
struct MissingCopy;

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
        let mut tallies: Vec<Option<Tally<T>>> = self.rows(id.key()).await?;
        if let Some(window) = window {
            self.cut(id, &mut tallies, window).await?;
        }
        let mut all = Tally::default();
        tallies.iter().flatten().for_each(|tally| all.merge(tally));
        Ok(all)
    }

    /// Takes from the tally of each partition what arrived before a window.
    async fn cut<T: Mergeable>(
        &self,
        id: &TallyId,
        tallies: &mut [Option<Tally<T>>],
        window: Window,
    ) -> Result<(), Error>
    where
        Tally<T>: Stored,
    {
        let mut keys = Vec::new();
        for (source, tally) in (0..).map(Partition).zip(tallies.iter_mut()) {
            match tally.as_ref().and_then(|tally| tally.mark(window.length, window.now)) {
                Some(mark) => keys.push(RowKey { source, key: id.copy_key(mark) }),
                None => *tally = None,
            }
        }
        let copies = self.store.get(&keys).await?;
        for (tally, copy) in tallies.iter_mut().filter(|tally| tally.is_some()).zip(copies) {
            let missing = || Error::new(ErrorKind::Corrupt, "read a row of the monitor's store", MissingCopy);
            let copy: Tally<T> = unpack(&copy.ok_or_else(missing)?)?;
            *tally = tally.take().map(|tally| tally.since(&copy));
        }
        Ok(())
    }

    /// Reads the row of each partition, in partition order.
    async fn rows<T: Stored>(&self, key: Bytes) -> Result<Vec<Option<T>>, Error> {
        let key = |source| RowKey { source: Partition(source), key: key.clone() };
        let keys: Vec<RowKey> = (0..self.partitions).map(key).collect();
        let rows = self.store.get(&keys).await?;
        rows.iter().map(|row| row.as_ref().map(unpack).transpose()).collect()
    }
}
