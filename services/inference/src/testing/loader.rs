//! A loader whose loads succeed, fail or hang as a test says.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use marquee_model::{Manifest, Stamp};
use marquee_ports::{Error, ErrorKind};
use tokio::sync::watch;

use super::{Kind, counted_model, key, manifest};
use crate::model::Model;
use crate::repository::{Key, LoadError, Loader};

/// The size of each version.
pub(crate) const VERSION_BYTES: u64 = 10;

/// What a load does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Waits for [`FakeLoader::release`], then succeeds.
    Hold,
    /// Never ends.
    Hang,
    /// Fails as if the store were away.
    Away,
    /// Fails as if the package did not verify.
    Refuse,
    /// Succeeds with a model whose encoder fails.
    BrokenEncoder,
    /// Succeeds with a model that has no learner.
    WithoutLearner,
    /// Succeeds with a model that has a ranker.
    WithRanker,
    /// Succeeds with a model whose learner carries a sum beside the state.
    CarriesSums,
    /// Succeeds with a model of other files.
    Changed,
}

/// A scripted loader. A load without a step succeeds.
#[derive(Debug, Default)]
pub(crate) struct FakeLoader {
    stored: Mutex<BTreeMap<Key, Stamp>>,
    steps: Mutex<HashMap<Key, VecDeque<Step>>>,
    loads: Mutex<Vec<u64>>,
    /// Counts the histories that the loaded models encode.
    encoded: Arc<AtomicUsize>,
    released: watch::Sender<Vec<Key>>,
}

impl FakeLoader {
    /// Returns a loader with these versions.
    pub(crate) fn with(versions: impl IntoIterator<Item = u64>) -> Arc<Self> {
        let loader = Self::default();
        for version in versions {
            loader.store(version, 0);
        }
        Arc::new(loader)
    }

    /// Stores a version; another stamp means other files.
    pub(crate) fn store(&self, version: u64, stamp: u64) {
        self.stored.lock().unwrap().insert(key(version), Stamp { content: stamp, bytes: VERSION_BYTES });
    }

    /// Adds a step to the script of a version.
    pub(crate) fn script(&self, version: u64, step: Step) {
        self.steps.lock().unwrap().entry(key(version)).or_default().push_back(step);
    }

    /// Lets held loads of a version succeed, now and later.
    pub(crate) fn release(&self, version: u64) {
        self.released.send_modify(|released| released.push(key(version)));
    }

    /// Returns the versions that were loaded, in the order in which loads began.
    pub(crate) fn loads(&self) -> Vec<u64> {
        self.loads.lock().unwrap().clone()
    }

    /// Returns how many histories the loaded models have encoded.
    pub(crate) fn encoded(&self) -> usize {
        self.encoded.load(Ordering::Relaxed)
    }

    fn is_stored(&self, key: &Key) -> bool {
        self.stored.lock().unwrap().contains_key(key)
    }
}

#[async_trait]
impl Loader for FakeLoader {
    async fn list(&self) -> Result<BTreeMap<Key, Stamp>, Error> {
        Ok(self.stored.lock().unwrap().clone())
    }

    async fn manifest(&self, key: &Key) -> Result<Option<Manifest>, Error> {
        Ok(self.is_stored(key).then(|| manifest(key.1.0)))
    }

    async fn verify(&self, key: &Key) -> Result<(), LoadError> {
        if !self.is_stored(key) {
            return Err(LoadError::NotFound);
        }
        let step = self.steps.lock().unwrap().get(key).and_then(|steps| steps.front().copied());
        if step == Some(Step::Refuse) { Err(LoadError::File("encoder.onnx", None)) } else { Ok(()) }
    }

    async fn load(&self, key: &Key) -> Result<Model, LoadError> {
        self.loads.lock().unwrap().push(key.1.0);
        if !self.is_stored(key) {
            return Err(LoadError::NotFound);
        }
        let step = self.steps.lock().unwrap().get_mut(key).and_then(VecDeque::pop_front);
        let loaded = |kind| counted_model(key.1.0, kind, Arc::clone(&self.encoded));
        match step {
            None => {}
            Some(Step::BrokenEncoder) => return Ok(loaded(Kind { fails: true, ..Kind::default() })),
            Some(Step::WithoutLearner) => return Ok(loaded(Kind { has_no_learner: true, ..Kind::default() })),
            Some(Step::WithRanker) => return Ok(loaded(Kind { has_ranker: true, ..Kind::default() })),
            Some(Step::CarriesSums) => return Ok(loaded(Kind { carries_sums: true, ..Kind::default() })),
            Some(Step::Changed) => return Ok(loaded(Kind { is_changed: true, ..Kind::default() })),
            Some(Step::Hold) => {
                let mut released = self.released.subscribe();
                released.wait_for(|released| released.contains(key)).await.expect("the loader lives");
            }
            Some(Step::Hang) => std::future::pending().await,
            Some(Step::Away) => return Err(LoadError::Fetch(Error::bare(ErrorKind::Unavailable, "read"))),
            Some(Step::Refuse) => return Err(LoadError::File("encoder.onnx", None)),
        }
        Ok(loaded(Kind::default()))
    }
}
