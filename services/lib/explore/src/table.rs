//! The ratings of a set as columns, with users and movies by number, grouped by user.

use std::sync::atomic::Ordering;

use marquee_datasets::{Dataset, Ids};
use serde::Serialize;

use crate::{Error, Watch};

/// Rows between two looks at the watch.
const EVERY: u64 = 1 << 16;

/// The time of a row that has none, in microseconds.
pub(crate) const NO_TIME: i64 = i64::MIN;

/// Rows that cannot be read for one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The field.
    pub field: &'static str,
    /// The number of rows.
    pub rows: u64,
    /// What is wrong with the first of them, with its line.
    pub first: String,
}

/// One rating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rating {
    pub(crate) movie: u32,
    /// Single precision prints the values that people write as they wrote them.
    pub(crate) value: f32,
    /// Microseconds since 1970, or [`NO_TIME`].
    pub(crate) time: i64,
}

/// The ratings of a set, and what could not be read.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) users: Ids,
    pub(crate) movies: Ids,
    /// The ratings of each user one after another, each user's in the order of time.
    ratings: Vec<Rating>,
    /// Where the ratings of each user start, and the number of all.
    starts: Vec<usize>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) unrated: u64,
    /// Why the files cannot be read to their end.
    pub(crate) cut: Option<String>,
}

impl Table {
    /// Reads all ratings of a set.
    pub(crate) fn read(dataset: &Dataset, watch: &dyn Watch) -> Result<Self, Error> {
        let mut table = Self::default();
        let (mut users, mut ratings) = (Vec::new(), Vec::new());
        let mut rows = dataset.ratings()?;
        let (unrated, total) = (rows.unrated(), rows.total_bytes().max(1) as f64);
        let mut read = 0_u64;
        while let Some(row) = rows.next() {
            read += 1;
            if read.is_multiple_of(EVERY) {
                if watch.canceled() {
                    return Err(Error::Canceled);
                }
                watch.read(rows.bytes_read() as f64 / total);
            }
            match row {
                Ok(row) if !(row.rating as f32).is_finite() => {
                    let reason = format!("is {}: give a number", row.rating);
                    table.problem("rating", format!("line {}: rating {reason}", row.line));
                }
                Ok(row) => {
                    users.push(table.users.number(&row.user));
                    let movie = table.movies.number(&row.movie);
                    let time = row.rated_at.map_or(NO_TIME, |at| at.micros());
                    ratings.push(Rating { movie, value: row.rating as f32, time });
                }
                Err(error) if error.fatal => table.cut = Some(error.to_string()),
                Err(error) => table.problem(error.field, error.to_string()),
            }
        }
        table.unrated = unrated.load(Ordering::Relaxed);
        if ratings.is_empty() {
            let first = table.problems.first().map(|problem| problem.first.clone()).or(table.cut);
            return Err(Error::NoRatings { name: dataset.name.clone(), first });
        }
        table.group(&users, &ratings);
        Ok(table)
    }

    fn problem(&mut self, field: &'static str, what: String) {
        match self.problems.iter_mut().find(|problem| problem.field == field) {
            Some(problem) => problem.rows += 1,
            None => self.problems.push(Problem { field, rows: 1, first: what }),
        }
    }

    /// Puts the ratings of each user together, in the order of time.
    fn group(&mut self, users: &[u32], ratings: &[Rating]) {
        self.starts = vec![0; self.users.len() + 1];
        for user in users {
            self.starts[*user as usize + 1] += 1;
        }
        for user in 0..self.users.len() {
            self.starts[user + 1] += self.starts[user];
        }
        let mut next = self.starts.clone();
        self.ratings = vec![Rating { movie: 0, value: 0.0, time: NO_TIME }; ratings.len()];
        for (user, rating) in users.iter().zip(ratings) {
            let place = &mut next[*user as usize];
            self.ratings[*place] = *rating;
            *place += 1;
        }
        for user in 0..self.users.len() {
            let (from, to) = (self.starts[user], self.starts[user + 1]);
            // Stable, so that ratings of one instant keep the order of the file.
            self.ratings[from..to].sort_by_key(|rating| rating.time);
        }
    }

    /// Returns every rating.
    pub(crate) fn ratings(&self) -> &[Rating] {
        &self.ratings
    }

    /// Returns the ratings of each user, in the order of time.
    pub(crate) fn by_user(&self) -> impl Iterator<Item = &[Rating]> {
        self.starts.windows(2).map(|ends| &self.ratings[ends[0]..ends[1]])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use bytes::Bytes;
    use marquee_datasets::{Options, open_bytes};

    use super::*;

    /// Reads ratings from lines of `user,movie,rating,seconds`.
    pub(crate) fn dataset(lines: &str) -> Dataset {
        let text = format!("userId,movieId,rating,timestamp\n{lines}");
        open_bytes("ratings.csv", Bytes::from(text), Options::default()).expect("a data set")
    }

    pub(crate) fn table(lines: &str) -> Table {
        Table::read(&dataset(lines), &()).expect("ratings")
    }

    #[test]
    fn ratings_are_grouped_by_user_in_the_order_of_time() {
        let table = table("b,1,3.5,1000000020\na,2,4,1000000010\nb,2,5,1000000005\nx,1,oops,1000000000\n");
        assert_eq!(table.users.names().iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["b", "a"]);
        let groups: Vec<Vec<f32>> =
            table.by_user().map(|ratings| ratings.iter().map(|rating| rating.value).collect()).collect();
        assert_eq!(groups, [vec![5.0, 3.5], vec![4.0]]);
        assert_eq!(table.problems.len(), 1);
        assert_eq!((table.problems[0].field, table.problems[0].rows), ("rating", 1));
        assert!(table.problems[0].first.starts_with("line 5: rating "), "{}", table.problems[0].first);
    }

    #[test]
    fn what_is_no_number_is_no_rating() {
        let table = table("a,1,NaN,10\na,2,inf,10\na,3,1e308,10\na,4,3e38,10\na,5,-3e38,10\n");
        let values: Vec<f32> = table.ratings().iter().map(|rating| rating.value).collect();
        assert_eq!(values, [3e38, -3e38]);
        assert_eq!(table.problems.iter().map(|problem| problem.rows).sum::<u64>(), 3, "{:?}", table.problems);
    }

    #[test]
    fn a_watch_ends_the_reading_and_a_set_without_ratings_says_why() {
        struct Ended;
        impl Watch for Ended {
            fn canceled(&self) -> bool {
                true
            }
        }
        let lines: String = (0..EVERY + 10).map(|number| format!("{number},1,3,1000000000\n")).collect();
        assert!(matches!(Table::read(&dataset(&lines), &Ended), Err(Error::Canceled)));
        let error = Table::read(&dataset("1,2,none of it,1000000000\n"), &()).expect_err("no ratings").to_string();
        assert!(error.starts_with("ratings has no ratings, the first problem: line 2: rating "), "{error}");
    }
}
