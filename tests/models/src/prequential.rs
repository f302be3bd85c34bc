//! Predictions in the order of time: each rating is predicted from what its user has rated before.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result};
use marquee_datasets::Dataset;
use marquee_domain::{MovieId, Offset, Rating, RatingEvent, Scale, UserId};
use marquee_fit::{Fold as EventFold, MovieIndex, Snapshot};
use marquee_posterior::{Posterior, UserState};

use crate::fold::{Fold, History, Rated};
use crate::model::in_threads;

/// The share of ratings that is predicted.
const FUTURE: f64 = 0.2;

/// A data set in the order of time, and its movies. Movies that only the future rates have an index
/// too: the catalog has them.
#[derive(Debug)]
pub(crate) struct Timeline {
    snapshot: Snapshot,
    pub(crate) index: MovieIndex,
}

/// What a user's state learns after a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learning {
    /// Nothing: the state is that of the cut.
    Frozen,
    /// Each rating after its own prediction.
    OneByOne,
    /// All ratings of one instant after all of them were predicted.
    Strict,
}

/// A prediction of a rating of the future.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// The clipped prediction minus the rating, in stars.
    pub(crate) error: f64,
    /// The rating minus the expected rating, in predicted standard deviations.
    pub(crate) deviation: f64,
    /// The ratings that the state had learned.
    pub(crate) learned: usize,
    /// Whether the past rates the movie.
    pub(crate) seen: bool,
}

impl Timeline {
    /// Reads a data set whose ratings have times.
    pub(crate) fn read(dataset: &Dataset) -> Result<Self> {
        let mut fold = EventFold::default();
        for (offset, row) in (0..).map(Offset).zip(dataset.ratings()?) {
            let row = row?;
            let (user, movie) = (UserId::try_new(&row.user)?, MovieId::try_new(&row.movie)?);
            let rating = Rating { user, movie, value: row.rating, rated_at: row.rated_at.context("it has no times")? };
            fold.apply(offset, &RatingEvent::Rated(rating));
        }
        let snapshot = fold.finish();
        let index = MovieIndex::new(snapshot.ratings().iter().map(|rating| &rating.movie));
        Ok(Self { snapshot, index })
    }

    /// Returns the past and the future, each in the order of time.
    pub(crate) fn split(&self) -> (&[Rating], &[Rating]) {
        self.snapshot.split(FUTURE)
    }

    /// Returns past and future as a fold, for libraries that learn nothing after the cut.
    pub(crate) fn fold(&self) -> Result<Fold> {
        let mut users: HashMap<&UserId, u32> = HashMap::new();
        let (past, future) = self.split();
        let mut triplets = Vec::with_capacity(past.len() + future.len());
        for rating in past.iter().chain(future) {
            let next = users.len() as u32;
            let user = *users.entry(&rating.user).or_insert(next);
            let movie = self.index.get(&rating.movie).context("a movie of the set has no index")?;
            triplets.push((user, movie, rating.value));
        }
        let test: Vec<Rated> = triplets.split_off(past.len());
        Ok(Fold { users: users.len(), movies: self.index.len(), train: triplets, test })
    }
}

/// Predicts the future, user by user.
pub(crate) fn outcomes(
    posterior: &Posterior,
    index: &MovieIndex,
    (past, future): (&[Rating], &[Rating]),
    scale: Scale,
    learning: Learning,
) -> Vec<Outcome> {
    let seen: HashSet<&MovieId> = past.iter().map(|rating| &rating.movie).collect();
    let mut users: BTreeMap<&UserId, (History, Vec<&Rating>)> = BTreeMap::new();
    for rating in future {
        users.entry(&rating.user).or_default().1.push(rating);
    }
    for rating in past {
        if let (Some((history, _)), Some(movie)) = (users.get_mut(&rating.user), index.get(&rating.movie)) {
            history.push((movie as usize, rating.value));
        }
    }
    let users: Vec<_> = users.into_values().collect();
    let of_user = |(history, asked): &(History, Vec<&Rating>)| -> Vec<Outcome> {
        let mut state = posterior.state(history);
        let mut learned = history.len();
        let mut outcomes = Vec::with_capacity(asked.len());
        let together = |a: &&Rating, b: &&Rating| learning != Learning::OneByOne && a.rated_at == b.rated_at;
        for instant in asked.chunk_by(together) {
            let predict = |rating: &&Rating| predict(posterior, &state, index, (rating, learned), scale, &seen);
            outcomes.extend(instant.iter().filter_map(predict));
            if learning == Learning::Frozen {
                continue;
            }
            for rating in instant {
                if let Some(movie) = index.get(&rating.movie) {
                    state.learn(posterior, movie as usize, rating.value);
                    learned += 1;
                }
            }
        }
        outcomes
    };
    in_threads(&users, |users| users.iter().flat_map(of_user).collect::<Vec<_>>()).concat()
}

fn predict(
    posterior: &Posterior,
    state: &UserState,
    index: &MovieIndex,
    (rating, learned): (&Rating, usize),
    scale: Scale,
    seen: &HashSet<&MovieId>,
) -> Option<Outcome> {
    let estimate = posterior.estimate(state, index.get(&rating.movie)? as usize);
    Some(Outcome {
        error: scale.clip(estimate.rating) - rating.value,
        deviation: (rating.value - estimate.rating) / estimate.spread,
        learned,
        seen: seen.contains(&rating.movie),
    })
}

/// Returns the root mean squared error.
pub(crate) fn rmse(outcomes: &[Outcome]) -> f64 {
    let squares: f64 = outcomes.iter().map(|outcome| outcome.error.powi(2)).sum();
    (squares / outcomes.len().max(1) as f64).sqrt()
}

/// Returns the percentage of ratings within this number of predicted standard deviations.
pub(crate) fn coverage<'a>(outcomes: impl Iterator<Item = &'a Outcome>, deviations: f64) -> f64 {
    let (mut count, mut inside) = (0_u32, 0_u32);
    for outcome in outcomes {
        count += 1;
        inside += u32::from(outcome.deviation.abs() <= deviations);
    }
    100.0 * f64::from(inside) / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;
    use marquee_fit::{Algorithm, FitParameters, fit};

    use super::*;

    /// Returns a timeline of users who rate `together` movies in each second.
    fn timeline(together: i64) -> Timeline {
        let mut fold = EventFold::default();
        for number in 0..600_i64 {
            let (user, movie) = (number % 12, number / 12);
            let rating = Rating {
                user: UserId::try_new(&format!("u{user}")).unwrap(),
                movie: MovieId::try_new(&format!("m{movie}")).unwrap(),
                value: ((user * 7 + movie * 3) % 5 + 1) as f64,
                rated_at: Timestamp::from_seconds(movie / together),
            };
            fold.apply(Offset(number as u64), &RatingEvent::Rated(rating));
        }
        let snapshot = fold.finish();
        let index = MovieIndex::new(snapshot.ratings().iter().map(|rating| &rating.movie));
        Timeline { snapshot, index }
    }

    fn errors(timeline: &Timeline, learning: Learning) -> (f64, f64) {
        let (past, future) = timeline.split();
        let ratings = timeline.index.dense(past).unwrap();
        let parameters = FitParameters { factors: 2, ..FitParameters::default_of(Algorithm::Map) };
        let posterior = fit(&ratings, Algorithm::Map, &parameters, &mut ()).unwrap();
        let scale = Scale::try_new(1.0, 5.0, 1.0).unwrap();
        let judged = marquee_eval::evaluate(&posterior, &timeline.index, past, future, scale);
        let outcomes = outcomes(&posterior, &timeline.index, (past, future), scale, learning);
        assert_eq!(outcomes.len(), future.len());
        (rmse(&outcomes), if learning == Learning::Frozen { judged.frozen_rmse } else { judged.rmse })
    }

    #[test]
    fn one_by_one_and_frozen_equal_the_evaluation_of_the_product() {
        for learning in [Learning::OneByOne, Learning::Frozen] {
            let (here, there) = errors(&timeline(3), learning);
            assert!((here - there).abs() < 1e-9, "{learning:?}: {here} and {there}");
        }
    }

    #[test]
    fn strict_learns_nothing_of_an_instant_before_all_of_it_was_predicted() {
        let (alone, product) = errors(&timeline(1), Learning::Strict);
        assert!((alone - product).abs() < 1e-9, "without ties it is one by one: {alone} and {product}");
        let (strict, one_by_one) = errors(&timeline(5), Learning::Strict);
        assert!((strict - one_by_one).abs() > 1e-6, "{strict} and {one_by_one}");
    }

    #[test]
    fn the_fold_of_the_peers_is_the_past_and_the_future() {
        let timeline = timeline(3);
        let fold = timeline.fold().unwrap();
        assert_eq!((fold.users, fold.movies, fold.train.len() + fold.test.len()), (12, 50, 600));
        assert_eq!(fold.test.len(), timeline.split().1.len());
    }

    #[test]
    fn coverage_counts_what_is_inside() {
        let outcome = |deviation| Outcome { error: 0.0, deviation, learned: 0, seen: true };
        let outcomes = [outcome(-0.5), outcome(0.7), outcome(2.0), outcome(-1.3)];
        assert_eq!(coverage(outcomes.iter(), 1.0), 50.0);
        assert_eq!(coverage([].iter(), 1.0), 0.0);
    }
}
