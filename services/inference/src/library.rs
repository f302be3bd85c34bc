//! The versions that this instance holds: it follows the model store, loads what is new, routed or asked for, and lets go of the others.
//!
//! Versions are shared by reference: one that is let go serves the requests that it has until they end. And one is let go only when two looks in a
//! row found no use for it, so that a version that is being routed meanwhile stays.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use marquee_domain::{ModelName, Version};
use marquee_kit::chain;
use marquee_model::{ModelStore, VerifyingKey};
use marquee_onnx::Runtime;

use crate::loaded::{LoadError, Loaded};
use crate::settings::Settings;

/// A version of a model.
pub(crate) type Key = (ModelName, Version);

/// What this instance made of a version.
#[derive(Debug, Clone)]
pub(crate) enum Held {
    Loading,
    Ready(Arc<Loaded>),
    Failed(Arc<LoadError>),
}

#[derive(Debug)]
pub(crate) struct Library {
    store: ModelStore,
    runtime: Runtime,
    key: Option<VerifyingKey>,
    settings: Settings,
    held: RwLock<HashMap<Key, Held>>,
    stored: Mutex<BTreeMap<ModelName, BTreeSet<Version>>>,
    /// Versions that somebody asked for by name, newest last; as many as a model's newest ones are kept. A rollback loads first and routes then.
    asked: Mutex<VecDeque<Key>>,
    /// What the last look found no use for.
    idle: Mutex<BTreeSet<Key>>,
    /// One load at a time: loading takes cores that serving needs.
    loading: tokio::sync::Mutex<()>,
}

impl Library {
    pub(crate) fn new(store: ModelStore, runtime: Runtime, key: Option<VerifyingKey>, settings: Settings) -> Self {
        Self {
            store,
            runtime,
            key,
            settings,
            held: RwLock::default(),
            stored: Mutex::default(),
            asked: Mutex::default(),
            idle: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
        }
    }

    /// A version that can serve.
    pub(crate) fn ready(&self, name: &ModelName, version: Version) -> Option<Arc<Loaded>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        match held.get(&(name.clone(), version)) {
            Some(Held::Ready(loaded)) => Some(Arc::clone(loaded)),
            _ => None,
        }
    }

    /// Every version in the store, with what this instance made of it.
    pub(crate) fn all(&self) -> Vec<(Key, Option<Held>)> {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        stored
            .into_iter()
            .flat_map(|(name, versions)| versions.into_iter().map(move |version| (name.clone(), version)))
            .map(|key| (key.clone(), held.get(&key).cloned()))
            .collect()
    }

    /// Reads the store, loads what is wanted and missing, and lets go of what is not wanted.
    pub(crate) async fn refresh(&self, routed: &BTreeSet<Key>) -> Result<(), marquee_ports::Error> {
        let stored = self.store.list().await?;
        let mut wanted: BTreeSet<Key> = routed.clone();
        for (name, versions) in &stored {
            wanted.extend(versions.iter().rev().take(self.settings.keep).map(|&version| (name.clone(), version)));
        }
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = stored;
        wanted.extend(self.asked.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        self.let_go(&wanted);
        for (name, version) in wanted {
            let known = self.held.read().unwrap_or_else(PoisonError::into_inner).contains_key(&(name.clone(), version));
            if !known {
                // What went wrong is kept and shown; the next version may be better.
                let _ = self.load(&name, version).await;
            }
        }
        Ok(())
    }

    fn let_go(&self, wanted: &BTreeSet<Key>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|key, _| wanted.contains(key) || !idle.contains(key));
        *idle = held.keys().filter(|key| !wanted.contains(*key)).cloned().collect();
    }

    /// Loads a version because somebody asked for it, and keeps it.
    pub(crate) async fn ask(&self, name: &ModelName, version: Version) -> Result<Arc<Loaded>, Arc<LoadError>> {
        let loaded = self.load(name, version).await?;
        let key = (name.clone(), version);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|other| *other != key);
        asked.push_back(key);
        while asked.len() > self.settings.keep.max(1) {
            asked.pop_front();
        }
        Ok(loaded)
    }

    /// Why a version cannot serve.
    pub(crate) fn refusal(&self, name: &ModelName, version: Version) -> Option<String> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        match held.get(&(name.clone(), version)) {
            Some(Held::Failed(error)) => Some(chain(&**error)),
            _ => None,
        }
    }

    /// Loads a version now, unless it is ready.
    async fn load(&self, name: &ModelName, version: Version) -> Result<Arc<Loaded>, Arc<LoadError>> {
        let _one_at_a_time = self.loading.lock().await;
        if let Some(loaded) = self.ready(name, version) {
            return Ok(loaded);
        }
        let key = (name.clone(), version);
        self.hold(key.clone(), Held::Loading);
        match self.fetch(name, version).await {
            Ok(loaded) => {
                tracing::info!(model = %name, %version, digest = loaded.digest, verified = loaded.verified, "model version ready");
                let loaded = Arc::new(loaded);
                self.stored
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .entry(name.clone())
                    .or_default()
                    .insert(version);
                self.hold(key, Held::Ready(Arc::clone(&loaded)));
                Ok(loaded)
            }
            Err(error) => {
                tracing::error!(model = %name, %version, error = chain(&error), "model version refused");
                let error = Arc::new(error);
                // The store may be back, or the version there, the next time somebody asks.
                let passing = match &*error {
                    LoadError::Fetch(error) => error.is_retryable(),
                    LoadError::Missing => true,
                    _ => false,
                };
                if passing {
                    self.held.write().unwrap_or_else(PoisonError::into_inner).remove(&key);
                } else {
                    self.hold(key, Held::Failed(Arc::clone(&error)));
                }
                Err(error)
            }
        }
    }

    async fn fetch(&self, name: &ModelName, version: Version) -> Result<Loaded, LoadError> {
        let files = self.store.fetch(name, version).await.map_err(LoadError::Fetch)?.ok_or(LoadError::Missing)?;
        Loaded::load((name, version), files, self.key.as_ref(), &self.runtime, &self.settings).await
    }

    fn hold(&self, key: Key, held: Held) {
        self.held.write().unwrap_or_else(PoisonError::into_inner).insert(key, held);
    }
}
