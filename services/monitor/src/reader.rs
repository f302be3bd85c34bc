//! Reads the tallies of all partitions.
//!
//! Every partition has tallies of its own. A sum over some of them would look like a smaller one,
//! so a read fails unless all partitions were read.

use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{ModelName, Offset, Partition, Version};
use marquee_eval::duel::{Differences, Errors, LiveTally, Mergeable, Tally};
use marquee_ports::{Error, OnlineStore, RowKey};

use crate::rows::{INDEX, Index, LiveId, START, STATS, Start, Stats, Stored, TallyId, unpack};

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

    /// Returns the errors of a version.
    pub(crate) async fn version(&self, model: &ModelName, version: Version) -> Result<Tally<Errors>, Error> {
        self.tally(&TallyId::Version(model.clone(), version)).await
    }

    /// Returns the duel of the older and the newer version of a pair.
    pub(crate) async fn pair(
        &self,
        model: &ModelName,
        (older, newer): (Version, Version),
    ) -> Result<Tally<Differences>, Error> {
        self.tally(&TallyId::Pair(model.clone(), older, newer)).await
    }

    /// Returns the errors of predictions that users were shown.
    pub(crate) async fn live(&self, model: &ModelName, id: &LiveId) -> Result<LiveTally, Error> {
        let mut all = LiveTally::default();
        let key = TallyId::Live(model.clone(), id.clone()).key();
        self.rows(key).await?.iter().flatten().for_each(|tally| all.merge(tally));
        Ok(all)
    }

    async fn tally<T: Mergeable>(&self, id: &TallyId) -> Result<Tally<T>, Error>
    where
        Tally<T>: Stored,
    {
        let mut all = Tally::default();
        self.rows(id.key()).await?.iter().flatten().for_each(|tally| all.merge(tally));
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
