//! The columns of a source, and how they change.
//!
//! Some sources declare their columns. Otherwise they are those of the records: a column that every
//! record has had is gone when no record of a batch has it.

use std::collections::BTreeMap;
use std::fmt;

use marquee_domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::source::Batch;

/// The deepest object whose fields count as columns.
const DEEPEST: usize = 4;

/// The most columns. Objects with keys that are data would have as many as records.
const MOST: usize = 1_000;

/// How a column changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there before.
    New,
    /// It is not there any more.
    Gone,
    /// It is there again.
    Back,
    /// Its type is another one.
    Type,
}

impl Change {
    /// Returns the name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Back => "back",
            Self::Type => "type",
        }
    }
}

/// A change of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// When it was seen.
    pub at: String,
    /// What changed.
    pub change: Change,
    /// The column.
    pub column: String,
    /// The type before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The type now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, from, to, .. } = self;
        let name = |text: &Option<String>| text.clone().unwrap_or_default();
        match self.change {
            Change::New => write!(f, "column {column} is new ({})", name(to)),
            Change::Gone => write!(f, "column {column} is gone ({})", name(from)),
            Change::Back => write!(f, "column {column} is there again ({})", name(to)),
            Change::Type => write!(f, "column {column} changed from {} to {}", name(from), name(to)),
        }
    }
}

/// What is known of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnSeen {
    /// Its type, or its types with a bar between them.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Whether every record so far had it.
    #[serde(default)]
    pub(crate) always: bool,
    /// Whether it is gone.
    #[serde(default)]
    pub(crate) gone: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// The columns of a source.
pub(crate) type Columns = BTreeMap<String, ColumnSeen>;

/// The columns of the records of a batch: their types, and how many records have them.
#[derive(Debug, Default)]
struct Found {
    columns: BTreeMap<String, (String, usize)>,
    objects: usize,
}

impl Found {
    fn of(batch: &Batch) -> Self {
        let mut found = Self::default();
        for record in &batch.records {
            // A record that is no object says nothing about columns. It is rejected later.
            if let Ok(Value::Object(object)) = serde_json::from_slice(record.json()) {
                found.objects += 1;
                found.object("", &object, 1);
            }
        }
        found
    }

    fn object(&mut self, path: &str, object: &Map<String, Value>, depth: usize) {
        for (key, value) in object {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let kind = match value {
                Value::Object(inner) if depth < DEEPEST => {
                    self.object(&path, inner, depth + 1);
                    continue;
                }
                Value::Object(_) => "object",
                Value::Array(_) => "list",
                Value::String(_) => "text",
                Value::Number(_) => "number",
                Value::Bool(_) => "boolean",
                Value::Null => "",
            };
            self.column(path, kind);
        }
    }

    fn column(&mut self, path: String, kind: &str) {
        if self.columns.len() >= MOST && !self.columns.contains_key(&path) {
            return;
        }
        let (kinds, records) = self.columns.entry(path).or_default();
        *records += 1;
        *kinds = joined(kinds, kind);
    }
}

/// Adds a type to others.
fn joined(kinds: &str, kind: &str) -> String {
    let mut all: Vec<&str> = kinds.split('|').chain(kind.split('|')).filter(|kind| !kind.is_empty()).collect();
    all.sort_unstable();
    all.dedup();
    all.join("|")
}

/// Compares a batch with the columns that are known, and updates these. The first batch only makes
/// them known.
pub(crate) fn compare(columns: &mut Columns, batch: &Batch, now: Timestamp) -> Vec<Drift> {
    let (found, is_declared) = match &batch.columns {
        Some(declared) => {
            let columns = declared.iter().map(|(name, kind)| (name.clone(), (kind.clone(), 1)));
            (Found { columns: columns.collect(), objects: 1 }, true)
        }
        None => (Found::of(batch), false),
    };
    if found.objects == 0 {
        return Vec::new();
    }
    let is_first = columns.is_empty();
    let mut drift = Vec::new();
    let mut note = |change, column: &str, from: Option<String>, to: Option<String>| {
        drift.push(Drift { at: now.to_rfc3339(), change, column: column.to_owned(), from, to });
    };
    for (name, (kind, records)) in &found.columns {
        let (always, has_room) = (*records == found.objects, columns.len() < MOST);
        match columns.get_mut(name) {
            None if !has_room => {}
            None => {
                if !is_first {
                    note(Change::New, name, None, Some(kind.clone()));
                }
                let always = always && is_first;
                columns.insert(name.clone(), ColumnSeen { kind: kind.clone(), always, gone: false, other: Map::new() });
            }
            Some(seen) => {
                if std::mem::take(&mut seen.gone) {
                    note(Change::Back, name, None, Some(kind.clone()));
                }
                // Declared types replace each other. Types of values add up, so that a column of
                // two types is reported once.
                let now = if is_declared { kind.clone() } else { joined(&seen.kind, kind) };
                if now != seen.kind {
                    // A column that had no value so far had no type.
                    if !seen.kind.is_empty() {
                        note(Change::Type, name, Some(seen.kind.clone()), Some(kind.clone()));
                    }
                    seen.kind = now;
                }
                seen.always &= always;
            }
        }
    }
    for (name, seen) in columns.iter_mut().filter(|(name, _)| !found.columns.contains_key(*name)) {
        if !seen.gone && (is_declared || seen.always) {
            seen.gone = true;
            note(Change::Gone, name, Some(seen.kind.clone()), None);
        }
        seen.always = false;
    }
    drift
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Record;

    fn batch(records: &[&str]) -> Batch {
        let record = |text: &&str| Record { raw: text.to_string().into(), ..Record::default() };
        Batch { records: records.iter().map(record).collect(), ..Batch::default() }
    }

    fn told(columns: &mut Columns, records: &[&str]) -> Vec<String> {
        compare(columns, &batch(records), Timestamp::from_seconds(0)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_that_come_go_or_change_are_reported_once() {
        let mut columns = Columns::new();
        let none: [&str; 0] = [];
        assert_eq!(told(&mut columns, &[r#"{"user": {"id": 1}, "stars": 4, "note": null}"#]), none);
        assert_eq!(told(&mut columns, &[r#"{"user": {"id": 2}, "stars": 3, "note": "x"}"#]), none, "a first value");
        let changed = [r#"{"user": {"id": "a"}, "stars": 3, "device": "tv"}"#];
        assert_eq!(
            told(&mut columns, &changed),
            ["column device is new (text)", "column user.id changed from number to text", "column note is gone (text)"]
        );
        assert_eq!(told(&mut columns, &changed), none, "once");
        assert_eq!(
            told(&mut columns, &[r#"{"user": {"id": 2}, "stars": 3, "note": "y"}"#]),
            ["column note is there again (text)"]
        );
        assert_eq!(told(&mut columns, &[r#"{"user": {"id": 2}, "stars": 3}"#]), none, "it was optional before");
        assert_eq!(told(&mut columns, &["nothing"]), none);
    }

    #[test]
    fn declared_types_replace_each_other() {
        let mut columns = Columns::new();
        let mut declared = |list: &[(&str, &str)]| {
            let declared = list.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
            let batch = Batch { columns: Some(declared), ..Batch::default() };
            compare(&mut columns, &batch, Timestamp::from_seconds(0))
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert!(declared(&[("id", "int4"), ("stars", "int2")]).is_empty());
        assert_eq!(declared(&[("id", "int8"), ("stars", "int2")]), ["column id changed from int4 to int8"]);
        assert_eq!(declared(&[("id", "int8")]), ["column stars is gone (int2)"]);
        assert!(declared(&[("id", "int8")]).is_empty());
    }
}
