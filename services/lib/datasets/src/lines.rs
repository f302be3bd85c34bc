//! Reads lines of a stream with a buffer of fixed size.

use std::io::Read;

/// The longest line in bytes. A rating takes about 30 bytes. A longer line is not a rating, and is
/// skipped without being kept in memory.
pub(crate) const LONGEST: usize = 64 << 10;

const BUFFER: usize = 256 << 10;

/// Reads lines, without their line ending (`\n` or `\r\n`).
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    number: u64,
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

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; BUFFER].into_boxed_slice(), start: 0, end: 0, number: 0, ended: false }
    }

    /// Returns the number of the last line that was read, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Returns the next line that is not blank, with its number from 1, or `None` at the end.
    pub(crate) fn next(&mut self) -> std::io::Result<Option<(u64, Line<'_>)>> {
        loop {
            let Some((from, to, fits)) = self.advance()? else {
                return Ok(None);
            };
            let blank = self.buffer.get(from..to).unwrap_or_default().trim_ascii().is_empty();
            if fits && blank {
                continue;
            }
            let text = self.buffer.get(from..to).unwrap_or_default();
            return Ok(Some((self.number, if fits { Line::Text(text) } else { Line::TooLong })));
        }
    }

    /// Moves to the end of the next line. Returns its range in the buffer, and whether it fits.
    fn advance(&mut self) -> std::io::Result<Option<(usize, usize, bool)>> {
        let mut searched = 0;
        let mut fits = true;
        loop {
            let pending = self.buffer.get(self.start..self.end).unwrap_or_default();
            let found = pending.get(searched..).unwrap_or_default().iter().position(|byte| *byte == b'\n');
            if let Some(at) = found {
                let from = self.start;
                let to = from + searched + at;
                self.start = to + 1;
                self.number += 1;
                return Ok(Some((from, self.without_return(from, to), fits && to - from <= LONGEST)));
            }
            searched = pending.len();
            if searched > LONGEST {
                fits = false;
                self.start = self.end;
                searched = 0;
            }
            if self.ended {
                if self.start == self.end && fits {
                    return Ok(None);
                }
                let (from, to) = (self.start, self.end);
                self.start = self.end;
                self.number += 1;
                return Ok(Some((from, self.without_return(from, to), fits)));
            }
            self.fill()?;
        }
    }

    fn without_return(&self, from: usize, to: usize) -> usize {
        let returns = to > from && self.buffer.get(to - 1) == Some(&b'\r');
        to - usize::from(returns)
    }

    fn fill(&mut self) -> std::io::Result<()> {
        if self.start > 0 && self.buffer.len() - self.end < self.buffer.len() / 2 || self.start == self.end {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
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
        let mut bytes = vec![b'x'; 3 * BUFFER];
        bytes.extend(b"\nshort\n");
        assert_eq!(all(&bytes), [(1, None), (2, Some(b"short".to_vec()))]);
        assert_eq!(all(&vec![b'x'; LONGEST + 1]), [(1, None)]);
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
