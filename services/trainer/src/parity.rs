//! Proves an export: encoder and scorer under ONNX Runtime against the trainer's own double-precision prediction, on real histories.

use std::collections::BTreeMap;

use marquee_domain::UserId;
use marquee_fit::{MovieIndex, Snapshot};
use marquee_model::Posterior;
use marquee_onnx::{Data, Graph, Runtime, Tensor, Threads};

use crate::export::Exported;
use crate::pipeline::PipelineError;

/// Users whose predictions are compared, spread evenly over all, besides one without a history.
const USERS: usize = 24;

/// Movies compared a user, spread evenly over all.
const MOVIES: usize = 25;

/// Newest ratings of a history that are used.
const HISTORY: usize = 500;

/// The largest difference in stars.
pub(crate) async fn worst(
    runtime: &Runtime,
    posterior: &Posterior,
    index: &MovieIndex,
    snapshot: &Snapshot,
    exported: &Exported,
) -> Result<f64, PipelineError> {
    let load = |bytes: &[u8]| Graph::load(runtime, bytes, Threads::default()).map_err(PipelineError::Graph);
    let (encoder, scorer) = (load(&exported.encoder)?, load(&exported.scorer)?);
    let mut histories: BTreeMap<&UserId, Vec<(usize, f64)>> = BTreeMap::new();
    for rating in snapshot.ratings() {
        if let Some(movie) = index.get(&rating.movie) {
            histories.entry(&rating.user).or_default().push((movie as usize, rating.value));
        }
    }
    let step = (histories.len() / USERS).max(1);
    let mut chosen: Vec<Vec<(usize, f64)>> = histories.into_values().step_by(step).take(USERS).collect();
    chosen.push(Vec::new());
    let movies: Vec<i64> = (0..index.len()).step_by((index.len() / MOVIES).max(1)).map(|movie| movie as i64).collect();
    let mut worst = 0f64;
    for history in chosen {
        let history = &history[history.len().saturating_sub(HISTORY)..];
        let state = encoder.run(inputs(history)).await.map_err(PipelineError::Run)?;
        let mut asked = state;
        asked.push(("movie".to_owned(), tensor(vec![1, movies.len()], Data::I64(movies.clone()))));
        let outputs = scorer.run(asked).await.map_err(PipelineError::Run)?;
        let ratings = outputs.iter().find(|(name, _)| name == "rating").and_then(|(_, tensor)| tensor.as_f32());
        let own = posterior.state(history);
        for (&movie, &rating) in movies.iter().zip(ratings.unwrap_or_default()) {
            let difference = (posterior.estimate(&own, movie as usize).rating - f64::from(rating)).abs();
            // A difference that is no number must not look like agreement.
            worst = if difference.is_nan() { f64::INFINITY } else { worst.max(difference) };
        }
        if ratings.is_none_or(|ratings| ratings.len() != movies.len()) {
            return Ok(f64::INFINITY);
        }
    }
    Ok(worst)
}

fn inputs(history: &[(usize, f64)]) -> Vec<(String, Tensor)> {
    let columns = history.len().max(1);
    let (mut movies, mut ratings, mut weights) = (vec![0i64; columns], vec![0f32; columns], vec![0f32; columns]);
    for (column, &(movie, rating)) in history.iter().enumerate() {
        (movies[column], ratings[column], weights[column]) = (movie as i64, rating as f32, 1.0);
    }
    vec![
        ("movie".to_owned(), tensor(vec![1, columns], Data::I64(movies))),
        ("rating".to_owned(), tensor(vec![1, columns], Data::F32(ratings))),
        ("weight".to_owned(), tensor(vec![1, columns], Data::F32(weights))),
    ]
}

fn tensor(shape: Vec<usize>, data: Data) -> Tensor {
    Tensor::try_new(shape, data).expect("the shape was made from the lengths of the data")
}
