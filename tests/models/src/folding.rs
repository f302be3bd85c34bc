//! The row `fold`: how much memory and time a training run takes from events to rows to fit on.

use std::time::Instant;

use anyhow::Result;
use marquee_domain::{MovieId, Offset, Rating, RatingEvent, Timestamp, UserId};
use marquee_fit::{Fold, MovieIndex};

use crate::arguments::Arguments;
use crate::figures::{Figure, Measured, Unit, peak_memory_mib};
use crate::generated::{Generated, generate};

/// Seconds of a year, over which the ratings are spread.
const YEAR: u64 = 365 * 24 * 3_600;

/// Folds events as a training run does. Each event is made when it is applied, with ids of its own,
/// as a decoder makes it.
pub(crate) fn measure(arguments: &Arguments) -> Result<Measured> {
    let Generated { ratings, .. } = generate(arguments.ratings)?;
    let before = peak_memory_mib();
    let started = Instant::now();
    let mut fold = Fold::default();
    for (offset, &(user, movie, value)) in (0..).zip(&ratings) {
        // A user's ratings are spread over the year in no order, and many users share an instant.
        let second = offset * 2_654_435_761 % YEAR;
        let rated_at = Timestamp::from_seconds(second as i64);
        let (user, movie) = (UserId::try_new(&user.to_string())?, MovieId::try_new(&movie.to_string())?);
        fold.apply(Offset(offset), &RatingEvent::Rated(Rating { user, movie, value, rated_at }));
    }
    let snapshot = fold.finish();
    let folding = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let index = MovieIndex::new(snapshot.ratings().iter().map(|rating| &rating.movie));
    let rows = index.dense(snapshot.ratings())?;
    let indexing = started.elapsed().as_secs_f64();
    let figures = vec![
        Figure::new("memory beside the generated ratings", Unit::Mib, peak_memory_mib() - before),
        Figure::new("folding", Unit::Seconds, folding),
        Figure::new("indexing", Unit::Seconds, indexing),
    ];
    let settings = format!("{} ratings of {} users and {} movies", rows.len(), snapshot.users(), snapshot.movies());
    Ok(Measured { settings, figures, ..Measured::default() })
}
