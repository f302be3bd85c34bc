//! Splits text into lines and turns them into records.

use bytes::Bytes;
use regex::Regex;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Form, Settings, Tail};
use crate::source::Record;

/// The bytes that are read at once. A longer line is no record.
pub(super) const CHUNK: usize = 4 << 20;

/// The start of a file by which it is recognized.
pub(super) const START: u64 = 1 << 10;

/// The most lines of one record with line breaks in quotes.
const LINES: usize = 100;

/// Separators that a header may have, the usual ones first.
const SEPARATORS: [char; 4] = [',', '\t', ';', '|'];

/// Some lines of a file.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) records: Vec<Record>,
    /// Lines that are no records.
    pub(super) skipped: u64,
}

/// Reads the lines of a part of a file, which begins where `tail` ends, and moves `tail` behind
/// them. A line without an end is left unless the file `is_final`. At most `most` records are read.
pub(super) fn read(
    (name, bytes): (&str, &[u8]),
    is_final: bool,
    tail: &mut Tail,
    settings: &Settings,
    most: usize,
) -> Read {
    let (form, regex) = (settings.form(name), settings.regex());
    let (mut read, mut rest) = (Read::default(), bytes);
    while read.records.len() < most && !rest.is_empty() {
        let Some((length, lines)) = record_end(rest, form, is_final) else {
            if rest.len() < CHUNK {
                break;
            }
            // A line without end is passed over in parts.
            let record = Record { raw: Bytes::copy_from_slice(rest), json: Some(Bytes::new()), ..Record::default() };
            read.records.push(record);
            tail.offset += rest.len() as u64;
            break;
        };
        let (line, behind) = rest.split_at(length);
        rest = behind;
        let (number, offset) = (tail.line + 1, tail.offset);
        tail.line += lines;
        tail.offset += length as u64;
        let text = if offset == 0 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.trim_ascii().is_empty() {
            continue;
        }
        let json = match form {
            Form::Ndjson => Some(None),
            Form::Log => match_line(text, regex.as_ref(), settings.decode).map(Some),
            Form::Csv => match &tail.header {
                Some(header) => Some(Some(values(text, tail.separator.unwrap_or(','), header))),
                None => {
                    let separator = settings.separator.unwrap_or_else(|| separator(text));
                    tail.separator = Some(separator);
                    tail.header = Some(split(text, separator));
                    continue;
                }
            },
        };
        match json {
            None => read.skipped += 1,
            Some(json) => {
                let place = format!("{name}, line {number}");
                read.records.push(Record { raw: Bytes::copy_from_slice(text), json, place, ..Record::default() });
            }
        }
    }
    read
}

/// Returns the length of the next record with its line break, and its lines. `None` if it has no
/// end yet.
fn record_end(text: &[u8], form: Form, is_final: bool) -> Option<(usize, u64)> {
    let (mut from, mut quotes) = (0, 0);
    let mut first = None;
    for lines in 1..=LINES as u64 {
        let Some(at) = text.get(from..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) else {
            if is_final {
                return first.or(Some((text.len(), lines)));
            }
            return if quotes % 2 == 0 { None } else { first.filter(|_| text.len() >= CHUNK) };
        };
        let end = from + at + 1;
        if form != Form::Csv {
            return Some((end, 1));
        }
        quotes += text.get(from..end).unwrap_or_default().iter().filter(|byte| **byte == b'"').count();
        if quotes % 2 == 0 {
            return Some((end, lines));
        }
        first = first.or(Some((end, 1)));
        from = end;
    }
    // A quote that is not closed spoils only its line.
    first
}

fn separator(header: &[u8]) -> char {
    let count = |separator: char| header.iter().filter(|byte| **byte == separator as u8).count();
    let best = SEPARATORS.into_iter().rev().max_by_key(|separator| count(*separator));
    best.unwrap_or(',')
}

/// Splits a line into its values.
fn split(line: &[u8], separator: char) -> Vec<String> {
    let mut reader = csv_core::ReaderBuilder::new().delimiter(separator as u8).build();
    let (mut out, mut ends) = (vec![0; line.len() + 1], vec![0; line.len() + 2]);
    let (_, _, mut written, mut fields) = reader.read_record(line, &mut out, &mut ends);
    // An empty input is the end, which finishes the last field.
    let (_, _, more, last) =
        reader.read_record(&[], out.get_mut(written..).unwrap_or_default(), ends.get_mut(fields..).unwrap_or_default());
    written += more;
    fields += last;
    let (mut values, mut from) = (Vec::new(), 0);
    for end in ends.iter().take(fields) {
        let text = out.get(from..(*end).min(written)).unwrap_or_default();
        values.push(String::from_utf8_lossy(text).into_owned());
        from = *end;
    }
    values
}

/// Returns the values of a line as an object. A line with another number of values than the header
/// is none.
fn values(line: &[u8], separator: char, header: &[String]) -> Bytes {
    let values = split(line, separator);
    if values.len() != header.len() {
        return Bytes::new();
    }
    object(header.iter().cloned().zip(values))
}

fn object(pairs: impl Iterator<Item = (String, String)>) -> Bytes {
    let object: Map<String, Value> = pairs.map(|(name, value)| (name, Value::String(value))).collect();
    Bytes::from(Value::Object(object).to_string())
}

/// Returns the groups of a line that matches, or `None`.
fn match_line(line: &[u8], regex: Option<&Regex>, decode: bool) -> Option<Bytes> {
    let (text, regex) = (String::from_utf8_lossy(line), regex?);
    let found = regex.captures(&text)?;
    let group = |name: &str| {
        let text = found.name(name)?.as_str();
        Some((name.to_owned(), if decode { decoded(text) } else { text.to_owned() }))
    };
    Some(object(regex.capture_names().flatten().filter_map(group)))
}

/// Decodes a part of an address.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| hex::decode(digits).ok());
        match (byte, digits.as_deref()) {
            (b'%', Some([byte])) => {
                bytes.push(*byte);
                rest = behind.get(2..).unwrap_or_default();
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
        rest = behind;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns the digest of the start of a file.
pub(super) fn start_digest(start: &[u8]) -> String {
    hex::encode(Sha256::digest(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(name: &str, settings: &Settings, text: &str, is_final: bool) -> (Vec<String>, Tail, u64) {
        let mut tail = Tail::default();
        let read = read((name, text.as_bytes()), is_final, &mut tail, settings, 100);
        let text = |record: &Record| String::from_utf8_lossy(record.json()).into_owned();
        (read.records.iter().map(text).collect(), tail, read.skipped)
    }

    #[test]
    fn a_line_without_an_end_waits_until_the_file_is_final() {
        let settings = Settings::default();
        let (records, tail, _) = all("r.ndjson", &settings, "{\"a\":1}\r\n\n{\"a\":2", false);
        assert_eq!((records, tail.offset, tail.line), (vec!["{\"a\":1}".to_owned()], 10, 2));
        let (records, tail, _) = all("r.ndjson", &settings, "{\"a\":1}\n{\"a\":2}", true);
        assert_eq!((records.len(), tail.offset), (2, 15));
    }

    #[test]
    fn values_are_named_by_the_header_and_quotes_may_hold_lines() {
        let settings = Settings::default();
        let text = "user;title\n1;\"a\n\"\"b\"\"; c\"\n2;x;y\n";
        let (records, tail, _) = all("r.csv", &settings, text, false);
        assert_eq!(records, [r#"{"title":"a\n\"b\"; c","user":"1"}"#, ""]);
        assert_eq!(
            (tail.header.expect("a header"), tail.separator),
            (vec!["user".to_owned(), "title".to_owned()], Some(';'))
        );
        let open = format!("user,title\n1,\"a\n{}", "2,b\n".repeat(LINES));
        let (records, _, _) = all("r.csv", &settings, &open, false);
        assert_eq!(records.len(), 100, "the lines behind the quote are records: {records:?}");
    }

    #[test]
    fn lines_of_a_log_are_records_where_they_match() {
        let pattern = r#"^\S+ "GET /rate\?u=(?<user>[^& ]+)&m=(?<movie>[^& ]+)&stars=(?<rating>\d)"#.to_owned();
        let settings = Settings { pattern: Some(pattern), decode: true, ..Settings::default() };
        let text = "::1 \"GET /rate?u=ann%20b&m=7+8&stars=4 HTTP/1.1\" 200\n::1 \"GET / HTTP/1.1\" 200\n";
        let (records, _, skipped) = all("access.log", &settings, text, false);
        assert_eq!((records, skipped), (vec![r#"{"movie":"7 8","rating":"4","user":"ann b"}"#.to_owned()], 1));
        assert_eq!(decoded("100%"), "100%");
    }

    #[test]
    fn a_line_that_is_too_long_is_one_bad_record() {
        let text = "x".repeat(CHUNK);
        let (records, tail, _) = all("r.ndjson", &Settings::default(), &text, false);
        assert_eq!((records, tail.offset), (vec![String::new()], CHUNK as u64));
    }
}
