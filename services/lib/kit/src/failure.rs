//! The kinds of request failures, and the status of each over gRPC and over HTTP.
//!
//! A handler turns the errors of its role into a [`Failure`]. Nothing else chooses status codes.
//! When a failure becomes an answer, its chain of causes is logged. The answer itself does not
//! contain the causes.

use std::fmt::Write as _;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use marquee_domain::{Reason, Violation};
use serde::{Deserialize, Serialize};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// The request is not valid, and sending it again does not help.
    InvalidArgument,
    /// Something that the request names does not exist.
    NotFound,
    /// The system is not in a state that allows the request.
    FailedPrecondition,
    /// Another caller made a change first. The caller should read again before it retries.
    Aborted,
    /// There are too many requests or a quota is used up. The caller should retry later.
    ResourceExhausted,
    /// The caller did not prove who it is.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// The process does not serve the method.
    Unimplemented,
    /// A dependency is not available. The caller should retry.
    Unavailable,
    /// The request took too long.
    DeadlineExceeded,
    /// The process is shutting down, or the caller canceled the request.
    Cancelled,
    /// A defect of the server.
    #[default]
    Internal,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::InvalidArgument,
        Self::NotFound,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::ResourceExhausted,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::Unimplemented,
        Self::Unavailable,
        Self::DeadlineExceeded,
        Self::Cancelled,
        Self::Internal,
    ];

    /// Returns the gRPC code.
    pub fn code(self) -> Code {
        match self {
            Self::InvalidArgument => Code::InvalidArgument,
            Self::NotFound => Code::NotFound,
            Self::FailedPrecondition => Code::FailedPrecondition,
            Self::Aborted => Code::Aborted,
            Self::ResourceExhausted => Code::ResourceExhausted,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::PermissionDenied => Code::PermissionDenied,
            Self::Unimplemented => Code::Unimplemented,
            Self::Unavailable => Code::Unavailable,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::Cancelled => Code::Cancelled,
            Self::Internal => Code::Internal,
        }
    }

    /// Returns the HTTP status. It follows google.rpc.Code, except that a canceled request becomes
    /// 503.
    pub fn http(self) -> StatusCode {
        match self {
            Self::InvalidArgument | Self::FailedPrecondition => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Aborted => StatusCode::CONFLICT,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable | Self::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the canonical upper-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::NotFound => "NOT_FOUND",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Unavailable => "UNAVAILABLE",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Cancelled => "CANCELLED",
            Self::Internal => "INTERNAL",
        }
    }

    /// Returns the kind for a gRPC code. Codes that no kind has become [`Kind::Internal`].
    pub fn from_code(code: Code) -> Self {
        Self::ALL.into_iter().find(|kind| kind.code() == code).unwrap_or(Self::Internal)
    }
}

/// The JSON form of a [`Violation`].
#[derive(Debug, Serialize, Deserialize)]
struct BodyViolation {
    field: String,
    reason: String,
    description: String,
}

impl From<Violation> for BodyViolation {
    fn from(violation: Violation) -> Self {
        let Violation { field, reason, description } = violation;
        Self { field, reason: reason.as_str().to_owned(), description }
    }
}

/// A failed request, ready to be answered over gRPC or HTTP.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    kind: Kind,
    message: String,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
    quota_of: Option<String>,
    /// The status over HTTP, if it is not that of the kind.
    http: Option<StatusCode>,
    /// The chain of causes, for the log. The caller never receives it.
    cause: Option<String>,
}

impl Failure {
    /// Creates a failure with a message for the caller.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), ..Self::default() }
    }

    /// Creates the failure of a request with invalid fields.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let mut message = String::new();
        for violation in violations.iter().take(5) {
            let separator = if message.is_empty() { "" } else { "; " };
            let _ = write!(message, "{separator}{} {}", violation.field, violation.description);
        }
        if violations.len() > 5 {
            let _ = write!(message, "; and {} more", violations.len() - 5);
        }
        Self { kind: Kind::InvalidArgument, message, violations, ..Self::default() }
    }

    /// Creates the failure of a request with one invalid field.
    pub fn field(field: impl Into<String>, reason: Reason, description: impl Into<String>) -> Self {
        Self::invalid(vec![Violation::new(field, reason, description)])
    }

    /// Creates a failure for a defect of the server. Its causes are logged when it is answered. The
    /// caller learns only what was being done.
    pub fn internal(doing: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(Kind::Internal, format!("failed to {doing}")).caused_by(error)
    }

    /// Creates a failure for a dependency that is not available. Its causes are logged when it is
    /// answered. The caller is told to try again.
    pub fn unavailable(doing: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(Kind::Unavailable, format!("could not {doing}: try again"))
            .retry_after(Duration::from_millis(500))
            .caused_by(error)
    }

    /// Adds the chain of causes, for the log.
    #[must_use]
    fn caused_by(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        self.cause = Some(chain(error));
        self
    }

    /// Logs the causes once, when the failure becomes an answer.
    fn log(&self) {
        let Some(cause) = &self.cause else { return };
        match self.kind {
            Kind::Internal => tracing::error!(error = cause, "{}", self.message),
            _ => tracing::warn!(error = cause, "{}", self.message),
        }
    }

    /// Sets the time after which the caller may retry.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Sets the status over HTTP, where it says more than the kind.
    #[must_use]
    pub fn answered_as(mut self, status: StatusCode) -> Self {
        self.http = Some(status);
        self
    }

    /// Sets the owner of the quota that is used up, as in google.rpc.QuotaFailure: `client:NAME`.
    #[must_use]
    pub fn quota_of(mut self, subject: impl Into<String>) -> Self {
        self.quota_of = Some(subject.into());
        self
    }

    /// Returns the kind of the failure.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the message for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the violations of the fields.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Returns the time after which the caller may retry.
    pub fn delay(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the owner of the quota that is used up.
    pub fn quota(&self) -> Option<&str> {
        self.quota_of.as_deref()
    }

    /// Converts a status that a Marquee server answered.
    pub fn from_status(status: &Status) -> Self {
        let details = status.get_error_details();
        let reasons = details.error_info().map(|info| info.metadata.clone()).unwrap_or_default();
        let violations = details
            .bad_request()
            .map(|bad| bad.field_violations.as_slice())
            .unwrap_or_default()
            .iter()
            .map(|violation| Violation {
                field: violation.field.clone(),
                reason: reasons.get(&violation.field).map_or(Reason::Unspecified, |name| Reason::parse(name)),
                description: violation.description.clone(),
            })
            .collect();
        Self {
            kind: Kind::from_code(status.code()),
            message: status.message().to_owned(),
            violations,
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            quota_of: details.quota_failure().and_then(|quota| Some(quota.violations.first()?.subject.clone())),
            http: None,
            cause: None,
        }
    }
}

/// Formats an error and its causes in one line, for logs and for people.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        failure.log();
        let mut details = ErrorDetails::new();
        if !failure.violations.is_empty() {
            let reasons = failure.violations.iter().map(|v| (v.field.clone(), v.reason.as_str().to_owned()));
            details.set_error_info(
                failure.kind.name(),
                "marquee",
                reasons.collect::<std::collections::HashMap<_, _>>(),
            );
        }
        for violation in &failure.violations {
            details.add_bad_request_violation(&violation.field, &violation.description);
        }
        if let Some(after) = failure.retry_after {
            details.set_retry_info(Some(after));
        }
        if let Some(subject) = failure.quota_of {
            details.add_quota_failure_violation(subject, &failure.message);
        }
        Status::with_error_details(failure.kind.code(), failure.message, details)
    }
}

/// The message of a failure, among the extensions of its HTTP answer. An API whose errors have
/// another form makes its own body from it.
#[derive(Debug, Clone)]
pub struct FailureMessage(pub String);

/// The JSON body of a failed HTTP request.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    error: BodyError,
}

#[derive(Debug, Serialize, Deserialize)]
struct BodyError {
    code: String,
    message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    violations: Vec<BodyViolation>,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.log();
        let violations = self.violations.into_iter().map(BodyViolation::from).collect();
        let told = FailureMessage(self.message.clone());
        let error = BodyError { code: self.kind.name().to_owned(), message: self.message, violations };
        let status = self.http.unwrap_or_else(|| self.kind.http());
        let mut response = (status, Json(Body { error })).into_response();
        response.extensions_mut().insert(told);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs_f64().ceil().max(1.0) as u64;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_survives_the_way_over_grpc() {
        let sent = Failure::field("rating", Reason::OffScale, "is 9, off the scale: give one from 1 to 5");
        let received = Failure::from_status(&Status::from(sent.clone()));
        assert_eq!(received.kind(), Kind::InvalidArgument);
        assert_eq!(received.violations(), sent.violations());
        assert_eq!(received.message(), "rating is 9, off the scale: give one from 1 to 5");
    }

    #[test]
    fn retry_advice_and_quota_survive_the_way_over_grpc() {
        let after = Duration::from_nanos(1_234_567_890);
        let sent = Failure::new(Kind::ResourceExhausted, "used up").quota_of("client:ann").retry_after(after);
        let received = Failure::from_status(&Status::from(sent));
        assert_eq!((received.delay(), received.quota()), (Some(after), Some("client:ann")));
    }

    #[test]
    fn http_answers_carry_the_retry_advice() {
        let response = Failure::new(Kind::ResourceExhausted, "queue is full")
            .retry_after(Duration::from_millis(200))
            .into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }

    #[test]
    fn every_kind_has_one_code() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), kind);
        }
    }
}
