//! The settings of the ingest role.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use marquee_kit::settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

use crate::client::ClientName;

/// The largest value of the settings that bound a queue or a request.
const MOST: u64 = 1_000_000;

/// The most clients that may be remembered. Each takes up to 200 bytes.
const MOST_CLIENTS: u64 = 10_000_000;

/// The longest time that a rating may be ahead of the clock: a year.
const LONGEST_SLACK: Duration = Duration::from_secs(365 * 86_400);

/// Settings of the ingest role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What to do with a rating of a movie that the catalog lacks: `reject`, the default, or
    /// `accept`.
    pub unknown_movies: UnknownMovies,
    /// How far the time of a rating may be ahead of this machine's clock, at most a year. Default
    /// `5m`.
    #[serde(with = "humantime_serde")]
    pub future_slack: Duration,
    /// The most ratings or movies in one request, from 1 to 1,000,000. Default 10,000.
    pub max_batch: usize,
    /// The most requests that wait for the log at once, from 1 to 1,000,000. Others are answered
    /// RESOURCE_EXHAUSTED with the time after which to try again. Default 1,024.
    pub max_in_flight: usize,
    /// The most batches of one stream that wait for the log at once, from 1 to 1,000,000. Beyond it
    /// the stream is slowed down. Default 16.
    pub stream_in_flight: usize,
    /// What one client may write.
    pub quota: Quota,
}

/// What one client may write to this instance. Accepted and rejected ratings count alike. A removal
/// and a movie count as one rating each. A client is named by the header or metadata `x-client-id`,
/// 1 to 128 bytes of printable ASCII, or else by its IP address.
///
/// A call over its quota is answered RESOURCE_EXHAUSTED with the time until it fits, and nothing of
/// it is written. A stream is slowed down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// The ratings that a client may write in a second. Default 0: no quota.
    pub ratings_per_second: u32,
    /// The ratings that a client may write at once after a pause, and so the most in one call.
    /// Default 0: the ratings of two seconds.
    pub burst: u32,
    /// The most clients that are remembered, from 1 to 10,000,000. When all of them are busy, new
    /// clients share one quota. Default 10,000.
    pub clients: NonZeroU32,
    /// Clients with another `ratings_per_second`, by name; 0 means no quota. They are remembered in
    /// addition to `clients`. Default empty.
    pub overrides: BTreeMap<ClientName, u32>,
}

/// What to do with a rating of a movie that the catalog lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownMovies {
    /// Rejects it, because a typing error in an id must not become a movie.
    Reject,
    /// Accepts it, for catalogs that arrive later.
    Accept,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            unknown_movies: UnknownMovies::Reject,
            future_slack: Duration::from_secs(300),
            max_batch: 10_000,
            max_in_flight: 1_024,
            stream_in_flight: 16,
            quota: Quota::default(),
        }
    }
}

impl Default for Quota {
    fn default() -> Self {
        const CLIENTS: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");
        Self { ratings_per_second: 0, burst: 0, clients: CLIENTS, overrides: BTreeMap::new() }
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        Invalid::unless_time_in(Duration::ZERO..=LONGEST_SLACK, "future_slack", self.future_slack)?;
        Invalid::unless_in(1..=MOST, "max_batch", self.max_batch as u64)?;
        Invalid::unless_in(1..=MOST, "max_in_flight", self.max_in_flight as u64)?;
        Invalid::unless_in(1..=MOST, "stream_in_flight", self.stream_in_flight as u64)?;
        Invalid::unless_in(1..=MOST_CLIENTS, "quota.clients", u64::from(self.quota.clients.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_that_refuses_every_request_is_refused_itself() {
        assert_eq!(Settings::default().validate(), Ok(()));
        let error = Settings { max_in_flight: 0, ..Settings::default() }.validate().expect_err("refused");
        assert_eq!(error.to_string(), "max_in_flight: is 0; give a number from 1 to 1,000,000");
        for wrong in [
            Settings { max_batch: 0, ..Settings::default() },
            Settings { stream_in_flight: 0, ..Settings::default() },
            Settings { max_in_flight: 1_000_001, ..Settings::default() },
            Settings { future_slack: Duration::MAX, ..Settings::default() },
            Settings { quota: Quota { clients: NonZeroU32::MAX, ..Quota::default() }, ..Settings::default() },
        ] {
            assert!(wrong.validate().is_err(), "{wrong:?}");
        }
    }
}
