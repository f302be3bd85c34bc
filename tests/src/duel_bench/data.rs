//! MovieLens 100K in the order of time, and in other orders.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use marquee_proto::convert;
use marquee_proto::ratings::v1::{Movie, Rating};

/// The catalog, and the ratings in two halves.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) movies: Vec<Movie>,
    /// In the order of time.
    pub(crate) older: Vec<Rating>,
    pub(crate) newer: Vec<Rating>,
}

/// The order in which ratings arrive.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// As they were given: people rate in sessions.
    Time,
    /// One of each user in turn.
    InTurn,
}

impl Order {
    pub(crate) const ALL: [Self; 2] = [Self::Time, Self::InTurn];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Time => "in the order of time",
            Self::InTurn => "one of each user in turn",
        }
    }
}

impl Data {
    pub(crate) fn read() -> Result<Self> {
        let data = marquee_e2e::movielens()?;
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
            let rated_at = row.rated_at.context("a rating without a time")?;
            ratings.push(Rating {
                user_id: row.user,
                movie_id: row.movie,
                rating: Some(row.rating),
                rated_at: Some(convert::timestamp(rated_at)),
            });
        }
        // Ratings of one second keep the order of the file.
        ratings.sort_by_key(|rating| rating.rated_at.map_or(0, |time| time.seconds));
        let newer = ratings.split_off(ratings.len() / 2);
        Ok(Self { movies, older: ratings, newer })
    }

    /// Returns the newer half in an order. The ratings of a user keep theirs.
    pub(crate) fn newer(&self, order: Order) -> Vec<Rating> {
        match order {
            Order::Time => self.newer.clone(),
            Order::InTurn => {
                let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
                let mut ratings: Vec<(usize, &Rating)> = Vec::with_capacity(self.newer.len());
                for rating in &self.newer {
                    let count = counts.entry(&rating.user_id).or_default();
                    *count += 1;
                    ratings.push((*count, rating));
                }
                ratings.sort_by_key(|(turn, _)| *turn);
                ratings.into_iter().map(|(_, rating)| rating.clone()).collect()
            }
        }
    }
}
