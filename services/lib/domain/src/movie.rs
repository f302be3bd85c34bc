//! A movie of the catalogue.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::MovieId;

/// What the catalogue says of a movie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movie {
    /// Its id.
    pub id: MovieId,
    /// The title people read; may be empty.
    pub title: String,
    /// Year of release, when known.
    pub year: Option<i32>,
    /// Genre names, sorted, each once.
    pub genres: Vec<String>,
}

/// Why a catalogue entry was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MovieError {
    /// The title is too long to be one.
    #[error("has {0} bytes: give a title of at most 1,024")]
    TitleTooLong(usize),
    /// More genres than anything is.
    #[error("has {0} entries: give at most 32 genres")]
    TooManyGenres(usize),
    /// A genre without a name, or with one that is no name.
    #[error("holds an empty or overlong name: give genre names of 1 to 64 bytes")]
    BadGenre,
}

impl Movie {
    /// Checks and normalises an entry: genres are sorted and each kept once.
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
