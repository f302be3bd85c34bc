//! Applies a small log over a store that loses its newest writes between any two calls, while
//! others read the markers: the rows are those of a run without faults. Users have one row, or the
//! ratings of each are in chunks.

mod cost;

use std::future::{Ready, ready};
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use marquee_domain::{Rating, Timestamp};
use marquee_features::{UserRow, unpack};
use marquee_ports::ErrorKind;
use marquee_ports::memory::{Fault, Faults, MemoryStore, Step};

use super::*;

const SOURCE: Partition = Partition(0);

/// The number of events of a batch.
const BATCH: usize = 4;

/// Splits a user's ratings as soon as there are two, and soon writes what is pending.
const SMALL: Layout = Layout { whole: 1, pending: 2, chunk: 1, newest: 2 };

fn layouts() -> [Layout; 2] {
    [Layout::of_history(500), SMALL]
}

/// A store whose markers are read before and after each call, as `features check` reads them.
#[derive(Debug, Clone)]
struct WatchedStore(MemoryStore);

#[derive(Debug)]
struct WatchedLease(WatchedStore, Box<dyn Lease>);

impl WatchedStore {
    async fn read_marker(&self) {
        // The reader gets the injected fault if it is at this call. The reader ignores it.
        let _ = self.0.marker(SOURCE).await;
    }
}

#[async_trait]
impl OnlineStore for WatchedStore {
    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error> {
        self.read_marker().await;
        self.0.get(keys).await
    }

    async fn marker(&self, source: Partition) -> Result<Offset, Error> {
        self.0.marker(source).await
    }

    async fn lease(&self, source: Partition) -> Result<Box<dyn Lease>, Error> {
        self.read_marker().await;
        Ok(Box::new(WatchedLease(self.clone(), self.0.lease(source).await?)))
    }
}

#[async_trait]
impl Lease for WatchedLease {
    fn partition(&self) -> Partition {
        self.1.partition()
    }

    fn marker(&self) -> Offset {
        self.1.marker()
    }

    async fn apply(&mut self, writes: Vec<Write>, next: Offset) -> Result<usize, Error> {
        self.0.read_marker().await;
        let applied = self.1.apply(writes, next).await;
        self.0.read_marker().await;
        applied
    }
}

/// Ratings, changed ratings, removals and a removed user.
fn events() -> Vec<RatingEvent> {
    let user = |n: usize| UserId::try_new(&format!("user-{n}")).expect("a user id");
    let movie = |n: usize| MovieId::try_new(&format!("movie-{n}")).expect("a movie id");
    let event = |n: usize| {
        let at = Timestamp::from_seconds(1_700_000_000 + n as i64);
        match n {
            13 | 19 => RatingEvent::Removed { user: user(n % 3), movie: movie(n / 3 % 4), at },
            14 => RatingEvent::UserRemoved { user: user(n % 3), at },
            _ => {
                let value = (1 + n % 5) as f64;
                RatingEvent::Rated(Rating { user: user(n % 3), movie: movie(n / 3 % 4), value, rated_at: at })
            }
        }
    };
    (0..22).map(event).collect()
}

/// An empty catalog.
fn no_movies() -> Ready<Result<Movies, Error>> {
    ready(Ok(Movies::default()))
}

/// Applies the log from the marker on with one lease, as the consumer does between two errors.
async fn apply_log(store: &WatchedStore, layout: Layout, log: &[RatingEvent]) -> Result<(), Error> {
    let applier = Applier { store: Arc::new(store.clone()), compute: Compute::default(), layout };
    let mut lease = store.lease(SOURCE).await?;
    while (lease.marker().0 as usize) < log.len() {
        let from = lease.marker().0 as usize;
        let to = (from + BATCH).min(log.len());
        let events = (from..to).map(|at| (Offset(at as u64), log[at].clone())).collect();
        applier.apply(&mut *lease, no_movies(), Batch::new(events, Offset(to as u64))).await?;
    }
    Ok(())
}

/// All rows, and the marker.
type State = (BTreeMap<(Partition, Bytes), Row>, Offset);

/// Applies the log with these faults, with a new lease after each error. Returns the state, the
/// calls, and how many changes the store contains.
async fn run(layout: Layout, faults: impl IntoIterator<Item = Step>) -> (State, Vec<&'static str>, usize) {
    let faults = Faults::script(faults);
    let store = MemoryStore::new(faults.clone());
    let watched = WatchedStore(store.clone());
    let log = events();
    let mut errors = 0;
    while let Err(error) = apply_log(&watched, layout, &log).await {
        assert!(error.is_retryable(), "{error}");
        errors += 1;
        assert!(errors < 5, "there are at most three faults: {error}");
    }
    let (rows, calls, changes) = (store.rows(), faults.calls(), store.changes());
    ((rows, store.marker(SOURCE).await.expect("a marker")), calls, changes)
}

/// Returns the state after a run without faults, the number of its last apply, and its changes. A
/// loss after the last apply is found by the apply of the next event.
async fn undisturbed(layout: Layout) -> (State, usize, usize) {
    let (state, calls, changes) = run(layout, []).await;
    let last = calls.iter().rposition(|call| *call == "apply").expect("an apply") + 1;
    let rows = state.0.keys().filter(|(_, key)| !key.starts_with(b"c/")).count();
    assert_eq!((rows, state.1), (7, Offset(events().len() as u64)), "3 users and 4 movies");
    assert_eq!(state.0.len() > rows, layout.whole == SMALL.whole, "only split users have chunks");
    (state, last, changes)
}

#[tokio::test]
async fn a_tail_that_is_lost_between_any_two_calls_is_applied_again() {
    for layout in layouts() {
        let (expected, last, changes) = undisturbed(layout).await;
        for cut in 1..=last {
            for lost in (1..=changes).step_by(3) {
                let (after, _, _) = run(layout, [Step::at(cut, Fault::LoseTail(lost))]).await;
                assert_eq!(after, expected, "{layout:?}: {lost} changes are lost before call {cut}");
            }
        }
    }
}

/// The batch is then written in part: some movie rows, or all rows without the marker.
#[tokio::test]
async fn a_batch_that_is_written_in_part_is_completed() {
    for layout in layouts() {
        let (expected, last, _) = undisturbed(layout).await;
        for cut in 1..=last {
            for lost in [1, 2, 3, 4, 5, 6, 8, 12, 16] {
                let unanswered = Step::at(cut, Fault::FailAfter(ErrorKind::Unavailable));
                let (after, _, _) = run(layout, [unanswered, Step::at(cut + 1, Fault::LoseTail(lost))]).await;
                assert_eq!(after, expected, "{layout:?}: call {cut} is not answered, then {lost} changes are lost");
            }
        }
    }
}

/// The replay has read rows of the part that was written, and then the part is lost. The marker
/// does not show that, since the batch had not moved it. The lease does.
#[tokio::test]
async fn a_part_of_a_batch_that_is_lost_while_it_is_completed_is_applied_again() {
    for layout in layouts() {
        compare_parts(layout).await;
    }
}

async fn compare_parts(layout: Layout) {
    let (expected, last, _) = undisturbed(layout).await;
    let mut compared = 0;
    for (cut, later) in (1..=last).flat_map(|cut| (2..14).map(move |later| (cut, cut + later))) {
        for lost in [1, 3] {
            let unanswered = Step::at(cut, Fault::FailAfter(ErrorKind::Unavailable));
            let marker_lost = Step::at(cut + 1, Fault::LoseTail(1));
            let (after, calls, _) =
                run(layout, [unanswered, marker_lost, Step::at(later, Fault::LoseTail(lost))]).await;
            if calls.len() >= later && calls[later - 1..].contains(&"apply") {
                assert_eq!(after, expected, "call {cut} is written in part, then {lost} changes are lost at {later}");
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "{compared} runs");
}

#[tokio::test]
async fn a_call_that_fails_is_made_again() {
    for layout in layouts() {
        let (expected, last, _) = undisturbed(layout).await;
        for cut in 1..=last {
            let (after, _, _) = run(layout, [Step::at(cut, Fault::Fail(ErrorKind::Unavailable))]).await;
            assert_eq!(after, expected, "{layout:?}: call {cut} fails");
        }
    }
}

#[tokio::test]
async fn a_user_whose_ratings_are_in_chunks_is_served_as_another_user_is() {
    let [(whole, ..), (split, ..)] = [undisturbed(layouts()[0]).await, undisturbed(SMALL).await];
    let served = |state: &State, user: usize| -> (UserRow, Offset) {
        let row = &state.0[&(SOURCE, Bytes::from(format!("u/user-{user}")))];
        (unpack(&row.value).expect("unpacks"), row.applied)
    };
    for user in 0..3 {
        let ((one, one_applied), (other, other_applied)) = (served(&whole, user), served(&split, user));
        assert_eq!((one.summary(), one_applied), (other.summary(), other_applied));
        assert_eq!(one.history(SMALL.newest), other.history(SMALL.newest));
    }
}

#[tokio::test]
async fn a_removal_that_changes_nothing_writes_no_row() {
    let rated = |movie: &str| {
        let (user, movie) = (UserId::try_new("ann").expect("a user id"), MovieId::try_new(movie).expect("a movie id"));
        RatingEvent::Rated(Rating { user, movie, value: 4.0, rated_at: Timestamp::from_seconds(2_000) })
    };
    let removed = |user: &str, movie: Option<&str>| {
        let (user, at) = (UserId::try_new(user).expect("a user id"), Timestamp::from_seconds(3_000));
        match movie.map(|movie| MovieId::try_new(movie).expect("a movie id")) {
            Some(movie) => RatingEvent::Removed { user, movie, at },
            None => RatingEvent::UserRemoved { user, at },
        }
    };
    for layout in layouts() {
        let store = MemoryStore::new(Faults::default());
        let applier = Applier { store: Arc::new(store.clone()), compute: Compute::default(), layout };
        let mut lease = store.lease(SOURCE).await.expect("a lease");
        let mut next = 0;
        // Applies an event and returns how many rows were written. The marker always moves.
        let mut rows_written = async |event| {
            let before = store.changes();
            let batch = Batch::new(vec![(Offset(next), event)], Offset(next + 1));
            applier.apply(&mut *lease, no_movies(), batch).await.expect("applied");
            next += 1;
            assert_eq!(store.marker(SOURCE).await.expect("a marker"), Offset(next));
            store.changes() - before - 1
        };
        for movie in ["one", "two", "three"] {
            assert!(rows_written(rated(movie)).await >= 2, "a row of the user and one of the movie");
        }
        for event in [removed("ann", Some("four")), removed("bob", Some("one")), removed("bob", None)] {
            assert_eq!(rows_written(event.clone()).await, 0, "{event:?} with {layout:?}");
        }
        assert!(rows_written(removed("ann", Some("one"))).await >= 2);
    }
}

#[tokio::test]
async fn a_small_batch_does_not_wait_for_the_compute_pool() {
    let store = MemoryStore::new(Faults::default());
    let compute = Compute::new(NonZeroUsize::MIN);
    let (release, released) = mpsc::channel::<()>();
    let pool = compute.clone();
    let busy = tokio::spawn(async move { pool.run(move || released.recv()).await });
    // The other job has the only place in the pool.
    tokio::task::yield_now().await;
    let applier = Applier { store: Arc::new(store.clone()), compute, layout: Layout::of_history(500) };
    let mut lease = store.lease(SOURCE).await.expect("a lease");
    let events = (0..).map(Offset).zip(events()).take(BATCH).collect();
    let batch = Batch::new(events, Offset(BATCH as u64));
    let applied = applier.apply(&mut *lease, no_movies(), batch);
    tokio::time::timeout(Duration::from_secs(60), applied).await.expect("it does not wait").expect("applied");
    assert_eq!(store.marker(SOURCE).await.expect("a marker"), Offset(BATCH as u64));
    drop(release);
    busy.await.expect("the other job ends").expect_err("nothing was sent");
}
