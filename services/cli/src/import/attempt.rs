//! Decides whether an attempt that failed may succeed when it is repeated.

use std::time::Duration;

use marquee_kit::{Failure, Kind};
use tonic::Status;

use crate::error::is_transport;

/// Why a stream or a call ended early.
pub(super) enum Broken {
    /// Another attempt may succeed, after the delay that the server named.
    Retry(Status, Option<Duration>),
    /// Another attempt would fail in the same way.
    Fatal(Box<crate::Error>),
}

/// Returns the end of a stream that was closed.
pub(super) fn closed() -> Broken {
    broken(Status::unavailable("the stream was closed"))
}

/// Decides whether another stream may succeed after this one ended with a status.
pub(super) fn broken(status: Status) -> Broken {
    let failure = Failure::from_status(&status);
    let passing = matches!(failure.kind(), Kind::Unavailable | Kind::ResourceExhausted);
    // A connection that breaks in the middle of a stream shows as one of these codes.
    let disconnected = is_transport(&status) || matches!(status.code(), tonic::Code::Unknown | tonic::Code::Cancelled);
    if passing || disconnected {
        Broken::Retry(status, failure.delay())
    } else {
        Broken::Fatal(Box::new(crate::Error::Refused(failure)))
    }
}

/// Decides the same for a failed call.
pub(super) fn retried(error: crate::Error) -> Broken {
    match error {
        crate::Error::Unreachable { source, .. } => Broken::Retry(*source, None),
        crate::Error::Late { .. } => Broken::Retry(Status::unavailable("no answer in time"), None),
        crate::Error::Refused(failure) if matches!(failure.kind(), Kind::Unavailable | Kind::ResourceExhausted) => {
            Broken::Retry(Status::unavailable(failure.message()), failure.delay())
        }
        other => Broken::Fatal(Box::new(other)),
    }
}
