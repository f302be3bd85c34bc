//! Reads the rows of a text with separators.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::skip_by_reading;
use crate::cells::{Cell, Cells, Reading, Row};
use crate::encoding::Text;
use crate::error::{Error, RowError};
use crate::lines::LONGEST;
use crate::names::Field;
use crate::records::{Record, Records};
use crate::sniff::{Layout, Rows};
use crate::source::Entry;

/// Reads rows from records.
pub(super) struct SeparatedRows {
    records: Records<Box<dyn Read + Send>>,
    layout: Layout,
    /// The fields with their columns.
    columns: Vec<(Field, usize)>,
    reading: Reading,
    /// The movie of the ratings that follow, in a file of the Netflix Prize.
    movie: Option<String>,
    /// The line and the next column of a row of a matrix.
    cell: Option<(u64, usize)>,
}

impl fmt::Debug for SeparatedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeparatedRows").field("layout", &self.layout).finish_non_exhaustive()
    }
}

fn unreadable(line: u64, error: &std::io::Error) -> RowError {
    RowError::fatal(line, format!("cannot be read further: {error}"))
}

impl SeparatedRows {
    pub(super) fn open(
        entry: &Entry,
        text: Text,
        layout: Layout,
        reading: Reading,
        progress: &Arc<AtomicU64>,
    ) -> Result<Self, Error> {
        let reader = text.reader(entry.reader(progress)?);
        let reader = reader.map_err(|source| Error::Read { name: entry.name.clone(), source })?;
        let records = Records::new(reader, layout.splitting, layout.width);
        let columns = layout.columns.iter().collect();
        Ok(Self { records, layout, columns, reading, movie: None, cell: None })
    }

    pub(super) fn lines(&self) -> u64 {
        self.records.number()
    }

    /// Skips rows. Returns how many, fewer at the end.
    pub(super) fn skip_rows(&mut self, rows: u64) -> Result<u64, RowError> {
        if !self.reading.unrated.is_empty() || self.layout.rows != Rows::Ratings {
            return skip_by_reading(rows, || self.next());
        }
        let mut skipped = 0;
        while skipped < rows {
            let line = self.records.number() + 1;
            if !self.records.skip().map_err(|error| unreadable(line, &error))? {
                break;
            }
            skipped += u64::from(self.records.first_number() > self.layout.skip);
        }
        Ok(skipped)
    }

    pub(super) fn next(&mut self) -> Option<Result<Option<Row>, RowError>> {
        loop {
            if let Some(row) = self.next_of_matrix() {
                return Some(row);
            }
            let line = self.records.number() + 1;
            let (number, record) = match self.records.next() {
                Ok(None) => return None,
                Ok(Some(found)) => found,
                Err(error) => return Some(Err(unreadable(line, &error))),
            };
            if number <= self.layout.skip {
                continue;
            }
            let row = match record {
                Record::TooLong => {
                    let reason = format!("is longer than {LONGEST} bytes: give one rating a line");
                    return Some(Err(RowError::new(number, "line", reason)));
                }
                Record::Unclosed => Err(RowError::new(number, "line", "has quotes that do not match")),
                Record::Fields => match &self.layout.rows {
                    Rows::Ratings => self.row(number),
                    Rows::Netflix => match self.netflix_movie() {
                        Some(movie) => {
                            self.movie = Some(movie);
                            continue;
                        }
                        None => self.row(number),
                    },
                    Rows::Matrix { .. } => {
                        self.cell = Some((number, 0));
                        continue;
                    }
                },
            };
            return Some(row.map_err(|error| error.with_text(self.records.text())));
        }
    }

    fn row(&self, line: u64) -> Result<Option<Row>, RowError> {
        let (count, width) = (self.records.len(), self.layout.width);
        if count > width {
            let has_more =
                (width..count).any(|at| self.records.get(at).is_some_and(|field| !field.trim_ascii().is_empty()));
            if has_more {
                let reason = format!("has {count} values instead of {width}; put values with the separator in quotes");
                return Err(RowError::new(line, "line", reason));
            }
        }
        let mut cells = Cells::default();
        for (field, at) in &self.columns {
            cells.set(
                *field,
                match self.records.get(*at) {
                    Some(bytes) => Cell::Text(Cow::Borrowed(bytes)),
                    None => Cell::Short,
                },
            );
        }
        if let Some(movie) = &self.movie {
            cells.set(Field::Movie, Cell::of_text(movie));
        }
        self.reading.row(line, &cells)
    }

    /// Returns the movie of a line such as `17:`.
    fn netflix_movie(&self) -> Option<String> {
        let only = if self.records.len() == 1 { self.records.get(0)? } else { return None };
        let id = std::str::from_utf8(only).ok()?.trim().strip_suffix(':')?;
        Some(id.to_owned())
    }

    /// Returns the next rating of a row of a matrix.
    fn next_of_matrix(&mut self) -> Option<Result<Option<Row>, RowError>> {
        let Rows::Matrix { movies, none } = &self.layout.rows else { return None };
        let (line, mut next) = self.cell?;
        while let Some((at, movie)) = movies.get(next) {
            next += 1;
            let value = self.records.get(*at).unwrap_or_default();
            let is_none = value.trim_ascii().is_empty()
                || none.is_some_and(|none| {
                    std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok()) == Some(none)
                });
            if is_none {
                continue;
            }
            self.cell = Some((line, next));
            let mut cells = Cells::default();
            cells.set(Field::Rating, Cell::Text(Cow::Borrowed(value)));
            cells.set(Field::Movie, Cell::of_text(movie));
            let user = self.layout.columns.get(Field::User).and_then(|at| self.records.get(at));
            let number = i64::try_from(line).unwrap_or(i64::MAX);
            cells.set(Field::User, user.map_or(Cell::Integer(number), |user| Cell::Text(Cow::Borrowed(user))));
            let row = self.reading.row(line, &cells);
            return Some(row.map_err(|error| error.with_text(value)));
        }
        self.cell = None;
        None
    }
}
