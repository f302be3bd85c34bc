//! Events for the property tests of this crate.

use marquee_domain::{MovieId, Offset, Rating, RatingEvent, Timestamp, UserId};
use proptest::prelude::*;

/// Three users, four movies, twelve seconds: few enough that events meet.
pub(crate) const USERS: u8 = 3;
pub(crate) const MOVIES: u8 = 4;
pub(crate) const SECONDS: i64 = 12;

/// An event at its offset.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) offset: Offset,
    pub(crate) event: RatingEvent,
}

/// A catalog in which all movies but one have the same genre.
pub(crate) struct Catalog([String; 1]);

impl Default for Catalog {
    fn default() -> Self {
        Self(["Drama".to_owned()])
    }
}

impl Catalog {
    pub(crate) fn genres(&self, movie: &MovieId) -> &[String] {
        if movie.as_str() == "m0" { &[] } else { &self.0 }
    }
}

pub(crate) fn user(number: u8) -> UserId {
    UserId::try_new(&format!("u{number}")).expect("valid")
}

pub(crate) fn movie(number: u8) -> MovieId {
    MovieId::try_new(&format!("m{number}")).expect("valid")
}

pub(crate) fn any_rating() -> BoxedStrategy<RatingEvent> {
    let rating = |(who, what, value, at): (u8, u8, u8, i64)| {
        let rated_at = Timestamp::from_seconds(at);
        RatingEvent::Rated(Rating { user: user(who), movie: movie(what), value: f64::from(value), rated_at })
    };
    (0..USERS, 0..MOVIES, 1u8..=5, 0..SECONDS).prop_map(rating).boxed()
}

/// Ratings, and about one removal in four events.
pub(crate) fn any_event() -> BoxedStrategy<RatingEvent> {
    let removal = |(who, what, at): (u8, u8, i64)| RatingEvent::Removed {
        user: user(who),
        movie: movie(what),
        at: Timestamp::from_seconds(at),
    };
    let user_removal =
        |(who, at): (u8, i64)| RatingEvent::UserRemoved { user: user(who), at: Timestamp::from_seconds(at) };
    prop_oneof![
        8 => any_rating(),
        2 => (0..USERS, 0..MOVIES, 0..SECONDS).prop_map(removal),
        1 => (0..USERS, 0..SECONDS).prop_map(user_removal),
    ]
    .boxed()
}

/// Up to 40 events at rising offsets.
pub(crate) fn in_log_order(event: BoxedStrategy<RatingEvent>) -> impl Strategy<Value = Vec<Event>> {
    let number = |events: Vec<RatingEvent>| -> Vec<Event> {
        (0..).map(Offset).zip(events).map(|(offset, event)| Event { offset, event }).collect()
    };
    prop::collection::vec(event, 0..40).prop_map(number)
}
