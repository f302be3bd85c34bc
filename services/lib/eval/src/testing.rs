//! Ratings, models and outcomes for tests.

use marquee_domain::{MovieId, Rating, Timestamp, UserId};
use marquee_fit::MovieIndex;
use marquee_posterior::{Posterior, Sample};

use crate::{Normal, Outcome, Outcomes};

/// Returns a rating at a second.
pub(crate) fn rating(user: &str, movie: &str, value: f64, at: i64) -> Rating {
    Rating {
        user: UserId::try_new(user).expect("valid"),
        movie: MovieId::try_new(movie).expect("valid"),
        value,
        rated_at: Timestamp::from_seconds(at),
    }
}

/// Returns the index of these movies.
pub(crate) fn index(ids: &[&str]) -> MovieIndex {
    let ids: Vec<MovieId> = ids.iter().map(|id| MovieId::try_new(id).expect("valid")).collect();
    MovieIndex::new(ids.iter())
}

/// Returns a model of biases only: offset 3, noise and prior of precision 1, every movie of this
/// bias. After n ratings, a user's bias is their sum minus 3 and the movie's bias each, divided by
/// n + 1.
pub(crate) fn biases(movies: usize, bias: f64) -> Posterior {
    let sample = Sample {
        offset: 3.0,
        noise_precision: 1.0,
        prior_mean: vec![0.0],
        prior_precision: vec![1.0],
        movie_bias: vec![bias; movies],
        ..Sample::default()
    };
    Posterior { movies, samples: vec![sample], ..Posterior::default() }
}

/// Returns an outcome with spread 1, at the second of the movie's number.
pub(crate) fn outcome(user: u32, movie: u32, rating: f64, predicted: f64) -> Outcome {
    Outcome {
        user,
        movie,
        user_past: 1,
        movie_past: 1,
        history: 1,
        at: Timestamp::from_seconds(movie.into()),
        rating,
        predicted,
        one_by_one: predicted,
        frozen: predicted,
        normal: Some(Normal { mean: predicted, spread: 1.0 }),
    }
}

/// Returns outcomes with users `u0`, `u1` and so on, and movies `m0`, `m1` and so on.
pub(crate) fn outcomes(mut list: Vec<Outcome>) -> Outcomes {
    list.sort_by_key(|one| (one.user, one.at, one.movie));
    let count = |number: fn(&Outcome) -> u32| list.iter().map(number).max().map_or(0, |most| most + 1);
    let users = (0..count(|one| one.user)).map(|number| UserId::try_new(&format!("u{number}")).expect("valid"));
    let movies = (0..count(|one| one.movie)).map(|number| MovieId::try_new(&format!("m{number}")).expect("valid"));
    let (users, movies) = (users.collect(), movies.collect());
    Outcomes { list, users, movies, ..Outcomes::default() }
}
