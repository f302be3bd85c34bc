//! Reads ratings and movies into tables.

use marquee_datasets::Dataset;
use marquee_tables::{Builder, Cell, ColumnType, Table};

use crate::error::Error;

/// The columns of ratings, as the archive has them.
pub const RATINGS: [(&str, ColumnType); 4] = [
    ("user_id", ColumnType::Text),
    ("movie_id", ColumnType::Text),
    ("rating", ColumnType::Float),
    ("rated_at", ColumnType::Time),
];

/// The columns of movies. Genres are separated by `|`.
pub const MOVIES: [(&str, ColumnType); 4] = [
    ("movie_id", ColumnType::Text),
    ("title", ColumnType::Text),
    ("year", ColumnType::Int),
    ("genres", ColumnType::Text),
];

/// A table of a data set.
#[derive(Debug)]
pub struct Set {
    /// The name of the data set.
    pub name: String,
    /// The rows.
    pub table: Table,
    /// The number of rows that are not valid and are not in the table.
    pub left_out: u64,
    /// What is wrong with the first of them.
    pub first_fault: Option<String>,
}

/// Reads the ratings of a data set. A table of more than `memory` bytes is a temporary file.
///
/// # Errors
/// The data set cannot be read to its end.
pub fn ratings(dataset: &Dataset, memory: usize) -> Result<Set, Error> {
    let mut table = Builder::new(&RATINGS, memory);
    let (mut left_out, mut first_fault) = (0, None);
    for row in dataset.ratings()? {
        match row {
            Ok(row) => {
                let time = row.rated_at.map_or(Cell::Missing, |time| Cell::Time(time.micros()));
                table.push(&[Cell::Text(&row.user), Cell::Text(&row.movie), Cell::Float(row.rating), time])?;
            }
            Err(fault) if fault.fatal => return Err(Error::Cut(fault)),
            Err(fault) => {
                left_out += 1;
                first_fault.get_or_insert_with(|| fault.to_string());
            }
        }
    }
    Ok(Set { name: dataset.name.clone(), table: table.finish()?, left_out, first_fault })
}

/// Reads the movies of a data set. A table of more than `memory` bytes is a temporary file.
///
/// # Errors
/// The list of movies cannot be read.
pub fn movies(dataset: &Dataset, memory: usize) -> Result<Set, Error> {
    let catalog = dataset.catalog()?;
    let mut table = Builder::new(&MOVIES, memory);
    for movie in &catalog.movies {
        let genres = movie.genres.join("|");
        let [title, genres] = [&movie.title, &genres].map(|text| match text.as_str() {
            "" => Cell::Missing,
            text => Cell::Text(text),
        });
        let year = movie.year.map_or(Cell::Missing, |year| Cell::Int(i64::from(year)));
        table.push(&[Cell::Text(movie.id.as_str()), title, year, genres])?;
    }
    let first_fault = catalog.faults.first().map(ToString::to_string);
    Ok(Set { name: dataset.name.clone(), table: table.finish()?, left_out: catalog.left_out, first_fault })
}
