//! The core of the role: predict, recommend and explain, in domain types.

mod cache;
mod explain;
mod histories;
mod history;
mod predict;
mod recommend;
mod subject;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use marquee_domain::{ModelName, MovieId, Position, UserId, Version};
use marquee_kit::{Compute, Context};
use marquee_onnx::{RunError, Tensor};
use thiserror::Error;

pub(crate) use cache::Capacity;
pub(crate) use explain::{Contribution, Explain, Explanation};
pub(crate) use histories::Histories;
pub(crate) use history::{Entry, Features, FeaturesError, Freshness, HistoryRead};
pub(crate) use predict::{Predict, Prediction};
pub(crate) use recommend::{Recommend, Recommendation};
pub(crate) use subject::{Provenance, unknown};

use crate::metrics::{AnswerLabels, RatingMetrics};
use crate::model::State;
use crate::pressure::Pressure;
use crate::repository::Key;
use crate::routing::{Routing, Unrouted};
use crate::tally::{ServingError, Tallies};
use cache::Cache;
use subject::Assigned;

/// Movies that are scored in one run when a whole catalog is ranked.
const PAGE: usize = 2_048;

/// What every request names.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) model: ModelName,
    pub(crate) user: UserId,
    /// The answer includes the user's ratings up to these positions.
    pub(crate) after: Vec<Position>,
}

/// An answer, and what it is based on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    pub(crate) provenance: Provenance,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Unrouted(#[from] Unrouted),
    #[error("read the user's history")]
    Features(#[source] Box<FeaturesError>),
    #[error("run the encoder of the model")]
    Encoder(#[source] RunError),
    #[error("run the scorer of the model")]
    Scorer(#[source] RunError),
    #[error("the model returned fewer scores than movies")]
    TooFewScores,
    #[error("model version {version} was trained without movie '{movie}': there is nothing to explain")]
    UnknownMovie { movie: MovieId, version: Version },
}

impl Error {
    /// Returns the label of the metric.
    fn outcome(&self) -> &'static str {
        match self {
            Self::Unrouted(Unrouted::NoRoute(_)) => "no_route",
            Self::Unrouted(Unrouted::NotWarm { .. }) => "not_warm",
            Self::Features(_) => "no_features",
            Self::UnknownMovie { .. } => "unknown_movie",
            Self::Encoder(_) | Self::Scorer(_) | Self::TooFewScores => "error",
        }
    }

    /// Returns under what the error is counted, or `None` if the caller got the request wrong.
    fn kind(&self) -> Option<ServingError> {
        match self {
            Self::Encoder(RunError::Overloaded) | Self::Scorer(RunError::Overloaded) => Some(ServingError::Overloaded),
            Self::Encoder(_) => Some(ServingError::Encoder),
            Self::Scorer(_) | Self::TooFewScores => Some(ServingError::Scorer),
            Self::Unrouted(Unrouted::NotWarm { .. }) => Some(ServingError::MissingVersion),
            Self::Features(_) => Some(ServingError::Features),
            Self::Unrouted(Unrouted::NoRoute(_)) | Self::UnknownMovie { .. } => None,
        }
    }

    /// Says whether the model version failed, and not the caller or the feature store.
    fn is_of_model(&self) -> bool {
        matches!(self, Self::Encoder(_) | Self::Scorer(_) | Self::TooFewScores)
    }
}

type StateKey = (UserId, ModelName, Version);

/// The state of a user at a version of the user's history. A newer history takes its place.
#[derive(Debug, Clone)]
struct Encoded {
    history: u64,
    state: State,
}

/// Returns about how many bytes a cached state takes.
fn weigh((user, model, _): &StateKey, encoded: &Encoded) -> usize {
    let tensor =
        |(name, tensor): &(String, Tensor)| 128 + name.len() + tensor.as_bytes().map_or(0, |bytes| bytes.len());
    // Beside the state, the table has the key and the pointers to it.
    192 + user.as_str().len() + model.as_str().len() + encoded.state.iter().map(tensor).sum::<usize>()
}

/// Predicts, recommends and explains.
#[derive(Debug)]
pub(crate) struct Rating {
    routing: Arc<Routing>,
    histories: Histories,
    states: Cache<StateKey, Encoded>,
    compute: Compute,
    metrics: RatingMetrics,
    counted: Counted,
}

/// Where the requests of users are counted.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub(crate) tallies: Arc<Tallies>,
    pub(crate) pressure: Arc<Pressure>,
}

/// What the rating core is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) routing: Arc<Routing>,
    pub(crate) histories: Histories,
    /// Bounds the user states that are cached.
    pub(crate) states: Capacity,
    pub(crate) counted: Counted,
}

impl Rating {
    pub(crate) fn new(parts: Parts, context: &Context) -> Self {
        let Parts { routing, histories, states, counted } = parts;
        Self {
            routing,
            histories,
            states: Cache::new(states, weigh),
            counted,
            compute: context.compute.clone(),
            metrics: RatingMetrics::register(&context.metrics),
        }
    }

    /// Counts an answer and its time under the version that was assigned, whatever failed.
    fn count<T>(&self, assigned: &Assigned, answer: Result<T, Error>) -> Result<T, Error> {
        let model = &assigned.model;
        let outcome = match &answer {
            Ok(_) => {
                model.answered.fetch_add(1, Ordering::Relaxed);
                "ok"
            }
            Err(error) => {
                if error.is_of_model() {
                    model.failed.fetch_add(1, Ordering::Relaxed);
                }
                error.outcome()
            }
        };
        let key = (model.name.clone(), model.version);
        self.measure(&key, assigned.variant.as_str(), outcome);
        let kind = answer.as_ref().err().and_then(Error::kind);
        self.counted.tallies.count(&key, kind, assigned.started.elapsed());
        answer
    }

    fn measure(&self, key: &Key, variant: &'static str, outcome: &'static str) {
        let labels = AnswerLabels { model: key.0.as_str().to_owned(), version: key.1.0, variant, outcome };
        self.metrics.answers.get_or_create(&labels).inc();
    }
}
