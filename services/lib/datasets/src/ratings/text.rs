//! Reads the rows of a text file: fields with a separator, or one JSON object on each line.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use marquee_domain::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::fields::Positions;
use crate::layout::{Fields, Layout};
use crate::lines::{LONGEST, Line, Lines};
use crate::source::Entry;
use crate::{Error, Format, Row, RowError, time};

/// Reads rows from lines.
pub(super) struct TextRows {
    lines: Lines<Box<dyn Read + Send>>,
    layout: Layout,
    header_left: bool,
}

impl fmt::Debug for TextRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextRows").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl TextRows {
    pub(super) fn open(entry: &Entry, format: Format, progress: &Arc<AtomicU64>) -> Result<Self, Error> {
        let layout = Layout::tell(format, &entry.name, &entry.sample()?)?;
        let header_left = matches!(layout, Layout::Delimited { header: true, .. });
        Ok(Self { lines: Lines::new(entry.reader(progress)?), layout, header_left })
    }

    pub(super) fn skip_rows(&mut self, rows: u64) -> Result<(), RowError> {
        for _ in 0..rows {
            if self.next_line()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn next(&mut self) -> Option<Result<Row, RowError>> {
        let layout = self.layout;
        match self.next_line() {
            Ok(None) => None,
            Err(error) => Some(Err(error)),
            Ok(Some((line, Line::TooLong))) => Some(Err(RowError::new(
                line,
                "line",
                format!("is longer than {LONGEST} bytes: give one rating a line"),
            ))),
            Ok(Some((line, Line::Text(text)))) => Some(match layout {
                Layout::Ndjson => from_json(line, text),
                Layout::Delimited { separator, positions, .. } => {
                    from_fields(line, Fields::new(separator, text), positions)
                }
            }),
        }
    }

    /// Returns the next line with a row, and its number.
    fn next_line(&mut self) -> Result<Option<(u64, Line<'_>)>, RowError> {
        let number = self.lines.number() + 1;
        let unreadable =
            move |error: std::io::Error| RowError::fatal(number, format!("cannot be read further: {error}"));
        if self.header_left {
            self.header_left = false;
            self.lines.next().map_err(unreadable)?;
        }
        self.lines.next().map_err(unreadable)
    }
}

fn from_fields(line: u64, fields: Fields<'_>, positions: Positions) -> Result<Row, RowError> {
    let (mut user, mut movie, mut rating, mut time) = (None, None, None, None);
    for (index, field) in fields.enumerate() {
        let field = field.map_err(|_| RowError::new(line, "line", "has quotes that do not match"))?;
        if index == positions.user {
            user = Some(field);
        } else if index == positions.movie {
            movie = Some(field);
        } else if index == positions.rating {
            rating = Some(field);
        } else if Some(index) == positions.timestamp {
            time = Some(field);
        }
    }
    let rated_at = match positions.timestamp {
        None => None,
        Some(_) => {
            let time = present(line, "timestamp", time)?;
            Some(parse_time(&time).map_err(|reason| RowError::new(line, "timestamp", reason))?)
        }
    };
    Ok(Row {
        line,
        user: id(line, "user", user)?,
        movie: id(line, "movie", movie)?,
        rating: parse_rating(line, &present(line, "rating", rating)?)?,
        rated_at,
    })
}

fn present<'a>(line: u64, name: &'static str, field: Option<Cow<'a, [u8]>>) -> Result<Cow<'a, [u8]>, RowError> {
    field.ok_or_else(|| RowError::new(line, name, "is missing: the line ends before it"))
}

fn id(line: u64, name: &'static str, field: Option<Cow<'_, [u8]>>) -> Result<String, RowError> {
    let field = present(line, name, field)?;
    match std::str::from_utf8(&field) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(_) => Err(RowError::new(line, name, "is not UTF-8 text")),
    }
}

fn parse_rating(line: u64, field: &[u8]) -> Result<f64, RowError> {
    // In most files, most ratings are one digit.
    if let [digit @ b'0'..=b'9'] = field {
        return Ok(f64::from(digit - b'0'));
    }
    let number = std::str::from_utf8(field).ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| RowError::new(line, "rating", "is not a number; give one like 3.5"))
}

fn parse_time(field: &[u8]) -> Result<Timestamp, &'static str> {
    let seconds = matches!(field.len(), 1..=11) && field.iter().all(u8::is_ascii_digit);
    if seconds {
        return time::from_seconds(field.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')));
    }
    time::parse(std::str::from_utf8(field).unwrap_or_default())
}

/// A row as a JSON object. Unknown fields are ignored.
#[derive(Deserialize)]
struct Object {
    #[serde(default, alias = "user_id", alias = "userId")]
    user: Scalar,
    #[serde(default, alias = "movie_id", alias = "movieId", alias = "item_id", alias = "itemId", alias = "item")]
    movie: Scalar,
    #[serde(default)]
    rating: Scalar,
    #[serde(default, alias = "rated_at", alias = "ratedAt")]
    timestamp: Scalar,
}

/// A JSON value of a type that a field of a rating may have.
#[derive(Default)]
enum Scalar {
    #[default]
    Missing,
    Text(String),
    Integer(i64),
    Float(f64),
    Other,
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyScalar)
    }
}

struct AnyScalar;

impl<'de> Visitor<'de> for AnyScalar {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(number).map_or(Scalar::Text(number.to_string()), Scalar::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

fn from_json(line: u64, text: &[u8]) -> Result<Row, RowError> {
    let object: Object = serde_json::from_slice(text)
        .map_err(|error| RowError::new(line, "line", format!("is not a JSON object with a rating: {error}")))?;
    let id = |name, value| match value {
        Scalar::Text(text) => Ok(text),
        Scalar::Integer(number) => Ok(number.to_string()),
        Scalar::Missing => Err(RowError::new(line, name, format!("is missing: give `{name}_id`"))),
        Scalar::Float(_) | Scalar::Other => Err(RowError::new(line, name, "is neither text nor a whole number")),
    };
    let rating = match object.rating {
        Scalar::Integer(number) => number as f64,
        Scalar::Float(number) => number,
        Scalar::Text(text) => parse_rating(line, text.as_bytes())?,
        Scalar::Missing => return Err(RowError::new(line, "rating", "is missing: give a number")),
        Scalar::Other => return Err(RowError::new(line, "rating", "is not a number; give one like 3.5")),
    };
    let rated_at = match object.timestamp {
        Scalar::Missing => Ok(None),
        Scalar::Integer(seconds) => time::from_seconds(seconds).map(Some),
        Scalar::Float(seconds) => time::from_fractional_seconds(seconds).map(Some),
        Scalar::Text(text) => time::parse(&text).map(Some),
        Scalar::Other => Err("is not a time; give seconds since 1970, or a time like 2024-05-01T12:30:00Z"),
    };
    Ok(Row {
        line,
        user: id("user", object.user)?,
        movie: id("movie", object.movie)?,
        rating,
        rated_at: rated_at.map_err(|reason| RowError::new(line, "timestamp", reason))?,
    })
}
