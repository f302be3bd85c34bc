//! Judges a model the way its users meet it: predict, then learn, one rating at a time ("prequential", Vinagre, Jorge & Gama, arXiv 1504.08175).
//!
//! The model is fitted on the past and never again; only the users' states learn from the future as it arrives. Beside it stands the same model with
//! states frozen at the cut, which is what a platform without instant updates would serve. Nothing here chooses anything: it only measures.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::thread;

use marquee_domain::{MovieId, Rating, Scale, UserId};
use marquee_fit::MovieIndex;
use marquee_model::Posterior;
use serde::{Deserialize, Serialize};

/// Central intervals of the normal distribution: probability and half-width in standard deviations.
const INTERVALS: [(f64, f64); 3] = [(0.5, 0.674_489_75), (0.8, 1.281_551_57), (0.9, 1.644_853_63)];

/// First history length of each slice.
const HISTORY: [u64; 5] = [0, 1, 5, 20, 50];

/// Bins of the calibration curve, over the scale.
const CALIBRATION_BINS: usize = 16;

/// Bins of the residuals: quarters of a star from −4 to 4.
const RESIDUAL_BINS: usize = 32;

/// What was measured; written as `metrics.json`. Ratings and errors are in stars; means of nothing are 0, beside a count of 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// How many ratings were predicted.
    pub ratings: u64,
    /// Root of the mean squared error, predictions clipped to the scale and made before their rating was learned.
    pub rmse: f64,
    /// Mean absolute error of the same.
    pub mae: f64,
    /// `rmse` with users' states as they were at the cut; strangers have the prior's.
    pub frozen_rmse: f64,
    /// Mean negative log density of a rating under the predicted normal, in nats. Movies outside the model are left out here and in `coverage`.
    pub nll: f64,
    /// How many users rated in the future.
    pub users: u64,
    /// How many of them the past never saw.
    pub new_users: u64,
    /// The part on movies without a rating in the past. Those outside the model are predicted as the user's mean so far.
    pub unseen_movies: Slice,
    /// By how many ratings the user had given.
    pub by_history: Vec<Slice>,
    /// How often central intervals held the rating, by growing probability.
    pub coverage: Vec<Coverage>,
    /// The future's ratings by level of the scale.
    pub histogram: Vec<u64>,
    /// Predicted against actual, by predicted rating; empty bins are left out.
    pub calibration: Vec<CalibrationBin>,
    /// How many predictions less rating lie in each quarter of a star from −4 to 4; what lies beyond is in the outermost.
    pub residuals: Vec<u64>,
}

/// Some of the predictions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Which, for example "1–4".
    pub name: String,
    /// How many.
    pub ratings: u64,
    /// Root of their mean squared error.
    pub rmse: f64,
    /// The same with states as they were at the cut.
    pub frozen_rmse: f64,
}

/// A central interval and how often it held.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Probability that the model gave it.
    pub nominal: f64,
    /// Share of ratings inside.
    pub actual: f64,
}

/// Predictions of about one value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Mean prediction.
    pub predicted: f64,
    /// Mean rating.
    pub actual: f64,
    /// How many.
    pub ratings: u64,
}

/// One rating of the future and what was predicted for it, in stars.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    rating: f64,
    /// Clipped, made just before the rating.
    predicted: f64,
    /// Clipped, made at the cut.
    frozen: f64,
    /// Unclipped mean and spread; none for a movie outside the model.
    normal: Option<(f64, f64)>,
    /// How many ratings the user had given.
    history: u64,
    /// The movie had a rating in the past.
    seen: bool,
}

/// What all users' predictions need.
#[derive(Debug)]
struct World<'a> {
    posterior: &'a Posterior,
    index: &'a MovieIndex,
    scale: Scale,
    /// Mean of the past, or the middle of the scale.
    mean: f64,
    histories: HashMap<&'a UserId, Vec<(Option<usize>, f64)>>,
    seen: HashSet<&'a MovieId>,
}

/// Evaluates a model of the past on the future, both sorted by time. Users are independent of one another, so they are worked on in parallel; the
/// result does not depend on how. It blocks; run it off the async threads.
pub fn evaluate(
    posterior: &Posterior,
    index: &MovieIndex,
    past: &[Rating],
    future: &[Rating],
    scale: Scale,
) -> Evaluation {
    let world = World::new(posterior, index, past, scale);
    let mut by_user: BTreeMap<&UserId, Vec<&Rating>> = BTreeMap::new();
    for rating in future {
        by_user.entry(&rating.user).or_default().push(rating);
    }
    let strangers = by_user.keys().filter(|user| !world.histories.contains_key(**user)).count();
    let by_user: Vec<(&UserId, Vec<&Rating>)> = by_user.into_iter().collect();
    let outcomes = world.outcomes(&by_user);
    summary(&outcomes, scale, (by_user.len() as u64, strangers as u64))
}

impl<'a> World<'a> {
    fn new(posterior: &'a Posterior, index: &'a MovieIndex, past: &'a [Rating], scale: Scale) -> Self {
        let mut histories: HashMap<&UserId, Vec<(Option<usize>, f64)>> = HashMap::new();
        let mut world = Self { posterior, index, scale, mean: 0.0, histories: HashMap::new(), seen: HashSet::new() };
        let mut sum = 0.0;
        for rating in past {
            histories.entry(&rating.user).or_default().push((world.movie(&rating.movie), rating.value));
            world.seen.insert(&rating.movie);
            sum += rating.value;
        }
        world.histories = histories;
        world.mean = if past.is_empty() { (scale.min() + scale.max()) / 2.0 } else { sum / past.len() as f64 };
        world
    }

    /// Index of a movie that the model holds.
    fn movie(&self, id: &MovieId) -> Option<usize> {
        self.index.get(id).map(|movie| movie as usize).filter(|&movie| movie < self.posterior.movies)
    }

    /// By user, then time.
    fn outcomes(&self, by_user: &[(&UserId, Vec<&Rating>)]) -> Vec<Outcome> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(16);
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

fn summary(outcomes: &[Outcome], scale: Scale, (users, new_users): (u64, u64)) -> Evaluation {
    let mean = |sum: f64| sum / outcomes.len().max(1) as f64;
    let all = slice(String::from("all"), outcomes.iter());
    let by_history = HISTORY.iter().enumerate().map(|(at, &from)| {
        let to = HISTORY.get(at + 1).map(|next| next - 1);
        let name = match to {
            Some(to) if to == from => to.to_string(),
            Some(to) => format!("{from}–{to}"),
            None => format!("{from}+"),
        };
        let inside = |outcome: &&Outcome| outcome.history >= from && to.is_none_or(|to| outcome.history <= to);
        slice(name, outcomes.iter().filter(inside))
    });
    let mut histogram = vec![0; scale.levels()];
    let mut residuals = vec![0; RESIDUAL_BINS];
    for outcome in outcomes {
        histogram[bin((outcome.rating - scale.min()) / scale.step() + 0.5, scale.levels())] += 1;
        residuals[bin((outcome.predicted - outcome.rating + 4.0) * 4.0, RESIDUAL_BINS)] += 1;
    }
    Evaluation {
        ratings: all.ratings,
        rmse: all.rmse,
        mae: mean(outcomes.iter().map(|outcome| (outcome.predicted - outcome.rating).abs()).sum()),
        frozen_rmse: all.frozen_rmse,
        nll: negative_log_density(outcomes),
        users,
        new_users,
        unseen_movies: slice(String::from("unseen movies"), outcomes.iter().filter(|outcome| !outcome.seen)),
        by_history: by_history.collect(),
        coverage: coverage(outcomes),
        histogram,
        calibration: calibration(outcomes, scale),
        residuals,
    }
}

fn slice<'a>(name: String, outcomes: impl Iterator<Item = &'a Outcome>) -> Slice {
    let (mut ratings, mut squares, mut frozen) = (0, 0.0, 0.0);
    for outcome in outcomes {
        ratings += 1;
        squares += (outcome.predicted - outcome.rating).powi(2);
        frozen += (outcome.frozen - outcome.rating).powi(2);
    }
    let of = ratings.max(1) as f64;
    Slice { name, ratings, rmse: (squares / of).sqrt(), frozen_rmse: (frozen / of).sqrt() }
}

fn negative_log_density(outcomes: &[Outcome]) -> f64 {
    let (mut count, mut sum) = (0u64, 0.0);
    for outcome in outcomes {
        let Some((mean, spread)) = outcome.normal else { continue };
        let deviation = (outcome.rating - mean) / spread;
        sum += 0.5 * (deviation * deviation + std::f64::consts::TAU.ln()) + spread.ln();
        count += 1;
    }
    sum / count.max(1) as f64
}

fn coverage(outcomes: &[Outcome]) -> Vec<Coverage> {
    let judged = || outcomes.iter().filter_map(|outcome| Some((outcome.rating, outcome.normal?)));
    let count = judged().count().max(1) as f64;
    let inside =
        |width: f64| judged().filter(|(rating, (mean, spread))| (rating - mean).abs() <= width * spread).count();
    INTERVALS.iter().map(|&(nominal, width)| Coverage { nominal, actual: inside(width) as f64 / count }).collect()
}

fn calibration(outcomes: &[Outcome], scale: Scale) -> Vec<CalibrationBin> {
    let width = (scale.max() - scale.min()) / CALIBRATION_BINS as f64;
    let mut bins = vec![CalibrationBin { predicted: 0.0, actual: 0.0, ratings: 0 }; CALIBRATION_BINS];
    for outcome in outcomes {
        let bin = &mut bins[bin((outcome.predicted - scale.min()) / width, CALIBRATION_BINS)];
        bin.ratings += 1;
        bin.predicted += outcome.predicted;
        bin.actual += outcome.rating;
    }
    bins.retain(|bin| bin.ratings > 0);
    for bin in &mut bins {
        bin.predicted /= bin.ratings as f64;
        bin.actual /= bin.ratings as f64;
    }
    bins
}

/// The bin of a value counted in bins; what lies outside belongs to the first or the last.
fn bin(value: f64, bins: usize) -> usize {
    // A cast of a negative or undefined number gives 0.
    (value as usize).min(bins - 1)
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;
    use marquee_model::Sample;

    use super::*;

    fn rating(user: &str, movie: &str, value: f64, at: i64) -> Rating {
        Rating {
            user: UserId::try_new(user).unwrap(),
            movie: MovieId::try_new(movie).unwrap(),
            value,
            rated_at: Timestamp::from_seconds(at),
        }
    }

    /// Biases only: offset 3, noise and prior of precision 1, movies x and y of bias `bias`.
    fn judge(bias: f64, past: &[Rating], future: &[Rating]) -> Evaluation {
        let ids = ["x", "y"].map(|id| MovieId::try_new(id).unwrap());
        let index = MovieIndex::new(ids.iter());
        let sample = Sample {
            offset: 3.0,
            noise_precision: 1.0,
            prior_mean: vec![0.0],
            prior_precision: vec![1.0],
            movie_bias: vec![bias; 2],
            factors: Vec::new(),
        };
        let posterior = Posterior { movies: 2, factors: 0, samples: vec![sample] };
        evaluate(&posterior, &index, past, future, Scale::try_new(1.0, 5.0, 1.0).unwrap())
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn every_rating_is_predicted_before_it_is_learned() {
        let past = [rating("a", "x", 3.0, 1), rating("a", "y", 3.0, 2)];
        // A stranger: 3, then after learning 5: 3 + 2 / 2 = 4.
        let evaluation = judge(0.0, &past, &[rating("b", "x", 5.0, 3), rating("b", "y", 5.0, 4)]);
        assert_eq!((evaluation.ratings, evaluation.users, evaluation.new_users), (2, 1, 1));
        assert!(
            close(evaluation.mae, 1.5) && close(evaluation.rmse, 2.5f64.sqrt()) && close(evaluation.frozen_rmse, 2.0)
        );
        let slices: Vec<(&str, u64)> = evaluation.by_history.iter().map(|s| (s.name.as_str(), s.ratings)).collect();
        assert_eq!(slices, [("0", 1), ("1–4", 1), ("5–19", 0), ("20–49", 0), ("50+", 0)]);
        // Deviations 2 and 1 at variances 2 and 1.5: inside 50 % none, 80 % the second, 90 % both.
        assert_eq!(evaluation.coverage.iter().map(|interval| interval.actual).collect::<Vec<_>>(), [0.0, 0.5, 1.0]);
        let density =
            |error: f64, variance: f64| 0.5 * (error * error / variance + (std::f64::consts::TAU * variance).ln());
        assert!(close(evaluation.nll, (density(2.0, 2.0) + density(1.0, 1.5)) / 2.0));
    }

    #[test]
    fn a_movie_outside_the_model_is_predicted_as_the_users_mean_and_counted_apart() {
        let past = [rating("a", "x", 2.0, 1), rating("a", "y", 4.0, 1), rating("c", "x", 5.0, 1)];
        let evaluation = judge(0.0, &past, &[rating("a", "new", 5.0, 2), rating("z", "new", 4.0, 2)]);
        // The user's mean is 3; a stranger's is the past's, 11 / 3.
        assert!(close(evaluation.mae, (2.0 + 1.0 / 3.0) / 2.0));
        assert_eq!((evaluation.unseen_movies.ratings, evaluation.nll), (2, 0.0));
    }

    #[test]
    fn a_movie_of_the_model_without_ratings_is_unseen_too() {
        let evaluation = judge(0.0, &[rating("a", "x", 3.0, 1)], &[rating("a", "y", 3.0, 2), rating("b", "x", 3.0, 3)]);
        assert_eq!((evaluation.unseen_movies.ratings, evaluation.ratings), (1, 2));
    }

    #[test]
    fn predictions_are_clipped_to_the_scale() {
        assert!(close(judge(9.0, &[], &[rating("b", "x", 4.0, 2)]).mae, 1.0));
    }

    #[test]
    fn every_rating_is_in_one_bin_of_each_picture() {
        let future: Vec<Rating> = (0..40)
            .map(|i| rating(["a", "b", "c"][i % 3], ["x", "y"][i % 2], (i % 5) as f64 + 1.0, i as i64))
            .collect();
        let evaluation = judge(0.0, &[], &future);
        assert_eq!(evaluation.histogram, [8; 5]);
        assert_eq!(evaluation.calibration.iter().map(|bin| bin.ratings).sum::<u64>(), 40);
        assert_eq!(evaluation.residuals.iter().sum::<u64>(), 40);
        assert_eq!(evaluation.by_history.iter().map(|slice| slice.ratings).sum::<u64>(), 40);
    }

    #[test]
    fn an_evaluation_of_nothing_is_zeros_and_survives_json() {
        let evaluation = judge(0.0, &[], &[]);
        assert_eq!((evaluation.ratings, evaluation.rmse, evaluation.nll), (0, 0.0, 0.0));
        let json = serde_json::to_string(&evaluation).unwrap();
        assert_eq!(serde_json::from_str::<Evaluation>(&json).unwrap(), evaluation);
    }
}
