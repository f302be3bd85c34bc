//! Recognizes the layout of a rating file from its name and its first line.

use std::borrow::Cow;

use crate::fields::Positions;
use crate::{Error, fields};

/// The format of a rating file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `u.data` of MovieLens 100K: user, movie, rating and Unix seconds, separated by tabs, without
    /// a header. The seconds may be missing.
    Tabs,
    /// `ratings.dat` of MovieLens 1M and 10M: the same fields, separated by `::`. The seconds may
    /// be missing.
    DoubleColons,
    /// Values separated by commas, semicolons or tabs, with a header.
    Csv,
    /// One JSON object on each line.
    Ndjson,
    /// A Parquet file.
    Parquet,
}

impl Format {
    /// Returns the format for a file name in lower case without `.gz`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension {
            "data" | "base" | "test" => Some(Self::Tabs),
            "dat" => Some(Self::DoubleColons),
            "csv" | "tsv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "parquet" => Some(Self::Parquet),
            // Some publishers add the compression of the pages to the name.
            "brotli" | "snappy" => name.contains(".parquet.").then_some(Self::Parquet),
            _ => None,
        }
    }
}

/// The separator between the fields of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separator {
    /// `::`, without quotes.
    DoubleColon,
    /// A tab, without quotes.
    Tab,
    /// One byte. Fields may be in double quotes, with each quote inside doubled (RFC 4180). A row
    /// always ends at the end of its line.
    Quoted(u8),
}

/// How lines are parsed into rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Fields with a separator.
    Delimited { separator: Separator, positions: Positions, header: bool },
    /// JSON objects.
    Ndjson,
}

impl Layout {
    /// Recognizes the layout of a text format from the start of the file.
    pub(crate) fn tell(format: Format, name: &str, sample: &[u8]) -> Result<Self, Error> {
        let first = sample.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
        let first = first.strip_suffix(b"\r").unwrap_or(first);
        // Files without a header may lack the times, which come last.
        let timed = |separator| {
            let timestamp = (Fields::new(separator, first).count() != 3).then_some(3);
            Positions { user: 0, movie: 1, rating: 2, timestamp }
        };
        match format {
            Format::Tabs => {
                Ok(Self::Delimited { separator: Separator::Tab, positions: timed(Separator::Tab), header: false })
            }
            Format::DoubleColons => {
                let separator = Separator::DoubleColon;
                Ok(Self::Delimited { separator, positions: timed(separator), header: false })
            }
            Format::Csv => {
                let header = fields::text(first);
                let count = |byte: u8| first.iter().filter(|found| **found == byte).count();
                let separator = [b',', b';', b'\t'].into_iter().rev().max_by_key(|byte| count(*byte)).unwrap_or(b',');
                let separator = Separator::Quoted(separator);
                let columns: Vec<String> = Fields::new(separator, header.as_bytes())
                    .map(|field| field.map_or_else(|_| String::new(), |field| fields::text(&field)))
                    .collect();
                let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                let positions = Positions::find(name, &columns)?;
                Ok(Self::Delimited { separator, positions, header: true })
            }
            Format::Ndjson => Ok(Self::Ndjson),
            Format::Parquet => Err(Error::Unknown { name: name.to_owned() }),
        }
    }
}

/// The fields of a line, without quotes.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    separator: Separator,
    rest: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(separator: Separator, line: &'a [u8]) -> Self {
        Self { separator, rest: Some(line) }
    }

    fn cut(&mut self, rest: &'a [u8], at: Option<usize>, width: usize) -> &'a [u8] {
        let (field, rest) = match at {
            Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + width..)),
            None => (rest, None),
        };
        self.rest = rest;
        field
    }
}

/// A quote that is not closed, or text after a closing quote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unbalanced;

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Cow<'a, [u8]>, Unbalanced>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        let field = match self.separator {
            Separator::Tab => self.cut(rest, rest.iter().position(|byte| *byte == b'\t'), 1),
            Separator::DoubleColon => self.cut(rest, rest.windows(2).position(|pair| pair == b"::"), 2),
            Separator::Quoted(separator) => match rest.strip_prefix(b"\"") {
                None => self.cut(rest, rest.iter().position(|byte| *byte == separator), 1),
                Some(quoted) => {
                    let Some((field, behind)) = unquote(quoted) else {
                        self.rest = None;
                        return Some(Err(Unbalanced));
                    };
                    match behind.split_first() {
                        None => self.rest = None,
                        Some((byte, rest)) if *byte == separator => self.rest = Some(rest),
                        Some(_) => {
                            self.rest = None;
                            return Some(Err(Unbalanced));
                        }
                    }
                    return Some(Ok(field));
                }
            },
        };
        Some(Ok(Cow::Borrowed(field)))
    }
}

/// Returns the quoted text, and what follows the closing quote.
fn unquote(quoted: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let mut unquoted = Vec::new();
    let mut rest = quoted;
    loop {
        let at = rest.iter().position(|byte| *byte == b'"')?;
        let (part, behind) = (rest.get(..at)?, rest.get(at + 1..)?);
        match behind.strip_prefix(b"\"") {
            Some(more) => {
                unquoted.extend_from_slice(part);
                unquoted.push(b'"');
                rest = more;
            }
            None if unquoted.is_empty() => return Some((Cow::Borrowed(part), behind)),
            None => {
                unquoted.extend_from_slice(part);
                return Some((Cow::Owned(unquoted), behind));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(separator: Separator, line: &str) -> Vec<Result<String, Unbalanced>> {
        Fields::new(separator, line.as_bytes()).map(|field| field.map(|field| fields::text(&field))).collect()
    }

    #[test]
    fn fields_are_split_and_unquoted() {
        let ok = |texts: &[&str]| texts.iter().map(|text| Ok((*text).to_owned())).collect::<Vec<_>>();
        assert_eq!(split(Separator::Tab, "1\t2\t\t3"), ok(&["1", "2", "", "3"]));
        assert_eq!(split(Separator::DoubleColon, "1::a:b::"), ok(&["1", "a:b", ""]));
        let comma = Separator::Quoted(b',');
        assert_eq!(split(comma, r#""a ""b"", c",d,"""#).len(), 3);
        assert_eq!(split(comma, r#""a ""b"", c",d,"e""#), ok(&["a \"b\", c", "d", "e"]));
        assert_eq!(split(comma, r#""a"b,c"#), [Err(Unbalanced)]);
        assert_eq!(split(comma, r#"a,"b"#).last(), Some(&Err(Unbalanced)));
    }

    #[test]
    fn a_csv_header_may_name_and_order_the_columns_in_several_ways() {
        for (header, expected) in [
            ("userId,movieId,rating,timestamp", (0, 1, 2, Some(3))),
            ("rating;item_id;user_id", (2, 1, 0, None)),
            ("\u{feff}user\tmovie\trated_at\trating\r", (0, 1, 3, Some(2))),
        ] {
            let layout = Layout::tell(Format::Csv, "a.csv", header.as_bytes()).unwrap();
            let Layout::Delimited { positions, .. } = layout else { panic!("fields between separators") };
            assert_eq!((positions.user, positions.movie, positions.rating, positions.timestamp), expected, "{header}");
        }
        let missing = Layout::tell(Format::Csv, "a.csv", b"user,movie,stars\n");
        assert!(matches!(missing, Err(Error::NoColumn { field: "rating", .. })));
    }
}
