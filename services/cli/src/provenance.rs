//! The origin of an answer: model, version and the freshness of features, for people and machines.

use marquee_domain::Timestamp;
use marquee_proto::convert;
use marquee_proto::prediction::v1 as pb;
use serde::Serialize;

use crate::Csv;

/// The model, version and variant that answered, and the features that they used.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Provenance {
    pub(crate) model: String,
    pub(crate) version: u64,
    pub(crate) variant: String,
    pub(crate) history_version: u64,
    pub(crate) degraded: bool,
    pub(crate) freshness: Freshness,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Freshness {
    /// The event time of the newest rating that the answer uses, in RFC 3339.
    pub(crate) event_time: Option<String>,
    pub(crate) partition: Option<u32>,
    pub(crate) offset: Option<u64>,
    pub(crate) past_ttl: bool,
}

impl From<Option<pb::Provenance>> for Provenance {
    fn from(wire: Option<pb::Provenance>) -> Self {
        let wire = wire.unwrap_or_default();
        let features = wire.features.unwrap_or_default();
        Self {
            model: wire.model,
            version: wire.version,
            variant: wire.variant,
            history_version: wire.history_version,
            degraded: wire.degraded,
            freshness: Freshness {
                event_time: features.event_time.as_ref().and_then(time),
                partition: features.applied.as_ref().map(|position| position.partition),
                offset: features.applied.as_ref().map(|position| position.offset),
                past_ttl: features.past_ttl,
            },
        }
    }
}

/// Returns a text unless it is empty.
pub(crate) fn given(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Formats a time in RFC 3339. Returns `None` if it is out of range.
pub(crate) fn time(wire: &marquee_proto::Timestamp) -> Option<String> {
    convert::from_timestamp("time", wire).ok().map(|time: Timestamp| time.to_string())
}

impl Provenance {
    /// Adds the version that answered to a table.
    pub(crate) fn beside(&self, table: Csv) -> Csv {
        table.with("model", &self.model).with("version", self.version).with("variant", &self.variant)
    }

    /// Returns the line below a table.
    pub(crate) fn footer(&self) -> String {
        let history = match (self.history_version, &self.freshness.event_time) {
            (0, _) => "no ratings yet".to_owned(),
            (version, Some(time)) => format!("history {version}, newest rating {time}"),
            (version, None) => format!("history {version}"),
        };
        let stale = if self.freshness.past_ttl { " · the features are older than their time to live" } else { "" };
        let degraded = if self.degraded { " · degraded: the feature store cannot be reached" } else { "" };
        format!("model {} v{} ({}) · {history}{stale}{degraded}", self.model, self.version, self.variant)
    }
}
