//! The model versions of this instance: loads what is needed, tries again what may still load, and
//! unloads the rest.
//!
//! Needed are the versions that routes name, the newest versions of each model, and the versions
//! that were asked for with `LoadModel`. Memory bounds those that no route names. Each version
//! loads in a task of its own, so a load that hangs delays neither routes nor other loads. A failed
//! load is retried with backoff if the failure may pass; a package that does not verify is loaded
//! again only after its files change.

mod contract;
mod loader;
mod needed;
mod task;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use marquee_domain::{Clock, ModelName, Timestamp, Version};
use marquee_kit::{Stop, Tasks, chain};
use marquee_model::Stamp;
use tokio::sync::{Semaphore, watch};

pub(crate) use contract::port;
pub(crate) use loader::{LoadError, Loader, Opener, PackageLoader};

use needed::{Needed, bytes, needed};

use crate::metrics::LoadMetrics;
use crate::model::Model;

/// A version of a model.
pub(crate) type Key = (ModelName, Version);

/// What this instance made of a version.
#[derive(Debug, Clone)]
pub(crate) enum VersionState {
    Loading,
    Warm(Arc<Model>),
    Failed {
        error: Arc<LoadError>,
        /// The repository tries again by itself.
        retrying: bool,
    },
}

/// A version that is needed, or was until a moment ago.
#[derive(Debug)]
struct Entry {
    state: VersionState,
    /// When it came into this state.
    since: Timestamp,
    /// Tells its load task from the task of an earlier entry of the same version.
    id: u64,
    /// Ends its load task.
    cancel: Stop,
    /// The stored files at the start of the load.
    stamp: Option<Stamp>,
    /// How many tries have ended.
    finished: u64,
    /// Shared with every caller that waits for the load; such an entry stays.
    waiters: Arc<()>,
}

impl Entry {
    /// Returns whether a request uses the version now.
    fn is_in_use(&self) -> bool {
        matches!(&self.state, VersionState::Warm(model) if Arc::strong_count(model) > 1)
    }

    /// Says whether other files are stored than those that failed. Then the version is loaded at
    /// once, without waiting for the backoff.
    fn is_outdated(&self, stored: Option<Stamp>) -> bool {
        match &self.state {
            VersionState::Failed { error, retrying } => {
                (!retrying || matches!(**error, LoadError::NotFound)) && stored != self.stamp
            }
            VersionState::Loading | VersionState::Warm(_) => false,
        }
    }
}

/// How the repository loads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Versions that are loaded at the same time.
    pub(crate) loads: usize,
    /// Longest time that one try may take.
    pub(crate) deadline: Duration,
    /// Newest versions of a model that are kept, and versions that are kept because they were asked
    /// for.
    pub(crate) keep: usize,
    /// The most bytes that the files of the loaded versions have together. Versions of routes are
    /// loaded beyond it. 0: any number.
    pub(crate) bytes: u64,
}

/// What the repository needs from the process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) tasks: Tasks,
    pub(crate) stop: Stop,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The model versions of this instance.
#[derive(Debug)]
pub(crate) struct Repository {
    loader: Arc<dyn Loader>,
    limits: Limits,
    process: Process,
    metrics: LoadMetrics,
    entries: Mutex<HashMap<Key, Entry>>,
    /// The last listing, or `None` before the first.
    stored: Mutex<Option<BTreeMap<Key, Stamp>>>,
    /// Versions that were asked for, newest last. A rollback loads first and routes afterwards.
    asked: Mutex<VecDeque<Key>>,
    /// Versions that routes named when [`Self::retain`] ran last.
    routed: Mutex<BTreeSet<Key>>,
    /// Versions that are not loaded because memory is short.
    left_out: Mutex<BTreeSet<Key>>,
    permits: Semaphore,
    /// Numbers the entries.
    started: AtomicU64,
    /// Counts changes of entries and of the listing.
    changes: watch::Sender<u64>,
}

/// Locks a mutex whose data is valid after every statement, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Repository {
    pub(crate) fn new(loader: Arc<dyn Loader>, limits: Limits, process: Process, metrics: LoadMetrics) -> Arc<Self> {
        Arc::new(Self {
            loader,
            limits,
            process,
            metrics,
            entries: Mutex::default(),
            stored: Mutex::default(),
            asked: Mutex::default(),
            routed: Mutex::default(),
            left_out: Mutex::default(),
            permits: Semaphore::new(limits.loads),
            started: AtomicU64::new(0),
            changes: watch::Sender::new(0),
        })
    }

    pub(crate) fn loader(&self) -> &dyn Loader {
        &*self.loader
    }

    /// Returns a receiver that is notified when a version changes its state.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Returns a version if it can answer.
    pub(crate) fn warm(&self, key: &Key) -> Option<Arc<Model>> {
        match lock(&self.entries).get(key) {
            Some(Entry { state: VersionState::Warm(model), .. }) => Some(Arc::clone(model)),
            _ => None,
        }
    }

    /// Returns the state of a version and since when it has it, or `None` if it is not needed here.
    pub(crate) fn state(&self, key: &Key) -> Option<(VersionState, Timestamp)> {
        lock(&self.entries).get(key).map(|entry| (entry.state.clone(), entry.since))
    }

    /// Returns every version of the last listing.
    pub(crate) fn stored(&self) -> BTreeSet<Key> {
        lock(&self.stored).iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// Returns whether a version of a model was in the last listing.
    pub(crate) fn knows(&self, name: &ModelName) -> bool {
        let first = (name.clone(), Version(0));
        let is_known =
            |stored: &BTreeMap<Key, Stamp>| stored.range(first..).next().is_some_and(|((first, _), _)| first == name);
        lock(&self.stored).as_ref().is_some_and(is_known)
    }

    /// Says why a version is not warm.
    pub(crate) fn explain(&self, key: &Key) -> String {
        let (name, version) = key;
        match self.state(key) {
            Some((VersionState::Failed { error, retrying: false }, _)) => {
                format!("version {version} of model '{name}' was refused: {}", chain(&*error))
            }
            Some((VersionState::Failed { error, retrying: true }, _)) => {
                format!("version {version} of model '{name}' is not loaded yet: {}", chain(&*error))
            }
            _ if lock(&self.left_out).contains(key) => {
                let limit = self.limits.bytes;
                format!(
                    "version {version} of model '{name}' is not loaded: memory is short, no route names it, and \
                     inference.package_bytes is {limit}; route it, load it, or raise the limit"
                )
            }
            _ => format!("version {version} of model '{name}' is not loaded yet"),
        }
    }

    /// Returns whether a version is not loaded because memory is short.
    pub(crate) fn is_left_out(&self, key: &Key) -> bool {
        lock(&self.left_out).contains(key)
    }

    /// Reads which versions are stored.
    pub(crate) async fn refresh(&self) -> Result<(), marquee_ports::Error> {
        let listed = self.loader.list().await?;
        let changed = {
            let mut stored = lock(&self.stored);
            let changed = stored.as_ref() != Some(&listed);
            *stored = Some(listed);
            changed
        };
        if changed {
            self.notify();
        }
        Ok(())
    }

    /// Loads the versions that are needed and unloads all others. `routed` are the versions that
    /// routes name. Does nothing before the first listing: a load records which files it tried.
    pub(crate) fn retain(self: &Arc<Self>, routed: &BTreeSet<Key>) {
        let Some(stored) = lock(&self.stored).clone() else { return };
        lock(&self.routed).clone_from(routed);
        let needed = self.needed(routed, &stored);
        let mut unloaded = Vec::new();
        let mut started = 0;
        {
            let mut entries = lock(&self.entries);
            let left_out = lock(&self.left_out).clone();
            let unneeded = |key: &Key, entry: &Entry| {
                let stays = left_out.contains(key) && entry.is_in_use();
                !needed.contains(key) && !stays && Arc::strong_count(&entry.waiters) == 1
            };
            unloaded.extend(entries.extract_if(|key, entry| unneeded(key, entry)));
            for key in &needed {
                let stamp = stored.get(key).copied();
                if entries.get(key).is_none_or(|entry| entry.is_outdated(stamp)) {
                    self.start(&mut entries, key, stamp);
                    started += 1;
                }
            }
        }
        if started > 0 || !unloaded.is_empty() {
            self.notify();
        }
        // Outside of the lock, because requests wait for it.
        for (key, entry) in unloaded {
            entry.cancel.cancel();
            tracing::info!(model = %key.0, version = %key.1, "model version unloaded");
        }
    }

    /// Returns what is needed, and notes what was left out because memory is short.
    fn needed(&self, routed: &BTreeSet<Key>, stored: &BTreeMap<Key, Stamp>) -> Vec<Key> {
        let Needed { loaded, left_out } = needed(routed, lock(&self.asked).iter(), stored, &self.limits);
        let mut noted = lock(&self.left_out);
        for (name, version) in left_out.difference(&noted) {
            let limit = self.limits.bytes;
            tracing::warn!(model = %name, %version, limit, "model version left out for space; no route names it");
        }
        self.metrics.left_out.set(i64::try_from(left_out.len()).unwrap_or(i64::MAX));
        *noted = left_out;
        loaded
    }

    /// Returns an error if a version does not fit beside those that routes name.
    fn check_room(&self, key: &Key) -> Result<(), LoadError> {
        let (limit, routed) = (self.limits.bytes, lock(&self.routed).clone());
        let stored = lock(&self.stored);
        // The load itself says that a version does not exist.
        let Some((stored, stamp)) = stored.as_ref().and_then(|stored| Some((stored, stored.get(key)?))) else {
            return Ok(());
        };
        let (need, held) = (stamp.bytes, bytes(routed.iter(), stored));
        if limit == 0 || routed.contains(key) || held.saturating_add(need) <= limit {
            return Ok(());
        }
        Err(LoadError::NoRoom { need, held, limit })
    }

    /// Loads a version because it was asked for, and keeps it. Returns the outcome of the try that
    /// is running, or of a new one.
    pub(crate) async fn load(self: &Arc<Self>, key: &Key) -> Result<Arc<Model>, Arc<LoadError>> {
        let mut changes = self.changes.subscribe();
        if !self.stored().contains(key)
            && let Err(error) = self.refresh().await
        {
            // The version may be newer than the last listing. The load itself says what is wrong.
            tracing::debug!(error = chain(&error), "the model store could not be listed before a load");
        }
        self.check_room(key).map_err(Arc::new)?;
        let stamp = lock(&self.stored).as_ref().and_then(|stored| stored.get(key).copied());
        let (id, finished, _waiter) = {
            let mut entries = lock(&self.entries);
            if !matches!(entries.get(key), Some(Entry { state: VersionState::Loading | VersionState::Warm(_), .. })) {
                self.start(&mut entries, key, stamp);
            }
            let entry = entries.get(key).expect("it is there or was just started");
            (entry.id, entry.finished, Arc::clone(&entry.waiters))
        };
        loop {
            match self.outcome(key, id, finished) {
                Some(Ok(model)) => {
                    self.keep(key);
                    return Ok(model);
                }
                Some(Err(error)) => return Err(error),
                None => {}
            }
            if changes.changed().await.is_err() {
                return Err(Arc::new(LoadError::Canceled));
            }
        }
    }

    /// Returns how a load ended, or `None` while no try has ended since `finished`. A newer load
    /// that took the place of entry `id` counts as well.
    fn outcome(&self, key: &Key, id: u64, finished: u64) -> Option<Result<Arc<Model>, Arc<LoadError>>> {
        let entries = lock(&self.entries);
        let Some(entry) = entries.get(key) else { return Some(Err(Arc::new(LoadError::Canceled))) };
        match &entry.state {
            VersionState::Warm(model) => Some(Ok(Arc::clone(model))),
            VersionState::Failed { error, .. } if entry.id != id || entry.finished > finished => {
                Some(Err(Arc::clone(error)))
            }
            VersionState::Failed { .. } | VersionState::Loading => None,
        }
    }

    /// Remembers that a version was asked for; the oldest such version is forgotten.
    fn keep(&self, key: &Key) {
        let mut asked = lock(&self.asked);
        asked.retain(|other| other != key);
        asked.push_back(key.clone());
        while asked.len() > self.limits.keep.max(1) {
            asked.pop_front();
        }
    }

    fn notify(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }
}
