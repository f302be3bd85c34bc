//! Predictions and recommendations: assign, read, encode, score.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use marquee_domain::{Movie, MovieId, Reason, UserId, Variant};
use marquee_kit::{Failure, Kind};
use marquee_onnx::RunError;
use marquee_proto::convert;
use marquee_proto::prediction::v1 as pb;
use marquee_proto::ratings::v1::Position;

use crate::histories::History;
use crate::loaded::{Loaded, Scored, State};
use crate::metrics::Answer;
use crate::service::Service;

/// Movies scored at once when a whole catalogue is ranked.
const PAGE: usize = 2_048;

/// A user in front of the version that answers it.
pub(crate) struct Turn {
    pub(crate) model: Arc<Loaded>,
    pub(crate) variant: Variant,
    pub(crate) history: History,
    pub(crate) state: State,
}

impl Turn {
    pub(crate) fn provenance(&self) -> pb::Provenance {
        pb::Provenance {
            model: self.model.name.as_str().to_owned(),
            version: self.model.version.0,
            variant: self.variant.as_str().to_owned(),
            features: self.history.freshness,
            history_version: self.history.version,
            degraded: self.history.degraded,
        }
    }

    pub(crate) fn prediction(&self, movie: &MovieId, scored: Scored, unknown_movie: bool) -> pb::Prediction {
        pb::Prediction {
            movie_id: movie.as_str().to_owned(),
            rating: self.model.scale().clip(scored.rating),
            spread: scored.spread,
            unknown_movie,
        }
    }
}

/// A failed run of a graph, as an answer.
pub(crate) fn run_failed(error: &RunError) -> Failure {
    match error {
        RunError::Overloaded => {
            Failure::new(Kind::ResourceExhausted, "too many requests wait for the model: send fewer at once")
                .retry_after(std::time::Duration::from_millis(50))
        }
        error => Failure::internal("run the model", error),
    }
}

impl Service {
    /// Finds the version that answers a user, the user's history and state.
    pub(crate) async fn turn(&self, model: &str, user: &UserId, after: Vec<Position>) -> Result<Turn, Failure> {
        let name = self.model_name(model)?;
        let Some(route) = self.routes().get(&name) else {
            let message = format!("no version of model '{name}' is routed: train one, or route one with SetRoute");
            return Err(Failure::new(Kind::NotFound, message));
        };
        let (version, variant) = route.assign(user);
        let (model, variant) = match self.library().ready(&name, version) {
            Some(model) => (model, variant),
            // A candidate that this instance has not loaded yet must not cost its users an answer.
            None => match self.library().ready(&name, route.stable()) {
                Some(stable) => (stable, Variant::Stable),
                None => {
                    let message = format!("{}: try again", self.not_loaded(&name, route.stable()));
                    return Err(Failure::new(Kind::Unavailable, message).retry_after(std::time::Duration::from_secs(1)));
                }
            },
        };
        let history = self.histories().of(user, after).await?;
        if history.degraded {
            self.meters().degraded.inc();
        }
        let key = (user.clone(), model.name.clone(), model.version, history.version);
        let state = match self.states().get(&key) {
            Some(state) => {
                self.meters().states_hit.inc();
                state
            }
            None => {
                self.meters().states_missed.inc();
                let state = model.encode(&model.known(&history.entries)).await.map_err(|error| run_failed(&error))?;
                self.states().insert(key, Arc::clone(&state));
                state
            }
        };
        Ok(Turn { model, variant, history, state })
    }

    /// Counts an answer under its version.
    pub(crate) fn count<T>(&self, turn: &Turn, started: Instant, answer: Result<T, Failure>) -> Result<T, Failure> {
        let (counter, outcome) = match &answer {
            Ok(_) => (&turn.model.answered, "ok"),
            Err(_) => (&turn.model.failed, "error"),
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let labels = Answer {
            model: turn.model.name.as_str().to_owned(),
            version: turn.model.version.0,
            variant: turn.variant.as_str(),
            outcome,
        };
        self.meters().answers.get_or_create(&labels).inc();
        self.meters().predict_seconds.observe(started.elapsed().as_secs_f64());
        answer
    }

    /// Predicts what a user would rate movies.
    pub(crate) async fn predict(&self, request: pb::PredictRequest) -> Result<pb::PredictResponse, Failure> {
        const MOST: usize = 1_000;
        let started = Instant::now();
        let mut violations = Vec::new();
        let user = convert::user_id("user_id", &request.user_id).map_err(|violation| violations.push(violation)).ok();
        let mut movies = Vec::with_capacity(request.movie_ids.len().min(MOST));
        for (index, id) in request.movie_ids.iter().take(MOST).enumerate() {
            match convert::movie_id(&format!("movie_ids[{index}]"), id) {
                Ok(movie) => movies.push(movie),
                Err(violation) => violations.push(violation),
            }
        }
        if !matches!(request.movie_ids.len(), 1..=MOST) {
            let fix = format!("has {} entries: give 1 to {MOST} movies", request.movie_ids.len());
            violations.push(marquee_domain::Violation::new("movie_ids", Reason::TooMany, fix));
        }
        let Some(user) = user.filter(|_| violations.is_empty()) else {
            return Err(Failure::invalid(violations));
        };
        let turn = self.turn(&request.model, &user, request.after).await?;
        let predicted = score(&turn, &movies).await;
        let predictions = self.count(&turn, started, predicted)?;
        Ok(pb::PredictResponse { predictions, provenance: Some(turn.provenance()) })
    }

    /// Ranks the movies that a user has not rated.
    pub(crate) async fn recommend(&self, request: pb::RecommendRequest) -> Result<pb::RecommendResponse, Failure> {
        const MOST: u32 = 1_000;
        let started = Instant::now();
        let user = convert::user_id("user_id", &request.user_id).map_err(|v| Failure::invalid(vec![v]))?;
        if request.limit > MOST {
            return Err(Failure::field(
                "limit",
                Reason::TooMany,
                format!("is {}: ask for at most {MOST}", request.limit),
            ));
        }
        let limit = if request.limit == 0 { 10 } else { request.limit as usize };
        let turn = self.turn(&request.model, &user, request.after).await?;
        let rated: HashSet<&MovieId> = turn.history.entries.iter().map(|entry| &entry.movie).collect();
        let fits = |movie: &Movie| {
            !rated.contains(&movie.id)
                && (request.genres.is_empty() || movie.genres.iter().any(|genre| request.genres.contains(genre)))
        };
        let candidates: Vec<i64> =
            (0..).zip(turn.model.catalogue.movies()).filter(|(_, movie)| fits(movie)).map(|(index, _)| index).collect();
        let ranked = rank(&turn, &candidates, limit).await;
        let ranked = self.count(&turn, started, ranked)?;
        let recommendations = ranked
            .into_iter()
            .filter_map(|(index, scored)| {
                let movie = turn.model.catalogue.movies().get(usize::try_from(index).ok()?)?;
                let rating = turn.model.scale().clip(scored.rating);
                Some(pb::Recommendation { movie: Some(convert::movie(movie)), rating, spread: scored.spread })
            })
            .collect();
        Ok(pb::RecommendResponse { recommendations, provenance: Some(turn.provenance()) })
    }
}

/// Scores the movies that the version knows; answers the others from the user's mean.
async fn score(turn: &Turn, movies: &[MovieId]) -> Result<Vec<pb::Prediction>, Failure> {
    let indices: Vec<Option<i64>> =
        movies.iter().map(|movie| turn.model.catalogue.index_of(movie).map(|index| index as i64)).collect();
    let known: Vec<i64> = indices.iter().flatten().copied().collect();
    let scored = match known.is_empty() {
        true => Vec::new(),
        false => turn.model.score(&turn.state, &known).await.map_err(|error| run_failed(&error))?,
    };
    let mut scored = scored.into_iter();
    let unknown = turn.model.unknown(&turn.history.entries);
    let prediction = |(movie, index): (&MovieId, &Option<i64>)| match index {
        Some(_) => scored.next().map(|scored| turn.prediction(movie, scored, false)),
        None => Some(turn.prediction(movie, unknown, true)),
    };
    let predictions: Option<Vec<_>> = movies.iter().zip(&indices).map(prediction).collect();
    predictions.ok_or_else(|| Failure::new(Kind::Internal, "the model answered fewer movies than it was asked"))
}

async fn rank(turn: &Turn, candidates: &[i64], limit: usize) -> Result<Vec<(i64, Scored)>, Failure> {
    let mut ranked = Vec::with_capacity(candidates.len());
    for page in candidates.chunks(PAGE) {
        let scored = turn.model.score(&turn.state, page).await.map_err(|error| run_failed(&error))?;
        ranked.extend(page.iter().copied().zip(scored));
    }
    // Unclipped, so that several fives still have an order; ties by index, so that answers repeat.
    ranked.sort_by(|(a, x), (b, y)| y.rating.total_cmp(&x.rating).then(a.cmp(b)));
    ranked.truncate(limit);
    Ok(ranked)
}
