//! An online store in memory that can lose its newest writes, as a server does that is killed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Offset, Partition};

use super::Faults;
use crate::{Error, ErrorKind, Lease, OnlineStore, Row, RowKey, Write};

/// An [`OnlineStore`] in memory. Clones share the rows.
///
/// Its methods have the names `get`, `marker`, `lease`, `apply` and `verify` in a script of faults.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    faults: Faults,
    content: Arc<Mutex<Content>>,
}

#[derive(Debug, Default)]
struct Content {
    /// Every change, in order. The rows and markers follow from it, so that losing its end loses
    /// the newest changes.
    journal: Vec<Change>,
    rows: BTreeMap<(Partition, Bytes), Row>,
    markers: HashMap<Partition, Offset>,
    /// The number of each partition's newest lease.
    leases: HashMap<Partition, u64>,
    /// How many leases were taken, also those that were lost.
    taken: u64,
}

#[derive(Debug, Clone)]
enum Change {
    Row(Partition, Bytes, Row),
    Marker(Partition, Offset),
    /// Taking a lease is a change, so a loss of anything older loses the lease too.
    Lease(Partition, u64),
}

impl MemoryStore {
    /// An empty store in which calls fail as scripted.
    pub fn new(faults: Faults) -> Self {
        Self { faults, content: Arc::default() }
    }

    /// Returns all rows.
    pub fn rows(&self) -> BTreeMap<(Partition, Bytes), Row> {
        self.lock().rows.clone()
    }

    /// Returns how many changes there are: written rows, moved markers and taken leases.
    pub fn changes(&self) -> usize {
        self.lock().journal.len()
    }

    /// Forgets the newest changes.
    pub fn lose_tail(&self, changes: usize) {
        self.lock().lose_tail(changes);
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a call of a method as the script says.
    async fn run<T>(
        &self,
        method: &'static str,
        effect: impl FnOnce(&mut Content) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let call = self.faults.begin(method).await?;
        let answer = {
            let mut content = self.lock();
            content.lose_tail(call.lose_tail);
            effect(&mut content)?
        };
        call.finish(answer).await
    }
}

impl Content {
    fn marker(&self, source: Partition) -> Offset {
        self.markers.get(&source).copied().unwrap_or_default()
    }

    fn push(&mut self, change: Change) {
        self.journal.push(change.clone());
        self.replay(change);
    }

    fn replay(&mut self, change: Change) {
        match change {
            Change::Row(source, key, row) => drop(self.rows.insert((source, key), row)),
            Change::Marker(source, next) => drop(self.markers.insert(source, next)),
            Change::Lease(source, number) => drop(self.leases.insert(source, number)),
        }
    }

    fn lose_tail(&mut self, changes: usize) {
        if changes == 0 {
            return;
        }
        let mut journal = std::mem::take(&mut self.journal);
        journal.truncate(journal.len().saturating_sub(changes));
        self.rows.clear();
        self.markers.clear();
        self.leases.clear();
        journal.into_iter().for_each(|change| self.push(change));
    }
}

#[async_trait]
impl OnlineStore for MemoryStore {
    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error> {
        let get = |content: &mut Content| {
            let row = |key: &RowKey| content.rows.get(&(key.source, key.key.clone())).cloned();
            Ok(keys.iter().map(row).collect())
        };
        self.run("get", get).await
    }

    async fn marker(&self, source: Partition) -> Result<Offset, Error> {
        self.run("marker", |content| Ok(content.marker(source))).await
    }

    async fn lease(&self, source: Partition) -> Result<Box<dyn Lease>, Error> {
        let take = |content: &mut Content| {
            content.taken += 1;
            content.push(Change::Lease(source, content.taken));
            Ok((content.taken, content.marker(source)))
        };
        let (number, marker) = self.run("lease", take).await?;
        Ok(Box::new(MemoryLease { store: self.clone(), source, number, marker, ended: false }))
    }
}

#[derive(Debug)]
struct MemoryLease {
    store: MemoryStore,
    source: Partition,
    number: u64,
    marker: Offset,
    ended: bool,
}

#[async_trait]
impl Lease for MemoryLease {
    fn partition(&self) -> Partition {
        self.source
    }

    fn marker(&self) -> Offset {
        self.marker
    }

    async fn apply(&mut self, writes: Vec<Write>, next: Offset) -> Result<usize, Error> {
        Write::check_keys(&writes)?;
        // Any error below leaves the lease ended, and so does a call that is canceled.
        let ended = std::mem::replace(&mut self.ended, true);
        let Self { source, number, marker, .. } = *self;
        let write = |content: &mut Content| {
            let newest = content.leases.get(&source) == Some(&number);
            if ended || !newest || content.marker(source) < marker {
                return Err(Error::bare(ErrorKind::Unavailable, "write rows: the lease has ended"));
            }
            let mut written = 0;
            for Write { key, value, applied } in writes {
                let stored = content.rows.get(&(source, key.clone()));
                if stored.is_none_or(|stored| stored.applied < applied) {
                    content.push(Change::Row(source, key, Row { value, applied }));
                    written += 1;
                }
            }
            if content.marker(source) < next {
                content.push(Change::Marker(source, next));
            }
            Ok(written)
        };
        let written = self.store.run("apply", write).await?;
        self.marker = self.marker.max(next);
        self.ended = false;
        Ok(written)
    }

    async fn verify(&mut self) -> Result<(), Error> {
        let Self { source, marker, .. } = *self;
        let verify = |content: &mut Content| {
            if content.marker(source) < marker || !content.leases.contains_key(&source) {
                return Err(Error::bare(ErrorKind::Unavailable, "verify a lease: the store has lost writes"));
            }
            Ok(())
        };
        self.store.run("verify", verify).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, Step};
    use super::*;
    use crate::conformance::{Fixture, store};

    /// Reopening keeps the rows, since they are the value of the store itself.
    struct InMemory;

    #[async_trait]
    impl Fixture<dyn OnlineStore> for InMemory {
        async fn empty(&self) -> Arc<dyn OnlineStore> {
            Arc::new(MemoryStore::default())
        }

        async fn reopen(&self, port: Arc<dyn OnlineStore>) -> Arc<dyn OnlineStore> {
            port
        }
    }

    /// Keeps the last store that it made, to take writes away from it.
    #[derive(Default)]
    struct Losing(Mutex<MemoryStore>);

    #[async_trait]
    impl Fixture<dyn OnlineStore> for Losing {
        async fn empty(&self) -> Arc<dyn OnlineStore> {
            let store = MemoryStore::default();
            *self.0.lock().expect("not poisoned") = store.clone();
            Arc::new(store)
        }

        async fn reopen(&self, port: Arc<dyn OnlineStore>) -> Arc<dyn OnlineStore> {
            port
        }
    }

    #[async_trait]
    impl store::LosingFixture for Losing {
        async fn lose_newest_writes(&self) {
            let store = self.0.lock().expect("not poisoned");
            store.lose_tail(store.changes() / 2);
        }
    }

    #[tokio::test]
    async fn the_memory_store_keeps_the_promises_of_its_port() {
        store::suite(&InMemory).await;
        store::loss_suite(&Losing::default()).await;
    }

    #[test]
    fn the_memory_store_follows_its_model() {
        store::random_operations_follow_the_model(&InMemory, 32);
    }

    #[tokio::test]
    async fn a_lost_tail_takes_rows_and_marker_back_to_a_beginning() {
        let store = MemoryStore::new(Faults::script([Step::on("marker", 1, Fault::LoseTail(2))]));
        let source = Partition(0);
        let mut lease = store.lease(source).await.expect("a lease");
        for offset in 0..2 {
            let key = Bytes::from(format!("k{offset}"));
            let write = Write { key, value: Bytes::from_static(b"v"), applied: Offset(offset) };
            lease.apply(vec![write], Offset(offset + 1)).await.expect("written");
        }
        assert_eq!((store.changes(), store.rows().len()), (5, 2));
        assert_eq!(store.marker(source).await.expect("a marker"), Offset(1));
        assert_eq!((store.changes(), store.rows().len()), (3, 1));
    }

    #[tokio::test]
    async fn a_failed_apply_ends_the_lease_and_a_bad_key_does_not() {
        let store = MemoryStore::new(Faults::script([Step::on("apply", 2, Fault::FailAfter(ErrorKind::Unavailable))]));
        let mut lease = store.lease(Partition(0)).await.expect("a lease");
        let bad = Write { key: Bytes::new(), value: Bytes::new(), applied: Offset(0) };
        assert_eq!(lease.apply(vec![bad], Offset(1)).await.expect_err("no key").kind(), ErrorKind::Invalid);
        lease.apply(Vec::new(), Offset(1)).await.expect("the lease goes on");
        lease.apply(Vec::new(), Offset(2)).await.expect_err("the answer is lost");
        assert_eq!(store.marker(Partition(0)).await.expect("a marker"), Offset(2));
        lease.apply(Vec::new(), Offset(3)).await.expect_err("the lease has ended");
        assert_eq!(store.lease(Partition(0)).await.expect("a lease").marker(), Offset(2));
    }
}
