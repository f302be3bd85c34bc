//! Recognizes the encoding and the line ends of a text file, and turns it into UTF-8 with `\n`.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The share of zero bytes at even or odd places by which UTF-16 without a mark is recognized.
const UTF_16_SHARE: f64 = 0.4;

const BUFFER: usize = 64 << 10;

/// A buffer with less room than this may not have room for a character.
const SMALL: usize = 64;

/// How the bytes of a file become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) encoding: &'static Encoding,
    /// Whether every line must be UTF-8. Otherwise a field that is not UTF-8 is Windows-1252,
    /// because the start of the file had only ASCII.
    pub(crate) strict: bool,
    /// Whether lines end with `\r` alone.
    pub(crate) returns: bool,
}

impl Text {
    /// Recognizes the encoding from the start of a file.
    pub(crate) fn tell(sample: &[u8], given: Option<&'static Encoding>) -> Self {
        let marked = Encoding::for_bom(sample).map(|(encoding, _)| encoding);
        let (encoding, strict) = match given.or(marked).or_else(|| unmarked_utf_16(sample)) {
            Some(encoding) => (encoding, true),
            None => match std::str::from_utf8(sample) {
                Ok(text) => (UTF_8, !text.is_ascii()),
                // The sample may end inside of a character.
                Err(error) if error.error_len().is_none() => (UTF_8, true),
                Err(_) => (WINDOWS_1252, true),
            },
        };
        let mut text = Self { encoding, strict, returns: false };
        let decoded = text.decode(sample);
        let has_line_feed = memchr::memchr(b'\n', decoded.as_bytes()).is_some();
        text.returns = !has_line_feed && memchr::memchr(b'\r', decoded.as_bytes()).is_some();
        text
    }

    /// Returns whether bytes of the file are lines of UTF-8 as they are, but for a byte order mark.
    fn is_plain(self) -> bool {
        self.encoding == UTF_8 && !self.returns
    }

    /// Decodes the start of a file.
    pub(crate) fn decode(self, sample: &[u8]) -> Cow<'_, str> {
        let text = self.encoding.decode(sample).0;
        if self.returns { Cow::Owned(text.replace('\r', "\n")) } else { text }
    }

    /// Decodes a stream.
    pub(crate) fn reader(self, bytes: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        if self.is_plain() {
            return without_mark(bytes);
        }
        let decoder = self.encoding.new_decoder_with_bom_removal();
        let input = vec![0; BUFFER];
        Ok(Box::new(Decoded {
            bytes,
            decoder,
            input,
            from: 0,
            to: 0,
            returns: self.returns,
            ended: false,
            left: io::Cursor::default(),
        }))
    }

    /// Names the encoding for people.
    pub(crate) fn name(self, sample: &[u8]) -> String {
        let mark = if Encoding::for_bom(sample).is_some() { " with a byte order mark" } else { "" };
        format!("{}{mark}", self.encoding.name())
    }
}

/// Decodes text that may be older than UTF-8, as in MovieLens 100K and 1M.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(windows_1252(bytes)),
    }
}

/// Decodes a field that is not UTF-8.
pub(crate) fn windows_1252(bytes: &[u8]) -> String {
    WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
}

/// Recognizes UTF-16 without a byte order mark: half of the bytes of Western text are zero.
fn unmarked_utf_16(sample: &[u8]) -> Option<&'static Encoding> {
    let zeros = |first: usize| {
        let bytes = sample.iter().skip(first).step_by(2);
        let (count, zeros) =
            bytes.fold((0_usize, 0_usize), |(count, zeros), byte| (count + 1, zeros + usize::from(*byte == 0)));
        zeros as f64 / count.max(1) as f64
    };
    if sample.len() < 4 {
        None
    } else if zeros(1) > UTF_16_SHARE && zeros(0) < 0.05 {
        Some(UTF_16LE)
    } else if zeros(0) > UTF_16_SHARE && zeros(1) < 0.05 {
        Some(UTF_16BE)
    } else {
        None
    }
}

fn without_mark(mut bytes: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut start = [0; 3];
    let length = crate::unpack::read_up_to(&mut bytes, &mut start)?;
    let start = start.get(..length).unwrap_or_default();
    let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start).to_vec();
    Ok(Box::new(io::Cursor::new(start).chain(bytes)))
}

/// Decodes while it reads.
struct Decoded {
    bytes: Box<dyn Read + Send>,
    decoder: Decoder,
    input: Vec<u8>,
    from: usize,
    to: usize,
    returns: bool,
    ended: bool,
    /// Text that did not fit into a small buffer.
    left: io::Cursor<Vec<u8>>,
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.read(buffer)?;
        if left > 0 || buffer.is_empty() {
            return Ok(left);
        }
        if buffer.len() >= SMALL {
            return self.decode(buffer);
        }
        let mut text = vec![0; SMALL];
        let length = self.decode(&mut text)?;
        text.truncate(length);
        self.left = io::Cursor::new(text);
        self.left.read(buffer)
    }
}

impl Decoded {
    /// Decodes into a buffer that has room for some characters.
    fn decode(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.from == self.to && !self.ended {
                self.to = self.bytes.read(&mut self.input)?;
                self.from = 0;
                self.ended = self.to == 0;
            }
            let input = self.input.get(self.from..self.to).unwrap_or_default();
            let (result, read, written, _) = self.decoder.decode_to_utf8(input, buffer, self.ended);
            self.from += read;
            if self.returns {
                let text = buffer.get_mut(..written).unwrap_or_default();
                text.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
            }
            let is_over = self.ended && result == CoderResult::InputEmpty;
            if written > 0 || is_over {
                if is_over {
                    // A decoder must not be used after its end.
                    self.decoder = UTF_8.new_decoder_without_bom_handling();
                }
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], given: Option<&'static Encoding>) -> (String, &'static str) {
        let text = Text::tell(bytes, given);
        let mut read = String::new();
        let mut reader = text.reader(Box::new(io::Cursor::new(bytes.to_vec()))).expect("readable");
        reader.read_to_string(&mut read).expect("UTF-8");
        assert_eq!(text.decode(bytes).trim_start_matches('\u{feff}'), read);
        (read, text.encoding.name())
    }

    fn utf_16(text: &str, mark: bool, big: bool) -> Vec<u8> {
        let units = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
        units.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn encodings_are_recognized_and_marks_removed() {
        let text = "user,movie,rating\né,1,4\n";
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        for (bytes, name) in [
            (text.as_bytes().to_vec(), "UTF-8"),
            (format!("\u{feff}{text}").into_bytes(), "UTF-8"),
            (latin, "windows-1252"),
            (utf_16(text, true, false), "UTF-16LE"),
            (utf_16(text, true, true), "UTF-16BE"),
            (utf_16(text, false, false), "UTF-16LE"),
            (utf_16(text, false, true), "UTF-16BE"),
        ] {
            assert_eq!(read(&bytes, None), (text.to_owned(), name));
        }
        let cyrillic = [0xc4, 0xe0, b'\n'];
        assert_eq!(read(&cyrillic, Encoding::for_label(b"windows-1251")), ("Да\n".to_owned(), "windows-1251"));
    }

    #[test]
    fn lines_that_end_with_a_return_alone_become_lines() {
        assert_eq!(read(b"a,b\rc,d\r", None).0, "a,b\nc,d\n");
        assert_eq!(read(b"a,b\r\nc\rd\r\n", None).0, "a,b\r\nc\rd\r\n", "others stay as they are");
        let long = format!("é{}", "x,y\r".repeat(100_000));
        assert_eq!(read(long.as_bytes(), None).0, long.replace('\r', "\n"));
    }

    #[test]
    fn a_sample_that_ends_inside_a_character_is_utf_8() {
        let text = "é".as_bytes();
        assert_eq!(Text::tell(&text[..1], None).encoding, UTF_8);
        assert!(!Text::tell(b"abc", None).strict);
    }
}
