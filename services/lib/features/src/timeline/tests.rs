//! At every instant the rows are those of the events known by then.

use marquee_domain::Ledger;
use proptest::prelude::*;

use super::*;
use crate::testing::{self, Catalog, Event, MOVIES, SECONDS, USERS, any_event, in_log_order};

/// The stored rows of users and movies, by key.
type Packed = BTreeMap<String, Vec<u8>>;

fn packed(users: HashMap<UserId, UserRow>, movies: HashMap<MovieId, MovieRow>) -> Packed {
    let users = users.into_iter().map(|(id, row)| (id.to_string(), crate::pack(&row).to_vec()));
    let movies = movies.into_iter().map(|(id, row)| (id.to_string(), crate::pack(&row).to_vec()));
    users.chain(movies).collect()
}

/// What the stream stores after events in log order.
fn streamed<'a>(events: impl Iterator<Item = &'a TimelineEvent>) -> Packed {
    let (mut users, mut movies) = (HashMap::<UserId, UserRow>::new(), HashMap::<MovieId, MovieRow>::new());
    let catalog = Catalog::default();
    for TimelineEvent { offset, event, .. } in events {
        let mut row = users.get(event.user()).cloned().unwrap_or_default();
        let changes = row.apply(event, *offset, |movie| catalog.genres(movie));
        if !changes.is_empty() {
            users.insert(event.user().clone(), row);
        }
        for change in changes {
            movies.entry(change.movie.clone()).or_default().apply(&change);
        }
    }
    packed(users, movies)
}

/// Events in log order that were ingested at times of their own.
fn history() -> impl Strategy<Value = Vec<TimelineEvent>> {
    (in_log_order(any_event()), prop::collection::vec(0..SECONDS, 40)).prop_map(|(events, ingested)| {
        let known =
            |(Event { offset, event }, at)| TimelineEvent::new(offset, event, Some(Timestamp::from_seconds(at)));
        events.into_iter().zip(ingested).map(known).collect()
    })
}

proptest! {
    #[test]
    fn at_every_instant_the_rows_are_those_of_the_known_events(
        history in history(),
        movies in any::<bool>(),
        step in 1usize..5,
    ) {
        let mut timeline = Timeline::new(history.clone(), movies);
        let catalog = Catalog::default();
        for instant in (0..SECONDS + 2).step_by(step).map(Timestamp::from_seconds) {
            timeline.advance(instant, |movie| catalog.genres(movie));
            let expected = streamed(history.iter().filter(|event| event.known_at <= instant));
            for user in (0..USERS).map(testing::user) {
                let row = timeline.user(&user).map(|row| crate::pack(row).to_vec());
                prop_assert_eq!(row.as_ref(), expected.get(user.as_str()));
            }
            for movie in (0..MOVIES).map(testing::movie).filter(|_| movies) {
                let row = timeline.movie(&movie).map(|row| crate::pack(row).to_vec());
                prop_assert_eq!(row.as_ref(), expected.get(movie.as_str()));
            }
        }
    }

    #[test]
    fn stream_timeline_and_training_agree_at_the_end(history in history()) {
        let catalog = Catalog::default();
        let mut timeline = Timeline::new(history.clone(), true);
        timeline.advance(Timestamp::from_seconds(SECONDS), |movie| catalog.genres(movie));
        let (users, movies) = timeline.into_rows();
        // Snapshots for training fold each user's events into a plain ledger.
        let mut ledgers = HashMap::<UserId, Ledger>::new();
        for TimelineEvent { offset, event, .. } in &history {
            ledgers.entry(event.user().clone()).or_default().apply(event, *offset, |_| ());
        }
        for (user, ledger) in ledgers {
            let mut trained: Vec<_> = ledger.iter().map(|(id, entry)| (id, entry.value, entry.rated_at)).collect();
            let mut served = users.get(&user).map(|row| row.history(usize::MAX)).unwrap_or_default();
            trained.sort_by(|one, other| one.0.cmp(other.0));
            served.sort_by(|one, other| one.0.cmp(other.0));
            prop_assert_eq!(trained, served);
        }
        prop_assert_eq!(packed(users, movies), streamed(history.iter()));
    }
}

fn rated(movie: u8, seconds: i64) -> RatingEvent {
    let (user, movie) = (testing::user(0), testing::movie(movie));
    RatingEvent::Rated(marquee_domain::Rating { user, movie, value: 3.0, rated_at: Timestamp::from_seconds(seconds) })
}

fn counted(timeline: &Timeline) -> Option<u64> {
    timeline.user(&testing::user(0)).map(|row| row.summary().moments.count())
}

fn no_genres(_: &MovieId) -> &'static [String] {
    &[]
}

#[test]
fn an_event_is_known_from_the_later_of_its_times_on() {
    let (happened, ingested) = (Timestamp::from_seconds(10), Timestamp::from_seconds(20));
    let late = TimelineEvent::new(Offset(0), rated(0, 10), Some(ingested));
    let imported = TimelineEvent::new(Offset(1), rated(1, 10), None);
    assert_eq!((late.known_at, imported.known_at), (ingested, happened));
    let mut timeline = Timeline::new(vec![late, imported], false);
    timeline.advance(happened, no_genres);
    assert_eq!(counted(&timeline), Some(1));
    timeline.advance(ingested, no_genres);
    assert_eq!(counted(&timeline), Some(2));
}

#[test]
fn a_rating_that_becomes_known_after_its_removal_does_not_count() {
    let removal = RatingEvent::UserRemoved { user: testing::user(0), at: Timestamp::from_seconds(10) };
    let ahead = TimelineEvent::new(Offset(0), rated(0, 20), None);
    let removal = TimelineEvent::new(Offset(1), removal, None);
    let mut timeline = Timeline::new(vec![ahead, removal], true);
    timeline.advance(Timestamp::from_seconds(15), no_genres);
    assert_eq!(counted(&timeline), None);
    timeline.advance(Timestamp::from_seconds(30), no_genres);
    assert_eq!(counted(&timeline), Some(0));
}
