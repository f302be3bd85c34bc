//! The deadline of a call.

use std::time::Duration;

use tonic::metadata::MetadataMap;

/// How long a call without a deadline may wait.
const DEFAULT: Duration = Duration::from_secs(1);

/// Returns the time that the caller gives the call, from `grpc-timeout`, or one second.
pub(super) fn time_left(metadata: &MetadataMap) -> Duration {
    metadata.get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?)).unwrap_or(DEFAULT)
}

/// Parses a timeout of gRPC over HTTP/2: at most eight digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3_600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("250m", Some(Duration::from_millis(250))),
            ("7u", Some(Duration::from_micros(7))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("999999999n", None),
            ("+1S", None),
            ("S", None),
            ("1", None),
            ("1s", None),
            ("", None),
            ("1µ", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_call_without_a_timeout_has_a_second() {
        let mut metadata = MetadataMap::new();
        assert_eq!(time_left(&metadata), DEFAULT);
        metadata.insert("grpc-timeout", "5S".parse().expect("a value"));
        assert_eq!(time_left(&metadata), Duration::from_secs(5));
        metadata.insert("grpc-timeout", "soon".parse().expect("a value"));
        assert_eq!(time_left(&metadata), DEFAULT);
    }
}
