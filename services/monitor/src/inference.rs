//! What the monitor asks inference, in the types of the domain.

use std::fmt::Debug;

use async_trait::async_trait;
use marquee_domain::{ModelName, MovieId, Timestamp, Version};
use marquee_eval::duel::Prediction;
use thiserror::Error;

/// Most versions that one request names.
pub(crate) const MOST_VERSIONS: usize = 16;

/// Inference, as far as the monitor needs it.
#[async_trait]
pub(crate) trait Inference: Debug + Send + Sync {
    /// Returns the versions that the wanted route of a model names: the stable one, the candidates
    /// and the shadows. Empty if the model has no route.
    async fn wanted(&self, model: &ModelName) -> Result<Vec<WantedVersion>, AskError>;

    /// Predicts the steps of sequences, which have at most the sizes that [`crate::stream`] cuts
    /// them to.
    async fn evaluate(&self, question: Question<'_>) -> Result<Vec<Evaluated>, AskError>;
}

/// A version that the wanted route names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WantedVersion {
    pub(crate) version: Version,
    /// It can predict now.
    pub(crate) is_warm: bool,
    /// When it was made. `None` if inference does not say so.
    pub(crate) created_at: Option<Timestamp>,
}

/// What is asked in one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) model: &'a ModelName,
    /// At most [`MOST_VERSIONS`].
    pub(crate) versions: &'a [Version],
    pub(crate) sequences: &'a [Sequence],
    /// The most entries of a history.
    pub(crate) history: usize,
}

/// Consecutive ratings of a user. Each is predicted from the history and the steps before it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sequence {
    /// Movies and stars, oldest first.
    pub(crate) history: Vec<(MovieId, f64)>,
    pub(crate) steps: Vec<Step>,
}

/// A rating to predict.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) movie: MovieId,
    pub(crate) rating: f64,
    /// When the rating arrived.
    pub(crate) arrived: Timestamp,
}

/// What one version answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evaluated {
    pub(crate) version: Version,
    /// A prediction for each step of all sequences, `None` where the version has no prediction. The
    /// error says why it predicted nothing.
    pub(crate) steps: Result<Vec<Option<Prediction>>, String>,
}

/// Why a rating has no prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// No version of the model was warm.
    NoVersion,
    /// No inference instance answered.
    InferenceUnavailable,
    /// Inference had no room for evaluations.
    InferenceBusy,
    /// Inference refused the request.
    Refused,
    /// The version predicted nothing.
    VersionFailed,
    /// The version did not predict this rating.
    EstimateFailed,
    /// The rating arrived before the version was made, which may therefore have learned it.
    BeforeTraining,
}

impl Reason {
    /// Returns the name for metrics, the store and answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoVersion => "NO_VERSION",
            Self::InferenceUnavailable => "INFERENCE_UNAVAILABLE",
            Self::InferenceBusy => "INFERENCE_BUSY",
            Self::Refused => "REFUSED",
            Self::VersionFailed => "VERSION_FAILED",
            Self::EstimateFailed => "ESTIMATE_FAILED",
            Self::BeforeTraining => "BEFORE_TRAINING",
        }
    }
}

/// A question without an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub(crate) struct AskError {
    pub(crate) reason: Reason,
    pub(crate) message: String,
    /// The same question may be answered later.
    pub(crate) is_passing: bool,
}
