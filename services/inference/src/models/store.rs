//! The models of the repository: keeps the versions that answer, says why others do not, and
//! unloads models when memory is short. `loading` loads them.
//!
//! **Invariant:** a version that answers goes on while its successor loads, and stays if that fails
//! (`models::tests::a_version_that_answers_stays_if_its_successor_is_refused`).
//!
//! **Invariant:** a model that a request uses is not unloaded for space
//! (`models::tests::memory::a_model_in_use_is_not_unloaded`).

mod loading;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use marquee_domain::Timestamp;
use marquee_kit::{Compute, chain};
use marquee_onnx::Runtime;

use super::error::{Error, LoadError};
use super::memory::{Resident, victims};
use super::raw::{Defaults, RawModel};
use super::source::Source;
use super::statistics::Statistic;
use super::{Entry, State};
use crate::metrics::{ModelLabel, StoreMetrics};
use crate::repository::Process;

/// Files and a configuration that are used in place of those of the repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    /// JSON.
    pub(crate) config: Option<String>,
    /// By paths such as `1/model.onnx`. The files of the repository are used if there are none.
    pub(crate) files: BTreeMap<String, Bytes>,
}

#[derive(Debug, Clone)]
enum Slot {
    /// The version answers. The text says why newer files of it do not.
    Ready(Arc<RawModel>, Option<String>),
    Loading,
    /// The version is not loaded, because memory is short or the repository could not be read. The
    /// next request loads it.
    Standby(String),
    Unavailable(String),
}

/// What a request that needs a model waits for before it tries to load it again.
#[derive(Debug, Clone, Copy)]
enum Wait {
    /// Room for this many bytes.
    Room(u64),
    /// This time. The repository could not be read.
    Until(Timestamp),
}

#[derive(Debug, Default)]
struct Known {
    versions: BTreeMap<u64, Slot>,
    /// Why no version could be tried the last time.
    problem: Option<String>,
    /// The configuration that came with the request to load the model.
    config: Option<String>,
    /// Whether the files came with the request to load the model. Then it cannot be loaded again
    /// without the client.
    has_given_files: bool,
    /// Set when a request could not load it.
    wait: Option<Wait>,
}

impl Known {
    fn ready(&self) -> impl DoubleEndedIterator<Item = &Arc<RawModel>> {
        self.versions.values().filter_map(|slot| if let Slot::Ready(model, _) = slot { Some(model) } else { None })
    }

    fn bytes(&self) -> u64 {
        self.ready().fold(0, |sum, model| sum.saturating_add(model.bytes()))
    }

    /// Returns the slot that answers requests without a version: the newest one that answers, or
    /// else the newest one that the request can load.
    fn newest(&self) -> Option<&Slot> {
        let newest = |is_meant: fn(&Slot) -> bool| self.versions.values().rev().find(|slot| is_meant(slot));
        newest(|slot| matches!(slot, Slot::Ready(..)))
            .or_else(|| newest(|slot| matches!(slot, Slot::Standby(_))))
            .or_else(|| newest(|_| true))
    }

    fn is_standby(&self) -> bool {
        self.versions.values().any(|slot| matches!(slot, Slot::Standby(_)))
    }

    /// Notes why a version was not loaded. The version that answers stays, if there is one.
    fn refuse(&mut self, version: u64, error: &LoadError) {
        let reason = chain(error);
        match self.versions.get_mut(&version) {
            Some(Slot::Ready(_, problem)) => *problem = Some(reason),
            // The next request tries again.
            _ if error.may_pass() => drop(self.versions.insert(version, Slot::Standby(reason))),
            _ => drop(self.versions.insert(version, Slot::Unavailable(reason))),
        }
    }

    fn resident(&self, name: &str, may_leave: bool) -> Option<Resident> {
        // Requests hold a model while they run.
        let is_unused = self.ready().all(|model| Arc::strong_count(model) == 1);
        let used_at = self.ready().map(|model| model.used_at()).max()?;
        let is_idle = may_leave && is_unused && !self.has_given_files;
        Some(Resident { name: name.to_owned(), bytes: self.bytes(), used_at, is_idle })
    }
}

/// What the store is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) source: Source,
    pub(crate) defaults: Defaults,
    /// The largest file of a model, in bytes.
    pub(crate) largest: u64,
    /// The most bytes that all models may take. 0: as many as they need.
    pub(crate) memory: u64,
    pub(crate) runtime: Runtime,
    pub(crate) compute: Compute,
    pub(crate) process: Process,
    pub(crate) metrics: StoreMetrics,
}

/// The models of the repository.
#[derive(Debug)]
pub(crate) struct Store {
    parts: Parts,
    known: RwLock<BTreeMap<String, Known>>,
    /// One load or unload at a time, so that they do not undo each other.
    changing: tokio::sync::Mutex<()>,
}

impl Store {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self { parts, known: RwLock::default(), changing: tokio::sync::Mutex::default() })
    }

    fn read<T>(&self, read: impl FnOnce(&BTreeMap<String, Known>) -> T) -> T {
        read(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut BTreeMap<String, Known>) -> T) -> T {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let result = write(&mut known);
        let bytes = known.values().fold(0_u64, |sum, known| sum.saturating_add(known.bytes()));
        self.parts.metrics.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        result
    }

    /// Changes what is known of a model.
    fn change<T>(&self, name: &str, change: impl FnOnce(&mut Known) -> T) -> T {
        self.write(|known| change(known.entry(name.to_owned()).or_default()))
    }

    /// Returns the version that answers. Returns `None` if the model is not in the repository.
    pub(super) fn get(&self, name: &str, version: Option<u64>) -> Option<Result<Arc<RawModel>, Error>> {
        self.read(|known| {
            let known = known.get(name)?;
            let slot = match version {
                None => known.newest(),
                Some(version) => match known.versions.get(&version) {
                    None => return Some(Err(Error::NoVersion { name: name.to_owned(), version })),
                    slot => slot,
                },
            };
            let name = name.to_owned();
            Some(match slot {
                Some(Slot::Ready(model, _)) => Ok(Arc::clone(model)),
                Some(Slot::Loading) => Err(Error::Loading { name }),
                Some(Slot::Standby(reason)) => Err(Error::Standby { name, reason: reason.clone() }),
                Some(Slot::Unavailable(reason)) => Err(Error::NotReady { name, reason: reason.clone() }),
                None => {
                    let reason = known.problem.clone().unwrap_or_else(|| "it has no versions".to_owned());
                    Err(Error::NotReady { name, reason })
                }
            })
        })
    }

    /// Returns the versions of a model that answer, in ascending order.
    pub(super) fn ready_versions(&self, name: &str) -> Vec<u64> {
        self.read(|known| known.get(name).map(|known| known.ready().map(|model| model.version).collect()))
            .unwrap_or_default()
    }

    pub(super) fn index(&self) -> Vec<Entry> {
        self.read(|known| {
            let mut entries = Vec::new();
            for (name, known) in known {
                let problem = known.problem.as_deref();
                let entry = |version, state, reason: Option<&str>| Entry {
                    name: name.clone(),
                    version,
                    state,
                    reason: reason.or(problem).unwrap_or_default().to_owned(),
                };
                if known.versions.is_empty() {
                    let reason = problem.unwrap_or("it has no versions");
                    entries.push(entry(None, State::Unavailable, Some(reason)));
                }
                for (version, slot) in &known.versions {
                    let (state, reason) = match slot {
                        Slot::Ready(_, problem) => (State::Ready, problem.as_deref()),
                        Slot::Loading => (State::Loading, None),
                        Slot::Standby(reason) | Slot::Unavailable(reason) => {
                            (State::Unavailable, Some(reason.as_str()))
                        }
                    };
                    entries.push(entry(Some(*version), state, reason));
                }
            }
            entries
        })
    }

    /// Returns the counters of the versions that answer.
    pub(super) fn statistics(&self) -> Vec<Statistic> {
        self.read(|known| known.values().flat_map(Known::ready).map(|model| model.statistic()).collect())
    }

    /// Stops serving a model. Requests in flight are answered.
    pub(super) async fn unload(&self, name: &str) -> bool {
        let _changing = self.changing.lock().await;
        let unloaded = self.write(|known| {
            let slots = known.get_mut(name)?.versions.values_mut();
            let unloaded = || Slot::Unavailable("unloaded".to_owned());
            Some(slots.map(|slot| std::mem::replace(slot, unloaded())).collect::<Vec<_>>())
        });
        // The graphs are dropped outside of the lock.
        if unloaded.is_some() {
            tracing::info!(model = name, "model of the repository unloaded");
        }
        unloaded.is_some()
    }

    /// Unloads idle models until `need` more bytes fit, for a model that is about to be loaded. If
    /// it may unload none, it only says whether there is room.
    fn make_room(&self, name: &str, need: u64, may_unload: bool) -> Result<(), LoadError> {
        let limit = self.parts.memory;
        if limit == 0 {
            return Ok(());
        }
        if need > limit {
            return Err(LoadError::LargerThanMemory { need, limit });
        }
        let reason = format!("unloaded for space when model '{name}' was loaded; the next request loads it again");
        // Under the lock, so that no request can take a model that leaves.
        let unloaded = self.write(|known| {
            let residents = residents(known, name, may_unload);
            let victims = victims(&residents, need, limit).map_err(|held| LoadError::NoRoom { need, held, limit })?;
            let mut unloaded = Vec::new();
            for victim in victims {
                let Some(known) = known.get_mut(&victim) else { continue };
                let bytes = known.bytes();
                let ready = known.versions.values_mut().filter(|slot| matches!(slot, Slot::Ready(..)));
                let slots: Vec<Slot> =
                    ready.map(|slot| std::mem::replace(slot, Slot::Standby(reason.clone()))).collect();
                unloaded.push((victim, bytes, slots));
            }
            Ok(unloaded)
        })?;
        for (model, bytes, _) in &unloaded {
            self.parts.metrics.unloaded.inc();
            tracing::warn!(model, bytes, limit, loading = name, "model of the repository unloaded for space");
        }
        Ok(())
    }

    /// Returns whether a request must wait before it tries to load a model. If it needs room, there
    /// may be some meanwhile.
    fn must_wait(&self, name: &str) -> bool {
        let (limit, now) = (self.parts.memory, self.parts.process.clock.now());
        self.read(|known| match known.get(name).and_then(|known| known.wait) {
            None => false,
            Some(Wait::Until(time)) => now < time,
            Some(Wait::Room(need)) => limit > 0 && victims(&residents(known, name, true), need, limit).is_err(),
        })
    }

    /// Notes why a model was not loaded. `exists` says whether the repository has it: clients may
    /// ask for any name, and only models that exist are remembered.
    fn note_problem(&self, name: &str, error: &LoadError, exists: bool) {
        let reason = chain(error);
        tracing::warn!(model = name, error = reason, "model of the repository not loaded");
        if !exists && !self.read(|known| known.contains_key(name)) {
            return;
        }
        self.count_failure(name);
        self.change(name, |known| {
            let standby = known.versions.iter().filter(|(_, slot)| matches!(slot, Slot::Standby(_)));
            let standby: Vec<u64> = standby.map(|(version, _)| *version).collect();
            standby.into_iter().for_each(|version| known.refuse(version, error));
            known.problem = Some(reason);
        });
    }

    fn count_failure(&self, name: &str) {
        self.parts.metrics.failures.get_or_create(&ModelLabel { model: name.to_owned() }).inc();
    }

    /// Forgets a model that is not there.
    fn forget(&self, name: &str) {
        self.write(|known| known.remove(name));
        self.parts.metrics.failures.remove(&ModelLabel { model: name.to_owned() });
    }
}

/// Returns what is loaded. `name` is about to be loaded, and makes no room for itself.
fn residents(known: &BTreeMap<String, Known>, name: &str, may_unload: bool) -> Vec<Resident> {
    known.iter().filter_map(|(other, known)| known.resident(other, may_unload && other != name)).collect()
}
