//! The stored form of a rollout: `rollouts/<model>.json`.
//!
//! Controllers of two versions share the documents during an upgrade. The specification and the
//! status stay in the form in which they were stored, so a part that this version does not know
//! survives a change by this version (`unknown_parts_survive_a_change`). A specification that this
//! version cannot read is not driven, because the controller would do the wrong thing with it.

use bytes::Bytes;
use marquee_domain::{ModelName, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// The format that this version writes. A document without a format counts as 0.
const FORMAT: u32 = 1;

/// The number of events that a document keeps. Older ones are in the logs only.
const EVENTS: usize = 100;

/// An object is not a rollout.
#[derive(Debug, Error)]
pub(crate) enum DocumentError {
    #[error("parse the rollout as JSON")]
    Json(#[source] serde_json::Error),
    #[error("the object holds the rollout of model '{0}'")]
    OtherModel(ModelName),
}

/// A rollout as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    #[serde(default)]
    format: u32,
    pub(crate) model: ModelName,
    /// Grows by one with every new specification.
    #[serde(default)]
    pub(crate) generation: u64,
    /// The generation of the specification that the status belongs to.
    #[serde(default)]
    pub(crate) observed_generation: u64,
    /// Grows by one with every write.
    #[serde(default)]
    pub(crate) revision: u64,
    #[serde(default)]
    pub(crate) created_at: Timestamp,
    /// When the document was last written.
    #[serde(default)]
    pub(crate) updated_at: Timestamp,
    pub(crate) spec: Value,
    /// `Null` until the first decision.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) status: Value,
    /// What callers asked for and no decision has taken up yet, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) commands: Vec<StoredCommand>,
    /// What happened, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) events: Vec<StoredEvent>,
    /// Fields of a newer form.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// A command that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredCommand {
    pub(crate) id: String,
    /// The name of the verb. A verb that this version does not know waits for a newer controller.
    pub(crate) verb: String,
    #[serde(default)]
    pub(crate) given_at: Timestamp,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredEvent {
    #[serde(default)]
    pub(crate) time: Timestamp,
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) warning: bool,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl StoredEvent {
    pub(crate) fn new(time: Timestamp, reason: &str, message: String) -> Self {
        Self { time, reason: reason.to_owned(), message, warning: false, extra: Map::new() }
    }

    /// Returns the same event as a warning or not.
    pub(crate) fn warning(mut self, warning: bool) -> Self {
        self.warning = warning;
        self
    }
}

impl Document {
    /// Creates the first rollout of a model.
    pub(crate) fn new(model: ModelName, spec: Value, now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            model,
            generation: 1,
            observed_generation: 0,
            revision: 0,
            created_at: now,
            updated_at: now,
            spec,
            status: Value::Null,
            commands: Vec::new(),
            events: Vec::new(),
            extra: Map::new(),
        }
    }

    /// Parses the document of a model, of this form or an older one, and of a newer one as far as
    /// possible.
    pub(crate) fn decode(json: &[u8], model: &ModelName) -> Result<Self, DocumentError> {
        let document: Self = serde_json::from_slice(json).map_err(DocumentError::Json)?;
        match document.model == *model {
            true => Ok(document),
            false => Err(DocumentError::OtherModel(document.model)),
        }
    }

    /// Makes the document the one that is written now, over one with a revision.
    pub(crate) fn encode(&mut self, over: u64, now: Timestamp) -> Result<Bytes, DocumentError> {
        self.format = self.format.max(FORMAT);
        (self.revision, self.updated_at) = (over.saturating_add(1), now);
        let surplus = self.events.len().saturating_sub(EVENTS);
        self.events.drain(..surplus);
        serde_json::to_vec_pretty(self).map(Bytes::from).map_err(DocumentError::Json)
    }

    /// Adds a command and returns its id. Ids sort by the order of the commands. No two commands of
    /// a rollout share one, whatever the clock says: a command is added over a revision, which no
    /// other write has.
    pub(crate) fn ask(&mut self, verb: &str, now: Timestamp) -> String {
        let id = format!("c{:016}-{:03}", self.revision, self.commands.len());
        let verb = verb.to_owned();
        self.commands.push(StoredCommand { id: id.clone(), verb, given_at: now, extra: Map::new() });
        id
    }

    /// Returns whether another document says the same, whenever it was written.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let mut same_write = other.clone();
        (same_write.revision, same_write.updated_at) = (self.revision, self.updated_at);
        *self == same_write
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn model() -> ModelName {
        ModelName::try_new("ratings").expect("valid")
    }

    #[test]
    fn unknown_parts_survive_a_change() {
        let newer = json!({
            "format": 9,
            "model": "ratings",
            "generation": 2,
            "spec": {"model": "ratings", "target": {"version": 2}, "season": "spring"},
            "status": {"phase": "Dancing", "beat": 4},
            "commands": [{"id": "c1", "verb": "dance", "partner": "x"}],
            "events": [{"time": 1, "reason": "Danced", "mood": "good"}],
            "owner": {"team": "films"},
        });
        let mut document = Document::decode(newer.to_string().as_bytes(), &model()).expect("a rollout");
        document.ask("pause", Timestamp::from_micros(7));
        let written = document.encode(4, Timestamp::from_micros(8)).expect("JSON");
        let written: Value = serde_json::from_slice(&written).expect("JSON");
        for part in ["spec", "status", "owner", "format", "generation"] {
            assert_eq!(written[part], newer[part], "{part}");
        }
        assert_eq!(written["revision"], 5);
        assert_eq!(written["commands"][0]["partner"], "x");
        assert_eq!(written["commands"][1]["verb"], "pause");
        assert_eq!(written["events"][0]["mood"], "good");
    }

    #[test]
    fn a_document_of_the_first_form_is_read() {
        let first = json!({"model": "ratings", "spec": {}});
        let document = Document::decode(first.to_string().as_bytes(), &model()).expect("a rollout");
        assert_eq!((document.generation, document.status.is_null()), (0, true));
        let other = ModelName::try_new("films").expect("valid");
        let error = Document::decode(first.to_string().as_bytes(), &other).expect_err("another model");
        assert!(error.to_string().contains("'ratings'"), "{error}");
    }

    #[test]
    fn commands_of_one_microsecond_have_two_ids_in_order() {
        let mut document = Document::new(model(), json!({}), Timestamp::EPOCH);
        let now = Timestamp::from_seconds(1_764_000_000);
        let (first, second) = (document.ask("pause", now), document.ask("resume", now));
        assert!(first < second, "{first} {second}");
    }

    #[test]
    fn the_newest_events_stay() {
        let mut document = Document::new(model(), json!({}), Timestamp::EPOCH);
        for number in 0..150 {
            document.events.push(StoredEvent::new(Timestamp::from_micros(number), "Step", String::new()));
        }
        document.encode(0, Timestamp::EPOCH).expect("JSON");
        assert_eq!((document.events.len(), document.events[0].time), (100, Timestamp::from_micros(50)));
    }
}
