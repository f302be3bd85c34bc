//! Drops ratings without a time, and ratings of movies without some facts.

use serde::{Deserialize, Serialize};

use super::{Apply, Effect, Kind, wrong};
use crate::fields::Wrong;
use crate::rating::{NO_TIME, Rating};
use crate::set::Set;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DropMissing {
    fields: Vec<Field>,
}

/// What may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Field {
    RatedAt,
    Movie,
    Title,
    Year,
    Genres,
}

impl Field {
    const fn name(self) -> &'static str {
        match self {
            Self::RatedAt => "rated_at",
            Self::Movie => "movie",
            Self::Title => "title",
            Self::Year => "year",
            Self::Genres => "genres",
        }
    }

    /// Returns whether a rating lacks it.
    fn is_missing(self, set: &Set, rating: &Rating) -> bool {
        match (self, set.movie(rating)) {
            (Self::RatedAt, _) => rating.time == NO_TIME,
            (_, None) => true,
            (Self::Movie, Some(_)) => false,
            (Self::Title, Some(movie)) => movie.title.is_empty(),
            (Self::Year, Some(movie)) => movie.year.is_none(),
            (Self::Genres, Some(movie)) => movie.genres.is_empty(),
        }
    }

    fn reason(self) -> String {
        match self {
            Self::RatedAt => "the rating has no time".to_owned(),
            Self::Movie => "the movie is not in the catalog".to_owned(),
            field => format!("the movie has no {}", field.name()),
        }
    }
}

impl Kind for DropMissing {
    fn check(&self) -> Result<(), Wrong> {
        if self.fields.is_empty() {
            return wrong("fields", "is empty: give some of rated_at, movie, title, year, genres");
        }
        for (at, field) in self.fields.iter().enumerate() {
            if self.fields[..at].contains(field) {
                return wrong("fields", format!("has {} twice: leave one out", field.name()));
            }
        }
        Ok(())
    }
}

impl Apply for DropMissing {
    fn apply(&self, set: &mut Set) -> Effect {
        let missing = |rating| self.fields.iter().zip(1..).find(|(field, _)| field.is_missing(set, rating));
        let marks = set.ratings.iter().map(|rating| missing(rating).map_or(0, |(_, number)| number)).collect();
        Effect { marks, reasons: self.fields.iter().map(|field| field.reason()).collect(), ..Effect::default() }
    }
}
