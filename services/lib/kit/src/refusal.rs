//! Answers for requests that the protocol libraries refuse before a handler sees them.
//!
//! Examples are a message that is not protobuf, a path that does not exist, or a body that is too
//! large. They are answered like every other failure. Without this module, tonic would report the
//! first one as an internal error, and axum would answer the others in plain text.

use axum::body::to_bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use marquee_domain::Reason;
use tonic::{Code, Status};

use crate::{Failure, Kind};

/// The longest text of a library that is passed on.
const LONGEST: usize = 4 << 10;

/// Returns the failure of a caller whose message tonic could not read, or `None` when the status
/// has another cause. tonic reports such a message as an error of the server.
///
/// tonic returns such a status to the handler that reads a stream of requests. For unary calls,
/// this layer sees it in the answer.
pub fn unreadable(status: &Status) -> Option<Failure> {
    let message = status.message();
    match status.code() {
        Code::Internal if message.starts_with("failed to decode Protobuf message") => {
            let fix = format!("is not a protobuf message of this call ({message}); check how it was encoded");
            Some(Failure::field("body", Reason::Malformed, fix))
        }
        Code::Internal
            if message.starts_with("protocol error:")
                || message.starts_with("Unexpected EOF decoding stream")
                || message.starts_with("Missing request message") =>
        {
            let message = message.trim_end_matches('.');
            let fix = format!(
                "is not a gRPC message ({message}); send a flag of 0, the length in four bytes, and the message"
            );
            Some(Failure::field("body", Reason::Malformed, fix))
        }
        Code::OutOfRange if message.starts_with("Error, decoded message length too large") => {
            let (_, sizes) = message.split_once("found ").unwrap_or(("", message));
            Some(Failure::field("body", Reason::TooLong, format!("has {sizes}: send less at once")))
        }
        _ => None,
    }
}

/// Corrects the status of an answer over gRPC, if the caller sent an unreadable message or called a
/// method that does not exist.
pub(crate) fn grpc(response: Response, path: &str) -> Response {
    let Some(status) = Status::from_header_map(response.headers()) else { return response };
    if status.code() == Code::Unimplemented && status.message().is_empty() {
        let path: String = path.chars().take(200).collect();
        let message = format!(
            "this process does not serve {path}: check the name of the method, and whether the role that serves it \
             runs at another address"
        );
        return Status::from(Failure::new(Kind::Unimplemented, message)).into_http();
    }
    unreadable(&status).map_or(response, |failure| Status::from(failure).into_http())
}

/// Converts an answer over HTTP: a refusal in plain text becomes JSON with the same status.
pub(crate) async fn http(response: Response, method: &str, path: &str) -> Response {
    let status = response.status();
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
    if json || !status.is_client_error() {
        return response;
    }
    let failure = match status {
        StatusCode::NOT_FOUND => Failure::new(Kind::NotFound, format!("nothing is served at '{path}': check the path")),
        // The router adds the `allow` header to the answer.
        StatusCode::METHOD_NOT_ALLOWED => {
            let message = format!(
                "'{path}' does not accept {method}; the allow header of this response lists the methods that it accepts"
            );
            Failure::new(Kind::InvalidArgument, message)
        }
        StatusCode::PAYLOAD_TOO_LARGE => Failure::field("body", Reason::TooLong, "is too large: send less at once"),
        _ => {
            // If the text cannot be read, it is left out. The status says enough.
            let text = to_bytes(response.into_body(), LONGEST).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            Failure::field(
                "request",
                Reason::Malformed,
                format!("cannot be read ({text}): check the path, the query and the body"),
            )
        }
    };
    failure.answered_as(status).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_no_protobuf_is_the_callers_fault() {
        let status = Status::internal("failed to decode Protobuf message: invalid tag value: 0");
        let failure = unreadable(&status).expect("a failure");
        assert_eq!(failure.kind(), Kind::InvalidArgument);
        assert_eq!(failure.violations()[0].reason, Reason::Malformed);
        let answer = grpc(status.into_http(), "/a.A/B");
        assert_eq!(Status::from_header_map(answer.headers()).expect("a status").code(), Code::InvalidArgument);
    }

    #[test]
    fn a_method_that_is_not_served_stays_unimplemented_and_says_so() {
        let answer = grpc(Status::unimplemented("").into_http(), "/a.A/B");
        let status = Status::from_header_map(answer.headers()).expect("a status");
        assert_eq!(Failure::from_status(&status).kind(), Kind::Unimplemented);
        assert!(status.message().contains("does not serve /a.A/B"), "{status}");
        let own = grpc(Status::unimplemented("compressed with br").into_http(), "/a.A/B");
        assert_eq!(Status::from_header_map(own.headers()).expect("a status").message(), "compressed with br");
    }

    #[test]
    fn our_own_faults_stay_ours() {
        assert!(unreadable(&Status::internal("failed to write to the log")).is_none());
        assert!(unreadable(&Status::out_of_range("position")).is_none());
    }

    #[tokio::test]
    async fn a_refusal_in_plain_text_becomes_json_and_keeps_its_status() {
        let answer = http(StatusCode::METHOD_NOT_ALLOWED.into_response(), "PUT", "/v1/scale").await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        let body = to_bytes(answer.into_body(), LONGEST).await.expect("a body");
        let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(json["error"]["code"], "INVALID_ARGUMENT");
    }
}
