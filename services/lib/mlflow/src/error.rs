//! Why a call failed, and whether a later try may succeed.

use std::io;
use std::path::PathBuf;

use marquee_settings::Invalid;
use reqwest::StatusCode;
use thiserror::Error;

/// The longest part of a server's message that is kept, in letters.
const LONGEST_MESSAGE: usize = 300;

/// Why the tracker could not be made.
#[derive(Debug, Error)]
pub enum StartError {
    /// A setting makes no sense.
    #[error("tracking.{0}")]
    Settings(Invalid),
    /// The certificates cannot be used.
    #[error("tracking.ca_file: {path} cannot be used; give a file with certificates in PEM")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file with a token or a password cannot be used.
    #[error("tracking.{key}: {path} cannot be used; give a file with one line that this user can read")]
    Credentials {
        /// The setting.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// The HTTP client cannot be made.
    #[error("tracking: the HTTP client could not be made")]
    Client(#[source] reqwest::Error),
}

/// Why a call failed. `Display` says what was being done.
#[derive(Debug, Error)]
pub enum Error {
    /// The server could not be reached, or the connection was lost.
    #[error("{doing}: the tracking server cannot be reached")]
    Unreachable {
        /// What was being done.
        doing: String,
        /// What is wrong.
        #[source]
        source: reqwest::Error,
    },
    /// No answer came within the deadline.
    #[error("{doing}: the tracking server did not answer in time")]
    Late {
        /// What was being done.
        doing: String,
    },
    /// The server refused the call.
    #[error("{doing}: the tracking server answered {status}{}{}", apart(" ", .code), apart(": ", .message))]
    Refused {
        /// What was being done.
        doing: String,
        /// The status of HTTP.
        status: StatusCode,
        /// The error code of MLflow. Empty where the answer has none.
        code: String,
        /// The message of the server, shortened.
        message: String,
    },
    /// The answer is not one of MLflow's REST API.
    #[error("{doing}: the answer is not that of an MLflow server; check tracking.url")]
    Garbage {
        /// What was being done.
        doing: String,
        /// What is wrong.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// The artifacts are not behind the server.
    #[error("{doing}: the artifacts are at {scheme}: and not behind the server; start it with --serve-artifacts")]
    NotProxied {
        /// What was being done.
        doing: String,
        /// The scheme of the artifacts' address.
        scheme: String,
    },
    /// A file with a token or a password cannot be read.
    #[error("{doing}: {path} cannot be read")]
    Credentials {
        /// What was being done.
        doing: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// The package cannot be read from the object store.
    #[error("{doing}: the package cannot be read")]
    Package {
        /// What was being done.
        doing: String,
        /// What is wrong.
        #[source]
        source: marquee_ports::Error,
    },
    /// The package is not what a published package is.
    #[error("{doing}: {reason}")]
    NotAModel {
        /// What was being done.
        doing: String,
        /// What is wrong, and what to do.
        reason: String,
    },
}

impl Error {
    /// Returns whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Late { .. } | Self::Garbage { .. } | Self::Credentials { .. } => true,
            // A token may be replaced while the call is tried again.
            Self::Refused { status, .. } => is_passing(*status) || matches!(status.as_u16(), 401 | 403),
            Self::Package { source, .. } => source.kind() == marquee_ports::ErrorKind::Unavailable,
            Self::NotProxied { .. } | Self::NotAModel { .. } => false,
        }
    }

    /// Returns whether what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "RESOURCE_DOES_NOT_EXIST")
    }

    /// Returns whether what was to be made exists already.
    pub fn is_existing(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "RESOURCE_ALREADY_EXISTS")
    }
}

/// Returns whether a status says that the server cannot answer now.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

/// Formats a text behind what came before, or nothing.
fn apart(before: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{before}{text}") }
}

/// Shortens what a server said to one line of a log.
pub(crate) fn shortened(message: &str) -> String {
    message.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Error {
        let status = StatusCode::from_u16(status).expect("a status");
        Error::Refused { doing: "make a run".to_owned(), status, code: code.to_owned(), message: String::new() }
    }

    #[test]
    fn a_call_is_repeated_only_if_a_later_try_may_succeed() {
        for status in [401, 403, 408, 429, 500, 502, 503, 504] {
            assert!(refused(status, "").is_retryable(), "{status}");
        }
        for status in [400, 404, 405, 409, 413] {
            assert!(!refused(status, "").is_retryable(), "{status}");
        }
        assert!(refused(404, "RESOURCE_DOES_NOT_EXIST").is_not_found() && !refused(404, "").is_not_found());
        assert!(refused(400, "RESOURCE_ALREADY_EXISTS").is_existing());
    }

    #[test]
    fn a_message_of_a_server_is_one_short_line() {
        let text = shortened(&format!("a\nb\u{1b}[0m{}", "x".repeat(1_000)));
        assert!(text.starts_with("a b [0m") && text.chars().count() == 300, "{text}");
        assert_eq!(refused(503, "").to_string(), "make a run: the tracking server answered 503 Service Unavailable");
    }
}
