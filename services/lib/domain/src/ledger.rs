//! The rule that decides which ratings of a user count.
//!
//! This is the only statement of the rule. The stream, the point-in-time joins, the backfills and
//! the snapshots for training all apply events to a [`Ledger`].
//!
//! - Between two ratings of one movie, the one with the later `rated_at` counts. At equal times,
//!   the one with the later offset counts.
//! - A removal removes every rating of its movie (or of its user) that came before it in the log,
//!   whatever the dates say. A rating that was dated ahead does not survive its removal.
//! - A rating that comes after a removal in the log counts, whatever its date says. A client that
//!   sends an old rating again after a removal therefore adds it again.
//!
//! In log order, a removal deletes entries and leaves nothing behind. No tombstones are kept.

use std::collections::BTreeMap;
use std::collections::btree_map;

use crate::{MovieId, Offset, Rating, RatingEvent, Timestamp};

/// The ratings of one user that count, by movie. Each entry carries data of the caller's choice.
///
/// Events must come in log order, with two exceptions: an event may come again, and ratings may
/// come in any order while the user has no removals.
///
/// **Invariant:** the ledger is a function of the applied events. It equals the rule above, applied
/// to the whole log at once (`the_ledger_equals_the_rule`).
///
/// **Invariant:** an event that comes again changes nothing
/// (`an_event_that_comes_again_changes_nothing`).
///
/// **Invariant:** ratings give the same ledger in any order
/// (`ratings_give_the_same_ledger_in_any_order`).
///
/// **Invariant:** a removal that finds no rating changes nothing and stores nothing
/// (`a_removal_without_a_rating_stores_nothing`).
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger<T = ()> {
    entries: BTreeMap<MovieId, LedgerEntry<T>>,
    /// Offset of the last removal that deleted an entry. An event up to this offset is a
    /// repetition. Without it, a rating that comes again after its removal would count again.
    last_removal: Option<Offset>,
}

/// A rating that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerEntry<T> {
    /// The value in stars.
    pub value: f64,
    /// When the rating was given.
    pub rated_at: Timestamp,
    /// The offset of the rating in its partition.
    pub offset: Offset,
    /// The caller's data.
    pub data: T,
}

impl<T> LedgerEntry<T> {
    fn rank(&self) -> (Timestamp, Offset) {
        (self.rated_at, self.offset)
    }
}

/// The effect of an event on one movie.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerChange<T> {
    /// The movie whose entry changed.
    pub movie: MovieId,
    /// The entry that no longer counts.
    pub old: Option<LedgerEntry<T>>,
    /// Time and value of the rating that counts now.
    pub new: Option<(Timestamp, f64)>,
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), last_removal: None }
    }
}

impl<T> Ledger<T> {
    /// Restores a ledger from its stored parts.
    pub fn restore(entries: impl IntoIterator<Item = (MovieId, LedgerEntry<T>)>, last_removal: Option<Offset>) -> Self {
        Self { entries: entries.into_iter().collect(), last_removal }
    }

    /// Applies an event at an offset of the user's partition, and returns what it changed. `data`
    /// is called for a rating that counts.
    pub fn apply(
        &mut self,
        event: &RatingEvent,
        offset: Offset,
        data: impl FnOnce(&Rating) -> T,
    ) -> Vec<LedgerChange<T>> {
        if self.last_removal.is_some_and(|removal| offset <= removal) {
            return Vec::new();
        }
        match event {
            RatingEvent::Rated(rating) => self.rate(rating, offset, data).into_iter().collect(),
            RatingEvent::Removed { movie, .. } => self.remove(movie, offset).into_iter().collect(),
            RatingEvent::UserRemoved { .. } => self.remove_all(offset),
        }
    }

    fn rate(&mut self, rating: &Rating, offset: Offset, data: impl FnOnce(&Rating) -> T) -> Option<LedgerChange<T>> {
        let rank = (rating.rated_at, offset);
        if self.entries.get(&rating.movie).is_some_and(|kept| kept.rank() >= rank) {
            return None;
        }
        let entry = LedgerEntry { value: rating.value, rated_at: rating.rated_at, offset, data: data(rating) };
        let old = self.entries.insert(rating.movie.clone(), entry);
        Some(LedgerChange { movie: rating.movie.clone(), old, new: Some((rating.rated_at, rating.value)) })
    }

    fn remove(&mut self, movie: &MovieId, offset: Offset) -> Option<LedgerChange<T>> {
        match self.entries.entry(movie.clone()) {
            // A later entry is there when the removal comes again.
            btree_map::Entry::Occupied(entry) if entry.get().offset < offset => {
                self.last_removal = Some(offset);
                let (movie, old) = entry.remove_entry();
                Some(LedgerChange { movie, old: Some(old), new: None })
            }
            _ => None,
        }
    }

    fn remove_all(&mut self, offset: Offset) -> Vec<LedgerChange<T>> {
        let removed = self.entries.extract_if(.., |_, entry| entry.offset < offset);
        let changes: Vec<_> = removed.map(|(movie, old)| LedgerChange { movie, old: Some(old), new: None }).collect();
        if !changes.is_empty() {
            self.last_removal = Some(offset);
        }
        changes
    }

    /// The entry of a movie.
    pub fn get(&self, movie: &MovieId) -> Option<&LedgerEntry<T>> {
        self.entries.get(movie)
    }

    /// The entries, by movie.
    pub fn iter(&self) -> btree_map::Iter<'_, MovieId, LedgerEntry<T>> {
        self.entries.iter()
    }

    /// How many ratings count.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no rating counts.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The offset of the last removal that deleted an entry.
    pub fn last_removal(&self) -> Option<Offset> {
        self.last_removal
    }
}

impl<T> IntoIterator for Ledger<T> {
    type Item = (MovieId, LedgerEntry<T>);
    type IntoIter = btree_map::IntoIter<MovieId, LedgerEntry<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Ledger<T> {
    type Item = (&'a MovieId, &'a LedgerEntry<T>);
    type IntoIter = btree_map::Iter<'a, MovieId, LedgerEntry<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::UserId;

    const MOVIES: u8 = 4;

    fn movie(number: u8) -> MovieId {
        MovieId::try_new(&format!("m{number}")).expect("valid")
    }

    fn rated(number: u8, value: f64, seconds: i64) -> RatingEvent {
        let user = UserId::try_new("u").expect("valid");
        RatingEvent::Rated(Rating { user, movie: movie(number), value, rated_at: Timestamp::from_seconds(seconds) })
    }

    fn removed(number: u8, seconds: i64) -> RatingEvent {
        let user = UserId::try_new("u").expect("valid");
        RatingEvent::Removed { user, movie: movie(number), at: Timestamp::from_seconds(seconds) }
    }

    fn user_removed(seconds: i64) -> RatingEvent {
        let user = UserId::try_new("u").expect("valid");
        RatingEvent::UserRemoved { user, at: Timestamp::from_seconds(seconds) }
    }

    fn rating() -> impl Strategy<Value = RatingEvent> {
        (0..MOVIES, 1u8..=5, 0i64..8).prop_map(|(movie, value, at)| rated(movie, f64::from(value), at))
    }

    fn any_event() -> impl Strategy<Value = RatingEvent> {
        prop_oneof![
            8 => rating(),
            2 => (0..MOVIES, 0i64..8).prop_map(|(movie, at)| removed(movie, at)),
            1 => (0i64..8).prop_map(user_removed),
        ]
    }

    fn apply(ledger: &mut Ledger, event: &RatingEvent, offset: usize) -> Vec<LedgerChange<()>> {
        ledger.apply(event, Offset(offset as u64), |_| ())
    }

    fn ledger(events: &[RatingEvent]) -> Ledger {
        let mut ledger = Ledger::default();
        for (offset, event) in events.iter().enumerate() {
            apply(&mut ledger, event, offset);
        }
        ledger
    }

    /// The rule as a sentence over the whole log: of the ratings after the last removal, the
    /// latest.
    fn rule(events: &[RatingEvent], movie: &MovieId) -> Option<LedgerEntry<()>> {
        let removes = |event: &RatingEvent| match event {
            RatingEvent::Rated(_) => false,
            RatingEvent::Removed { movie: removed, .. } => removed == movie,
            RatingEvent::UserRemoved { .. } => true,
        };
        let first = events.iter().rposition(removes).map_or(0, |removal| removal + 1);
        let entries = events.iter().enumerate().skip(first).filter_map(|(offset, event)| match event {
            RatingEvent::Rated(rating) if rating.movie == *movie => Some(LedgerEntry {
                value: rating.value,
                rated_at: rating.rated_at,
                offset: Offset(offset as u64),
                data: (),
            }),
            _ => None,
        });
        entries.max_by_key(LedgerEntry::rank)
    }

    proptest! {
        #[test]
        fn the_ledger_equals_the_rule(events in prop::collection::vec(any_event(), 0..40)) {
            let ledger = ledger(&events);
            for movie in (0..MOVIES).map(movie) {
                prop_assert_eq!(ledger.get(&movie).cloned(), rule(&events, &movie));
            }
        }

        #[test]
        fn an_event_that_comes_again_changes_nothing(
            events in prop::collection::vec(any_event(), 1..40),
            again in any::<prop::sample::Index>(),
        ) {
            let once = ledger(&events);
            let mut twice = once.clone();
            let again = again.index(events.len());
            prop_assert_eq!(apply(&mut twice, &events[again], again), Vec::new());
            prop_assert_eq!(twice, once);
        }

        #[test]
        fn ratings_give_the_same_ledger_in_any_order(
            shuffled in prop::collection::vec(rating(), 0..30)
                .prop_map(|events| events.into_iter().enumerate().collect::<Vec<_>>())
                .prop_shuffle(),
        ) {
            let mut ordered = shuffled.clone();
            ordered.sort_by_key(|(offset, _)| *offset);
            let (mut one, mut other) = (Ledger::default(), Ledger::default());
            for (offset, event) in &shuffled {
                apply(&mut one, event, *offset);
            }
            for (offset, event) in &ordered {
                apply(&mut other, event, *offset);
            }
            prop_assert_eq!(one, other);
        }

        #[test]
        fn a_removal_without_a_rating_stores_nothing(
            events in prop::collection::vec(any_event(), 0..40),
            at in 0i64..8,
        ) {
            let mut ledger = ledger(&events);
            apply(&mut ledger, &user_removed(at), events.len());
            let before = ledger.clone();
            for (offset, event) in (events.len() + 1..).zip([removed(0, at), removed(9, at), user_removed(at)]) {
                prop_assert_eq!(apply(&mut ledger, &event, offset), Vec::new());
            }
            prop_assert_eq!(ledger, before);
        }

        #[test]
        fn the_changes_lead_from_the_old_ledger_to_the_new(
            events in prop::collection::vec(any_event(), 0..40),
            last in any_event(),
        ) {
            let before = ledger(&events);
            let mut after = before.clone();
            let changes = apply(&mut after, &last, events.len());
            for movie in (0..MOVIES).map(movie) {
                let change = changes.iter().find(|change| change.movie == movie);
                let now = after.get(&movie).map(|entry| (entry.rated_at, entry.value));
                match change {
                    None => prop_assert_eq!(before.get(&movie), after.get(&movie)),
                    Some(change) => {
                        prop_assert_eq!(change.old.as_ref(), before.get(&movie));
                        prop_assert_eq!(change.new, now);
                    }
                }
            }
        }
    }

    #[test]
    fn a_rating_that_is_dated_ahead_does_not_survive_its_removal() {
        for removal in [removed(1, 10), user_removed(10)] {
            assert!(ledger(&[rated(1, 4.0, 10_000), removal]).is_empty());
        }
    }

    #[test]
    fn a_rating_after_a_removal_counts_whatever_its_date_says() {
        for removal in [removed(1, 1_000), user_removed(1_000)] {
            let ledger = ledger(&[rated(1, 4.0, 10), removal, rated(1, 4.0, 10)]);
            assert_eq!(ledger.get(&movie(1)).map(|entry| entry.offset), Some(Offset(2)));
        }
    }
}
