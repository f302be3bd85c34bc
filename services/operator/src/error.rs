//! Why a reconciliation failed.

use marquee_driver::ApplyError;
use thiserror::Error;

/// Why a reconciliation failed. The next one begins again.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The API server did not answer or refused.
    #[error("could not {doing} {what}: {}", explain(.source))]
    Api {
        /// What was to be done.
        doing: &'static str,
        /// The objects.
        what: &'static str,
        /// The answer. Its text contains its causes, so it is part of this text and no source.
        source: Box<kube::Error>,
    },
    /// The route was not changed.
    #[error("could not change the route")]
    Route(#[source] ApplyError),
    /// A deleted rollout did not take its users back.
    #[error("could not take all users back to the stable version before the rollout is removed: {0}")]
    Cleanup(String),
}

impl Error {
    /// Makes the error of a failed read.
    pub(crate) fn read(what: &'static str) -> impl Fn(kube::Error) -> Self {
        move |source| Self::Api { doing: "read", what, source: Box::new(source) }
    }

    /// Makes the error of a failed write.
    pub(crate) fn write(what: &'static str) -> impl Fn(kube::Error) -> Self {
        move |source| Self::Api { doing: "write", what, source: Box::new(source) }
    }

    /// Returns whether another writer was faster, of the object or of the route.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Self::Api { source, .. } => is_status(source, 409),
            Self::Route(cause) => matches!(cause, ApplyError::Conflict(_)),
            Self::Cleanup(_) => false,
        }
    }

    /// Returns whether the API server does not allow the call, as in a namespace that is being
    /// deleted.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Api { source, .. } if is_status(source, 403))
    }
}

/// Returns whether the API server answered with a status code.
pub(crate) fn is_status(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

/// Describes an error of the API client in one line. The library's own texts repeat their causes.
pub(crate) fn explain(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        kube::Error::Api(status) => format!("the API server answered {}", status.code),
        other => {
            let mut innermost: &dyn std::error::Error = other;
            while let Some(source) = innermost.source() {
                innermost = source;
            }
            format!("no answer from the API server: {innermost}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16) -> Error {
        let status = kube::core::Status { code, ..kube::core::Status::default() };
        Error::write("the status")(kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn a_lost_race_of_the_object_or_of_the_route_is_a_conflict() {
        assert!(api(409).is_conflict());
        assert!(Error::Route(ApplyError::Conflict("the route is at 4".to_owned())).is_conflict());
        for failed in [
            api(403),
            api(500),
            Error::Route(ApplyError::Refused("version 2 does not verify".to_owned())),
            Error::Route(ApplyError::Unreachable("there is none".to_owned())),
            Error::Cleanup("no instance answers".to_owned()),
        ] {
            assert!(!failed.is_conflict(), "{failed}");
        }
    }

    #[test]
    fn a_call_that_is_not_allowed_is_told_from_other_failures() {
        assert_eq!([403, 404, 409, 500].map(|code| api(code).is_forbidden()), [true, false, false, false]);
    }
}
