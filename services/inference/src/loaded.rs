//! A model version that is verified, loaded and warm: history in, state out; state and movies in, ratings out.

mod contract;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use marquee_domain::{ModelName, MovieId, Scale, Version};
use marquee_model::{Catalogue, GraphSignature, Manifest, Package, PackageError, VerifyingKey};
use marquee_onnx::{BatchSettings, Batcher, Data, Graph, GraphError, RunError, Runtime, Tensor, Threads};
use thiserror::Error;

use crate::histories::Entry;
use crate::settings::Settings;

/// Why a version can't be loaded.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error("read the package from the model store")]
    Fetch(#[source] marquee_ports::Error),
    #[error("the version is not in the model store")]
    Missing,
    #[error("the package was refused")]
    Package(#[source] PackageError),
    #[error("the package says it is {name} {version}")]
    OtherName { name: ModelName, version: Version },
    #[error("the package has no usable {0}")]
    File(&'static str, #[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    #[error("load {0}")]
    Graph(&'static str, #[source] GraphError),
    #[error("{0} is not the graph that the manifest describes: {1}")]
    Signature(&'static str, String),
    #[error("warm the graphs")]
    Warm(#[source] RunError),
    #[error("scorer.onnx does not give a finite rating and spread for each movie")]
    Scores,
    #[error("loading ended without an answer")]
    Lost(#[source] tokio::task::JoinError),
}

/// What a user is to one model version: the encoder's outputs, passed to the scorer by name.
pub(crate) type State = Arc<Vec<(String, Tensor)>>;

/// A rating as the scorer gives it, unclipped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scored {
    pub(crate) rating: f64,
    pub(crate) spread: f64,
}

/// A version that can serve.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) name: ModelName,
    pub(crate) version: Version,
    pub(crate) manifest: Manifest,
    pub(crate) digest: String,
    pub(crate) verified: bool,
    pub(crate) catalogue: Catalogue,
    pub(crate) answered: AtomicU64,
    pub(crate) failed: AtomicU64,
    encoder: Batcher,
    scorer: Batcher,
}

impl Loaded {
    /// Verifies a package, loads its graphs and runs them.
    pub(crate) async fn load(
        (name, version): (&ModelName, Version),
        files: BTreeMap<String, Bytes>,
        key: Option<&VerifyingKey>,
        runtime: &Runtime,
        settings: &Settings,
    ) -> Result<Self, LoadError> {
        let (name, key, runtime, settings) = (name.clone(), key.cloned(), runtime.clone(), settings.clone());
        // Digests, tables and graphs take their time: not that of the threads that serve.
        let opened =
            tokio::task::spawn_blocking(move || Self::open((name, version), files, key.as_ref(), &runtime, &settings));
        let loaded = opened.await.map_err(LoadError::Lost)??;
        loaded.warm().await?;
        Ok(loaded)
    }

    fn open(
        (name, version): (ModelName, Version),
        files: BTreeMap<String, Bytes>,
        key: Option<&VerifyingKey>,
        runtime: &Runtime,
        settings: &Settings,
    ) -> Result<Self, LoadError> {
        let package = Package::open(files, key).map_err(LoadError::Package)?;
        let manifest = package.manifest().clone();
        if manifest.name != name || manifest.version != version {
            return Err(LoadError::OtherName { name: manifest.name, version: manifest.version });
        }
        let file = |path: &'static str| package.file(path).cloned().ok_or(LoadError::File(path, None));
        let catalogue = Catalogue::from_parquet(file("movies.parquet")?)
            .map_err(|error| LoadError::File("movies.parquet", Some(Box::new(error))))?;
        let graph = |path: &'static str, signature: &GraphSignature| {
            let graph = Graph::load(runtime, &file(path)?, Threads::default());
            let graph = graph.map_err(|error| LoadError::Graph(path, error))?;
            contract::check(&graph, signature).map_err(|problem| LoadError::Signature(path, problem))?;
            // Padding a history has weight 0, padding a list of movies is cut off again.
            let padded = vec![marquee_model::HISTORY.to_owned(), marquee_model::MOVIES.to_owned()];
            let batching = BatchSettings { max_rows: settings.max_batch, queue: settings.queue, padded };
            Ok::<_, LoadError>(Batcher::new(graph, &batching))
        };
        Ok(Self {
            name,
            version,
            digest: package.digest(),
            verified: key.is_some(),
            catalogue,
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            encoder: graph("encoder.onnx", &manifest.encoder)?,
            scorer: graph("scorer.onnx", &manifest.scorer)?,
            manifest,
        })
    }

    /// The first runs of a graph plan its memory: they are ours, not a user's. And what a graph gets wrong shows here: histories are of the last
    /// movies, so that one which the catalogue has and the graphs have not is met.
    async fn warm(&self) -> Result<(), LoadError> {
        let movies = self.catalogue.len();
        let scored = [0, movies.saturating_sub(1) as i64];
        for length in [0, 20, 100] {
            let latest = (movies.saturating_sub(length)..movies).rev();
            let history: Vec<(i64, f32)> = latest.map(|index| (index as i64, 3.0)).collect();
            let state = self.encode(&history).await.map_err(LoadError::Warm)?;
            let scores = self.score(&state, &scored).await.map_err(LoadError::Warm)?;
            let finite = scores.iter().all(|score| score.rating.is_finite() && score.spread.is_finite());
            if scores.len() != scored.len() || !finite {
                return Err(LoadError::Scores);
            }
        }
        Ok(())
    }

    /// The scale of the ratings that it was trained on.
    pub(crate) fn scale(&self) -> Scale {
        self.manifest.scale
    }

    /// The part of a history that this version knows, as indices.
    pub(crate) fn known(&self, history: &[Entry]) -> Vec<(i64, f32)> {
        let index = |movie: &MovieId| self.catalogue.index_of(movie).map(|index| index as i64);
        history.iter().filter_map(|entry| Some((index(&entry.movie)?, entry.rating as f32))).collect()
    }

    /// A history's user state.
    pub(crate) async fn encode(&self, history: &[(i64, f32)]) -> Result<State, RunError> {
        self.encode_many(&[history]).await
    }

    /// The states of several histories in one tensor, a row each.
    pub(crate) async fn encode_many(&self, histories: &[&[(i64, f32)]]) -> Result<State, RunError> {
        // At least one column: an empty history is one entry of weight 0.
        let columns = histories.iter().map(|history| history.len()).max().unwrap_or(0).max(1);
        let shape = vec![histories.len(), columns];
        let cells = histories.len() * columns;
        let (mut movies, mut ratings, mut weights) = (vec![0i64; cells], vec![0f32; cells], vec![0f32; cells]);
        for (row, history) in histories.iter().enumerate() {
            for (column, &(movie, rating)) in history.iter().enumerate() {
                let cell = row * columns + column;
                (movies[cell], ratings[cell], weights[cell]) = (movie, rating, 1.0);
            }
        }
        let inputs = vec![
            ("movie".to_owned(), tensor(shape.clone(), Data::I64(movies))),
            ("rating".to_owned(), tensor(shape.clone(), Data::F32(ratings))),
            ("weight".to_owned(), tensor(shape, Data::F32(weights))),
        ];
        Ok(Arc::new(self.encoder.run(inputs).await?))
    }

    /// What a user in this state would rate movies, by index. With a state of several rows, every row gets the same movies; row by row.
    pub(crate) async fn score(&self, state: &State, movies: &[i64]) -> Result<Vec<Scored>, RunError> {
        let rows = state.first().and_then(|(_, tensor)| tensor.shape().first()).copied().unwrap_or(1);
        let mut inputs: Vec<(String, Tensor)> = state.as_ref().clone();
        let repeated = std::iter::repeat_n(movies, rows).flatten().copied().collect();
        inputs.push(("movie".to_owned(), tensor(vec![rows, movies.len()], Data::I64(repeated))));
        let outputs = self.scorer.run(inputs).await?;
        let output = |name: &str| {
            outputs
                .iter()
                .find(|(output, _)| output == name)
                .and_then(|(_, tensor)| tensor.as_f32())
                .unwrap_or_default()
        };
        let pairs = output("rating").iter().zip(output("spread"));
        Ok(pairs.map(|(&rating, &spread)| Scored { rating: f64::from(rating), spread: f64::from(spread) }).collect())
    }

    /// What is said of a movie that the version was trained without: the user's mean, drawn towards everybody's as if five ratings more.
    pub(crate) fn unknown(&self, history: &[Entry]) -> Scored {
        const PRIOR: f64 = 5.0;
        let scale = self.scale();
        let metric = |name: &str| self.manifest.metrics.get(name).copied();
        let mean = metric("rating_mean").unwrap_or(f64::midpoint(scale.min(), scale.max()));
        let sum: f64 = history.iter().map(|entry| entry.rating).sum();
        let rating = (sum + PRIOR * mean) / (history.len() as f64 + PRIOR);
        Scored { rating, spread: metric("rating_spread").unwrap_or((scale.max() - scale.min()) / 4.0) }
    }
}

fn tensor(shape: Vec<usize>, data: Data) -> Tensor {
    Tensor::try_new(shape, data).expect("the shape was made from the lengths of the data")
}
