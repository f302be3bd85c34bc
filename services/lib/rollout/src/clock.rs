//! Times in the stored forms: RFC 3339 in UTC to the microsecond, which people and Kubernetes read.

/// The form of a time.
pub(crate) mod rfc3339 {
    use marquee_domain::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.to_rfc3339())
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
            Some(time) => serializer.serialize_some(&time.to_rfc3339()),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let time = Timestamp::parse(&text);
        time.map(Some).ok_or_else(|| de::Error::custom(format!("'{text}' is not a time of RFC 3339")))
    }
}
