//! A rating, and the events that make the set of ratings that count.

use crate::{MovieId, Scale, ScaleViolation, Timestamp, UserId};

/// What a user gave a movie at a time. Its identity is (user, movie, rated_at): the same again changes nothing, a later one of the same pair replaces it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rating {
    /// Who rated.
    pub user: UserId,
    /// What was rated.
    pub movie: MovieId,
    /// The value in stars, on the deployment's scale.
    pub value: f64,
    /// When.
    pub rated_at: Timestamp,
}

/// What happened to the set of ratings. Between two events of one pair the later time wins; at the same time the later position in the log does.
#[derive(Debug, Clone, PartialEq)]
pub enum RatingEvent {
    /// A rating was given.
    Rated(Rating),
    /// A rating was taken back.
    Removed {
        /// Whose.
        user: UserId,
        /// Of what.
        movie: MovieId,
        /// When it was taken back.
        at: Timestamp,
    },
    /// Everything that a user rated up to a time was taken back.
    UserRemoved {
        /// Whose.
        user: UserId,
        /// When.
        at: Timestamp,
    },
}

impl RatingEvent {
    /// Whose ratings the event changes: the key on the topic.
    pub fn user(&self) -> &UserId {
        match self {
            Self::Rated(rating) => &rating.user,
            Self::Removed { user, .. } | Self::UserRemoved { user, .. } => user,
        }
    }

    /// The event with its value at the exact level of a scale; a value that is on none is refused. Whoever reads what others may have written to the
    /// topic asks this first: only ingest's own records were checked before.
    pub fn on(self, scale: &Scale) -> Result<Self, ScaleViolation> {
        match self {
            Self::Rated(rating) => Ok(Self::Rated(Rating { value: scale.check(rating.value)?, ..rating })),
            removal => Ok(removal),
        }
    }

    /// Event time.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Rated(rating) => rating.rated_at,
            Self::Removed { at, .. } | Self::UserRemoved { at, .. } => *at,
        }
    }
}
