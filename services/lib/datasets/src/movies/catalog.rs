//! Reads movie files with a header or a schema: CSV, NDJSON and Parquet.

use std::collections::HashSet;

use marquee_domain::{Movie, MovieId};
use marquee_parquet::{Batches, Column, Options, Table};
use serde::Deserialize;

use super::{LARGEST, title};
use crate::source::Entry;
use crate::{Error, fields};

/// A movie that is not checked yet.
pub(super) struct Draft<'a> {
    pub(super) id: &'a str,
    /// The title, with or without the year.
    pub(super) title: &'a str,
    /// The year, for titles without one.
    pub(super) year: Option<i32>,
    pub(super) genres: Vec<String>,
}

/// Checks movies and keeps the first one of each id.
pub(super) struct Drafts {
    name: String,
    movies: Vec<Movie>,
    known: HashSet<MovieId>,
}

impl Drafts {
    pub(super) fn new(entry: &Entry) -> Self {
        Self { name: entry.name.clone(), movies: Vec::new(), known: HashSet::new() }
    }

    pub(super) fn push(&mut self, line: u64, draft: Draft<'_>) -> Result<(), Error> {
        let wrong = |field, reason: String| Error::Movie { name: self.name.clone(), line, field, reason };
        let id = MovieId::try_new(draft.id.trim()).map_err(|error| wrong("movie", error.to_string()))?;
        let (title, year) = title::split(draft.title);
        let genres = draft.genres.into_iter().filter(|genre| !matches!(genre.as_str(), "" | "unknown")).collect();
        let movie = Movie::try_new(id, title, year.or(draft.year), genres);
        let movie = movie.map_err(|error| {
            let field = if matches!(error, marquee_domain::MovieError::TitleTooLong(_)) { "title" } else { "genres" };
            wrong(field, error.to_string())
        })?;
        if self.known.insert(movie.id.clone()) {
            self.movies.push(movie);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<Movie> {
        self.movies
    }
}

/// Splits genres that are separated by `|`.
pub(super) fn listed(genres: &str) -> Vec<String> {
    let genres = genres.trim();
    if genres == "(no genres listed)" {
        return Vec::new();
    }
    genres.split('|').map(str::trim).filter(|genre| !genre.is_empty()).map(str::to_owned).collect()
}

fn missing(name: &str, field: &'static str, expected: &'static str) -> Error {
    Error::NoColumn { name: name.to_owned(), field, expected }
}

/// Reads id, title and genres below a header.
pub(super) fn csv(entry: &Entry) -> Result<Vec<Movie>, Error> {
    let text = fields::text(&entry.read_all(LARGEST)?);
    let separator = if entry.name.ends_with(".tsv") { b'\t' } else { b',' };
    let mut rows = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text.as_bytes());
    let wrong = |error: &csv::Error| Error::Movie {
        name: entry.name.clone(),
        line: error.position().map_or(1, csv::Position::line),
        field: "line",
        reason: "is not a row of comma-separated values".to_owned(),
    };
    let header = rows.headers().map_err(|error| wrong(&error))?.clone();
    let find = |names| fields::position(header.iter(), names);
    let id = find(fields::MOVIE).ok_or_else(|| missing(&entry.name, "movie", "`movie_id` or `item_id`"))?;
    let title = find(fields::TITLE).ok_or_else(|| missing(&entry.name, "title", "`title`"))?;
    let (genres, year) = (find(fields::GENRES), find(fields::YEAR));
    let mut drafts = Drafts::new(entry);
    let mut row = csv::StringRecord::new();
    while rows.read_record(&mut row).map_err(|error| wrong(&error))? {
        let line = row.position().map_or(1, csv::Position::line);
        let part = |index: Option<usize>| index.and_then(|index| row.get(index)).unwrap_or_default();
        drafts.push(
            line,
            Draft {
                id: part(Some(id)),
                title: part(Some(title)),
                year: part(year).trim().parse().ok(),
                genres: listed(part(genres)),
            },
        )?;
    }
    Ok(drafts.finish())
}

#[derive(Deserialize)]
struct Object {
    #[serde(alias = "id", alias = "movie_id", alias = "movieId", alias = "item_id", alias = "itemId")]
    movie: Id,
    #[serde(default, alias = "movie_title", alias = "movieTitle")]
    title: String,
    #[serde(default)]
    year: Option<i32>,
    #[serde(default)]
    genres: Genres,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(i64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Genres {
    List(Vec<String>),
    Text(String),
    None(()),
}

impl Default for Genres {
    fn default() -> Self {
        Self::None(())
    }
}

/// Reads one JSON object on each line.
pub(super) fn ndjson(entry: &Entry) -> Result<Vec<Movie>, Error> {
    let mut drafts = Drafts::new(entry);
    for (line, text) in (1..).zip(entry.read_all(LARGEST)?.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let object: Object = serde_json::from_slice(text).map_err(|error| Error::Movie {
            name: entry.name.clone(),
            line,
            field: "line",
            reason: format!("is not a JSON object with a movie: {error}"),
        })?;
        let id = match object.movie {
            Id::Text(text) => text,
            Id::Number(number) => number.to_string(),
        };
        let genres = match object.genres {
            Genres::List(genres) => genres,
            Genres::Text(text) => listed(&text),
            Genres::None(()) => Vec::new(),
        };
        drafts.push(line, Draft { id: &id, title: &object.title, year: object.year, genres })?;
    }
    Ok(drafts.finish())
}

/// Reads columns. Genres are one text column, or one column of flags for each genre.
pub(super) fn parquet(entry: &Entry) -> Result<Vec<Movie>, Error> {
    let failed = |source| Error::Parquet { name: entry.name.clone(), source };
    // A column counts as flags only if all its values do, so the batches are as large as possible.
    let options = Options { batch_rows: usize::MAX, ..Options::default() };
    let mut batches = Batches::open(entry.random_access()?, options).map_err(failed)?;
    let (mut drafts, mut line) = (Drafts::new(entry), 0);
    for batch in &mut batches {
        let batch = batch.map_err(failed)?;
        let columns = Columns::find(entry, &batch)?;
        for row in 0..batch.rows() {
            line += 1;
            let part = |column: Option<&Column>| column.and_then(|column| text(column, row)).unwrap_or_default();
            let flagged = columns.flags.iter().filter(|(_, flags)| is_set(flags, row));
            let mut genres: Vec<String> = flagged.map(|(name, _)| (*name).to_owned()).collect();
            genres.extend(listed(&part(columns.genres)));
            let year = part(columns.year).parse().ok().or_else(|| title::year_of_date(&part(columns.release)));
            let (id, title) = (part(Some(columns.id)), part(Some(columns.title)));
            drafts.push(line, Draft { id: &id, title: &title, year, genres })?;
        }
    }
    Ok(drafts.finish())
}

struct Columns<'a> {
    id: &'a Column,
    title: &'a Column,
    genres: Option<&'a Column>,
    year: Option<&'a Column>,
    release: Option<&'a Column>,
    flags: Vec<(&'a str, &'a Column)>,
}

impl<'a> Columns<'a> {
    fn find(entry: &Entry, table: &'a Table) -> Result<Self, Error> {
        let find = |names| {
            let index = fields::position(table.columns.iter().map(|(name, _)| name.as_str()), names)?;
            table.columns.get(index).map(|(_, column)| column)
        };
        let known = [fields::MOVIE, fields::TITLE, fields::GENRES, fields::YEAR, fields::RELEASE].concat();
        let flags = table
            .columns
            .iter()
            .filter(|(name, _)| !known.contains(&fields::canonical(name).as_str()))
            .filter(|(_, column)| all_flags(column))
            .map(|(name, column)| (name.as_str(), column))
            .collect();
        Ok(Self {
            id: find(fields::MOVIE).ok_or_else(|| missing(&entry.name, "movie", "`movie_id` or `item_id`"))?,
            title: find(fields::TITLE).ok_or_else(|| missing(&entry.name, "title", "`title`"))?,
            genres: find(fields::GENRES),
            year: find(fields::YEAR),
            release: find(fields::RELEASE),
            flags,
        })
    }
}

fn all_flags(column: &Column) -> bool {
    match column {
        Column::Bool(_) => true,
        Column::Int64(values) => values.iter().all(|value| matches!(value, Some(0 | 1))),
        Column::Float64(_) | Column::Utf8(_) | Column::Timestamp(_) => false,
    }
}

fn is_set(column: &Column, row: usize) -> bool {
    match column {
        Column::Bool(values) => values.get(row) == Some(&Some(true)),
        Column::Int64(values) => values.get(row) == Some(&Some(1)),
        Column::Float64(_) | Column::Utf8(_) | Column::Timestamp(_) => false,
    }
}

fn text(column: &Column, row: usize) -> Option<String> {
    match column {
        Column::Utf8(values) => values.get(row).cloned().flatten(),
        Column::Int64(values) => values.get(row).copied().flatten().map(|value| value.to_string()),
        Column::Float64(_) | Column::Bool(_) | Column::Timestamp(_) => None,
    }
}
