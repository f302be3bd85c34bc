//! What a collector remembers of a source: an object `collect/<source>.json` in the object store.
//!
//! It is written after ingest has taken a batch, on the condition that nobody else wrote it. So of
//! two collectors of a source one fails.
//!
//! **Invariant:** a newer form is refused, and fields of a newer release are kept
//! (`a_state_keeps_fields_of_newer_releases_and_a_newer_form_is_refused`).

use std::collections::HashSet;

use bytes::Bytes;
use marquee_datasets::Recognized;
use marquee_ports::{ErrorKind, ObjectKey, ObjectStore, Precondition, Tag};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::schema::{Columns, Drift};

/// The version of the form.
const FORMAT: u32 = 1;

/// The changes of columns that are kept, the newest ones.
const DRIFTS: usize = 100;

/// The records that are remembered because they may be read again, the newest ones.
const RECENT: usize = 50_000;

/// What is known of a source.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// The version of the form.
    pub(crate) format: u32,
    /// What the position belongs to: the kind of the source and what it is asked.
    pub(crate) identity: String,
    /// Where the next batch begins.
    #[serde(default)]
    pub(crate) position: Value,
    /// The number of stored batches.
    #[serde(default)]
    pub(crate) batches: u64,
    /// The number of records in them.
    #[serde(default)]
    pub(crate) records: u64,
    #[serde(default)]
    pub(crate) accepted: u64,
    #[serde(default)]
    pub(crate) rejected: u64,
    #[serde(default)]
    pub(crate) columns: Columns,
    /// How the records become ratings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recognized: Option<Recognized>,
    /// The newest changes of the columns.
    #[serde(default)]
    pub(crate) drift: Vec<Drift>,
    /// The order and the digest of records that may be read again.
    #[serde(default)]
    pub(crate) recent: Vec<(f64, String)>,
    #[serde(default)]
    pub(crate) updated_at: String,
    /// Fields of newer releases.
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

impl State {
    fn new(identity: &str) -> Self {
        Self { format: FORMAT, identity: identity.to_owned(), ..Self::default() }
    }

    /// Adds changes of the columns.
    pub(crate) fn note(&mut self, drift: &[Drift]) {
        self.drift.extend_from_slice(drift);
        let beyond = self.drift.len().saturating_sub(DRIFTS);
        self.drift.drain(..beyond);
    }

    /// Remembers records that may be read again, and forgets those that will not be.
    pub(crate) fn remember(&mut self, read: Vec<(f64, String)>, keep_from: Option<f64>) {
        let again: HashSet<&str> = read.iter().map(|(_, digest)| digest.as_str()).collect();
        self.recent.retain(|(_, digest)| !again.contains(digest.as_str()));
        self.recent.extend(read);
        match keep_from {
            Some(from) => self.recent.retain(|(order, _)| *order >= from),
            None => self.recent.clear(),
        }
        let beyond = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..beyond);
    }
}

/// Reads and writes the state of one source.
#[derive(Debug)]
pub(crate) struct StateFile<'a> {
    name: &'a str,
    key: ObjectKey,
    objects: &'a dyn ObjectStore,
    /// The tag of what was read or written last. `None`: there was nothing.
    tag: Option<Tag>,
}

impl<'a> StateFile<'a> {
    /// Reads the state of a source, or returns a new one.
    pub(crate) async fn open(
        objects: &'a dyn ObjectStore,
        name: &'a str,
        identity: &str,
    ) -> Result<(Self, State), Error> {
        let failed = |source| Error::Objects { name: name.to_owned(), source };
        let wrong = |reason: String| Error::State { name: name.to_owned(), key: key_of(name), reason };
        let key = ObjectKey::try_new(&key_of(name)).map_err(|error| wrong(error.to_string()))?;
        let found = objects.get(&key).await.map_err(failed)?;
        let Some(object) = found else {
            return Ok((Self { name, key, objects, tag: None }, State::new(identity)));
        };
        let state = read(&object.bytes, identity, name).map_err(wrong)?;
        Ok((Self { name, key, objects, tag: Some(object.tag) }, state))
    }

    /// Writes the state. A write whose answer was lost counts if it took effect.
    pub(crate) async fn save(&mut self, state: &State) -> Result<(), Error> {
        let failed = |source| Error::Objects { name: self.name.to_owned(), source };
        let bytes = serde_json::to_vec_pretty(state).map(Bytes::from).map_err(|error| Error::State {
            name: self.name.to_owned(),
            key: self.key.to_string(),
            reason: error.to_string(),
        })?;
        let condition = self.tag.clone().map_or(Precondition::Absent, Precondition::Matches);
        let written = self.objects.put(&self.key, bytes.clone(), condition).await;
        self.tag = Some(match written {
            Ok(tag) => tag,
            Err(error) if error.kind() == ErrorKind::Conflict => {
                let present = self.objects.get(&self.key).await.map_err(failed)?;
                let same = present.filter(|object| object.bytes == bytes);
                same.ok_or_else(|| Error::Busy { name: self.name.to_owned() })?.tag
            }
            Err(error) => return Err(failed(error)),
        });
        Ok(())
    }
}

fn key_of(name: &str) -> String {
    format!("collect/{name}.json")
}

fn read(bytes: &[u8], identity: &str, name: &str) -> Result<State, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("it is damaged: {error}"))?;
    let format = value.get("format").and_then(Value::as_u64).unwrap_or_default();
    if format != u64::from(FORMAT) {
        return Err(format!("it has the form {format}, and this release reads {FORMAT}; use a newer release"));
    }
    let state: State = serde_json::from_value(value).map_err(|error| format!("it is damaged: {error}"))?;
    if state.identity != identity {
        return Err(format!(
            "it is of {}, and the configuration now says {identity}; give the source another name than {name}, or \
             remove the state to begin again",
            state.identity
        ));
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use marquee_ports::memory::MemoryObjects;
    use serde_json::json;

    use super::*;

    async fn put(objects: &MemoryObjects, value: &Value) {
        let key = ObjectKey::try_new("collect/shop.json").expect("a key");
        objects.put(&key, value.to_string().into(), Precondition::None).await.expect("stored");
    }

    #[tokio::test]
    async fn a_state_keeps_fields_of_newer_releases_and_a_newer_form_is_refused() {
        let objects = MemoryObjects::default();
        put(&objects, &json!({"format": 1, "identity": "t", "batches": 3, "columns": {"a": {"type": "number", "unit": "s"}}, "later": [1]})).await;
        let (mut file, mut state) = StateFile::open(&objects, "shop", "t").await.expect("read");
        state.batches += 1;
        file.save(&state).await.expect("written");
        let key = ObjectKey::try_new("collect/shop.json").expect("a key");
        let bytes = objects.get(&key).await.expect("read").expect("there").bytes;
        let value: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(
            (&value["batches"], &value["later"][0], &value["columns"]["a"]["unit"]),
            (&json!(4), &json!(1), &json!("s"))
        );

        put(&objects, &json!({"format": 2, "identity": "t"})).await;
        let error = StateFile::open(&objects, "shop", "t").await.expect_err("newer").to_string();
        assert!(error.contains("newer release"), "{error}");
        put(&objects, &json!({"format": 1, "identity": "other"})).await;
        let error = StateFile::open(&objects, "shop", "t").await.expect_err("another").to_string();
        assert!(error.contains("another name"), "{error}");
    }

    #[tokio::test]
    async fn of_two_collectors_of_a_source_one_is_told() {
        let objects = MemoryObjects::default();
        let (mut one, mut state) = StateFile::open(&objects, "shop", "t").await.expect("read");
        let (mut other, _) = StateFile::open(&objects, "shop", "t").await.expect("read");
        one.save(&state).await.expect("written");
        state.batches = 1;
        assert!(matches!(other.save(&state).await, Err(Error::Busy { .. })));
        one.save(&state).await.expect("it goes on");
    }

    #[test]
    fn records_that_will_not_be_read_again_are_forgotten() {
        let mut state = State::default();
        state.remember(vec![(1.0, "a".into()), (2.0, "b".into())], Some(1.5));
        assert_eq!(state.recent, [(2.0, "b".to_owned())]);
        state.remember(vec![(3.0, "b".into())], Some(1.5));
        assert_eq!(state.recent, [(3.0, "b".to_owned())], "once, at its newest place");
        state.remember(vec![], None);
        assert!(state.recent.is_empty());
        let many = (0..RECENT + 7).map(|at| (at as f64, at.to_string())).collect();
        state.remember(many, Some(0.0));
        assert_eq!((state.recent.len(), state.recent[0].0), (RECENT, 7.0));
    }
}
