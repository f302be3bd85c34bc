//! Loads the models of the repository: when their files change, when a client asks for it, and when
//! a request needs a model that was unloaded for space.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use std::time::Duration;

use bytes::Bytes;
use marquee_kit::chain;
use tokio::sync::oneshot;

use super::{Given, Known, Parts, Slot, Store, Wait};
use crate::models::config::ModelConfig;
use crate::models::error::{Error, LoadError};
use crate::models::raw::{Plan, RawModel};
use crate::models::source::{Files, Listing, Source, Stamp, is_name};

/// The largest configuration file, in bytes.
const LARGEST_CONFIG: u64 = 1 << 20;

/// How long requests do not read the repository again after one of them could not.
const RETRY: Duration = Duration::from_secs(1);

/// How often a request loads a model that leaves again before the request has it.
const TRIES: usize = 3;

/// Why a model is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// A client asked for it.
    Asked,
    /// A request needs it.
    Needed,
    /// Its files are new or have changed.
    Changed,
}

/// What a model is loaded from.
#[derive(Debug)]
struct Prepared {
    config: Arc<ModelConfig>,
    /// The versions that the policy chooses.
    chosen: Vec<u64>,
    others: Vec<u64>,
    files: Files,
}

impl Prepared {
    /// Estimates how many bytes of memory the chosen versions take: their files, once for each
    /// instance, because each instance has its own weights.
    fn bytes(&self, instances: usize) -> u64 {
        self.chosen.iter().fold(0, |sum, version| sum.saturating_add(self.bytes_of(*version, instances)))
    }

    fn bytes_of(&self, version: u64, instances: usize) -> u64 {
        let own = self.files.iter().filter(|(path, _)| version_of(path) == Some(version));
        let bytes = own.fold(0_u64, |sum, (_, stamp)| sum.saturating_add(stamp.size));
        bytes.saturating_mul(self.config.instances.unwrap_or(instances).max(1) as u64)
    }
}

impl Store {
    /// Returns the version that answers, like [`Self::get`]. Loads it first if it was unloaded for
    /// space.
    pub(in crate::models) async fn demand(
        self: &Arc<Self>,
        name: &str,
        version: Option<u64>,
    ) -> Option<Result<Arc<RawModel>, Error>> {
        for _ in 0..TRIES {
            let found = self.get(name, version)?;
            if !matches!(found, Err(Error::Standby { .. })) || self.must_wait(name) {
                return Some(found);
            }
            // The reason of a failure is what `get` returns afterwards.
            drop(self.load_in_task(name, Given::default(), Cause::Needed).await);
        }
        self.get(name, version)
    }

    /// Loads the models whose files have changed since `seen`, and unloads those whose files are
    /// gone. `is_taken` says which names packages have.
    pub(in crate::models) async fn follow(
        &self,
        seen: &mut BTreeMap<String, Files>,
        is_taken: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<(), LoadError> {
        let Listing { models: listed, unreadable } = self.parts.source.models().await?;
        for (name, error) in &unreadable {
            tracing::warn!(model = name, error = chain(error), "folder of a model cannot be read");
        }
        let is_there = |name: &String| listed.contains_key(name) || unreadable.contains_key(name);
        for gone in seen.keys().filter(|name| !is_there(name)) {
            self.unload(gone).await;
            self.forget(gone);
        }
        seen.retain(|name, _| is_there(name));
        for (name, files) in listed {
            if seen.get(&name) == Some(&files) {
                continue;
            }
            // Noted before the load: files that change meanwhile are loaded the next time.
            seen.insert(name.clone(), files);
            if is_taken(&name) {
                self.note_problem(&name, &LoadError::Taken, false);
                continue;
            }
            // The reason of a failure is in the log and in the index.
            let loaded = self.load_now(&name, Given::default(), Cause::Changed).await;
            if matches!(loaded, Err(LoadError::Read(_) | LoadError::Objects(_))) {
                // The next pass tries again.
                seen.remove(&name);
            }
        }
        Ok(())
    }

    /// Loads the versions of a model that its policy chooses.
    pub(in crate::models) async fn load(self: &Arc<Self>, name: &str, given: Given) -> Result<(), LoadError> {
        self.load_in_task(name, given, Cause::Asked).await
    }

    /// Loads a model in a task of its own, so that a client that goes away does not leave a half
    /// loaded model behind.
    async fn load_in_task(self: &Arc<Self>, name: &str, given: Given, cause: Cause) -> Result<(), LoadError> {
        let (done, outcome) = oneshot::channel();
        let (store, name) = (Arc::clone(self), name.to_owned());
        let stop = self.parts.process.stop.clone();
        self.parts.process.tasks.spawn("model-load", async move {
            if let Some(loaded) = stop.run_until_cancelled(store.load_now(&name, given, cause)).await {
                // The client may be gone.
                drop(done.send(loaded));
            }
            Ok::<_, Infallible>(())
        });
        outcome.await.unwrap_or(Err(LoadError::Canceled))
    }

    async fn load_now(&self, name: &str, mut given: Given, cause: Cause) -> Result<(), LoadError> {
        if !is_name(name) {
            return Err(LoadError::Name(name.chars().take(200).collect()));
        }
        let _changing = self.changing.lock().await;
        if cause == Cause::Needed {
            // Another request may have loaded it meanwhile, or tried to.
            let Some(config) = self.read(|known| known.get(name).filter(|known| known.is_standby()).map(config_of))
            else {
                return Ok(());
            };
            if self.must_wait(name) {
                return Ok(());
            }
            given.config = config;
        }
        let was_known = self.read(|known| known.contains_key(name));
        let loaded = self.load_alone(name, &given, cause).await;
        if loaded.is_err() && !was_known && !given.files.is_empty() {
            // What a client sent under a name of its own, and nothing of it answers.
            if self.ready_versions(name).is_empty() {
                self.forget(name);
            }
        } else if self.read(|known| known.contains_key(name)) {
            let wait = match &loaded {
                Err(LoadError::NoRoom { need, .. }) if cause == Cause::Needed => Some(Wait::Room(*need)),
                Err(error)
                    if cause == Cause::Needed && (error.may_pass() || matches!(error, LoadError::Versions(_))) =>
                {
                    Some(Wait::Until(self.parts.process.clock.now().plus(RETRY)))
                }
                _ => None,
            };
            self.change(name, |known| known.wait = wait);
        }
        loaded
    }

    /// Loads a model while no other one is loaded or unloaded.
    async fn load_alone(&self, name: &str, given: &Given, cause: Cause) -> Result<(), LoadError> {
        let prepared = match self.prepare(name, given).await {
            Ok(prepared) => prepared,
            Err(error) => {
                let is_absent = matches!(
                    error,
                    LoadError::NoRepository | LoadError::Missing(_) | LoadError::Read(_) | LoadError::Objects(_)
                );
                // A listing told of it, or its files were found.
                self.note_problem(name, &error, cause == Cause::Changed || (given.files.is_empty() && !is_absent));
                return Err(error);
            }
        };
        self.change(name, |known| known.problem = None);
        let is_ready = !self.ready_versions(name).is_empty();
        // A model that never answered must not drive out one that does before anybody asks for it.
        let may_unload = cause != Cause::Changed || is_ready;
        let need = prepared.bytes(self.parts.defaults.instances);
        if let Err(error) = self.make_room(name, need, may_unload) {
            return self.hold_back(name, (&prepared, given), error, is_ready);
        }
        self.change(name, |known| {
            for version in &prepared.chosen {
                let slot = known.versions.entry(*version).or_insert(Slot::Loading);
                if !matches!(slot, Slot::Ready(..)) {
                    *slot = Slot::Loading;
                }
            }
        });
        let failed = self.open_all(name, &prepared, given).await;
        self.settle(name, (&prepared, given), failed)
    }

    /// Notes that there is no room for a model. What answers goes on.
    fn hold_back(
        &self,
        name: &str,
        loaded: (&Prepared, &Given),
        error: LoadError,
        is_ready: bool,
    ) -> Result<(), LoadError> {
        // Files that came with the request are gone when the next one needs them.
        if is_ready || !loaded.1.files.is_empty() {
            self.note_problem(name, &error, true);
            return Err(error);
        }
        tracing::warn!(model = name, error = chain(&error), "model of the repository waits for space");
        self.count_failure(name);
        self.change(name, |known| {
            loaded.0.chosen.iter().for_each(|version| known.refuse(*version, &error));
            note_origin(known, loaded);
        });
        Err(error)
    }

    /// Opens the chosen versions one after the other. Returns those that failed.
    async fn open_all(&self, name: &str, prepared: &Prepared, given: &Given) -> Vec<(u64, LoadError)> {
        let mut failed = Vec::new();
        for version in prepared.chosen.iter().copied() {
            match self.open(name, version, prepared, given).await {
                Ok(model) => {
                    let bytes = model.bytes();
                    tracing::info!(model = name, version, bytes, "model of the repository loaded");
                    let slot = Slot::Ready(Arc::new(model), None);
                    // The version before it is dropped outside of the lock.
                    drop(self.change(name, |known| known.versions.insert(version, slot)));
                }
                Err(error) => {
                    tracing::warn!(model = name, version, error = chain(&error), "model of the repository not loaded");
                    self.count_failure(name);
                    self.change(name, |known| known.refuse(version, &error));
                    failed.push((version, error));
                }
            }
        }
        failed
    }

    /// Removes the versions that are not chosen any more, and returns what failed.
    fn settle(
        &self,
        name: &str,
        (prepared, given): (&Prepared, &Given),
        mut failed: Vec<(u64, LoadError)>,
    ) -> Result<(), LoadError> {
        if failed.len() < prepared.chosen.len() {
            // The graphs are dropped outside of the lock.
            drop(self.change(name, |known| note_origin(known, (prepared, given))));
        } else {
            // What was unloaded for space would be looked for with each request.
            self.change(name, |known| {
                let left = known.versions.iter_mut().filter(|(version, _)| !prepared.chosen.contains(version));
                for (_, slot) in left.filter(|(_, slot)| matches!(slot, Slot::Standby(_))) {
                    *slot = Slot::Unavailable("unloaded for space, and its successor was not loaded".to_owned());
                }
            });
        }
        match failed.len() {
            0 => Ok(()),
            1 if prepared.chosen.len() == 1 => Err(failed.remove(0).1),
            _ => {
                let reasons: Vec<String> =
                    failed.iter().map(|(version, error)| format!("version {version}: {}", chain(error))).collect();
                Err(LoadError::Versions(reasons.join("; ")))
            }
        }
    }

    /// Reads the configuration of a model, and decides which of its versions are loaded.
    async fn prepare(&self, name: &str, given: &Given) -> Result<Prepared, LoadError> {
        let source = &self.parts.source;
        let files = match given.files.is_empty() {
            true if matches!(source, Source::Absent) => return Err(LoadError::NoRepository),
            true => source.files(name).await?,
            false => {
                let stamp = |bytes: &Bytes| Stamp { size: bytes.len() as u64, modified: 0 };
                given.files.iter().map(|(path, bytes)| (path.clone(), stamp(bytes))).collect()
            }
        };
        if files.is_empty() {
            return Err(LoadError::Missing(format!("the folder '{name}'")));
        }
        let config = match &given.config {
            Some(json) => ModelConfig::from_json(json, name).map_err(LoadError::Config)?,
            None => self.read_config(name, &files, given).await?,
        };
        let versions: BTreeSet<u64> = files.keys().filter_map(|path| version_of(path)).collect();
        let versions: Vec<u64> = versions.into_iter().collect();
        let chosen = config.policy.as_ref().unwrap_or(&self.parts.defaults.policy).choose(&versions);
        if chosen.is_empty() {
            return Err(LoadError::NoVersions);
        }
        let others = versions.into_iter().filter(|version| !chosen.contains(version)).collect();
        Ok(Prepared { config: Arc::new(config), chosen, others, files })
    }

    async fn read_config(&self, name: &str, files: &Files, given: &Given) -> Result<ModelConfig, LoadError> {
        type Read = fn(&str, &str) -> Result<ModelConfig, String>;
        let forms: [(&str, Read); 2] =
            [("config.pbtxt", ModelConfig::from_text), ("config.json", ModelConfig::from_json)];
        for (path, read) in forms {
            let Some(stamp) = files.get(path) else { continue };
            check_size(path, stamp.size, LARGEST_CONFIG)?;
            let bytes = self.fetch(name, path, given).await?;
            let text = std::str::from_utf8(&bytes).map_err(|_| LoadError::Config(format!("{path} is not UTF-8")))?;
            return read(text, name).map_err(|problem| LoadError::Config(format!("{path}: {problem}")));
        }
        Ok(ModelConfig::default())
    }

    async fn fetch(&self, name: &str, path: &str, given: &Given) -> Result<Bytes, LoadError> {
        match given.files.get(path) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.parts.source.read(name, path).await,
        }
    }

    /// Loads one version.
    async fn open(&self, name: &str, version: u64, prepared: &Prepared, given: &Given) -> Result<RawModel, LoadError> {
        let Parts { defaults, runtime, process, .. } = &self.parts;
        let mut own = BTreeMap::new();
        for (path, stamp) in &prepared.files {
            if version_of(path) != Some(version) {
                continue;
            }
            check_size(path, stamp.size, self.parts.largest)?;
            let (_, below) = path.split_once('/').unwrap_or_default();
            own.insert(below.to_owned(), self.fetch(name, path, given).await?);
        }
        let plan = Plan {
            name: name.to_owned(),
            version,
            config: Arc::clone(&prepared.config),
            files: own,
            bytes: prepared.bytes_of(version, defaults.instances),
        };
        let (defaults, runtime, clock) = (defaults.clone(), runtime.clone(), Arc::clone(&process.clock));
        let model = self.parts.compute.run(move || RawModel::open(plan, &defaults, &runtime, clock)).await?;
        model.warm().await;
        Ok(model)
    }
}

fn config_of(known: &Known) -> Option<String> {
    known.config.clone()
}

/// Notes what a model was loaded from: removes the versions that do not exist any more, and says of
/// the others why they do not answer. Returns what was removed.
fn note_origin(known: &mut Known, (prepared, given): (&Prepared, &Given)) -> Vec<Slot> {
    known.config.clone_from(&given.config);
    known.has_given_files = !given.files.is_empty();
    let removed = known.versions.extract_if(.., |version, _| !prepared.chosen.contains(version));
    let removed = removed.map(|(_, slot)| slot).collect();
    for version in &prepared.others {
        let reason = "the version policy does not choose it".to_owned();
        known.versions.insert(*version, Slot::Unavailable(reason));
    }
    removed
}

/// Returns the version that a file belongs to. Folders with other names than numbers from 1 on have
/// no version.
fn version_of(path: &str) -> Option<u64> {
    let (folder, _) = path.split_once('/')?;
    let version = folder.parse().ok().filter(|version| *version > 0)?;
    // `01` and `+1` are no versions.
    (folder.bytes().all(|byte| byte.is_ascii_digit()) && !folder.starts_with('0')).then_some(version)
}

fn check_size(path: &str, size: u64, limit: u64) -> Result<(), LoadError> {
    if size <= limit { Ok(()) } else { Err(LoadError::TooLarge { path: path.to_owned(), size, limit }) }
}
