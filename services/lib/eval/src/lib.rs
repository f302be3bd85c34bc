//! Judges a model the way its users meet it: predict, then learn, one rating at a time
//! ("prequential", Vinagre, Jorge & Gama, arXiv 1504.08175).
//!
//! The model is fitted on the past only. The users' states learn each rating of the future after it
//! was predicted. The same model with states frozen at the cut is judged beside it: that is what a
//! platform without instant updates would serve. This crate measures and never chooses.
//!
//! [`duel`] compares published versions on the ratings that arrive.

pub mod duel;
mod prequential;
mod summary;

use std::collections::BTreeMap;

use marquee_domain::{Rating, Scale, UserId};
use marquee_fit::MovieIndex;
use marquee_posterior::Posterior;
use serde::{Deserialize, Serialize};

use self::prequential::Predictor;

/// What was measured, as stored in `metrics.json`. Ratings and errors are in stars. A mean over no
/// ratings is 0, beside a count of 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The number of ratings that were predicted.
    pub ratings: u64,
    /// The root mean squared error. Predictions are clipped to the scale and made before their
    /// rating is learned.
    pub rmse: f64,
    /// The mean absolute error of the same predictions.
    pub mae: f64,
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
}

/// A part of the predictions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// Evaluates a model of the past on the future, both sorted by time.
///
/// Users are independent of one another, so threads share them. The result does not depend on the
/// number of threads. The call blocks; callers run it off the async threads.
pub fn evaluate(
    posterior: &Posterior,
    index: &MovieIndex,
    past: &[Rating],
    future: &[Rating],
    scale: Scale,
) -> Evaluation {
    let predictor = Predictor::new(posterior, index, past, scale);
    let mut by_user: BTreeMap<&UserId, Vec<&Rating>> = BTreeMap::new();
    for rating in future {
        by_user.entry(&rating.user).or_default().push(rating);
    }
    let new_users = by_user.keys().filter(|user| !predictor.knows(user)).count();
    let by_user: Vec<(&UserId, Vec<&Rating>)> = by_user.into_iter().collect();
    let outcomes = predictor.outcomes(&by_user);
    summary::summarize(&outcomes, scale, (by_user.len() as u64, new_users as u64))
}

/// Returns minus the log density of an error under the normal distribution around 0 with this
/// spread, in nats.
fn log_score(error: f64, spread: f64) -> f64 {
    let deviation = error / spread;
    0.5 * (deviation * deviation + std::f64::consts::TAU.ln()) + spread.ln()
}

#[cfg(test)]
mod tests;
