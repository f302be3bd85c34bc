//! Reads features from the rows of the online store.

mod features;
mod movies;
mod positions;
#[cfg(test)]
mod tests;
mod users;

use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{Moments, Position, Timestamp};
use marquee_features::Definition;
use marquee_kit::{Compute, Failure};
use marquee_ports::Error;

pub(crate) use self::features::EntityFeatures;
pub(crate) use self::movies::Movie;
pub(crate) use self::positions::Positions;
pub(crate) use self::users::{Selection, User, UserQuery};

use crate::metrics::Meters;
use crate::rows::{Rows, failure};

/// Most bytes of rows and answers that are processed on the async thread. That takes some 100 µs.
/// To hand a few rows to another thread takes longer than to unpack them.
const INLINE: usize = 32 << 10;

/// The features as they are now.
#[derive(Debug)]
pub(crate) struct Online {
    pub(crate) rows: Rows,
    pub(crate) definition: Arc<Definition>,
    pub(crate) positions: Positions,
    /// The age at which a value is past its time to live. Zero: never.
    pub(crate) ttl: Duration,
    pub(crate) compute: Compute,
    pub(crate) meters: Meters,
}

/// The events that a value rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Basis {
    /// The newest time of a rating that was applied.
    pub(crate) event_time: Option<Timestamp>,
    /// The last event that was applied.
    pub(crate) applied: Position,
}

/// The moments of a user's or a movie's ratings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statistics {
    pub(crate) all_time: Moments,
    /// The length in days and the moments of each window.
    pub(crate) windows: Vec<(u32, Moments)>,
    /// The moments by genre, in the order of names. Empty for a movie.
    pub(crate) genres: Vec<(String, Moments)>,
}

impl From<marquee_features::Statistics<'_>> for Statistics {
    fn from(statistics: marquee_features::Statistics<'_>) -> Self {
        let marquee_features::Statistics { all_time, windows, genres } = statistics;
        let genres = genres.into_iter().map(|(genre, moments)| (genre.to_owned(), moments)).collect();
        Self { all_time, windows, genres }
    }
}

impl Online {
    /// Returns whether a value of this time is past its time to live.
    pub(crate) fn is_past_ttl(&self, event_time: Option<Timestamp>, now: Timestamp) -> bool {
        !self.ttl.is_zero() && event_time.is_some_and(|time| now.since(time) > self.ttl)
    }

    /// Computes values from this many bytes of rows and answers: here if they are few, else off the
    /// async threads.
    async fn project<T: Send + 'static>(
        &self,
        bytes: usize,
        project: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let projected = self.compute.run_if(bytes > INLINE, project).await;
        projected.map_err(|error| failure("read a row of the online store", &error))
    }
}
