//! Reads the rows of a rating file, or of several parts, one at a time.

mod columns;
mod json;
mod separated;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cells::Row;
use crate::error::{Error, RowError};
use crate::options::Options;
use crate::source::Entry;
use crate::understand::{Body, Understood, understand};

use columns::ColumnRows;
use json::JsonRows;
use separated::SeparatedRows;

/// Streams the rows of a data set. After the error of a bad row the next row follows. After a fatal
/// error the iterator ends.
#[derive(Debug)]
pub struct Ratings {
    parts: Arc<[Entry]>,
    options: Options,
    /// How the first part is read. Later parts with the same header are read in the same way.
    first: Understood,
    next_part: usize,
    rows: Option<Rows>,
    progress: Arc<AtomicU64>,
    /// The stored bytes of the parts that were read.
    bytes_before: u64,
    total_bytes: u64,
    /// The lines of the parts before the current one.
    lines_before: u64,
    places: Places,
    unrated: Arc<AtomicU64>,
    ended: bool,
}

/// The rows of one part.
#[derive(Debug)]
enum Rows {
    Separated(Box<SeparatedRows>),
    Json(Box<JsonRows>),
    Columns(Box<ColumnRows>),
}

/// Where the parts of a data set start. With it, a row is named by its file and the line there.
#[derive(Debug, Clone, Default)]
pub struct Places(Arc<Mutex<Vec<(u64, String)>>>);

impl Places {
    /// Returns the name of the part and the line in it. The name is `None` for a data set of one
    /// file.
    pub fn locate(&self, line: u64) -> (Option<String>, u64) {
        let Ok(starts) = self.0.lock() else { return (None, line) };
        let part = starts.iter().rev().find(|(before, _)| *before < line).or(starts.first());
        match part {
            Some((before, name)) if !name.is_empty() => (Some(name.clone()), line - before),
            _ => (None, line),
        }
    }

    fn start(&self, before: u64, name: String) {
        if let Ok(mut starts) = self.0.lock() {
            starts.push((before, name));
        }
    }
}

impl Ratings {
    pub(crate) fn open(parts: Arc<[Entry]>, first: Understood, options: Options) -> Result<Self, Error> {
        let total_bytes = parts.iter().map(Entry::stored_bytes).sum();
        let mut ratings = Self {
            parts,
            options,
            first,
            next_part: 0,
            rows: None,
            progress: Arc::new(AtomicU64::new(0)),
            bytes_before: 0,
            total_bytes,
            lines_before: 0,
            places: Places::default(),
            unrated: Arc::default(),
            ended: false,
        };
        ratings.open_part()?;
        Ok(ratings)
    }

    /// Opens the next part. Returns `false` if there is none.
    fn open_part(&mut self) -> Result<bool, Error> {
        if let Some(rows) = self.rows.take() {
            self.lines_before += rows.lines();
            self.bytes_before += self.parts.get(self.next_part - 1).map_or(0, Entry::stored_bytes);
        }
        let Some(entry) = self.parts.get(self.next_part) else { return Ok(false) };
        let understood = match self.next_part {
            0 => self.first.clone(),
            _ if is_alike(entry, &self.first)? => self.first.clone(),
            _ => understand(entry, &self.options)?,
        };
        self.next_part += 1;
        let name = if self.parts.len() > 1 { entry.name.clone() } else { String::new() };
        self.places.start(self.lines_before, name);
        self.progress = Arc::new(AtomicU64::new(0));
        let Understood { body, mut reading, .. } = understood;
        reading.given = entry.given(&self.options).cells();
        self.rows = Some(match body {
            Body::Separated(text, layout) => {
                Rows::Separated(Box::new(SeparatedRows::open(entry, text, layout, reading, &self.progress)?))
            }
            Body::Json(text, framing, keys) => {
                Rows::Json(Box::new(JsonRows::open(entry, text, framing, keys, reading, &self.progress)?))
            }
            Body::Columns(columns) => Rows::Columns(Box::new(ColumnRows::open(entry, columns, reading)?)),
        });
        Ok(true)
    }

    /// Returns how many bytes of the stored files were read. For Parquet it is estimated from the
    /// number of rows.
    pub fn bytes_read(&self) -> u64 {
        let part = self.next_part.checked_sub(1).and_then(|at| self.parts.get(at)).map_or(0, Entry::stored_bytes);
        let read = match &self.rows {
            Some(Rows::Columns(rows)) => (part as f64 * rows.share_read()) as u64,
            Some(_) => self.progress.load(Ordering::Relaxed).min(part),
            None => 0,
        };
        (self.bytes_before + read).min(self.total_bytes)
    }

    /// Returns the size of the files as they are stored.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Returns the number of rows that say that there is no rating. They are left out. The value
    /// follows the reading.
    pub fn unrated(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.unrated)
    }

    /// Returns where the parts start that were read so far. The value follows the reading.
    pub fn places(&self) -> Places {
        self.places.clone()
    }

    /// Skips rows, valid or not. Where every line is a row they are not parsed. With this an import
    /// continues where it stopped.
    ///
    /// # Errors
    /// The file cannot be read. Skipping beyond its end is not an error.
    pub fn skip_rows(&mut self, rows: u64) -> Result<(), RowError> {
        let mut left = rows;
        while left > 0 && !self.ended {
            let skipped = match &mut self.rows {
                None => break,
                Some(Rows::Separated(rows)) => rows.skip_rows(left),
                Some(Rows::Json(rows)) => rows.skip_rows(left),
                Some(Rows::Columns(rows)) => rows.skip_rows(left),
            };
            match skipped {
                Err(error) => {
                    self.ended = true;
                    return Err(self.within_set(error));
                }
                Ok(skipped) => left -= skipped.min(left),
            }
            if left > 0 {
                self.advance()?;
            }
        }
        Ok(())
    }

    /// Moves to the next part, or ends.
    fn advance(&mut self) -> Result<(), RowError> {
        let opened = self.open_part();
        let line = self.lines_before + 1;
        match opened {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.ended = true;
                Ok(())
            }
            Err(error) => {
                self.ended = true;
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                Err(RowError::fatal(line, format!("cannot be read further: {error}{cause}")))
            }
        }
    }

    fn within_set(&self, mut error: RowError) -> RowError {
        error.line += self.lines_before;
        error
    }
}

impl Rows {
    fn next(&mut self) -> Option<Result<Option<Row>, RowError>> {
        match self {
            Self::Separated(rows) => rows.next(),
            Self::Json(rows) => rows.next(),
            Self::Columns(rows) => rows.next(),
        }
    }

    /// Returns the number of lines that were read.
    fn lines(&self) -> u64 {
        match self {
            Self::Separated(rows) => rows.lines(),
            Self::Json(rows) => rows.lines(),
            Self::Columns(rows) => rows.lines(),
        }
    }
}

impl Iterator for Ratings {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.rows.as_mut()?.next() {
                Some(Ok(Some(mut row))) => {
                    row.line += self.lines_before;
                    return Some(Ok(row));
                }
                Some(Ok(None)) => {
                    self.unrated.fetch_add(1, Ordering::Relaxed);
                }
                Some(Err(error)) => {
                    self.ended = error.fatal;
                    return Some(Err(self.within_set(error)));
                }
                None => {
                    if let Err(error) = self.advance() {
                        return Some(Err(error));
                    }
                }
            }
        }
        None
    }
}

/// Skips rows by reading them, where some say that there is no rating and so do not count. Returns
/// how many, fewer at the end.
fn skip_by_reading(
    rows: u64,
    mut next: impl FnMut() -> Option<Result<Option<Row>, RowError>>,
) -> Result<u64, RowError> {
    let mut skipped = 0;
    while skipped < rows {
        match next() {
            None => break,
            Some(Err(error)) if error.fatal => return Err(error),
            Some(Ok(None)) => {}
            Some(_) => skipped += 1,
        }
    }
    Ok(skipped)
}

/// Returns whether a later part is read like the first one: it has the same header, or there are
/// none.
fn is_alike(entry: &Entry, first: &Understood) -> Result<bool, Error> {
    let Body::Separated(text, layout) = &first.body else { return Ok(matches!(first.body, Body::Json(..))) };
    let Some(header) = &layout.header else { return Ok(true) };
    let sample = entry.sample()?;
    let decoded = text.decode(&sample.bytes);
    let mut records = crate::records::Records::new(decoded.as_bytes(), layout.splitting, 0);
    while let Ok(Some((number, _))) = records.next() {
        if number == layout.skip {
            let name = |at: usize| String::from_utf8_lossy(records.get(at).unwrap_or_default()).trim().to_owned();
            let is_same = |(at, known): (usize, &String)| name(at).trim_start_matches('\u{feff}') == known;
            return Ok(header.iter().enumerate().all(is_same));
        }
    }
    // A part without rows may have no header either.
    Ok(decoded.trim().is_empty())
}
