//! The task that loads one version, until it is warm or cannot be.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use marquee_backoff::Backoff;
use marquee_kit::chain;
use marquee_model::Stamp;

use super::{Entry, Key, LoadError, Repository, VersionState, lock};
use crate::metrics::ModelLabel;
use crate::model::Model;

/// Waits between the tries of one version.
const RETRY: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));

impl Repository {
    /// Starts to load a version. An entry that is there already is replaced and its task ends.
    pub(super) fn start(self: &Arc<Self>, entries: &mut HashMap<Key, Entry>, key: &Key, stamp: Option<Stamp>) {
        let (id, cancel) = (self.started.fetch_add(1, Ordering::Relaxed), self.process.stop.child_token());
        let entry = Entry {
            state: VersionState::Loading,
            since: self.process.clock.now(),
            id,
            cancel: cancel.clone(),
            stamp,
            finished: 0,
            waiters: Arc::default(),
        };
        if let Some(replaced) = entries.insert(key.clone(), entry) {
            replaced.cancel.cancel();
        }
        let (repository, key) = (Arc::clone(self), key.clone());
        self.process.tasks.spawn("inference-load", async move {
            tokio::select! {
                () = repository.keep_trying(&key, id) => {}
                () = cancel.cancelled() => {}
            }
            Ok::<_, Infallible>(())
        });
    }

    /// Tries until the version is warm or the failure cannot pass.
    async fn keep_trying(&self, key: &Key, id: u64) {
        let mut delays = RETRY.start();
        loop {
            let outcome = self.try_once(key).await;
            let retrying = outcome.as_ref().is_err_and(LoadError::is_retryable);
            log(key, &outcome, retrying);
            // A client may ask for any name. Only models that exist have a label.
            if outcome.is_err() && self.knows(&key.0) {
                self.metrics.failures.get_or_create(&ModelLabel { model: key.0.to_string() }).inc();
            }
            let state = match outcome {
                Ok(model) => VersionState::Warm(Arc::new(model)),
                Err(error) => VersionState::Failed { error: Arc::new(error), retrying },
            };
            if !self.set(key, id, state) || !retrying {
                return;
            }
            delays.wait().await;
            if !self.set(key, id, VersionState::Loading) {
                return;
            }
        }
    }

    async fn try_once(&self, key: &Key) -> Result<Model, LoadError> {
        let Ok(_permit) = self.permits.acquire().await else { return Err(LoadError::Canceled) };
        let deadline = self.limits.deadline;
        let loaded = tokio::time::timeout(deadline, self.loader.load(key)).await;
        loaded.unwrap_or(Err(LoadError::TimedOut(deadline)))
    }

    /// Moves an entry to a state. Returns false if the entry is gone or was replaced.
    fn set(&self, key: &Key, id: u64, state: VersionState) -> bool {
        let replaced = {
            let mut entries = lock(&self.entries);
            let Some(entry) = entries.get_mut(key).filter(|entry| entry.id == id) else { return false };
            entry.since = self.process.clock.now();
            entry.finished += u64::from(!matches!(state, VersionState::Loading));
            std::mem::replace(&mut entry.state, state)
        };
        drop(replaced);
        self.notify();
        true
    }
}

fn log((name, version): &Key, outcome: &Result<Model, LoadError>, retrying: bool) {
    match outcome {
        Ok(model) => {
            tracing::info!(model = %name, %version, digest = &*model.digest, verified = model.verified, "model version warm");
        }
        Err(error) if retrying => {
            tracing::warn!(model = %name, %version, error = chain(error), "model version not loaded; trying again");
        }
        Err(error) => tracing::error!(model = %name, %version, error = chain(error), "model version refused"),
    }
}
