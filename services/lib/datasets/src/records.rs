//! Reads records of a text with separators: one line each, or several where quotes hold a line
//! break.
//!
//! A quote that nobody closes is a mistake of its line only. So several lines are one record only
//! if the quote is closed soon and the record then has the usual number of fields.

use std::io::{self, Read};

use crate::lines::{Line, Lines};
use crate::split::{Split, Splitter, Splitting};

/// A record that was read. Its fields are in [`Records::get`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// Fields.
    Fields,
    /// A quote is not closed.
    Unclosed,
    /// The line is too long to be a record.
    TooLong,
}

/// Reads records.
pub(crate) struct Records<R> {
    lines: Lines<R>,
    splitter: Splitter,
    quote: Option<u8>,
    /// The usual number of fields, or 0 if it is not known yet.
    width: usize,
}

impl<R: Read> Records<R> {
    pub(crate) fn new(reader: R, splitting: Splitting, width: usize) -> Self {
        Self { lines: Lines::new(reader), splitter: Splitter::new(splitting), quote: splitting.quote, width }
    }

    /// Returns the number of the last line that was read.
    pub(crate) fn number(&self) -> u64 {
        self.lines.number()
    }

    /// Returns the number of the first line of the last record.
    pub(crate) fn first_number(&self) -> u64 {
        self.lines.first_number()
    }

    /// Returns the next record with the number of its first line, or `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Record)>> {
        match self.lines.next()? {
            None => Ok(None),
            Some((number, Line::TooLong)) => Ok(Some((number, Record::TooLong))),
            Some((number, Line::Text(text))) => match self.splitter.split(text) {
                Split::Complete => Ok(Some((number, Record::Fields))),
                Split::Open => Ok(Some((number, self.join()?))),
            },
        }
    }

    /// Skips the next record without splitting it. Returns `false` at the end.
    pub(crate) fn skip(&mut self) -> io::Result<bool> {
        let has_quote = match self.lines.next()? {
            None => return Ok(false),
            Some((_, Line::TooLong)) => false,
            Some((_, Line::Text(text))) => self.quote.is_some_and(|quote| memchr::memchr(quote, text).is_some()),
        };
        if has_quote && self.splitter.split(self.lines.record()) == Split::Open {
            self.join()?;
        }
        Ok(true)
    }

    /// Joins lines to an open record until its quotes are closed.
    fn join(&mut self) -> io::Result<Record> {
        while let Some(text) = self.lines.extend()? {
            if self.splitter.split(text) == Split::Open {
                continue;
            }
            let is_usual = self.width == 0 || self.splitter.len() == self.width;
            if is_usual && self.splitter.closes_fields(self.lines.record()) {
                return Ok(Record::Fields);
            }
            break;
        }
        self.lines.rewind();
        Ok(Record::Unclosed)
    }

    /// Returns the number of fields of the last record.
    pub(crate) fn len(&self) -> usize {
        self.splitter.len()
    }

    /// Returns a field of the last record.
    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        self.splitter.get(self.lines.record(), index)
    }

    /// Returns the text of the last record.
    pub(crate) fn text(&self) -> &[u8] {
        self.lines.record()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Separator;

    fn read(text: &str, width: usize) -> Vec<(u64, Record, Vec<String>)> {
        let splitting = Splitting { separator: Separator::Byte(b','), quote: Some(b'"'), escape: false, padded: false };
        let mut records = Records::new(text.as_bytes(), splitting, width);
        let mut read = Vec::new();
        while let Some((number, record)) = records.next().expect("readable") {
            let field = |index| String::from_utf8_lossy(records.get(index).unwrap_or_default()).into_owned();
            let fields = if record == Record::Fields { (0..records.len()).map(field).collect() } else { Vec::new() };
            read.push((number, record, fields));
        }
        let mut skipped = Records::new(text.as_bytes(), splitting, width);
        assert_eq!(
            (0..).take_while(|_| skipped.skip().expect("readable")).count(),
            read.len(),
            "skipping keeps records"
        );
        read
    }

    #[test]
    fn a_quoted_line_break_belongs_to_its_record() {
        let read = read("1,\"two\r\nlines, and\n\nfour\",3\n4,5,6\n", 3);
        assert_eq!(read[0].2, ["1", "two\r\nlines, and\n\nfour", "3"]);
        assert_eq!((read[1].0, read[1].2.len(), read.len()), (5, 3, 2));
    }

    #[test]
    fn a_quote_that_is_not_closed_spoils_only_its_line() {
        for text in ["1,\"2,3\n4,5,6\n7,8,9", "1,\"2,3\n4,5,6\n7,\"8\",9"] {
            let read = read(text, 3);
            let records: Vec<_> = read.iter().map(|(number, record, _)| (*number, *record)).collect();
            assert_eq!(records, [(1, Record::Unclosed), (2, Record::Fields), (3, Record::Fields)], "{text}");
        }
    }
}
