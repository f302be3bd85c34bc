//! Converts between messages and the types of the core. Every conversion from a message checks it.

mod failure;
mod routes;

use std::sync::atomic::Ordering;

use marquee_domain::{IdError, ModelName, MovieId, Position, Reason, UserId, Violation};
use marquee_kit::Failure;
use marquee_model::Manifest;
use marquee_proto::features::v1 as features;
use marquee_proto::prediction::v1 as pb;
use marquee_proto::ratings::v1::Position as WirePosition;
use marquee_proto::{Timestamp, convert};

pub(super) use routes::{candidates, status};

use crate::model::Model;
use crate::rating::{
    Answer, Caller, Contribution, Explain, Explanation, Freshness, Predict, Prediction, Provenance, Recommend,
    Recommendation,
};
use crate::repository::{Key, VersionState};

/// Movies of one predict request, and recommendations of one answer.
const MOST_MOVIES: usize = 1_000;

/// Contributions of one explanation.
const MOST_CONTRIBUTIONS: usize = 100;

/// Returns the model that a request names; an empty name means the default model.
pub(super) fn model_name(text: &str, default: &ModelName) -> Result<ModelName, IdError> {
    if text.is_empty() { Ok(default.clone()) } else { ModelName::try_new(text) }
}

/// Collects everything that is wrong with a request.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<Violation>);

impl Checks {
    /// Returns the value, or remembers the violation.
    pub(super) fn take<T>(&mut self, checked: Result<T, Violation>) -> Option<T> {
        checked.map_err(|violation| self.0.push(violation)).ok()
    }

    pub(super) fn model(&mut self, text: &str, default: &ModelName) -> Option<ModelName> {
        let malformed = |error: IdError| Violation::new("model", error.reason(), error.to_string());
        self.take(model_name(text, default).map_err(malformed))
    }

    /// Returns a limit, or the default for 0.
    fn limit(&mut self, limit: u32, default: usize, most: usize) -> Option<usize> {
        let count = limit as usize;
        if count > most {
            self.0.push(Violation::new("limit", Reason::TooMany, format!("is {limit}: ask for at most {most}")));
            return None;
        }
        Some(if count == 0 { default } else { count })
    }

    fn caller(&mut self, model: &str, user: &str, after: &[WirePosition], default: &ModelName) -> Option<Caller> {
        let model = self.model(model, default);
        let user: Option<UserId> = self.take(convert::user_id("user_id", user));
        let after: Vec<Position> = after.iter().map(convert::from_position).collect();
        Some(Caller { model: model?, user: user?, after })
    }

    /// Returns the request, or a failure that names every violation.
    pub(super) fn finish<T>(self, request: Option<T>) -> Result<T, Failure> {
        request.filter(|_| self.0.is_empty()).ok_or_else(|| Failure::invalid(self.0))
    }
}

pub(super) fn predict(request: &pb::PredictRequest, default: &ModelName) -> Result<Predict, Failure> {
    let mut checks = Checks::default();
    let caller = checks.caller(&request.model, &request.user_id, &request.after, default);
    let mut movies = Vec::with_capacity(request.movie_ids.len().min(MOST_MOVIES));
    for (index, id) in request.movie_ids.iter().take(MOST_MOVIES).enumerate() {
        // The name of the field is needed only where the id is wrong.
        let checked = MovieId::try_new(id).or_else(|_| convert::movie_id(&format!("movie_ids[{index}]"), id));
        movies.extend(checks.take::<MovieId>(checked));
    }
    if request.movie_ids.is_empty() {
        checks.0.push(Violation::new("movie_ids", Reason::Empty, format!("is empty: give 1 to {MOST_MOVIES} movies")));
    } else if request.movie_ids.len() > MOST_MOVIES {
        let fix = format!("has {} entries: give 1 to {MOST_MOVIES} movies", request.movie_ids.len());
        checks.0.push(Violation::new("movie_ids", Reason::TooMany, fix));
    }
    let request = caller.map(|caller| Predict { caller, movies });
    checks.finish(request)
}

pub(super) fn recommend(request: pb::RecommendRequest, default: &ModelName) -> Result<Recommend, Failure> {
    let mut checks = Checks::default();
    let caller = checks.caller(&request.model, &request.user_id, &request.after, default);
    let limit = checks.limit(request.limit, 10, MOST_MOVIES);
    let genres = request.genres;
    let request = caller.zip(limit).map(|(caller, limit)| Recommend { caller, limit, genres });
    checks.finish(request)
}

pub(super) fn explain(request: &pb::ExplainRequest, default: &ModelName) -> Result<Explain, Failure> {
    let mut checks = Checks::default();
    let caller = checks.caller(&request.model, &request.user_id, &request.after, default);
    let movie = checks.take(convert::movie_id("movie_id", &request.movie_id));
    let limit = checks.limit(request.limit, 5, MOST_CONTRIBUTIONS);
    let request = caller.zip(movie).zip(limit).map(|((caller, movie), limit)| Explain { caller, movie, limit });
    checks.finish(request)
}

pub(super) fn predicted(answer: &Answer<Vec<Prediction>>) -> pb::PredictResponse {
    let predictions = answer.value.iter().map(prediction).collect();
    pb::PredictResponse { predictions, provenance: Some(provenance(&answer.provenance)) }
}

pub(super) fn recommended(answer: Answer<Vec<Recommendation>>) -> pb::RecommendResponse {
    let recommendation = |one: Recommendation| pb::Recommendation {
        movie: Some(convert::movie(&one.movie)),
        rating: one.rating,
        spread: one.spread,
    };
    let recommendations = answer.value.into_iter().map(recommendation).collect();
    pb::RecommendResponse { recommendations, provenance: Some(provenance(&answer.provenance)) }
}

pub(super) fn explained(answer: Answer<Explanation>) -> pb::ExplainResponse {
    let reason = |one: Contribution| pb::Reason {
        movie: Some(convert::movie(&one.movie)),
        rating: one.rating,
        rated_at: one.rated_at.map(convert::timestamp),
        effect: one.effect,
    };
    pb::ExplainResponse {
        prediction: Some(prediction(&answer.value.prediction)),
        baseline: answer.value.baseline,
        reasons: answer.value.contributions.into_iter().map(reason).collect(),
        provenance: Some(provenance(&answer.provenance)),
    }
}

fn prediction(prediction: &Prediction) -> pb::Prediction {
    pb::Prediction {
        movie_id: prediction.movie.as_str().to_owned(),
        rating: prediction.rating,
        spread: prediction.spread,
        unknown_movie: prediction.unknown_movie,
    }
}

pub(super) fn freshness(freshness: Freshness) -> features::Freshness {
    features::Freshness {
        event_time: freshness.event_time.map(convert::timestamp),
        applied: freshness.applied.map(convert::position),
        past_ttl: freshness.past_ttl,
    }
}

fn provenance(provenance: &Provenance) -> pb::Provenance {
    pb::Provenance {
        model: provenance.model.as_str().to_owned(),
        version: provenance.version.0,
        variant: provenance.variant.as_str().to_owned(),
        features: provenance.freshness.map(freshness),
        history_version: provenance.history_version,
        degraded: provenance.degraded,
    }
}

pub(super) fn model_version(
    (name, version): &Key,
    state: Option<&VersionState>,
    manifest: Option<&Manifest>,
    weight: u32,
) -> pb::ModelVersion {
    let mut message = pb::ModelVersion {
        model: name.as_str().to_owned(),
        version: version.0,
        state: pb::ModelState::Stored as i32,
        weight,
        ..pb::ModelVersion::default()
    };
    if let Some(manifest) = manifest {
        let metric = |name: &str| manifest.metrics.get(name).copied().unwrap_or(0.0);
        message.algorithm.clone_from(&manifest.algorithm);
        message.created_at = created_at(manifest);
        (message.rmse, message.mae) = (metric("rmse"), metric("mae"));
        message.train_seconds = manifest.train_seconds;
    }
    match state {
        Some(VersionState::Warm(model)) => show_warm(&mut message, model),
        Some(VersionState::Loading) => message.state = pb::ModelState::Loading as i32,
        Some(VersionState::Failed { error, .. }) => {
            message.state = pb::ModelState::Failed as i32;
            message.reason = marquee_kit::chain(&**error);
        }
        None => {}
    }
    message
}

/// Returns when a version was trained. `None` if its manifest has a time that nobody can read.
fn created_at(manifest: &Manifest) -> Option<Timestamp> {
    // The JSON form of a timestamp message is RFC 3339, like the manifest's.
    serde_json::from_value(manifest.created_at.clone().into()).ok()
}

fn show_warm(message: &mut pb::ModelVersion, model: &Model) {
    message.state = pb::ModelState::Ready as i32;
    message.digest = model.digest.to_string();
    message.verified = model.verified;
    message.answered = model.answered.load(Ordering::Relaxed);
    message.failed = model.failed.load(Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;

    #[test]
    fn a_refusal_names_every_field_that_is_wrong() {
        let request = pb::PredictRequest {
            model: "No model".to_owned(),
            movie_ids: vec!["m1".to_owned(), String::new()],
            ..pb::PredictRequest::default()
        };
        let refused = predict(&request, &name()).unwrap_err();
        let fields: Vec<&str> = refused.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["model", "user_id", "movie_ids[1]"]);
    }

    #[test]
    fn no_movies_and_too_many_have_reasons_of_their_own() {
        let reason = |movie_ids: Vec<String>| {
            let request = pb::PredictRequest { user_id: "ann".to_owned(), movie_ids, ..Default::default() };
            let refused = predict(&request, &name()).unwrap_err();
            (refused.violations()[0].field.clone(), refused.violations()[0].reason)
        };
        assert_eq!(reason(Vec::new()), ("movie_ids".to_owned(), Reason::Empty));
        assert_eq!(reason(vec!["m".to_owned(); 1_001]), ("movie_ids".to_owned(), Reason::TooMany));
    }

    #[test]
    fn a_limit_of_zero_means_the_default_and_a_large_one_is_refused() {
        let request = |limit| pb::RecommendRequest { user_id: "ann".to_owned(), limit, ..Default::default() };
        assert_eq!(recommend(request(0), &name()).unwrap().limit, 10);
        assert_eq!(recommend(request(1_000), &name()).unwrap().limit, 1_000);
        let refused = recommend(request(1_001), &name()).unwrap_err();
        assert_eq!(refused.violations()[0].reason, Reason::TooMany);
    }
}
