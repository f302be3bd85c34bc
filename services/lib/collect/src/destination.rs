//! Where ratings and movies go: ingest's API, behind a trait.

use std::collections::HashSet;
use std::fmt::Debug;

use async_trait::async_trait;
use marquee_domain::{Movie, Scale, Timestamp};

/// Why the destination did not take something. The implementation has tried again while that could
/// help.
pub type DestinationError = Box<dyn std::error::Error + Send + Sync>;

/// A rating to send.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRating {
    /// The id of the user, or the place of a record that could not be read.
    pub user: String,
    /// The id of the movie, or the text of a record that could not be read.
    pub movie: String,
    /// The value. `None` if the record could not be read: then ingest refuses it and keeps its
    /// text.
    pub rating: Option<f64>,
    /// The time of the rating.
    pub rated_at: Option<Timestamp>,
}

/// Why a rating was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The index in the list that was sent.
    pub index: usize,
    /// The stable upper-case reason.
    pub reason: String,
    /// What is wrong and how to fix it.
    pub message: String,
}

/// What became of ratings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The number that is in the log now.
    pub accepted: u64,
    /// The others.
    pub refused: Vec<Refusal>,
}

/// Takes ratings and movies.
#[async_trait]
pub trait Destination: Debug + Send + Sync {
    /// Returns the scale of the ratings.
    async fn scale(&self) -> Result<Scale, DestinationError>;

    /// Returns the ids of all movies of the catalog.
    async fn known_movies(&self) -> Result<HashSet<String>, DestinationError>;

    /// Adds movies to the catalog or replaces them.
    async fn add_movies(&self, movies: Vec<Movie>) -> Result<(), DestinationError>;

    /// Sends ratings. When this returns `Ok`, each one is durable or refused.
    async fn add_ratings(&self, ratings: Vec<NewRating>) -> Result<Answer, DestinationError>;
}
