//! Errors of models as failures of requests. The statuses over HTTP are those of Triton.

use std::time::Duration;

use marquee_kit::{Failure, Kind, chain};
use marquee_onnx::RunError;

use crate::models::Error;
use crate::rating;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Unknown(_) | Error::NoVersion { .. } => Failure::new(Kind::NotFound, message),
            Error::Loading { .. } | Error::Standby { .. } => {
                Failure::new(Kind::Unavailable, message).retry_after(Duration::from_secs(1))
            }
            Error::NotReady { .. } => Failure::new(Kind::FailedPrecondition, message),
            Error::UnknownOutput(_) | Error::Invalid(_) => Failure::new(Kind::InvalidArgument, message),
            // Not RESOURCE_EXHAUSTED: this is what Triton's clients know, and they try again.
            Error::Overloaded(_) => Failure::new(Kind::Unavailable, message).retry_after(Duration::from_millis(50)),
            Error::TimedOut => Failure::new(Kind::DeadlineExceeded, message),
            Error::Run(run) => ran(&run),
            Error::Rating(rating) => match *rating {
                rating::Error::Encoder(run) | rating::Error::Scorer(run) => ran(&run),
                other => other.into(),
            },
            Error::Load { source, .. } => {
                Failure::new(Kind::FailedPrecondition, format!("{message}: {}", chain(&source)))
            }
        }
    }
}

/// Returns the failure of a run. The values of the request may be wrong, so its causes are told.
fn ran(error: &RunError) -> Failure {
    match error {
        RunError::Overloaded => {
            Failure::new(Kind::Unavailable, error.to_string()).retry_after(Duration::from_millis(50))
        }
        RunError::Closed => Failure::new(Kind::Unavailable, "the model is being unloaded: try again")
            .retry_after(Duration::from_secs(1)),
        _ => Failure::new(Kind::InvalidArgument, chain(error)),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn every_error_has_the_status_of_triton() {
        let name = || "rate".to_owned();
        for (error, status) in [
            (Error::Unknown(name()), StatusCode::NOT_FOUND),
            (Error::NoVersion { name: name(), version: 2 }, StatusCode::NOT_FOUND),
            (Error::Loading { name: name() }, StatusCode::SERVICE_UNAVAILABLE),
            (Error::Standby { name: name(), reason: name() }, StatusCode::SERVICE_UNAVAILABLE),
            (Error::NotReady { name: name(), reason: name() }, StatusCode::BAD_REQUEST),
            (Error::UnknownOutput(name()), StatusCode::BAD_REQUEST),
            (Error::Invalid(name()), StatusCode::BAD_REQUEST),
            (Error::Overloaded(name()), StatusCode::SERVICE_UNAVAILABLE),
            (Error::TimedOut, StatusCode::GATEWAY_TIMEOUT),
            (Error::Run(RunError::MissingInput(name())), StatusCode::BAD_REQUEST),
            (Error::Run(RunError::Closed), StatusCode::SERVICE_UNAVAILABLE),
        ] {
            let failure = Failure::from(error);
            assert_eq!(failure.kind().http(), status, "{failure}");
            let is_retried = status == StatusCode::SERVICE_UNAVAILABLE;
            assert_eq!(failure.delay().is_some(), is_retried, "{failure}");
        }
    }
}
