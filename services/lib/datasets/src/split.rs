//! Splits a line into fields. Lines with quotes go through the `csv-core` crate.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

/// What stands between the fields of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separator {
    /// `::`, without quotes.
    DoubleColon,
    /// One byte, with quotes if the dialect has them.
    Byte(u8),
    /// One or more blanks or tabs.
    Blanks,
}

impl Separator {
    /// Returns the separator for people.
    pub(crate) fn name(self) -> String {
        match self {
            Self::DoubleColon => "`::`".to_owned(),
            Self::Byte(b'\t') => "tab".to_owned(),
            Self::Byte(b',') => "comma".to_owned(),
            Self::Byte(b';') => "semicolon".to_owned(),
            Self::Byte(byte) => format!("`{}`", char::from(byte)),
            Self::Blanks => "blanks".to_owned(),
        }
    }
}

/// How lines are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Splitting {
    pub(crate) separator: Separator,
    /// The quote, if fields may be in quotes.
    pub(crate) quote: Option<u8>,
    /// Whether a backslash escapes a quote, as MySQL writes it. Otherwise a quote inside of a field
    /// is doubled (RFC 4180).
    pub(crate) escape: bool,
    /// Whether blanks may stand before a quote.
    pub(crate) padded: bool,
}

/// Whether a record is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    Complete,
    /// A quote is not closed: the record may go on in the next line.
    Open,
}

/// Splits records. The fields of the last one stay in it.
pub(crate) struct Splitter {
    splitting: Splitting,
    reader: Reader,
    /// The fields: ranges of the line, or of `unquoted` for a record with quotes.
    fields: Vec<(usize, usize)>,
    unquoted: Vec<u8>,
    ends: Vec<usize>,
    stripped: Vec<u8>,
    is_unquoted: bool,
}

impl Splitter {
    pub(crate) fn new(splitting: Splitting) -> Self {
        let mut builder = ReaderBuilder::new();
        if let Separator::Byte(byte) = splitting.separator {
            builder.delimiter(byte);
        }
        builder.terminator(Terminator::Any(b'\n'));
        builder.quote(splitting.quote.unwrap_or(b'"')).quoting(splitting.quote.is_some());
        if splitting.escape {
            builder.escape(Some(b'\\'));
        }
        Self {
            splitting,
            reader: builder.build(),
            fields: Vec::new(),
            unquoted: Vec::new(),
            ends: Vec::new(),
            stripped: Vec::new(),
            is_unquoted: false,
        }
    }

    /// Splits a record. Only a quoted record can be open.
    pub(crate) fn split(&mut self, line: &[u8]) -> Split {
        self.fields.clear();
        self.is_unquoted = false;
        match self.splitting.separator {
            Separator::DoubleColon => {
                let mut from = 0;
                while let Some(at) = line.get(from..).and_then(|rest| rest.windows(2).position(|pair| pair == b"::")) {
                    self.fields.push((from, from + at));
                    from += at + 2;
                }
                self.fields.push((from, line.len()));
            }
            Separator::Blanks => {
                let is_blank = |byte: u8| matches!(byte, b' ' | b'\t');
                let mut from = None;
                for (at, byte) in line.iter().enumerate() {
                    match (from, is_blank(*byte)) {
                        (None, false) => from = Some(at),
                        (Some(start), true) => {
                            self.fields.push((start, at));
                            from = None;
                        }
                        _ => {}
                    }
                }
                self.fields.extend(from.map(|start| (start, line.len())));
            }
            Separator::Byte(separator) => {
                let quote = self.splitting.quote;
                if quote.is_some_and(|quote| memchr::memchr(quote, line).is_some()) {
                    return self.split_quoted(line);
                }
                let mut from = 0;
                for (at, byte) in line.iter().enumerate() {
                    if *byte == separator {
                        self.fields.push((from, at));
                        from = at + 1;
                    }
                }
                self.fields.push((from, line.len()));
            }
        }
        Split::Complete
    }

    fn split_quoted(&mut self, line: &[u8]) -> Split {
        self.is_unquoted = true;
        if self.splitting.padded {
            self.strip(line);
            let stripped = std::mem::take(&mut self.stripped);
            let split = self.unquote(&stripped);
            self.stripped = stripped;
            return split;
        }
        self.unquote(line)
    }

    /// Copies a line without the blanks that stand before a quote.
    fn strip(&mut self, line: &[u8]) {
        let (Separator::Byte(separator), Some(quote)) = (self.splitting.separator, self.splitting.quote) else {
            return;
        };
        self.stripped.clear();
        // A quote right behind the one that closes a field is a doubled quote: the field goes on.
        let (mut is_inside, mut closed, mut starts, mut blanks) = (false, false, true, 0);
        for byte in line {
            if starts && *byte == b' ' {
                blanks += 1;
                continue;
            }
            let is_quote = *byte == quote && (starts || is_inside || closed);
            if is_quote {
                closed = is_inside;
                is_inside = !is_inside;
            } else {
                self.stripped.extend(std::iter::repeat_n(b' ', blanks));
                closed = false;
            }
            blanks = 0;
            starts = !is_inside && *byte == separator;
            self.stripped.push(*byte);
        }
    }

    /// Returns whether every quote that closes a field stands at its end. Otherwise a quote was
    /// forgotten, and the next field's quote closed it.
    pub(crate) fn closes_fields(&self, text: &[u8]) -> bool {
        let (Separator::Byte(separator), Some(quote)) = (self.splitting.separator, self.splitting.quote) else {
            return true;
        };
        let (mut is_inside, mut starts, mut bytes) = (false, true, text.iter().peekable());
        while let Some(byte) = bytes.next() {
            if is_inside && self.splitting.escape && *byte == b'\\' {
                bytes.next();
            } else if *byte == quote && starts {
                is_inside = true;
            } else if *byte == quote && is_inside {
                match bytes.peek() {
                    Some(next) if **next == quote => drop(bytes.next()),
                    Some(next) if **next != separator && !next.is_ascii_whitespace() => return false,
                    _ => is_inside = false,
                }
            }
            starts = !is_inside && (*byte == separator || starts && *byte == b' ');
        }
        !is_inside
    }

    fn unquote(&mut self, line: &[u8]) -> Split {
        self.reader.reset();
        let (mut input, mut written, mut ended) = (line, 0, 0);
        let mut closes = false;
        self.unquoted.resize(self.unquoted.len().max(line.len() + 1), 0);
        self.ends.resize(self.ends.len().max(16), 0);
        loop {
            let (output, ends) = (self.unquoted.get_mut(written..), self.ends.get_mut(ended..));
            let (result, read, more, fields) =
                self.reader.read_record(input, output.unwrap_or_default(), ends.unwrap_or_default());
            input = input.get(read..).unwrap_or_default();
            written += more;
            ended += fields;
            match result {
                ReadRecordResult::OutputFull => self.unquoted.resize(self.unquoted.len() * 2 + 64, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty if !closes => {
                    closes = true;
                    input = b"\n";
                }
                ReadRecordResult::InputEmpty => return Split::Open,
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        let mut from = 0;
        for end in self.ends.iter().take(ended) {
            self.fields.push((from, *end));
            from = *end;
        }
        Split::Complete
    }

    /// Returns the number of fields of the last record.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Returns a field of the last record, which was `line`.
    pub(crate) fn get<'a>(&'a self, line: &'a [u8], index: usize) -> Option<&'a [u8]> {
        let (from, to) = *self.fields.get(index)?;
        if self.is_unquoted { self.unquoted.get(from..to) } else { line.get(from..to) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splitting(separator: Separator) -> Splitting {
        let quote = if let Separator::Byte(_) = separator { Some(b'"') } else { None };
        Splitting { separator, quote, escape: false, padded: false }
    }

    fn split(splitting: Splitting, line: &str) -> Option<Vec<String>> {
        let mut splitter = Splitter::new(splitting);
        // A record that was read before leaves nothing behind.
        splitter.split(b"\"some,thing\",else");
        if splitter.split(line.as_bytes()) == Split::Open {
            return None;
        }
        let field =
            |index| String::from_utf8_lossy(splitter.get(line.as_bytes(), index).expect("a field")).into_owned();
        Some((0..splitter.len()).map(field).collect())
    }

    #[test]
    fn fields_are_split_and_unquoted() {
        let comma = splitting(Separator::Byte(b','));
        let some = |fields: &[&str]| Some(fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>());
        for (splitting, line, fields) in [
            (splitting(Separator::Byte(b'\t')), "1\t2\t\t3", some(&["1", "2", "", "3"])),
            (splitting(Separator::DoubleColon), "1::a:b::", some(&["1", "a:b", ""])),
            (splitting(Separator::Blanks), " 1 2\t 3 ", some(&["1", "2", "3"])),
            (comma, r#""a ""b"", c",d,"e""#, some(&["a \"b\", c", "d", "e"])),
            (comma, "a,\"b\nc\",d", some(&["a", "b\nc", "d"])),
            (comma, r#"1,5" disk,4"#, some(&["1", "5\" disk", "4"])),
            (comma, "a,", some(&["a", ""])),
            (comma, r#"a,"b"#, None),
            (Splitting { escape: true, ..comma }, r#""3404\"",a"#, some(&["3404\"", "a"])),
            (Splitting { padded: true, ..comma }, r#"1, "2, 3", 4"#, some(&["1", "2, 3", " 4"])),
            (Splitting { padded: true, ..comma }, r#""a, ""b, ""c", "d""#, some(&["a, \"b, \"c", "d"])),
            (Splitting { quote: None, ..comma }, r#"a,"b"#, some(&["a", "\"b"])),
        ] {
            assert_eq!(split(splitting, line), fields, "{line}");
        }
        let long = format!("\"{}\",{}", "x".repeat(100_000), ",".repeat(1_000));
        assert_eq!(split(comma, &long).map(|fields| fields.len()), Some(1_002));
    }
}
