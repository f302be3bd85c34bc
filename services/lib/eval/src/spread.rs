//! What the predicted spreads are worth.

use serde::{Deserialize, Serialize};

use crate::normal::ranked_probability_score;
use crate::{Normal, Outcome};

/// The number of bins of the reliability curve.
const BINS: usize = 10;

/// The half-width of the central 80 % interval of the normal distribution, in standard deviations.
pub(crate) const WIDTH_80: f64 = 1.281_551_57;

/// Figures of the predicted normal distributions, over the ratings of movies of the model. They are
/// strict: see [`crate::Evaluation::rmse`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SpreadFigures {
    /// The number of ratings.
    pub ratings: u64,
    /// The mean continuous ranked probability score, in stars. Smaller is better.
    pub crps: f64,
    /// The mean spread, in stars: the sharpness. Smaller is better if the coverage is right.
    pub mean_spread: f64,
    /// The standard deviation of the spreads, in stars. A model that knows when it knows little has
    /// a large one.
    pub deviation: f64,
    /// The mean width of the central 80 % interval, in stars.
    pub mean_width_80: f64,
    /// The correlation of the spread with the absolute error, from −1 to 1. `None` if one of them
    /// is constant.
    pub correlation: Option<f64>,
    /// The predicted and the actual error, by growing spread. All bins have about as many ratings.
    pub reliability: Vec<ReliabilityBin>,
}

/// Ratings that were predicted with about the same spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// The number of ratings.
    pub ratings: u64,
    /// The root mean squared spread, in stars: the error that the model expects.
    pub spread: f64,
    /// The root mean squared error of the means, which are not clipped, in stars.
    pub error: f64,
}

/// Returns the figures, or `None` without ratings of movies of the model.
pub(crate) fn figures(outcomes: &[Outcome]) -> Option<SpreadFigures> {
    let judged = |outcome: &Outcome| outcome.normal.map(|Normal { mean, spread }| (spread, mean - outcome.rating));
    let mut judged: Vec<(f64, f64)> = outcomes.iter().filter_map(judged).collect();
    if judged.is_empty() {
        return None;
    }
    let count = judged.len() as f64;
    let mean = |value: &dyn Fn(&(f64, f64)) -> f64| judged.iter().map(value).sum::<f64>() / count;
    let mean_spread = mean(&|(spread, _)| *spread);
    let mean_error = mean(&|(_, error)| error.abs());
    let variance = mean(&|(spread, _)| (spread - mean_spread).powi(2));
    let error_variance = mean(&|(_, error)| (error.abs() - mean_error).powi(2));
    let covariance = mean(&|(spread, error)| (spread - mean_spread) * (error.abs() - mean_error));
    let crps = mean(&|(spread, error)| ranked_probability_score(*error, *spread));
    let is_constant = |variance: f64, mean: f64| variance <= (mean * 1e-9).powi(2);
    let both_vary = !is_constant(variance, mean_spread) && !is_constant(error_variance, mean_error);
    let correlation = (covariance / (variance * error_variance).sqrt()).clamp(-1.0, 1.0);
    judged.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    Some(SpreadFigures {
        ratings: judged.len() as u64,
        crps,
        mean_spread,
        deviation: variance.sqrt(),
        mean_width_80: 2.0 * WIDTH_80 * mean_spread,
        correlation: (both_vary && correlation.is_finite()).then_some(correlation),
        reliability: reliability(&judged),
    })
}

/// Returns the bins of pairs of spread and error that are sorted by spread.
fn reliability(judged: &[(f64, f64)]) -> Vec<ReliabilityBin> {
    let bins = BINS.min(judged.len());
    let bin = |number: usize| {
        let part = &judged[number * judged.len() / bins..(number + 1) * judged.len() / bins];
        let root = |value: fn(&(f64, f64)) -> f64| {
            (part.iter().map(|pair| value(pair).powi(2)).sum::<f64>() / part.len() as f64).sqrt()
        };
        ReliabilityBin { ratings: part.len() as u64, spread: root(|pair| pair.0), error: root(|pair| pair.1) }
    };
    (0..bins).map(bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::outcome;

    fn judged(pairs: &[(f64, f64)]) -> Vec<Outcome> {
        let one = |(number, &(spread, error)): (u32, &(f64, f64))| Outcome {
            normal: Some(Normal { mean: 3.0 + error, spread }),
            ..outcome(number, 0, 3.0, 3.0)
        };
        (0..).zip(pairs).map(one).collect()
    }

    #[test]
    fn spreads_are_compared_with_errors() {
        let figures = figures(&judged(&[(1.0, 1.0), (2.0, -2.0), (1.0, -1.0), (2.0, 2.0)])).unwrap();
        assert_eq!((figures.ratings, figures.mean_spread, figures.deviation), (4, 1.5, 0.5));
        assert!((figures.correlation.unwrap() - 1.0).abs() < 1e-12);
        assert!((figures.mean_width_80 - 3.0 * 1.281_551_57).abs() < 1e-12);
        // One deviation away everywhere: 0.602441358… of the spread.
        assert!((figures.crps - 1.5 * 0.602_441_357_6).abs() < 1e-9);
        let curve: Vec<(f64, f64)> = figures.reliability.iter().map(|bin| (bin.spread, bin.error)).collect();
        assert_eq!(curve, [(1.0, 1.0), (1.0, 1.0), (2.0, 2.0), (2.0, 2.0)]);
    }

    #[test]
    fn the_bins_have_about_as_many_ratings() {
        let pairs: Vec<(f64, f64)> = (0..25).map(|n| (f64::from(n) + 1.0, 0.5)).collect();
        let bins = figures(&judged(&pairs)).unwrap().reliability;
        assert_eq!(bins.iter().map(|bin| bin.ratings).collect::<Vec<_>>(), [2, 3, 2, 3, 2, 3, 2, 3, 2, 3]);
        assert!(bins.windows(2).all(|pair| pair[0].spread < pair[1].spread));
    }

    #[test]
    fn without_spreads_or_with_equal_ones_nothing_is_undefined() {
        let outside = Outcome { normal: None, ..outcome(0, 0, 3.0, 3.0) };
        assert_eq!((figures(&[]), figures(&[outside])), (None, None));
        let equal = figures(&judged(&[(1.0, 0.5), (1.0, 2.0)])).unwrap();
        assert_eq!((equal.correlation, equal.deviation), (None, 0.0));
    }
}
