//! Predictions of single movies.

use std::cell::LazyCell;
use std::sync::Arc;

use marquee_domain::{MovieId, Variant};
use tokio::time::Instant;

use super::subject::{Assigned, Subject, unknown};
use super::{Answer, Caller, Error, Rating};
use crate::model::{Model, Score};

/// A request for predictions.
#[derive(Debug, Clone)]
pub(crate) struct Predict {
    pub(crate) caller: Caller,
    pub(crate) movies: Vec<MovieId>,
}

/// The rating that a user is expected to give a movie.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prediction {
    pub(crate) movie: MovieId,
    /// Clipped to the scale.
    pub(crate) rating: f64,
    pub(crate) spread: f64,
    /// The version was trained without this movie.
    pub(crate) unknown_movie: bool,
}

impl Prediction {
    pub(super) fn new(model: &Model, movie: &MovieId, score: Score) -> Self {
        let rating = model.scale().clip(score.rating);
        Self { movie: movie.clone(), rating, spread: score.spread, unknown_movie: false }
    }
}

impl Rating {
    /// Predicts what a user would rate movies, in the order of the request.
    pub(crate) async fn predict(&self, request: &Predict) -> Result<Answer<Vec<Prediction>>, Error> {
        let _running = self.counted.pressure.enter();
        let assigned = self.assign(&request.caller)?;
        let answer = self.predict_by(&assigned, request).await;
        self.count(&assigned, answer)
    }

    /// Predicts with a version that the caller names, whatever the route says. Such a request is
    /// not counted among those that the route assigned.
    pub(crate) async fn predict_with(
        &self,
        model: &Arc<Model>,
        request: &Predict,
    ) -> Result<Answer<Vec<Prediction>>, Error> {
        let _running = self.counted.pressure.enter();
        let model = Arc::clone(model);
        let assigned = Assigned { model, variant: Variant::Stable, started: Instant::now() };
        self.predict_by(&assigned, request).await
    }

    async fn predict_by(&self, assigned: &Assigned, request: &Predict) -> Result<Answer<Vec<Prediction>>, Error> {
        let subject = self.subject(&request.caller, assigned).await?;
        let value = score(&subject, &request.movies).await?;
        Ok(Answer { value, provenance: subject.provenance })
    }
}

/// Scores the movies that the version knows. The others get the user's mean.
async fn score(subject: &Subject, movies: &[MovieId]) -> Result<Vec<Prediction>, Error> {
    let Subject { model, history, state, .. } = subject;
    let indices: Vec<Option<i64>> = movies.iter().map(|movie| model.index_of(movie)).collect();
    let known: Vec<i64> = indices.iter().flatten().copied().collect();
    let scores = match known.is_empty() {
        true => Vec::new(),
        false => model.score(state, &known).await.map_err(Error::Scorer)?,
    };
    let mut scores = scores.into_iter();
    // Most requests have known movies only, and then the history is not read.
    let unknown = LazyCell::new(|| unknown(model, history.entries.iter().map(|entry| entry.rating)));
    let prediction = |(movie, index): (&MovieId, &Option<i64>)| match index {
        Some(_) => scores.next().map(|score| Prediction::new(model, movie, score)),
        None => Some(Prediction { unknown_movie: true, ..Prediction::new(model, movie, *unknown) }),
    };
    let predictions: Option<Vec<_>> = movies.iter().zip(&indices).map(prediction).collect();
    predictions.ok_or(Error::TooFewScores)
}
