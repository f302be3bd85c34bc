//! The parts of the ratings that are judged apart.

use std::fmt;
use std::sync::Arc;

use crate::duel::Tercile;

/// Most slices of a tally. A catalog may have any number of genres; those beyond are one slice.
const MOST_SLICES: usize = 128;

/// The shortest history of each slice.
const HISTORY: [(u64, &str); 5] =
    [(100, "history:100+"), (20, "history:20-99"), (5, "history:5-19"), (1, "history:1-4"), (0, "history:0")];

const GENRE: &str = "genre:";

/// A part of the ratings, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slice(Arc<str>);

impl Slice {
    /// Returns the slice of all ratings.
    pub fn all() -> Self {
        Self::named("all")
    }

    /// Returns the slice with a name, which may be one that this version does not know.
    pub fn named(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the slice that counts instead of this one in a tally that has `slices` others.
    pub(super) fn within_limit(&self, slices: usize) -> Self {
        let is_beyond = slices >= MOST_SLICES && self.0.starts_with(GENRE);
        if is_beyond { Self::named("other-genres") } else { self.clone() }
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of a rating before it is learned.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// How many ratings of the user count.
    pub history: u64,
    /// It is the first event of the user.
    pub is_new_user: bool,
    /// How popular the movie is.
    pub popularity: Tercile,
    /// The genres of the movie.
    pub genres: &'a [String],
}

impl Case<'_> {
    /// Returns the slices that the rating belongs to.
    pub fn slices(&self) -> Vec<Slice> {
        let history = HISTORY.iter().find(|(from, _)| self.history >= *from).map_or("history:0", |(_, name)| *name);
        let popularity = match self.popularity {
            Tercile::Low => "popularity:low",
            Tercile::Middle => "popularity:middle",
            Tercile::High => "popularity:high",
        };
        let mut slices = vec![Slice::all(), Slice::named(history), Slice::named(popularity)];
        if self.is_new_user {
            slices.push(Slice::named("new-users"));
        }
        slices.extend(self.genres.iter().map(|genre| Slice::named(&format!("{GENRE}{genre}"))));
        slices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(history: u64, is_new_user: bool, genres: &[&str]) -> Vec<String> {
        let genres: Vec<String> = genres.iter().map(|genre| (*genre).to_owned()).collect();
        let case = Case { history, is_new_user, popularity: Tercile::Middle, genres: &genres };
        case.slices().iter().map(Slice::to_string).collect()
    }

    #[test]
    fn a_rating_is_in_one_slice_of_each_kind_and_in_one_of_each_genre() {
        let expected = ["all", "history:0", "popularity:middle", "new-users", "genre:Drama", "genre:War"];
        assert_eq!(names(0, true, &["Drama", "War"]), expected);
        for (history, name) in
            [(0, "0"), (1, "1-4"), (4, "1-4"), (5, "5-19"), (20, "20-99"), (99, "20-99"), (100, "100+")]
        {
            assert_eq!(names(history, false, &[]), ["all", &format!("history:{name}"), "popularity:middle"]);
        }
    }

    #[test]
    fn genres_beyond_the_limit_are_one_slice() {
        assert_eq!(Slice::named("genre:x").within_limit(127).as_str(), "genre:x");
        assert_eq!(Slice::named("genre:x").within_limit(128).as_str(), "other-genres");
        assert_eq!(Slice::named("history:0").within_limit(128).as_str(), "history:0");
    }
}
