//! The movie catalog: the newest record of each key of the movies topic.
//!
//! The topic is compacted, so all of it is read once and then only what is new. A record without a
//! value is a tombstone and removes its movie.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use marquee_domain::{Movie, MovieId, Offset, Partition};
use marquee_ports::{Error, RatingLog, Record, Topic};
use marquee_proto::record;
use tokio::sync::Mutex;

use crate::{content_type, scan};

/// The number of movies that are decoded before other tasks run.
const DECODED_AT_ONCE: usize = 256;

/// The movies topic as this process has read it.
#[derive(Debug)]
pub struct MovieCatalog {
    log: Arc<dyn RatingLog>,
    movies: RwLock<Movies>,
    /// The next offset to read of each partition. One caller at a time reads.
    next: Mutex<BTreeMap<Partition, Offset>>,
}

/// The movies at one moment, by id. Clones are cheap and do not change.
#[derive(Debug, Clone, Default)]
pub struct Movies(Arc<BTreeMap<MovieId, Movie>>);

impl MovieCatalog {
    /// Returns an empty catalog; [`Self::catch_up`] fills it.
    pub fn new(log: Arc<dyn RatingLog>) -> Self {
        Self { log, movies: RwLock::default(), next: Mutex::default() }
    }

    /// Returns the movies as far as the topic was read.
    pub fn movies(&self) -> Movies {
        self.movies.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the topic up to its end at the time of the call and returns the movies.
    pub async fn catch_up(&self) -> Result<Movies, Error> {
        let mut next = self.next.lock().await;
        for (partition, end) in self.ends(&mut next).await? {
            let next = next.entry(partition).or_insert(Offset(0));
            let mut pages = scan(&*self.log, Topic::MOVIES, partition, *next..end);
            while let Some(page) = pages.next_page().await? {
                let last = page.last().map(|record| record.position.offset.next());
                self.apply(decode(&page).await);
                *next = last.unwrap_or(*next);
            }
            *next = end.max(*next);
        }
        drop(next);
        Ok(self.movies())
    }

    /// Returns the end of each partition. The first call also asks for the beginnings. Later calls
    /// do not, because ratings wait for this answer.
    async fn ends(&self, next: &mut BTreeMap<Partition, Offset>) -> Result<BTreeMap<Partition, Offset>, Error> {
        if !next.is_empty() {
            return self.log.ends(Topic::MOVIES).await;
        }
        let bounds = self.log.bounds(Topic::MOVIES).await?;
        next.extend(bounds.iter().map(|bounds| (bounds.partition, bounds.begin)));
        Ok(bounds.iter().map(|bounds| (bounds.partition, bounds.end)).collect())
    }

    /// Returns the movies, after catching up if one of these ids is unknown. So a movie that
    /// another process added is known as soon as somebody rates it, and known movies cost nothing.
    pub async fn movies_with<'a>(&self, ids: impl IntoIterator<Item = &'a MovieId>) -> Result<Movies, Error> {
        let movies = self.movies();
        if ids.into_iter().all(|id| movies.get(id).is_some()) { Ok(movies) } else { self.catch_up().await }
    }

    /// Applies the changes of a page at once. They are decoded before, so readers wait for the map
    /// only.
    fn apply(&self, changes: Vec<Change>) {
        let mut movies = self.movies.write().unwrap_or_else(PoisonError::into_inner);
        let movies = Arc::make_mut(&mut movies.0);
        for change in changes {
            match change {
                Change::Put(movie) => drop(movies.insert(movie.id.clone(), movie)),
                Change::Remove(id) => drop(movies.remove(&id)),
            }
        }
    }
}

/// Decodes a page. It takes milliseconds, so other tasks run in between. A record that does not
/// decode is left out with a warning.
async fn decode(page: &[Record]) -> Vec<Change> {
    let mut changes = Vec::with_capacity(page.len());
    for (number, records) in page.chunks(DECODED_AT_ONCE).enumerate() {
        if number > 0 {
            tokio::task::yield_now().await;
        }
        for stored in records {
            match change(stored) {
                Ok(change) => changes.push(change),
                Err(error) => {
                    tracing::warn!(position = %stored.position, %error, "skipped a record of the movies topic");
                }
            }
        }
    }
    changes
}

/// What a record of the topic does to the catalog.
enum Change {
    Put(Movie),
    Remove(MovieId),
}

fn change(stored: &Record) -> Result<Change, Box<dyn std::error::Error>> {
    if !stored.value.is_empty() {
        return Ok(Change::Put(record::decode_movie(content_type(stored), &stored.value)?));
    }
    let key = stored.key.as_deref().unwrap_or_default();
    Ok(Change::Remove(MovieId::try_new(std::str::from_utf8(key)?)?))
}

impl Movies {
    /// Returns a movie.
    pub fn get(&self, id: &MovieId) -> Option<&Movie> {
        self.0.get(id)
    }

    /// Returns the genres of a movie; empty if the catalog lacks the movie.
    pub fn genres(&self, id: &MovieId) -> &[String] {
        self.get(id).map_or(&[], |movie| &movie.genres)
    }

    /// Returns the movies in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Movie> {
        self.0.values()
    }

    /// Returns the movies whose id is greater than a text, in the order of their ids.
    pub fn after(&self, id: &str) -> impl Iterator<Item = &Movie> {
        self.0.range::<str, _>((Bound::Excluded(id), Bound::Unbounded)).map(|(_, movie)| movie)
    }
}

impl FromIterator<Movie> for Movies {
    fn from_iter<I: IntoIterator<Item = Movie>>(movies: I) -> Self {
        Self(Arc::new(movies.into_iter().map(|movie| (movie.id.clone(), movie)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use marquee_domain::Timestamp;
    use marquee_ports::memory::{Fault, MemoryLog, Step};
    use marquee_ports::{ErrorKind, NewRecord};

    use super::*;

    fn id(text: &str) -> MovieId {
        MovieId::try_new(text).unwrap()
    }

    async fn append(log: &MemoryLog, key: &str, value: Bytes) {
        let key = Some(Bytes::copy_from_slice(key.as_bytes()));
        let headers = vec![(record::CONTENT_TYPE.to_owned(), Bytes::from_static(record::PROTOBUF.as_bytes()))];
        let record = NewRecord { key, value, headers, timestamp: Timestamp::from_seconds(1) };
        log.append(Topic::MOVIES, vec![record]).await.unwrap();
    }

    async fn put(log: &MemoryLog, key: &str, genre: &str) {
        let movie = Movie::try_new(id(key), key, None, vec![genre.to_owned()]).unwrap();
        append(log, key, record::encode_movie(&movie)).await;
    }

    fn catalog(log: &MemoryLog) -> MovieCatalog {
        MovieCatalog::new(Arc::new(log.clone()))
    }

    #[tokio::test]
    async fn the_newest_record_of_a_movie_counts_and_a_tombstone_removes_it() {
        let log = MemoryLog::new(3);
        let catalog = catalog(&log);
        for key in ["a", "b", "c"] {
            put(&log, key, "Drama").await;
        }
        put(&log, "a", "Comedy").await;
        append(&log, "b", Bytes::new()).await;
        append(&log, "c", Bytes::from_static(b"no movie")).await;
        let before = catalog.catch_up().await.unwrap();
        let keys = |movies: &Movies, after: &str| {
            movies.after(after).map(|movie| movie.id.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(keys(&before, ""), ["a", "c"]);
        assert_eq!(keys(&before, "a"), ["c"]);
        assert_eq!(before.genres(&id("a")), ["Comedy"]);
        assert_eq!((before.genres(&id("c")), before.genres(&id("b"))), (&["Drama".to_owned()][..], &[][..]));
        append(&log, "a", Bytes::new()).await;
        assert_eq!(keys(&catalog.catch_up().await.unwrap(), ""), ["c"]);
        assert_eq!(before.iter().count(), 2, "a snapshot does not change");
    }

    #[tokio::test]
    async fn only_an_unknown_movie_makes_it_read() {
        let log = MemoryLog::new(1);
        let catalog = catalog(&log);
        put(&log, "a", "Drama").await;
        assert!(catalog.movies_with([&id("a")]).await.unwrap().get(&id("a")).is_some());
        let calls = log.faults().calls().len();
        assert!(catalog.movies_with([&id("a")]).await.unwrap().get(&id("a")).is_some());
        assert_eq!(log.faults().calls().len(), calls);
        assert!(catalog.movies_with([&id("b")]).await.unwrap().get(&id("b")).is_none());
        assert!(log.faults().calls().len() > calls);
    }

    #[tokio::test]
    async fn only_the_first_read_asks_for_the_beginnings() {
        let log = MemoryLog::new(1);
        let catalog = catalog(&log);
        for key in ["a", "b", "c"] {
            put(&log, key, "Drama").await;
            assert!(catalog.catch_up().await.unwrap().get(&id(key)).is_some());
        }
        let calls = log.faults().calls();
        let count = |method: &str| calls.iter().filter(|call| **call == method).count();
        assert_eq!((count("bounds"), count("ends")), (1, 2));
    }

    #[tokio::test]
    async fn other_tasks_run_while_a_page_is_decoded() {
        let log = MemoryLog::new(1);
        for number in 0..4 * DECODED_AT_ONCE {
            put(&log, &format!("m{number}"), "Drama").await;
        }
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            while counted.fetch_add(1, Ordering::Relaxed) < usize::MAX {
                tokio::task::yield_now().await;
            }
        });
        let movies = catalog(&log).catch_up().await.unwrap();
        other.abort();
        assert_eq!(movies.iter().count(), 4 * DECODED_AT_ONCE);
        let turns = turns.load(Ordering::Relaxed);
        assert!(turns >= 3, "another task ran {turns} times");
    }

    #[tokio::test]
    async fn it_reads_on_after_a_failure_and_past_gaps() {
        let log = MemoryLog::new(1);
        let catalog = catalog(&log);
        put(&log, "a", "Drama").await;
        log.append_control_record(Topic::MOVIES, Partition(0));
        log.faults().add(Step::on("read", 1, Fault::Fail(ErrorKind::Unavailable)));
        assert!(catalog.catch_up().await.is_err());
        assert_eq!(catalog.catch_up().await.unwrap().iter().count(), 1);
        let reads = |log: &MemoryLog| log.faults().calls().iter().filter(|call| **call == "read").count();
        let before = reads(&log);
        catalog.catch_up().await.unwrap();
        assert_eq!(reads(&log), before, "the gap is read once");
    }
}
