//! A rating, and the events that change a user's ratings. Which rating counts: [`crate::Ledger`].

use crate::{MovieId, Scale, ScaleViolation, Timestamp, UserId};

/// A user's rating of a movie at a time. Its identity is (user, movie, rated_at).
#[derive(Debug, Clone, PartialEq)]
pub struct Rating {
    /// The user who rated.
    pub user: UserId,
    /// The movie that was rated.
    pub movie: MovieId,
    /// The value in stars, on the deployment's scale.
    pub value: f64,
    /// When the rating was given.
    pub rated_at: Timestamp,
}

/// An event of the rating log.
#[derive(Debug, Clone, PartialEq)]
pub enum RatingEvent {
    /// A rating was given.
    Rated(Rating),
    /// A user's rating of a movie was removed.
    Removed {
        /// The user whose rating was removed.
        user: UserId,
        /// The movie that it was for.
        movie: MovieId,
        /// When it was removed. Says nothing about which ratings the removal covers.
        at: Timestamp,
    },
    /// All ratings of a user were removed.
    UserRemoved {
        /// The user whose ratings were removed.
        user: UserId,
        /// When they were removed. Says nothing about which ratings the removal covers.
        at: Timestamp,
    },
}

impl RatingEvent {
    /// Returns the user whose ratings the event changes: the key on the topic.
    pub fn user(&self) -> &UserId {
        match self {
            Self::Rated(rating) => &rating.user,
            Self::Removed { user, .. } | Self::UserRemoved { user, .. } => user,
        }
    }

    /// Returns the event with its value at the exact level of a scale.
    ///
    /// Other producers may write to the topic, and only ingest checks what it writes. Consumers
    /// therefore check every event.
    ///
    /// # Errors
    /// The value is not on the scale.
    pub fn on(self, scale: &Scale) -> Result<Self, ScaleViolation> {
        match self {
            Self::Rated(rating) => Ok(Self::Rated(Rating { value: scale.check(rating.value)?, ..rating })),
            removal => Ok(removal),
        }
    }

    /// Returns the event time.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Rated(rating) => rating.rated_at,
            Self::Removed { at, .. } | Self::UserRemoved { at, .. } => *at,
        }
    }
}
