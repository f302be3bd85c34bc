//! A small world of people with tastes, for tests that need ratings with something to learn in them
//! and no data set.

use marquee_proto::Timestamp;
use marquee_proto::ratings::v1::{Movie, Rating};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// When the first rating is given: 2020-01-01.
const START: i64 = 1_577_836_800;

/// Users and movies of two kinds: half of the users like one kind of movie, the other half the
/// other.
#[derive(Debug, Clone)]
pub struct World {
    /// How many users.
    pub users: usize,
    /// How many movies.
    pub movies: usize,
    seed: u64,
}

impl World {
    /// A world of a size; the same seed gives the same ratings.
    pub fn new(users: usize, movies: usize, seed: u64) -> Self {
        Self { users, movies, seed }
    }

    /// A user's id.
    pub fn user(&self, number: usize) -> String {
        format!("user-{number}")
    }

    /// A movie's id.
    pub fn movie(&self, number: usize) -> String {
        format!("movie-{number}")
    }

    /// Whether a user likes a movie's kind.
    pub fn likes(&self, user: usize, movie: usize) -> bool {
        user % 2 == movie % 2
    }

    /// The catalogue.
    pub fn catalogue(&self) -> Vec<Movie> {
        (0..self.movies)
            .map(|number| Movie {
                movie_id: self.movie(number),
                title: format!("Movie {number}"),
                year: 1990 + (number % 30) as i32,
                genres: vec![if number % 2 == 0 { "Comedy" } else { "Drama" }.to_owned()],
            })
            .collect()
    }

    /// What everybody gave: about two thirds of all pairs, in order of time, an hour apart.
    pub fn ratings(&self) -> Vec<Rating> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut pairs: Vec<(usize, usize)> =
            (0..self.users).flat_map(|user| (0..self.movies).map(move |movie| (user, movie))).collect();
        pairs.retain(|_| rng.random_bool(0.65));
        rand::seq::SliceRandom::shuffle(pairs.as_mut_slice(), &mut rng);
        let rate = |(order, (user, movie)): (usize, (usize, usize))| {
            let taste: f64 = if self.likes(user, movie) { 4.5 } else { 1.7 };
            let value = (taste + rng.random_range(-0.8..0.8)).round().clamp(1.0, 5.0);
            Rating {
                user_id: self.user(user),
                movie_id: self.movie(movie),
                rating: Some(value),
                rated_at: Some(Timestamp { seconds: START + 3_600 * order as i64, nanos: 0 }),
            }
        };
        pairs.into_iter().enumerate().map(rate).collect()
    }
}
