//! Sums the outcomes up.

use marquee_domain::Scale;

use crate::prequential::Outcome;
use crate::{CalibrationBin, Coverage, Evaluation, Slice, log_score};

/// Central intervals of the normal distribution: probability, and half-width in standard
/// deviations.
const INTERVALS: [(f64, f64); 3] = [(0.5, 0.674_489_75), (0.8, 1.281_551_57), (0.9, 1.644_853_63)];

/// The shortest history of each slice.
const HISTORY: [u64; 5] = [0, 1, 5, 20, 50];

/// The number of bins of the calibration curve, over the scale.
const CALIBRATION_BINS: usize = 16;

/// The number of bins of the residuals: quarters of a star from −4 to 4.
const RESIDUAL_BINS: usize = 32;

pub(crate) fn summarize(outcomes: &[Outcome], scale: Scale, (users, new_users): (u64, u64)) -> Evaluation {
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
        sum += log_score(outcome.rating - mean, spread);
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

/// Returns the bin of a value that is counted in bins. A value outside is in the first or last bin.
fn bin(value: f64, bins: usize) -> usize {
    // The cast of a negative number or NaN is 0.
    (value as usize).min(bins - 1)
}
