//! Finds the objects of a JSON file: one on each line, or anywhere in an array. Only one object is
//! kept in memory.

use std::io::{self, Read};

use crate::lines::{LEAST_ROOM, LONGEST, Line, Lines};

const BUFFER: usize = 256 << 10;

/// How the objects of a file stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// One on each line.
    Lines,
    /// In an array, or one after another, over any number of lines.
    Stream {
        /// Whether an object stands around the array.
        wrapped: bool,
    },
}

impl Framing {
    /// Recognizes the framing from the start of a file. Returns `None` if it is not JSON.
    pub(crate) fn tell(sample: &str) -> Option<Self> {
        let start = sample.trim_start_matches('\u{feff}').trim_start();
        if !start.starts_with(['{', '[']) {
            return None;
        }
        let is_object = |line: &str| {
            line.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
        };
        let is_wrapped = start.starts_with('{') && is_wrapper(start);
        if !start.starts_with('[') && !is_wrapped && sample.lines().take(100).any(is_object) {
            return Some(Self::Lines);
        }
        Some(Self::Stream { wrapped: is_wrapped })
    }
}

/// Returns whether a text starts with an object that holds an array of objects, `{"ratings": [{`.
fn is_wrapper(text: &str) -> bool {
    let inner = text.strip_prefix('{').map(str::trim_start).and_then(|rest| rest.strip_prefix('"'));
    let Some((_, behind)) = inner.and_then(|rest| rest.split_once('"')) else { return false };
    let array = behind.trim_start().strip_prefix(':').map(str::trim_start).and_then(|rest| rest.strip_prefix('['));
    array.is_some_and(|array| array.trim_start().starts_with('{'))
}

/// What stands at a place of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    /// An object, or a line that should be one.
    Object,
    /// An object that is longer than the limit.
    TooLong,
    /// Text that belongs to no object.
    Stray,
    /// The file ends inside of an object.
    Cut,
}

/// Reads objects.
pub(crate) enum Frames<R> {
    Lines(Lines<R>),
    Stream(Stream<R>),
}

impl<R: Read> Frames<R> {
    pub(crate) fn new(reader: R, framing: Framing) -> Self {
        match framing {
            Framing::Lines => Self::Lines(Lines::new(reader)),
            Framing::Stream { wrapped } => Self::Stream(Stream::new(reader, wrapped)),
        }
    }

    /// Returns the next frame with the number of its first line, or `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Frame)>> {
        match self {
            Self::Lines(lines) => Ok(lines.next()?.map(|(number, line)| match line {
                Line::Text(_) => (number, Frame::Object),
                Line::TooLong => (number, Frame::TooLong),
            })),
            Self::Stream(stream) => stream.next(),
        }
    }

    /// Returns the text of the last frame.
    pub(crate) fn text(&self) -> &[u8] {
        match self {
            Self::Lines(lines) => lines.record(),
            Self::Stream(stream) => stream.buffer.get(stream.start..stream.at).unwrap_or_default(),
        }
    }

    /// Returns the number of the last line that was read.
    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.number(),
            Self::Stream(stream) => stream.line,
        }
    }
}

/// Finds objects by their braces.
pub(crate) struct Stream<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The start of the frame, the next byte, and the end of the contents.
    start: usize,
    at: usize,
    end: usize,
    line: u64,
    /// Whether the bracket of the array is still to come.
    wrapped: bool,
    ended: bool,
}

impl<R: Read> Stream<R> {
    fn new(reader: R, wrapped: bool) -> Self {
        Self { reader, buffer: vec![0; BUFFER], start: 0, at: 0, end: 0, line: 1, wrapped, ended: false }
    }

    /// Returns the next byte and moves behind it, or `None` at the end.
    fn byte(&mut self) -> io::Result<Option<u8>> {
        if self.at == self.end && !self.fill()? {
            return Ok(None);
        }
        let byte = self.buffer.get(self.at).copied();
        self.at += 1;
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }

    fn fill(&mut self) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.at -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < LEAST_ROOM {
            self.buffer.resize(self.buffer.len() + BUFFER, 0);
        }
        while !self.ended {
            match self.reader.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn next(&mut self) -> io::Result<Option<(u64, Frame)>> {
        loop {
            self.start = self.at;
            let Some(byte) = self.byte()? else { return Ok(None) };
            match byte {
                b'[' if self.wrapped => self.wrapped = false,
                _ if self.wrapped => {}
                b'{' => return self.object().map(Some),
                b'[' | b']' | b'}' | b',' => {}
                byte if byte.is_ascii_whitespace() => {}
                _ => {
                    let line = self.line;
                    self.pass_line()?;
                    return Ok(Some((line, Frame::Stray)));
                }
            }
        }
    }

    /// Moves to the brace that closes an object.
    fn object(&mut self) -> io::Result<(u64, Frame)> {
        let first = self.line;
        let (mut depth, mut is_text, mut is_escaped) = (1_u32, false, false);
        while depth > 0 {
            let Some(byte) = self.byte()? else { return Ok((first, Frame::Cut)) };
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if is_text => is_escaped = true,
                b'"' => is_text = !is_text,
                b'{' if !is_text => depth += 1,
                b'}' if !is_text => depth -= 1,
                _ => {}
            }
            if self.at - self.start > LONGEST {
                self.start = self.at;
                self.pass_line()?;
                return Ok((first, Frame::TooLong));
            }
        }
        Ok((first, Frame::Object))
    }

    /// Moves to the end of the line, and keeps at most its start.
    fn pass_line(&mut self) -> io::Result<()> {
        while let Some(byte) = self.byte()? {
            if byte == b'\n' {
                break;
            }
            if self.at - self.start > LONGEST {
                self.start = self.at;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u64, Frame, String)> {
        let mut frames = Frames::new(text.as_bytes(), Framing::tell(text).expect("JSON"));
        let mut read = Vec::new();
        while let Some((line, frame)) = frames.next().expect("readable") {
            read.push((line, frame, String::from_utf8_lossy(frames.text()).into_owned()));
        }
        read
    }

    fn lines(text: &str) -> Vec<u64> {
        read(text).iter().filter(|(_, frame, _)| *frame == Frame::Object).map(|(line, _, _)| *line).collect()
    }

    #[test]
    fn objects_are_found_on_lines_and_in_arrays() {
        assert_eq!(
            lines("{\"a\":1}\n\n{\"a\":2}\nnonsense\n"),
            [1, 3, 4],
            "a line that is no object is one all the same"
        );
        assert_eq!(lines("[\n {\n  \"a\": \"}{\\\"\"\n },\n {\"a\": {}}\n]\n"), [2, 5]);
        assert_eq!(lines("[{\"a\":1},{\"a\":2}]"), [1, 1]);
        assert_eq!(lines("{\n \"ratings\": [\n  {\"a\": 1},\n  {\"a\": [1]}\n ]\n}"), [3, 4]);
        assert_eq!(lines("{\n\"a\": 1\n}\n{\n\"a\": 2\n}"), [1, 4]);
        assert_eq!(Framing::tell("a,b\n"), None);
    }

    #[test]
    fn what_is_no_object_is_passed_over_in_bounded_memory() {
        let frames = |text: &str| read(text).into_iter().map(|(line, frame, _)| (line, frame)).collect::<Vec<_>>();
        assert_eq!(frames("[nonsense,\n{\"a\":1}]"), [(1, Frame::Stray), (2, Frame::Object)]);
        assert_eq!(frames("[{\"a\":1},{\"a\":"), [(1, Frame::Object), (1, Frame::Cut)]);
        let long = format!("[{{\"a\":\"{}\"}},\n{{\"a\":2}}]", "x".repeat(3 * LONGEST));
        assert_eq!(frames(&long), [(1, Frame::TooLong), (2, Frame::Object)]);
    }
}
