//! Objects below a prefix of the object store. An object that grew is read on where it ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_ports::{Error as PortError, ObjectEntry, ObjectKey, ObjectStore};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lines::{self, CHUNK, START};
use super::{Form, Settings, Tail};
use crate::source::{Batch, Source, SourceError, position, stored};

/// The position: how far each object was read that is still there.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    objects: BTreeMap<String, Tail>,
}

/// Objects that are read.
#[derive(Debug)]
pub(super) struct Objects {
    settings: Settings,
    prefix: ObjectKey,
    store: Arc<dyn ObjectStore>,
    position: Position,
    /// What was listed at the start of the round and is not read yet, the last first.
    waiting: Vec<ObjectEntry>,
    /// The content of the object that is read now.
    open: Option<(ObjectEntry, Bytes)>,
}

impl Objects {
    pub(super) fn new(settings: Settings, prefix: ObjectKey, store: Arc<dyn ObjectStore>) -> Self {
        Self { settings, prefix, store, position: Position::default(), waiting: Vec::new(), open: None }
    }

    /// Returns the next object that has changed, with its content.
    async fn object(&mut self) -> Result<Option<(ObjectEntry, Bytes)>, SourceError> {
        if let Some(open) = self.open.take() {
            return Ok(Some(open));
        }
        while let Some(entry) = self.waiting.pop() {
            let known = self.position.objects.get(entry.key.as_str());
            if known.is_some_and(|tail| tail.seen == Some(seen(&entry))) {
                continue;
            }
            let failed = |error| failed(format!("read the object {}", entry.key), error);
            if let Some(object) = self.store.get(&entry.key).await.map_err(failed)? {
                return Ok(Some((entry, object.bytes)));
            }
        }
        Ok(None)
    }
}

fn seen(entry: &ObjectEntry) -> (u64, i64) {
    (entry.size, entry.modified.micros())
}

fn failed(doing: String, error: PortError) -> SourceError {
    if error.is_passing() { SourceError::passing(doing, error) } else { SourceError::lasting(doing, error) }
}

#[async_trait]
impl Source for Objects {
    async fn begin(&mut self, from: &Value) -> Result<(), SourceError> {
        self.position = position(from)?;
        self.open = None;
        let listed = self.store.list(Some(&self.prefix)).await;
        let mut listed = listed.map_err(|error| failed(format!("list the objects of {}", self.prefix), error))?;
        self.position.objects.retain(|key, _| listed.iter().any(|entry| entry.key.as_str() == key));
        listed.reverse();
        self.waiting = listed;
        Ok(())
    }

    async fn next(&mut self, most: usize) -> Result<Option<Batch>, SourceError> {
        let Some((entry, bytes)) = self.object().await? else { return Ok(None) };
        let name = entry.key.to_string();
        let mut tail = self.position.objects.get(&name).cloned().unwrap_or_default();
        let mut notices = Vec::new();
        let start = |length: u64| bytes.get(..usize::try_from(length).unwrap_or(usize::MAX));
        let is_same = start(tail.start).is_some_and(|start| lines::start_digest(start) == tail.start_sha256);
        if tail.offset > 0 && !is_same {
            notices.push(format!("the object {name} was replaced; it is read from its start"));
            tail = Tail::default();
        }
        let from = tail.offset;
        let at = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
        let end = bytes.len().min(at + CHUNK);
        let part = bytes.slice(at..end);
        let is_packed = at == 0 && (part.starts_with(&[0x1f, 0x8b]) || part.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
        let read = if is_packed {
            notices.push(format!("the object {name} is packed, and left out; store it unpacked"));
            lines::Read::default()
        } else {
            lines::read((&name, &part), end == bytes.len(), &mut tail, &self.settings, most)
        };
        tail.start = tail.offset.min(START);
        tail.start_sha256 = start(tail.start).map(lines::start_digest).unwrap_or_default();
        let range = (from.to_string(), tail.offset.to_string());
        let is_done = is_packed || tail.offset as usize >= bytes.len();
        tail.seen = is_done.then(|| seen(&entry));
        let is_uniform = self.settings.form(&name) == Form::Csv;
        self.position.objects.insert(name.clone(), tail);
        if !is_done {
            self.open = Some((entry, bytes));
        }
        Ok(Some(Batch {
            records: read.records,
            position: stored(&self.position)?,
            query: format!("object {name}"),
            range,
            is_uniform,
            skipped: read.skipped,
            notices,
            ..Batch::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use marquee_ports::Precondition;
    use marquee_ports::memory::MemoryObjects;

    use super::*;

    async fn put(store: &MemoryObjects, key: &str, text: &str) {
        let key = ObjectKey::try_new(key).expect("a key");
        store.put(&key, text.to_owned().into(), Precondition::None).await.expect("stored");
    }

    async fn read(source: &mut Objects, at: &mut Value) -> (String, Vec<String>) {
        let (mut text, mut notices) = (String::new(), Vec::new());
        source.begin(&at.clone()).await.expect("begun");
        while let Some(batch) = source.next(2).await.expect("read") {
            *at = batch.position;
            notices.extend(batch.notices);
            batch.records.iter().for_each(|record| text.push_str(&String::from_utf8_lossy(record.json())));
        }
        (text, notices)
    }

    #[tokio::test]
    async fn objects_are_read_once_and_on_where_they_ended() {
        let store = MemoryObjects::default();
        let prefix = ObjectKey::try_new("in").expect("a key");
        let mut source = Objects::new(Settings::default(), prefix, Arc::new(store.clone()));
        let mut at = Value::Null;
        put(&store, "in/a.ndjson", "1\n2\n3\n").await;
        put(&store, "in/b.csv", "u\nx\n").await;
        put(&store, "other/c.ndjson", "9\n").await;
        assert_eq!(read(&mut source, &mut at).await.0, r#"123{"u":"x"}"#);
        assert_eq!(read(&mut source, &mut at).await.0, "");
        put(&store, "in/a.ndjson", "1\n2\n3\n4\n").await;
        put(&store, "in/b.csv", "u\nx\ny\n").await;
        assert_eq!(read(&mut source, &mut at).await.0, r#"4{"u":"y"}"#);
        put(&store, "in/a.ndjson", "5\n").await;
        put(&store, "in/z.gz", "\u{1f}").await;
        let (text, notices) = read(&mut source, &mut at).await;
        assert!(text.starts_with('5') && notices.len() == 1 && notices[0].contains("replaced"), "{text} {notices:?}");
    }
}
