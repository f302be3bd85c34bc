//! Reads the rows of a file of JSON objects.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::skip_by_reading;
use crate::cells::{Reading, Row};
use crate::encoding::Text;
use crate::error::{Error, RowError};
use crate::json::Keys;
use crate::json::frames::{Frame, Frames, Framing};
use crate::lines::LONGEST;
use crate::source::Entry;

/// Reads rows from objects.
pub(super) struct JsonRows {
    frames: Frames<Box<dyn Read + Send>>,
    keys: Keys,
    reading: Reading,
}

impl fmt::Debug for JsonRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonRows").field("reading", &self.reading).finish_non_exhaustive()
    }
}

impl JsonRows {
    pub(super) fn open(
        entry: &Entry,
        text: Text,
        framing: Framing,
        keys: Keys,
        reading: Reading,
        progress: &Arc<AtomicU64>,
    ) -> Result<Self, Error> {
        let reader = text.reader(entry.reader(progress)?);
        let reader = reader.map_err(|source| Error::Read { name: entry.name.clone(), source })?;
        Ok(Self { frames: Frames::new(reader, framing), keys, reading })
    }

    pub(super) fn lines(&self) -> u64 {
        self.frames.number()
    }

    /// Skips rows. Returns how many, fewer at the end.
    pub(super) fn skip_rows(&mut self, rows: u64) -> Result<u64, RowError> {
        if !self.reading.unrated.is_empty() {
            return skip_by_reading(rows, || self.next());
        }
        let mut skipped = 0;
        while skipped < rows && self.frame()?.is_some() {
            skipped += 1;
        }
        Ok(skipped)
    }

    fn frame(&mut self) -> Result<Option<(u64, Frame)>, RowError> {
        let line = self.frames.number() + 1;
        match self.frames.next() {
            Ok(Some((line, Frame::Cut))) => Err(RowError::fatal(line, "ends inside of a JSON object")),
            Ok(frame) => Ok(frame),
            Err(error) => Err(RowError::fatal(line, format!("cannot be read further: {error}"))),
        }
    }

    pub(super) fn next(&mut self) -> Option<Result<Option<Row>, RowError>> {
        let (line, frame) = match self.frame() {
            Ok(None) => return None,
            Ok(Some(found)) => found,
            Err(error) => return Some(Err(error)),
        };
        let row = match frame {
            Frame::TooLong => {
                Err(RowError::new(line, "line", format!("is longer than {LONGEST} bytes: give one rating a line")))
            }
            Frame::Stray | Frame::Cut => Err(RowError::new(line, "line", "is not a JSON object with a rating")),
            Frame::Object => match self.keys.parse(self.frames.text()) {
                Ok(found) => self.reading.row(line, &found.cells),
                Err(error) => Err(RowError::new(line, "line", format!("is not a JSON object with a rating: {error}"))),
            },
        };
        Some(row.map_err(|error| error.with_text(self.frames.text())))
    }
}
