//! The rows that events are aggregated into. Their stored form is in [`crate::stored`].

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use marquee_domain::{Ledger, LedgerEntry, Moments, MovieId, Offset, RatingEvent, Tiles, Timestamp, UserId};

/// The genres of a movie at the time when a rating of it was applied.
///
/// They are kept with the rating, so that removing it subtracts exactly what was added.
pub(crate) type Genres = Vec<String>;

/// A user's ratings that count, and their sums.
///
/// **Invariant:** the summary holds the sums over the ratings that count
/// (`a_summary_holds_the_sums_over_the_ratings_that_count`).
///
/// **Invariant:** the row is a function of the user's events: repeating an event changes nothing,
/// nor does the order of ratings (`repetition_changes_nothing`,
/// `the_order_of_ratings_changes_nothing`).
///
/// **Invariant:** a removal that finds no rating returns no change and leaves the row as it was
/// (`a_removal_without_a_rating_changes_nothing`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UserRow {
    pub(crate) summary: UserSummary,
    pub(crate) ledger: Ledger<Genres>,
    pub(crate) unknown: Unknown,
}

/// Bytes that a newer version added to a row's sections. They are written back as they were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Unknown {
    /// What follows the known fields of each known section.
    pub(crate) fields: [Vec<u8>; 2],
    /// The sections after the known ones.
    pub(crate) sections: Vec<u8>,
}

/// The sums over a user's ratings that count. It can be read without the rest of the row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UserSummary {
    /// The newest time of a rating that was applied, whether or not the rating still counts.
    pub event_time: Option<Timestamp>,
    /// The sums over all ratings.
    pub moments: Moments,
    /// The sums by day.
    pub tiles: Tiles,
    /// The sums by genre.
    pub genres: BTreeMap<String, Moments>,
}

/// The first field of a user's row. It can be read without the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserHead {
    pub(crate) event_time: Option<Timestamp>,
}

impl From<UserHead> for UserRow {
    fn from(head: UserHead) -> Self {
        Self { summary: UserSummary { event_time: head.event_time, ..UserSummary::default() }, ..Self::default() }
    }
}

impl From<UserSummary> for UserRow {
    fn from(summary: UserSummary) -> Self {
        Self { summary, ..Self::default() }
    }
}

/// The sums over the ratings that the users of one partition gave a movie.
///
/// **Invariant:** the row holds the sums over the ratings that count
/// (`a_movie_row_holds_the_sums_over_the_ratings_that_count`).
///
/// **Invariant:** merging the rows of all partitions gives the row of all users, in any order
/// (`merged_rows_are_the_row_of_all_users`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MovieRow {
    /// The sums over all ratings.
    pub moments: Moments,
    /// The sums by day.
    pub tiles: Tiles,
    /// The newest time of a rating that was applied, whether or not the rating still counts.
    pub event_time: Option<Timestamp>,
    pub(crate) unknown: Unknown,
}

/// The effect of an event on a movie's row. Both ratings are absent when an older rating came late.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The movie.
    pub movie: MovieId,
    /// Time and value of the rating that no longer counts.
    pub old: Option<(Timestamp, f64)>,
    /// Time and value of the rating that counts now.
    pub new: Option<(Timestamp, f64)>,
    /// The time of the rating that was applied. `None` for a removal.
    pub event_time: Option<Timestamp>,
}

impl UserRow {
    /// Returns the sums over the ratings that count.
    pub fn summary(&self) -> &UserSummary {
        &self.summary
    }

    /// Applies an event at an offset of the user's partition, and returns its effect on movies.
    ///
    /// An empty result means that the row is as it was and need not be stored. [`Ledger`] says in
    /// which order events may come.
    pub fn apply<'g>(
        &mut self,
        event: &RatingEvent,
        offset: Offset,
        genres: impl Fn(&MovieId) -> &'g [String],
    ) -> Vec<Change> {
        let rating = match event {
            RatingEvent::Rated(rating) => Some(rating),
            RatingEvent::Removed { .. } | RatingEvent::UserRemoved { .. } => None,
        };
        let event_time = rating.map(|rating| rating.rated_at);
        let mut changes = Vec::new();
        for change in self.ledger.apply(event, offset, |rating| genres(&rating.movie).to_vec()) {
            if let Some(old) = &change.old {
                self.summary.subtract(old);
            }
            if let Some(new) = change.new.and_then(|_| self.ledger.get(&change.movie)) {
                self.summary.add(new);
            }
            let old = change.old.map(|old| (old.rated_at, old.value));
            changes.push(Change { movie: change.movie, old, new: change.new, event_time });
        }
        if let Some(rating) = rating {
            self.summary.event_time = self.summary.event_time.max(event_time);
            if changes.is_empty() {
                changes.push(Change { movie: rating.movie.clone(), old: None, new: None, event_time });
            }
        }
        changes
    }

    /// Returns the changes of movies that lead from this row's ratings to another's.
    pub(crate) fn changes_to(&self, other: &Self) -> Vec<Change> {
        let movies: BTreeSet<&MovieId> =
            self.ledger.iter().chain(other.ledger.iter()).map(|(movie, _)| movie).collect();
        let rating = |row: &Self, movie: &MovieId| row.ledger.get(movie).map(|entry| (entry.rated_at, entry.value));
        let change = |movie: &MovieId| {
            let (old, new) = (rating(self, movie), rating(other, movie));
            (old != new).then(|| Change { movie: movie.clone(), old, new, event_time: None })
        };
        movies.into_iter().filter_map(change).collect()
    }

    /// Returns the newest `limit` ratings that count, oldest first.
    pub fn history(&self, limit: usize) -> Vec<(&MovieId, f64, Timestamp)> {
        let mut all: Vec<_> = self.ledger.iter().collect();
        all.sort_unstable_by_key(|&(movie, entry)| (entry.rated_at, entry.offset, movie));
        let skip = all.len().saturating_sub(limit);
        all.into_iter().skip(skip).map(|(movie, entry)| (movie, entry.value, entry.rated_at)).collect()
    }
}

impl UserSummary {
    fn add(&mut self, entry: &LedgerEntry<Genres>) {
        let one = Moments::of(entry.value);
        self.moments = self.moments.merged(one);
        self.tiles.add(entry.rated_at, entry.value);
        for genre in &entry.data {
            let moments = self.genres.entry(genre.clone()).or_default();
            *moments = moments.merged(one);
        }
    }

    fn subtract(&mut self, entry: &LedgerEntry<Genres>) {
        let one = Moments::of(entry.value);
        self.moments = self.moments.without(one);
        self.tiles.remove(entry.rated_at, entry.value);
        for genre in &entry.data {
            if let Some(moments) = self.genres.get_mut(genre) {
                *moments = moments.without(one);
                if moments.is_empty() {
                    self.genres.remove(genre);
                }
            }
        }
    }
}

impl MovieRow {
    /// Applies a change of a user's row.
    pub fn apply(&mut self, change: &Change) {
        if let Some((at, value)) = change.old {
            self.moments = self.moments.without(Moments::of(value));
            self.tiles.remove(at, value);
        }
        if let Some((at, value)) = change.new {
            self.moments = self.moments.merged(Moments::of(value));
            self.tiles.add(at, value);
        }
        self.event_time = self.event_time.max(change.event_time);
    }

    /// Adds the row of another partition.
    pub fn merge(&mut self, other: &Self) {
        self.moments = self.moments.merged(other.moments);
        self.tiles.merge(&other.tiles);
        self.event_time = self.event_time.max(other.event_time);
    }
}

/// Returns the key of a user's row.
pub fn user_key(user: &UserId) -> Bytes {
    Bytes::from(format!("u/{user}"))
}

/// Returns the key of a movie's row among the rows of a partition.
pub fn movie_key(movie: &MovieId) -> Bytes {
    Bytes::from(format!("m/{movie}"))
}

#[cfg(test)]
mod tests;
