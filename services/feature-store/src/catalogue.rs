//! The genres of movies, as far as the movies topic was read.
//!
//! It is read up to its end before a batch of ratings is applied. A rating is accepted only after its movie is in the topic, so the genres are
//! always there in time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use marquee_domain::{MovieId, Offset, Partition, Position};
use marquee_ports::{Error, RatingLog, Topic};
use marquee_proto::record;

/// Records read at once.
const PAGE: usize = 4_096;

#[derive(Debug)]
pub(crate) struct Genres {
    log: Arc<dyn RatingLog>,
    read: BTreeMap<Partition, Offset>,
    genres: HashMap<MovieId, Vec<String>>,
}

impl Genres {
    pub(crate) fn new(log: Arc<dyn RatingLog>) -> Self {
        Self { log, read: BTreeMap::new(), genres: HashMap::new() }
    }

    /// Reads what was written since.
    pub(crate) async fn catch_up(&mut self) -> Result<(), Error> {
        for bounds in self.log.bounds(Topic::MOVIES).await? {
            let next = self.read.entry(bounds.partition).or_insert(bounds.begin);
            while *next < bounds.end {
                let from = Position { partition: bounds.partition, offset: *next };
                let records = self.log.read(Topic::MOVIES, from, PAGE).await?;
                *next = records.last().map_or(bounds.end, |last| last.position.offset.next());
                for stored in records {
                    match record::decode_movie(stored.header(record::CONTENT_TYPE), &stored.value) {
                        Ok(movie) => drop(self.genres.insert(movie.id, movie.genres)),
                        Err(error) => tracing::warn!(position = %stored.position, %error, "movie record skipped"),
                    }
                }
            }
        }
        Ok(())
    }

    /// The genres of a movie; none for one that the catalogue lacks.
    pub(crate) fn of(&self, movie: &MovieId) -> &[String] {
        self.genres.get(movie).map_or(&[], Vec::as_slice)
    }
}
