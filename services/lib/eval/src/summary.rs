//! Sums the outcomes up.

use marquee_domain::Scale;

use crate::normal::log_score;
use crate::{CalibrationBin, Coverage, Evaluation, Options, Outcome, Outcomes, PointErrors, Ranking, Slice};
use crate::{ranking, slices, spread, windows};

/// Central intervals of the normal distribution: probability, and half-width in standard
/// deviations.
const INTERVALS: [(f64, f64); 3] = [(0.5, 0.674_489_75), (0.8, 1.281_551_57), (0.9, 1.644_853_63)];

/// The shortest history of each slice.
pub(crate) const HISTORY: [u32; 5] = [0, 1, 5, 20, 50];

/// The number of bins of the calibration curve, over the scale.
const CALIBRATION_BINS: usize = 16;

/// The number of bins of the residuals: quarters of a star from −4 to 4.
const RESIDUAL_BINS: usize = 32;

/// Sums predictions up.
pub(crate) fn summarize(all: &Outcomes, options: &Options<'_>) -> Evaluation {
    let (outcomes, scale) = (all.list(), options.scale);
    let whole = slice(String::from("all"), outcomes.iter());
    let strict = errors(outcomes, |outcome| outcome.predicted);
    let by_history = HISTORY.iter().enumerate().map(|(at, &from)| {
        let to = HISTORY.get(at + 1).map(|next| next - 1);
        let inside = |outcome: &&Outcome| outcome.history >= from && to.is_none_or(|to| outcome.history <= to);
        slice(history_name(from, to), outcomes.iter().filter(inside))
    });
    let mut histogram = vec![0; scale.levels()];
    let mut residuals = vec![0; RESIDUAL_BINS];
    for outcome in outcomes {
        histogram[bin((outcome.rating - scale.min()) / scale.resolution() + 0.5, scale.levels())] += 1;
        residuals[bin((outcome.error() + 4.0) * 4.0, RESIDUAL_BINS)] += 1;
    }
    Evaluation {
        method: all.method(),
        ratings: whole.ratings,
        rmse: strict.rmse,
        mae: strict.mae,
        one_by_one: Some(errors(outcomes, |outcome| outcome.one_by_one)),
        frozen_rmse: whole.frozen_rmse,
        nll: negative_log_density(outcomes),
        users: all.by_user().count() as u64,
        new_users: all.by_user().filter(|user| user[0].user_past == 0).count() as u64,
        unseen_movies: slice(String::from("unseen movies"), outcomes.iter().filter(|outcome| outcome.movie_past == 0)),
        by_history: by_history.collect(),
        coverage: coverage(outcomes),
        histogram,
        calibration: calibration(outcomes, scale),
        residuals,
        left_out: all.left_out(),
        history_limit: options.history.limit as u64,
        per_user: per_user(all),
        spread: spread::figures(outcomes),
        ranking: ranking(all, options, |outcome| outcome.predicted),
        ranking_at_cut: ranking(all, options, |outcome| outcome.frozen),
        windows: if all.method().follows_time() { windows::windows(all, options.windows) } else { Vec::new() },
        slices: slices::slices(all, options),
    }
}

fn ranking(all: &Outcomes, options: &Options<'_>, score: impl Fn(&Outcome) -> f64) -> Option<Ranking> {
    let figures = || ranking::figures(all, (options.scale.min(), options.like), score);
    (!all.list().is_empty()).then(figures)
}

/// Returns the means over users of the errors of each.
fn per_user(all: &Outcomes) -> Option<PointErrors> {
    let (mut sum, mut users) = (PointErrors::default(), 0u64);
    for user in all.by_user() {
        let own = errors(user, |outcome| outcome.predicted);
        sum.rmse += own.rmse;
        sum.mae += own.mae;
        users += 1;
    }
    let count = users as f64;
    (users > 0).then(|| PointErrors { rmse: sum.rmse / count, mae: sum.mae / count })
}

/// Returns the name of a range of history lengths.
pub(crate) fn history_name(from: u32, to: Option<u32>) -> String {
    match to {
        Some(to) if to == from => to.to_string(),
        Some(to) => format!("{from}–{to}"),
        None => format!("{from}+"),
    }
}

/// Returns the errors of one of the predictions of each outcome.
pub(crate) fn errors(outcomes: &[Outcome], prediction: impl Fn(&Outcome) -> f64) -> PointErrors {
    let (mut squares, mut absolute) = (0.0, 0.0);
    for outcome in outcomes {
        let error = prediction(outcome) - outcome.rating;
        squares += error * error;
        absolute += error.abs();
    }
    let count = outcomes.len().max(1) as f64;
    PointErrors { rmse: (squares / count).sqrt(), mae: absolute / count }
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
        let Some(normal) = outcome.normal else { continue };
        sum += log_score(outcome.rating - normal.mean, normal.spread);
        count += 1;
    }
    sum / count.max(1) as f64
}

fn coverage(outcomes: &[Outcome]) -> Vec<Coverage> {
    let judged = || outcomes.iter().filter_map(|outcome| Some((outcome.rating, outcome.normal?)));
    let count = judged().count().max(1) as f64;
    let inside =
        |width: f64| judged().filter(|(rating, normal)| (rating - normal.mean).abs() <= width * normal.spread).count();
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
