//! What a deployment decides about ingest.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::ClientName;

/// Settings of the ingest role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What to do with a rating of a movie that the catalogue lacks. Default `reject`.
    pub unknown_movies: UnknownMovies,
    /// How far ahead of this machine's clock a rating's time may be. Default `5m`.
    #[serde(with = "humantime_serde")]
    pub future_slack: Duration,
    /// Most ratings or movies in one request. Default 10,000.
    pub max_batch: usize,
    /// Most requests that wait for the log at once; more are answered RESOURCE_EXHAUSTED with retry advice. Default 1,024.
    pub max_in_flight: usize,
    /// Most batches of one stream that wait for the log at once; the client is slowed down beyond. Default 16.
    pub stream_in_flight: usize,
    /// What one client may write.
    pub quota: Quota,
}

/// What one client may write to this instance. Ratings count whether they are accepted or rejected; so do removals and movies, one each. A client is
/// named by the header or metadata `x-client-id`, 1 to 128 bytes of printable ASCII, else by its IP address.
///
/// A call over its quota is answered RESOURCE_EXHAUSTED with the time until it fits, and nothing of it is written; a stream is slowed down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Ratings that a client may write in a second. Default 0: no quota.
    pub ratings_per_second: u32,
    /// Ratings that a client may write at once after a pause, and so the most in one call. Default 0: what two seconds give.
    pub burst: u32,
    /// Most clients that are remembered, from 1 on; while so many are busy, others share one quota. Default 10,000.
    pub clients: NonZeroU32,
    /// Clients with another `ratings_per_second`, by name; 0: no quota. They are remembered beside the others. Default: none.
    pub overrides: BTreeMap<ClientName, u32>,
}

/// What to do with a rating of a movie that the catalogue lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownMovies {
    /// Refuse it: a typing error in an id must not become a movie.
    Reject,
    /// Take it: the catalogue follows later.
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
