//! Keeps one rating of each pair of a user and a movie.

use serde::{Deserialize, Serialize};

use super::{Apply, Effect, Kind};
use crate::fields::Wrong;
use crate::rating::{NO_TIME, Rating};
use crate::set::Set;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deduplicate {
    #[serde(default)]
    keep: Keep,
}

/// The rating that is kept.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Keep {
    /// The one with the largest time, of several the last one of the input.
    #[default]
    Newest,
    /// The one with the smallest time, of several the first one of the input.
    Oldest,
    /// The first one of the input.
    First,
    /// The last one of the input.
    Last,
}

impl Keep {
    /// Returns a number that is the largest for the rating that is kept. A rating without a time
    /// is kept only if no other one has a time.
    fn rank(self, row: u32, rating: &Rating) -> (i64, i64) {
        let row = i64::from(row);
        match self {
            Self::Newest => (rating.time, row),
            Self::Oldest if rating.time == NO_TIME => (i64::MIN, -row),
            Self::Oldest => (-rating.time, -row),
            Self::First => (0, -row),
            Self::Last => (0, row),
        }
    }
}

impl Kind for Deduplicate {
    fn check(&self) -> Result<(), Wrong> {
        Ok(())
    }
}

impl Apply for Deduplicate {
    fn apply(&self, set: &mut Set) -> Effect {
        let mut marks = vec![0; set.ratings.len()];
        let movie = |row: u32| set.ratings[row as usize].movie;
        let mut by_user = set.by_user();
        by_user.sort_by_key(|row| set.ratings[row].movie);
        for rows in by_user.iter() {
            for same in rows.chunk_by(|one, other| movie(*one) == movie(*other)) {
                let kept = same.iter().max_by_key(|row| self.keep.rank(**row, &set.ratings[**row as usize]));
                same.iter().filter(|row| Some(*row) != kept).for_each(|row| marks[*row as usize] = 1);
            }
        }
        let reason = "the user has another rating of the movie".to_owned();
        Effect { marks, reasons: vec![reason], ..Effect::default() }
    }
}
