//! Explanations: what a prediction would be without each of the user's ratings.
//!
//! Leaving one rating out asks the model itself, so it works for every model that has an encoder
//! and a scorer. The histories with one rating less go through the encoder together, a page at a
//! time.

use marquee_domain::{Movie, MovieId, Timestamp};

use super::predict::Prediction;
use super::subject::{Assigned, Subject, known};
use super::{Answer, Caller, Error, Rating};
use crate::model::Score;

/// Histories that are encoded in one run.
const PAGE: usize = 32;

/// A request for an explanation.
#[derive(Debug, Clone)]
pub(crate) struct Explain {
    pub(crate) caller: Caller,
    pub(crate) movie: MovieId,
    /// The number of contributions.
    pub(crate) limit: usize,
}

/// Why a prediction is what it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Explanation {
    pub(crate) prediction: Prediction,
    /// The prediction for the same user without any rating.
    pub(crate) baseline: f64,
    /// Largest effect first.
    pub(crate) contributions: Vec<Contribution>,
}

/// What one rating of the user contributes to a prediction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contribution {
    pub(crate) movie: Movie,
    pub(crate) rating: f64,
    pub(crate) rated_at: Option<Timestamp>,
    /// The prediction minus the prediction without this rating, before clipping.
    pub(crate) effect: f64,
}

impl Rating {
    /// Explains one prediction.
    pub(crate) async fn explain(&self, request: &Explain) -> Result<Answer<Explanation>, Error> {
        let _running = self.counted.pressure.enter();
        let assigned = self.assign(&request.caller)?;
        let answer = self.explain_by(&assigned, request).await;
        self.count(&assigned, answer)
    }

    async fn explain_by(&self, assigned: &Assigned, request: &Explain) -> Result<Answer<Explanation>, Error> {
        let (model, movie) = (&assigned.model, &request.movie);
        let Some(index) = model.index_of(movie) else {
            return Err(Error::UnknownMovie { movie: movie.clone(), version: model.version });
        };
        let subject = self.subject(&request.caller, assigned).await?;
        let target = [index];
        let score = first(&model.score(&subject.state, &target).await.map_err(Error::Scorer)?)?;
        let empty = model.encode(&[]).await.map_err(Error::Encoder)?;
        let baseline = first(&model.score(&empty, &target).await.map_err(Error::Scorer)?)?;
        let mut contributions = contributions(&subject, target, score.rating).await?;
        contributions.sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
        contributions.truncate(request.limit);
        let value = Explanation {
            prediction: Prediction::new(model, movie, score),
            baseline: model.scale().clip(baseline.rating),
            contributions,
        };
        Ok(Answer { value, provenance: subject.provenance })
    }
}

fn first(scores: &[Score]) -> Result<Score, Error> {
    scores.first().copied().ok_or(Error::TooFewScores)
}

/// Returns the contribution of every rating of a movie that the version knows.
async fn contributions(subject: &Subject, target: [i64; 1], full: f64) -> Result<Vec<Contribution>, Error> {
    let Subject { model, history, .. } = subject;
    let entries: Vec<_> =
        history.entries.iter().filter_map(|entry| Some((entry, model.catalog().get(&entry.movie)?))).collect();
    let history = known(model, &history.entries);
    let mut contributions = Vec::with_capacity(entries.len());
    for start in (0..history.len()).step_by(PAGE) {
        let without: Vec<Vec<(i64, f32)>> = (start..history.len().min(start + PAGE))
            .map(|left_out| {
                history.iter().enumerate().filter(|(index, _)| *index != left_out).map(|(_, &entry)| entry).collect()
            })
            .collect();
        let rows: Vec<&[(i64, f32)]> = without.iter().map(Vec::as_slice).collect();
        let states = model.encode_many(&rows).await.map_err(Error::Encoder)?;
        let scores = model.score(&states, &target).await.map_err(Error::Scorer)?;
        if scores.len() != rows.len() {
            return Err(Error::TooFewScores);
        }
        for ((entry, movie), score) in entries[start..].iter().zip(scores) {
            contributions.push(Contribution {
                movie: (*movie).clone(),
                rating: entry.rating,
                rated_at: entry.rated_at,
                effect: full - score.rating,
            });
        }
    }
    Ok(contributions)
}
