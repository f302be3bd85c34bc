//! A movie of the catalog.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::MovieId;

/// A movie of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movie {
    /// The movie's id.
    pub id: MovieId,
    /// The title to display. It may be empty.
    pub title: String,
    /// The year of release, if it is known.
    pub year: Option<i32>,
    /// The names of the genres, sorted and without repetitions.
    pub genres: Vec<String>,
}

/// The reason why a movie was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MovieError {
    /// The title is too long.
    #[error("has {0} bytes: give a title of at most 1,024")]
    TitleTooLong(usize),
    /// There are too many genres.
    #[error("has {0} entries: give at most 32 genres")]
    TooManyGenres(usize),
    /// The name of a genre is empty or too long.
    #[error("holds an empty or overlong name: give genre names of 1 to 64 bytes")]
    BadGenre,
}

impl Movie {
    /// Checks a movie. Sorts the genres and drops repetitions.
    ///
    /// # Errors
    /// The title or the genres exceed a limit.
    pub fn try_new(id: MovieId, title: &str, year: Option<i32>, genres: Vec<String>) -> Result<Self, MovieError> {
        if title.len() > 1_024 {
            return Err(MovieError::TitleTooLong(title.len()));
        }
        if genres.len() > 32 {
            return Err(MovieError::TooManyGenres(genres.len()));
        }
        if genres.iter().any(|genre| !matches!(genre.len(), 1..=64)) {
            return Err(MovieError::BadGenre);
        }
        let mut genres = genres;
        genres.sort_unstable();
        genres.dedup();
        Ok(Self { id, title: title.to_owned(), year, genres })
    }
}
