//! What a deployment decides about ingest.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
        }
    }
}
