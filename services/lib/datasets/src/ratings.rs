//! Reads the rows of a rating file one at a time.

mod columns;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use marquee_domain::Timestamp;

use crate::source::Entry;
use crate::{Error, Format, RowError};

use columns::ColumnRows;
use text::TextRows;

/// The time of the first line of a file for rows without a time. It is the time of the first rating
/// in MovieLens 1M, 2000-04-25T23:05:32Z. Each line is one second later than the line before, so
/// the ratings keep the order of the file, and a file that is read again has the same times.
pub const ROW_ORDER_START: Timestamp = Timestamp::from_seconds(956_703_932);

/// A rating as it is in the file. Its ids and its value are not checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The line of a text file, where the header is line 1, or the row of a Parquet file, from 1.
    pub line: u64,
    /// The id of the user.
    pub user: String,
    /// The id of the movie.
    pub movie: String,
    /// The value, which can be any number.
    pub rating: f64,
    /// The time, if the row has one.
    pub rated_at: Option<Timestamp>,
}

impl Row {
    /// Returns the time of the rating. A row without one has the time of its place in the file: the
    /// first line has [`ROW_ORDER_START`].
    pub fn time(&self) -> Timestamp {
        let in_order = || ROW_ORDER_START.plus(Duration::from_secs(self.line.saturating_sub(1)));
        self.rated_at.unwrap_or_else(in_order)
    }
}

/// Streams the rows of a data set. After the error of a bad row the next row follows. After a fatal
/// error the iterator ends.
#[derive(Debug)]
pub struct Ratings {
    rows: Rows,
    progress: Arc<AtomicU64>,
    total_bytes: u64,
    ended: bool,
}

#[derive(Debug)]
enum Rows {
    Text(TextRows),
    Columns(Box<ColumnRows>),
}

impl Ratings {
    pub(crate) fn open(entry: &Entry, format: Format) -> Result<Self, Error> {
        let progress = Arc::new(AtomicU64::new(0));
        let rows = match format {
            Format::Parquet => Rows::Columns(Box::new(ColumnRows::open(entry)?)),
            text => Rows::Text(TextRows::open(entry, text, &progress)?),
        };
        Ok(Self { rows, progress, total_bytes: entry.stored_bytes(), ended: false })
    }

    /// Returns how many bytes of the stored file were read. For Parquet it is estimated from the
    /// number of rows.
    pub fn bytes_read(&self) -> u64 {
        match &self.rows {
            Rows::Text(_) => self.progress.load(Ordering::Relaxed).min(self.total_bytes),
            Rows::Columns(rows) => (self.total_bytes as f64 * rows.share_read()) as u64,
        }
    }

    /// Returns the size of the file as it is stored.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Skips rows, valid or not, without parsing them. With this an import continues where it
    /// stopped.
    ///
    /// # Errors
    /// The file cannot be read. Skipping beyond its end is not an error.
    pub fn skip_rows(&mut self, rows: u64) -> Result<(), RowError> {
        let skipped = match &mut self.rows {
            Rows::Text(text) => text.skip_rows(rows),
            Rows::Columns(columns) => columns.skip_rows(rows),
        };
        self.ended |= skipped.is_err();
        skipped
    }
}

impl Iterator for Ratings {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = match &mut self.rows {
            Rows::Text(text) => text.next(),
            Rows::Columns(columns) => columns.next(),
        };
        self.ended = matches!(&row, None | Some(Err(RowError { fatal: true, .. })));
        row
    }
}
