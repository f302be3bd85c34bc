//! Times as people read them: RFC 3339 in UTC to the second, `1997-12-04T15:55:49Z`, and nothing else.

use marquee_domain::Timestamp;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serializer};

pub(super) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom("not a time: give UTC to the second, as in 1997-12-04T15:55:49Z"))
}

pub(super) mod optional {
    use super::{Deserializer, Serializer, Timestamp};

    pub(in crate::manifest) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::manifest) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}

/// Reads exactly what [`Timestamp`] displays for the years 0 to 9999.
fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    if bytes.len() != 20 || !separators.iter().all(|&(at, separator)| bytes[at] == separator) {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        if digits.bytes().all(|digit| digit.is_ascii_digit()) { digits.parse::<i64>().ok() } else { None }
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Days from the civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let time = Timestamp::from_seconds(days * 86_400 + hour * 3_600 + minute * 60 + second);
    // A date that is none, such as 30 February or 25:00, comes out as another one.
    (time.to_string() == text).then_some(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_that_are_none_are_refused() {
        for text in [
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:00:60Z",
            "2023-00-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in [
            "",
            "2023-01-01",
            "2023-01-01 00:00:00Z",
            "2023-01-01T00:00:00+00",
            "+023-01-01T00:00:00Z",
            "２０23-01-01T00:0Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back(seconds in -62_000_000_000_i64..250_000_000_000) {
            let time = Timestamp::from_seconds(seconds);
            prop_assert_eq!(parse(&time.to_string()), Some(time));
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in "\\PC{20}") {
            let _ = parse(&text);
        }
    }
}
