//! Reads the movie catalog of a data set. One movie that is not valid is named and left out, and
//! the others are read.

mod drafts;
mod genres;
mod parquet;
mod title;

use std::borrow::Cow;
use std::fmt;

use encoding_rs::{UTF_8, WINDOWS_1252};
use marquee_domain::Movie;

use crate::cells::{Cell, Cells};
use crate::encoding::{Text, decode};
use crate::error::Error;
use crate::json::Keys;
use crate::json::frames::{Frame, Frames, Framing};
use crate::names::Field;
use crate::options::Options;
use crate::records::{Record, Records};
use crate::sniff::{self, Layout};
use crate::source::{Entry, SAMPLE};
use crate::unpack;

pub(crate) use drafts::{Draft, Drafts};

/// The largest movie file in bytes. That of MovieLens 32M has 4 MiB.
const LARGEST: u64 = 256 << 20;

/// The movies of a data set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalog {
    /// The valid movies. If an id occurs twice, the first movie counts.
    pub movies: Vec<Movie>,
    /// The number of movies that were left out.
    pub left_out: u64,
    /// Why the first of them were left out.
    pub faults: Vec<MovieFault>,
}

/// Why a movie was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovieFault {
    /// The name of the file.
    pub file: String,
    /// The line, or the row of a Parquet file, from 1.
    pub line: u64,
    /// The field of the movie.
    pub field: &'static str,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for MovieFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, field, reason } = self;
        write!(f, "{file}, line {line}: {field} {reason}")
    }
}

/// Reads files of movies.
pub(crate) fn read(entries: &[Entry], flags: Option<&Entry>, options: &Options) -> Result<Catalog, Error> {
    let mut drafts = Drafts::default();
    for entry in entries {
        drafts.file(&entry.name);
        read_file(entry, flags, options, &mut drafts)?;
    }
    Ok(drafts.finish())
}

fn read_file(entry: &Entry, flags: Option<&Entry>, options: &Options, drafts: &mut Drafts) -> Result<(), Error> {
    if entry.name.ends_with(".parquet") || unpack::is_parquet(&entry.sample()?.bytes) {
        return parquet::read(entry, drafts);
    }
    let bytes = entry.read_all(LARGEST)?;
    if let Some(reason) = unpack::foreign(&bytes) {
        return Err(Error::Packing { name: entry.name.clone(), reason });
    }
    let sample = bytes.get(..bytes.len().min(SAMPLE)).unwrap_or_default();
    let mut text = Text::tell(sample, options.encoding);
    if text.encoding == WINDOWS_1252 && options.encoding.is_none() {
        // Each field is decoded separately, so that one title that is not UTF-8 does not spoil the
        // others.
        text.encoding = UTF_8;
    }
    let reader = text.reader(Box::new(std::io::Cursor::new(bytes)));
    let mut decoded = Vec::new();
    let read = reader.and_then(|mut reader| std::io::Read::read_to_end(&mut reader, &mut decoded));
    read.map_err(|source| Error::Read { name: entry.name.clone(), source })?;
    let start = String::from_utf8_lossy(decoded.get(..decoded.len().min(SAMPLE)).unwrap_or_default()).into_owned();
    if entry.name == "u.item" {
        let names = flags.map(|flags| flags.read_all(LARGEST)).transpose()?;
        genres::flagged(&decoded, names.as_deref(), drafts);
        return Ok(());
    }
    if let Some(framing) = Framing::tell(&start) {
        json(&decoded, framing, drafts);
        return Ok(());
    }
    // The columns of ratings that the user named are not those of movies.
    let plain = Options { encoding: options.encoding, ..Options::default() };
    match sniff::movies(&start, &plain) {
        Ok(layout) => {
            separated(&decoded, &layout, drafts);
            Ok(())
        }
        Err(unclear) => {
            if start.lines().next().is_some_and(|line| line.contains("::")) {
                double_colons(&decoded, drafts);
                Ok(())
            } else if is_netflix(&start) {
                netflix(&decoded, drafts);
                Ok(())
            } else {
                let field = unclear.field.unwrap_or(Field::Movie);
                let fix = match field {
                    Field::Title => "name the column `title`",
                    _ => "name the column `movie_id` or `item_id`",
                };
                let (name, fix) = (entry.name.clone(), fix.to_owned());
                Err(Error::NoColumn { name, field: field.name(), fix, found: unclear.found })
            }
        }
    }
}

/// Returns the lines that are not blank, with their numbers.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (u64, Cow<'_, str>)> {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    let decoded = lines.map(|(line, text)| (line, decode(text.strip_suffix(b"\r").unwrap_or(text))));
    decoded.filter(|(_, text)| !text.trim().is_empty())
}

/// Reads `movies.dat`: id, title and genres, separated by `::`.
fn double_colons(bytes: &[u8], drafts: &mut Drafts) {
    for (line, text) in lines(bytes) {
        let mut parts = text.split("::");
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (id, title, genres) = (part(), part(), part());
        drafts.push(Draft { line, id, title, year: None, genres: genres::Given::Text(genres) });
    }
}

/// Returns whether lines are those of `movie_titles.csv` of the Netflix Prize.
fn is_netflix(text: &str) -> bool {
    text.lines().next().is_some_and(|line| {
        let mut parts = line.splitn(3, ',');
        let (id, year, title) = (parts.next(), parts.next(), parts.next());
        id.is_some_and(sniff::is_number)
            && year.is_some_and(|year| sniff::is_number(year) || year == "NULL")
            && title.is_some()
    })
}

/// Reads id, year and title, separated by commas. Titles may hold commas.
fn netflix(bytes: &[u8], drafts: &mut Drafts) {
    for (line, text) in lines(bytes) {
        let mut parts = text.splitn(3, ',');
        let (id, year, title) = (parts.next(), parts.next(), parts.next());
        drafts.push(Draft {
            line,
            id: id.unwrap_or_default().to_owned(),
            title: title.unwrap_or_default().to_owned(),
            year: year.and_then(|year| year.trim().parse().ok()),
            genres: genres::Given::Text(String::new()),
        });
    }
}

/// Reads columns below a header.
fn separated(bytes: &[u8], layout: &Layout, drafts: &mut Drafts) {
    let mut records = Records::new(bytes, layout.splitting, layout.width);
    while let Ok(Some((line, record))) = records.next() {
        if line <= layout.skip {
            continue;
        }
        match record {
            Record::Fields => {
                let mut cells = Cells::default();
                for (field, at) in layout.columns.iter() {
                    let cell = records.get(at).map(|bytes| Cell::Text(Cow::Borrowed(bytes)));
                    cells.set(field, cell.unwrap_or_default());
                }
                drafts.push(draft(line, &cells));
            }
            Record::Unclosed => drafts.reject(line, "line", "has quotes that do not match"),
            Record::TooLong => drafts.reject(line, "line", "is too long"),
        }
    }
}

/// Reads JSON objects.
fn json(bytes: &[u8], framing: Framing, drafts: &mut Drafts) {
    let mut keys = Keys::new(&[], Field::rank_in_movies);
    let mut frames = Frames::new(bytes, framing);
    while let Ok(Some((line, frame))) = frames.next() {
        match frame {
            Frame::Object => match keys.parse(frames.text()) {
                Ok(found) => drafts.push(draft(line, &found.cells)),
                Err(error) => drafts.reject(line, "line", &format!("is not a JSON object with a movie: {error}")),
            },
            Frame::Stray | Frame::Cut => drafts.reject(line, "line", "is not a JSON object with a movie"),
            Frame::TooLong => drafts.reject(line, "line", "is too long"),
        }
    }
}

/// Returns the movie that the cells of a row describe.
pub(crate) fn draft(line: u64, cells: &Cells<'_>) -> Draft {
    let text = |field: Field| cells.get(field).text().map(Cow::into_owned).unwrap_or_default();
    let released = || title::year_of_date(&text(Field::Release));
    let year = crate::cells::whole_number(text(Field::Year).trim()).and_then(|year| year.parse().ok());
    let genres = match cells.get(Field::Genres) {
        Cell::List(genres) => genres::Given::List(genres.clone()),
        _ => genres::Given::Text(text(Field::Genres)),
    };
    Draft { line, id: text(Field::Movie), title: text(Field::Title), year: year.or_else(released), genres }
}
