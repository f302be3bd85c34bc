//! Writes rows of features to a file: NDJSON row by row, or Parquet at the end. Parquet columns are
//! flat, so lists become JSON text there.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use marquee_domain::Timestamp;
use marquee_parquet::{Column, Table};
use marquee_proto::features::v1::value::Kind;
use marquee_proto::features::v1::{Value, ValueKind};
use serde_json::{Map, Value as Json, json};

use super::value;
use crate::Error;

/// Parses a time from the command line.
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
    /// Written to this path first and then renamed.
    Parquet(PathBuf),
}

/// The file that rows are written to.
pub(super) struct File {
    sink: Sink,
    path: PathBuf,
    columns: Columns,
    kept: Vec<Rows>,
}

/// The columns of a file. They follow from the request and never from the rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Columns {
    /// The names of the ids.
    pub(super) keys: &'static [&'static str],
    /// Whether the rows are those of ratings, with a time and a value.
    pub(super) rated: bool,
    /// The features, with their types.
    pub(super) features: Vec<(String, ValueKind)>,
}

impl File {
    /// Creates a file in the format that its name ends with.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { doing: "write", path: path.to_owned(), source };
        let sink = match path.extension().and_then(|extension| extension.to_str()) {
            _ if path == Path::new("-") => Sink::Lines(Box::new(std::io::stdout())),
            Some("parquet") => Sink::Parquet(path.with_extension("parquet.tmp")),
            Some("ndjson" | "jsonl") => Sink::Lines(Box::new(BufWriter::new(fs::File::create(path).map_err(failed)?))),
            _ => {
                let fix = format!(
                    "--out: unknown format of '{}'; expected a name that ends in .parquet or .ndjson, or -",
                    path.display()
                );
                return Err(Error::Usage(fix));
            }
        };
        Ok(Self { sink, path: path.to_owned(), columns: Columns::default(), kept: Vec::new() })
    }

    /// Names the columns.
    pub(super) fn begin(&mut self, columns: Columns) {
        self.columns = columns;
    }

    /// Adds a row.
    pub(super) fn row(&mut self, row: Rows) -> Result<(), Error> {
        let Sink::Lines(lines) = &mut self.sink else {
            self.kept.push(row);
            return Ok(());
        };
        let mut object = Map::new();
        object.extend(self.columns.keys.iter().zip(row.ids).map(|(key, id)| ((*key).to_owned(), Json::String(id))));
        if let Some(at) = row.at {
            object.insert("at".to_owned(), json!(at.to_string()));
        }
        if let Some(rating) = row.rating {
            object.insert("rating".to_owned(), json!(rating));
        }
        let names = self.columns.features.iter().map(|(name, _)| name.clone());
        object.extend(names.zip(row.values.into_iter().map(value::json)));
        let written = serde_json::to_writer(&mut *lines, &object).map_err(std::io::Error::from);
        written.and_then(|()| lines.write_all(b"\n")).map_err(Error::Output)
    }

    /// Completes the file.
    pub(super) fn end(self) -> Result<(), Error> {
        let failed = |source| Error::File { doing: "write", path: self.path.clone(), source };
        match self.sink {
            Sink::Lines(mut lines) => lines.flush().map_err(Error::Output),
            Sink::Parquet(ref beside) => {
                let bytes = marquee_parquet::write(&table(&self.columns, &self.kept))
                    .map_err(|error| failed(std::io::Error::other(error)))?;
                fs::write(beside, bytes).and_then(|()| fs::rename(beside, &self.path)).map_err(failed)
            }
        }
    }
}

/// Lays rows out in columns. The type of a column follows from its feature, never from the values,
/// so that files of the same features have the same schema.
fn table(all: &Columns, rows: &[Rows]) -> Table {
    let mut columns = Vec::new();
    for (place, key) in all.keys.iter().enumerate() {
        columns.push(((*key).to_owned(), Column::Utf8(rows.iter().map(|row| row.ids.get(place).cloned()).collect())));
    }
    if all.rated {
        let at = rows.iter().map(|row| row.at.map(Timestamp::micros)).collect();
        columns.push(("at".to_owned(), Column::Timestamp(at)));
        columns.push(("rating".to_owned(), Column::Float64(rows.iter().map(|row| row.rating).collect())));
    }
    for (place, (name, kind)) in all.features.iter().enumerate() {
        let values = rows.iter().map(|row| row.values.get(place).and_then(|value| value.kind.as_ref()));
        columns.push((name.replace(':', "_"), column(*kind, values)));
    }
    Table { columns }
}

/// Makes the column of one feature. A value of another type is absent.
fn column<'a>(kind: ValueKind, values: impl Iterator<Item = Option<&'a Kind>>) -> Column {
    match kind {
        ValueKind::Count => Column::Int64(values.map(|value| count(value?)).collect()),
        ValueKind::Time => Column::Timestamp(values.map(|value| micros(value?)).collect()),
        ValueKind::Number => Column::Float64(values.map(|value| number(value?)).collect()),
        ValueKind::Unspecified | ValueKind::Texts | ValueKind::Counts | ValueKind::Numbers | ValueKind::Times => {
            let text = |kind: &Kind| value::json(Value { kind: Some(kind.clone()) }).to_string();
            Column::Utf8(values.map(|value| value.map(text)).collect())
        }
    }
}

fn count(value: &Kind) -> Option<i64> {
    if let Kind::Count(count) = value { i64::try_from(*count).ok() } else { None }
}

fn number(value: &Kind) -> Option<f64> {
    if let Kind::Number(number) = value { Some(*number) } else { None }
}

fn micros(value: &Kind) -> Option<i64> {
    if let Kind::Time(at) = value { Some(at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_follows_from_the_name_and_an_unknown_one_is_wrong_usage() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = File::create(&folder.path().join("rows.csv")).err().expect("no such format");
        assert_eq!(error.exit_code(), crate::USAGE);
        assert!(error.line().contains(".parquet or .ndjson"), "{}", error.line());
    }

    #[test]
    fn rows_are_one_json_object_a_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.ndjson");
        let mut file = File::create(&path).expect("a file");
        let features = vec![("user:rating_count".to_owned(), ValueKind::Count)];
        file.begin(Columns { keys: &["user_id"], rated: true, features });
        let values = vec![Value { kind: Some(Kind::Count(3)) }];
        file.row(Rows { ids: vec!["ann".to_owned()], at: None, rating: Some(4.0), values }).expect("a row");
        file.end().expect("an end");
        let text = fs::read_to_string(&path).expect("a text");
        let row: Json = serde_json::from_str(text.trim_end()).expect("JSON");
        assert_eq!(row, json!({"user_id": "ann", "rating": 4.0, "user:rating_count": 3}));
    }

    #[test]
    fn the_type_of_a_column_follows_from_its_feature_also_without_values() {
        let features = [("a:count", ValueKind::Count), ("a:time", ValueKind::Time), ("a:titles", ValueKind::Texts)]
            .map(|(name, kind)| (name.to_owned(), kind));
        let all = Columns { keys: &["user_id"], rated: true, features: features.into() };
        let table = |rows: &[Rows]| {
            let columns = table(&all, rows).columns;
            columns.into_iter().map(|(name, column)| (name, std::mem::discriminant(&column))).collect::<Vec<_>>()
        };
        let values = vec![
            Value { kind: Some(Kind::Count(3)) },
            Value { kind: Some(Kind::Time(marquee_proto::Timestamp::default())) },
            Value { kind: None },
        ];
        let row = Rows { ids: vec!["ann".to_owned()], at: None, rating: None, values };
        assert_eq!(table(&[]), table(&[row]));
        assert_eq!(table(&[]).len(), 6, "ids, time, rating and features");
    }
}
