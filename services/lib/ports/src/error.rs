//! The one error of all ports: what was being done, the kind of failure, and the adapter's own
//! error as its source.

use std::fmt;

/// What a caller can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The back-end does not answer, or not now. Try again after a pause.
    Unavailable,
    /// A precondition did not hold. Read again and decide again.
    Conflict,
    /// The stored bytes are not what was written. An operator must look at them.
    Corrupt,
    /// The request can never succeed.
    Invalid,
}

/// A failed call of a port. `Display` says what was being done. The cause is the source.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    doing: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Returns a failure with its cause. `doing` is a verb and its object in lower case, such as
    /// "read a row".
    pub fn new(
        kind: ErrorKind,
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, doing: doing.into(), source: Some(source.into()) }
    }

    /// Returns a failure without a further cause.
    pub fn bare(kind: ErrorKind, doing: impl Into<String>) -> Self {
        Self { kind, doing: doing.into(), source: None }
    }

    /// Returns the kind, which tells what the caller can do.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind == ErrorKind::Unavailable
    }

    /// Returns whether the work may succeed later: by the same call, or by another one over what
    /// has changed since.
    pub fn is_passing(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::Conflict)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.doing)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}
