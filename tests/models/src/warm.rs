//! The row `warm`: where the last fit of a retraining run should start.
//!
//! The last fit may start where the run's own evaluation fit has ended, or where the last fit of
//! the previous version ended, which has seen nearly all of the ratings. Both are judged on ratings
//! of the training part that no fit has seen. The test parts of the folds are not looked at.

use std::time::Instant;

use anyhow::{Context, Result};
use marquee_fit::{Algorithm, FitParameters, How, Ratings, Start};

use crate::arguments::Arguments;
use crate::figures::{Figure, Measured, Unit, mean};
use crate::fold::{Fold, Rated};
use crate::model::{Fitted, fitted_how, rmse, settings};

/// Ratings are spread over this many parts.
const PARTS: usize = 100;

/// The parts that judge. The run knows the others.
const JUDGES: usize = 10;

/// The first part that the previous version had seen.
const SEEN: usize = JUDGES + 1;

/// The first part that the evaluation fit sees.
const PAST: usize = JUDGES + 9;

/// Measures the starts.
pub(crate) fn measure(arguments: &Arguments, folds: &[Fold]) -> Result<Measured> {
    let parameters = arguments.bayes(None);
    let names = ["from nothing", "from the evaluation fit", "from the previous version"];
    let mut found = [const { (Vec::new(), Vec::new(), Vec::new()) }; 3];
    for fold in folds {
        let within = |parts: std::ops::Range<usize>| -> Vec<Rated> {
            let numbered = fold.train.iter().enumerate();
            numbered.filter(|(index, _)| parts.contains(&part(*index))).map(|(_, rating)| *rating).collect()
        };
        let from = |first: usize| within(first..PARTS);
        let judges = within(0..JUDGES);
        let known = from(JUDGES);
        let end = |ratings: Vec<Rated>, seed: u64| -> Result<Start> {
            let parameters = FitParameters { seed, ..parameters };
            fit(fold, ratings, &parameters, None)?.end.context("a fit by sampling has an end")
        };
        let evaluation = end(from(PAST), parameters.seed)?;
        let previous = end(from(SEEN), parameters.seed + 1)?;
        for (start, found) in [None, Some(&evaluation), Some(&previous)].into_iter().zip(&mut found) {
            let fitted = fit(fold, known.clone(), &parameters, start)?;
            found.0.push(rmse(&fitted.posterior, fold.users, &known, &judges));
            found.1.push(fitted.sweeps.len() as f64);
            found.2.push(fitted.seconds);
        }
    }
    let mut figures = Vec::new();
    for (name, (errors, sweeps, seconds)) in names.into_iter().zip(&found) {
        let name = format!("{name} ({:.0} sweeps on average)", mean(sweeps));
        figures.push(Figure::new(format!("{name}, RMSE"), Unit::Stars, mean(errors)));
        figures.push(Figure::new(format!("{name}, time"), Unit::Seconds, mean(seconds)));
    }
    Ok(Measured { settings: settings(Algorithm::Bayes, &parameters), figures, ..Measured::default() })
}

/// Returns the part of a rating. Neighbors are in different parts.
fn part(index: usize) -> usize {
    ((index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as usize % PARTS
}

fn fit(fold: &Fold, ratings: Vec<Rated>, parameters: &FitParameters, start: Option<&Start>) -> Result<Fitted> {
    let started = Instant::now();
    let ratings = Ratings::try_new(fold.users, fold.movies, ratings)?;
    let how = How { start, ..How::default() };
    fitted_how(&ratings, Algorithm::Bayes, parameters, how, started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_about_equal() {
        let judges = (0..10_000).filter(|index| part(*index) < JUDGES).count();
        let unseen = (0..10_000).filter(|index| part(*index) == JUDGES).count();
        assert!((900..1_100).contains(&judges) && (70..130).contains(&unseen), "{judges} {unseen}");
    }
}
