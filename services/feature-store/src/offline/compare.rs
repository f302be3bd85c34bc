//! Compares the rows of a partition as the log makes them with the rows that are served.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use marquee_domain::{MovieId, Offset, Partition, Position, RatingEvent, Timestamp, UserId};
use marquee_features::{Definition, MovieRow, UserRow, Value, View};
use marquee_log::Movies;

/// Most differences that a report lists.
const MOST_SKEWS: usize = 1_000;

/// Rows that are served, with the offset of the last event in each.
pub(crate) type Served<K, T> = HashMap<K, (T, Offset)>;

/// The result of a check.
#[derive(Debug, Default)]
pub(crate) struct CheckReport {
    pub(crate) users: u64,
    pub(crate) movies: u64,
    /// The number of values that were compared.
    pub(crate) values: u64,
    /// The number of events that were replayed.
    pub(crate) events: u64,
    /// The number of values that differ.
    pub(crate) different: u64,
    /// The first of them.
    pub(crate) skews: Vec<Skew>,
}

/// A served value that differs from the replayed one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Skew {
    /// The user or movie.
    pub(crate) id: String,
    /// The full name of the feature. `VIEW:*` if the whole row is missing.
    pub(crate) feature: String,
    pub(crate) served: Option<Value>,
    pub(crate) replayed: Option<Value>,
    /// The last event that the served value rests on.
    pub(crate) applied: Position,
}

impl CheckReport {
    fn add(&mut self, skew: Skew) {
        self.different += 1;
        if self.skews.len() < MOST_SKEWS {
            self.skews.push(skew);
        }
    }

    /// Adds the report of another partition. Movies are counted by the caller, because a movie may
    /// have rows in several partitions.
    pub(crate) fn merged(mut self, other: Self) -> Self {
        self.users += other.users;
        self.values += other.values;
        self.events += other.events;
        self.different += other.different;
        let room = MOST_SKEWS.saturating_sub(self.skews.len());
        self.skews.extend(other.skews.into_iter().take(room));
        self
    }

    /// Reports ids that have an applied event, but no row.
    pub(crate) fn missing<K: fmt::Display>(
        &mut self,
        view: View,
        partition: Partition,
        first_events: impl IntoIterator<Item = (K, Offset)>,
    ) {
        for (id, offset) in first_events {
            self.add(Skew {
                id: id.to_string(),
                feature: format!("{}:*", view.name()),
                served: None,
                replayed: None,
                applied: Position { partition, offset },
            });
        }
    }
}

/// The replay of one partition. It compares each served row when the replay has reached the last
/// event in that row.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) definition: Arc<Definition>,
    pub(crate) movies: Movies,
    pub(crate) partition: Partition,
    /// Windows end here.
    pub(crate) as_of: Timestamp,
    pub(crate) served_users: Served<UserId, UserRow>,
    pub(crate) served_movies: Served<MovieId, MovieRow>,
    pub(crate) user_rows: HashMap<UserId, UserRow>,
    pub(crate) movie_rows: HashMap<MovieId, MovieRow>,
    pub(crate) report: CheckReport,
}

impl Comparison {
    /// Applies an event, and compares the served rows whose last event it is.
    pub(crate) fn apply(&mut self, offset: Offset, event: &RatingEvent) {
        self.report.events += 1;
        let row = self.user_rows.entry(event.user().clone()).or_default();
        let changes = row.apply(event, offset, |movie| self.movies.genres(movie));
        if let Some(served) = take_due(&mut self.served_users, event.user(), offset) {
            self.compare_user(event.user(), &served, true, offset);
        }
        for change in changes {
            self.movie_rows.entry(change.movie.clone()).or_default().apply(&change);
            if let Some(served) = take_due(&mut self.served_movies, &change.movie, offset) {
                self.compare_movie(&change.movie, &served, true, offset);
            }
        }
    }

    /// Ends the replay. The served rows that are left rest on events that the log does not have.
    pub(crate) fn finish(mut self) -> CheckReport {
        for (id, (served, offset)) in std::mem::take(&mut self.served_users) {
            self.compare_user(&id, &served, false, offset);
        }
        for (id, (served, offset)) in std::mem::take(&mut self.served_movies) {
            self.compare_movie(&id, &served, false, offset);
        }
        self.report
    }

    fn compare_user(&mut self, id: &UserId, served: &UserRow, reached: bool, offset: Offset) {
        let columns = self.definition.all(View::User);
        let values = |row: &UserRow| self.definition.of_user(&columns, row, self.as_of);
        let replayed = self.user_rows.get(id).filter(|_| reached).map(values);
        let served = values(served);
        self.compare(View::User, id.as_str(), (served, replayed), offset);
    }

    fn compare_movie(&mut self, id: &MovieId, served: &MovieRow, reached: bool, offset: Offset) {
        let columns = self.definition.all(View::Movie);
        let values = |row: &MovieRow| self.definition.of_movie(&columns, row, self.as_of);
        let replayed = self.movie_rows.get(id).filter(|_| reached).map(values);
        let served = values(served);
        self.compare(View::Movie, id.as_str(), (served, replayed), offset);
    }

    fn compare(
        &mut self,
        view: View,
        id: &str,
        (served, replayed): (Vec<Option<Value>>, Option<Vec<Option<Value>>>),
        offset: Offset,
    ) {
        let replayed = replayed.unwrap_or_else(|| vec![None; served.len()]);
        for ((column, served), replayed) in self.definition.all(view).into_iter().zip(served).zip(replayed) {
            self.report.values += 1;
            if served != replayed {
                let applied = Position { partition: self.partition, offset };
                let feature = self.definition.name(column);
                self.report.add(Skew { id: id.to_owned(), feature, served, replayed, applied });
            }
        }
    }
}

/// Takes the served row of an id if this event is the last one in it.
fn take_due<K: Hash + Eq, T>(served: &mut Served<K, T>, id: &K, offset: Offset) -> Option<T> {
    served.get(id).filter(|(_, applied)| *applied == offset)?;
    served.remove(id).map(|(row, _)| row)
}
