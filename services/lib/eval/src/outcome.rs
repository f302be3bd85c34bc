//! Predictions and the ratings that they are compared with.

use marquee_domain::{MovieId, Timestamp, UserId};

use crate::Method;

/// One rating and what was predicted for it, in stars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The number of the user: the index in [`Outcomes::users`].
    pub user: u32,
    /// The number of the movie: the index in [`Outcomes::movies`].
    pub movie: u32,
    /// The number of ratings of the user that the model was fitted on.
    pub user_past: u32,
    /// The number of ratings of the movie that the model was fitted on.
    pub movie_past: u32,
    /// The number of movies that the user had rated before this instant.
    pub history: u32,
    /// When the rating was given.
    pub at: Timestamp,
    /// The rating.
    pub rating: f64,
    /// The clipped prediction from the ratings before this instant ("strict").
    pub predicted: f64,
    /// The clipped prediction from the ratings before this one. Ratings of one instant are taken in
    /// the order of the ids of their movies.
    pub one_by_one: f64,
    /// The clipped prediction from the ratings before the cut.
    pub frozen: f64,
    /// The strict prediction as a normal distribution. `None` for a movie outside the model.
    pub normal: Option<Normal>,
}

/// A normal distribution that is not clipped to the scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    /// The mean, in stars.
    pub mean: f64,
    /// The standard deviation, in stars.
    pub spread: f64,
}

/// The predictions of one model. They are sorted by user, then by time, then by movie.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcomes {
    pub(crate) list: Vec<Outcome>,
    pub(crate) users: Vec<UserId>,
    pub(crate) movies: Vec<MovieId>,
    pub(crate) left_out: u64,
    pub(crate) method: Method,
}

impl Outcome {
    /// Returns the error of the strict prediction: prediction minus rating.
    pub fn error(&self) -> f64 {
        self.predicted - self.rating
    }
}

impl Outcomes {
    /// Returns the predictions.
    pub fn list(&self) -> &[Outcome] {
        &self.list
    }

    /// Returns the users, by number. All of them have a prediction, except where every rating of a
    /// user was left out.
    pub fn users(&self) -> &[UserId] {
        &self.users
    }

    /// Returns the movies, by number. Some of them may have no prediction.
    pub fn movies(&self) -> &[MovieId] {
        &self.movies
    }

    /// Returns the number of ratings that are not numbers or lie outside the scale. They are
    /// neither predicted nor learned.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Returns how the ratings were held out and predicted.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Returns the predictions of each user.
    pub(crate) fn by_user(&self) -> impl Iterator<Item = &[Outcome]> {
        self.list.chunk_by(|a, b| a.user == b.user)
    }
}
