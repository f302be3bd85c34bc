//! The rows of the online store and their packed form: a format byte, then postcard.

use std::collections::BTreeMap;

use bytes::Bytes;
use marquee_domain::{Moments, MovieId, Rating, RatingEvent, Tiles, Timestamp, UserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The only format there is; a row of another is refused, never guessed at.
const FORMAT: u8 = 2;

/// A row that was not written by this version or is damaged.
#[derive(Debug, Error)]
pub enum RowError {
    /// It begins with another format's byte.
    #[error("a row has an unknown format: it was written by another version")]
    Format,
    /// It is damaged.
    #[error("a row does not decode")]
    Decode(#[source] postcard::Error),
}

/// All that is known of a user.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UserRow {
    /// Stands first, so that it can be read without the rest.
    summary: UserSummary,
    /// What counts now, by movie; and removals, which outlive the ratings that they took back.
    ledger: BTreeMap<MovieId, Entry>,
    /// Everything rated up to here was taken back with the user.
    removed_at: Option<Timestamp>,
}

/// What is known of a user, but for the single ratings: the beginning of every row.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UserSummary {
    /// Event time of the newest event. Stands first, so that [`UserHead`] is the beginning of every row.
    pub event_time: Option<Timestamp>,
    /// Everything that counts.
    pub moments: Moments,
    /// The same by day.
    pub tiles: Tiles,
    /// The same by genre.
    pub genres: BTreeMap<String, Moments>,
}

/// What can be read of a user's row without the rest of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct UserHead {
    event_time: Option<Timestamp>,
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

/// What the ledger says of one movie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    at: Timestamp,
    /// Position among the partition's events: orders ratings of one instant.
    offset: u64,
    /// Absent: taken back at `at`.
    rating: Option<Given>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Given {
    value: f64,
    /// The movie's genres when the rating was applied, so that taking it back is exact.
    genres: Vec<String>,
}

/// What one partition's users gave a movie.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MovieRow {
    /// Everything that counts.
    pub moments: Moments,
    /// The same by day.
    pub tiles: Tiles,
    /// Event time of the newest event about it.
    pub event_time: Option<Timestamp>,
}

/// What an event means for a movie: a rating that counts no more, one that counts now; neither where it came too late.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which movie's.
    pub movie: MovieId,
    /// What counts no more.
    pub old: Option<(Timestamp, f64)>,
    /// What counts now.
    pub new: Option<(Timestamp, f64)>,
    /// When the event happened, if it was about this movie alone.
    pub seen: Option<Timestamp>,
}

impl Entry {
    /// Of two entries of one pair the greater counts: the later one; at one time a removal before a rating; then the later in the log. So the
    /// order in which they come does not matter.
    fn rank(&self) -> (Timestamp, bool, u64) {
        (self.at, self.rating.is_none(), self.offset)
    }
}

impl UserRow {
    /// Everything but the single ratings.
    pub fn summary(&self) -> &UserSummary {
        &self.summary
    }

    /// Applies an event that stands at an offset of the user's partition.
    pub fn apply<'g>(
        &mut self,
        event: &RatingEvent,
        offset: u64,
        genres: impl Fn(&MovieId) -> &'g [String],
    ) -> Vec<Change> {
        match event {
            RatingEvent::Rated(rating) => self.rate(rating, genres(&rating.movie), offset),
            RatingEvent::Removed { movie, at, .. } => self.remove(movie, *at, offset),
            RatingEvent::UserRemoved { at, .. } => self.remove_all(*at),
        }
    }

    /// Gives a rating. A later one of the same pair, or a removal after it, wins.
    pub fn rate(&mut self, rating: &Rating, genres: &[String], offset: u64) -> Vec<Change> {
        self.seen(rating.rated_at);
        let given = Given { value: rating.value, genres: genres.to_vec() };
        self.put(&rating.movie, Entry { at: rating.rated_at, offset, rating: Some(given) })
    }

    /// Takes back a rating given up to a time.
    pub fn remove(&mut self, movie: &MovieId, at: Timestamp, offset: u64) -> Vec<Change> {
        self.seen(at);
        self.put(movie, Entry { at, offset, rating: None })
    }

    fn put(&mut self, movie: &MovieId, entry: Entry) -> Vec<Change> {
        let outranked = |kept: &Entry| kept.rank() >= entry.rank();
        if self.removed_at.is_some_and(|at| at >= entry.at) || self.ledger.get(movie).is_some_and(outranked) {
            return vec![Change { movie: movie.clone(), old: None, new: None, seen: Some(entry.at) }];
        }
        vec![self.replace(movie, entry)]
    }

    /// Takes back everything given up to a time.
    pub fn remove_all(&mut self, at: Timestamp) -> Vec<Change> {
        self.seen(at);
        if self.removed_at.is_some_and(|removed| removed >= at) {
            return Vec::new();
        }
        self.removed_at = Some(at);
        let gone: Vec<MovieId> =
            self.ledger.iter().filter(|(_, entry)| entry.at <= at).map(|(movie, _)| movie.clone()).collect();
        let mut changes = Vec::new();
        for movie in gone {
            if let Some(entry) = self.ledger.remove(&movie) {
                let old = self.uncount(&entry);
                changes.push(Change { movie, old, new: None, seen: None });
            }
        }
        changes
    }

    /// The newest ratings that count, oldest first.
    pub fn history(&self, most: usize) -> Vec<(&MovieId, f64, Timestamp)> {
        let mut all: Vec<_> = self
            .ledger
            .iter()
            .filter_map(|(movie, entry)| {
                entry.rating.as_ref().map(|given| (entry.at, entry.offset, movie, given.value))
            })
            .collect();
        all.sort_unstable_by_key(|&(at, offset, movie, _)| (at, offset, movie));
        let skip = all.len().saturating_sub(most);
        all.into_iter().skip(skip).map(|(at, _, movie, value)| (movie, value, at)).collect()
    }

    fn seen(&mut self, at: Timestamp) {
        self.summary.event_time = self.summary.event_time.max(Some(at));
    }

    fn replace(&mut self, movie: &MovieId, entry: Entry) -> Change {
        let at = entry.at;
        let new = entry.rating.as_ref().map(|given| (at, given.value));
        if let Some(given) = &entry.rating {
            self.summary.moments = self.summary.moments.merged(Moments::of(given.value));
            self.summary.tiles.add(entry.at, given.value);
            for genre in &given.genres {
                let moments = self.summary.genres.entry(genre.clone()).or_default();
                *moments = moments.merged(Moments::of(given.value));
            }
        }
        let old = self.ledger.insert(movie.clone(), entry).and_then(|old| self.uncount(&old));
        Change { movie: movie.clone(), old, new, seen: Some(at) }
    }

    fn uncount(&mut self, entry: &Entry) -> Option<(Timestamp, f64)> {
        let given = entry.rating.as_ref()?;
        self.summary.moments = self.summary.moments.without(Moments::of(given.value));
        self.summary.tiles.remove(entry.at, given.value);
        for genre in &given.genres {
            if let Some(moments) = self.summary.genres.get_mut(genre) {
                *moments = moments.without(Moments::of(given.value));
                if moments.is_empty() {
                    self.summary.genres.remove(genre);
                }
            }
        }
        Some((entry.at, given.value))
    }
}

impl MovieRow {
    /// Follows a change in a user's ledger.
    pub fn follow(&mut self, change: &Change) {
        if let Some((at, value)) = change.old {
            self.moments = self.moments.without(Moments::of(value));
            self.tiles.remove(at, value);
        }
        if let Some((at, value)) = change.new {
            self.moments = self.moments.merged(Moments::of(value));
            self.tiles.add(at, value);
        }
        self.event_time = self.event_time.max(change.seen);
    }

    /// Adds what another partition's users gave.
    pub fn merge(&mut self, other: &Self) {
        self.moments = self.moments.merged(other.moments);
        self.tiles.merge(&other.tiles);
        self.event_time = self.event_time.max(other.event_time);
    }
}

/// Key of a user's row.
pub fn user_key(user: &UserId) -> Bytes {
    Bytes::from(format!("u/{user}"))
}

/// Key of what a partition's users gave a movie, among the partition's rows.
pub fn movie_key(movie: &MovieId) -> Bytes {
    Bytes::from(format!("m/{movie}"))
}

/// Packs a row.
pub fn pack<T: Serialize>(row: &T) -> Bytes {
    postcard::to_extend(row, vec![FORMAT]).expect("a row of plain fields always serialises").into()
}

/// Unpacks a row, or its beginning.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, RowError> {
    match bytes.split_first() {
        Some((&FORMAT, body)) => postcard::from_bytes(body).map_err(RowError::Decode),
        _ => Err(RowError::Format),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(movie: &str, value: f64, seconds: i64) -> Rating {
        Rating {
            user: UserId::try_new("u").expect("valid"),
            movie: MovieId::try_new(movie).expect("valid"),
            value,
            rated_at: Timestamp::from_seconds(seconds),
        }
    }

    #[test]
    fn the_head_is_the_beginning_of_a_row() {
        let mut row = UserRow::default();
        row.rate(&rating("m", 4.0, 77), &[], 0);
        let head: UserHead = unpack(&pack(&row)).expect("unpacks");
        assert_eq!(head.event_time, Some(Timestamp::from_seconds(77)));
    }

    fn changes_nothing(changes: &[Change]) -> bool {
        changes.iter().all(|change| change.old.is_none() && change.new.is_none())
    }

    fn movie(id: &str) -> MovieId {
        MovieId::try_new(id).expect("valid")
    }

    #[test]
    fn a_later_rating_of_the_same_movie_replaces_the_earlier() {
        let mut row = UserRow::default();
        row.rate(&rating("m", 2.0, 10), &["Drama".to_owned()], 0);
        let changes = row.rate(&rating("m", 5.0, 20), &["Comedy".to_owned()], 1);
        assert_eq!(changes[0].old, Some((Timestamp::from_seconds(10), 2.0)));
        assert_eq!((row.summary.moments.count(), row.summary.moments.mean()), (1, 5.0));
        assert_eq!(row.summary.genres.keys().collect::<Vec<_>>(), ["Comedy"]);
    }

    #[test]
    fn a_late_rating_does_not_replace_a_newer_one() {
        let mut row = UserRow::default();
        row.rate(&rating("m", 5.0, 20), &[], 0);
        assert!(changes_nothing(&row.rate(&rating("m", 2.0, 10), &[], 1)));
        assert_eq!(row.history(10), [(&movie("m"), 5.0, Timestamp::from_seconds(20))]);
    }

    #[test]
    fn a_removed_rating_that_arrives_late_stays_removed() {
        let mut row = UserRow::default();
        row.remove(&movie("m"), Timestamp::from_seconds(30), 0);
        assert!(changes_nothing(&row.rate(&rating("m", 4.0, 30), &[], 1)));
        assert!(!changes_nothing(&row.rate(&rating("m", 4.0, 31), &[], 2)));
    }

    #[test]
    fn removing_a_user_leaves_only_what_came_after() {
        let mut row = UserRow::default();
        row.rate(&rating("a", 4.0, 10), &["Drama".to_owned()], 0);
        row.rate(&rating("b", 3.0, 50), &[], 1);
        assert_eq!(row.remove_all(Timestamp::from_seconds(40)).len(), 1);
        assert!(changes_nothing(&row.rate(&rating("c", 5.0, 40), &[], 2)));
        assert_eq!(row.history(10), [(&movie("b"), 3.0, Timestamp::from_seconds(50))]);
        assert!(row.summary.genres.is_empty());
    }

    #[test]
    fn history_is_the_newest_ratings_oldest_first() {
        let mut row = UserRow::default();
        for (offset, seconds) in [30, 10, 20].into_iter().enumerate() {
            row.rate(&rating(&format!("m{seconds}"), 3.0, seconds), &[], offset as u64);
        }
        let ids: Vec<_> = row.history(2).into_iter().map(|(movie, ..)| movie.as_str().to_owned()).collect();
        assert_eq!(ids, ["m20", "m30"]);
    }

    #[test]
    fn a_row_survives_packing_and_strange_bytes_are_refused() {
        let mut row = UserRow::default();
        row.rate(&rating("m", 2.5, 10), &["Drama".to_owned()], 7);
        assert_eq!(unpack::<UserRow>(&pack(&row)).expect("unpacks"), row);
        assert!(matches!(unpack::<UserRow>(&[9, 9]), Err(RowError::Format)));
        assert!(matches!(unpack::<UserRow>(&[FORMAT, 255]), Err(RowError::Decode(_))));
    }
}
