//! Generated ratings for the row `scale`: factors and noise, with a few popular movies and many
//! rare ones, and a few users with long histories. The same number gives the same ratings.

use anyhow::{Result, ensure};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal, StandardNormal};

use crate::fold::Rated;

/// The number of ratings that the targets of memory and time are for.
pub(crate) const FULL_SCALE: usize = 25_000_000;

/// The rank of the truth.
const FACTORS: usize = 8;

/// The mean number of ratings of a user, as in MovieLens 25M.
const EACH: usize = 154;

/// The number of ratings for each movie, as in MovieLens 25M.
const OF_MOVIE: usize = 424;

/// The fewest ratings of a user.
const FEWEST: usize = 20;

/// The popularity of a movie of rank r is 1 / (r + `FLAT`) to the power `STEEP` (Zipf and
/// Mandelbrot). The most popular movie is rated by about half of the users.
const FLAT: f64 = 60.0;
const STEEP: f64 = 1.2;

/// Generated ratings by indices.
#[derive(Debug, PartialEq)]
pub(crate) struct Generated {
    pub(crate) users: usize,
    pub(crate) movies: usize,
    pub(crate) ratings: Vec<Rated>,
}

/// Generates this number of ratings, in half stars. No pair is rated twice.
///
/// # Errors
/// The number is too small for users with 20 ratings each.
pub(crate) fn generate(count: usize) -> Result<Generated> {
    let (users, movies) = (count / EACH, count / OF_MOVIE);
    ensure!(movies >= 20 * FEWEST, "--ratings is at least {}", 20 * FEWEST * OF_MOVIE);
    let mut random = ChaCha8Rng::seed_from_u64(count as u64);
    let normal = |random: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(random) };
    let mut popularity = Vec::with_capacity(movies);
    let mut sum = 0.0;
    for rank in 0..movies {
        sum += (rank as f64 + FLAT).powf(-STEEP);
        popularity.push(sum);
    }
    let biases: Vec<f64> = (0..movies).map(|_| 0.4 * normal(&mut random)).collect();
    let factors: Vec<f64> = (0..movies * FACTORS).map(|_| 0.35 * normal(&mut random)).collect();
    let activity = LogNormal::new(0.0, 1.1)?;
    let mean = (1.1_f64 * 1.1 / 2.0).exp();
    let extra = (EACH - FEWEST) as f64 / mean;

    let mut ratings = Vec::with_capacity(count);
    // The last user who rated each movie.
    let mut rated = vec![u32::MAX; movies];
    let mut user = 0_u32;
    while ratings.len() < count {
        let wanted = FEWEST + (extra * activity.sample(&mut random)) as usize;
        // A user rates at most a quarter of all movies. Beyond that, draws would mostly repeat.
        let wanted = wanted.min(movies / 4).min(count - ratings.len());
        let bias = 0.4 * normal(&mut random);
        let taste: [f64; FACTORS] = std::array::from_fn(|_| normal(&mut random));
        let mut given = 0;
        while given < wanted {
            let drawn = random.random_range(0.0..sum);
            let movie = popularity.partition_point(|&until| until <= drawn).min(movies - 1);
            if std::mem::replace(&mut rated[movie], user) == user {
                continue;
            }
            let liking: f64 = taste.iter().zip(&factors[movie * FACTORS..]).map(|(a, b)| a * b).sum();
            let stars = 3.5 + bias + biases[movie] + 0.6 * liking + 0.8 * normal(&mut random);
            ratings.push((user, movie as u32, (stars * 2.0).round().clamp(1.0, 10.0) / 2.0));
            given += 1;
        }
        user += 1;
    }
    Ok(Generated { users: users.max(user as usize), movies, ratings })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_number_gives_the_same_ratings_and_no_pair_twice() {
        let made = generate(200_000).unwrap();
        assert_eq!(made, generate(200_000).unwrap());
        assert_eq!(made.ratings.len(), 200_000);
        let pairs: HashSet<(u32, u32)> = made.ratings.iter().map(|&(user, movie, _)| (user, movie)).collect();
        assert_eq!(pairs.len(), made.ratings.len());
        assert!(made.ratings.iter().all(|&(user, movie, stars)| {
            (user as usize) < made.users && (movie as usize) < made.movies && (0.5..=5.0).contains(&stars)
        }));
    }

    #[test]
    fn a_tenth_of_the_movies_has_a_third_of_the_ratings() {
        let made = generate(1_000_000).unwrap();
        let popular = made.ratings.iter().filter(|rating| (rating.1 as usize) < made.movies / 10).count();
        assert!(popular * 3 > made.ratings.len(), "{popular}");
    }

    #[test]
    fn too_few_ratings_are_refused_with_the_smallest_number() {
        assert!(generate(1_000).unwrap_err().to_string().contains("--ratings is at least 169600"));
    }
}
