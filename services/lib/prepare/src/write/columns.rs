//! The columns of the files. Those of ratings are the ones of the archive.

use marquee_domain::{Movie, Timestamp};
use marquee_parquet::{Column, Error, Table};

use crate::feature::Feature;
use crate::plan::FileFormat;
use crate::rating::{NO_TIME, Rating};
use crate::set::Set;

/// Returns the columns of some ratings.
pub(super) fn of_ratings(set: &Set, ratings: &[&Rating]) -> Table {
    let ids = |names: &[std::sync::Arc<str>], number: fn(&Rating) -> u32| {
        Column::Utf8(ratings.iter().map(|one| Some(names[number(one) as usize].to_string())).collect())
    };
    let time = |rating: &&Rating| (rating.time != NO_TIME).then_some(rating.time);
    let mut columns = vec![
        ("user_id".to_owned(), ids(set.users.names(), |one| one.user)),
        ("movie_id".to_owned(), ids(set.movies.names(), |one| one.movie)),
        ("rating".to_owned(), Column::Float64(ratings.iter().map(|one| Some(one.value)).collect())),
        ("rated_at".to_owned(), Column::Timestamp(ratings.iter().map(time).collect())),
    ];
    for feature in &set.features {
        let Some(name) = feature.of_ratings() else { continue };
        let values = ratings.iter().map(|rating| feature.value(set.movie(rating), rating)).collect();
        columns.push((name.to_owned(), Column::Float64(values)));
    }
    Table { columns }
}

/// Returns the columns of some movies. Genres are separated by `|`.
pub(super) fn of_movies(set: &Set, movies: &[&Movie]) -> Table {
    let text = |text: String| (!text.is_empty()).then_some(text);
    let mut columns = vec![
        ("movie_id".to_owned(), Column::Utf8(movies.iter().map(|movie| Some(movie.id.to_string())).collect())),
        ("title".to_owned(), Column::Utf8(movies.iter().map(|movie| text(movie.title.clone())).collect())),
        ("year".to_owned(), Column::Int64(movies.iter().map(|movie| movie.year.map(i64::from)).collect())),
        ("genres".to_owned(), Column::Utf8(movies.iter().map(|movie| text(movie.genres.join("|"))).collect())),
    ];
    for feature in &set.features {
        let Feature::Genres(genres) = feature else { continue };
        for genre in genres {
            let has = movies.iter().map(|movie| Some(i64::from(movie.genres.contains(genre))));
            columns.push((format!("genre_{genre}"), Column::Int64(has.collect())));
        }
    }
    Table { columns }
}

/// Returns the bytes of a file.
pub(super) fn encode(table: &Table, format: FileFormat) -> Result<Vec<u8>, Error> {
    match format {
        FileFormat::Parquet => marquee_parquet::write(table),
        FileFormat::Csv => Ok(csv(table).into_bytes()),
    }
}

/// Returns the rows as comma-separated values below a header (RFC 4180). Missing values are empty,
/// and times are those of RFC 3339.
fn csv(table: &Table) -> String {
    let mut text = String::new();
    let names = table.columns.iter().map(|(name, _)| quoted(name));
    text.push_str(&names.collect::<Vec<_>>().join(","));
    text.push('\n');
    for row in 0..table.rows() {
        for (at, (_, column)) in table.columns.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(&cell(column, row));
        }
        text.push('\n');
    }
    text
}

fn cell(column: &Column, row: usize) -> String {
    match column {
        Column::Utf8(values) => values[row].as_deref().map(quoted),
        Column::Int64(values) => values[row].map(|value| value.to_string()),
        Column::Timestamp(values) => values[row].map(|value| Timestamp::from_micros(value).to_rfc3339()),
        Column::Float64(values) => values[row].map(|value| value.to_string()),
        Column::Bool(values) => values[row].map(|value| value.to_string()),
        Column::List(values) => values[row].as_ref().map(|value| quoted(&value.join("|"))),
    }
    .unwrap_or_default()
}

fn quoted(text: &str) -> String {
    let is_plain = !text.contains([',', '"', '\n', '\r', '\'']) && text.trim() == text;
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}
