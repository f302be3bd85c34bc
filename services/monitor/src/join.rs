//! Joins predictions that users were shown with the ratings that they gave later.
//!
//! The predictions topic has the partitions of the rating topic. So the consumer of a rating
//! partition reads the same partition of the predictions beside it (`side`), and keeps the newest
//! prediction of each user and movie for a while (`table`). At an assignment it reads the newest
//! part of the topic again, as much as fits into memory. Nothing else has to be stored.
//!
//! Both topics are followed by the time of the instances: before a rating is joined, predictions
//! up to its arrival are read. A prediction that is written after its rating is joined late, if it
//! comes in time.

mod side;
mod table;

use marquee_domain::{ModelName, MovieId, Timestamp, UserId};

pub(crate) use self::side::{JoinOptions, SideInput};

use crate::rows::LiveId;

/// A prediction that a user was shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    pub(crate) user: UserId,
    pub(crate) movie: MovieId,
    /// The expected rating in stars.
    pub(crate) rating: f64,
    /// In stars. `None` for a movie that the version does not know.
    pub(crate) spread: Option<f64>,
    pub(crate) model: ModelName,
    pub(crate) id: LiveId,
    pub(crate) predicted_at: Timestamp,
}

/// A rating with the prediction that its user was shown before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Joined {
    pub(crate) shown: Shown,
    /// In stars.
    pub(crate) rating: f64,
    /// When the rating arrived.
    pub(crate) arrived: Timestamp,
    /// The prediction came to the monitor after the rating.
    pub(crate) is_late: bool,
}

/// A rating to join.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given {
    pub(crate) user: UserId,
    pub(crate) movie: MovieId,
    /// In stars.
    pub(crate) rating: f64,
    pub(crate) arrived: Timestamp,
}
