//! The ratings and movies of a set in memory, as the steps change them.

use std::sync::atomic::Ordering;

use marquee_datasets::{Dataset, Ids, Row};
use marquee_domain::{Movie, MovieId, UserId, check_new_id};
use sha2::{Digest as _, Sha256};

use crate::feature::Feature;
use crate::groups::Groups;
use crate::rating::{NO_TIME, Rating};
use crate::report::{Count, Problem, Read};
use crate::{Error, READING, Watch};

/// Rows between two looks at the watch.
const EVERY: u64 = 1 << 16;

/// The parts of a set that is split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) names: Vec<String>,
    /// The number of the part of each rating.
    pub(crate) of: Vec<u8>,
}

/// A set of ratings in the order of the input, with its movies.
#[derive(Debug, Default)]
pub(crate) struct Set {
    pub(crate) users: Ids,
    /// The movies of the ratings, which need not be in the catalog.
    pub(crate) movies: Ids,
    pub(crate) ratings: Vec<Rating>,
    pub(crate) catalog: Vec<Movie>,
    /// The place in the catalog of each movie of the ratings.
    described: Vec<Option<u32>>,
    /// Columns that are added, in this order.
    pub(crate) features: Vec<Feature>,
    /// The part of each rating, if the set is split.
    pub(crate) parts: Option<Parts>,
}

impl Set {
    /// Returns the movie of a rating as the catalog has it.
    pub(crate) fn movie(&self, rating: &Rating) -> Option<&Movie> {
        let place = self.described.get(rating.movie as usize).copied().flatten()?;
        self.catalog.get(place as usize)
    }

    /// Connects the movies of the ratings with the catalog.
    fn describe(&mut self) {
        self.described = vec![None; self.movies.len()];
        for (place, movie) in self.catalog.iter().enumerate() {
            if let Some(number) = self.movies.find(movie.id.as_str()) {
                self.described[number] = Some(place as u32);
            }
        }
    }

    /// Returns the ratings of each user.
    pub(crate) fn by_user(&self) -> Groups {
        Groups::of(self.ratings.iter().map(|rating| rating.user), self.users.len())
    }

    /// Returns the ratings of each movie.
    pub(crate) fn by_movie(&self) -> Groups {
        Groups::of(self.ratings.iter().map(|rating| rating.movie), self.movies.len())
    }

    /// Counts ratings, users with ratings and movies with ratings.
    pub(crate) fn count(&self) -> Count {
        let distinct = |number: fn(&Rating) -> u32, of: usize| {
            let mut seen = vec![false; of];
            self.ratings.iter().for_each(|rating| seen[number(rating) as usize] = true);
            seen.into_iter().filter(|seen| *seen).count() as u64
        };
        Count {
            ratings: self.ratings.len() as u64,
            users: distinct(|rating| rating.user, self.users.len()),
            movies: distinct(|rating| rating.movie, self.movies.len()),
        }
    }
}

/// Reads a set. Rows that are no ratings are counted by field.
pub(crate) fn read(dataset: &Dataset, watch: &dyn Watch) -> Result<(Set, Read), Error> {
    let mut set = Set::default();
    let mut problems = Vec::new();
    let mut digest = Sha256::new();
    let mut rows = dataset.ratings()?;
    let (unrated, total) = (rows.unrated(), rows.total_bytes().max(1) as f64);
    let mut count = 0_u64;
    while let Some(row) = rows.next() {
        count += 1;
        if count.is_multiple_of(EVERY) {
            if watch.canceled() {
                return Err(Error::Canceled);
            }
            watch.advanced(READING * rows.bytes_read() as f64 / total);
        }
        match row.map(|row| (fault(&row), row)) {
            Ok((None, row)) => {
                let (user, movie) = (set.users.number(&row.user), set.movies.number(&row.movie));
                let time = row.rated_at.map_or(NO_TIME, |time| time.micros());
                if set.ratings.len() == u32::MAX as usize {
                    return Err(Error::TooMany(u32::MAX));
                }
                set.ratings.push(Rating { user, movie, time, value: row.rating });
                // Ids have no control characters, so a line break ends them.
                digest.update(row.user.as_bytes());
                digest.update(b"\n");
                digest.update(row.movie.as_bytes());
                digest.update(b"\n");
                digest.update(row.rating.to_le_bytes());
                digest.update(time.to_le_bytes());
            }
            Ok((Some((field, reason)), row)) => {
                problem(&mut problems, field, format!("line {}: {field} {reason}", row.line));
            }
            Err(error) if error.fatal => return Err(Error::Cut(error)),
            Err(error) => problem(&mut problems, error.field, error.to_string()),
        }
    }
    if set.ratings.is_empty() {
        let first = problems.into_iter().next().map(|problem| problem.first);
        return Err(Error::NoRatings { name: dataset.name.clone(), first });
    }
    let catalog = dataset.catalog()?;
    set.catalog = catalog.movies;
    set.describe();
    let read = Read {
        set: dataset.name.clone(),
        sha256: hex::encode(digest.finalize()),
        kept: set.count(),
        unrated: unrated.load(Ordering::Relaxed),
        problems,
        movies_in_catalog: set.catalog.len() as u64,
        movies_left_out: catalog.left_out,
    };
    Ok((set, read))
}

/// Returns why a row that can be read is no rating, if it is not one. A fleet would refuse it.
fn fault(row: &Row) -> Option<(&'static str, String)> {
    let id = |field, text: &str, made: Result<(), marquee_domain::IdError>| {
        made.and_then(|()| check_new_id(text)).err().map(|error| (field, error.to_string()))
    };
    let rating = || (!row.rating.is_finite()).then(|| ("rating", format!("is {}: give a number", row.rating)));
    id("user", &row.user, UserId::try_new(&row.user).map(drop))
        .or_else(|| id("movie", &row.movie, MovieId::try_new(&row.movie).map(drop)))
        .or_else(rating)
}

fn problem(problems: &mut Vec<Problem>, field: &'static str, first: String) {
    match problems.iter_mut().find(|problem| problem.field == field) {
        Some(problem) => problem.rows += 1,
        None => problems.push(Problem { field, rows: 1, first }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use bytes::Bytes;
    use marquee_datasets::{Options, open_bytes};

    use super::*;

    /// Opens ratings from lines of `user,movie,rating,seconds`.
    pub(crate) fn dataset(lines: &str) -> Dataset {
        let text = format!("userId,movieId,rating,timestamp\n{lines}");
        open_bytes("ratings.csv", Bytes::from(text), Options::default()).expect("a data set")
    }

    /// Reads ratings from such lines, with movies of an id, a title, a year and genres.
    pub(crate) fn set(lines: &str, movies: &[(&str, &str, Option<i32>, &[&str])]) -> Set {
        let mut set = read(&dataset(lines), &()).expect("ratings").0;
        for (id, title, year, genres) in movies {
            let genres = genres.iter().map(|genre| (*genre).to_owned()).collect();
            let id = MovieId::try_new(id).expect("an id");
            set.catalog.push(Movie::try_new(id, title, *year, genres).expect("a movie"));
        }
        set.describe();
        set
    }

    /// Returns the ratings as `user movie value`.
    pub(crate) fn shown(set: &Set) -> Vec<String> {
        let names = |ids: &Ids, number: u32| ids.names()[number as usize].to_string();
        let shown = |rating: &Rating| {
            format!("{} {} {}", names(&set.users, rating.user), names(&set.movies, rating.movie), rating.value)
        };
        set.ratings.iter().map(shown).collect()
    }

    #[test]
    fn rows_that_are_no_ratings_are_counted_by_field() {
        let long = "x".repeat(200);
        let lines = format!("a,1,4,10\nb,1,oops,10\n{long},1,3,10\na,..,3,10\na,2,inf,10\na,3,NaN,10\nb,2,5,\n");
        let (set, read) = read(&dataset(&lines), &()).expect("ratings");
        assert_eq!(shown(&set), ["a 1 4", "b 2 5"]);
        assert_eq!(set.ratings[1].time, NO_TIME);
        assert_eq!(read.kept, Count { ratings: 2, users: 2, movies: 2 });
        let mut problems: Vec<_> = read.problems.iter().map(|one| (one.field, one.rows)).collect();
        problems.sort_unstable();
        assert_eq!(problems.iter().map(|(_, rows)| rows).sum::<u64>(), 5, "{problems:?}");
        assert_eq!(problems[2], ("user", 1));
    }

    #[test]
    fn the_digest_is_that_of_the_ratings() {
        let digest = |lines: &str| read(&dataset(lines), &()).expect("ratings").1.sha256;
        let usual = digest("a,1,4,10\nb,1,3,10\n");
        assert_eq!(usual, digest("a,1,4.0,10\nx,1,oops,10\nb,1,3,10\n"), "rows that are left out");
        for other in ["b,1,3,10\na,1,4,10\n", "a,1,4,10\nb,1,3,11\n", "a,1,4,10\nb,1,3.5,10\n", "a,1,4,10\n"] {
            assert_ne!(usual, digest(other), "{other}");
        }
    }

    #[test]
    fn a_set_without_ratings_or_with_a_watch_that_ends_it_is_an_error() {
        struct Ended;
        impl Watch for Ended {
            fn canceled(&self) -> bool {
                true
            }
        }
        let error = read(&dataset("a,1,oops,10\n"), &()).expect_err("no ratings").to_string();
        assert!(error.starts_with("ratings has no ratings, the first problem: line 2: rating "), "{error}");
        let lines: String = (0..EVERY + 1).map(|number| format!("{number},1,3,10\n")).collect();
        assert!(matches!(read(&dataset(&lines), &Ended), Err(Error::Canceled)));
    }
}
