//! The events that a later event undid, so that a split shows the ratings as they were at its cut.
//!
//! A [`Ledger`] keeps only what counts at the end of the log. A rating that was given again or
//! removed after the cut is therefore missing from the past, although a model that was trained at
//! the cut knew it. Most ratings are never undone, so only the undone events are kept beside the
//! ledger, with the removals.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use marquee_domain::{Ledger, LedgerEntry, MovieId, Offset, Rating, RatingEvent, Timestamp, UserId};

use super::in_canonical_order;

/// The ratings of one user: those that count, and what was undone.
#[derive(Debug, Default)]
pub(super) struct Folded {
    ledger: Ledger,
    /// Ratings that no longer count, and removals, by offset. An event that comes again is stored
    /// once.
    undone: BTreeMap<Offset, RatingEvent>,
}

impl Folded {
    pub(super) fn apply(&mut self, offset: Offset, event: &RatingEvent) {
        let changes = self.ledger.apply(event, offset, |_| ());
        match event {
            // It lost to a later rating, or it comes again.
            RatingEvent::Rated(rating) if changes.is_empty() => {
                if self.ledger.get(&rating.movie).is_none_or(|kept| kept.offset != offset) {
                    self.undone.insert(offset, event.clone());
                }
            }
            RatingEvent::Rated(_) => {}
            RatingEvent::Removed { .. } | RatingEvent::UserRemoved { .. } => {
                // A removal with nothing before it never removes anything.
                if !changes.is_empty() || !self.ledger.is_empty() || !self.undone.is_empty() {
                    self.undone.insert(offset, event.clone());
                }
            }
        }
        for change in changes {
            if let Some(old) = change.old {
                let offset = old.offset;
                self.undone.insert(offset, rated(event.user(), change.movie, &old));
            }
        }
    }

    /// Splits into the ratings that count and, for the movies whose ratings were undone, all events
    /// in log order.
    pub(super) fn finish(self, user: &UserId) -> (impl Iterator<Item = Rating>, Vec<RatingEvent>) {
        let Self { ledger, mut undone } = self;
        let movies: HashSet<MovieId> = undone.values().filter_map(movie).cloned().collect();
        // A removal of all ratings undid those before it, and does not touch those after it. So the
        // movies of the undone events are enough.
        for (movie, entry) in ledger.iter().filter(|(movie, _)| movies.contains(*movie)) {
            undone.insert(entry.offset, rated(user, movie.clone(), entry));
        }
        let has_ratings = undone.values().any(|event| matches!(event, RatingEvent::Rated(_)));
        let events = if has_ratings { undone.into_values().collect() } else { Vec::new() };
        let user = user.clone();
        let ratings = ledger.into_iter().map(move |(movie, entry)| Rating {
            user: user.clone(),
            movie,
            value: entry.value,
            rated_at: entry.rated_at,
        });
        (ratings, events)
    }
}

fn rated(user: &UserId, movie: MovieId, entry: &LedgerEntry<()>) -> RatingEvent {
    RatingEvent::Rated(Rating { user: user.clone(), movie, value: entry.value, rated_at: entry.rated_at })
}

fn movie(event: &RatingEvent) -> Option<&MovieId> {
    match event {
        RatingEvent::Rated(rating) => Some(&rating.movie),
        RatingEvent::Removed { movie, .. } => Some(movie),
        RatingEvent::UserRemoved { .. } => None,
    }
}

/// The ratings before and after a cut in time. Each part is in canonical order.
///
/// The times of the events decide, not the times of their arrival, because imported ratings arrive
/// long after they were given.
#[derive(Debug, Clone)]
pub struct Split<'a> {
    /// The ratings that counted at the cut: the fold of the events up to its time.
    pub past: Cow<'a, [Rating]>,
    /// The ratings that were given after the cut and counted when they were given, whether or not
    /// they were given again or removed later. A pair of user and movie may come more than once,
    /// and may be in the past, too. Of several ratings of a pair at one instant, the last in the
    /// log counts.
    ///
    /// Removals after the cut are not part of it: they end what a rating counts for, and nothing is
    /// to be predicted there.
    pub future: Cow<'a, [Rating]>,
}

impl<'a> Split<'a> {
    /// Returns a split of ratings of which none was undone.
    pub(super) fn borrowed((past, future): (&'a [Rating], &'a [Rating])) -> Self {
        Self { past: Cow::Borrowed(past), future: Cow::Borrowed(future) }
    }

    /// Returns a split as of the last time of the past. `revised` are all events of the pairs of
    /// which a rating was undone, by user, then in log order.
    pub(super) fn as_of((past, future): (&[Rating], &[Rating]), revised: &[RatingEvent]) -> Split<'static> {
        let cut = past.last().map(|rating| rating.rated_at);
        let pairs: HashSet<(&UserId, &MovieId)> =
            revised.iter().filter_map(|event| Some((event.user(), movie(event)?))).collect();
        let kept = |ratings: &[Rating]| -> Vec<Rating> {
            ratings.iter().filter(|rating| !pairs.contains(&(&rating.user, &rating.movie))).cloned().collect()
        };
        let (mut past, mut future) = (kept(past), kept(future));
        for events in revised.chunk_by(|a, b| a.user() == b.user()) {
            past.extend(counted(events, cut));
            future.extend(given(events, cut));
        }
        in_canonical_order(&mut past);
        in_canonical_order(&mut future);
        Split { past: Cow::Owned(past), future: Cow::Owned(future) }
    }
}

/// Returns the ratings of a user that counted at a time.
fn counted(events: &[RatingEvent], cut: Option<Timestamp>) -> Vec<Rating> {
    let Some(first) = events.first() else { return Vec::new() };
    let mut folded = Folded::default();
    for (offset, event) in (0..).map(Offset).zip(events) {
        if Some(event.at()) <= cut {
            folded.apply(offset, event);
        }
    }
    folded.finish(first.user()).0.collect()
}

/// Returns the ratings of a user after a time that counted when they were given.
fn given(events: &[RatingEvent], cut: Option<Timestamp>) -> Vec<Rating> {
    // Backwards, so that the removals after a rating are known: one with an earlier time had
    // already removed the rating when it was given.
    let mut seen = HashSet::new();
    let mut all_removed: Option<Timestamp> = None;
    let mut removed: HashMap<&MovieId, Timestamp> = HashMap::new();
    let mut ratings = Vec::new();
    for event in events.iter().rev() {
        match event {
            RatingEvent::Rated(rating) => {
                let at = rating.rated_at;
                let ends = [all_removed, removed.get(&rating.movie).copied()];
                let is_last = seen.insert((&rating.movie, at));
                if is_last && Some(at) > cut && ends.into_iter().flatten().all(|end| at < end) {
                    ratings.push(rating.clone());
                }
            }
            RatingEvent::Removed { movie, at, .. } => {
                let end = removed.entry(movie).or_insert(*at);
                *end = (*end).min(*at);
            }
            RatingEvent::UserRemoved { at, .. } => {
                all_removed = Some(all_removed.map_or(*at, |end| end.min(*at)));
            }
        }
    }
    ratings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::event;
    use super::super::{Fold, Snapshot};
    use super::*;

    fn snapshot<'a>(events: impl Iterator<Item = &'a (Offset, RatingEvent)>) -> Snapshot {
        let mut fold = Fold::default();
        events.for_each(|(offset, event)| fold.apply(*offset, event));
        fold.finish()
    }

    /// The split by its definition: a fold for the past, and one for the time of every rating.
    fn by_definition(events: &[(Offset, RatingEvent)], cut: Option<Timestamp>) -> (Vec<Rating>, Vec<Rating>) {
        let as_of = |time: Option<Timestamp>| snapshot(events.iter().filter(|(_, event)| Some(event.at()) <= time));
        let mut future: Vec<Rating> = Vec::new();
        for (_, event) in events {
            let RatingEvent::Rated(rating) = event else { continue };
            let now = as_of(Some(rating.rated_at));
            if Some(rating.rated_at) > cut && now.ratings().contains(rating) && !future.contains(rating) {
                future.push(rating.clone());
            }
        }
        in_canonical_order(&mut future);
        (as_of(cut).ratings().to_vec(), future)
    }

    proptest! {
        #[test]
        fn the_split_is_that_of_the_log_up_to_the_cut(
            drawn in prop::collection::vec((0u8..3, 0u8..4, 0u8..10, 0i64..12), 0..40),
            holdout in 0.0f64..1.0,
        ) {
            let event = |(offset, &(user, movie, kind, at)): (u64, &(u8, u8, u8, i64))| {
                (Offset(offset), event(user, movie, kind, at))
            };
            let events: Vec<_> = (0..).zip(&drawn).map(event).collect();
            let whole = snapshot(events.iter());
            let cut = whole.split(holdout).0.last().map(|rating| rating.rated_at);
            let expected = by_definition(&events, cut);
            for again in [0, events.len()] {
                let whole = snapshot(events.iter().chain(&events[..again]));
                let split = whole.split_as_of_cut(holdout);
                prop_assert_eq!(&*split.past, &*expected.0);
                prop_assert_eq!(&*split.future, &*expected.1);
            }
        }

        #[test]
        fn without_a_rating_that_was_undone_the_split_is_that_of_the_snapshot(
            drawn in prop::collection::btree_map((0u8..5, 0u8..5), (0u8..8, 0i64..12), 0..25),
            holdout in 0.0f64..1.0,
        ) {
            let drawn = drawn.into_iter().map(|((user, movie), (kind, at))| event(user, movie, kind, at));
            let events: Vec<_> = (0..).map(Offset).zip(drawn).collect();
            let whole = snapshot(events.iter().chain(&events));
            let (past, future) = whole.split(holdout);
            let split = whole.split_as_of_cut(holdout);
            prop_assert!(matches!((&split.past, &split.future), (Cow::Borrowed(_), Cow::Borrowed(_))));
            prop_assert_eq!((&*split.past, &*split.future), (past, future));
        }
    }

    #[test]
    fn what_is_rated_again_after_the_cut_is_in_the_past_and_in_the_future() {
        let log = [event(0, 0, 0, 1), event(0, 1, 1, 2), event(0, 2, 1, 8), event(0, 0, 4, 9)];
        let events: Vec<_> = (0..).map(Offset).zip(log).collect();
        let whole = snapshot(events.iter());
        let values = |ratings: &[Rating]| -> Vec<(String, f64)> {
            ratings.iter().map(|rating| (rating.movie.to_string(), rating.value)).collect()
        };
        let named = |pairs: &[(&str, f64)]| -> Vec<(String, f64)> {
            pairs.iter().map(|(movie, value)| ((*movie).to_owned(), *value)).collect()
        };
        assert_eq!(values(whole.split(0.6).0), named(&[("m1", 2.0)]), "the snapshot has only the later rating");
        let split = whole.split_as_of_cut(0.6);
        assert_eq!(values(&split.past), named(&[("m0", 1.0), ("m1", 2.0)]));
        assert_eq!(values(&split.future), named(&[("m2", 2.0), ("m0", 5.0)]));
    }

    #[test]
    fn what_is_removed_after_the_cut_stays_in_the_past() {
        for removal in [event(0, 0, 8, 9), event(0, 0, 9, 9)] {
            let log = [event(0, 0, 0, 1), removal, event(1, 1, 1, 2), event(1, 2, 1, 10)];
            let events: Vec<_> = (0..).map(Offset).zip(log).collect();
            let whole = snapshot(events.iter());
            let split = whole.split_as_of_cut(0.5);
            assert_eq!((split.past.len(), split.future.len()), (2, 1));
        }
    }
}
