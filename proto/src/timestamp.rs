//! google.protobuf.Timestamp with the JSON form that proto3 requires: RFC 3339 in UTC, with `Z`.

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};

/// The first and the last second of the years 1 to 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A point in time, as the wire has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Timestamp {
    /// Seconds since 1970.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// The fraction of the second, from 0 to 999,999,999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl Timestamp {
    /// Returns whether the time is one that google.protobuf.Timestamp may have.
    pub(crate) fn is_valid(&self) -> bool {
        SECONDS.contains(&self.seconds) && (0..1_000_000_000).contains(&self.nanos)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.is_valid() {
            return Err(S::Error::custom("the time lies outside the years 1 to 9999"));
        }
        serializer.serialize_str(&text(self.seconds, self.nanos))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pbjson_types::Timestamp { seconds, nanos } = pbjson_types::Timestamp::deserialize(deserializer)?;
        Ok(Self { seconds, nanos })
    }
}

/// Returns a time as text, with no, three, six or nine digits of a fraction.
fn text(seconds: i64, nanos: i32) -> String {
    let mut text = marquee_domain::Timestamp::from_seconds(seconds).to_string();
    // The Z, which follows the fraction.
    text.pop();
    // Writing to a string cannot fail.
    let _ = match nanos {
        0 => Ok(()),
        _ if nanos % 1_000_000 == 0 => write!(text, ".{:03}", nanos / 1_000_000),
        _ if nanos % 1_000 == 0 => write!(text, ".{:06}", nanos / 1_000),
        _ => write!(text, ".{nanos:09}"),
    };
    text.push('Z');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_utc_with_a_z() {
        for (seconds, nanos, expected) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (1_714_566_600, 500_000_000, "2024-05-01T12:30:00.500Z"),
            (1_709_164_800, 1_000, "2024-02-29T00:00:00.000001Z"),
            (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
            (*SECONDS.start(), 0, "0001-01-01T00:00:00Z"),
            (*SECONDS.end(), 0, "9999-12-31T23:59:59Z"),
        ] {
            let time = Timestamp { seconds, nanos };
            let json = serde_json::to_value(time).expect("in range");
            assert_eq!(json, expected);
            assert_eq!(serde_json::from_value::<Timestamp>(json).expect("reads back"), time);
        }
        assert!(serde_json::to_value(Timestamp { seconds: i64::MAX, nanos: 0 }).is_err());
        let offset: Timestamp = serde_json::from_value("2024-05-01T14:30:00+02:00".into()).expect("an offset");
        assert_eq!((offset.seconds, offset.nanos), (1_714_566_600, 0));
    }

    proptest::proptest! {
        #[test]
        fn every_time_reads_back(seconds in SECONDS, nanos in 0..1_000_000_000) {
            let time = Timestamp { seconds, nanos };
            let json = serde_json::to_string(&time).expect("in range");
            proptest::prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("reads back"), time);
        }
    }
}
