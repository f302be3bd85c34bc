//! Compares an export with the model it was made from: its graphs under ONNX Runtime against the
//! trainer's own double-precision prediction, on real histories and on the made-up ones that
//! instances check.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{Scale, UserId};
use marquee_model::{TensorSpec, tensors};
use marquee_onnx::{Element, Graph, GraphError, Runtime, Tensor, Threads};
use marquee_posterior::Estimate;

use super::export::Files;
use super::fitting::Trained;
use super::{Pipeline, PipelineError, golden};

/// The number of users whose predictions are compared.
const USERS: usize = 24;

/// The number of movies that are compared for a user.
const MOVIES: usize = 25;

/// The number of ratings of a history that are used, the newest ones.
const HISTORY: usize = 500;

/// A history, the movies to predict, and what the model itself predicts.
#[derive(Debug)]
struct Case {
    history: Vec<(usize, f64)>,
    expected: Vec<Estimate>,
}

/// The encoder, the scorer, the learner and the ranker, and the tensors that the learner carries.
type Graphs = ([Bytes; 4], Vec<TensorSpec>);

/// What is compared.
#[derive(Debug)]
struct Comparison {
    encoder: Graph,
    scorer: Graph,
    learner: Graph,
    ranker: Graph,
    /// The tensors that the learner carries.
    carried: Vec<TensorSpec>,
    movies: Vec<i64>,
    cases: Vec<Case>,
}

/// Returns the largest difference in stars. Infinity: a graph returned no usable rating.
pub(super) async fn largest_difference(
    pipeline: &Pipeline,
    fitted: &Arc<Trained>,
    files: &Files,
) -> Result<f64, PipelineError> {
    let (runtime, fitted) = (pipeline.dependencies.runtime.clone(), Arc::clone(fitted));
    let carried = tensors::carried(&files.signatures.learner).cloned().collect();
    let graphs = ([files.encoder.clone(), files.scorer.clone(), files.learner.clone(), files.ranker.clone()], carried);
    let scale = pipeline.dependencies.scale;
    let prepared = pipeline.compute.run(move || Comparison::prepare(&runtime, &graphs, &fitted, scale)).await;
    let comparison = prepared.map_err(PipelineError::Graph)?;
    let mut largest = 0_f64;
    for case in &comparison.cases {
        largest = largest.max(comparison.difference(case).await?).max(comparison.learned(case).await?);
    }
    Ok(largest)
}

impl Comparison {
    /// Loads the graphs and predicts with the model itself.
    fn prepare(
        runtime: &Runtime,
        (graphs, carried): &Graphs,
        fitted: &Trained,
        scale: Scale,
    ) -> Result<Self, GraphError> {
        let graphs = graphs.each_ref().map(|bytes| Graph::load(runtime, bytes, Threads::default()));
        let [encoder, scorer, learner, ranker] = graphs;
        let (encoder, scorer, learner, ranker) = (encoder?, scorer?, learner?, ranker?);
        // Both are spread evenly over all users and movies.
        let movies: Vec<usize> = (0..fitted.index.len()).step_by((fitted.index.len() / MOVIES).max(1)).collect();
        let made_up = golden::histories(fitted.index.len().min(fitted.posterior.movies), scale);
        let cases = histories(fitted).into_iter().chain(made_up).map(|history| {
            let state = fitted.posterior.state(&history);
            let expected = movies.iter().map(|&movie| fitted.posterior.estimate(&state, movie)).collect();
            Case { history, expected }
        });
        let cases = cases.collect();
        let movies = movies.into_iter().map(|movie| movie as i64).collect();
        Ok(Self { encoder, scorer, learner, ranker, carried: carried.clone(), movies, cases })
    }

    /// Compares the state that the encoder computes from the whole history.
    async fn difference(&self, case: &Case) -> Result<f64, PipelineError> {
        let state = self.encoder.run(inputs(&case.history)).await.map_err(PipelineError::Run)?;
        let ranked = self.rank(case, &state).await?;
        Ok(self.score(case, state).await?.max(ranked))
    }

    /// Ranks all movies from a state, and compares the ratings of those of the comparison.
    async fn rank(&self, case: &Case, state: &[(String, Tensor)]) -> Result<f64, PipelineError> {
        let takes = |name: &str| self.ranker.inputs().iter().any(|port| port.name == name);
        let inputs = state.iter().filter(|(name, _)| takes(name)).cloned().collect();
        let outputs = self.ranker.run(inputs).await.map_err(PipelineError::Run)?;
        let ratings = outputs.first().and_then(|(_, tensor)| tensor.as_f32()).unwrap_or_default();
        let found: Option<Vec<f32>> = self.movies.iter().map(|&movie| ratings.get(movie as usize).copied()).collect();
        let expected = case.expected.iter().map(|estimate| estimate.rating);
        Ok(largest(expected, &found.unwrap_or_default()))
    }

    /// Compares the state that the learner computes from all ratings but the newest, and that then
    /// learns it.
    async fn learned(&self, case: &Case) -> Result<f64, PipelineError> {
        let Some((newest, before)) = case.history.split_last() else { return Ok(0.0) };
        let run = async |graph: &Graph, inputs| graph.run(inputs).await.map_err(PipelineError::Run);
        let has_rows = self.learner.inputs().iter().any(|port| port.name == tensors::RATING && port.axes.len() == 2);
        let mut state = match has_rows {
            // It carries sums over the history, which start from zeros.
            true => {
                let start: Vec<_> = self.carried.iter().map(|spec| (spec.name.clone(), zeros(spec))).collect();
                tensors::next_state(run(&self.learner, [start, inputs(before)].concat()).await?)
            }
            false => run(&self.encoder, inputs(before)).await?,
        };
        state.retain(|(name, _)| self.carried.iter().any(|spec| spec.name == *name));
        state.extend(inputs(&[*newest]).into_iter().map(|(name, one)| {
            let one = match has_rows {
                true => one,
                false => one.reshaped(vec![1]).expect("one value"),
            };
            (name, one)
        }));
        let mut state = tensors::next_state(run(&self.learner, state).await?);
        let takes = |name: &str| self.scorer.inputs().iter().any(|port| port.name == name);
        state.retain(|(name, _)| takes(name));
        self.score(case, state).await
    }

    /// Scores the movies of the comparison from a state, and compares ratings and spreads.
    async fn score(&self, case: &Case, mut inputs: Vec<(String, Tensor)>) -> Result<f64, PipelineError> {
        inputs.push((tensors::MOVIE.to_owned(), tensor(vec![1, self.movies.len()], self.movies.clone())));
        let outputs = self.scorer.run(inputs).await.map_err(PipelineError::Run)?;
        let output = |wanted: &str| {
            let output = outputs.iter().find(|(name, _)| name == wanted);
            output.and_then(|(_, tensor)| tensor.as_f32()).unwrap_or_default()
        };
        let ratings = largest(case.expected.iter().map(|estimate| estimate.rating), output(tensors::RATING));
        let spreads = largest(case.expected.iter().map(|estimate| estimate.spread), output(tensors::SPREAD));
        Ok(ratings.max(spreads))
    }
}

/// Returns the largest difference between two lists. Infinity if their lengths differ or a
/// difference is not a number: neither must look like agreement.
fn largest(expected: impl ExactSizeIterator<Item = f64>, found: &[f32]) -> f64 {
    if expected.len() != found.len() {
        return f64::INFINITY;
    }
    let differences = expected.zip(found).map(|(expected, found)| (expected - f64::from(*found)).abs());
    differences
        .fold(0.0, |largest, difference| if difference.is_nan() { f64::INFINITY } else { largest.max(difference) })
}

/// Returns the histories of some users.
fn histories(fitted: &Trained) -> Vec<Vec<(usize, f64)>> {
    let mut by_user: BTreeMap<&UserId, Vec<(usize, f64)>> = BTreeMap::new();
    for rating in fitted.snapshot.ratings() {
        if let Some(movie) = fitted.index.get(&rating.movie) {
            by_user.entry(&rating.user).or_default().push((movie as usize, rating.value));
        }
    }
    let step = (by_user.len() / USERS).max(1);
    let newest = |mut history: Vec<(usize, f64)>| history.split_off(history.len().saturating_sub(HISTORY));
    by_user.into_values().step_by(step).take(USERS).map(newest).collect()
}

fn inputs(history: &[(usize, f64)]) -> Vec<(String, Tensor)> {
    let columns = history.len().max(1);
    let (mut movies, mut ratings, mut weights) = (vec![0i64; columns], vec![0f32; columns], vec![0f32; columns]);
    for (column, &(movie, rating)) in history.iter().enumerate() {
        (movies[column], ratings[column], weights[column]) = (movie as i64, rating as f32, 1.0);
    }
    vec![
        (tensors::MOVIE.to_owned(), tensor(vec![1, columns], movies)),
        (tensors::RATING.to_owned(), tensor(vec![1, columns], ratings)),
        (tensors::WEIGHT.to_owned(), tensor(vec![1, columns], weights)),
    ]
}

/// Returns zeros of the shape of a carried tensor, for one user.
fn zeros(spec: &TensorSpec) -> Tensor {
    Tensor::zeros::<f32>(spec.smallest_shape()).expect("the learner was loaded, so its tensors fit into memory")
}

fn tensor<T: Element>(shape: Vec<usize>, data: Vec<T>) -> Tensor {
    Tensor::from_vec(shape, data).expect("the shape was made from the lengths of the data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_rating_is_never_agreement() {
        assert_eq!(largest([1.0, 2.0].into_iter(), &[1.0, 2.5]), 0.5);
        assert_eq!(largest([1.0, 2.0, 3.0].into_iter(), &[f32::NAN, 2.0, 3.0]), f64::INFINITY);
        assert_eq!(largest([1.0].into_iter(), &[]), f64::INFINITY);
    }
}
