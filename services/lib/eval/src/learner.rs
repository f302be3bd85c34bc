//! What a model knows about one user as time goes by: the newest ratings, and the state that
//! follows from them.

use std::collections::{HashSet, VecDeque};

use marquee_posterior::{Posterior, UserState};

use crate::History;

/// A prediction that is not clipped to the scale, in stars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Guess {
    pub(crate) rating: f64,
    /// `None` for a movie outside the model.
    pub(crate) spread: Option<f64>,
}

/// A model and how it is used for every user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Teacher<'a> {
    pub(crate) posterior: &'a Posterior,
    /// The index in the model of each movie, by its number. `None` for a movie outside.
    pub(crate) models: &'a [Option<usize>],
    pub(crate) history: History,
    /// The prediction for a user without ratings and a movie outside the model.
    pub(crate) mean: f64,
}

/// One user.
///
/// **Invariant:** the state is that of the newest ratings, at most [`History::limit`] of them
/// (`the_state_is_that_of_the_newest_ratings`).
#[derive(Debug, Clone)]
pub(crate) struct Learner<'a> {
    teacher: Teacher<'a>,
    /// The newest ratings that count, oldest first: the number of the movie, and the value.
    window: VecDeque<(u32, f64)>,
    /// Every movie that the user has rated, in the window and before it.
    rated: HashSet<u32>,
    state: UserState,
}

impl<'a> Learner<'a> {
    /// Returns a user with ratings of the past, oldest first.
    pub(crate) fn new(teacher: Teacher<'a>, past: &[(u32, f64)]) -> Self {
        let mut learner = Self {
            teacher,
            window: VecDeque::new(),
            rated: HashSet::with_capacity(past.len()),
            state: teacher.posterior.state(&[]),
        };
        for &(movie, value) in past {
            learner.slide(movie, value);
        }
        let known = |&(movie, value): &(u32, f64)| Some((learner.model(movie)?, value));
        let history: Vec<(usize, f64)> = learner.window.iter().filter_map(known).collect();
        learner.state = teacher.posterior.state(&history);
        learner
    }

    /// Returns how many movies the user has rated.
    pub(crate) fn count(&self) -> usize {
        self.rated.len()
    }

    /// Predicts the rating of a movie. A movie outside the model is predicted as the mean of the
    /// window, as in serving.
    pub(crate) fn guess(&self, movie: u32) -> Guess {
        match self.model(movie) {
            Some(movie) => {
                let estimate = self.teacher.posterior.estimate(&self.state, movie);
                Guess { rating: estimate.rating, spread: Some(estimate.spread) }
            }
            None if self.window.is_empty() => Guess { rating: self.teacher.mean, spread: None },
            None => {
                let sum: f64 = self.window.iter().map(|(_, value)| value).sum();
                Guess { rating: sum / self.window.len() as f64, spread: None }
            }
        }
    }

    /// Learns a rating.
    pub(crate) fn learn(&mut self, movie: u32, value: f64) {
        let gone = self.slide(movie, value);
        let known = |&(movie, value): &(u32, f64)| Some((self.model(movie)?, value));
        let added: Vec<(usize, f64)> = [(movie, value)].iter().filter_map(known).collect();
        let gone: Vec<(usize, f64)> = gone.iter().filter_map(known).collect();
        if !added.is_empty() || !gone.is_empty() {
            self.state.update(self.teacher.posterior, &added, &gone);
        }
    }

    fn model(&self, movie: u32) -> Option<usize> {
        self.teacher.models.get(movie as usize).copied().flatten()
    }

    /// Moves the window to one more rating. Returns those that leave it.
    fn slide(&mut self, movie: u32, value: f64) -> Vec<(u32, f64)> {
        let mut gone = Vec::new();
        if !self.rated.insert(movie)
            && let Some(at) = self.window.iter().position(|(kept, _)| *kept == movie)
        {
            gone.extend(self.window.remove(at));
        }
        self.window.push_back((movie, value));
        while self.window.len() > self.teacher.history.limit {
            gone.extend(self.window.pop_front());
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use marquee_posterior::Sample;
    use proptest::prelude::*;

    use super::*;

    const MOVIES: usize = 6;

    fn posterior() -> Posterior {
        let sample = Sample {
            offset: 3.0,
            noise_precision: 2.0,
            prior_mean: vec![0.1, 0.0],
            prior_precision: vec![1.0, 0.5],
            movie_bias: (0..MOVIES).map(|movie| movie as f64 / 10.0).collect(),
            factors: (0..MOVIES).map(|movie| (movie as f64 * 1.7).sin()).collect(),
            ..Sample::default()
        };
        Posterior { movies: MOVIES, factors: 1, samples: vec![sample], ..Posterior::default() }
    }

    fn teacher<'a>(posterior: &'a Posterior, models: &'a [Option<usize>], limit: usize) -> Teacher<'a> {
        let history = History { limit };
        Teacher { posterior, models, history, mean: 2.5 }
    }

    proptest! {
        #[test]
        fn the_state_is_that_of_the_newest_ratings(
            ratings in prop::collection::vec((0u32..8, 1u8..=5), 0..30),
            cut in 0usize..30,
            limit in 1usize..8,
        ) {
            let posterior = posterior();
            // Movies 6 and 7 are outside the model.
            let models: Vec<Option<usize>> = (0..8).map(|movie| (movie < MOVIES).then_some(movie)).collect();
            let mut kept: Vec<(u32, f64)> = Vec::new();
            let ratings: Vec<(u32, f64)> =
                ratings.into_iter().map(|(movie, value)| (movie, f64::from(value))).collect();
            let (past, future) = ratings.split_at(cut.min(ratings.len()));
            let newest = |kept: &[(u32, f64)]| kept[kept.len().saturating_sub(limit)..].to_vec();
            for &(movie, value) in past {
                kept.retain(|(other, _)| *other != movie);
                kept.push((movie, value));
            }
            let mut learner = Learner::new(teacher(&posterior, &models, limit), past);
            for &(movie, value) in future {
                kept.retain(|(other, _)| *other != movie);
                kept.push((movie, value));
                let held = newest(&kept);
                learner.learn(movie, value);
                let known: Vec<(usize, f64)> =
                    held.iter().filter_map(|&(movie, value)| Some((models[movie as usize]?, value))).collect();
                let state = posterior.state(&known);
                for movie in 0..MOVIES {
                    let (ours, exact) = (learner.guess(movie as u32), posterior.estimate(&state, movie));
                    prop_assert!((ours.rating - exact.rating).abs() < 1e-9);
                    prop_assert!((ours.spread.unwrap() - exact.spread).abs() < 1e-9);
                }
                let window = newest(&kept);
                let mean = window.iter().map(|(_, value)| value).sum::<f64>() / window.len() as f64;
                prop_assert!((learner.guess(7).rating - mean).abs() < 1e-12);
                prop_assert_eq!(learner.count(), kept.len());
            }
        }
    }

    #[test]
    fn a_rating_that_is_given_again_replaces_the_first() {
        let posterior = posterior();
        let models = [Some(0), None];
        let mut learner = Learner::new(teacher(&posterior, &models, 5), &[(0, 1.0)]);
        learner.learn(0, 5.0);
        let expected = posterior.estimate(&posterior.state(&[(0, 5.0)]), 0);
        assert_eq!((learner.guess(0).rating, learner.count()), (expected.rating, 1));
        assert_eq!(learner.guess(1), Guess { rating: 5.0, spread: None });
    }

    #[test]
    fn a_stranger_gets_the_mean_of_all_for_a_movie_outside_the_model() {
        let posterior = posterior();
        let learner = Learner::new(teacher(&posterior, &[None], 5), &[]);
        assert_eq!(learner.guess(0), Guess { rating: 2.5, spread: None });
    }
}
