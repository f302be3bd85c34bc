//! Events in the order in which they became known, for features as they were at instants.
//!
//! An event is known from the later of two times on: when it happened, and when it was taken in. A feature as of an instant rests on the events
//! known by then and on no others, so that nothing leaks from later into a training row. Where history was taken in long after it happened, the
//! second time says nothing: it may be left out.

use std::collections::HashMap;

use marquee_domain::{MovieId, RatingEvent, Timestamp, UserId};

use crate::{MovieRow, UserRow};

/// An event of one partition.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// When it became known.
    pub at: Timestamp,
    /// Its position in the partition.
    pub offset: u64,
    /// What happened.
    pub event: RatingEvent,
}

impl Known {
    /// An event that was taken in at a time; none says that this does not matter.
    pub fn new(offset: u64, event: RatingEvent, ingested_at: Option<Timestamp>) -> Self {
        Self { at: ingested_at.map_or(event.at(), |ingested| event.at().max(ingested)), offset, event }
    }
}

/// One partition's rows as time goes by.
#[derive(Debug, Default)]
pub struct Timeline {
    events: std::vec::IntoIter<Known>,
    users: HashMap<UserId, UserRow>,
    /// None where movies are not asked for.
    movies: Option<HashMap<MovieId, MovieRow>>,
}

impl Timeline {
    /// Of a partition's events, in any order. Movies are followed only where they are asked for: they need every user's events.
    pub fn new(mut events: Vec<Known>, movies: bool) -> Self {
        events.sort_by_key(|known| (known.at, known.offset));
        Self { events: events.into_iter(), users: HashMap::new(), movies: movies.then(HashMap::new) }
    }

    /// Applies what was known by a time; times may only rise.
    pub fn advance<'g>(&mut self, to: Timestamp, genres: impl Fn(&MovieId) -> &'g [String]) {
        while self.events.as_slice().first().is_some_and(|known| known.at <= to) {
            let Some(known) = self.events.next() else { return };
            let row = self.users.entry(known.event.user().clone()).or_default();
            let changes = row.apply(&known.event, known.offset, &genres);
            let Some(movies) = &mut self.movies else { continue };
            for change in changes {
                movies.entry(change.movie.clone()).or_default().follow(&change);
            }
        }
    }

    /// A user's row by now.
    pub fn user(&self, user: &UserId) -> Option<&UserRow> {
        self.users.get(user)
    }

    /// What this partition's users gave a movie by now.
    pub fn movie(&self, movie: &MovieId) -> Option<&MovieRow> {
        self.movies.as_ref()?.get(movie)
    }

    /// Every user's row and every movie's part by now.
    pub fn into_rows(self) -> (HashMap<UserId, UserRow>, HashMap<MovieId, MovieRow>) {
        (self.users, self.movies.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::Rating;
    use proptest::prelude::*;

    use super::*;
    use crate::row;

    fn event(user: u8, movie: u8, kind: u8, seconds: i64) -> RatingEvent {
        let user = UserId::try_new(&format!("u{user}")).expect("valid");
        let movie = MovieId::try_new(&format!("m{movie}")).expect("valid");
        let at = Timestamp::from_seconds(seconds);
        match kind {
            0..=7 => RatingEvent::Rated(Rating { user, movie, value: f64::from(kind % 5 + 1), rated_at: at }),
            8 => RatingEvent::Removed { user, movie, at },
            _ => RatingEvent::UserRemoved { user, at },
        }
    }

    fn no_genres(_: &MovieId) -> &'static [String] {
        &[]
    }

    /// A catalogue in which all movies but one are of one genre.
    struct Catalogue([String; 1]);

    impl Catalogue {
        fn new() -> Self {
            Self(["Drama".to_owned()])
        }

        fn genres(&self, movie: &MovieId) -> &[String] {
            if movie.as_str() == "m0" { &[] } else { &self.0 }
        }
    }

    /// Users' and movies' rows after events in the order given, packed: equal bytes are equal features.
    fn rows(events: &[Known]) -> Vec<(String, Vec<u8>)> {
        let (mut users, mut movies) = (HashMap::<UserId, UserRow>::new(), HashMap::<MovieId, MovieRow>::new());
        let catalogue = Catalogue::new();
        for known in events {
            let row = users.entry(known.event.user().clone()).or_default();
            for change in row.apply(&known.event, known.offset, |movie| catalogue.genres(movie)) {
                movies.entry(change.movie.clone()).or_default().follow(&change);
            }
        }
        packed(users, movies)
    }

    fn packed(users: HashMap<UserId, UserRow>, movies: HashMap<MovieId, MovieRow>) -> Vec<(String, Vec<u8>)> {
        let users = users.into_iter().map(|(id, row)| (id.as_str().to_owned(), row::pack(&row).to_vec()));
        let movies = movies.into_iter().map(|(id, row)| (id.as_str().to_owned(), row::pack(&row).to_vec()));
        let mut all: Vec<_> = users.chain(movies).collect();
        all.sort();
        all
    }

    prop_compose! {
        /// Events at offsets that rise, taken in at times of their own.
        fn history()(drawn in prop::collection::vec((0u8..3, 0u8..4, 0u8..10, 0i64..12, 0i64..12), 0..40)) -> Vec<Known> {
            let known = |(offset, (user, movie, kind, at, ingested)): (usize, (u8, u8, u8, i64, i64))| {
                let ingested = Some(Timestamp::from_seconds(ingested));
                Known::new(offset as u64, event(user, movie, kind, at), ingested)
            };
            drawn.into_iter().enumerate().map(known).collect()
        }
    }

    proptest! {
        #[test]
        fn neither_order_nor_repetition_changes_a_row(history in history(), seed in any::<u64>()) {
            let expected = rows(&history);
            let mut shuffled = [history.clone(), history.clone()].concat();
            shuffled.sort_by_key(|known| (known.offset.wrapping_add(1)).wrapping_mul(seed | 1).rotate_left(17));
            prop_assert_eq!(&rows(&shuffled), &expected);
            prop_assert_eq!(&rows(&[history.clone(), history].concat()), &expected);
        }

        #[test]
        fn at_every_instant_a_timeline_has_what_was_known_by_then_and_nothing_else(history in history(), movies in any::<bool>()) {
            let mut timeline = Timeline::new(history.clone(), movies);
            let catalogue = Catalogue::new();
            for instant in (0..14).map(Timestamp::from_seconds) {
                timeline.advance(instant, |movie| catalogue.genres(movie));
                let known: Vec<Known> = history.iter().filter(|known| known.at <= instant).cloned().collect();
                let expected: HashMap<String, Vec<u8>> = rows(&known).into_iter().collect();
                for user in (0..3).map(|n| UserId::try_new(&format!("u{n}")).expect("valid")) {
                    let row = timeline.user(&user).map(|row| row::pack(row).to_vec());
                    prop_assert_eq!(row.as_ref(), expected.get(user.as_str()));
                }
                for movie in (0..4).map(|n| MovieId::try_new(&format!("m{n}")).expect("valid")).filter(|_| movies) {
                    let row = timeline.movie(&movie).map(|row| row::pack(row).to_vec());
                    prop_assert_eq!(row.as_ref(), expected.get(movie.as_str()));
                }
            }
        }
    }

    #[test]
    fn an_event_is_known_from_the_later_of_its_times_on() {
        let (happened, taken_in) = (Timestamp::from_seconds(10), Timestamp::from_seconds(20));
        let late = Known::new(0, event(0, 0, 3, 10), Some(taken_in));
        let imported = Known::new(1, event(0, 1, 3, 10), None);
        assert_eq!((late.at, imported.at), (taken_in, happened));
        let mut timeline = Timeline::new(vec![late, imported], false);
        let user = UserId::try_new("u0").expect("valid");
        timeline.advance(happened, no_genres);
        assert_eq!(timeline.user(&user).map(|row| row.summary().moments.count()), Some(1));
        timeline.advance(taken_in, no_genres);
        assert_eq!(timeline.user(&user).map(|row| row.summary().moments.count()), Some(2));
    }
}
