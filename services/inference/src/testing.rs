//! Fakes for unit tests: models without ONNX Runtime, a scripted loader, an object store in memory,
//! and scripted feature stores.

mod features;
mod loader;
mod objects;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use marquee_domain::{
    BasisPoints, Candidate, ModelName, Movie, MovieId, Route, RouteSpec, Salt, Scale, UserId, Version,
};
use marquee_model::{Catalogue, Dataset, Dim, Dtype, GraphSignature, Manifest, SCHEMA, TensorSpec};
use marquee_onnx::{RunError, Tensor};

pub(crate) use features::FakeFeatures;
pub(crate) use loader::{FakeLoader, Step, VERSION_BYTES};
pub(crate) use objects::SwitchedObjects;

use crate::model::{Graph, Model, Parts, Ranker, Tensors};
use crate::rating::Entry;
use crate::repository::Key;

/// Waits for a condition of a test, at most for an hour of paused time.
pub(crate) async fn within<T>(condition: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(3_600), condition).await.expect("the condition never holds")
}

/// Lets paused time pass, for a test that nothing happens meanwhile.
pub(crate) async fn let_pass(time: Duration) {
    let nothing = std::future::pending::<()>();
    tokio::time::timeout(time, nothing).await.expect_err("nothing never happens");
}

pub(crate) fn name() -> ModelName {
    ModelName::try_new("ratings").expect("valid")
}

pub(crate) fn key(version: u64) -> Key {
    (name(), Version(version))
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::try_new(id).expect("valid")
}

pub(crate) fn movie(id: &str) -> MovieId {
    MovieId::try_new(id).expect("valid")
}

pub(crate) fn entry(id: &str, rating: f64) -> Entry {
    Entry { movie: movie(id), rating, rated_at: None }
}

/// Returns a route of the model `ratings` at revision 1.
pub(crate) fn route(stable: u64, candidates: &[(u64, u32)]) -> Route {
    shadowed(stable, candidates, &[])
}

pub(crate) fn shadowed(stable: u64, candidates: &[(u64, u32)], shadow: &[u64]) -> Route {
    let candidate = |&(version, weight)| Candidate {
        version: Version(version),
        weight: BasisPoints::try_new(weight).expect("fits"),
    };
    let spec = RouteSpec {
        model: name(),
        stable: Version(stable),
        candidates: candidates.iter().map(candidate).collect(),
        shadow: shadow.iter().map(|&version| Version(version)).collect(),
        salt: Salt::try_new("s").expect("valid"),
        revision: 1,
    };
    Route::try_new(spec).expect("valid")
}

/// Sums `rating - 3` over the history of each row.
#[derive(Debug)]
struct FakeEncoder {
    fails: bool,
    /// Counts the histories.
    encoded: Arc<AtomicUsize>,
}

#[async_trait]
impl Graph for FakeEncoder {
    async fn evaluate(&self, inputs: Tensors) -> Result<Tensors, RunError> {
        // No scale has such a rating, so a test can let the encoder fail for one history.
        if self.fails || floats(&inputs, "rating").iter().any(|rating| *rating > 100.0) {
            return Err(RunError::Closed);
        }
        let columns = find(&inputs, "rating").shape()[1];
        self.encoded.fetch_add(find(&inputs, "rating").shape()[0], Ordering::Relaxed);
        let (ratings, weights) = (floats(&inputs, "rating"), floats(&inputs, "weight"));
        let cells: Vec<f32> = ratings.iter().zip(weights).map(|(rating, weight)| (rating - 3.0) * weight).collect();
        let sums: Vec<f32> = cells.chunks(columns).map(|row| row.iter().sum()).collect();
        Ok(vec![("sum".to_owned(), tensor(vec![sums.len(), 1], sums))])
    }
}

/// Rates movie `index` at `3 + sum + index / 10`.
#[derive(Debug)]
struct FakeScorer;

#[async_trait]
impl Graph for FakeScorer {
    async fn evaluate(&self, inputs: Tensors) -> Result<Tensors, RunError> {
        let movies = find(&inputs, "movie");
        let Some(indices) = movies.as_i64() else { return Err(RunError::Closed) };
        let rows = floats(&inputs, "sum").iter().zip(indices.chunks(movies.shape()[1]));
        let ratings: Vec<f32> =
            rows.flat_map(|(sum, row)| row.iter().map(move |index| 3.0 + sum + *index as f32 / 10.0)).collect();
        let spreads = vec![0.5; ratings.len()];
        let shape = movies.shape().to_vec();
        Ok(vec![("rating".to_owned(), tensor(shape.clone(), ratings)), ("spread".to_owned(), tensor(shape, spreads))])
    }
}

/// Rates all five movies as the scorer does.
#[derive(Debug)]
struct FakeRanker;

#[async_trait]
impl Graph for FakeRanker {
    async fn evaluate(&self, inputs: Tensors) -> Result<Tensors, RunError> {
        let ratings: Vec<f32> = floats(&inputs, "sum")
            .iter()
            .flat_map(|sum| (0..5).map(move |index| 3.0 + sum + index as f32 / 10.0))
            .collect();
        Ok(vec![("rating".to_owned(), tensor(vec![ratings.len() / 5, 5], ratings))])
    }
}

/// Changes the sum of each row by `weight * (rating - 3)`.
#[derive(Debug)]
struct FakeLearner;

#[async_trait]
impl Graph for FakeLearner {
    async fn evaluate(&self, inputs: Tensors) -> Result<Tensors, RunError> {
        let changes = floats(&inputs, "rating").iter().zip(floats(&inputs, "weight"));
        let sums = floats(&inputs, "sum").iter().zip(changes);
        let sums: Vec<f32> = sums.map(|(sum, (rating, weight))| sum + weight * (rating - 3.0)).collect();
        Ok(vec![("next_sum".to_owned(), tensor(vec![sums.len(), 1], sums))])
    }
}

/// Does the same with a total that it carries, and returns the sum beside it.
#[derive(Debug)]
struct FakeSummer;

impl FakeSummer {
    /// Says that the total starts from zero.
    fn signature() -> GraphSignature {
        let total = |name| TensorSpec::new(name, Dtype::Float32, vec![Dim::named("batch"), Dim::Fixed(1)]);
        GraphSignature { inputs: vec![total("total")], outputs: vec![total("next_total"), total("sum")] }
    }
}

#[async_trait]
impl Graph for FakeSummer {
    async fn evaluate(&self, inputs: Tensors) -> Result<Tensors, RunError> {
        let (ratings, weights) = (floats(&inputs, "rating"), floats(&inputs, "weight"));
        if inputs.len() != 4 || ratings.iter().any(|rating| *rating > 100.0) {
            return Err(RunError::Closed);
        }
        let columns = find(&inputs, "rating").shape()[1];
        let cells: Vec<f32> = ratings.iter().zip(weights).map(|(rating, weight)| (rating - 3.0) * weight).collect();
        let totals = floats(&inputs, "total").iter().zip(cells.chunks(columns));
        let totals: Vec<f32> = totals.map(|(total, cells)| total + cells.iter().sum::<f32>()).collect();
        let total = tensor(vec![totals.len(), 1], totals);
        Ok(vec![("next_total".to_owned(), total.clone()), ("sum".to_owned(), total)])
    }
}

fn find<'a>(inputs: &'a Tensors, name: &str) -> &'a Tensor {
    inputs.iter().find(|(input, _)| input == name).map(|(_, tensor)| tensor).expect("the input is given")
}

fn floats<'a>(inputs: &'a Tensors, name: &str) -> &'a [f32] {
    find(inputs, name).as_f32().expect("single precision")
}

fn tensor(shape: Vec<usize>, data: Vec<f32>) -> Tensor {
    Tensor::from_vec(shape, data).expect("the shape fits")
}

/// What is special about a fake model.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kind {
    /// The encoder fails.
    pub(crate) fails: bool,
    /// The package has no learner.
    pub(crate) has_no_learner: bool,
    /// The learner carries a sum beside the state.
    pub(crate) carries_sums: bool,
    /// The package has a ranker.
    pub(crate) has_ranker: bool,
    /// The package has other files than those that serve.
    pub(crate) is_changed: bool,
}

/// Returns a model with the movies `m0` to `m4`. Odd movies are of genre `Drama`.
pub(crate) fn model(version: u64, kind: Kind) -> Model {
    counted_model(version, kind, Arc::default())
}

/// Returns a model that counts the histories which it encodes.
pub(crate) fn counted_model(version: u64, kind: Kind, encoded: Arc<AtomicUsize>) -> Model {
    let one = |index: usize| {
        let genres = if index % 2 == 1 { vec!["Drama".to_owned()] } else { Vec::new() };
        Movie::try_new(movie(&format!("m{index}")), "A", None, genres).expect("valid")
    };
    let catalog = Catalogue::new((0..5).map(one).collect()).expect("distinct");
    let learner: Option<Box<dyn Graph>> = match kind {
        Kind { has_no_learner: true, .. } => None,
        Kind { carries_sums: true, .. } => Some(Box::new(FakeSummer)),
        _ => Some(Box::new(FakeLearner)),
    };
    let signature = kind.carries_sums.then(FakeSummer::signature);
    let parts = Parts {
        manifest: Manifest { learner: signature, ..manifest(version) },
        catalog,
        encoder: Box::new(FakeEncoder { fails: kind.fails, encoded }),
        scorer: Box::new(FakeScorer),
        learner,
        ranker: kind.has_ranker.then(|| Ranker { graph: Box::new(FakeRanker), inputs: vec!["sum".to_owned()] }),
        golden: None,
    };
    let changed = if kind.is_changed { "-changed" } else { "" };
    Model::new(format!("digest-{version}{changed}"), true, parts)
}

pub(crate) fn manifest(version: u64) -> Manifest {
    let text = |text: &str| text.to_owned();
    Manifest {
        schema: SCHEMA,
        name: name(),
        version: Version(version),
        algorithm: text("map"),
        created_at: text("2026-01-01T00:00:00Z"),
        scale: Scale::try_new(1.0, 5.0, 1.0).expect("valid"),
        encoder: GraphSignature::default(),
        scorer: GraphSignature::default(),
        learner: None,
        files: BTreeMap::new(),
        dataset: Dataset {
            digest: text("00"),
            ratings: 1,
            users: 1,
            movies: 1,
            first_rated_at: text("1997-01-01T00:00:00Z"),
            last_rated_at: text("1998-01-01T00:00:00Z"),
        },
        parameters: BTreeMap::new(),
        metrics: BTreeMap::from([(text("rating_mean"), 3.5), (text("rating_spread"), 1.0)]),
        gates: Vec::new(),
        comparison: None,
        training: None,
        git_revision: None,
        train_seconds: 0.1,
        key: None,
        extra: Default::default(),
    }
}
