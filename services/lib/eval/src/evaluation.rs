//! The figures of an evaluation, as stored and as read by reports.

use serde::{Deserialize, Serialize};

use crate::{Method, Ranking, SliceFigures, SpreadFigures, Window};

/// What was measured, as stored in `metrics.json`. Ratings and errors are in stars. A mean over no
/// ratings is 0, beside a count of 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evaluation {
    /// How the ratings were held out and predicted. Of folds, "the past" of a rating is the other
    /// folds, and the strict predictions, those one by one and those at the cut are the same.
    #[serde(default)]
    pub method: Method,
    /// The number of ratings that were predicted.
    pub ratings: u64,
    /// The root mean squared error. Predictions are clipped to the scale. The ratings of a user at
    /// one instant are predicted together before any of them is learned ("strict").
    pub rmse: f64,
    /// The mean absolute error of the same predictions.
    pub mae: f64,
    /// The errors where each rating is learned before the next one is predicted, even at one
    /// instant. Within an instant, the order is that of the movies' ids. `None` in a file of an
    /// older version of this program, whose `rmse` and `mae` are such errors.
    #[serde(default)]
    pub one_by_one: Option<PointErrors>,
    /// `rmse` with the users' states as they were at the cut. New users have the prior's state.
    pub frozen_rmse: f64,
    /// The mean negative log density of a rating under the predicted normal distribution, in nats.
    /// Movies outside the model are left out, here and in `coverage`.
    pub nll: f64,
    /// The number of users who rated in the future.
    pub users: u64,
    /// The number of these users who have no rating in the past.
    pub new_users: u64,
    /// The ratings of movies that have no rating in the past. Movies outside the model are
    /// predicted as the user's mean so far.
    pub unseen_movies: Slice,
    /// The ratings by how many ratings their user had given before.
    pub by_history: Vec<Slice>,
    /// How often central intervals contain the rating, by growing probability.
    pub coverage: Vec<Coverage>,
    /// The number of future ratings at each level of the scale.
    pub histogram: Vec<u64>,
    /// Predicted against actual ratings, by predicted rating. Empty bins are left out.
    pub calibration: Vec<CalibrationBin>,
    /// The number of predictions by prediction minus rating, in quarters of a star from −4 to 4.
    /// The outermost bins include what lies beyond.
    pub residuals: Vec<u64>,
    /// The number of ratings of the future that are not numbers or lie outside the scale. They are
    /// in no figure.
    #[serde(default)]
    pub left_out: u64,
    /// The largest number of ratings of a user that a prediction uses; see [`crate::History`]. 0 in
    /// a file of an older version of this program, which used all.
    #[serde(default)]
    pub history_limit: u64,
    /// The errors of each user, averaged over users. `None` without ratings.
    #[serde(default)]
    pub per_user: Option<PointErrors>,
    /// What the predicted spreads are worth. `None` without ratings of movies of the model.
    #[serde(default)]
    pub spread: Option<SpreadFigures>,
    /// The order of each user's movies by the strict predictions, each from the time of its rating.
    #[serde(default)]
    pub ranking: Option<Ranking>,
    /// The order of each user's movies by the predictions at the cut. A list is made at one moment,
    /// so this is the order that a user would have seen there.
    #[serde(default)]
    pub ranking_at_cut: Option<Ranking>,
    /// Errors by time. Empty for folds.
    #[serde(default)]
    pub windows: Vec<Window>,
    /// Errors by slice. The first slice has all ratings.
    #[serde(default)]
    pub slices: Vec<SliceFigures>,
}

/// PointErrors of predictions that are clipped to the scale, in stars.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PointErrors {
    /// The root mean squared error.
    pub rmse: f64,
    /// The mean absolute error.
    pub mae: f64,
}

/// A part of the predictions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Slice {
    /// The name, for example "1–4".
    pub name: String,
    /// The number of ratings.
    pub ratings: u64,
    /// The root mean squared error.
    pub rmse: f64,
    /// The root mean squared error with states as they were at the cut.
    pub frozen_rmse: f64,
}

/// A central interval and how often it contains the rating.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The probability of the interval by the model.
    pub nominal: f64,
    /// The share of ratings inside.
    pub actual: f64,
}

/// Predictions of about one value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// The mean prediction.
    pub predicted: f64,
    /// The mean rating.
    pub actual: f64,
    /// The number of ratings.
    pub ratings: u64,
}
