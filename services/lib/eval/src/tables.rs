//! Numbers for users and movies, so that an evaluation compares integers instead of texts.

use std::collections::HashMap;

use marquee_domain::{MovieId, Rating, Timestamp, UserId};

/// The users and movies of an evaluation, numbered in the order of their ids.
#[derive(Debug)]
pub(crate) struct Tables<'a> {
    users: HashMap<&'a UserId, u32>,
    movies: HashMap<&'a MovieId, u32>,
    user_ids: Vec<&'a UserId>,
    movie_ids: Vec<&'a MovieId>,
}

/// A rating that is predicted, by numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) user: u32,
    pub(crate) at: Timestamp,
    pub(crate) movie: u32,
    pub(crate) value: f64,
}

impl<'a> Tables<'a> {
    /// Numbers the users who have a rating in the future, and the movies of both.
    pub(crate) fn new(past: &'a [Rating], future: &'a [Rating]) -> Self {
        let user_ids = distinct(future.iter().map(|rating| &rating.user));
        let movie_ids = distinct(past.iter().chain(future).map(|rating| &rating.movie));
        let users = (0..).zip(&user_ids).map(|(number, user)| (*user, number)).collect();
        let movies = (0..).zip(&movie_ids).map(|(number, movie)| (*movie, number)).collect();
        Self { users, movies, user_ids, movie_ids }
    }

    pub(crate) fn user(&self, id: &UserId) -> Option<u32> {
        self.users.get(id).copied()
    }

    pub(crate) fn movie(&self, id: &MovieId) -> Option<u32> {
        self.movies.get(id).copied()
    }

    pub(crate) fn users(&self) -> &[&'a UserId] {
        &self.user_ids
    }

    pub(crate) fn movies(&self) -> &[&'a MovieId] {
        &self.movie_ids
    }

    /// Returns ratings by user, then by time, then by movie.
    pub(crate) fn steps<'r>(&self, ratings: impl Iterator<Item = &'r Rating>) -> Vec<Step> {
        let mut steps: Vec<Step> = ratings
            .filter_map(|rating| {
                let (user, movie) = (self.user(&rating.user)?, self.movie(&rating.movie)?);
                Some(Step { user, at: rating.rated_at, movie, value: rating.value })
            })
            .collect();
        steps.sort_unstable_by(|a, b| {
            (a.user, a.at, a.movie).cmp(&(b.user, b.at, b.movie)).then(a.value.total_cmp(&b.value))
        });
        steps
    }
}

/// Returns the distinct values in order. A hash set first, because most values repeat often.
fn distinct<'a, T: Ord + std::hash::Hash + 'a>(values: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let set: std::collections::HashSet<&T> = values.collect();
    let mut all: Vec<&T> = set.into_iter().collect();
    all.sort_unstable();
    all
}
