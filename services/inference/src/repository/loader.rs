//! Loading: the trait that the repository needs, and its implementation over model packages.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{ModelName, Version};
use marquee_kit::Compute;
use marquee_model::{
    Catalogue, GOLDEN, Golden, GraphSignature, Manifest, ManifestError, ModelStore, Package, PackageError, RANKER,
    Stamp, VerifyingKey,
};
use marquee_onnx::{BatchSettings, Batcher, Graph, GraphError, Runtime, Threads};
use thiserror::Error;

use super::{Key, contract};
use crate::model::{Model, Parts, Ranker, WarmError};
use crate::settings::Settings;

/// The most movies that a run of several requests scores, padding included. A run that scores more
/// takes longer than its requests one by one, because it leaves the caches of a core.
const SCORED_TOGETHER: usize = 128;

/// The most instances of a graph, each with a thread.
const INSTANCES: usize = 2;

/// The bytes of a graph from which on it has one instance.
const LARGE_GRAPH: usize = 64 << 20;

/// The bytes of a ranker from which on it has several threads.
const LARGE_RANKER: usize = 64 << 20;

/// The most threads of a ranker.
const RANKER_THREADS: usize = 4;

/// Why a version could not be loaded.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error("read the package from the model store")]
    Fetch(#[source] marquee_ports::Error),
    #[error("the version is not in the model store")]
    NotFound,
    #[error("the package was refused")]
    Package(#[source] PackageError),
    #[error("the package says it is {name} {version}")]
    OtherVersion { name: ModelName, version: Version },
    #[error("the package has no usable {0}")]
    File(&'static str, #[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    #[error("load {0}")]
    Graph(&'static str, #[source] GraphError),
    #[error("{0} is not the graph that the manifest describes: {1}")]
    Signature(&'static str, String),
    #[error("ranker.onnx does not fit the encoder and the catalog: {0}")]
    Ranker(String),
    #[error(transparent)]
    Warm(WarmError),
    #[error(
        "it has {need} bytes, and the versions that routes name have {held} of the {limit} bytes of inference.package_bytes; \
         raise the limit, or route fewer versions"
    )]
    NoRoom { need: u64, held: u64, limit: u64 },
    #[error("loading took longer than {0:?}")]
    TimedOut(Duration),
    #[error("the version was unloaded while it was loading")]
    Canceled,
}

impl LoadError {
    /// Says whether the same package may load later. A package that does not verify never does.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Fetch(error) => error.is_retryable(),
            // No thread could be started, or the graph's queue was full: the machine is short of
            // something for the moment.
            Self::Graph(_, GraphError::Thread(_)) => true,
            Self::Warm(WarmError::Run(marquee_onnx::RunError::Overloaded)) => true,
            Self::NotFound | Self::TimedOut(_) | Self::Canceled => true,
            _ => false,
        }
    }
}

/// Where model versions come from.
#[async_trait]
pub(crate) trait Loader: Debug + Send + Sync {
    /// Lists every stored version, with a stamp that changes when its files change.
    async fn list(&self) -> Result<BTreeMap<Key, Stamp>, marquee_ports::Error>;

    /// Reads the manifest of a version without verifying it.
    async fn manifest(&self, key: &Key) -> Result<Option<Manifest>, marquee_ports::Error>;

    /// Verifies the package of a version without loading it.
    async fn verify(&self, key: &Key) -> Result<(), LoadError>;

    /// Verifies, loads and warms a version. A version that does not predict what its training
    /// recorded is refused.
    async fn load(&self, key: &Key) -> Result<Model, LoadError>;
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Loads packages from the model store into ONNX Runtime.
#[derive(Debug)]
pub(crate) struct PackageLoader {
    store: ModelStore,
    opener: Opener,
    compute: Compute,
}

impl PackageLoader {
    pub(crate) fn new(store: ModelStore, opener: Opener, compute: Compute) -> Self {
        Self { store, opener, compute }
    }

    async fn fetch(&self, (name, version): &Key) -> Result<BTreeMap<String, Bytes>, LoadError> {
        self.store.fetch(name, *version).await.map_err(LoadError::Fetch)?.ok_or(LoadError::NotFound)
    }
}

#[async_trait]
impl Loader for PackageLoader {
    async fn list(&self) -> Result<BTreeMap<Key, Stamp>, marquee_ports::Error> {
        self.store.stamps().await
    }

    async fn manifest(&self, (name, version): &Key) -> Result<Option<Manifest>, marquee_ports::Error> {
        let Some(bytes) = self.store.manifest(name, *version).await? else { return Ok(None) };
        let corrupt = |error: ManifestError| {
            let doing = format!("read the manifest of version {version} of model '{name}'");
            marquee_ports::Error::new(marquee_ports::ErrorKind::Corrupt, doing, error)
        };
        Manifest::parse(&bytes).map(Some).map_err(corrupt)
    }

    async fn verify(&self, key: &Key) -> Result<(), LoadError> {
        let files = self.fetch(key).await?;
        let (key, opener) = (key.clone(), self.opener.clone());
        self.compute.run(move || opener.verify(&key, files).map(drop)).await
    }

    async fn load(&self, key: &Key) -> Result<Model, LoadError> {
        let files = self.fetch(key).await?;
        let (key, opener) = (key.clone(), self.opener.clone());
        let model = self.compute.run(move || opener.open(&key, files)).await?;
        model.check_golden().await.map_err(LoadError::Warm)?;
        model.warm().await.map_err(LoadError::Warm)?;
        Ok(model)
    }
}

/// Turns the files of a package into a model. Blocks: call it off the async threads.
#[derive(Debug, Clone)]
pub(crate) struct Opener {
    pub(crate) runtime: Runtime,
    /// Packages must carry a signature by this key. `None`: only digests are checked.
    pub(crate) key: Option<VerifyingKey>,
    batching: BatchSettings,
    /// The models are for evaluations and not for users.
    background: bool,
}

impl Opener {
    pub(crate) fn new(runtime: Runtime, key: Option<VerifyingKey>, settings: &Settings) -> Self {
        // The padding of a history has weight 0, and the padding of a list of movies is cut off.
        let padded = vec![marquee_model::HISTORY.to_owned(), marquee_model::MOVIES.to_owned()];
        let batching =
            BatchSettings { max_rows: settings.max_batch, queue: settings.queue, padded, ..BatchSettings::default() };
        Self { runtime, key, batching, background: false }
    }

    /// Returns an opener of models for evaluations. Their graphs run on threads of the lowest
    /// priority, each request alone, and they have a learner if their package has one.
    pub(crate) fn in_background(self) -> Self {
        // Larger runs of the encoder take more time a row, because they leave the caches of a core.
        let batching = BatchSettings { max_rows: 1, ..self.batching };
        Self { batching, background: true, ..self }
    }

    fn verify(&self, (name, version): &Key, files: BTreeMap<String, Bytes>) -> Result<Package, LoadError> {
        let package = Package::open(files, self.key.as_ref()).map_err(LoadError::Package)?;
        let manifest = package.manifest();
        if manifest.name != *name || manifest.version != *version {
            return Err(LoadError::OtherVersion { name: manifest.name.clone(), version: manifest.version });
        }
        Ok(package)
    }

    pub(crate) fn open(&self, key: &Key, files: BTreeMap<String, Bytes>) -> Result<Model, LoadError> {
        let package = self.verify(key, files)?;
        let file = |path: &'static str| package.file(path).cloned().ok_or(LoadError::File(path, None));
        let catalog = Catalogue::from_parquet(file("movies.parquet")?)
            .map_err(|error| LoadError::File("movies.parquet", Some(Box::new(error))))?;
        let graph = |path: &'static str, signature: &GraphSignature, max_area: usize| {
            let (runtime, bytes) = (&self.runtime, file(path)?);
            let load = || match self.background {
                true => Graph::load_in_background(runtime, &bytes),
                false => Graph::load(runtime, &bytes, Threads::default()),
            };
            let graph = load().map_err(|error| LoadError::Graph(path, error))?;
            contract::check(&graph, signature).map_err(|problem| LoadError::Signature(path, problem))?;
            // Each instance has the tables of the movies for itself.
            let further = if self.background || bytes.len() > LARGE_GRAPH { 0 } else { cores().min(INSTANCES) - 1 };
            let further = (0..further).map(|_| load()).collect::<Result<_, _>>();
            let further = further.map_err(|error| LoadError::Graph(path, error))?;
            let batching = BatchSettings { max_area, ..self.batching.clone() };
            let batcher = Batcher::with_instances(graph, further, &batching);
            Ok::<_, LoadError>(Box::new(batcher) as Box<dyn crate::model::Graph>)
        };
        let manifest = package.manifest().clone();
        let encoder = graph("encoder.onnx", &manifest.encoder, usize::MAX)?;
        let scorer = graph("scorer.onnx", &manifest.scorer, SCORED_TOGETHER)?;
        let learner = manifest.learner.as_ref().filter(|_| self.background);
        let learner = learner.map(|signature| graph("learner.onnx", signature, usize::MAX)).transpose()?;
        let golden = package.file(GOLDEN).map(|bytes| Golden::parse(bytes));
        let golden = golden.transpose().map_err(|error| LoadError::File(GOLDEN, Some(Box::new(error))))?;
        let ranker = self.ranker(&package, &manifest, catalog.len())?;
        let parts = Parts { manifest, catalog, encoder, scorer, learner, ranker, golden };
        Ok(Model::new(package.digest(), self.key.is_some(), parts))
    }

    /// Loads the ranker, if the package has one. Evaluations rank nothing.
    fn ranker(&self, package: &Package, manifest: &Manifest, movies: usize) -> Result<Option<Ranker>, LoadError> {
        let Some(bytes) = package.file(RANKER).filter(|_| !self.background) else { return Ok(None) };
        // A large catalog is read from memory and not from the caches, which one core is slow at.
        let threads = if bytes.len() > LARGE_RANKER { cores().min(RANKER_THREADS) } else { 1 };
        let graph = Graph::load(&self.runtime, bytes, Threads(threads));
        let graph = graph.map_err(|error| LoadError::Graph(RANKER, error))?;
        contract::check_ranker(&graph, &manifest.encoder, movies).map_err(LoadError::Ranker)?;
        let inputs = graph.inputs().iter().map(|port| port.name.clone()).collect();
        Ok(Some(Ranker { graph: Box::new(Batcher::new(graph, &self.batching)), inputs }))
    }
}
