//! Reads the movie catalog of a data set.

mod catalog;
mod title;

use marquee_domain::Movie;

use crate::source::Entry;
use crate::{Error, Format, fields};

use catalog::{Draft, Drafts};

/// The largest movie file in bytes. That of MovieLens 32M has 4 MiB.
const LARGEST: u64 = 256 << 20;

/// The genres of MovieLens 100K in the order of its flags, for a data set without `u.genre`.
const FLAGS: [&str; 19] = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];

/// Reads a movie file.
pub(crate) fn read(entry: &Entry, genres: Option<&Entry>) -> Result<Vec<Movie>, Error> {
    if entry.name == "u.item" {
        return flagged(entry, genres);
    }
    match Format::of(&entry.name) {
        Some(Format::DoubleColons) => double_colons(entry),
        Some(Format::Csv) => catalog::csv(entry),
        Some(Format::Ndjson) => catalog::ndjson(entry),
        Some(Format::Parquet) => catalog::parquet(entry),
        Some(Format::Tabs) | None => Err(Error::Unknown { name: entry.name.clone() }),
    }
}

/// Reads `u.item`: id, title, two dates, a link and one flag for each genre, separated by `|`, in
/// Latin-1.
fn flagged(entry: &Entry, genres: Option<&Entry>) -> Result<Vec<Movie>, Error> {
    let names = match genres {
        None => FLAGS.iter().map(|name| (*name).to_owned()).collect(),
        Some(genres) => genre_names(&fields::text(&genres.read_all(LARGEST)?)),
    };
    let mut drafts = Drafts::new(entry);
    for (line, text) in (1..).zip(fields::text(&entry.read_all(LARGEST)?).lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let mut parts = text.split('|');
        let (id, title, released) = (parts.next(), parts.next(), parts.next());
        let flags = parts.skip(2);
        drafts.push(
            line,
            Draft {
                id: id.unwrap_or_default(),
                title: title.unwrap_or_default(),
                year: released.and_then(title::year_of_date),
                genres: names
                    .iter()
                    .zip(flags)
                    .filter(|(_, flag)| *flag == "1")
                    .map(|(name, _)| name.clone())
                    .collect(),
            },
        )?;
    }
    Ok(drafts.finish())
}

/// Reads `u.genre`: a name and its position, separated by `|`.
fn genre_names(text: &str) -> Vec<String> {
    let numbered = |line: &str| {
        let (name, number) = line.split_once('|')?;
        Some((number.trim().parse::<u32>().ok()?, name.to_owned()))
    };
    let mut names: Vec<(u32, String)> = text.lines().filter_map(numbered).collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

/// Reads `movies.dat`: id, title and genres, separated by `::`.
fn double_colons(entry: &Entry) -> Result<Vec<Movie>, Error> {
    let mut drafts = Drafts::new(entry);
    for (line, text) in (1..).zip(entry.read_all(LARGEST)?.split(|byte| *byte == b'\n')) {
        // Each line is decoded separately, so that one title that is not UTF-8 does not turn the
        // others into Latin-1.
        let text = fields::text(text);
        if text.trim().is_empty() {
            continue;
        }
        let mut parts = text.trim_end_matches('\r').split("::");
        let (id, title, genres) = (parts.next(), parts.next(), parts.next());
        drafts.push(
            line,
            Draft {
                id: id.unwrap_or_default(),
                title: title.unwrap_or_default(),
                year: None,
                genres: catalog::listed(genres.unwrap_or_default()),
            },
        )?;
    }
    Ok(drafts.finish())
}
