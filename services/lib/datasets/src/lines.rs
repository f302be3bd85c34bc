//! Reads lines of a stream with a buffer of bounded size. A record of several lines, such as one
//! with a quoted line break, is joined within the buffer.

use std::io::Read;

use memchr::memchr;

/// The longest line in bytes. A longer line is not a rating, and is skipped without being kept in
/// memory.
pub(crate) const LONGEST: usize = 1 << 20;

/// The longest record of several lines, in bytes and in lines. Beyond it, a quote that is not
/// closed is a mistake of its line only.
const LONGEST_JOINED: usize = 128 << 10;
const MOST_JOINED: u64 = 1_000;

const BUFFER: usize = 256 << 10;

/// The least room that a reader is given: a decoder needs some for a character.
pub(crate) const LEAST_ROOM: usize = 64;

/// Reads lines, without their line ending (`\n` or `\r\n`).
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The start of the record, the start of what was not read yet, and the end of the contents.
    record: usize,
    start: usize,
    end: usize,
    number: u64,
    /// The number of the record's first line, and what this line takes with its ending.
    first_number: u64,
    first_bytes: usize,
    ended: bool,
}

/// A line that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// The text of the line.
    Text(&'a [u8]),
    /// The line is longer than [`LONGEST`].
    TooLong,
}

/// The place of a line in the buffer, from the start of the record on.
struct Found {
    from: usize,
    to: usize,
    fits: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER],
            record: 0,
            start: 0,
            end: 0,
            number: 0,
            first_number: 0,
            first_bytes: 0,
            ended: false,
        }
    }

    /// Returns the number of the last line that was read, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Returns the number of the record's first line.
    pub(crate) fn first_number(&self) -> u64 {
        self.first_number
    }

    /// Returns the next line that is not blank, with its number from 1, or `None` at the end.
    pub(crate) fn next(&mut self) -> std::io::Result<Option<(u64, Line<'_>)>> {
        loop {
            self.record = self.start;
            let Some(found) = self.advance(None)? else {
                return Ok(None);
            };
            let (from, to) = (self.record + found.from, self.record + found.to);
            if found.fits && self.buffer.get(from..to).unwrap_or_default().trim_ascii().is_empty() {
                continue;
            }
            self.first_number = self.number;
            self.first_bytes = self.start - self.record;
            let text = self.buffer.get(from..to).unwrap_or_default();
            return Ok(Some((self.number, if found.fits { Line::Text(text) } else { Line::TooLong })));
        }
    }

    /// Appends the next line to the record. Returns the whole record, or `None` if there is no
    /// next line or the record is too long.
    pub(crate) fn extend(&mut self) -> std::io::Result<Option<&[u8]>> {
        if self.start - self.record > LONGEST_JOINED || self.number - self.first_number >= MOST_JOINED {
            return Ok(None);
        }
        match self.advance(Some(LONGEST_JOINED))? {
            Some(Found { to, fits: true, .. }) => Ok(self.buffer.get(self.record..self.record + to)),
            _ => Ok(None),
        }
    }

    /// Returns the text of the record: the last line, with those that were joined to it.
    pub(crate) fn record(&self) -> &[u8] {
        let text = self.buffer.get(self.record..self.start).unwrap_or_default();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        text.strip_suffix(b"\r").unwrap_or(text)
    }

    /// Undoes [`Self::extend`]: the next line is the one after the record's first line.
    pub(crate) fn rewind(&mut self) {
        self.start = self.record + self.first_bytes;
        self.number = self.first_number;
    }

    /// Moves to the end of the next line. With a limit, a longer line stays unread.
    fn advance(&mut self, limit: Option<usize>) -> std::io::Result<Option<Found>> {
        let mut searched = 0;
        let mut fits = true;
        loop {
            let pending = self.buffer.get(self.start..self.end).unwrap_or_default();
            if let Some(at) = memchr(b'\n', pending.get(searched..).unwrap_or_default()) {
                let from = self.start;
                let to = from + searched + at;
                self.start = to + 1;
                return Ok(Some(self.found(from, to, fits)));
            }
            searched = pending.len();
            if limit.is_some_and(|limit| searched > limit) {
                return Ok(None);
            }
            if searched > LONGEST {
                fits = false;
                self.start = self.end;
                self.record = self.end;
                searched = 0;
            }
            if self.ended {
                if self.start == self.end && fits {
                    return Ok(None);
                }
                let (from, to) = (self.start, self.end);
                self.start = self.end;
                return Ok(Some(self.found(from, to, fits)));
            }
            self.fill()?;
        }
    }

    fn found(&mut self, from: usize, to: usize, fits: bool) -> Found {
        self.number += 1;
        let returns = to > from && self.buffer.get(to - 1) == Some(&b'\r');
        let to = to - usize::from(returns);
        Found { from: from - self.record, to: to - self.record, fits: fits && to - from <= LONGEST }
    }

    fn fill(&mut self) -> std::io::Result<()> {
        if self.record > 0 && self.buffer.len() - self.end < self.buffer.len() / 2 || self.record == self.end {
            self.buffer.copy_within(self.record..self.end, 0);
            self.start -= self.record;
            self.end -= self.record;
            self.record = 0;
        }
        if self.buffer.len() - self.end < LEAST_ROOM {
            // One long line needs more room, which stays within the limits of a line and a record.
            self.buffer.resize(self.buffer.len() + BUFFER, 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.reader.read(room) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(());
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8]) -> Vec<(u64, Option<Vec<u8>>)> {
        let mut lines = Lines::new(bytes);
        let mut all = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            let line = match line {
                Line::Text(text) => Some(text.to_vec()),
                Line::TooLong => None,
            };
            all.push((number, line));
        }
        all
    }

    #[test]
    fn blank_lines_count_but_are_passed_over() {
        let some = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(all(b"a\r\n\n \nb\nc"), [(1, some("a")), (4, some("b")), (5, some("c"))]);
        assert_eq!(all(b""), []);
    }

    #[test]
    fn a_line_without_end_is_passed_over_in_bounded_memory() {
        let mut bytes = vec![b'x'; 5 * LONGEST];
        bytes.extend(b"\nshort\n");
        assert_eq!(all(&bytes), [(1, None), (2, Some(b"short".to_vec()))]);
        assert_eq!(all(&vec![b'x'; LONGEST + 1]), [(1, None)]);
        let mut lines = Lines::new(&bytes[..]);
        while lines.next().unwrap().is_some() {}
        assert!(lines.buffer.len() <= LONGEST + 2 * BUFFER, "{} bytes", lines.buffer.len());
    }

    #[test]
    fn a_record_of_several_lines_is_joined_and_taken_apart_again() {
        // The record lies across the end of the buffer.
        let text = format!("{}\na \"b\r\nc\nd\r\ne", "x".repeat(BUFFER - 5));
        let mut lines = Lines::new(text.as_bytes());
        lines.next().unwrap();
        assert_eq!(lines.next().unwrap(), Some((2, Line::Text(b"a \"b"))));
        assert_eq!(lines.extend().unwrap(), Some(&b"a \"b\r\nc"[..]));
        assert_eq!(lines.extend().unwrap(), Some(&b"a \"b\r\nc\nd"[..]));
        lines.rewind();
        assert_eq!((lines.record(), lines.number()), (&b"a \"b"[..], 2));
        assert_eq!(lines.next().unwrap(), Some((3, Line::Text(b"c"))));
        assert_eq!(lines.next().unwrap(), Some((4, Line::Text(b"d"))));
        assert_eq!(lines.next().unwrap(), Some((5, Line::Text(b"e"))));
        assert_eq!(lines.extend().unwrap(), None);
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_standard_library(text in "[a-c \r\n]{0,300}", repeat in 1_usize..2_000) {
            let text = text.repeat(repeat);
            let expected: Vec<_> = text
                .split('\n')
                .map(|line| line.strip_suffix('\r').unwrap_or(line))
                .zip(1..)
                .filter(|(line, _)| !line.trim_ascii().is_empty())
                .map(|(line, number)| (number, (line.len() <= LONGEST).then(|| line.as_bytes().to_vec())))
                .collect();
            prop_assert_eq!(all(text.as_bytes()), expected);
        }
    }
}
