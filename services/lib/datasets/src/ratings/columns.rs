//! Reads the rows of a Parquet file.

use marquee_parquet::{Batches, ColumnInfo, Table};

use super::skip_by_reading;
use crate::cells::{Reading, Row};
use crate::columns;
use crate::error::{Error, RowError};
use crate::names::Field;
use crate::source::Entry;

/// Rows in a batch of columns.
const BATCH_ROWS: usize = 8_192;

/// Reads rows from batches of columns.
#[derive(Debug)]
pub(super) struct ColumnRows {
    batches: Batches,
    batch: Table,
    columns: Vec<(Field, ColumnInfo)>,
    reading: Reading,
    next: usize,
    line: u64,
}

impl ColumnRows {
    pub(super) fn open(entry: &Entry, columns: Vec<(Field, ColumnInfo)>, reading: Reading) -> Result<Self, Error> {
        let batches = columns::open(entry, &columns, BATCH_ROWS)?;
        Ok(Self { batches, batch: Table::default(), columns, reading, next: 0, line: 0 })
    }

    pub(super) fn lines(&self) -> u64 {
        self.line
    }

    pub(super) fn share_read(&self) -> f64 {
        self.line as f64 / self.batches.rows().max(1) as f64
    }

    /// Skips rows. Returns how many, fewer at the end.
    pub(super) fn skip_rows(&mut self, rows: u64) -> Result<u64, RowError> {
        if !self.reading.unrated.is_empty() {
            return skip_by_reading(rows, || self.next());
        }
        let in_batch = (self.batch.rows() - self.next).min(usize::try_from(rows).unwrap_or(usize::MAX));
        self.next += in_batch;
        let before = self.batches.rows_read();
        let skipped = self.batches.skip_rows(rows - in_batch as u64);
        let count = in_batch as u64 + (self.batches.rows_read() - before);
        self.line += count;
        skipped.map_err(|error| unreadable(self.line, &error))?;
        Ok(count)
    }

    pub(super) fn next(&mut self) -> Option<Result<Option<Row>, RowError>> {
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
        Some(self.reading.row(self.line, &columns::cells(&self.batch, &self.columns, index)))
    }
}

/// Returns a fatal error. The outer message is enough for the user, so the details of the decoder
/// are left out.
fn unreadable(line: u64, error: &marquee_parquet::Error) -> RowError {
    RowError::fatal(line, format!("cannot be read further: {error}"))
}
