//! One loaded model version: a history goes in and a user state comes out; a user state and movies
//! go in and ratings come out.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use marquee_domain::{ModelName, MovieId, Scale, Version};
use marquee_model::{Catalogue, Golden, GoldenCase, GoldenMismatch, Manifest, TensorSpec, tensors};
use marquee_onnx::{Batcher, Element, RunError, Tensor};
use thiserror::Error;

use crate::background::Background;
use crate::genres::Genres;

/// Tensors by name.
pub(crate) type Tensors = Vec<(String, Tensor)>;

/// A user as one version sees it: the outputs of the encoder, which the scorer takes by name.
pub(crate) type State = Arc<Tensors>;

/// A graph that runs off the async threads.
#[async_trait]
pub(crate) trait Graph: Debug + Send + Sync {
    /// Runs the graph once on named inputs.
    async fn evaluate(&self, inputs: Tensors) -> Result<Tensors, RunError>;
}

#[async_trait]
impl Graph for Batcher {
    async fn evaluate(&self, inputs: Tensors) -> Result<Tensors, RunError> {
        self.run(inputs).await
    }
}

/// A rating as the scorer returns it, not clipped to the scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Score {
    pub(crate) rating: f64,
    pub(crate) spread: f64,
}

impl Score {
    pub(crate) fn is_finite(&self) -> bool {
        self.rating.is_finite() && self.spread.is_finite()
    }
}

/// Why a version is not warm after it was loaded.
#[derive(Debug, Error)]
pub(crate) enum WarmError {
    #[error("warm the graphs")]
    Run(#[source] RunError),
    #[error("scorer.onnx does not give a finite rating and spread for each movie")]
    Scores,
    #[error("ranker.onnx does not give a finite rating for each movie")]
    Ranks,
    #[error("the version does not predict what its training recorded")]
    Golden(#[source] GoldenMismatch),
}

/// A loaded version. Its parts are dropped on a blocking thread: a graph joins its thread.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: ModelName,
    pub(crate) version: Version,
    /// SHA-256 of the manifest, in hexadecimal.
    pub(crate) digest: Arc<str>,
    /// The manifest carries a signature that this instance verified.
    pub(crate) verified: bool,
    /// Requests that this version answered.
    pub(crate) answered: AtomicU64,
    /// Requests in which this version failed.
    pub(crate) failed: AtomicU64,
    /// The sums over a history that the learner carries beside the state, if it does.
    sums: Vec<TensorSpec>,
    genres: Genres,
    parts: Background<Parts>,
}

/// A change of a user state by one rating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Change {
    /// The index of the movie.
    pub(crate) movie: i64,
    pub(crate) rating: f32,
    /// 1 adds the rating, -1 takes it away, and 0 changes nothing.
    pub(crate) weight: f32,
}

impl Change {
    /// Leaves a state as it is.
    pub(crate) const NONE: Self = Self { movie: 0, rating: 0.0, weight: 0.0 };

    pub(crate) fn is_none(self) -> bool {
        self.weight == 0.0
    }
}

/// A graph that turns a state into the ratings of all movies.
#[derive(Debug)]
pub(crate) struct Ranker {
    pub(crate) graph: Box<dyn Graph>,
    /// The tensors of the state that it reads.
    pub(crate) inputs: Vec<String>,
}

/// What a package contains.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) manifest: Manifest,
    pub(crate) catalog: Catalogue,
    pub(crate) encoder: Box<dyn Graph>,
    pub(crate) scorer: Box<dyn Graph>,
    /// Changes user states by single ratings. Only evaluations load it, and a package may lack it.
    pub(crate) learner: Option<Box<dyn Graph>>,
    /// Rates all movies. Packages of older releases lack it.
    pub(crate) ranker: Option<Ranker>,
    /// Predictions that the training recorded. Packages of older releases lack them.
    pub(crate) golden: Option<Golden>,
}

impl Model {
    pub(crate) fn new(digest: String, verified: bool, parts: Parts) -> Self {
        Self {
            name: parts.manifest.name.clone(),
            version: parts.manifest.version,
            digest: digest.into(),
            verified,
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            sums: sums(&parts),
            genres: Genres::new(parts.catalog.movies()),
            parts: Background::new(parts),
        }
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.parts.manifest
    }

    pub(crate) fn catalog(&self) -> &Catalogue {
        &self.parts.catalog
    }

    /// Returns the movies of each genre.
    pub(crate) fn genres(&self) -> &Genres {
        &self.genres
    }

    /// Returns the graph that turns a history into a state.
    pub(crate) fn encoder(&self) -> &dyn Graph {
        &*self.parts.encoder
    }

    /// Returns the graph that turns a state and movies into ratings.
    pub(crate) fn scorer(&self) -> &dyn Graph {
        &*self.parts.scorer
    }

    /// Returns the index of a movie in the graphs, or `None` for a movie that the version does not
    /// know.
    pub(crate) fn index_of(&self, movie: &MovieId) -> Option<i64> {
        self.catalog().index_of(movie).map(|index| index as i64)
    }

    /// Returns the scale of the ratings that the version was trained on.
    pub(crate) fn scale(&self) -> Scale {
        self.parts.manifest.scale
    }

    /// Returns the mean and the spread of the ratings that the version was trained on. They answer
    /// for movies that it does not know.
    pub(crate) fn prior(&self) -> Score {
        let prior = self.parts.manifest.prior();
        Score { rating: prior.mean, spread: prior.spread }
    }

    /// Runs both graphs on histories of several lengths. The first runs plan the memory of a graph,
    /// which no user should wait for. The histories contain the last movies of the catalog, so that
    /// graphs with fewer movies than the catalog fail here and not in an answer.
    pub(crate) async fn warm(&self) -> Result<(), WarmError> {
        let movies = self.catalog().len();
        let scored = [0, movies.saturating_sub(1) as i64];
        for length in [0, 20, 100] {
            let latest = (movies.saturating_sub(length)..movies).rev();
            let history: Vec<(i64, f32)> = latest.map(|index| (index as i64, 3.0)).collect();
            let state = self.encode(&history).await.map_err(WarmError::Run)?;
            let scores = self.score(&state, &scored).await.map_err(WarmError::Run)?;
            if scores.len() != scored.len() || !scores.iter().all(Score::is_finite) {
                return Err(WarmError::Scores);
            }
            let ranked = self.rank(&state).await.map_err(WarmError::Run)?;
            if ranked.is_some_and(|ranked| ranked.len() != movies || !ranked.is_finite()) {
                return Err(WarmError::Ranks);
            }
        }
        Ok(())
    }

    /// Computes the predictions again that the training recorded, if there are any.
    pub(crate) async fn check_golden(&self) -> Result<(), WarmError> {
        let Some(golden) = &self.parts.golden else { return Ok(()) };
        let index = |movie: &MovieId| {
            self.index_of(movie).ok_or_else(|| WarmError::Golden(GoldenMismatch::UnknownMovie(movie.clone())))
        };
        for (at, GoldenCase { history, predictions }) in golden.cases.iter().enumerate() {
            let history = history.iter().map(|(movie, rating)| Ok((index(movie)?, *rating as f32)));
            let history: Vec<(i64, f32)> = history.collect::<Result<_, _>>()?;
            let movies: Vec<i64> = predictions.iter().map(|one| index(&one.movie)).collect::<Result<_, _>>()?;
            let state = self.encode(&history).await.map_err(WarmError::Run)?;
            let scores = self.score(&state, &movies).await.map_err(WarmError::Run)?;
            let found: Vec<(f64, f64)> = scores.iter().map(|score| (score.rating, score.spread)).collect();
            golden.check(at, &found).map_err(WarmError::Golden)?;
        }
        Ok(())
    }

    /// Returns the user state of a history of (movie index, rating).
    pub(crate) async fn encode(&self, history: &[(i64, f32)]) -> Result<State, RunError> {
        self.encode_many(&[history]).await
    }

    /// Returns the states of several histories in one tensor, one row for each.
    pub(crate) async fn encode_many(&self, rows: &[&[(i64, f32)]]) -> Result<State, RunError> {
        Ok(Arc::new(self.parts.encoder.evaluate(histories(rows)).await?))
    }

    /// Returns the user state of a history, which [`Self::learn`] can change.
    pub(crate) async fn begin(&self, history: &[(i64, f32)]) -> Result<State, RunError> {
        let Some(learner) = self.parts.learner.as_ref().filter(|_| !self.sums.is_empty()) else {
            return self.encode(history).await;
        };
        let mut inputs: Tensors = self.sums.iter().map(|spec| (spec.name.clone(), zeros(spec))).collect();
        inputs.extend(histories(&[history]));
        Ok(Arc::new(tensors::next_state(learner.evaluate(inputs).await?)))
    }

    /// Scores movies by index for a user state. Every row of a state with several rows gets the
    /// same movies; the scores come row by row.
    pub(crate) async fn score(&self, state: &State, movies: &[i64]) -> Result<Vec<Score>, RunError> {
        let rows = state.first().and_then(|(_, tensor)| tensor.shape().first()).copied().unwrap_or(1);
        let repeated = std::iter::repeat_n(movies, rows).flatten().copied().collect();
        self.run_scorer(state, tensor(vec![rows, movies.len()], repeated)).await
    }

    /// Returns the ratings of all movies for a user state, in the order of their index, or `None`
    /// if the package has no ranker.
    pub(crate) async fn rank(&self, state: &State) -> Result<Option<Tensor>, RunError> {
        let Some(Ranker { graph, inputs }) = &self.parts.ranker else { return Ok(None) };
        let inputs = state.iter().filter(|(name, _)| inputs.contains(name)).cloned().collect();
        let outputs = graph.evaluate(inputs).await?;
        Ok(outputs.into_iter().map(|(_, tensor)| tensor).next())
    }

    /// Scores one movie for each row of a state.
    pub(crate) async fn score_rows(&self, state: &State, movies: Vec<i64>) -> Result<Vec<Score>, RunError> {
        self.run_scorer(state, tensor(vec![movies.len(), 1], movies)).await
    }

    async fn run_scorer(&self, state: &State, movies: Tensor) -> Result<Vec<Score>, RunError> {
        let mut inputs: Tensors = state.iter().filter(|(name, _)| !self.is_sum(name)).cloned().collect();
        inputs.push((tensors::MOVIE.to_owned(), movies));
        let outputs = self.parts.scorer.evaluate(inputs).await?;
        let output = |name: &str| {
            let found = outputs.iter().find(|(output, _)| output == name);
            found.and_then(|(_, tensor)| tensor.as_f32()).unwrap_or_default()
        };
        let pairs = output(tensors::RATING).iter().zip(output(tensors::SPREAD));
        Ok(pairs.map(|(&rating, &spread)| Score { rating: f64::from(rating), spread: f64::from(spread) }).collect())
    }

    /// Says whether [`Self::learn`] can be used.
    pub(crate) fn has_learner(&self) -> bool {
        self.parts.learner.is_some()
    }

    /// Changes each row of a state, which [`Self::begin`] returned: takes away one rating and adds
    /// another. Without a learner the state stays as it is.
    pub(crate) async fn learn(&self, state: State, changes: [&[Change]; 2]) -> Result<State, RunError> {
        let Some(learner) = &self.parts.learner else { return Ok(state) };
        let changes: Vec<&[Change]> =
            changes.into_iter().filter(|changes| !changes.iter().all(|change| change.is_none())).collect();
        if changes.is_empty() {
            return Ok(state);
        }
        if self.sums.is_empty() {
            return self.learn_one_by_one(learner.as_ref(), state, &changes).await;
        }
        let rows = changes[0].len();
        let entries: Vec<Change> = (0..rows).flat_map(|row| changes.iter().map(move |changes| changes[row])).collect();
        let state = Arc::unwrap_or_clone(state);
        let mut inputs: Tensors = state.into_iter().filter(|(name, _)| self.is_sum(name)).collect();
        inputs.extend(ratings(vec![rows, changes.len()], &entries));
        Ok(Arc::new(tensors::next_state(learner.evaluate(inputs).await?)))
    }

    /// Does the same with a learner that reads one rating of each row.
    async fn learn_one_by_one(
        &self,
        learner: &dyn Graph,
        mut state: State,
        changes: &[&[Change]],
    ) -> Result<State, RunError> {
        for changes in changes {
            let mut inputs = Arc::unwrap_or_clone(state);
            inputs.extend(ratings(vec![changes.len()], changes));
            state = Arc::new(tensors::next_state(learner.evaluate(inputs).await?));
        }
        Ok(state)
    }

    /// Returns whether a tensor of a state is for the learner and not for the scorer.
    fn is_sum(&self, name: &str) -> bool {
        self.sums.iter().any(|sum| sum.name == name)
    }
}

/// Returns the tensors that the learner carries and the encoder does not return. They start from
/// zeros.
fn sums(parts: &Parts) -> Vec<TensorSpec> {
    let Manifest { encoder, learner, .. } = &parts.manifest;
    let is_sum = |spec: &&TensorSpec| encoder.outputs.iter().all(|output| output.name != spec.name);
    learner.iter().flat_map(tensors::carried).filter(is_sum).cloned().collect()
}

/// Returns the sum over no ratings, of one row.
fn zeros(spec: &TensorSpec) -> Tensor {
    Tensor::zeros::<f32>(spec.smallest_shape()).expect("the learner was loaded, so its tensors fit into memory")
}

/// Returns the inputs of a graph that reads histories, one row for each, and at least one column:
/// an empty history is one entry of weight 0.
fn histories(histories: &[&[(i64, f32)]]) -> Tensors {
    let columns = histories.iter().map(|history| history.len()).max().unwrap_or(0).max(1);
    let mut entries = vec![Change::NONE; histories.len() * columns];
    for (row, history) in entries.chunks_exact_mut(columns).zip(histories) {
        for (entry, &(movie, rating)) in row.iter_mut().zip(*history) {
            *entry = Change { movie, rating, weight: 1.0 };
        }
    }
    ratings(vec![histories.len(), columns], &entries)
}

/// Returns the inputs of a graph that reads ratings.
fn ratings(shape: Vec<usize>, entries: &[Change]) -> Tensors {
    let floats = |value: fn(&Change) -> f32| entries.iter().map(value).collect::<Vec<f32>>();
    let movies: Vec<i64> = entries.iter().map(|entry| entry.movie).collect();
    vec![
        (tensors::MOVIE.to_owned(), tensor(shape.clone(), movies)),
        (tensors::RATING.to_owned(), tensor(shape.clone(), floats(|entry| entry.rating))),
        (tensors::WEIGHT.to_owned(), tensor(shape, floats(|entry| entry.weight))),
    ]
}

fn tensor<T: Element>(shape: Vec<usize>, data: Vec<T>) -> Tensor {
    Tensor::from_vec(shape, data).expect("the shape was computed from the lengths of the data")
}
