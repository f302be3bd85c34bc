//! What two versions predict for real ratings, and the kinds of candidates made of it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use marquee_domain::{MovieId, Offset, Rating, RatingEvent, Scale, Timestamp, UserId};
use marquee_fit::{Algorithm, FitParameters, Fold, MovieIndex, fit};
use marquee_posterior::Posterior;
use marquee_rollout::RecordedRating;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

/// A kind of candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contest {
    /// The same ratings and algorithm with another seed.
    Equal,
    /// As good as the stable version, and wrong about other ratings: both have noise of their own.
    EqualNoisy,
    /// The version with noise that makes its RMSE worse by the wanted difference.
    Worse,
}

impl Contest {
    pub(crate) const ALL: [Self; 3] = [Self::Equal, Self::EqualNoisy, Self::Worse];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal, another seed",
            Self::EqualNoisy => "equal, errors of its own",
            Self::Worse => "worse by 0.02",
        }
    }
}

/// One rating and what both versions predicted for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Predicted {
    pub(crate) time: Timestamp,
    pub(crate) rating: f64,
    pub(crate) stable: f64,
    pub(crate) other: f64,
    /// Noise of the stable version and of the candidate, with a standard deviation of 1.
    pub(crate) noise: (f64, f64),
}

/// The ratings of the newer half by user, in the order of time.
#[derive(Debug)]
pub(crate) struct Recording {
    users: Vec<Vec<Predicted>>,
    /// The standard deviation of the noise that makes the wanted difference.
    spread: f64,
}

impl Recording {
    /// Fits two versions and predicts.
    pub(crate) fn make(worse: f64) -> Result<Self> {
        let snapshot = movielens()?;
        let (past, future) = snapshot.split(0.5);
        let index = MovieIndex::new(snapshot.ratings().iter().map(|rating| &rating.movie));
        let dense = index.dense(past)?;
        let fitted = |seed| {
            let parameters = FitParameters { seed, ..FitParameters::default_of(Algorithm::Bayes) };
            fit(&dense, Algorithm::Bayes, &parameters, &mut ())
        };
        let (stable, other) = (fitted(1)?, fitted(2)?);
        let histories = by_user(past);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let user = |(user, ratings): (&UserId, Vec<&Rating>)| {
            let past: &[&Rating] = histories.get(user).map_or(&[], Vec::as_slice);
            predict((&stable, &other), &index, (past, &ratings), &mut rng)
        };
        let users = by_user(future).into_iter().map(user).collect();
        let mut recording = Self { users, spread: 0.0 };
        recording.spread = recording.spread_for(recording.stable_rmse() + worse);
        Ok(recording)
    }

    /// Returns the number of ratings.
    pub(crate) fn len(&self) -> usize {
        self.users.iter().map(Vec::len).sum()
    }

    pub(crate) fn stable_rmse(&self) -> f64 {
        self.rmse(|rating| rating.stable)
    }

    pub(crate) fn candidate_rmse(&self, contest: Contest) -> f64 {
        self.rmse(|rating| self.predictions(rating, contest).1)
    }

    fn rmse(&self, prediction: impl Fn(&Predicted) -> f64) -> f64 {
        let squares = self.users.iter().flatten().map(|rating| (prediction(rating) - rating.rating).powi(2));
        (squares.sum::<f64>() / self.len() as f64).sqrt()
    }

    /// Finds the noise that gives the candidate an RMSE, by halving.
    fn spread_for(&self, rmse: f64) -> f64 {
        let (mut low, mut high) = (0.0, 2.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            match self.rmse(|rating| clip(rating.stable + middle * rating.noise.1)) < rmse {
                true => low = middle,
                false => high = middle,
            }
        }
        low
    }

    /// Returns what the stable version and the candidate predict.
    pub(crate) fn predictions(&self, rating: &Predicted, contest: Contest) -> (f64, f64) {
        let noisy = |noise: f64| clip(rating.stable + self.spread * noise);
        match contest {
            Contest::Equal => (rating.stable, rating.other),
            Contest::EqualNoisy => (noisy(rating.noise.0), noisy(rating.noise.1)),
            Contest::Worse => (rating.stable, noisy(rating.noise.1)),
        }
    }

    /// Draws as many users as there are, with replacement. Returns their ratings in the order of
    /// time.
    pub(crate) fn resampled(&self, contest: Contest, seed: u64) -> Vec<RecordedRating> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut drawn: Vec<&Predicted> = (0..self.users.len()).flat_map(|_| self.draw(&mut rng)).collect();
        drawn.sort_by_key(|rating| rating.time);
        drawn.into_iter().map(|rating| self.recorded(rating, contest)).collect()
    }

    /// Draws a user.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng) -> &[Predicted] {
        self.users.get(rng.random_range(0..self.users.len())).map_or(&[], Vec::as_slice)
    }

    fn recorded(&self, rating: &Predicted, contest: Contest) -> RecordedRating {
        let (stable, candidate) = self.predictions(rating, contest);
        let errors = (stable - rating.rating, candidate - rating.rating);
        RecordedRating {
            time: rating.time,
            squared: (errors.0 * errors.0, errors.1 * errors.1),
            absolute: (errors.0.abs(), errors.1.abs()),
            log_loss: (0.0, 0.0),
            slices: Vec::new(),
            failed: false,
        }
    }
}

fn clip(rating: f64) -> f64 {
    rating.clamp(1.0, 5.0)
}

fn by_user(ratings: &[Rating]) -> BTreeMap<&UserId, Vec<&Rating>> {
    let mut users: BTreeMap<&UserId, Vec<&Rating>> = BTreeMap::new();
    for rating in ratings {
        users.entry(&rating.user).or_default().push(rating);
    }
    users
}

/// Predicts each rating of a user from the ratings before it, then learns it.
fn predict(
    (stable, other): (&Posterior, &Posterior),
    index: &MovieIndex,
    (past, ratings): (&[&Rating], &[&Rating]),
    rng: &mut ChaCha8Rng,
) -> Vec<Predicted> {
    let movie = |id: &MovieId| index.get(id).map(|movie| movie as usize).filter(|&movie| movie < stable.movies);
    let known: Vec<(usize, f64)> =
        past.iter().filter_map(|rating| Some((movie(&rating.movie)?, rating.value))).collect();
    let mut states = (stable.state(&known), other.state(&known));
    let mut predicted = Vec::with_capacity(ratings.len());
    for rating in ratings {
        let Some(at) = movie(&rating.movie) else { continue };
        predicted.push(Predicted {
            time: rating.rated_at,
            rating: rating.value,
            stable: clip(stable.estimate(&states.0, at).rating),
            other: clip(other.estimate(&states.1, at).rating),
            noise: (StandardNormal.sample(rng), StandardNormal.sample(rng)),
        });
        states.0.learn(stable, at, rating.value);
        states.1.learn(other, at, rating.value);
    }
    predicted
}

fn movielens() -> Result<marquee_fit::Snapshot> {
    let data = marquee_e2e::movielens()?;
    let scale = Scale::try_new(1.0, 5.0, 1.0)?;
    let mut fold = Fold::default();
    for (offset, row) in (0..).map(Offset).zip(data.ratings()?) {
        let row = row?;
        let rating = Rating {
            user: UserId::try_new(&row.user)?,
            movie: MovieId::try_new(&row.movie)?,
            value: scale.clip(row.rating),
            rated_at: row.rated_at.context("a rating without a time")?,
        };
        fold.apply(offset, &RatingEvent::Rated(rating));
    }
    Ok(fold.finish())
}
