//! The models of the repository: loads them, keeps the versions that answer, and says why others do
//! not.
//!
//! **Invariant:** a version that answers goes on while its successor loads, and stays if that fails
//! (`models::tests::a_version_that_answers_stays_if_its_successor_is_refused`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use marquee_domain::Clock;
use marquee_kit::{Compute, chain};
use marquee_onnx::Runtime;

use super::config::ModelConfig;
use super::error::{Error, LoadError};
use super::raw::{Defaults, Plan, RawModel};
use super::source::{Files, Source, Stamp, is_name};
use super::statistics::Statistic;
use super::{Entry, State};

/// The largest configuration file, in bytes.
const LARGEST_CONFIG: u64 = 1 << 20;

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
    Ready(Arc<RawModel>),
    Loading,
    Unavailable(String),
}

#[derive(Debug, Default)]
struct Known {
    versions: BTreeMap<u64, Slot>,
    /// Why no version could be tried.
    problem: Option<String>,
}

impl Known {
    fn ready(&self) -> impl DoubleEndedIterator<Item = &Arc<RawModel>> {
        self.versions.values().filter_map(|slot| if let Slot::Ready(model) = slot { Some(model) } else { None })
    }
}

/// What the store is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) source: Source,
    pub(crate) defaults: Defaults,
    /// The largest file of a model, in bytes.
    pub(crate) largest: u64,
    pub(crate) runtime: Runtime,
    pub(crate) compute: Compute,
    pub(crate) clock: Arc<dyn Clock>,
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
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts, known: RwLock::default(), changing: tokio::sync::Mutex::default() }
    }

    fn read<T>(&self, read: impl FnOnce(&BTreeMap<String, Known>) -> T) -> T {
        read(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut BTreeMap<String, Known>) -> T) -> T {
        write(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the version that answers. Returns `None` if the model is not in the repository.
    pub(super) fn get(&self, name: &str, version: Option<u64>) -> Option<Result<Arc<RawModel>, Error>> {
        self.read(|known| {
            let known = known.get(name)?;
            let slot = match version {
                None => match known.ready().next_back() {
                    Some(model) => return Some(Ok(Arc::clone(model))),
                    None => known.versions.values().next_back(),
                },
                Some(version) => match known.versions.get(&version) {
                    None => return Some(Err(Error::NoVersion { name: name.to_owned(), version })),
                    slot => slot,
                },
            };
            let name = name.to_owned();
            Some(match slot {
                Some(Slot::Ready(model)) => Ok(Arc::clone(model)),
                Some(Slot::Loading) => Err(Error::Loading { name }),
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
                let entry = |version, state, reason: &str| Entry {
                    name: name.clone(),
                    version,
                    state,
                    reason: reason.to_owned(),
                };
                if known.versions.is_empty() {
                    let reason = known.problem.as_deref().unwrap_or("it has no versions");
                    entries.push(entry(None, State::Unavailable, reason));
                }
                for (version, slot) in &known.versions {
                    let (state, reason) = match slot {
                        Slot::Ready(_) => (State::Ready, ""),
                        Slot::Loading => (State::Loading, ""),
                        Slot::Unavailable(reason) => (State::Unavailable, reason.as_str()),
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

    /// Loads the models whose files have changed since `seen`, and unloads those whose files are
    /// gone. `is_taken` says which names packages have.
    pub(super) async fn follow(
        &self,
        seen: &mut BTreeMap<String, Files>,
        is_taken: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<(), LoadError> {
        let listed = self.parts.source.models().await?;
        for gone in seen.keys().filter(|name| !listed.contains(*name)) {
            self.unload(gone).await;
            self.write(|known| known.remove(gone));
        }
        seen.retain(|name, _| listed.contains(name));
        for name in listed {
            let files = self.parts.source.files(&name).await?;
            if seen.get(&name) == Some(&files) {
                continue;
            }
            // Noted before the load: files that change meanwhile are loaded the next time.
            seen.insert(name.clone(), files);
            if is_taken(&name) {
                self.note_problem(&name, &LoadError::Taken);
                continue;
            }
            // The reason of a failure is in the log and in the index.
            drop(self.load(&name, Given::default()).await);
        }
        Ok(())
    }

    /// Loads the versions of a model that its policy chooses.
    pub(super) async fn load(&self, name: &str, given: Given) -> Result<(), LoadError> {
        if !is_name(name) {
            return Err(LoadError::Name(name.chars().take(200).collect()));
        }
        let _changing = self.changing.lock().await;
        let prepared = self.prepare(name, &given).await;
        let (config, chosen, others, files) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                self.note_problem(name, &error);
                return Err(error);
            }
        };
        self.write(|known| {
            let known = known.entry(name.to_owned()).or_default();
            known.problem = None;
            for version in &chosen {
                let slot = known.versions.entry(*version).or_insert(Slot::Loading);
                if !matches!(slot, Slot::Ready(_)) {
                    *slot = Slot::Loading;
                }
            }
        });
        let mut failed = Vec::new();
        let mut is_any_ready = false;
        for version in &chosen {
            match self.open(name, *version, (&config, &files), &given).await {
                Ok(model) => {
                    is_any_ready = true;
                    tracing::info!(model = name, version, "model of the repository loaded");
                    self.write(|known| set(known, name, *version, Slot::Ready(Arc::new(model))));
                }
                Err(error) => {
                    let reason = chain(&error);
                    tracing::warn!(model = name, version, error = reason, "model of the repository not loaded");
                    self.write(|known| {
                        let known = known.entry(name.to_owned()).or_default();
                        if !matches!(known.versions.get(version), Some(Slot::Ready(_))) {
                            known.versions.insert(*version, Slot::Unavailable(reason.clone()));
                        }
                    });
                    failed.push((*version, error));
                }
            }
        }
        if is_any_ready {
            self.write(|known| {
                let versions = &mut known.entry(name.to_owned()).or_default().versions;
                versions.retain(|version, _| chosen.contains(version) || others.contains(version));
                for version in others {
                    versions.insert(version, Slot::Unavailable("the version policy does not choose it".to_owned()));
                }
            });
        }
        match failed.len() {
            0 => Ok(()),
            1 if chosen.len() == 1 => Err(failed.remove(0).1),
            _ => {
                let reasons: Vec<String> =
                    failed.iter().map(|(version, error)| format!("version {version}: {}", chain(error))).collect();
                Err(LoadError::Versions(reasons.join("; ")))
            }
        }
    }

    /// Stops serving a model. Requests in flight are answered.
    pub(super) async fn unload(&self, name: &str) -> bool {
        let _changing = self.changing.lock().await;
        let unloaded = self.write(|known| {
            let known = known.get_mut(name)?;
            let slots = known.versions.values_mut();
            Some(
                slots.map(|slot| std::mem::replace(slot, Slot::Unavailable("unloaded".to_owned()))).collect::<Vec<_>>(),
            )
        });
        // The graphs are dropped outside of the lock.
        if unloaded.is_some() {
            tracing::info!(model = name, "model of the repository unloaded");
        }
        unloaded.is_some()
    }

    fn note_problem(&self, name: &str, error: &LoadError) {
        let reason = chain(error);
        tracing::warn!(model = name, error = reason, "model of the repository not loaded");
        if matches!(error, LoadError::NoRepository | LoadError::Missing(_) | LoadError::Taken) {
            return;
        }
        self.write(|known| known.entry(name.to_owned()).or_default().problem = Some(reason));
    }

    /// Reads the configuration of a model, and decides which of its versions are loaded.
    async fn prepare(
        &self,
        name: &str,
        given: &Given,
    ) -> Result<(Arc<ModelConfig>, Vec<u64>, Vec<u64>, Files), LoadError> {
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
        Ok((Arc::new(config), chosen, others, files))
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
    async fn open(
        &self,
        name: &str,
        version: u64,
        (config, files): (&Arc<ModelConfig>, &Files),
        given: &Given,
    ) -> Result<RawModel, LoadError> {
        let mut own = BTreeMap::new();
        for (path, stamp) in files {
            if version_of(path) != Some(version) {
                continue;
            }
            check_size(path, stamp.size, self.parts.largest)?;
            let (_, below) = path.split_once('/').unwrap_or_default();
            own.insert(below.to_owned(), self.fetch(name, path, given).await?);
        }
        let plan = Plan { name: name.to_owned(), version, config: Arc::clone(config), files: own };
        let Parts { defaults, runtime, clock, .. } = &self.parts;
        let (defaults, runtime, clock) = (defaults.clone(), runtime.clone(), Arc::clone(clock));
        let model = self.parts.compute.run(move || RawModel::open(plan, &defaults, &runtime, clock)).await?;
        model.warm().await;
        Ok(model)
    }
}

fn set(known: &mut BTreeMap<String, Known>, name: &str, version: u64, slot: Slot) {
    known.entry(name.to_owned()).or_default().versions.insert(version, slot);
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
