//! Applies one partition's events: reads the rows, asks for predictions, and writes rows and
//! tallies together.
//!
//! The order of the writes makes a crash harmless without transactions: of a partition's writes a
//! store keeps a beginning, in their order. Tallies come first, then the statistics and the rows of
//! movies, then those of users, then the marker. While a user's row is not written, a replay finds
//! the same history and the same ratings to compare, and tallies that have them already are
//! recognized by their offset. Once it is written, everything before it is written too, and the
//! replay passes over the event.
//!
//! **Invariant:** no rating is counted twice in a tally, and none that was predicted is left out,
//! whatever is lost between two calls
//! (`a_tail_that_is_lost_between_any_two_calls_is_learned_again`).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{Offset, Partition};
use marquee_features::{Layout, RowWrite, pack, user_key};
use marquee_kit::Compute;
use marquee_log::Movies;
use marquee_ports::{Error, Lease, OnlineStore, Row, RowKey, Write};

use super::batch::Batch;
use super::plan::{ChangedUser, Plan, Rules, open, plan};
use super::score::{Evidence, Tallies, keys, tally_ids};
use crate::outcome::Outcome;

/// Applies batches. The computation runs off the async threads.
#[derive(Debug, Clone)]
pub(crate) struct Applier {
    pub(crate) store: Arc<dyn OnlineStore>,
    pub(crate) compute: Compute,
    /// When the ratings of a user are split.
    pub(crate) layout: Layout,
    /// Most ratings of a history.
    pub(crate) history: usize,
}

impl Applier {
    /// Applies a batch to the rows of its users in memory. Events from `duel_from` on are compared.
    pub(crate) async fn plan(
        &self,
        source: Partition,
        batch: &Batch,
        (movies, duel_from): (Movies, Offset),
    ) -> Result<Plan, Error> {
        let users = batch.users();
        let stored = self.read(source, users.iter().map(user_key).collect()).await?;
        let rows = users.into_iter().zip(stored.into_iter().map(|(_, row)| row)).collect();
        let layout = self.layout;
        let (events, opened) = (Arc::clone(&batch.events), Arc::clone(&batch.events));
        let users = self.compute.run(move || open(&opened, rows, layout)).await?;
        let chunks = self.read(source, users.iter().flat_map(|user| user.chunk_keys()).collect()).await?;
        let chunks = found(chunks);
        let rules = Rules { movies, layout, history: self.history, duel_from };
        self.compute.run(move || plan(&events, users, &chunks, &rules)).await
    }

    /// Writes what a batch changed, and moves the marker to `next`.
    pub(crate) async fn write(
        &self,
        lease: &mut dyn Lease,
        (plan, evidence): (Plan, Evidence),
        (movies, next): (Movies, Offset),
    ) -> Result<Outcome, Error> {
        let ids = tally_ids(&evidence);
        let stored = found(self.read(lease.partition(), keys(&plan, &ids).into_iter().collect()).await?);
        let written = self.compute.run(move || {
            let mut tallies = Tallies::read(&plan, ids, &stored)?;
            let outcome = tallies.add(&plan, &evidence, &movies);
            let mut writes = tallies.writes();
            writes.extend(plan.users.into_iter().flat_map(user_writes));
            Ok::<_, Error>((writes, outcome))
        });
        let (writes, outcome) = written.await?;
        lease.apply(writes, next).await?;
        Ok(outcome)
    }

    async fn read(&self, source: Partition, keys: Vec<Bytes>) -> Result<Vec<(Bytes, Option<Row>)>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<RowKey> = keys.iter().map(|key| RowKey { source, key: key.clone() }).collect();
        let rows = self.store.get(&rows).await?;
        Ok(keys.into_iter().zip(rows).collect())
    }
}

fn found(rows: Vec<(Bytes, Option<Row>)>) -> BTreeMap<Bytes, Row> {
    rows.into_iter().filter_map(|(key, row)| Some((key, row?))).collect()
}

fn user_writes(user: ChangedUser) -> impl Iterator<Item = Write> {
    let write = |(key, row, applied): RowWrite| Write { key, value: pack(&row), applied };
    user.edit.writes(&user.id, user.applied).into_iter().map(write)
}

#[cfg(test)]
mod tests;
