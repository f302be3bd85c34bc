//! Ratings in the order of time, and predictions from what each user has rated before.

use std::collections::HashMap;

use anyhow::{Context, Result};
use marquee_datasets::Dataset;
use marquee_domain::{Movie, MovieId, Offset, Rating, RatingEvent, Scale, UserId};
use marquee_eval::{Options, Outcome, Outcomes, has_times};
use marquee_fit::{Fold as EventFold, MovieIndex, Newcomers, Snapshot};
use marquee_posterior::Posterior;

use crate::fold::{Fold, Rated};

/// The share of ratings that is predicted.
const FUTURE: f64 = 0.2;

/// A data set in the order of time, and its movies. Movies that only the future rates have an index
/// too: the catalog has them.
#[derive(Debug)]
pub(crate) struct Timeline {
    snapshot: Snapshot,
    pub(crate) index: MovieIndex,
    pub(crate) catalog: Vec<Movie>,
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
        Ok(Self { snapshot, index, catalog: dataset.movies()? })
    }

    /// Returns what the past and the catalog say of movies that nobody has rated.
    pub(crate) fn newcomers(&self) -> Newcomers {
        let (past, _) = self.split();
        Newcomers::new(&self.index, past, has_times(past), self.catalog.iter())
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

/// Predicts the future as training runs do.
pub(crate) fn outcomes(posterior: &Posterior, timeline: &Timeline, scale: Scale) -> Outcomes {
    let (past, future) = timeline.split();
    marquee_eval::prequential(posterior, &timeline.index, past, future, &Options::new(scale))
}

/// Returns the percentage of ratings within this number of predicted standard deviations.
pub(crate) fn coverage<'a>(outcomes: impl Iterator<Item = &'a Outcome>, deviations: f64) -> f64 {
    let (mut count, mut inside) = (0_u32, 0_u32);
    for outcome in outcomes {
        let Some(normal) = outcome.normal else { continue };
        count += 1;
        inside += u32::from((outcome.rating - normal.mean).abs() <= deviations * normal.spread);
    }
    100.0 * f64::from(inside) / f64::from(count.max(1))
}
