//! Rows of features in a file: NDJSON as they come, or Parquet at the end. Lists are JSON texts in Parquet, whose columns are flat.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use marquee_domain::Timestamp;
use marquee_parquet::{Column, Table};
use marquee_proto::features::v1::Value;
use marquee_proto::features::v1::value::Kind;
use serde_json::{Map, Value as Json, json};

use super::value;
use crate::Error;

/// A time on the command line.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    marquee_datasets::parse_time(text).map_err(|wrong| format!("'{text}' {wrong}"))
}

/// One row.
pub(super) struct Rows {
    pub(super) ids: Vec<String>,
    pub(super) at: Option<Timestamp>,
    pub(super) rating: Option<f64>,
    pub(super) values: Vec<Value>,
}

enum Sink {
    Lines(Box<dyn Write + Send>),
    /// Written beside its place and renamed into it.
    Parquet(PathBuf),
}

/// Where rows go.
pub(super) struct File {
    sink: Sink,
    path: PathBuf,
    keys: Vec<&'static str>,
    names: Vec<String>,
    kept: Vec<Rows>,
}

impl File {
    /// Opens a file by the end of its name.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { doing: "write", path: path.to_owned(), source };
        let sink = match path.extension().and_then(|extension| extension.to_str()) {
            _ if path == Path::new("-") => Sink::Lines(Box::new(std::io::stdout())),
            Some("parquet") => Sink::Parquet(path.with_extension("parquet.tmp")),
            Some("ndjson" | "jsonl") => Sink::Lines(Box::new(BufWriter::new(fs::File::create(path).map_err(failed)?))),
            _ => {
                let fix = format!("'{}' has no format: end it with .parquet or .ndjson, or give -", path.display());
                return Err(Error::Usage(fix));
            }
        };
        Ok(Self { sink, path: path.to_owned(), keys: Vec::new(), names: Vec::new(), kept: Vec::new() })
    }

    /// Names the columns.
    pub(super) fn begin(&mut self, keys: &[&'static str], names: &[String]) {
        self.keys = keys.to_vec();
        self.names = names.to_vec();
    }

    /// Takes a row.
    pub(super) fn row(&mut self, row: Rows) -> Result<(), Error> {
        let Sink::Lines(lines) = &mut self.sink else {
            self.kept.push(row);
            return Ok(());
        };
        let mut object = Map::new();
        object.extend(self.keys.iter().zip(row.ids).map(|(key, id)| ((*key).to_owned(), Json::String(id))));
        if let Some(at) = row.at {
            object.insert("at".to_owned(), json!(at.to_string()));
        }
        if let Some(rating) = row.rating {
            object.insert("rating".to_owned(), json!(rating));
        }
        object.extend(self.names.iter().cloned().zip(row.values.into_iter().map(value::json)));
        let written = serde_json::to_writer(&mut *lines, &object).map_err(std::io::Error::from);
        written.and_then(|()| lines.write_all(b"\n")).map_err(Error::Output)
    }

    /// Writes what was kept.
    pub(super) fn end(self) -> Result<(), Error> {
        let failed = |source| Error::File { doing: "write", path: self.path.clone(), source };
        match self.sink {
            Sink::Lines(mut lines) => lines.flush().map_err(Error::Output),
            Sink::Parquet(ref beside) => {
                let bytes = marquee_parquet::write(&table(&self.keys, &self.names, &self.kept))
                    .map_err(|error| failed(std::io::Error::other(error)))?;
                fs::write(beside, bytes).and_then(|()| fs::rename(beside, &self.path)).map_err(failed)
            }
        }
    }
}

fn table(keys: &[&'static str], names: &[String], rows: &[Rows]) -> Table {
    let mut columns = Vec::new();
    for (place, key) in keys.iter().enumerate() {
        columns.push(((*key).to_owned(), Column::Utf8(rows.iter().map(|row| row.ids.get(place).cloned()).collect())));
    }
    if rows.iter().any(|row| row.at.is_some()) {
        let at = rows.iter().map(|row| row.at.map(Timestamp::micros)).collect();
        columns.push(("at".to_owned(), Column::Timestamp(at)));
    }
    if rows.iter().any(|row| row.rating.is_some()) {
        columns.push(("rating".to_owned(), Column::Float64(rows.iter().map(|row| row.rating).collect())));
    }
    for (place, name) in names.iter().enumerate() {
        let values = || rows.iter().map(|row| row.values.get(place).and_then(|value| value.kind.as_ref()));
        let first = values().flatten().next();
        let column = match first {
            Some(Kind::Count(_)) => Column::Int64(
                values()
                    .map(|value| if let Some(Kind::Count(count)) = value { i64::try_from(*count).ok() } else { None })
                    .collect(),
            ),
            Some(Kind::Time(_)) => Column::Timestamp(
                values()
                    .map(|value| match value {
                        Some(Kind::Time(at)) => Some(at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000),
                        _ => None,
                    })
                    .collect(),
            ),
            None | Some(Kind::Number(_)) => Column::Float64(
                values()
                    .map(|value| if let Some(Kind::Number(number)) = value { Some(*number) } else { None })
                    .collect(),
            ),
            Some(_) => Column::Utf8(
                values()
                    .map(|value| value.map(|kind| value::json(Value { kind: Some(kind.clone()) }).to_string()))
                    .collect(),
            ),
        };
        columns.push((name.replace(':', "_"), column));
    }
    Table { columns }
}
