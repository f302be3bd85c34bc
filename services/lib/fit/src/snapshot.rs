//! The ratings that count at a point of the log, with a digest.
//!
//! **Invariant:** the same events give the same snapshot and digest, however the events of
//! different users interleave and however often they are replayed
//! (`neither_replays_nor_the_order_of_users_change_the_digest`). With the same seed, they give the
//! same model.

mod revised;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

use marquee_domain::{MovieId, Offset, Rating, RatingEvent, UserId};
use sha2::{Digest, Sha256};

use self::revised::Folded;
use crate::{Ratings, RatingsError, Watched};

pub use revised::Split;

/// The most ratings that a fit is watched by. More would cost time and show no more.
const MOST_WATCHED: usize = 20_000;

/// Folds events into the ratings that count.
///
/// Events of one user must come in log order; users may interleave in any order. Beside the ratings
/// that count, it keeps the events that were undone: ratings that were given again or removed, and
/// removals.
///
/// **Invariant:** the text of an id is in memory once, however many ratings have it
/// (`ratings_share_the_texts_of_their_ids`). Decoders make a new text for each event.
#[derive(Debug, Default)]
pub struct Fold {
    users: HashMap<UserId, Folded>,
    movies: HashSet<MovieId>,
    ratings: usize,
}

impl Fold {
    /// Applies the next event, at its offset in the user's partition.
    pub fn apply(&mut self, offset: Offset, event: &RatingEvent) {
        let user = match self.users.get_key_value(event.user()) {
            Some((user, _)) => user.clone(),
            None => event.user().clone(),
        };
        let event = match event {
            RatingEvent::Rated(rating) => {
                let movie = shared(&mut self.movies, &rating.movie);
                RatingEvent::Rated(Rating { user: user.clone(), movie, ..*rating })
            }
            RatingEvent::Removed { movie, at, .. } => {
                let movie = shared(&mut self.movies, movie);
                RatingEvent::Removed { user: user.clone(), movie, at: *at }
            }
            RatingEvent::UserRemoved { at, .. } => RatingEvent::UserRemoved { user: user.clone(), at: *at },
        };
        self.ratings += usize::from(matches!(event, RatingEvent::Rated(_)));
        self.users.entry(user).or_default().apply(offset, &event);
    }

    /// Returns the ratings that count after the events so far.
    pub fn finish(self) -> Snapshot {
        // A list that grows would be copied, and both copies would be in memory.
        let (mut ratings, mut revised) = (Vec::with_capacity(self.ratings), Vec::new());
        for (user, folded) in self.users {
            let (counted, events) = folded.finish(&user);
            ratings.extend(counted);
            revised.extend(events);
        }
        Snapshot::new(ratings, revised)
    }
}

/// Returns the id whose text is in memory already, or this one.
fn shared(ids: &mut HashSet<MovieId>, id: &MovieId) -> MovieId {
    if let Some(known) = ids.get(id) {
        return known.clone();
    }
    ids.insert(id.clone());
    id.clone()
}

/// Ratings in canonical order: by time, then by user, then by movie.
#[derive(Debug, Clone)]
pub struct Snapshot {
    ratings: Vec<Rating>,
    digest: String,
    /// All events of the pairs of user and movie of which a rating was undone, by user, then in log
    /// order.
    revised: Vec<RatingEvent>,
}

impl Snapshot {
    fn new(mut ratings: Vec<Rating>, revised: Vec<RatingEvent>) -> Self {
        in_canonical_order(&mut ratings);
        let mut hash = Sha256::new();
        for rating in &ratings {
            for id in [rating.user.as_str(), rating.movie.as_str()] {
                hash.update((id.len() as u32).to_le_bytes());
                hash.update(id.as_bytes());
            }
            hash.update(rating.value.to_le_bytes());
            hash.update(rating.rated_at.micros().to_le_bytes());
        }
        let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { ratings, digest, revised }
    }

    /// Returns the ratings, oldest first.
    pub fn ratings(&self) -> &[Rating] {
        &self.ratings
    }

    /// Returns the SHA-256 in hexadecimal over every rating in canonical order: lengths and bytes
    /// of the ids, value and microseconds, little-endian.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns the number of users with a rating.
    pub fn users(&self) -> usize {
        distinct(self.ratings.iter().map(|rating| &rating.user))
    }

    /// Returns the number of movies with a rating.
    pub fn movies(&self) -> usize {
        distinct(self.ratings.iter().map(|rating| &rating.movie))
    }

    /// Splits by time into past and future. The future is about the share `holdout` of the ratings.
    /// Ratings of one instant stay together, in the past.
    ///
    /// The past lacks what was given again or removed after the cut. To judge a model, use
    /// [`Self::split_as_of_cut`].
    pub fn split(&self, holdout: f64) -> (&[Rating], &[Rating]) {
        let past = (self.ratings.len() as f64 * (1.0 - holdout)).round() as usize;
        let past = past.min(self.ratings.len());
        let Some(last) = past.checked_sub(1).and_then(|index| self.ratings.get(index)) else {
            return (&[], &self.ratings);
        };
        let cut = self.ratings.partition_point(|rating| rating.rated_at <= last.rated_at);
        self.ratings.split_at(cut)
    }

    /// Splits at the cut of [`Self::split`], and returns both parts as they were at their time:
    /// what was given again or removed after the cut is in the past.
    ///
    /// **Invariant:** the past is the fold of the events up to the cut
    /// (`the_split_is_that_of_the_log_up_to_the_cut`). Where no rating was undone, the parts are
    /// those of [`Self::split`]
    /// (`without_a_rating_that_was_undone_the_split_is_that_of_the_snapshot`).
    pub fn split_as_of_cut(&self, holdout: f64) -> Split<'_> {
        let parts = self.split(holdout);
        if self.revised.is_empty() { Split::borrowed(parts) } else { Split::as_of(parts, &self.revised) }
    }
}

/// Sorts by time, then by user, then by movie.
fn in_canonical_order(ratings: &mut [Rating]) {
    ratings.sort_unstable_by(|a, b| (a.rated_at, &a.user, &a.movie).cmp(&(b.rated_at, &b.user, &b.movie)));
}

fn distinct<'a, T: Hash + Eq + 'a>(values: impl Iterator<Item = &'a T>) -> usize {
    values.collect::<HashSet<_>>().len()
}

/// Movies by dense index, in the order of their ids.
#[derive(Debug, Clone, Default)]
pub struct MovieIndex(BTreeMap<MovieId, u32>);

impl MovieIndex {
    /// Indexes movies. Repetitions and the order do not matter.
    pub fn new<'a>(movies: impl Iterator<Item = &'a MovieId>) -> Self {
        let mut index: BTreeMap<MovieId, u32> = movies.map(|movie| (movie.clone(), 0)).collect();
        for (number, slot) in (0..).zip(index.values_mut()) {
            *slot = number;
        }
        Self(index)
    }

    /// Returns the number of movies.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no movies.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the index of a movie.
    pub fn get(&self, movie: &MovieId) -> Option<u32> {
        self.0.get(movie).copied()
    }

    /// Returns the movies in the order of their indices.
    pub fn movies(&self) -> impl Iterator<Item = &MovieId> {
        self.0.keys()
    }

    /// Returns ratings by dense indices, for fitting. Ratings of movies outside the index are left
    /// out.
    ///
    /// # Errors
    /// A pair has two ratings, which never happens in a snapshot.
    pub fn dense(&self, ratings: &[Rating]) -> Result<Ratings, RatingsError> {
        self.dense_of(&mut UserIndex::default(), ratings)
    }

    /// Does the same with the indices that users have already. New users get the next ones. So a
    /// fit of these ratings can start where one of others has ended.
    ///
    /// # Errors
    /// Those of [`Self::dense`].
    pub fn dense_of(&self, users: &mut UserIndex, ratings: &[Rating]) -> Result<Ratings, RatingsError> {
        let mut triplets = Vec::with_capacity(ratings.len());
        for rating in ratings {
            let Some(movie) = self.get(&rating.movie) else { continue };
            triplets.push((users.number(&rating.user), movie, rating.value));
        }
        Ratings::try_new(users.0.len(), self.len(), triplets)
    }
}

impl MovieIndex {
    /// Returns ratings to watch a fit by, for users of whom some may not be in the fit: at most
    /// 20,000, evenly spread over the given ones. Ratings of movies outside the index are left out.
    pub fn watched(&self, users: &UserIndex, ratings: &[Rating]) -> Vec<Watched> {
        let step = ratings.len().div_ceil(MOST_WATCHED).max(1);
        let watched = |rating: &Rating| {
            let user = users.0.get(&rating.user).copied();
            Some(Watched { user, movie: self.get(&rating.movie)?, rating: rating.value })
        };
        ratings.iter().step_by(step).filter_map(watched).collect()
    }
}

/// Users by dense index, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct UserIndex(HashMap<UserId, u32>);

impl UserIndex {
    fn number(&mut self, user: &UserId) -> u32 {
        if let Some(number) = self.0.get(user) {
            return *number;
        }
        let next = self.0.len() as u32;
        self.0.insert(user.clone(), next);
        next
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;
    use proptest::prelude::*;

    use super::*;

    pub(super) fn event(user: u8, movie: u8, kind: u8, seconds: i64) -> RatingEvent {
        let user = UserId::try_new(&format!("u{user}")).expect("valid");
        let movie = MovieId::try_new(&format!("m{movie}")).expect("valid");
        let at = Timestamp::from_seconds(seconds);
        match kind {
            0..=7 => RatingEvent::Rated(Rating { user, movie, value: f64::from(kind % 5 + 1), rated_at: at }),
            8 => RatingEvent::Removed { user, movie, at },
            _ => RatingEvent::UserRemoved { user, at },
        }
    }

    fn digest<'a>(events: impl Iterator<Item = &'a (Offset, RatingEvent)>) -> String {
        let mut fold = Fold::default();
        events.for_each(|(offset, event)| fold.apply(*offset, event));
        fold.finish().digest().to_owned()
    }

    proptest! {
        #[test]
        fn neither_replays_nor_the_order_of_users_change_the_digest(
            drawn in prop::collection::vec((0u8..4, 0u8..5, 0u8..10, 0i64..20), 0..60),
        ) {
            let event = |(offset, &(user, movie, kind, at)): (u64, &(u8, u8, u8, i64))| {
                (Offset(offset), event(user, movie, kind, at))
            };
            let events: Vec<_> = (0..).zip(&drawn).map(event).collect();
            let once = digest(events.iter());
            prop_assert_eq!(&once, &digest(events.iter().chain(&events)));
            let mut by_user = events;
            by_user.sort_by(|(_, a), (_, b)| b.user().cmp(a.user()));
            prop_assert_eq!(&once, &digest(by_user.iter()));
        }
    }

    #[test]
    fn users_keep_their_index_and_new_ones_get_the_next() {
        let rating = |user, movie| match event(user, movie, 2, 1) {
            RatingEvent::Rated(rating) => rating,
            other => panic!("{other:?}"),
        };
        let index = MovieIndex::new([&rating(0, 0).movie, &rating(0, 1).movie].into_iter());
        let mut users = UserIndex::default();
        let past = index.dense_of(&mut users, &[rating(5, 0), rating(2, 1)]).unwrap();
        let all = index.dense_of(&mut users, &[rating(9, 0), rating(2, 0), rating(9, 1)]).unwrap();
        assert_eq!((past.users(), all.users()), (2, 3));
        assert_eq!(past.by_user().row(1).0, [1]);
        let rows: Vec<&[u32]> = (0..3).map(|user| all.by_user().row(user).0).collect();
        assert_eq!(rows, [&[][..], &[0], &[0, 1]]);
        let watched = index.watched(&users, &[rating(2, 1), rating(7, 0), rating(2, 9)]);
        assert_eq!(watched.iter().map(|one| (one.user, one.movie)).collect::<Vec<_>>(), [(Some(1), 1), (None, 0)]);
    }

    #[test]
    fn ratings_share_the_texts_of_their_ids() {
        let mut fold = Fold::default();
        let kinds = [(0, 0, 2), (1, 0, 3), (0, 1, 4), (0, 0, 5), (1, 1, 1), (1, 1, 8)];
        for (offset, (user, movie, kind)) in (0..).zip(kinds) {
            fold.apply(Offset(offset), &event(user, movie, kind, offset as i64));
        }
        let snapshot = fold.finish();
        let split = Split::as_of(snapshot.split(0.5), &snapshot.revised);
        let all = snapshot.ratings().iter().chain(split.past.iter()).chain(split.future.iter());
        let (mut users, mut movies) = (HashMap::new(), HashMap::new());
        for rating in all {
            let (user, movie) = (rating.user.as_str(), rating.movie.as_str());
            assert_eq!(*users.entry(user).or_insert(user.as_ptr()), user.as_ptr(), "{user}");
            assert_eq!(*movies.entry(movie).or_insert(movie.as_ptr()), movie.as_ptr(), "{movie}");
        }
        assert_eq!((users.len(), movies.len()), (2, 2));
        assert!(!snapshot.revised.is_empty());
    }

    #[test]
    fn the_split_is_by_time_and_keeps_an_instant_together() {
        let mut fold = Fold::default();
        for (movie, seconds) in (0..).zip([1, 2, 3, 4, 4, 4, 5, 6, 7, 8]) {
            fold.apply(Offset(movie), &event(0, movie as u8, 2, seconds));
        }
        let snapshot = fold.finish();
        let (past, future) = snapshot.split(0.5);
        assert_eq!((past.len(), future.len()), (6, 4));
        assert!(past.iter().all(|rating| rating.rated_at < future[0].rated_at));
    }

    #[test]
    fn a_removal_removes_what_came_before_it_in_the_log() {
        let mut fold = Fold::default();
        fold.apply(Offset(0), &event(0, 0, 3, 99));
        fold.apply(Offset(1), &event(0, 0, 8, 10));
        fold.apply(Offset(2), &event(0, 1, 3, 9));
        let movies: Vec<_> = fold.finish().ratings().iter().map(|rating| rating.movie.to_string()).collect();
        assert_eq!(movies, ["m1"]);
    }
}
