//! The rollouts of the deployment, as the calls see and change them.
//!
//! The object store has the truth. This process keeps what it read last, so that it can answer and
//! notify watchers while the store is away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt as _, stream};
use marquee_domain::{Clock, ModelName, Timestamp};
use marquee_kit::chain;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::{Notify, watch};

use crate::spec;
use crate::store::{ChangeError, Document, Store, StoreError, Stored};

/// The number of commands of one rollout that may wait.
const WAITING: usize = 16;

/// The number of rollouts that are read side by side.
const SIDE_BY_SIDE: usize = 16;

/// A rollout and how current it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rollout {
    pub(crate) document: Document,
    /// Why the document may be old.
    pub(crate) stalled: Option<String>,
}

/// The rollouts by model.
pub(crate) type Board = BTreeMap<ModelName, Arc<Rollout>>;

/// A call was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("model '{0}' has no rollout: start one with StartRollout")]
    NotFound(ModelName),
    #[error("{WAITING} commands wait already: the controller has not carried them out yet")]
    Commands,
    #[error("the rollout of model '{0}' runs: abort or promote it first")]
    Running(ModelName),
    #[error("{0} models have a rollout already, and rollouts.limit allows no more")]
    Limit(usize),
}

/// The rollouts of the deployment.
#[derive(Debug)]
pub(crate) struct Rollouts {
    store: Store,
    clock: Arc<dyn Clock>,
    board: watch::Sender<Board>,
    /// The rollouts that could not be read, with the reason that was logged.
    unreadable: Mutex<BTreeMap<ModelName, String>>,
    /// Wakes the controller when something was asked for.
    asked: Notify,
    limit: usize,
}

impl Rollouts {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, limit: usize) -> Self {
        let (board, unreadable, asked) = (watch::Sender::default(), Mutex::default(), Notify::new());
        Self { store, clock, board, unreadable, asked, limit }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits until a caller asks for something.
    pub(crate) async fn wait_for_call(&self) {
        self.asked.notified().await;
    }

    /// Returns a receiver of every change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Board> {
        self.board.subscribe()
    }

    /// Returns every rollout as it was read last.
    pub(crate) fn board(&self) -> Board {
        self.board.borrow().clone()
    }

    /// Starts the rollout of a model, or replaces its specification. The same specification again
    /// changes nothing.
    pub(crate) async fn start(&self, model: &ModelName, spec: Value) -> Result<Arc<Rollout>, ChangeError<Refusal>> {
        let models = self.store.models().await?;
        if models.len() >= self.limit && !models.contains(model) {
            return Err(ChangeError::Refused(Refusal::Limit(models.len())));
        }
        let start = |present: Option<Document>| match present {
            None => Ok(Document::new(model.clone(), spec.clone(), self.now())),
            Some(document) if document.spec == spec => Ok(document),
            Some(mut document) => {
                document.generation = document.generation.saturating_add(1);
                document.spec = spec.clone();
                Ok(document)
            }
        };
        self.change(model, start).await
    }

    /// Stores a command for the controller.
    pub(crate) async fn act(&self, model: &ModelName, verb: &str) -> Result<Arc<Rollout>, ChangeError<Refusal>> {
        let ask = |present: Option<Document>| {
            let mut document = present.ok_or_else(|| Refusal::NotFound(model.clone()))?;
            if document.commands.len() >= WAITING {
                return Err(Refusal::Commands);
            }
            document.ask(verb, self.now());
            Ok(document)
        };
        self.change(model, ask).await
    }

    /// Forgets the rollout of a model that has ended.
    pub(crate) async fn delete(&self, model: &ModelName) -> Result<(), ChangeError<Refusal>> {
        let stored = self.store.read(model).await?;
        let document = stored.ok_or_else(|| ChangeError::Refused(Refusal::NotFound(model.clone())))?.document;
        if spec::may_run(&document) {
            return Err(ChangeError::Refused(Refusal::Running(model.clone())));
        }
        // A decision that is being made about it is not stored, because its write names the object.
        self.store.delete(model).await?;
        self.board.send_modify(|board| drop(board.remove(model)));
        Ok(())
    }

    async fn change(
        &self,
        model: &ModelName,
        change: impl Fn(Option<Document>) -> Result<Document, Refusal>,
    ) -> Result<Arc<Rollout>, ChangeError<Refusal>> {
        let stored = self.store.change(model, change).await?;
        self.asked.notify_one();
        Ok(self.adopt(stored.document))
    }

    /// Returns the rollout of a model as it is now, or as it was read last while the store is away.
    pub(crate) async fn get(&self, model: &ModelName) -> Result<Option<Arc<Rollout>>, StoreError> {
        match self.store.read(model).await {
            Ok(stored) => Ok(stored.map(|stored| self.adopt(stored.document))),
            Err(error) => {
                let last = self.board.borrow().get(model).cloned();
                let last = last.map(|last| stale(&last, &error));
                last.map(Some).ok_or(error)
            }
        }
    }

    /// Reads every rollout. What cannot be read stays as it was read last.
    pub(crate) async fn refresh(&self) -> Result<Vec<Stored>, StoreError> {
        let models = match self.store.models().await {
            Ok(models) => models,
            Err(error) => {
                self.mark_stale(&error);
                return Err(error);
            }
        };
        self.board.send_if_modified(|board| {
            let before = board.len();
            board.retain(|model, _| models.contains(model));
            board.len() != before
        });
        let read = |model: ModelName| async move { self.refresh_one(&model).await };
        let all = stream::iter(models.into_iter().map(read)).buffered(SIDE_BY_SIDE);
        Ok(all.filter_map(std::future::ready).collect().await)
    }

    /// Reads the rollout of a model. Returns `None` if there is none, or if it cannot be read.
    async fn refresh_one(&self, model: &ModelName) -> Option<Stored> {
        match self.store.read(model).await {
            Ok(stored) => {
                let stored = stored?;
                self.unreadable().remove(model);
                self.adopt(stored.document.clone());
                Some(stored)
            }
            Err(error) => {
                let reason = chain(&error);
                if self.unreadable().insert(model.clone(), reason.clone()).as_ref() != Some(&reason) {
                    tracing::warn!(%model, error = reason, "skipped a rollout that cannot be read");
                }
                self.mark_stale_one(model, &error);
                None
            }
        }
    }

    /// Adopts a document unless a newer one is known. Returns the newest one.
    pub(crate) fn adopt(&self, document: Document) -> Arc<Rollout> {
        let model = document.model.clone();
        if let Some(known) = self.board.borrow().get(&model)
            && known.document == document
            && known.stalled.is_none()
        {
            return Arc::clone(known);
        }
        // A rollout that this release cannot drive may be driven by no controller.
        let stalled = spec::parts(&document).err();
        let new = Arc::new(Rollout { document, stalled });
        let mut newest = Arc::clone(&new);
        self.board.send_if_modified(|board| match board.get(&model) {
            Some(known) if is_newer(&known.document, &new.document) => {
                newest = Arc::clone(known);
                false
            }
            Some(known) if *known == new => false,
            _ => {
                board.insert(model, Arc::clone(&new));
                true
            }
        });
        newest
    }

    fn unreadable(&self) -> MutexGuard<'_, BTreeMap<ModelName, String>> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mark_stale(&self, error: &StoreError) {
        let models: Vec<ModelName> = self.board.borrow().keys().cloned().collect();
        models.iter().for_each(|model| self.mark_stale_one(model, error));
    }

    fn mark_stale_one(&self, model: &ModelName, error: &StoreError) {
        self.board.send_if_modified(|board| {
            let Some(known) = board.get_mut(model) else { return false };
            let stale = stale(known, error);
            let changed = *known != stale;
            *known = stale;
            changed
        });
    }
}

/// Returns whether a document is a later content of the same object.
fn is_newer(known: &Document, read: &Document) -> bool {
    known.created_at == read.created_at && known.revision > read.revision
}

/// Returns a rollout that may be old because of an error.
fn stale(last: &Rollout, error: &StoreError) -> Arc<Rollout> {
    Arc::new(Rollout { document: last.document.clone(), stalled: Some(chain(error)) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use marquee_domain::ManualClock;
    use marquee_ports::memory::{Fault, MemoryObjects, Step};
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_rollouts_are_read_side_by_side_and_in_order() {
        let (objects, clock) = (MemoryObjects::default(), Arc::new(ManualClock::new(Timestamp::EPOCH)));
        let store = Store::new(Arc::new(objects.clone()), clock.clone());
        let rollouts = Rollouts::new(store, clock, 100);
        for number in 10..50 {
            let model = ModelName::try_new(&format!("model-{number}")).expect("valid");
            rollouts.start(&model, json!({"model": model.as_str(), "version": 1})).await.expect("stored");
        }
        let calls = objects.faults().calls().len();
        for call in 1..=40 {
            objects.faults().add(Step::at(calls + 1 + call, Fault::Delay(Duration::from_secs(1))));
        }
        let started = tokio::time::Instant::now();
        let all = rollouts.refresh().await.expect("read");
        assert!(started.elapsed() < Duration::from_secs(5), "after {:?}", started.elapsed());
        let models: Vec<&ModelName> = all.iter().map(|stored| &stored.document.model).collect();
        assert!(models.len() == 40 && models.is_sorted(), "{models:?}");
    }
}
