//! What the fleet is trained on: a data set, or a large catalog that is made up.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use marquee_datasets::Options;
use marquee_proto::convert;
use marquee_proto::ratings::v1::{Movie, Rating};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// Users of the catalog that is made up.
const USERS: usize = 4_000;

/// Ratings of each of its movies.
const RATINGS: usize = 3;

/// A catalog, and ratings in the order of the data set.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) name: String,
    pub(crate) movies: Vec<Movie>,
    pub(crate) ratings: Vec<Rating>,
    pub(crate) users: Vec<String>,
}

impl Data {
    /// Reads the data set at a path, or MovieLens 100K.
    pub(crate) fn read(path: Option<&str>) -> Result<Self> {
        let data = match path {
            Some(path) => {
                marquee_datasets::open(Path::new(path), Options::default()).with_context(|| format!("open {path}"))?
            }
            None => marquee_e2e::movielens()?,
        };
        let movie = |movie: marquee_domain::Movie| Movie {
            movie_id: movie.id.as_str().to_owned(),
            title: movie.title,
            year: movie.year.unwrap_or_default(),
            genres: movie.genres,
        };
        let movies = data.movies()?.into_iter().map(movie).collect();
        let mut ratings = Vec::new();
        for row in data.ratings()? {
            let row = row?;
            let rated_at = row.rated_at.map(convert::timestamp);
            ratings.push(Rating { user_id: row.user, movie_id: row.movie, rating: Some(row.rating), rated_at });
        }
        Ok(Self::new(data.name.clone(), movies, ratings))
    }

    /// Makes a catalog of many movies, which are rated a few times each.
    pub(crate) fn made(movies: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let id = |movie: usize| format!("m{movie}");
        let catalog = (0..movies).map(|movie| Movie {
            movie_id: id(movie),
            title: format!("Movie {movie}"),
            year: 1950 + (movie % 70) as i32,
            genres: vec![["Comedy", "Drama", "Action", "Horror"][movie % 4].to_owned()],
        });
        let mut ratings = Vec::with_capacity(movies * RATINGS);
        for _ in 0..RATINGS {
            for movie in 0..movies {
                let user = rng.random_range(0..USERS);
                // Some movies are liked and some users are kind: there is something to learn.
                let value = 1.0 + (movie % 7) as f64 * 0.4 + (user % 5) as f64 * 0.3 + rng.random_range(0.0..1.0);
                ratings.push(Rating {
                    user_id: format!("u{user}"),
                    movie_id: id(movie),
                    rating: Some(value.round().clamp(1.0, 5.0)),
                    rated_at: None,
                });
            }
        }
        Self::new(format!("made-{movies}"), catalog.collect(), ratings)
    }

    fn new(name: String, movies: Vec<Movie>, ratings: Vec<Rating>) -> Self {
        let users: BTreeSet<&String> = ratings.iter().map(|rating| &rating.user_id).collect();
        let users = users.into_iter().cloned().collect();
        Self { name, movies, ratings, users }
    }
}
