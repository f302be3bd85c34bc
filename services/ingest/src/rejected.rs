//! What could not be accepted, as a record of the rejected topic: the original bytes, and in headers why and from where.

use bytes::Bytes;
use marquee_domain::{Timestamp, Violation};
use marquee_ports::NewRecord;
use marquee_proto::record;

/// The door that a value came through.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    Grpc,
    Http,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }
}

/// Longest original kept; the log takes a mebibyte a record, headers included.
const LONGEST: usize = 1_000_000;

/// A record of the rejected topic.
pub(crate) fn rejection(
    original: Bytes,
    content_type: &str,
    violations: &[Violation],
    source: Source,
    now: Timestamp,
) -> NewRecord {
    let reasons: Vec<&str> = violations.iter().map(|violation| violation.reason.as_str()).collect();
    let text: Vec<String> =
        violations.iter().map(|violation| format!("{} {}", violation.field, violation.description)).collect();
    let mut headers = vec![
        (record::CONTENT_TYPE.to_owned(), Bytes::copy_from_slice(content_type.as_bytes())),
        ("reason".to_owned(), Bytes::from(reasons.join(","))),
        ("message".to_owned(), Bytes::from(text.join("; "))),
        ("source".to_owned(), Bytes::from_static(source.as_str().as_bytes())),
    ];
    if let Some(parent) = marquee_kit::telemetry::traceparent() {
        headers.push(("traceparent".to_owned(), Bytes::from(parent)));
    }
    let value = if original.len() > LONGEST {
        headers.push(("truncated-from".to_owned(), Bytes::from(original.len().to_string())));
        original.slice(..LONGEST)
    } else {
        original
    };
    NewRecord { key: None, value, headers, timestamp: now }
}
