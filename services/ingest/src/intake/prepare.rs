//! Prepares a batch: separates what is accepted from what is rejected, and encodes the records of
//! both. That takes milliseconds for a large batch, so it runs off the async threads.

use bytes::Bytes;
use marquee_domain::{RatingEvent, Timestamp, Violation};
use marquee_log::Movies;
use marquee_ports::{Header, NewRecord};
use marquee_proto::record;

use super::outcome::{Batch, Prepared, Refused};
use super::unknown_movie;
use crate::rejected::{Source, rejection};

/// What all records of a batch share.
pub(super) struct Preparing {
    /// The catalog, or `None` if ratings of unknown movies are accepted.
    pub(super) movies: Option<Movies>,
    pub(super) headers: Vec<Header>,
    pub(super) source: Source,
    pub(super) now: Timestamp,
}

impl Preparing {
    /// Returns the prepared batch, and the copies of what it rejects.
    pub(super) fn run(self, batch: Batch) -> (Prepared, Vec<NewRecord>) {
        let Batch { ratings, original } = batch;
        let total = ratings.len();
        let (mut accepted, mut rejected) = (Vec::with_capacity(total), Vec::new());
        for (index, rating) in ratings.into_iter().enumerate() {
            match rating {
                Ok(rating) if self.movies.as_ref().is_none_or(|movies| movies.get(&rating.movie).is_some()) => {
                    let record = event_record(&RatingEvent::Rated(rating), self.headers.clone(), self.now);
                    accepted.push((index, record));
                }
                Ok(rating) => rejected.push((index, vec![unknown_movie(rating.movie.as_str())])),
                Err(Refused { mut violations, movie }) => {
                    let unknown =
                        movie.filter(|movie| self.movies.as_ref().is_some_and(|movies| movies.get(movie).is_none()));
                    violations.extend(unknown.map(|movie| unknown_movie(movie.as_str())));
                    rejected.push((index, violations));
                }
            }
        }
        let copy = |(index, violations): &(usize, Vec<Violation>)| {
            rejection(original(*index), record::PROTOBUF, violations, self.source, self.now)
        };
        let copies = rejected.iter().map(copy).collect();
        (Prepared { total, accepted, rejected }, copies)
    }
}

/// Returns the record of an event.
pub(super) fn event_record(event: &RatingEvent, headers: Vec<Header>, now: Timestamp) -> NewRecord {
    NewRecord {
        key: Some(Bytes::copy_from_slice(event.user().as_str().as_bytes())),
        value: record::encode_event(event),
        headers,
        timestamp: now,
    }
}
