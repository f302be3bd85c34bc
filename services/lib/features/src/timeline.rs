//! Rows as they were at an instant in the past, for joins and backfills.
//!
//! An event is known from the later of two times on: when it happened, and when it was ingested.
//! The rows as of an instant rest on the events that were known by then, so that a training row
//! holds nothing from its future. Where old ratings were imported, the second time says nothing
//! and may be left out.
//!
//! Events become known in another order than that of the log. Ratings may be applied in any order,
//! but a removal removes what came before it *in the log*. The row of a user who has removals is
//! therefore rebuilt in log order when one of their earlier events becomes known late.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use marquee_domain::{MovieId, Offset, RatingEvent, Timestamp, UserId};

use crate::{Change, MovieRow, UserRow};

/// An event of a partition, and when it became known.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineEvent {
    /// When the event became known.
    pub known_at: Timestamp,
    /// Its offset in the partition.
    pub offset: Offset,
    /// What happened.
    pub event: RatingEvent,
}

impl TimelineEvent {
    /// Returns an event that was ingested at a time. `None` leaves that time out of account.
    pub fn new(offset: Offset, event: RatingEvent, ingested_at: Option<Timestamp>) -> Self {
        let known_at = ingested_at.map_or(event.at(), |ingested| event.at().max(ingested));
        Self { known_at, offset, event }
    }
}

/// The rows of one partition as time goes by.
///
/// **Invariant:** at every instant, the rows are those that the events known by then give when they
/// are applied in log order (`at_every_instant_the_rows_are_those_of_the_known_events`).
///
/// An event costs as much as in the stream. The exception is a user with removals: an event of
/// theirs that became known out of log order costs one pass over that user's events, and at most
/// one pass is made for each call of [`Timeline::advance`].
#[derive(Debug, Default)]
pub struct Timeline {
    events: std::vec::IntoIter<TimelineEvent>,
    users: HashMap<UserId, UserRow>,
    /// `None` when the caller needs no movies.
    movies: Option<HashMap<MovieId, MovieRow>>,
    /// The known events of each user who has a removal, now or later.
    removers: HashMap<UserId, BTreeMap<Offset, RatingEvent>>,
}

impl Timeline {
    /// Starts a timeline before the first of a partition's events. The events may be in any order.
    ///
    /// Movies are kept only if `movies` is set: they need the events of all users.
    pub fn new(mut events: Vec<TimelineEvent>, movies: bool) -> Self {
        events.sort_by_key(|event| (event.known_at, event.offset));
        let removals = events.iter().filter(|event| is_removal(&event.event));
        let removers = removals.map(|event| (event.event.user().clone(), BTreeMap::new())).collect();
        Self { events: events.into_iter(), users: HashMap::new(), movies: movies.then(HashMap::new), removers }
    }

    /// Applies the events that were known by a time. Times may only rise.
    pub fn advance<'g>(&mut self, to: Timestamp, genres: impl Fn(&MovieId) -> &'g [String]) {
        let mut outdated = BTreeSet::new();
        while self.events.as_slice().first().is_some_and(|event| event.known_at <= to) {
            let Some(TimelineEvent { offset, event, .. }) = self.events.next() else { break };
            if let Some(known) = self.removers.get_mut(event.user()) {
                if outdated.contains(event.user()) || !may_apply(known, offset, &event) {
                    outdated.insert(event.user().clone());
                    known.insert(offset, event);
                    continue;
                }
                known.insert(offset, event.clone());
            }
            self.apply(&event, offset, &genres);
        }
        for user in outdated {
            self.rebuild(&user, &genres);
        }
    }

    fn apply<'g>(&mut self, event: &RatingEvent, offset: Offset, genres: impl Fn(&MovieId) -> &'g [String]) {
        let changes = match self.users.get_mut(event.user()) {
            Some(row) => row.apply(event, offset, genres),
            None => {
                let mut row = UserRow::default();
                let changes = row.apply(event, offset, genres);
                // Like the stream, which stores no row for a removal without a rating.
                if !changes.is_empty() {
                    self.users.insert(event.user().clone(), row);
                }
                changes
            }
        };
        self.apply_to_movies(&changes);
    }

    /// Applies all known events of a user again, in log order.
    fn rebuild<'g>(&mut self, user: &UserId, genres: impl Fn(&MovieId) -> &'g [String]) {
        let (mut row, mut times) = (UserRow::default(), Vec::new());
        for (offset, event) in self.removers.get(user).into_iter().flatten() {
            row.apply(event, *offset, &genres);
            if let RatingEvent::Rated(rating) = event {
                let event_time = Some(rating.rated_at);
                times.push(Change { movie: rating.movie.clone(), old: None, new: None, event_time });
            }
        }
        if times.is_empty() {
            return;
        }
        let outdated = self.users.remove(user).unwrap_or_default();
        self.apply_to_movies(&outdated.changes_to(&row));
        self.apply_to_movies(&times);
        self.users.insert(user.clone(), row);
    }

    fn apply_to_movies(&mut self, changes: &[Change]) {
        let Some(movies) = &mut self.movies else { return };
        for change in changes {
            movies.entry(change.movie.clone()).or_default().apply(change);
        }
    }

    /// Returns a user's row, if an event of the user was applied.
    pub fn user(&self, user: &UserId) -> Option<&UserRow> {
        self.users.get(user)
    }

    /// Returns what this partition's users gave a movie, if an event about it was applied.
    pub fn movie(&self, movie: &MovieId) -> Option<&MovieRow> {
        self.movies.as_ref()?.get(movie)
    }

    /// Returns the rows of all users and movies.
    pub fn into_rows(self) -> (HashMap<UserId, UserRow>, HashMap<MovieId, MovieRow>) {
        (self.users, self.movies.unwrap_or_default())
    }
}

fn is_removal(event: &RatingEvent) -> bool {
    !matches!(event, RatingEvent::Rated(_))
}

/// Whether an event can be applied to a row although it may not be the last of the known ones.
fn may_apply(known: &BTreeMap<Offset, RatingEvent>, offset: Offset, event: &RatingEvent) -> bool {
    let mut later = known.range(offset..);
    match event {
        // Ratings commute with each other, but not with a removal.
        RatingEvent::Rated(_) => !later.any(|(_, event)| is_removal(event)),
        _ => later.next().is_none(),
    }
}

#[cfg(test)]
mod tests;
