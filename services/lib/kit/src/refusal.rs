//! What the protocol libraries refuse before a handler sees it, answered like every other failure: a message that is no protobuf, a path that
//! does not exist, a body that is too large. Left alone, tonic calls the first one our own fault and axum answers the others in plain text.

use axum::body::to_bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use marquee_domain::Reason;
use tonic::{Code, Status};

use crate::{Failure, Kind};

/// Longest text of a library that is passed on.
const LONGEST: usize = 4 << 10;

/// What a caller did wrong, where tonic blames the server for a message that it could not read. None: the status says something else.
///
/// tonic gives such a status to whoever reads a stream of requests; answers of unary calls pass through here by themselves.
pub fn unreadable(status: &Status) -> Option<Failure> {
    let message = status.message();
    match status.code() {
        Code::Internal if message.starts_with("failed to decode Protobuf message") => {
            let fix = format!("is no protobuf message of this call ({message}): check what was encoded");
            Some(Failure::field("body", Reason::Malformed, fix))
        }
        Code::Internal
            if message.starts_with("protocol error:")
                || message.starts_with("Unexpected EOF decoding stream")
                || message.starts_with("Missing request message") =>
        {
            let message = message.trim_end_matches('.');
            let fix =
                format!("is no gRPC message ({message}): send a flag of 0, the length in four bytes and the message");
            Some(Failure::field("body", Reason::Malformed, fix))
        }
        Code::OutOfRange if message.starts_with("Error, decoded message length too large") => {
            let (_, sizes) = message.split_once("found ").unwrap_or(("", message));
            Some(Failure::field("body", Reason::TooLong, format!("has {sizes}: send less at once")))
        }
        _ => None,
    }
}

/// An answer over gRPC, with the blame where it belongs.
pub(crate) fn grpc(response: Response) -> Response {
    let failure = Status::from_header_map(response.headers()).and_then(|status| unreadable(&status));
    failure.map_or(response, |failure| Status::from(failure).into_http())
}

/// An answer over HTTP; a refusal in plain text becomes one in JSON with the same status.
pub(crate) async fn http(response: Response, method: &str, path: &str) -> Response {
    let status = response.status();
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
    if json || !status.is_client_error() {
        return response;
    }
    let failure = match status {
        StatusCode::NOT_FOUND => Failure::new(Kind::NotFound, format!("nothing is served at '{path}': check the path")),
        // The router adds that header to whatever is answered here.
        StatusCode::METHOD_NOT_ALLOWED => {
            let message = format!(
                "'{path}' does not accept {method}; the allow header of this response lists the methods that it accepts"
            );
            Failure::new(Kind::InvalidArgument, message)
        }
        StatusCode::PAYLOAD_TOO_LARGE => Failure::field("body", Reason::TooLong, "is too large: send less at once"),
        _ => {
            // A text that cannot be read back is no loss: the status says the most.
            let text = to_bytes(response.into_body(), LONGEST).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            Failure::field(
                "request",
                Reason::Malformed,
                format!("cannot be read ({text}): check the path, the query and the body"),
            )
        }
    };
    let mut answer = failure.into_response();
    *answer.status_mut() = status;
    answer
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
        let answer = grpc(status.into_http());
        assert_eq!(Status::from_header_map(answer.headers()).expect("a status").code(), Code::InvalidArgument);
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
