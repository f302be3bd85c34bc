//! This instance's view of the movie catalogue: the newest record of each key of the movies topic.
//!
//! It catches up when it is asked for a movie that it lacks, so that a movie added through another instance is known the moment somebody rates it,
//! without a task that polls.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use marquee_domain::{Movie, MovieId, Offset, Partition, Position};
use marquee_ports::{Error, RatingLog, Topic};
use marquee_proto::record;
use tokio::sync::Mutex;

/// Records read from the log at once.
const PAGE: usize = 4_096;

/// The catalogue as this instance knows it.
#[derive(Debug)]
pub(crate) struct Catalogue {
    log: Arc<dyn RatingLog>,
    movies: RwLock<BTreeMap<MovieId, Movie>>,
    /// What was read, by partition. Its lock makes catching up one reader's work.
    read: Mutex<BTreeMap<Partition, Offset>>,
}

impl Catalogue {
    pub(crate) fn new(log: Arc<dyn RatingLog>) -> Self {
        Self { log, movies: RwLock::default(), read: Mutex::default() }
    }

    /// Whether the catalogue holds a movie, as far as it was read.
    pub(crate) fn holds(&self, movie: &MovieId) -> bool {
        self.movies.read().unwrap_or_else(PoisonError::into_inner).contains_key(movie)
    }

    /// A page of movies after an id, in id order.
    pub(crate) fn page(&self, after: &str, limit: usize) -> Vec<Movie> {
        use std::ops::Bound;
        let movies = self.movies.read().unwrap_or_else(PoisonError::into_inner);
        movies
            .range::<str, _>((Bound::Excluded(after), Bound::Unbounded))
            .take(limit)
            .map(|(_, movie)| movie.clone())
            .collect()
    }

    /// Adds what this instance itself wrote.
    pub(crate) fn add(&self, movies: Vec<Movie>) {
        let mut known = self.movies.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(movies.into_iter().map(|movie| (movie.id.clone(), movie)));
    }

    /// Reads what others wrote since.
    pub(crate) async fn catch_up(&self) -> Result<(), Error> {
        let mut read = self.read.lock().await;
        for bounds in self.log.bounds(Topic::MOVIES).await? {
            let next = read.entry(bounds.partition).or_insert(bounds.begin);
            while *next < bounds.end {
                let from = Position { partition: bounds.partition, offset: *next };
                let records = self.log.read(Topic::MOVIES, from, PAGE).await?;
                let Some(last) = records.last() else {
                    // What lay between was compacted away.
                    *next = bounds.end;
                    break;
                };
                *next = last.position.offset.next();
                self.add(records.iter().filter_map(decode).collect());
            }
        }
        Ok(())
    }
}

fn decode(stored: &marquee_ports::Record) -> Option<Movie> {
    match record::decode_movie(stored.header(record::CONTENT_TYPE), &stored.value) {
        Ok(movie) => Some(movie),
        Err(error) => {
            tracing::warn!(position = %stored.position, %error, "record of the movies topic skipped");
            None
        }
    }
}
