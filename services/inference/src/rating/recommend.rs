//! Recommendations: the movies of the catalog that a user has not rated, best first.

use std::sync::Arc;

use marquee_domain::Movie;
use marquee_onnx::Tensor;

use super::history::Entry;
use super::subject::{Assigned, Subject};
use super::{Answer, Caller, Error, PAGE, Rating};
use crate::model::{Model, Score};

/// Movies that are filtered, or sorted, on the async thread. That takes some 100 µs.
const SMALL: usize = 20_000;

/// Movies that are scored beside the best ones. The ranker adds up in another order than the
/// scorer, so movies whose ratings differ in the last digits may have another order there.
const FURTHER: usize = 16;

/// A request for recommendations.
#[derive(Debug, Clone)]
pub(crate) struct Recommend {
    pub(crate) caller: Caller,
    pub(crate) limit: usize,
    /// Only movies with one of these genres. Empty means all movies.
    pub(crate) genres: Vec<String>,
}

/// A movie with its expected rating.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recommendation {
    pub(crate) movie: Movie,
    /// Clipped to the scale.
    pub(crate) rating: f64,
    pub(crate) spread: f64,
}

impl Rating {
    /// Ranks the movies that a user has not rated.
    pub(crate) async fn recommend(&self, request: &Recommend) -> Result<Answer<Vec<Recommendation>>, Error> {
        let _running = self.counted.pressure.enter();
        let assigned = self.assign(&request.caller)?;
        let answer = self.recommend_by(&assigned, request).await;
        self.count(&assigned, answer)
    }

    async fn recommend_by(
        &self,
        assigned: &Assigned,
        request: &Recommend,
    ) -> Result<Answer<Vec<Recommendation>>, Error> {
        let Subject { model, history, state, provenance } = self.subject(&request.caller, assigned).await?;
        let ratings = model.rank(&state).await.map_err(Error::Scorer)?;
        let limit = request.limit;
        let (ranked, genres) = (Arc::clone(&model), request.genres.clone());
        let is_large = model.catalog().len() > SMALL;
        let candidates = move || candidates(&ranked, &history.entries, &genres, (ratings.as_ref(), limit));
        let candidates = self.compute.run_if(is_large, candidates).await?;
        let mut scores = Vec::with_capacity(candidates.len());
        for page in candidates.chunks(PAGE) {
            scores.extend(model.score(&state, page).await.map_err(Error::Scorer)?);
        }
        if scores.len() != candidates.len() {
            return Err(Error::TooFewScores);
        }
        let is_large = candidates.len() > SMALL;
        let value = self.compute.run_if(is_large, move || best(&model, &candidates, &scores, limit)).await;
        Ok(Answer { value, provenance })
    }
}

/// Returns the indices of the movies that are scored: all that may be recommended, or the best of
/// them where the ratings of all movies are known.
fn candidates(
    model: &Model,
    history: &[Entry],
    genres: &[String],
    (ratings, limit): (Option<&Tensor>, usize),
) -> Result<Vec<i64>, Error> {
    let mut allowed = model.genres().any_of(genres);
    for index in history.iter().filter_map(|entry| model.catalog().index_of(&entry.movie)) {
        allowed.remove(index);
    }
    let Some(ratings) = ratings else { return Ok(allowed.iter().map(|index| index as i64).collect()) };
    let ratings = ratings.as_f32().filter(|ratings| ratings.len() == model.catalog().len());
    let best = allowed.best(ratings.ok_or(Error::TooFewScores)?, limit.saturating_add(FURTHER));
    Ok(best.into_iter().map(|index| index as i64).collect())
}

/// Returns the best `limit` movies. The order is by the rating before it is clipped, so movies at
/// the top of the scale still have one. Equal ratings are ordered by index, so that answers repeat.
fn best(model: &Model, candidates: &[i64], scores: &[Score], limit: usize) -> Vec<Recommendation> {
    let mut ranked: Vec<(i64, Score)> = candidates.iter().copied().zip(scores.iter().copied()).collect();
    let order = |(a, x): &(i64, Score), (b, y): &(i64, Score)| y.rating.total_cmp(&x.rating).then(a.cmp(b));
    if limit < ranked.len() {
        ranked.select_nth_unstable_by(limit, order);
        ranked.truncate(limit);
    }
    ranked.sort_unstable_by(order);
    let movie = |index: i64| model.catalog().movies().get(usize::try_from(index).ok()?);
    let recommendation = |(index, score): (i64, Score)| {
        let (movie, rating) = (movie(index)?.clone(), model.scale().clip(score.rating));
        Some(Recommendation { movie, rating, spread: score.spread })
    };
    ranked.into_iter().filter_map(recommendation).collect()
}
