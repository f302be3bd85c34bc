//! All models of this instance by name, as the Open Inference Protocol sees them: the models of the
//! repository (`store`), which are ONNX files, and model packages (`packages`). Without wire types.

mod config;
mod error;
mod memory;
mod packages;
mod raw;
mod source;
mod statistics;
mod store;
#[cfg(test)]
mod tests;
mod text;
mod triton;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use marquee_kit::{Context, chain};
use marquee_onnx::{Port, Tensor};
use tokio::time::Instant;

pub(crate) use config::{ModelConfig, VersionPolicy};
pub(crate) use error::Error;
pub(crate) use packages::Packages;
pub(crate) use raw::Defaults;
pub(crate) use source::Source;
pub(crate) use statistics::{Statistic, Timed};
pub(crate) use store::{Given, Parts as StoreParts, Store};
pub(crate) use triton::TritonMetrics;

use crate::rating::{self, Caller, Prediction};
use error::LoadError;

/// The name of the health check. It exists only if there is a repository.
const HEALTH: &str = "inference.GRPCInferenceService";

/// A request to a model.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// `None`: the newest one, or for packages the one that routing chooses.
    pub(crate) version: Option<u64>,
    pub(crate) inputs: Vec<(String, Tensor)>,
    /// Empty: all.
    pub(crate) outputs: Vec<String>,
    /// 1 is the most urgent. 0: not given.
    pub(crate) priority: u32,
    /// The longest time until the model runs.
    pub(crate) timeout: Option<Duration>,
}

/// What a model answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// `None`: several versions answered.
    pub(crate) version: Option<u64>,
    pub(crate) outputs: Vec<(String, Tensor)>,
    /// What users were predicted by the version that routing chose for them.
    pub(crate) predicted: Vec<(Caller, rating::Answer<Vec<Prediction>>)>,
}

/// How requests to a model are scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scheduling {
    /// The most rows of a run. 0: the model has no dimension for a batch.
    pub(crate) max_batch_size: usize,
    pub(crate) instances: usize,
    /// How many requests may wait.
    pub(crate) queue: usize,
}

/// What a model is.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) name: String,
    /// The versions that answer, in ascending order.
    pub(crate) versions: Vec<u64>,
    pub(crate) platform: &'static str,
    pub(crate) backend: &'static str,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    pub(crate) scheduling: Scheduling,
    pub(crate) config: Arc<ModelConfig>,
}

/// Whether a version answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    Loading,
    Unavailable,
}

/// A line of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// `None`: no version of the model could be tried.
    pub(crate) version: Option<u64>,
    pub(crate) state: State,
    /// Why the version does not answer.
    pub(crate) reason: String,
}

/// All models of this instance.
#[derive(Debug)]
pub(crate) struct Models {
    store: Arc<Store>,
    packages: Packages,
}

impl Models {
    pub(crate) fn new(store: Arc<Store>, packages: Packages) -> Self {
        Self { store, packages }
    }

    /// Returns whether a model answers. A model that was unloaded for space does: the request loads
    /// it.
    pub(crate) fn is_ready(&self, name: &str, version: Option<u64>) -> Result<bool, Error> {
        match self.store.get(name, version) {
            Some(found) => Ok(matches!(found, Ok(_) | Err(Error::Standby { .. }))),
            None if self.packages.knows(name) => Ok(self.packages.is_ready(name, version)),
            None => Err(Error::Unknown(name.to_owned())),
        }
    }

    /// Returns what a model is.
    pub(crate) async fn describe(&self, name: &str, version: Option<u64>) -> Result<Description, Error> {
        match self.store.demand(name, version).await {
            Some(found) => Ok(found?.describe(self.store.ready_versions(name))),
            None => self.packages.describe(name, version),
        }
    }

    /// Runs a model.
    pub(crate) async fn infer(&self, mut call: Call) -> Result<Answer, Error> {
        let demanded = self.store.demand(&call.name, call.version);
        let demanded = match call.timeout {
            Some(timeout) => {
                let begin = Instant::now();
                let demanded = tokio::time::timeout(timeout, demanded).await.map_err(|_| Error::TimedOut)?;
                // A model that was unloaded for space takes a while.
                call.timeout = Some(timeout.saturating_sub(begin.elapsed()));
                demanded
            }
            None => demanded.await,
        };
        match demanded {
            Some(found) => found?.infer(call).await,
            None => self.packages.infer(call).await,
        }
    }

    /// Lists all models, by name and version.
    pub(crate) fn index(&self) -> Vec<Entry> {
        let mut entries = self.store.index();
        entries.extend(self.packages.index());
        entries.sort_by(|a, b| (&a.name, a.version).cmp(&(&b.name, b.version)));
        entries
    }

    /// Returns the counters of a model, or of all. Without a version those of all versions that
    /// answer.
    pub(crate) fn statistics(&self, name: &str, version: Option<u64>) -> Result<Vec<Statistic>, Error> {
        if !name.is_empty() {
            // Says what is wrong with the name or the version.
            match self.store.get(name, version) {
                Some(found) => drop(found?),
                None => drop(self.packages.describe(name, version)?),
            }
        }
        let mut all = self.all_statistics();
        all.retain(|one| (name.is_empty() || one.name == name) && version.is_none_or(|version| one.version == version));
        Ok(all)
    }

    /// Returns the counters of all versions that are loaded.
    pub(crate) fn all_statistics(&self) -> Vec<Statistic> {
        let mut all = self.store.statistics();
        all.extend(self.packages.statistics());
        all
    }

    /// Loads a model, or loads it again.
    pub(crate) async fn load(&self, name: &str, given: Given) -> Result<(), Error> {
        let is_given = given.config.is_some() || !given.files.is_empty();
        let loaded = match self.packages.knows(name) {
            true if is_given => Err(LoadError::Taken),
            true => self.packages.load(name).await,
            false => self.store.load(name, given).await,
        };
        loaded.map_err(|source| Error::Load { name: name.to_owned(), source })
    }

    /// Stops serving a model.
    pub(crate) async fn unload(&self, name: &str) -> Result<(), Error> {
        if self.packages.knows(name) {
            let message =
                format!("model '{name}' is a package: routes decide which versions are loaded; change its route");
            return Err(Error::Invalid(message));
        }
        match self.store.unload(name).await {
            true => Ok(()),
            false => Err(Error::Unknown(name.to_owned())),
        }
    }

    /// Loads all models of the repository, and then those whose files change, at every `poll`.
    pub(crate) fn follow(self: &Arc<Self>, poll: Option<Duration>, context: &Context) {
        let check = context.health.check(HEALTH);
        check.not_ready("the models of the repository are loading");
        let (models, stop) = (Arc::clone(self), context.stop.clone());
        context.tasks.spawn("model-repository", async move {
            let mut seen = BTreeMap::new();
            loop {
                let is_taken = |name: &str| models.packages.knows(name);
                let pass = models.store.follow(&mut seen, &is_taken);
                let Some(pass) = stop.run_until_cancelled(pass).await else { return Ok::<_, Infallible>(()) };
                if let Err(error) = pass {
                    tracing::warn!(error = chain(&error), "the model repository could not be read");
                }
                check.ready();
                let Some(poll) = poll else { return Ok(()) };
                if stop.run_until_cancelled(tokio::time::sleep(poll)).await.is_none() {
                    return Ok(());
                }
            }
        });
    }
}
