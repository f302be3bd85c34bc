//! Turns the cells of a row into a rating, in the same way for every format.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use marquee_domain::Timestamp;

use crate::encoding::{decode, windows_1252};
use crate::error::RowError;
use crate::names::{FIELDS, Field};
use crate::options::{Options, ScaleMap};
use crate::time::format::{TimeFormat, is_absent};

/// The time of the first line of a file for rows without a time. It is the time of the first rating
/// in MovieLens 1M, 2000-04-25T23:05:32Z. Each line is one second later than the line before, so
/// the ratings keep the order of the file, and a file that is read again has the same times.
pub const ROW_ORDER_START: Timestamp = Timestamp::from_seconds(956_703_932);

/// A rating as it is in the file. Its ids and its value are not checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The line of a text file, where the header is line 1, or the row of a Parquet file, from 1.
    /// In a set of several files, the lines of the files before count as well.
    pub line: u64,
    /// The id of the user.
    pub user: String,
    /// The id of the movie.
    pub movie: String,
    /// The value, which can be any number.
    pub rating: f64,
    /// The time, if the row has one.
    pub rated_at: Option<Timestamp>,
}

impl Row {
    /// Returns the time of the rating. A row without one has the time of its place in the file: the
    /// first line has [`ROW_ORDER_START`].
    pub fn time(&self) -> Timestamp {
        let in_order = || ROW_ORDER_START.plus(Duration::from_secs(self.line.saturating_sub(1)));
        self.rated_at.unwrap_or_else(in_order)
    }
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Cell<'a> {
    /// The row has no such value.
    #[default]
    Missing,
    /// The line ends before the value.
    Short,
    /// Text, usually UTF-8.
    Text(Cow<'a, [u8]>),
    Integer(i64),
    Float(f64),
    /// A time in microseconds since 1970.
    Time(i64),
    /// Several texts.
    List(Vec<String>),
    /// A value of a type that no field has.
    Other,
}

impl<'a> Cell<'a> {
    /// Returns the value as text, if it has one.
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(bytes) => Some(decode(bytes)),
            Self::Integer(number) => Some(Cow::Owned(number.to_string())),
            Self::Float(number) => Some(Cow::Owned(number.to_string())),
            Self::Time(micros) => Some(Cow::Owned(Timestamp::from_micros(*micros).to_rfc3339())),
            Self::List(texts) => Some(Cow::Owned(texts.join("|"))),
            Self::Missing | Self::Short | Self::Other => None,
        }
    }

    /// Returns a copy that borrows nothing.
    fn to_owned(&self) -> Cell<'static> {
        match self {
            Self::Missing => Cell::Missing,
            Self::Short => Cell::Short,
            Self::Text(text) => Cell::Text(Cow::Owned(text.to_vec())),
            Self::Integer(number) => Cell::Integer(*number),
            Self::Float(number) => Cell::Float(*number),
            Self::Time(micros) => Cell::Time(*micros),
            Self::List(texts) => Cell::List(texts.clone()),
            Self::Other => Cell::Other,
        }
    }

    pub(crate) fn of_text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text.as_bytes()))
    }
}

/// The values of a row, one for each field.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Cells<'a>([Cell<'a>; FIELDS]);

impl<'a> Cells<'a> {
    pub(crate) fn get(&self, field: Field) -> &Cell<'a> {
        self.0.get(field as usize).unwrap_or(&Cell::Missing)
    }

    /// Returns a copy that borrows nothing.
    pub(crate) fn to_owned(&self) -> Cells<'static> {
        let mut owned = Cells::default();
        for field in Field::ALL {
            owned.set(field, self.get(field).to_owned());
        }
        owned
    }

    pub(crate) fn set(&mut self, field: Field, cell: Cell<'a>) {
        if let Some(slot) = self.0.get_mut(field as usize) {
            *slot = cell;
        }
    }
}

/// The movies that ratings describe by a title, the first row of each.
#[derive(Debug, Default)]
pub(crate) struct Descriptions {
    known: HashSet<String>,
    /// The line and the cells of each movie, with its id.
    pub(crate) rows: Vec<(u64, Cells<'static>)>,
}

impl Descriptions {
    fn add(&mut self, row: &Row, cells: &Cells<'_>) {
        if self.known.contains(&row.movie) || titled(cells).is_none() {
            return;
        }
        self.known.insert(row.movie.clone());
        let mut movie = cells.to_owned();
        movie.set(Field::Movie, Cell::Text(Cow::Owned(row.movie.clone().into_bytes())));
        self.rows.push((row.line, movie));
    }
}

/// How the cells of a file become ratings.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// Where the movies are collected that the ratings describe, if they are.
    pub(crate) descriptions: Option<Arc<Mutex<Descriptions>>>,
    /// The form of the times, or `None` if the file has no times.
    pub(crate) time: Option<TimeFormat>,
    pub(crate) decimal_comma: bool,
    /// Whether the ids of users, and those of movies, are whole numbers that were written as
    /// floating point: `1.0`.
    pub(crate) whole_users: bool,
    pub(crate) whole_movies: bool,
    /// Values that mean that there is no rating.
    pub(crate) unrated: Vec<f64>,
    pub(crate) user: Option<String>,
    /// Values that rows have without a column.
    pub(crate) given: Cells<'static>,
    pub(crate) movie_from_title: bool,
    pub(crate) map: Option<ScaleMap>,
    /// Whether text must be UTF-8.
    pub(crate) strict: bool,
}

impl Reading {
    /// Returns the reading that the caller's options ask for, before the file is looked at. Rows
    /// have the values of `given` without a column.
    pub(crate) fn of(options: &Options, given: Cells<'static>) -> Self {
        Self {
            descriptions: None,
            time: options.time_format.clone(),
            decimal_comma: false,
            whole_users: false,
            whole_movies: false,
            unrated: if options.zero_is_none { vec![0.0] } else { Vec::new() },
            user: options.user.clone(),
            given,
            movie_from_title: options.movie_from_title,
            map: options.map,
            strict: true,
        }
    }

    /// Returns the rating of a row, or `None` if the row says that there is no rating.
    pub(crate) fn row(&self, line: u64, cells: &Cells<'_>) -> Result<Option<Row>, RowError> {
        let cell = |field: Field| match cells.get(field) {
            Cell::Missing => self.given.get(field),
            cell => cell,
        };
        let Some(rating) = self.rating(line, cell(Field::Rating))? else { return Ok(None) };
        let user = match &self.user {
            Some(user) => user.clone(),
            None => self.id(line, Field::User, cell(Field::User), self.whole_users)?,
        };
        let movie = match self.movie_from_title {
            true => titled(cells).ok_or_else(|| RowError::new(line, "movie", "has no title"))?,
            false => self.id(line, Field::Movie, cell(Field::Movie), self.whole_movies)?,
        };
        let rated_at = self.time(cells.get(Field::Time)).map_err(|reason| RowError::new(line, "timestamp", reason))?;
        let row = Row { line, user, movie, rating, rated_at };
        if let Some(Ok(mut descriptions)) = self.descriptions.as_ref().map(|descriptions| descriptions.lock()) {
            descriptions.add(&row, cells);
        }
        Ok(Some(row))
    }

    fn rating(&self, line: u64, cell: &Cell<'_>) -> Result<Option<f64>, RowError> {
        let wrong = |reason: &str| RowError::new(line, "rating", reason);
        let value = match cell {
            Cell::Missing if !self.unrated.is_empty() => return Ok(None),
            Cell::Missing => return Err(wrong("is missing: give a number")),
            Cell::Short => return Err(wrong("is missing: the line ends before it")),
            Cell::Integer(number) => *number as f64,
            Cell::Float(number) => *number,
            Cell::Text(bytes) => match self.number(bytes) {
                Some(number) => number,
                None if !self.unrated.is_empty() && bytes.trim_ascii().is_empty() => return Ok(None),
                None => return Err(wrong("is not a number; give one like 3.5")),
            },
            Cell::Time(_) | Cell::List(_) | Cell::Other => {
                return Err(wrong("is not a number; give one like 3.5"));
            }
        };
        if self.unrated.contains(&value) {
            return Ok(None);
        }
        Ok(Some(self.map.map_or(value, |map| map.map(value))))
    }

    fn number(&self, bytes: &[u8]) -> Option<f64> {
        // In most files, most ratings are one digit.
        if let [digit @ b'0'..=b'9'] = bytes {
            return Some(f64::from(digit - b'0'));
        }
        parse_number(std::str::from_utf8(bytes).ok()?, self.decimal_comma)
    }

    fn id(&self, line: u64, field: Field, cell: &Cell<'_>, whole: bool) -> Result<String, RowError> {
        let wrong = |reason: String| RowError::new(line, field.name(), reason);
        match cell {
            Cell::Integer(number) => Ok(number.to_string()),
            Cell::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Ok((*number as i64).to_string()),
            Cell::Text(bytes) => {
                let text = match std::str::from_utf8(bytes) {
                    Ok(text) => Cow::Borrowed(text),
                    Err(_) if self.strict => return Err(wrong("is not UTF-8 text; give the --encoding".to_owned())),
                    Err(_) => Cow::Owned(windows_1252(bytes)),
                };
                let text = text.trim();
                if whole && !text.bytes().all(|byte| byte.is_ascii_digit()) {
                    let number = whole_number(text)
                        .ok_or_else(|| wrong(format!("is '{text}' among ids like 1.0; give a whole number")));
                    return number.map(str::to_owned);
                }
                Ok(text.to_owned())
            }
            Cell::Missing => Err(wrong(format!("is missing: give `{field}_id`"))),
            Cell::Short => Err(wrong("is missing: the line ends before it".to_owned())),
            Cell::Float(_) | Cell::Time(_) | Cell::List(_) | Cell::Other => {
                Err(wrong("is neither text nor a whole number".to_owned()))
            }
        }
    }

    fn time(&self, cell: &Cell<'_>) -> Result<Option<Timestamp>, String> {
        let Some(format) = self.time.as_ref().filter(|format| **format != TimeFormat::Ignored) else { return Ok(None) };
        match cell {
            Cell::Missing => Ok(None),
            Cell::Short => Err("is missing: the line ends before it".to_owned()),
            Cell::Integer(number) => format.of_integer(*number),
            Cell::Float(number) => format.of_number(*number),
            Cell::Time(micros) => Ok(Some(Timestamp::from_micros(*micros))),
            Cell::Text(bytes) => {
                let is_short = *format == TimeFormat::Epoch(1) && matches!(bytes.len(), 1..=10);
                if is_short && bytes.iter().all(u8::is_ascii_digit) {
                    let seconds = bytes.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
                    return Ok(Some(Timestamp::from_seconds(seconds)));
                }
                format.parse(&String::from_utf8_lossy(bytes))
            }
            Cell::List(_) | Cell::Other => Err(crate::time::HINT.to_owned()),
        }
    }
}

/// Parses a number. With a decimal comma, `3,5` is 3.5.
pub(crate) fn parse_number(text: &str, decimal_comma: bool) -> Option<f64> {
    let text = text.trim();
    if decimal_comma && text.contains(',') {
        return if text.contains('.') { None } else { text.replace(',', ".").parse().ok() };
    }
    text.parse().ok()
}

/// Returns the digits of a whole number that is written as floating point, such as `12.0`.
pub(crate) fn whole_number(text: &str) -> Option<&str> {
    let (digits, zeros) = text.split_once('.').unwrap_or((text, ""));
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && zeros.bytes().all(|byte| byte == b'0')).then_some(digits)
}

/// Returns a title with the year, such as `Toy Story (1995)`, or `None` without a title.
pub(crate) fn titled(cells: &Cells<'_>) -> Option<String> {
    let title = cells.get(Field::Title).text()?;
    let title = title.trim();
    if is_absent(title) {
        return None;
    }
    let year = cells.get(Field::Year).text().and_then(|year| whole_number(year.trim()).map(str::to_owned));
    Some(match year.filter(|year| year.len() == 4 && !title.ends_with(&format!("({year})"))) {
        Some(year) => format!("{title} ({year})"),
        None => title.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(change: impl FnOnce(&mut Reading)) -> Reading {
        let mut reading =
            Reading::of(&Options { time_format: Some(TimeFormat::Epoch(1)), ..Options::default() }, Cells::default());
        change(&mut reading);
        reading
    }

    fn cells<'a>(values: &[(Field, &'a str)]) -> Cells<'a> {
        let mut cells = Cells::default();
        values.iter().for_each(|(field, text)| cells.set(*field, Cell::of_text(text)));
        cells
    }

    fn rated<'a>(user: &'a str, movie: &'a str, rating: &'a str) -> Cells<'a> {
        cells(&[(Field::User, user), (Field::Movie, movie), (Field::Rating, rating)])
    }

    #[test]
    fn numbers_may_have_a_decimal_comma() {
        for (text, comma, number) in [
            ("3,5", true, Some(3.5)),
            ("3.5", true, Some(3.5)),
            (" 4 ", false, Some(4.0)),
            ("3,5", false, None),
            ("1.000,5", true, None),
            ("four", true, None),
        ] {
            assert_eq!(parse_number(text, comma), number, "{text}");
        }
    }

    #[test]
    fn whole_ids_of_floating_point_are_the_same_users() {
        let reading = reading(|reading| reading.whole_users = true);
        let user = |text| reading.row(1, &rated(text, "1", "4")).map(|row| row.expect("a rating").user);
        assert_eq!((user("12.0"), user("12")), (Ok("12".to_owned()), Ok("12".to_owned())));
        assert!(user("12.5").is_err_and(|error| error.reason.contains("'12.5'")));
        assert!(user("nan").is_err());
    }

    #[test]
    fn values_that_mean_no_rating_are_no_rows() {
        let none = reading(|reading| reading.unrated = vec![0.0]);
        for text in ["0", "0.0", " ", ""] {
            assert_eq!(none.row(1, &rated("1", "2", text)), Ok(None), "{text:?}");
        }
        let rated_zero = reading(|_| {}).row(1, &rated("1", "2", "0"));
        assert!(rated_zero.is_ok_and(|row| row.is_some_and(|row| row.rating == 0.0)));
        assert!(reading(|_| {}).row(1, &rated("1", "2", "")).is_err_and(|error| error.field == "rating"));
    }

    #[test]
    fn a_movie_may_be_known_by_its_title_and_year() {
        let reading = reading(|reading| {
            reading.movie_from_title = true;
            reading.user = Some("me".to_owned());
        });
        let movie = |title, year| {
            let cells = cells(&[(Field::Title, title), (Field::Year, year), (Field::Rating, "4")]);
            reading.row(1, &cells).map(|row| row.expect("a rating").movie)
        };
        assert_eq!(movie("Toy Story", "1995"), Ok("Toy Story (1995)".to_owned()));
        assert_eq!(movie("Toy Story (1995)", "1995"), Ok("Toy Story (1995)".to_owned()));
        assert_eq!(movie("Toy Story", ""), Ok("Toy Story".to_owned()));
        assert!(movie(" ", "1995").is_err_and(|error| error.reason == "has no title"));
    }
}
