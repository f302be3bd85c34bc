//! Reads the rows of a Parquet file.

use marquee_domain::Timestamp;
use marquee_parquet::{Batches, Column, Kind, Options, Table};

use crate::fields::Positions;
use crate::source::Entry;
use crate::{Error, Row, RowError, time};

/// Reads rows from batches of columns.
#[derive(Debug)]
pub(super) struct ColumnRows {
    batches: Batches,
    batch: Table,
    next: usize,
    line: u64,
    timestamps: Timestamps,
}

/// The type of the time column.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Timestamps {
    Missing,
    Seconds,
    Micros,
}

impl ColumnRows {
    pub(super) fn open(entry: &Entry) -> Result<Self, Error> {
        let failed = |source| Error::Parquet { name: entry.name.clone(), source };
        // The footer is read twice, because its column names decide which columns to read.
        let all = Batches::open(entry.random_access()?, Options { columns: Some(Vec::new()), ..Options::default() });
        let columns = all.map_err(failed)?.columns().to_vec();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let positions = Positions::find(&entry.name, &names)?;
        let wanted = [Some(positions.user), Some(positions.movie), Some(positions.rating), positions.timestamp];
        let name = |index: usize| names.get(index).map(|name| (*name).to_owned());
        let wanted = wanted.into_iter().flatten().filter_map(name).collect();
        let timestamps = match positions.timestamp.and_then(|index| columns.get(index)).map(|column| column.kind) {
            None => Timestamps::Missing,
            Some(Kind::Timestamp) => Timestamps::Micros,
            Some(_) => Timestamps::Seconds,
        };
        let options = Options { columns: Some(wanted), ..Options::default() };
        let batches = Batches::open(entry.random_access()?, options).map_err(failed)?;
        Ok(Self { batches, batch: Table::default(), next: 0, line: 0, timestamps })
    }

    pub(super) fn share_read(&self) -> f64 {
        self.line as f64 / self.batches.rows().max(1) as f64
    }

    pub(super) fn skip_rows(&mut self, rows: u64) -> Result<(), RowError> {
        let in_batch = (self.batch.rows() - self.next).min(usize::try_from(rows).unwrap_or(usize::MAX));
        self.next += in_batch;
        let before = self.batches.rows_read();
        let skipped = self.batches.skip_rows(rows - in_batch as u64);
        self.line += in_batch as u64 + (self.batches.rows_read() - before);
        skipped.map_err(|error| unreadable(self.line, &error))
    }

    pub(super) fn next(&mut self) -> Option<Result<Row, RowError>> {
        while self.next >= self.batch.rows() {
            match self.batches.next()? {
                Ok(batch) => self.batch = batch,
                Err(error) => return Some(Err(unreadable(self.line + 1, &error))),
            }
            self.next = 0;
        }
        let index = self.next;
        self.next += 1;
        self.line += 1;
        Some(self.row(index))
    }

    fn row(&self, index: usize) -> Result<Row, RowError> {
        let line = self.line;
        let column = |at: usize| self.batch.columns.get(at).map(|(_, column)| column);
        Ok(Row {
            line,
            user: id(line, "user", column(0), index)?,
            movie: id(line, "movie", column(1), index)?,
            rating: rating(line, column(2), index)?,
            rated_at: self.rated_at(column(3), index).map_err(|reason| RowError::new(line, "timestamp", reason))?,
        })
    }

    fn rated_at(&self, column: Option<&Column>, index: usize) -> Result<Option<Timestamp>, &'static str> {
        if self.timestamps == Timestamps::Missing {
            return Ok(None);
        }
        match column {
            Some(Column::Int64(values)) => match (value(values, index), self.timestamps) {
                (None, _) => Ok(None),
                (Some(micros), Timestamps::Micros) => Ok(Some(Timestamp::from_micros(*micros))),
                (Some(seconds), _) => time::from_seconds(*seconds).map(Some),
            },
            Some(Column::Float64(values)) => {
                value(values, index).map(|seconds| time::from_fractional_seconds(*seconds)).transpose()
            }
            Some(Column::Utf8(values)) => value(values, index).map(|text| time::parse(text)).transpose(),
            _ => Err("is not a time; write the column as a timestamp or as seconds since 1970"),
        }
    }
}

/// Returns a fatal error. The outer message is enough for the user, so the details of the decoder
/// are left out.
fn unreadable(line: u64, error: &marquee_parquet::Error) -> RowError {
    RowError::fatal(line, format!("cannot be read further: {error}"))
}

fn value<T>(values: &[Option<T>], index: usize) -> Option<&T> {
    values.get(index).and_then(Option::as_ref)
}

fn id(line: u64, name: &'static str, column: Option<&Column>, index: usize) -> Result<String, RowError> {
    let id = match column {
        Some(Column::Utf8(values)) => value(values, index).cloned(),
        Some(Column::Int64(values)) => value(values, index).map(i64::to_string),
        _ => return Err(RowError::new(line, name, "is neither text nor a whole number")),
    };
    id.ok_or_else(|| RowError::new(line, name, "is missing"))
}

fn rating(line: u64, column: Option<&Column>, index: usize) -> Result<f64, RowError> {
    let rating = match column {
        Some(Column::Float64(values)) => value(values, index).copied(),
        Some(Column::Int64(values)) => value(values, index).map(|value| *value as f64),
        _ => return Err(RowError::new(line, "rating", "is not a number; write the column as floating point")),
    };
    rating.ok_or_else(|| RowError::new(line, "rating", "is missing"))
}
