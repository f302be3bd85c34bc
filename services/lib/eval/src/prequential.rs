//! Predicts each rating just before its user's state learns it.

use std::thread;

use marquee_domain::{MovieId, Rating, Scale};
use marquee_fit::MovieIndex;
use marquee_posterior::Posterior;

use crate::learner::{Guess, Learner, Teacher};
use crate::tables::{Step, Tables};
use crate::{Method, Normal, Options, Outcome, Outcomes};

/// The largest number of threads.
const THREADS: usize = 16;

/// What happens to a rating after it was predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The user's state learns it.
    Learn,
    /// It is not learned: all predictions use the past only.
    Forget,
}

/// Predicts every rating of the future with a model that was fitted on the past.
///
/// The ratings of a user at one instant are predicted together before any of them is learned, and
/// beside that one by one. The order of `past` and `future` does not matter. Where a pair of user
/// and movie comes twice, the later rating replaces the earlier one. Ratings that are not numbers
/// or lie outside the scale are left out of both.
///
/// Users are independent of one another, so threads share them. The result does not depend on the
/// number of threads. The call blocks; callers run it off the async threads.
pub fn prequential(
    posterior: &Posterior,
    index: &MovieIndex,
    past: &[Rating],
    future: &[Rating],
    options: &Options<'_>,
) -> Outcomes {
    let tables = Tables::new(past, future);
    let usable = |rating: &&Rating| is_usable(rating, options.scale);
    let predictor = Predictor::new((posterior, index), &tables, past.iter().filter(usable), options);
    let list = predictor.outcomes(&tables.steps(future.iter().filter(usable)), Then::Learn);
    let left_out = (future.len() - list.len()) as u64;
    collect(&tables, list, left_out, Method::Prequential)
}

/// Returns whether a rating can be predicted and learned. One that is off the scale by rounding is
/// usable.
pub(crate) fn is_usable(rating: &Rating, scale: Scale) -> bool {
    let slack = scale.resolution() / 100.0;
    (scale.min() - slack..=scale.max() + slack).contains(&rating.value)
}

/// Returns predictions with the ids of their users and movies.
pub(crate) fn collect(tables: &Tables<'_>, list: Vec<Outcome>, left_out: u64, method: Method) -> Outcomes {
    Outcomes {
        list,
        users: tables.users().iter().copied().cloned().collect(),
        movies: tables.movies().iter().copied().cloned().collect(),
        left_out,
        method,
    }
}

/// A model of the past and what the past says about users and movies.
#[derive(Debug)]
pub(crate) struct Predictor<'a> {
    posterior: &'a Posterior,
    options: &'a Options<'a>,
    /// The mean rating of the past, or the middle of the scale.
    mean: f64,
    /// The index in the model, by the number of the movie.
    models: Vec<Option<usize>>,
    /// The past of each user of the future, oldest first, by the number of the user.
    histories: Vec<Vec<(u32, f64)>>,
    /// The number of ratings in the past, by the number of the movie.
    counts: Vec<u32>,
}

impl<'a> Predictor<'a> {
    pub(crate) fn new<'r>(
        (posterior, index): (&'a Posterior, &MovieIndex),
        tables: &Tables<'_>,
        past: impl Iterator<Item = &'r Rating>,
        options: &'a Options<'a>,
    ) -> Self {
        let model = |id: &&MovieId| index.get(id).map(|movie| movie as usize).filter(|&movie| movie < posterior.movies);
        let mut counts = vec![0; tables.movies().len()];
        let mut dated: Vec<Vec<_>> = vec![Vec::new(); tables.users().len()];
        let (mut sum, mut count) = (0.0, 0u64);
        for rating in past {
            let Some(movie) = tables.movie(&rating.movie) else { continue };
            counts[movie as usize] += 1;
            sum += rating.value;
            count += 1;
            if let Some(user) = tables.user(&rating.user) {
                dated[user as usize].push((rating.rated_at, movie, rating.value));
            }
        }
        let in_order = |mut ratings: Vec<(_, u32, f64)>| {
            ratings.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
            ratings.into_iter().map(|(_, movie, value)| (movie, value)).collect()
        };
        let middle = f64::midpoint(options.scale.min(), options.scale.max());
        Self {
            posterior,
            options,
            mean: if count > 0 { sum / count as f64 } else { middle },
            models: tables.movies().iter().map(model).collect(),
            histories: dated.into_iter().map(in_order).collect(),
            counts,
        }
    }

    /// Returns the outcomes of steps, which are sorted by user, in the same order.
    pub(crate) fn outcomes(&self, steps: &[Step], then: Then) -> Vec<Outcome> {
        by_user(steps, |steps, outcomes| self.user(steps, then, outcomes))
    }

    fn user(&self, steps: &[Step], then: Then, outcomes: &mut Vec<Outcome>) {
        let Some(first) = steps.first() else { return };
        let past = self.histories.get(first.user as usize).map_or(&[][..], Vec::as_slice);
        let teacher =
            Teacher { posterior: self.posterior, models: &self.models, history: self.options.history, mean: self.mean };
        let frozen = Learner::new(teacher, past);
        let mut learner = frozen.clone();
        let clip = |guess: Guess| self.options.scale.clip(guess.rating);
        for instant in steps.chunk_by(|a, b| a.at == b.at) {
            let history = learner.count() as u32;
            let together: Vec<Guess> = instant.iter().map(|step| learner.guess(step.movie)).collect();
            for (place, (step, strict)) in instant.iter().zip(together).enumerate() {
                // Before the first rating of an instant is learned, both are the same.
                let is_same = place == 0 || then == Then::Forget;
                let one_by_one = if is_same { strict } else { learner.guess(step.movie) };
                let at_cut = if then == Then::Forget { strict } else { frozen.guess(step.movie) };
                outcomes.push(Outcome {
                    user: step.user,
                    movie: step.movie,
                    user_past: past.len() as u32,
                    movie_past: self.counts.get(step.movie as usize).copied().unwrap_or(0),
                    history,
                    at: step.at,
                    rating: step.value,
                    predicted: clip(strict),
                    one_by_one: clip(one_by_one),
                    frozen: clip(at_cut),
                    normal: strict.spread.map(|spread| Normal { mean: strict.rating, spread }),
                });
                if then == Then::Learn {
                    learner.learn(step.movie, step.value);
                }
            }
        }
    }
}

/// Returns the outcomes of steps, which are sorted by user, in the same order. `user` adds those of
/// one user. Users are spread over the cores.
pub(crate) fn by_user(steps: &[Step], user: impl Fn(&[Step], &mut Vec<Outcome>) + Sync) -> Vec<Outcome> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let work = |steps: &[Step]| -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(steps.len());
        steps.chunk_by(|a, b| a.user == b.user).for_each(|steps| user(steps, &mut outcomes));
        outcomes
    };
    thread::scope(|scope| {
        let work = &work;
        let shares: Vec<_> = shares(steps, threads).into_iter().map(|steps| scope.spawn(move || work(steps))).collect();
        let join = |share: thread::ScopedJoinHandle<'_, Vec<Outcome>>| {
            share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        shares.into_iter().flat_map(join).collect()
    })
}

/// Cuts steps into shares of about equal length, between users.
fn shares(steps: &[Step], threads: usize) -> Vec<&[Step]> {
    let length = steps.len().div_ceil(threads).max(1);
    let (mut shares, mut rest) = (Vec::with_capacity(threads), steps);
    while let Some(last) = rest.get(length.min(rest.len()).wrapping_sub(1)) {
        let (share, after) = rest.split_at(rest.partition_point(|step| step.user <= last.user));
        shares.push(share);
        rest = after;
    }
    shares
}
