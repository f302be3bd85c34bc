//! Adds features: the year of a movie from its title, genres as columns of 0 and 1, the age of a
//! movie when it was rated, and the age of a rating.

use std::collections::BTreeMap;

use marquee_domain::Movie;
use marquee_report::counted;
use serde::{Deserialize, Serialize};

use super::{Apply, Effect, Kind, wrong};
use crate::feature::Feature;
use crate::fields::Wrong;
use crate::rating::NO_TIME;
use crate::set::Set;

/// The usual number of genres that have a column.
const MOST_GENRES: u32 = 64;

/// The years in which a movie can have been made. The oldest one that is known is of 1874.
const YEARS: std::ops::RangeInclusive<i32> = 1874..=2100;

const fn most_genres() -> u32 {
    MOST_GENRES
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Derive {
    features: Vec<Wanted>,
    /// The most genres that have a column.
    #[serde(default = "most_genres")]
    most_genres: u32,
}

/// A feature, as a plan names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Year,
    Genres,
    MovieAge,
    RatingAge,
}

impl Wanted {
    const fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Genres => "genres",
            Self::MovieAge => "movie_age",
            Self::RatingAge => "rating_age",
        }
    }
}

impl Kind for Derive {
    fn check(&self) -> Result<(), Wrong> {
        if self.features.is_empty() {
            return wrong("features", "is empty: give some of year, genres, movie_age, rating_age");
        }
        for (at, feature) in self.features.iter().enumerate() {
            if self.features[..at].contains(feature) {
                return wrong("features", format!("has {} twice: leave one out", feature.name()));
            }
        }
        Ok(())
    }
}

impl Apply for Derive {
    fn apply(&self, set: &mut Set) -> Effect {
        let mut notes = Vec::new();
        // Ages need the years, in whatever order the plan names them.
        if self.features.contains(&Wanted::Year) {
            notes.push(add_years(&mut set.catalog));
        }
        for feature in &self.features {
            match feature {
                Wanted::Year => {}
                Wanted::Genres => {
                    let (names, note) = genres(&set.catalog, self.most_genres as usize);
                    notes.push(note);
                    set.features.push(Feature::Genres(names));
                }
                Wanted::MovieAge => set.features.push(Feature::MovieAge),
                Wanted::RatingAge => {
                    let times = set.ratings.iter().map(|rating| rating.time);
                    let newest = times.max().unwrap_or(NO_TIME);
                    set.features.push(Feature::RatingAge(newest));
                }
            }
        }
        Effect { notes, ..Effect::default() }
    }
}

/// Adds the years that titles have. Returns how many.
fn add_years(catalog: &mut [Movie]) -> String {
    let (mut added, mut missing) = (0_u64, 0_u64);
    for movie in catalog.iter_mut().filter(|movie| movie.year.is_none()) {
        movie.year = year_of(&movie.title);
        if movie.year.is_some() { added += 1 } else { missing += 1 }
    }
    format!("years from titles: {}; without a year: {}", counted(added, "movie"), counted(missing, "movie"))
}

/// Returns the last year in brackets of a title, such as that of `Heat (1995) [DVD]`.
fn year_of(title: &str) -> Option<i32> {
    title.rmatch_indices(['(', '[']).find_map(|(at, _)| {
        let inner = &title[at + 1..];
        let digits = inner.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?;
        let is_longer = inner[4..].starts_with(|next: char| next.is_alphanumeric());
        digits.parse().ok().filter(|year| !is_longer && YEARS.contains(year))
    })
}

/// Returns the most frequent genres, by name, and what is left out.
fn genres(catalog: &[Movie], most: usize) -> (Vec<String>, String) {
    let mut counts = BTreeMap::<&str, u64>::new();
    for genre in catalog.iter().flat_map(|movie| &movie.genres) {
        *counts.entry(genre).or_default() += 1;
    }
    let mut by_count: Vec<(&str, u64)> = counts.into_iter().collect();
    // Stable, so that equally frequent ones are taken by name.
    by_count.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let note = format!("with a column: {} of {}", by_count.len().min(most), counted(by_count.len() as u64, "genre"));
    let mut names: Vec<String> = by_count.into_iter().take(most).map(|(genre, _)| genre.to_owned()).collect();
    names.sort_unstable();
    (names, note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::set;

    #[test]
    fn a_year_is_the_last_one_in_brackets() {
        for (title, year) in [
            ("Heat (1995) [DVD]", Some(1995)),
            ("2001: A Space Odyssey [1968]", Some(1968)),
            ("Blade Runner (1982) (Director's Cut, 1992)", Some(1982)),
            ("Up (2009-2010 season)", Some(2009)),
            ("1917", None),
            ("Odd (9999)", None),
            ("Odd (19955)", None),
            ("Odd (é995)", None),
            ("Odd (199", None),
        ] {
            assert_eq!(year_of(title), year, "{title}");
        }
    }

    #[test]
    fn ages_are_in_years_and_days_and_missing_without_a_time_or_year() {
        let movies = [("1", "Heat (1995) [DVD]", None, &["Crime"][..]), ("2", "Odd", None, &[])];
        // 1996-01-01 and a day later.
        let mut set = set("a,1,4,820454400\nb,2,3,820540800\nc,1,2,\n", &movies);
        let step = Derive { features: vec![Wanted::MovieAge, Wanted::RatingAge, Wanted::Year], most_genres: 64 };
        let effect = step.apply(&mut set);
        assert_eq!(effect.notes, ["years from titles: 1 movie; without a year: 1 movie"]);
        let values =
            |feature: &Feature| set.ratings.iter().map(|one| feature.value(set.movie(one), one)).collect::<Vec<_>>();
        assert_eq!(values(&set.features[0]), [Some(365.0 / 365.2425), None, None]);
        assert_eq!(values(&set.features[1]), [Some(1.0), Some(0.0), None]);
    }

    #[test]
    fn the_most_frequent_genres_have_columns_by_name() {
        let movies = [
            ("1", "x", None, &["War", "Drama"][..]),
            ("2", "y", None, &["War", "Crime"]),
            ("3", "z", None, &["Drama"]),
        ];
        let set = set("a,1,4,10\n", &movies);
        let (names, note) = genres(&set.catalog, 2);
        assert_eq!((names.join(" "), note.as_str()), ("Drama War".to_owned(), "with a column: 2 of 3 genres"));
    }
}
