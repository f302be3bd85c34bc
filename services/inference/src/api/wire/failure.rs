//! The errors of the core as failures of a request.

use std::time::Duration;

use marquee_kit::{Failure, Kind};
use marquee_onnx::RunError;

use crate::rating::{Error, FeaturesError};
use crate::routing::{SetError, Unroutable, Unrouted};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::Unrouted(Unrouted::NoRoute(_)) | Error::UnknownMovie { .. } => {
                Failure::new(Kind::NotFound, error.to_string())
            }
            Error::Unrouted(Unrouted::NotWarm { .. }) => {
                Failure::new(Kind::Unavailable, error.to_string()).retry_after(Duration::from_secs(1))
            }
            Error::Features(features) => match &**features {
                FeaturesError::Unreachable(failure) if failure.kind() != Kind::Unavailable => {
                    Failure::new(Kind::Unavailable, "the feature store could not be reached: try again")
                }
                features => features.failure().clone(),
            },
            Error::Encoder(RunError::Overloaded) | Error::Scorer(RunError::Overloaded) => {
                Failure::new(Kind::ResourceExhausted, "too many requests wait for the model: send fewer at once")
                    .retry_after(Duration::from_millis(50))
            }
            Error::Encoder(run) | Error::Scorer(run) => Failure::internal("run the model", run),
            Error::TooFewScores => Failure::internal("run the model", &error),
        }
    }
}

impl From<SetError> for Failure {
    fn from(error: SetError) -> Self {
        match &error {
            SetError::Revision { .. } | SetError::Conflict => Failure::new(Kind::Aborted, error.to_string()),
            SetError::Store(store) if store.is_retryable() => Failure::unavailable("write the routing table", store),
            SetError::Store(store) => Failure::internal("write the routing table", store),
        }
    }
}

impl From<Unroutable> for Failure {
    fn from(error: Unroutable) -> Self {
        match &error {
            Unroutable::NotFound { .. } | Unroutable::Failed { .. } => {
                Failure::new(Kind::FailedPrecondition, error.to_string())
            }
            Unroutable::Unchecked { source, .. } => Failure::unavailable(&error.to_string(), source),
        }
    }
}
