//! The parts of the model beyond factors and biases. Each can be left out, to measure its worth.

use marquee_posterior::UserNoise;

/// The values that the weight of a user's ratings may have: the middles of five equally probable
/// ranges of `Gamma(4, 4)`, which is the distribution of weights for 8 degrees of freedom.
const USER_NOISE: [f64; 5] = [0.4362, 0.6909, 0.9180, 1.1906, 1.6702];

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

impl Parts {
    /// Returns the values of the weight of a user's ratings.
    pub(crate) fn user_noise(self) -> Vec<UserNoise> {
        let probability = 1.0 / USER_NOISE.len() as f64;
        let values = USER_NOISE.iter().filter(|_| self.noise_weights);
        values.map(|&precision| UserNoise { precision, probability }).collect()
    }
}
