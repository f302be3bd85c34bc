//! Maps JSON objects that come one by one, as records of a database, an API or a log do, to
//! ratings and movies. What was recognized in the first records is a plain value that can be
//! stored, so records that come days later are read in the same way.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::cells::{Cells, Descriptions, Reading, Row};
use crate::dialect::Values;
use crate::error::{Error, RowError};
use crate::json::Keys;
use crate::movies::{self, Catalog, Drafts};
use crate::names::Field;
use crate::options::{Format, Options};
use crate::source::{Entry, Place};
use crate::time::format::TimeFormat;
use crate::understand::{Body, understand};

/// How records become ratings: what was recognized in the first of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Recognized {
    /// The path of each field that the first records have, by the name of the field.
    pub columns: Vec<(String, String)>,
    /// Fields whose usual names mean something else in these records.
    pub without: Vec<String>,
    /// The form of the times, as `--time-format` takes it.
    pub time_format: Option<String>,
    /// Whether the id of a movie is its title with the year.
    pub movie_from_title: bool,
    /// Whether numbers in texts have a decimal comma.
    pub decimal_comma: bool,
    /// Whether ids of users like `1.0` are whole numbers.
    pub whole_users: bool,
    /// Whether ids of movies like `1.0` are whole numbers.
    pub whole_movies: bool,
    /// Values that mean that there is no rating.
    pub unrated: Vec<f64>,
}

/// Maps JSON objects to ratings.
#[derive(Debug)]
pub struct Mapper {
    keys: Keys,
    reading: Reading,
    descriptions: Arc<Mutex<Descriptions>>,
    recognized: Recognized,
    /// What was understood, for people.
    facts: Vec<(&'static str, String)>,
    values: Option<Values>,
}

impl Mapper {
    /// Recognizes how records are written from the first of them. `name` is what errors call them.
    ///
    /// # Errors
    /// A column for the user, the movie or the rating is not found, or the times may be meant in
    /// two ways.
    pub fn recognize<'a>(
        name: &str,
        records: impl IntoIterator<Item = &'a [u8]>,
        options: &Options,
    ) -> Result<Self, Error> {
        let mut lines = Vec::new();
        for record in records {
            // A line break inside of an object is white space, or escaped in a text.
            lines.extend(record.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
            lines.push(b'\n');
        }
        let options = Options { format: Some(Format::Ndjson), ..options.clone() };
        let entry = Entry::plain(name, Place::Memory(Bytes::from(lines)))?;
        let understood = understand(&entry, &options)?;
        if !matches!(understood.body, Body::Json(..)) {
            return Err(Error::Unknown { name: name.to_owned() });
        }
        let mut columns = Vec::new();
        for (field, shown) in &understood.dialect.columns {
            // Other entries say where a value comes from that no column has.
            if let Some(path) = shown.strip_prefix('`').and_then(|path| path.strip_suffix('`')) {
                columns.push((field.name().to_owned(), path.to_owned()));
            }
        }
        let preset = understood.preset.map_or(&[][..], |preset| preset.not);
        let reading = &understood.reading;
        let recognized = Recognized {
            columns,
            without: preset.iter().map(|field| field.name().to_owned()).collect(),
            time_format: reading.time.as_ref().map(TimeFormat::code),
            movie_from_title: reading.movie_from_title,
            decimal_comma: reading.decimal_comma,
            whole_users: reading.whole_users,
            whole_movies: reading.whole_movies,
            unrated: reading.unrated.clone(),
        };
        let facts = understood.dialect.facts().into_iter().filter(|(name, _)| !matches!(*name, "format" | "encoding"));
        let mut mapper = Self::new(recognized, &options);
        (mapper.facts, mapper.values) = (facts.collect(), understood.dialect.values);
        Ok(mapper)
    }

    /// Maps records as earlier ones were. The options of the user and of the scale are not part of
    /// what was recognized.
    pub fn new(mut recognized: Recognized, options: &Options) -> Self {
        let field = |name: &String| name.parse::<Field>().ok();
        let mut columns = options.columns.clone();
        for (name, path) in &recognized.columns {
            if let Some(field) = field(name).filter(|field| columns.iter().all(|(known, _)| known != field)) {
                columns.push((field, path.clone()));
            }
        }
        let mut keys = Keys::new(&columns, Field::rank);
        // What the caller names now wins.
        recognized.columns = columns.iter().map(|(field, path)| (field.name().to_owned(), path.clone())).collect();
        let without: Vec<Field> = recognized.without.iter().filter_map(field).collect();
        keys.forget(&without);
        let descriptions = Arc::<Mutex<Descriptions>>::default();
        let mut reading = Reading::of(options, Cells::default());
        reading.time = reading.time.or_else(|| recognized.time_format.as_ref().and_then(|code| code.parse().ok()));
        reading.decimal_comma = recognized.decimal_comma;
        reading.whole_users = recognized.whole_users;
        reading.whole_movies = recognized.whole_movies;
        reading.unrated.clone_from(&recognized.unrated);
        reading.movie_from_title |= recognized.movie_from_title;
        reading.descriptions = Some(Arc::clone(&descriptions));
        Self { keys, reading, descriptions, recognized, facts: Vec::new(), values: None }
    }

    /// Returns what was recognized.
    pub fn recognized(&self) -> &Recognized {
        &self.recognized
    }

    /// Returns what was understood of the first records with names, for people. It is empty if they
    /// were recognized earlier.
    pub fn facts(&self) -> &[(&'static str, String)] {
        &self.facts
    }

    /// Returns the values of the first records, or `None` if they were recognized earlier.
    pub fn values(&self) -> Option<Values> {
        self.values
    }

    /// Returns the path of a field that ratings have.
    pub fn column(&self, field: Field) -> Option<&str> {
        let found = self.recognized.columns.iter().find(|(name, _)| *name == field.name());
        found.map(|(_, path)| path.as_str())
    }

    /// Maps a record to a rating, or to `None` if it says that there is no rating. `line` is its
    /// number, from 1.
    ///
    /// # Errors
    /// The record is not an object, or a value is missing or not readable.
    pub fn map(&mut self, line: u64, record: &[u8]) -> Result<Option<Row>, RowError> {
        let wrong = |reason| RowError::new(line, "line", format!("is not a JSON object with a rating: {reason}"));
        let row = match self.keys.parse(record) {
            Ok(found) => self.reading.row(line, &found.cells),
            Err(reason) => Err(wrong(reason)),
        };
        row.map_err(|error| error.with_text(record))
    }

    /// Returns the movies that the ratings since the last call describe by a title.
    pub fn take_movies(&mut self) -> Catalog {
        let mut drafts = Drafts::default();
        if let Ok(mut described) = self.descriptions.lock() {
            described.rows.drain(..).for_each(|(line, cells)| drafts.push(movies::draft(line, &cells)));
        }
        drafts.finish()
    }
}

/// Maps JSON objects to movies. `name` is what faults call them. Objects are counted from `line`.
pub fn movies_of<'a>(
    name: &str,
    columns: &[(Field, String)],
    line: u64,
    records: impl IntoIterator<Item = &'a [u8]>,
) -> Catalog {
    let (mut drafts, mut keys) = (Drafts::default(), Keys::new(columns, Field::rank_in_movies));
    drafts.file(name);
    for (line, record) in (line..).zip(records) {
        match keys.parse(record) {
            Ok(found) => drafts.push(movies::draft(line, &found.cells)),
            Err(reason) => drafts.reject(line, "line", &format!("is not a JSON object with a movie: {reason}")),
        }
    }
    drafts.finish()
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;

    use super::*;

    const FIRST: [&[u8]; 2] = [
        br#"{"customer_id": "ann", "film_id": 7, "stars": 4, "rated_at": 1714521600000, "title": "Heat (1995)"}"#,
        br#"{"customer_id": "bob", "film_id": 8, "stars": "3,5", "rated_at": 1714521601000}"#,
    ];

    #[test]
    fn later_records_are_read_as_the_first_ones_were() {
        let mut first = Mapper::recognize("shop", FIRST, &Options::default()).expect("recognized");
        assert_eq!(first.column(Field::Rating), Some("stars"));
        assert_eq!(first.recognized().time_format.as_deref(), Some("ms"));
        assert!(first.facts().iter().any(|(name, value)| *name == "movie" && value == "`film_id`"));
        let row = first.map(1, FIRST[0]).expect("read").expect("a rating");
        assert_eq!((row.user.as_str(), row.movie.as_str(), row.rating), ("ann", "7", 4.0));
        assert_eq!(row.rated_at, Some(Timestamp::from_seconds(1_714_521_600)));
        assert_eq!(first.take_movies().movies.len(), 1, "the title describes the movie");
        assert!(first.take_movies().movies.is_empty(), "once");

        let stored = serde_json::to_string(first.recognized()).expect("text");
        let recognized: Recognized = serde_json::from_str(&stored).expect("a value");
        let mut later = Mapper::new(recognized, &Options::default());
        // Alone, this record would not tell the unit of its time, nor the decimal sign.
        let record = br#"{"rating": 1, "stars": "2,5", "customer_id": "cy", "film_id": 9, "rated_at": 86400000}"#;
        let row = later.map(3, record).expect("read").expect("a rating");
        assert_eq!((row.rating, row.rated_at), (2.5, Some(Timestamp::from_seconds(86_400))));
    }

    #[test]
    fn a_record_that_is_no_rating_is_an_error_of_its_own() {
        let mut mapper = Mapper::recognize("shop", FIRST, &Options::default()).expect("recognized");
        let error = mapper.map(9, br#"{"customer_id": "ann"}"#).expect_err("no rating");
        assert_eq!((error.line, error.field, error.fatal), (9, "rating", false));
        assert!(error.text.contains("ann"));
        assert!(mapper.map(10, b"[1, 2]").is_err() && mapper.map(11, b"\xff").is_err());
        let missing = Mapper::recognize("shop", [&br#"{"a": 1}"#[..]], &Options::default()).expect_err("no columns");
        assert!(missing.to_string().contains("no column for the user among a"), "{missing}");
    }

    #[test]
    fn movies_are_read_by_the_same_names() {
        let records: [&[u8]; 3] =
            [br#"{"id": 7, "title": "Heat", "year": 1995, "genres": "Crime|Drama"}"#, b"nothing", br#"{"id": ""}"#];
        let catalog = movies_of("films", &[], 1, records);
        assert_eq!(catalog.movies.len(), 1);
        assert_eq!((catalog.movies[0].year, catalog.movies[0].genres.len()), (Some(1995), 2));
        assert_eq!(catalog.left_out, 2);
    }
}
