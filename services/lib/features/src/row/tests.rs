//! Rows hold the sums over the ratings that count, whatever events come.

use std::collections::HashMap;

use marquee_domain::Rating;
use proptest::prelude::*;

use super::*;
use crate::testing::{Catalog, Event, any_event, any_rating, in_log_order};

fn user_row(events: &[Event]) -> UserRow {
    let (catalog, mut row) = (Catalog::default(), UserRow::default());
    for Event { offset, event } in events {
        row.apply(event, *offset, |movie| catalog.genres(movie));
    }
    row
}

/// Returns the rows of the movies that one user's events rated.
fn movie_rows(events: &[Event]) -> HashMap<MovieId, MovieRow> {
    let (catalog, mut row, mut movies) = (Catalog::default(), UserRow::default(), HashMap::new());
    for Event { offset, event } in events {
        for change in row.apply(event, *offset, |movie| catalog.genres(movie)) {
            movies.entry(change.movie.clone()).or_insert_with(MovieRow::default).apply(&change);
        }
    }
    movies
}

fn of_user_zero(events: Vec<Event>) -> Vec<Event> {
    events.into_iter().filter(|event| event.event.user().as_str() == "u0").collect()
}

proptest! {
    #[test]
    fn a_summary_holds_the_sums_over_the_ratings_that_count(events in in_log_order(any_event())) {
        let (catalog, row) = (Catalog::default(), user_row(&of_user_zero(events)));
        let mut expected = UserSummary { event_time: row.summary.event_time, ..UserSummary::default() };
        for (movie, value, at) in row.history(usize::MAX) {
            expected.moments = expected.moments.merged(Moments::of(value));
            expected.tiles.add(at, value);
            for genre in catalog.genres(movie) {
                let moments = expected.genres.entry(genre.clone()).or_default();
                *moments = moments.merged(Moments::of(value));
            }
        }
        prop_assert_eq!(row.summary(), &expected);
    }

    #[test]
    fn a_movie_row_holds_the_sums_over_the_ratings_that_count(events in in_log_order(any_event())) {
        let events = of_user_zero(events);
        let user = user_row(&events);
        for (movie, row) in movie_rows(&events) {
            let mut expected = MovieRow { event_time: row.event_time, ..MovieRow::default() };
            for (_, value, at) in user.history(usize::MAX).into_iter().filter(|(rated, ..)| **rated == movie) {
                expected.moments = Moments::of(value);
                expected.tiles.add(at, value);
            }
            prop_assert_eq!(row, expected);
        }
    }

    #[test]
    fn merged_rows_are_the_row_of_all_users(events in in_log_order(any_event())) {
        let mut whole = HashMap::<MovieId, MovieRow>::new();
        let mut parts = Vec::new();
        for number in 0..3 {
            let user = format!("u{number}");
            let events: Vec<Event> = events.iter().filter(|e| e.event.user().as_str() == user).cloned().collect();
            let (catalog, mut row) = (Catalog::default(), UserRow::default());
            for Event { offset, event } in &events {
                for change in row.apply(event, *offset, |movie| catalog.genres(movie)) {
                    whole.entry(change.movie.clone()).or_default().apply(&change);
                }
            }
            parts.push(movie_rows(&events));
        }
        for order in [[0, 1, 2], [2, 0, 1]] {
            let mut merged = HashMap::<MovieId, MovieRow>::new();
            for part in order {
                for (movie, row) in &parts[part] {
                    merged.entry(movie.clone()).or_default().merge(row);
                }
            }
            prop_assert_eq!(&merged, &whole);
        }
    }

    #[test]
    fn repetition_changes_nothing(events in in_log_order(any_event()), again in any::<prop::sample::Index>()) {
        let events = of_user_zero(events);
        prop_assume!(!events.is_empty());
        let once = user_row(&events);
        let one = again.get(&events).clone();
        prop_assert_eq!(&user_row(&[events.clone(), vec![one]].concat()), &once);
        prop_assert_eq!(&user_row(&[events.clone(), events].concat()), &once);
    }

    #[test]
    fn the_order_of_ratings_changes_nothing(
        events in in_log_order(any_rating()),
        seed in any::<u64>(),
    ) {
        let events = of_user_zero(events);
        let mut shuffled = events.clone();
        shuffled.sort_by_key(|event| (event.offset.0 + 1).wrapping_mul(seed | 1).rotate_left(17));
        prop_assert_eq!(user_row(&shuffled), user_row(&events));
    }

    #[test]
    fn changes_lead_from_one_row_to_another(events in in_log_order(any_event()), cut in any::<prop::sample::Index>()) {
        let events = of_user_zero(events);
        let cut = cut.index(events.len() + 1);
        let (before, after) = (user_row(&events[..cut]), user_row(&events));
        let sums = |rows: HashMap<MovieId, MovieRow>| -> BTreeMap<MovieId, (Moments, Tiles)> {
            let counted = rows.into_iter().filter(|(_, row)| !row.moments.is_empty());
            counted.map(|(movie, row)| (movie, (row.moments, row.tiles))).collect()
        };
        let mut movies = movie_rows(&events[..cut]);
        for change in before.changes_to(&after) {
            movies.entry(change.movie.clone()).or_default().apply(&change);
        }
        prop_assert_eq!(sums(movies), sums(movie_rows(&events)));
    }
}

fn rated(movie: &str, value: f64, seconds: i64) -> RatingEvent {
    RatingEvent::Rated(Rating {
        user: UserId::try_new("u").expect("valid"),
        movie: movie_id(movie),
        value,
        rated_at: Timestamp::from_seconds(seconds),
    })
}

fn movie_id(id: &str) -> MovieId {
    MovieId::try_new(id).expect("valid")
}

fn no_genres(_: &MovieId) -> &'static [String] {
    &[]
}

#[test]
fn a_later_rating_of_a_movie_replaces_the_earlier_one_and_its_genres() {
    let (drama, comedy) = (["Drama".to_owned()], ["Comedy".to_owned()]);
    let mut row = UserRow::default();
    row.apply(&rated("m", 2.0, 10), Offset(0), |_| &drama);
    let changes = row.apply(&rated("m", 5.0, 20), Offset(1), |_| &comedy);
    assert_eq!(changes[0].old, Some((Timestamp::from_seconds(10), 2.0)));
    assert_eq!((row.summary.moments.count(), row.summary.moments.mean()), (1, 5.0));
    assert_eq!(row.summary.genres.keys().collect::<Vec<_>>(), ["Comedy"]);
}

#[test]
fn an_older_rating_that_comes_late_changes_the_event_time_alone() {
    let mut row = UserRow::default();
    row.apply(&rated("m", 5.0, 20), Offset(0), no_genres);
    let changes = row.apply(&rated("m", 2.0, 10), Offset(1), no_genres);
    let event_time = Some(Timestamp::from_seconds(10));
    assert_eq!(changes, [Change { movie: movie_id("m"), old: None, new: None, event_time }]);
    assert_eq!(row.history(10), [(&movie_id("m"), 5.0, Timestamp::from_seconds(20))]);
}

#[test]
fn a_removal_without_a_rating_changes_nothing() {
    let user = UserId::try_new("u").expect("valid");
    let at = Timestamp::from_seconds(99);
    let mut row = UserRow::default();
    row.apply(&rated("m", 5.0, 20), Offset(0), no_genres);
    let before = row.clone();
    let removal = RatingEvent::Removed { user: user.clone(), movie: movie_id("never-rated"), at };
    assert!(row.apply(&removal, Offset(1), no_genres).is_empty());
    assert_eq!(row, before);
    let mut row = UserRow::default();
    assert!(row.apply(&RatingEvent::UserRemoved { user, at }, Offset(0), no_genres).is_empty());
    assert_eq!(row, UserRow::default());
}

#[test]
fn history_holds_the_newest_ratings_oldest_first() {
    let mut row = UserRow::default();
    for (offset, seconds) in (0..).map(Offset).zip([30, 10, 20]) {
        row.apply(&rated(&format!("m{seconds}"), 3.0, seconds), offset, no_genres);
    }
    let ids: Vec<_> = row.history(2).into_iter().map(|(movie, ..)| movie.as_str().to_owned()).collect();
    assert_eq!(ids, ["m20", "m30"]);
}
