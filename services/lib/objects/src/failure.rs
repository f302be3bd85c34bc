//! Translates failures of S3 into the errors of the port.

use std::error::Error as StdError;

use marquee_ports::{Error, ErrorKind};
use object_store::Error as S3Error;
use thiserror::Error as ThisError;

/// The beginning of the client's message for an answer that is not a success. The type of that
/// error is private to the client, so the text is the only way to recognize it. If the text
/// changed, every failure would look like a server that does not answer, and the tests with real
/// servers would fail.
const STATUS: &str = "Server returned non-2xx status code: ";

/// The client's message for an answer from another region.
const REDIRECT: &str = "Received redirect without LOCATION";

/// Largest number of characters of an answer that a message repeats.
const LONGEST_MESSAGE: usize = 500;

/// The cause of a failure, as far as callers handle it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A condition did not hold, or another write of the object was in progress.
    Condition,
    /// The object does not exist.
    NoObject,
    /// The bucket does not exist.
    NoBucket,
    /// The path is both an object and a folder, which the server does not allow.
    Both,
    /// The keys are right and do not permit the call.
    Refused,
    /// The access key is unknown, or its secret is another one.
    Keys,
    /// The session token has expired or is not valid.
    Token,
    /// The clock of this machine differs from that of the server.
    Clock,
    /// The bucket is in another region.
    Region,
    /// The server does not support the call.
    Unsupported,
    /// The request is invalid.
    Request,
    /// The server asks to send less, or is overloaded. The same call may succeed later.
    Busy,
    /// There is no answer, or the server failed. The same call may succeed later.
    NoAnswer,
}

/// The codes of S3 that tell more than the status.
const CODES: [(&str, Cause); 27] = [
    ("ObjectParentIsFile", Cause::Both),
    ("ExistingObjectIsDirectory", Cause::Both),
    ("ObjectExistsAsDirectory", Cause::Both),
    ("RequestTimeTooSkewed", Cause::Clock),
    ("RequestExpired", Cause::Clock),
    ("InvalidAccessKeyId", Cause::Keys),
    ("SignatureDoesNotMatch", Cause::Keys),
    ("InvalidClientTokenId", Cause::Keys),
    ("UnrecognizedClientException", Cause::Keys),
    ("ExpiredToken", Cause::Token),
    ("ExpiredTokenException", Cause::Token),
    ("InvalidToken", Cause::Token),
    ("TokenRefreshRequired", Cause::Token),
    ("SlowDown", Cause::Busy),
    ("SlowDownRead", Cause::Busy),
    ("SlowDownWrite", Cause::Busy),
    ("Throttling", Cause::Busy),
    ("ThrottlingException", Cause::Busy),
    ("RequestLimitExceeded", Cause::Busy),
    ("TooManyRequests", Cause::Busy),
    ("NoSuchBucket", Cause::NoBucket),
    // It is unknown whether the missing upload was completed or aborted. Writing again is right in
    // both cases.
    ("NoSuchUpload", Cause::NoAnswer),
    // Amazon's answer to content that arrives too slowly.
    ("RequestTimeout", Cause::NoAnswer),
    ("AuthorizationHeaderMalformed", Cause::Region),
    ("PermanentRedirect", Cause::Region),
    ("IncorrectEndpoint", Cause::Region),
    ("IllegalLocationConstraintException", Cause::Region),
];

impl Cause {
    pub(crate) fn of(error: &S3Error) -> Self {
        let answer = Answer::of(error);
        // Servers over a file system answer 409 for a path that is both, which is no condition.
        if let Some(cause) = answer.cause() {
            return cause;
        }
        match error {
            S3Error::Precondition { .. } | S3Error::AlreadyExists { .. } | S3Error::NotModified { .. } => {
                Self::Condition
            }
            S3Error::PermissionDenied { .. } | S3Error::Unauthenticated { .. } => Self::Refused,
            S3Error::NotSupported { .. } | S3Error::NotImplemented { .. } => Self::Unsupported,
            S3Error::InvalidPath { .. } | S3Error::UnknownConfigurationKey { .. } => Self::Request,
            // Listings report every status as a generic failure.
            _ => match answer.status {
                Some(301 | 307) => Self::Region,
                Some(401 | 403) => Self::Refused,
                Some(404) => Self::NoObject,
                Some(409 | 412) => Self::Condition,
                Some(501) => Self::Unsupported,
                Some(408) => Self::NoAnswer,
                Some(429 | 503) => Self::Busy,
                Some(400..=499) => Self::Request,
                _ if matches!(error, S3Error::NotFound { .. }) => Self::NoObject,
                _ => Self::NoAnswer,
            },
        }
    }

    /// Returns the kind of error for a call without a condition.
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            // Another write of this object was in progress, or the server has no time.
            Self::Condition | Self::Busy | Self::NoAnswer => ErrorKind::Unavailable,
            // A clock is set and a token is renewed while the process runs.
            Self::Clock | Self::Token => ErrorKind::Unavailable,
            // A repeated call does not help with the rest, and the stored data is intact. An
            // operator must act.
            Self::NoObject
            | Self::NoBucket
            | Self::Both
            | Self::Refused
            | Self::Keys
            | Self::Region
            | Self::Unsupported
            | Self::Request => ErrorKind::Invalid,
        }
    }

    /// Returns an explanation for causes where the message of the server does not explain enough.
    fn hint(self) -> &'static str {
        match self {
            Self::NoBucket => ": the bucket does not exist",
            Self::Both => ": a path names an object or a folder, not both",
            Self::Refused => ": the keys do not permit it",
            Self::Keys => ": the access key or its secret is wrong",
            Self::Token => ": the session token has expired or is not valid; renew it",
            Self::Clock => ": the clock of this machine differs from that of the server; set it right",
            Self::Busy => ": the server is overloaded or asks to slow down",
            Self::Region => ": the bucket is in another region",
            Self::Unsupported => ": the server does not support it",
            Self::Condition | Self::NoObject | Self::Request | Self::NoAnswer => "",
        }
    }
}

/// Returns the port's error for a call without a condition.
pub(crate) fn failed(doing: impl std::fmt::Display, error: &S3Error) -> Error {
    let cause = Cause::of(error);
    Error::new(cause.kind(), format!("{doing}{}", cause.hint()), Message::of(error))
}

/// The message of the server, or the reason why there is no answer.
///
/// The client's own error is not used, because each of its layers repeats the message of the layers
/// below.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{0}")]
pub(crate) struct Message(String);

impl Message {
    pub(crate) fn of(error: &S3Error) -> Self {
        if let Some(answer) = Answer::of(error).text.strip_prefix(STATUS) {
            let (status, body) = answer.split_once(": ").unwrap_or((answer, ""));
            let words = match (element(body, "Code"), element(body, "Message")) {
                (Some(code), Some(message)) => format!("{status}: {code}: {message}"),
                (Some(code), None) => format!("{status}: {code}"),
                _ if body.is_empty() => status.to_owned(),
                _ => format!("{status}: {body}"),
            };
            return Self(format!("the server answered {}", words.chars().take(LONGEST_MESSAGE).collect::<String>()));
        }
        let mut innermost: &dyn StdError = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self(innermost.to_string())
    }
}

/// Returns the text of an XML element of an answer.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0)
}

/// Status and text of the server's answer. Both are empty if there was no answer.
#[derive(Default)]
struct Answer {
    status: Option<u16>,
    text: String,
}

impl Answer {
    /// Returns the cause that the code of the answer names. Only the code is looked at, since the
    /// rest of the answer repeats the names of objects.
    fn cause(&self) -> Option<Cause> {
        let code = element(&self.text, "Code")?.trim();
        if code == "SignatureDoesNotMatch" || code == "AccessDenied" {
            let message = element(&self.text, "Message").unwrap_or_default();
            if ["Signature not yet current", "Signature expired", "Request has expired"]
                .iter()
                .any(|m| message.contains(m))
            {
                return Some(Cause::Clock);
            }
        }
        CODES.iter().find(|(known, _)| *known == code).map(|(_, cause)| *cause)
    }

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

    /// An error as the client wraps it.
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
    fn a_status_decides_the_cause() {
        use Cause::{
            Busy, Clock, Condition, Keys, NoAnswer, NoBucket, NoObject, Refused, Region, Request, Token, Unsupported,
        };
        for (answer, cause, kind) in [
            ("400 Bad Request: <Code>InvalidArgument</Code>", Request, ErrorKind::Invalid),
            ("400 Bad Request: <Code>RequestTimeout</Code>", NoAnswer, ErrorKind::Unavailable),
            ("400 Bad Request: <Code>AuthorizationHeaderMalformed</Code>", Region, ErrorKind::Invalid),
            ("400 Bad Request: <Code>ExpiredToken</Code>", Token, ErrorKind::Unavailable),
            ("400 Bad Request: <Code>InvalidToken</Code><Token-0>FwoG</Token-0>", Token, ErrorKind::Unavailable),
            ("401 Unauthorized: ", Refused, ErrorKind::Invalid),
            ("403 Forbidden: <Code>AccessDenied</Code>", Refused, ErrorKind::Invalid),
            (
                "403 Forbidden: <Code>AccessDenied</Code><Message>Request has expired</Message>",
                Clock,
                ErrorKind::Unavailable,
            ),
            ("403 Forbidden: <Code>InvalidAccessKeyId</Code>", Keys, ErrorKind::Invalid),
            ("403 Forbidden: <Code>SignatureDoesNotMatch</Code>", Keys, ErrorKind::Invalid),
            ("403 Forbidden: <Code>RequestTimeTooSkewed</Code>", Clock, ErrorKind::Unavailable),
            ("403 Forbidden: ", Refused, ErrorKind::Invalid),
            ("404 Not Found: <Code>NoSuchKey</Code>", NoObject, ErrorKind::Invalid),
            ("404 Not Found: <Code>NoSuchKey</Code><Key>a/NoSuchBucket</Key>", NoObject, ErrorKind::Invalid),
            ("404 Not Found: <Code>NoSuchBucket</Code>", NoBucket, ErrorKind::Invalid),
            ("404 Not Found: <Code>NoSuchUpload</Code>", NoAnswer, ErrorKind::Unavailable),
            ("408 Request Timeout: ", NoAnswer, ErrorKind::Unavailable),
            ("409 Conflict: <Code>OperationAborted</Code>", Condition, ErrorKind::Unavailable),
            ("412 Precondition Failed: <Code>PreconditionFailed</Code>", Condition, ErrorKind::Unavailable),
            ("413 Payload Too Large: ", Request, ErrorKind::Invalid),
            ("429 Too Many Requests: ", Busy, ErrorKind::Unavailable),
            ("500 Internal Server Error: ", NoAnswer, ErrorKind::Unavailable),
            ("501 Not Implemented: ", Unsupported, ErrorKind::Invalid),
            ("503 Service Unavailable: <Code>SlowDown</Code>", Busy, ErrorKind::Unavailable),
            ("503 Service Unavailable: ", Busy, ErrorKind::Unavailable),
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
    fn a_hint_tells_the_causes_apart() {
        let said =
            |code: &str| failed("read a", &generic(&format!("{STATUS}403 Forbidden: <Code>{code}</Code>"))).to_string();
        assert_eq!(said("AccessDenied"), "read a: the keys do not permit it");
        assert_eq!(said("InvalidAccessKeyId"), "read a: the access key or its secret is wrong");
        assert!(said("ExpiredToken").contains("session token"));
        assert!(said("RequestTimeTooSkewed").contains("clock"));
        assert!(said("SlowDown").contains("slow down"));
    }

    #[test]
    fn a_message_is_shown_once_and_shortened() {
        let said = |text: &str| Message::of(&generic(text)).to_string();
        assert_eq!(said("connection refused"), "connection refused");
        assert_eq!(said(&format!("{STATUS}503 Service Unavailable: ")), "the server answered 503 Service Unavailable");
        let xml = "<Error>\n<Code>SlowDown</Code><Message>Less, please</Message></Error>";
        assert_eq!(said(&format!("{STATUS}503 No: {xml}")), "the server answered 503 No: SlowDown: Less, please");
        assert!(said(&format!("{STATUS}500 : {}", "ü".repeat(5_000))).chars().count() < 600);
    }
}
