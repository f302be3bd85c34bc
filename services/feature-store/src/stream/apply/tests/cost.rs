//! The bytes that an event reads and writes do not grow with the user's history.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A store that counts the bytes of rows that are read and written.
#[derive(Debug, Clone)]
struct CountingStore(MemoryStore, Arc<AtomicUsize>);

#[derive(Debug)]
struct CountingLease(Box<dyn Lease>, Arc<AtomicUsize>);

#[async_trait]
impl OnlineStore for CountingStore {
    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error> {
        let rows = self.0.get(keys).await?;
        self.1.fetch_add(rows.iter().flatten().map(|row| row.value.len()).sum(), Ordering::Relaxed);
        Ok(rows)
    }

    async fn marker(&self, source: Partition) -> Result<Offset, Error> {
        self.0.marker(source).await
    }

    async fn lease(&self, source: Partition) -> Result<Box<dyn Lease>, Error> {
        Ok(Box::new(CountingLease(self.0.lease(source).await?, Arc::clone(&self.1))))
    }
}

#[async_trait]
impl Lease for CountingLease {
    fn partition(&self) -> Partition {
        self.0.partition()
    }

    fn marker(&self) -> Offset {
        self.0.marker()
    }

    async fn apply(&mut self, writes: Vec<Write>, next: Offset) -> Result<usize, Error> {
        self.1.fetch_add(writes.iter().map(|write| write.value.len()).sum(), Ordering::Relaxed);
        self.0.apply(writes, next).await
    }
}

/// A rating of one of many movies by one user. Days repeat, as those of an active user do.
fn rated(movie: usize, second: usize) -> RatingEvent {
    RatingEvent::Rated(Rating {
        user: UserId::try_new("ann").expect("a user id"),
        movie: MovieId::try_new(&format!("movie-{movie}")).expect("a movie id"),
        value: (1 + movie % 5) as f64,
        rated_at: Timestamp::from_seconds(1_700_000_000 + second as i64),
    })
}

/// Returns the mean bytes of an event of a user who has rated so many movies. The events are new
/// ratings, changed ratings and removals, one in each batch.
async fn bytes_of_an_event(ratings: usize) -> usize {
    const EVENTS: usize = 256;
    let bytes = Arc::new(AtomicUsize::new(0));
    let store = CountingStore(MemoryStore::new(Faults::default()), Arc::clone(&bytes));
    let layout = Layout::of_history(500);
    let applier = Applier { store: Arc::new(store.clone()), compute: Compute::default(), layout };
    let mut lease = store.lease(SOURCE).await.expect("a lease");
    let mut next = 0;
    for first in (0..ratings).step_by(25_000) {
        let movies = first..ratings.min(first + 25_000);
        let events: Vec<_> = movies.map(|movie| (Offset(movie as u64), rated(movie, movie))).collect();
        next = first + events.len();
        let batch = Batch::new(events, Offset(next as u64));
        applier.apply(&mut *lease, no_movies(), batch).await.expect("applied");
    }
    bytes.store(0, Ordering::Relaxed);
    for n in 0..EVENTS {
        let event = match n % 4 {
            0 => rated(n * 31 % ratings, next),
            1 => {
                let RatingEvent::Rated(Rating { user, movie, rated_at, .. }) = rated(n * 17 % ratings, next) else {
                    unreachable!("it is a rating")
                };
                RatingEvent::Removed { user, movie, at: rated_at }
            }
            _ => rated(ratings + n, next),
        };
        let batch = Batch::new(vec![(Offset(next as u64), event)], Offset(next as u64 + 1));
        applier.apply(&mut *lease, no_movies(), batch).await.expect("applied");
        next += 1;
    }
    bytes.load(Ordering::Relaxed) / EVENTS
}

#[tokio::test]
async fn an_event_of_a_user_with_50_000_ratings_costs_at_most_twice_that_of_one_with_500() {
    let (few, many) = (bytes_of_an_event(500).await, bytes_of_an_event(50_000).await);
    assert!(many <= 2 * few, "{many} bytes are read and written for an event, and {few} of a user with few ratings");
}
