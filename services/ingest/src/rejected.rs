//! A copy of what was rejected, as a record of the rejected topic. The value is the original;
//! headers say why it was rejected and where it came from.

use bytes::Bytes;
use marquee_domain::{Timestamp, Violation};
use marquee_ports::NewRecord;
use marquee_proto::record;

/// The API that a value came through.
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

/// The longest original that is kept. The log takes records of up to 1 MiB, headers included.
const MAX_ORIGINAL: usize = 1_000_000;

/// The longest message that is kept, in characters. Messages may quote what they refuse, and the
/// log takes only 64 KiB of headers.
const MAX_MESSAGE: usize = 4_096;

/// The most reasons that are listed.
const MAX_REASONS: usize = 32;

/// Returns the record of the rejected topic for an original.
pub(crate) fn rejection(
    original: Bytes,
    content_type: &str,
    violations: &[Violation],
    source: Source,
    now: Timestamp,
) -> NewRecord {
    let reasons: Vec<&str> = violations.iter().take(MAX_REASONS).map(|violation| violation.reason.as_str()).collect();
    let text: Vec<String> =
        violations.iter().map(|violation| format!("{} {}", violation.field, violation.description)).collect();
    let message: String = text.join("; ").chars().take(MAX_MESSAGE).collect();
    let mut headers = vec![
        (record::CONTENT_TYPE.to_owned(), Bytes::copy_from_slice(content_type.as_bytes())),
        ("reason".to_owned(), Bytes::from(reasons.join(","))),
        ("message".to_owned(), Bytes::from(message)),
        ("source".to_owned(), Bytes::from_static(source.as_str().as_bytes())),
    ];
    if let Some(parent) = marquee_kit::telemetry::traceparent() {
        headers.push(("traceparent".to_owned(), Bytes::from(parent)));
    }
    let value = if original.len() > MAX_ORIGINAL {
        headers.push(("truncated-from".to_owned(), Bytes::from(original.len().to_string())));
        original.slice(..MAX_ORIGINAL)
    } else {
        original
    };
    NewRecord { key: None, value, headers, timestamp: now }
}

#[cfg(test)]
mod tests {
    use marquee_domain::Reason;

    use super::*;

    #[test]
    fn a_long_original_and_a_long_message_are_cut_to_what_the_log_takes() {
        let violations = vec![Violation::new("body", Reason::Malformed, "x".repeat(200_000))];
        let original = Bytes::from(vec![b'x'; 2_000_000]);
        let copy = rejection(original, record::JSON, &violations, Source::Http, Timestamp::EPOCH);
        assert_eq!(copy.value.len(), MAX_ORIGINAL);
        assert!(copy.headers.contains(&("truncated-from".to_owned(), Bytes::from_static(b"2000000"))));
        let headers: usize = copy.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(headers < 64 << 10, "{headers} bytes of headers");
    }
}
