//! What a failure of S3 means to a caller.

use std::error::Error as StdError;

use marquee_ports::{Error, ErrorKind};
use object_store::Error as S3Error;
use thiserror::Error as ThisError;

/// How the client's error for an answer that is no success begins; its type is private to the client. The tests beside the servers would show a
/// change: everything would look like a server that does not answer.
const STATUS: &str = "Server returned non-2xx status code: ";

/// How it calls an answer from another region.
const REDIRECT: &str = "Received redirect without LOCATION";

/// Codes by which servers over a file system say that a path is a folder already, or lies below an object. S3 itself allows both.
const BOTH: [&str; 3] = ["ObjectParentIsFile", "ExistingObjectIsDirectory", "ObjectExistsAsDirectory"];

/// Most characters of an answer that are told on.
const MOST_SAID: usize = 500;

/// What went wrong, as far as callers decide differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A condition did not hold, or another write of the object was under way.
    Condition,
    /// There is no such object.
    NoObject,
    /// There is no such bucket.
    NoBucket,
    /// The path names a folder as well, or lies below an object.
    Both,
    /// These keys may not do this.
    Refused,
    /// The bucket is in another region.
    Region,
    /// The server does not do this at all.
    Unsupported,
    /// The request is wrong.
    Request,
    /// There is no answer, or the server has no time: it may pass.
    NoAnswer,
}

impl Cause {
    pub(crate) fn of(error: &S3Error) -> Self {
        let answer = Answer::of(error);
        let says = |code: &str| answer.text.contains(code);
        if BOTH.into_iter().any(says) {
            return Self::Both;
        }
        match error {
            S3Error::Precondition { .. } | S3Error::AlreadyExists { .. } | S3Error::NotModified { .. } => {
                Self::Condition
            }
            S3Error::PermissionDenied { .. } | S3Error::Unauthenticated { .. } => Self::Refused,
            S3Error::NotSupported { .. } | S3Error::NotImplemented { .. } => Self::Unsupported,
            S3Error::InvalidPath { .. } | S3Error::UnknownConfigurationKey { .. } => Self::Request,
            // Listings give every status as a generic failure.
            _ => match answer.status {
                _ if says("NoSuchBucket") => Self::NoBucket,
                // Whether an upload that is gone was finished or dropped is not known; writing anew is right in both cases.
                _ if says("NoSuchUpload") => Self::NoAnswer,
                // Amazon's answer to a content that arrives too slowly.
                Some(400) if says("RequestTimeout") => Self::NoAnswer,
                Some(400) if says("AuthorizationHeaderMalformed") => Self::Region,
                Some(301 | 307) => Self::Region,
                Some(401 | 403) => Self::Refused,
                Some(404) => Self::NoObject,
                Some(409 | 412) => Self::Condition,
                Some(501) => Self::Unsupported,
                Some(408 | 429) => Self::NoAnswer,
                Some(400..=499) => Self::Request,
                _ if matches!(error, S3Error::NotFound { .. }) => Self::NoObject,
                _ => Self::NoAnswer,
            },
        }
    }

    /// For a call that had no condition.
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            // Another write of this object was under way.
            Self::Condition | Self::NoAnswer => ErrorKind::Unavailable,
            // A person must act on the rest: repeating does not help, and what is stored is sound.
            Self::NoObject
            | Self::NoBucket
            | Self::Both
            | Self::Refused
            | Self::Region
            | Self::Unsupported
            | Self::Request => ErrorKind::Invalid,
        }
    }

    /// Why, and what to do about it, where the server's own words would not say.
    fn hint(self) -> &'static str {
        match self {
            Self::NoBucket => ": the bucket is gone",
            Self::Both => ": a path names an object or a folder, not both",
            Self::Refused => ": these keys may not",
            Self::Region => ": the bucket is in another region",
            Self::Unsupported => ": the server cannot do this",
            Self::Condition | Self::NoObject | Self::Request | Self::NoAnswer => "",
        }
    }
}

/// The error of a port for a call that had no condition.
pub(crate) fn failed(doing: impl std::fmt::Display, error: &S3Error) -> Error {
    let cause = Cause::of(error);
    Error::new(cause.kind(), format!("{doing}{}", cause.hint()), Said::of(error))
}

/// What the server said, or what kept it from answering.
///
/// Why not the client's error itself? Each of its layers repeats those below: a person would read one sentence six times.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{0}")]
pub(crate) struct Said(String);

impl Said {
    pub(crate) fn of(error: &S3Error) -> Self {
        if let Some(answer) = Answer::of(error).text.strip_prefix(STATUS) {
            let (status, body) = answer.split_once(": ").unwrap_or((answer, ""));
            let words = match (element(body, "Code"), element(body, "Message")) {
                (Some(code), Some(message)) => format!("{status}: {code}: {message}"),
                (Some(code), None) => format!("{status}: {code}"),
                _ if body.is_empty() => status.to_owned(),
                _ => format!("{status}: {body}"),
            };
            return Self(format!("the server answered {}", words.chars().take(MOST_SAID).collect::<String>()));
        }
        let mut innermost: &dyn StdError = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self(innermost.to_string())
    }
}

/// The text of an element of an answer.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0)
}

/// The status and text that the server answered with, if it did.
#[derive(Default)]
struct Answer {
    status: Option<u16>,
    text: String,
}

impl Answer {
    fn of(error: &S3Error) -> Self {
        let mut next: Option<&dyn StdError> = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            if let Some(answer) = text.strip_prefix(STATUS) {
                return Self { status: answer.get(..3).and_then(|digits| digits.parse().ok()), text };
            }
            if text.starts_with(REDIRECT) {
                return Self { status: Some(301), text };
            }
            next = error.source();
        }
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the client wraps it.
    #[derive(Debug, thiserror::Error)]
    #[error("Error performing PUT http://host/bucket/path in 1s - {0}")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Inner(String);

    fn generic(text: &str) -> S3Error {
        S3Error::Generic { store: "S3", source: Box::new(Outer(Inner(text.to_owned()))) }
    }

    #[test]
    fn a_status_says_what_to_do() {
        use Cause::{Condition, NoAnswer, NoBucket, NoObject, Refused, Region, Request, Unsupported};
        for (answer, cause, kind) in [
            ("400 Bad Request: <Code>InvalidArgument</Code>", Request, ErrorKind::Invalid),
            ("400 Bad Request: <Code>RequestTimeout</Code>", NoAnswer, ErrorKind::Unavailable),
            ("400 Bad Request: <Code>AuthorizationHeaderMalformed</Code>", Region, ErrorKind::Invalid),
            ("401 Unauthorized: ", Refused, ErrorKind::Invalid),
            ("403 Forbidden: <Code>AccessDenied</Code>", Refused, ErrorKind::Invalid),
            ("404 Not Found: <Code>NoSuchKey</Code>", NoObject, ErrorKind::Invalid),
            ("404 Not Found: <Code>NoSuchBucket</Code>", NoBucket, ErrorKind::Invalid),
            ("404 Not Found: <Code>NoSuchUpload</Code>", NoAnswer, ErrorKind::Unavailable),
            ("408 Request Timeout: ", NoAnswer, ErrorKind::Unavailable),
            ("409 Conflict: <Code>OperationAborted</Code>", Condition, ErrorKind::Unavailable),
            ("413 Payload Too Large: ", Request, ErrorKind::Invalid),
            ("429 Too Many Requests: ", NoAnswer, ErrorKind::Unavailable),
            ("500 Internal Server Error: ", NoAnswer, ErrorKind::Unavailable),
            ("501 Not Implemented: ", Unsupported, ErrorKind::Invalid),
            ("503 Service Unavailable: <Code>SlowDown</Code>", NoAnswer, ErrorKind::Unavailable),
        ] {
            let error = generic(&format!("{STATUS}{answer}"));
            assert_eq!((Cause::of(&error), Cause::of(&error).kind()), (cause, kind), "{answer}");
        }
        assert_eq!(Cause::of(&generic("HTTP error: connection refused")), NoAnswer);
        assert_eq!(Cause::of(&generic(&format!("{REDIRECT}, this normally …"))), Region);
    }

    #[test]
    fn a_path_that_is_both_is_told_apart_from_a_condition() {
        let source = || Box::new(Outer(Inner(format!("{STATUS}409 Conflict: <Code>ObjectParentIsFile</Code>"))));
        let error = S3Error::AlreadyExists { path: "a/b".to_owned(), source: source() };
        assert_eq!(Cause::of(&error), Cause::Both);
        let error = failed("write a/b", &error);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.to_string(), "write a/b: a path names an object or a folder, not both");
        let source = error.source().map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("the server answered 409 Conflict: ObjectParentIsFile"));
    }

    #[test]
    fn what_was_said_is_told_once_and_in_short() {
        let said = |text: &str| Said::of(&generic(text)).to_string();
        assert_eq!(said("connection refused"), "connection refused");
        assert_eq!(said(&format!("{STATUS}503 Service Unavailable: ")), "the server answered 503 Service Unavailable");
        let xml = "<Error>\n<Code>SlowDown</Code><Message>Less, please</Message></Error>";
        assert_eq!(said(&format!("{STATUS}503 No: {xml}")), "the server answered 503 No: SlowDown: Less, please");
        assert!(said(&format!("{STATUS}500 : {}", "ü".repeat(5_000))).chars().count() < 600);
    }
}
