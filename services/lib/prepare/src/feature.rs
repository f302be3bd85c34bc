//! Features that steps add to ratings and movies.

use marquee_domain::{Movie, Timestamp};

use crate::rating::{NO_TIME, Rating};

const MICROS_PER_DAY: f64 = 86_400.0 * 1e6;

/// The mean length of a year of the Gregorian calendar.
const MICROS_PER_YEAR: f64 = 365.242_5 * MICROS_PER_DAY;

/// A feature that has columns of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Feature {
    /// A column of the movies for each of these genres.
    Genres(Vec<String>),
    /// A column of the ratings: the years from the start of the movie's year to the rating.
    MovieAge,
    /// A column of the ratings: the days from the rating to this time, in microseconds.
    RatingAge(i64),
}

impl Feature {
    /// Returns the name of the column of the ratings, if it is one.
    pub(crate) const fn of_ratings(&self) -> Option<&'static str> {
        match self {
            Self::Genres(_) => None,
            Self::MovieAge => Some("movie_age"),
            Self::RatingAge(_) => Some("rating_age"),
        }
    }

    /// Returns the value for a rating of a movie, or `None` if it is not known.
    pub(crate) fn value(&self, movie: Option<&Movie>, rating: &Rating) -> Option<f64> {
        if rating.time == NO_TIME {
            return None;
        }
        match self {
            Self::Genres(_) => None,
            Self::MovieAge => {
                let start = start_of(movie?.year?)?;
                Some((rating.time as f64 - start as f64) / MICROS_PER_YEAR)
            }
            Self::RatingAge(newest) => Some((*newest as f64 - rating.time as f64) / MICROS_PER_DAY),
        }
    }
}

/// Returns the start of a year in microseconds.
fn start_of(year: i32) -> Option<i64> {
    Timestamp::parse(&format!("{year:04}-01-01T00:00:00Z")).map(Timestamp::micros)
}
