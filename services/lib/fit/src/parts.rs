//! The parts of the model beyond factors and biases. Each can be left out, to measure its worth.

/// Which parts a model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Users and movies whose ratings are noisier count less.
    pub noise_weights: bool,
    /// The set of the movies that a user has rated says something about the user.
    pub user_sets: bool,
    /// The set of the users who have rated a movie says something about the movie.
    pub movie_sets: bool,
}

impl Default for Parts {
    /// Returns all parts.
    fn default() -> Self {
        Self { noise_weights: true, user_sets: true, movie_sets: true }
    }
}
