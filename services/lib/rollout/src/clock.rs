//! Times in the stored forms: RFC 3339 in UTC to the microsecond, which people and Kubernetes read.

/// The form of a time.
pub(crate) mod rfc3339 {
    use marquee_domain::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text).ok_or_else(|| de::Error::custom(format!("'{text}' is not a time of RFC 3339")))
    }
}

/// The form of a time that may be absent.
pub(crate) mod rfc3339_option {
    use marquee_domain::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_some(&super::format(*time)),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let time = Timestamp::parse(&text);
        time.map(Some).ok_or_else(|| de::Error::custom(format!("'{text}' is not a time of RFC 3339")))
    }
}

/// Formats a time in UTC, with microseconds if it is not a whole second.
pub(crate) fn format(time: marquee_domain::Timestamp) -> String {
    let micros = time.subsecond_nanos() / 1_000;
    let text = time.to_string();
    if micros == 0 { text } else { format!("{}.{micros:06}Z", text.trim_end_matches('Z')) }
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;

    use super::format;

    #[test]
    fn every_microsecond_is_read_back() {
        for micros in [0, 1, 999_999, 1_000_000, 1_764_195_083_120_000, -1] {
            let time = Timestamp::from_micros(micros);
            assert_eq!(Timestamp::parse(&format(time)), Some(time));
        }
        assert_eq!(format(Timestamp::from_micros(1_500_000)), "1970-01-01T00:00:01.500000Z");
        assert_eq!(format(Timestamp::from_seconds(1)), "1970-01-01T00:00:01Z");
    }
}
