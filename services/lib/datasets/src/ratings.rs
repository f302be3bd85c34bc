//! The rows of a rating file, one at a time.

mod columns;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use marquee_domain::Timestamp;

use crate::source::Entry;
use crate::{Error, Format, RowError};

use columns::ColumnRows;
use text::TextRows;

/// The time of the first row of a `::`-separated file without times: that of the first rating of MovieLens 1M, 2000-04-25T23:05:32Z. Row
/// after row is a second later, so the order of the file is the order of the ratings.
pub const ROW_ORDER_START: Timestamp = Timestamp::from_seconds(956_703_932);

/// A rating as it stands in the file; ids and value are not judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Line of a text file, the header being 1, or row of a Parquet file, from 1.
    pub line: u64,
    /// Who rated.
    pub user: String,
    /// What was rated.
    pub movie: String,
    /// The value; may be anything that is written as a number.
    pub rating: f64,
    /// When, if the file says: seconds since 1970, RFC 3339, or [`ROW_ORDER_START`] plus the row's position.
    pub rated_at: Option<Timestamp>,
}

/// Streams the rows of a data set. A bad row is an error, and the next one follows; after a fatal error there is none.
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

    /// Bytes of the file as it is stored that were consumed so far; in proportion to the rows for Parquet.
    pub fn bytes_read(&self) -> u64 {
        match &self.rows {
            Rows::Text(_) => self.progress.load(Ordering::Relaxed).min(self.total_bytes),
            Rows::Columns(rows) => (self.total_bytes as f64 * rows.share_read()) as u64,
        }
    }

    /// Bytes of the file as it is stored.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Passes over as many rows, good or bad, without looking at them: an import goes on where it stopped.
    ///
    /// # Errors
    /// The file cannot be read. Passing over its end is no error.
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
