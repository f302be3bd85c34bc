//! movies.parquet: the index of each movie in the graphs, and what is shown of the movie to users.

use std::collections::HashMap;

use bytes::Bytes;
use marquee_domain::{Movie, MovieId};
use marquee_parquet::{Column, Table};
use thiserror::Error;

/// Separates the genres in their column. No genre name contains it.
const SEPARATOR: char = '|';

/// Why movies.parquet or a list of movies is refused.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// The bytes are not Parquet.
    #[error("movies.parquet cannot be read")]
    Parquet(#[source] marquee_parquet::Error),
    /// A column is missing or has the wrong type.
    #[error("movies.parquet has no text column {0}")]
    Column(&'static str),
    /// A row does not describe a valid movie.
    #[error("row {0} of movies.parquet is not a valid movie")]
    Row(usize),
    /// Two rows have the same movie id.
    #[error("movie '{0}' appears twice in movies.parquet")]
    Twice(MovieId),
}

/// Movies by index and by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    movies: Vec<Movie>,
    by_id: HashMap<MovieId, usize>,
}

impl Catalogue {
    /// Creates a catalog of movies in index order. Each id must be unique.
    pub fn new(movies: Vec<Movie>) -> Result<Self, CatalogueError> {
        let mut by_id = HashMap::with_capacity(movies.len());
        for (index, movie) in movies.iter().enumerate() {
            if by_id.insert(movie.id.clone(), index).is_some() {
                return Err(CatalogueError::Twice(movie.id.clone()));
            }
        }
        Ok(Self { movies, by_id })
    }

    /// Returns the movies in index order.
    pub fn movies(&self) -> &[Movie] {
        &self.movies
    }

    /// Returns the number of movies.
    pub fn len(&self) -> usize {
        self.movies.len()
    }

    /// Returns whether the catalog has no movies.
    pub fn is_empty(&self) -> bool {
        self.movies.is_empty()
    }

    /// Returns the index of a movie.
    pub fn index_of(&self, id: &MovieId) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Returns a movie by id.
    pub fn get(&self, id: &MovieId) -> Option<&Movie> {
        self.movies.get(self.index_of(id)?)
    }

    /// Returns the catalog as Parquet with the columns movie_id, title, year and genres. The row
    /// number is the index.
    pub fn to_parquet(&self) -> Result<Vec<u8>, CatalogueError> {
        let text = |of: fn(&Movie) -> String| Column::Utf8(self.movies.iter().map(|movie| Some(of(movie))).collect());
        let table = Table {
            columns: vec![
                ("movie_id".to_owned(), text(|movie| movie.id.as_str().to_owned())),
                ("title".to_owned(), text(|movie| movie.title.clone())),
                ("year".to_owned(), Column::Int64(self.movies.iter().map(|movie| movie.year.map(i64::from)).collect())),
                ("genres".to_owned(), text(|movie| movie.genres.join(&SEPARATOR.to_string()))),
            ],
        };
        marquee_parquet::write(&table).map_err(CatalogueError::Parquet)
    }

    /// Reads a catalog from Parquet.
    pub fn from_parquet(bytes: Bytes) -> Result<Self, CatalogueError> {
        let table = marquee_parquet::read(bytes).map_err(CatalogueError::Parquet)?;
        let text = |name: &'static str| match table.column(name) {
            Some(Column::Utf8(values)) => Ok(values),
            _ => Err(CatalogueError::Column(name)),
        };
        let (ids, titles, genres) = (text("movie_id")?, text("title")?, text("genres")?);
        let years = match table.column("year") {
            Some(Column::Int64(values)) => values.as_slice(),
            _ => &[],
        };
        let mut movies = Vec::with_capacity(ids.len());
        for (row, id) in ids.iter().enumerate() {
            let cell = |values: &[Option<String>]| values.get(row).cloned().flatten().unwrap_or_default();
            let genres = cell(genres).split(SEPARATOR).filter(|genre| !genre.is_empty()).map(str::to_owned).collect();
            let year = years.get(row).copied().flatten().and_then(|year| i32::try_from(year).ok());
            let id = id.as_deref().and_then(|id| MovieId::try_new(id).ok()).ok_or(CatalogueError::Row(row))?;
            movies.push(Movie::try_new(id, &cell(titles), year, genres).map_err(|_| CatalogueError::Row(row))?);
        }
        Self::new(movies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn movie(id: &str, year: Option<i32>, genres: &[&str]) -> Movie {
        let genres = genres.iter().map(|genre| (*genre).to_owned()).collect();
        Movie::try_new(MovieId::try_new(id).unwrap(), &format!("Title of {id}"), year, genres).unwrap()
    }

    #[test]
    fn a_catalogue_survives_its_file() {
        let movies = vec![movie("b", Some(1995), &["Comedy", "Drama"]), movie("a", None, &[])];
        let catalogue = Catalogue::new(movies).unwrap();
        let back = Catalogue::from_parquet(catalogue.to_parquet().unwrap().into()).unwrap();
        assert_eq!(back, catalogue);
        assert_eq!(back.index_of(&MovieId::try_new("a").unwrap()), Some(1));
    }

    #[test]
    fn a_repeated_id_is_refused() {
        let twice = Catalogue::new(vec![movie("a", None, &[]), movie("a", None, &[])]);
        assert!(matches!(twice, Err(CatalogueError::Twice(_))));
    }
}
