//! Predicts each rating of the future just before its user's state learns it.

use std::collections::{HashMap, HashSet};
use std::thread;

use marquee_domain::{MovieId, Rating, Scale, UserId};
use marquee_fit::MovieIndex;
use marquee_posterior::Posterior;

/// The largest number of threads.
const THREADS: usize = 16;

/// One rating of the future and what was predicted for it, in stars.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) rating: f64,
    /// The clipped prediction just before the rating.
    pub(crate) predicted: f64,
    /// The clipped prediction at the cut.
    pub(crate) frozen: f64,
    /// The unclipped mean and spread. `None` for a movie outside the model.
    pub(crate) normal: Option<(f64, f64)>,
    /// The number of ratings that the user had given before.
    pub(crate) history: u64,
    /// Whether the movie has a rating in the past.
    pub(crate) seen: bool,
}

/// A model of the past and what the past says about users and movies.
#[derive(Debug)]
pub(crate) struct Predictor<'a> {
    posterior: &'a Posterior,
    index: &'a MovieIndex,
    scale: Scale,
    /// The mean rating of the past, or the middle of the scale.
    mean: f64,
    histories: HashMap<&'a UserId, Vec<(Option<usize>, f64)>>,
    seen: HashSet<&'a MovieId>,
}

impl<'a> Predictor<'a> {
    pub(crate) fn new(posterior: &'a Posterior, index: &'a MovieIndex, past: &'a [Rating], scale: Scale) -> Self {
        let mut histories: HashMap<&UserId, Vec<(Option<usize>, f64)>> = HashMap::new();
        let mut predictor =
            Self { posterior, index, scale, mean: 0.0, histories: HashMap::new(), seen: HashSet::new() };
        let mut sum = 0.0;
        for rating in past {
            histories.entry(&rating.user).or_default().push((predictor.movie(&rating.movie), rating.value));
            predictor.seen.insert(&rating.movie);
            sum += rating.value;
        }
        predictor.histories = histories;
        predictor.mean = if past.is_empty() { (scale.min() + scale.max()) / 2.0 } else { sum / past.len() as f64 };
        predictor
    }

    /// Returns whether a user has a rating in the past.
    pub(crate) fn knows(&self, user: &UserId) -> bool {
        self.histories.contains_key(user)
    }

    /// Returns the index of a movie of the model.
    fn movie(&self, id: &MovieId) -> Option<usize> {
        self.index.get(id).map(|movie| movie as usize).filter(|&movie| movie < self.posterior.movies)
    }

    /// Returns the outcomes, by user and then by time.
    pub(crate) fn outcomes(&self, by_user: &[(&UserId, Vec<&Rating>)]) -> Vec<Outcome> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        let share = by_user.len().div_ceil(threads).max(1);
        let work = |users: &[(&UserId, Vec<&Rating>)]| -> Vec<Outcome> {
            users.iter().flat_map(|(user, ratings)| self.user(user, ratings)).collect()
        };
        thread::scope(|scope| {
            let shares: Vec<_> = by_user.chunks(share).map(|users| scope.spawn(move || work(users))).collect();
            let join = |share: thread::ScopedJoinHandle<'_, Vec<Outcome>>| {
                share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            shares.into_iter().flat_map(join).collect()
        })
    }

    fn user(&self, user: &UserId, ratings: &[&Rating]) -> Vec<Outcome> {
        let past = self.histories.get(user).map_or(&[][..], Vec::as_slice);
        let known: Vec<(usize, f64)> = past.iter().filter_map(|&(movie, value)| Some((movie?, value))).collect();
        let frozen = self.posterior.state(&known);
        let mut state = frozen.clone();
        let mut sum: f64 = past.iter().map(|(_, value)| value).sum();
        let mean = |sum: f64, count: u64| if count > 0 { sum / count as f64 } else { self.mean };
        let mean_at_cut = mean(sum, past.len() as u64);
        let mut outcomes = Vec::with_capacity(ratings.len());
        for (count, rating) in (past.len() as u64..).zip(ratings) {
            let movie = self.movie(&rating.movie);
            let (predicted, at_cut, normal) = match movie {
                Some(movie) => {
                    let now = self.posterior.estimate(&state, movie);
                    let at_cut = self.posterior.estimate(&frozen, movie);
                    (now.rating, at_cut.rating, Some((now.rating, now.spread)))
                }
                None => (mean(sum, count), mean_at_cut, None),
            };
            outcomes.push(Outcome {
                rating: rating.value,
                predicted: self.scale.clip(predicted),
                frozen: self.scale.clip(at_cut),
                normal,
                history: count,
                seen: self.seen.contains(&rating.movie),
            });
            if let Some(movie) = movie {
                state.learn(self.posterior, movie, rating.value);
            }
            sum += rating.value;
        }
        outcomes
    }
}
