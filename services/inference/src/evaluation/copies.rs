//! The versions, loaded once more for evaluations. Their graphs have threads of their own, so that
//! no request of a user waits behind an evaluation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use marquee_kit::chain;
use tokio::sync::OnceCell;

use crate::model::Model;
use crate::repository::{Key, LoadError, Loader};

/// The copies, each loaded when it is first evaluated.
#[derive(Debug)]
pub(crate) struct Copies {
    loader: Arc<dyn Loader>,
    /// Longest time that a load may take.
    deadline: Duration,
    loaded: Mutex<HashMap<Key, Loaded>>,
}

/// A copy, and the digest of the package that serves.
#[derive(Debug, Clone)]
struct Loaded {
    digest: String,
    model: Arc<OnceCell<Arc<Model>>>,
}

impl Copies {
    pub(crate) fn new(loader: Arc<dyn Loader>, deadline: Duration) -> Self {
        Self { loader, deadline, loaded: Mutex::default() }
    }

    /// Returns the copy of a version that serves, or says why it could not be loaded. Drops the
    /// copies of versions that serve no longer, and tells `forget` their digests.
    ///
    /// **Invariant:** a copy has the files of the version that serves
    /// (`tests::a_copy_has_the_files_of_the_version_that_serves`).
    pub(crate) async fn of(
        &self,
        serving: &Model,
        serves: impl Fn(&Key) -> bool,
        forget: impl Fn(&str),
    ) -> Result<Arc<Model>, String> {
        let key = (serving.name.clone(), serving.version);
        let (cell, dropped) = self.cell(&key, &serving.digest, serves);
        dropped.iter().for_each(|copy| forget(&copy.digest));
        drop(dropped);
        let loaded = cell.get_or_try_init(|| async {
            let load = tokio::time::timeout(self.deadline, self.loader.load(&key)).await;
            load.unwrap_or(Err(LoadError::TimedOut(self.deadline))).map(Arc::new)
        });
        let (name, version) = &key;
        let model = loaded.await.map_err(|error| {
            format!("version {version} of model '{name}' could not be loaded for evaluations: {}", chain(&error))
        })?;
        if model.digest == serving.digest {
            return Ok(Arc::clone(model));
        }
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        Err(format!("the files of version {version} of model '{name}' have changed since it was loaded to serve"))
    }

    /// Returns the place of a copy, and the copies that it drops.
    fn cell(&self, key: &Key, digest: &str, serves: impl Fn(&Key) -> bool) -> (Arc<OnceCell<Arc<Model>>>, Vec<Loaded>) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let is_outdated = |other: &Key, copy: &Loaded| !serves(other) || other == key && copy.digest != digest;
        let dropped = loaded.extract_if(|other, copy| is_outdated(other, copy)).map(|(_, copy)| copy).collect();
        let new = || Loaded { digest: digest.to_owned(), model: Arc::default() };
        let cell = Arc::clone(&loaded.entry(key.clone()).or_insert_with(new).model);
        // Models are dropped outside of the lock, by the caller.
        (cell, dropped)
    }
}
