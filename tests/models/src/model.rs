//! All that the bench asks of Marquee's model: fit it, time its sweeps, predict with it.
//!
//! A prediction is made as serving makes it: the state of a user is computed from the user's
//! ratings in training, never taken from the fit.

use std::thread;
use std::time::Instant;

use anyhow::Result;
use marquee_fit::{Algorithm, FitParameters, How, Observer, Ratings, Start, Stop, fit_how};
use marquee_posterior::Posterior;

use crate::figures::Curve;
use crate::fold::{Fold, History, Rated};

/// The scale of all data sets of the bench, in stars.
const STARS: (f64, f64) = (1.0, 5.0);

/// A fitted model.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) posterior: Posterior,
    /// Seconds from triplets in memory to the posterior: sorting, and all sweeps.
    pub(crate) seconds: f64,
    /// Seconds of each sweep.
    pub(crate) sweeps: Vec<f64>,
    /// Where the fit has ended.
    pub(crate) end: Option<Start>,
}

/// Takes the time of each sweep.
struct Clock {
    last: Instant,
    sweeps: Vec<f64>,
}

impl Observer for Clock {
    fn progress(&mut self, _done: usize, _total: usize) {
        self.sweeps.push(self.last.elapsed().as_secs_f64());
        self.last = Instant::now();
    }

    fn canceled(&self) -> bool {
        false
    }
}

/// Fits a model to triplets, with all of its sweeps.
pub(crate) fn fitted(
    (users, movies): (usize, usize),
    triplets: Vec<Rated>,
    algorithm: Algorithm,
    parameters: &FitParameters,
) -> Result<Fitted> {
    let started = Instant::now();
    let ratings = Ratings::try_new(users, movies, triplets)?;
    fitted_to(&ratings, algorithm, parameters, started)
}

/// Fits a model to ratings with all of its sweeps, with the seconds since `started`.
pub(crate) fn fitted_to(
    ratings: &Ratings,
    algorithm: Algorithm,
    parameters: &FitParameters,
    started: Instant,
) -> Result<Fitted> {
    let how = How { stop: Stop::AtLast, ..How::default() };
    fitted_how(ratings, algorithm, parameters, how, started)
}

/// Fits a model to ratings in a certain way, with the seconds since `started`.
pub(crate) fn fitted_how(
    ratings: &Ratings,
    algorithm: Algorithm,
    parameters: &FitParameters,
    how: How<'_>,
    started: Instant,
) -> Result<Fitted> {
    let mut clock = Clock { last: Instant::now(), sweeps: Vec::with_capacity(parameters.sweeps) };
    let marquee_fit::Fitted { posterior, end } = fit_how(ratings, algorithm, parameters, how, &mut clock)?;
    Ok(Fitted { posterior, end, seconds: started.elapsed().as_secs_f64(), sweeps: clock.sweeps })
}

/// Returns the root mean squared error on held-out ratings, of predictions clipped to the scale.
/// The users' states are computed from `known`.
pub(crate) fn rmse(posterior: &Posterior, users: usize, known: &[Rated], test: &[Rated]) -> f64 {
    let mut histories: Vec<History> = vec![Vec::new(); users];
    for &(user, movie, stars) in known {
        histories[user as usize].push((movie as usize, stars));
    }
    let mut asked: Vec<History> = vec![Vec::new(); users];
    for &(user, movie, stars) in test {
        asked[user as usize].push((movie as usize, stars));
    }
    let users: Vec<_> = histories.into_iter().zip(asked).filter(|(_, asked)| !asked.is_empty()).collect();
    let squares = |(known, asked): &(History, History)| -> f64 {
        let state = posterior.state(known);
        let predicted = |movie| posterior.estimate(&state, movie).rating.clamp(STARS.0, STARS.1);
        asked.iter().map(|&(movie, stars)| (predicted(movie) - stars).powi(2)).sum()
    };
    let sum: f64 = in_threads(&users, |users| users.iter().map(squares).sum::<f64>()).into_iter().sum();
    (sum / test.len().max(1) as f64).sqrt()
}

/// Fits with a growing number of sweeps, each time from the start: the seconds are those of a whole
/// fit with that number of sweeps.
pub(crate) fn growing(
    fold: &Fold,
    name: &str,
    algorithm: Algorithm,
    parameters: &FitParameters,
    sweeps: &[usize],
) -> Result<Curve> {
    let mut points = Vec::new();
    for &sweeps in sweeps {
        let fitted = fitted(fold.shape(), fold.train.clone(), algorithm, &shortened(parameters, sweeps))?;
        points.push((fitted.seconds, rmse(&fitted.posterior, fold.users, &fold.train, &fold.test)));
    }
    Ok(Curve { fold: name.to_owned(), label: label(algorithm, parameters), points })
}

/// Returns parameters with this number of sweeps. Burn-in and samples shrink with them where they
/// must.
fn shortened(parameters: &FitParameters, sweeps: usize) -> FitParameters {
    let burn_in = parameters.burn_in.min(sweeps / 4);
    FitParameters { sweeps, burn_in, samples: parameters.samples.min(sweeps - burn_in), ..*parameters }
}

fn label(algorithm: Algorithm, parameters: &FitParameters) -> String {
    let name = match algorithm {
        Algorithm::Bias => "bias",
        Algorithm::Map => "map",
        Algorithm::Bayes => "bayes",
    };
    format!("Marquee {name}, k = {}", parameters.factors)
}

/// Returns how a fit is set up, in words.
pub(crate) fn settings(algorithm: Algorithm, parameters: &FitParameters) -> String {
    let FitParameters { sweeps, burn_in, samples, seed, .. } = parameters;
    let threads = threads();
    let sampling = match algorithm {
        Algorithm::Bayes => format!(", burn-in {burn_in}, {samples} samples"),
        _ => String::new(),
    };
    format!("{}, {sweeps} sweeps{sampling}, seed {seed}, {threads} threads", label(algorithm, parameters))
}

/// Returns the number of threads that the bench uses, as the fit does.
fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(16)
}

/// Runs work on shares of items, a thread for each share, and returns the results in their order.
pub(crate) fn in_threads<T: Sync, R: Send>(items: &[T], work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    // Many small shares, because the first users of a data set may have more ratings than the last.
    let share = items.len().div_ceil(threads() * 16).max(1);
    let shares: Vec<&[T]> = items.chunks(share).collect();
    let mut results: Vec<Vec<(usize, R)>> = thread::scope(|scope| {
        let work = &work;
        let shares = &shares;
        let workers: Vec<_> = (0..threads())
            .map(|first| {
                let mine = (first..shares.len()).step_by(threads());
                scope.spawn(move || mine.map(|share| (share, work(shares[share]))).collect::<Vec<_>>())
            })
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<(usize, R)>>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect()
    });
    let mut all: Vec<(usize, R)> = results.drain(..).flatten().collect();
    all.sort_by_key(|(share, _)| *share);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_back_in_order_and_hold_every_item_once() {
        for count in [0, 1, 7, 1_000] {
            let items: Vec<usize> = (0..count).collect();
            let results = in_threads(&items, <[usize]>::to_vec);
            assert_eq!(results.concat(), items);
        }
    }

    #[test]
    fn shorter_fits_have_parameters_in_range() {
        let parameters = FitParameters::default_of(Algorithm::Bayes);
        for sweeps in [2, 5, 20, 160] {
            shortened(&parameters, sweeps).check().unwrap();
        }
    }

    #[test]
    fn a_model_that_learned_the_ratings_predicts_them_better_than_their_mean() {
        let ratings: Vec<Rated> = (0..40)
            .flat_map(|user| (0..20).map(move |movie| (user, movie, if (user + movie) % 2 == 0 { 5.0 } else { 1.0 })))
            .collect();
        let order: Vec<u32> = (0..ratings.len() as u32).collect();
        let fold = Fold::of_order(&ratings, (40, 20), &order, 3, 11);
        let parameters = FitParameters { factors: 2, ..FitParameters::default_of(Algorithm::Map) };
        let curve = growing(&fold, "made", Algorithm::Map, &parameters, &[1, 40]).unwrap();
        assert!(curve.points[1].1 < 0.5, "{curve:?}");
        assert!(curve.points[0].0 < curve.points[1].0, "{curve:?}");
        let fitted = fitted(fold.shape(), fold.train, Algorithm::Map, &parameters).unwrap();
        assert_eq!(fitted.sweeps.len(), parameters.sweeps);
    }
}
