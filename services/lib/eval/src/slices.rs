//! Errors by slice of the ratings, with intervals and a verdict on bias.

mod kinds;
mod sums;

use serde::{Deserialize, Serialize};

use self::kinds::Kinds;
use self::sums::{Figures, SliceSums};
use crate::bootstrap::{Range, interval, resample};
use crate::{Options, Outcomes};

/// The dimension of the slices by the rating itself.
pub(crate) const BY_RATING: &str = "rating";

/// Errors of a part of the predictions. They are strict and clipped: see
/// [`crate::Evaluation::rmse`]. Intervals have 95 % and come from resamples of users; `None` with
/// fewer than two users. There are many slices, so some intervals miss their value by chance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SliceFigures {
    /// What the ratings are divided by: `all`, `history` (the number of movies that the user had
    /// rated before), `activity` (thirds of the users by their number of ratings), `popularity`
    /// (thirds of the ratings by the number of ratings that the movie has in the past), `rating`,
    /// `users` and `movies` (`new` without a rating in the past, else `known`), `genre`, or the
    /// name of an attribute of users.
    pub dimension: String,
    /// The value, for example `5–19`, `low` or `Comedy`.
    pub name: String,
    /// The number of ratings.
    pub ratings: u64,
    /// The number of users.
    pub users: u64,
    /// The root mean squared error, in stars.
    pub rmse: f64,
    /// The interval of `rmse`.
    pub rmse_interval: Option<Range>,
    /// The mean error, prediction minus rating, in stars.
    pub bias: f64,
    /// The interval of `bias`.
    pub bias_interval: Option<Range>,
    /// The share of ratings in the central 80 % interval. `None` without movies of the model.
    pub coverage_80: Option<f64>,
    /// The interval of `coverage_80`.
    pub coverage_80_interval: Option<Range>,
    /// `rmse` minus that of all other ratings, in stars. `None` if there are no others.
    pub rmse_to_rest: Option<f64>,
    /// The interval of `rmse_to_rest`.
    pub rmse_to_rest_interval: Option<Range>,
    /// Whether the mean error is away from 0. Always [`Verdict::Unknown`] for slices by rating: the
    /// best possible predictions of the highest ratings are too low on average, and those of the
    /// lowest too high.
    pub bias_verdict: Verdict,
    /// Whether the error is away from that of all other ratings. Always [`Verdict::Unknown`] for
    /// slices by rating.
    pub rmse_verdict: Verdict,
}

/// Where the interval of a figure lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There is no interval.
    #[default]
    Unknown,
    /// The interval reaches to within the margin around 0.
    Within,
    /// The whole interval is below minus the margin.
    Below,
    /// The whole interval is above the margin.
    Above,
}

impl Verdict {
    fn of(interval: Option<Range>, margin: f64) -> Self {
        match interval {
            None => Self::Unknown,
            Some(range) if range.lower > margin => Self::Above,
            Some(range) if range.upper < -margin => Self::Below,
            Some(_) => Self::Within,
        }
    }
}

impl SliceFigures {
    /// Returns whether the model treats these ratings differently: their mean error is away from 0,
    /// or their error is larger than that of all others, by more than the margin.
    pub fn is_biased(&self) -> bool {
        matches!(self.bias_verdict, Verdict::Below | Verdict::Above) || self.rmse_verdict == Verdict::Above
    }
}

/// Returns the figures of every slice that has ratings. The first one is that of all ratings.
///
/// Takes O(n) time for n ratings and, for each resample, a pass over the pairs of slice and user.
pub(crate) fn slices(all: &Outcomes, options: &Options<'_>) -> Vec<SliceFigures> {
    let sums = Kinds::new(all, options).sums(all);
    // The first slice has all ratings.
    let Some(whole) = sums.first().filter(|whole| !whole.by_user.is_empty()) else { return Vec::new() };
    let users = all.users().len();
    // Numbers of users without a prediction are never drawn: resamples draw places in this list.
    let present: Vec<usize> = whole.by_user.iter().map(|(user, _)| *user as usize).collect();
    let resamples = if present.len() < 2 {
        Vec::new()
    } else {
        resample(present.len(), options.bootstrap, |drawn| {
            let mut weights = vec![0.0; users];
            present.iter().zip(drawn).for_each(|(&user, &weight)| weights[user] = weight);
            let total = whole.weighted(&weights);
            let figures = |slice: &SliceSums| Figures::new(slice.weighted(&weights), total);
            sums.iter().map(figures).collect::<Vec<Figures>>()
        })
    };
    let total = whole.total();
    let row = |(number, slice): (usize, &SliceSums)| {
        let interval_of = |figure: fn(&Figures) -> Option<f64>| {
            let values = resamples.iter().filter_map(|one| one.get(number)).map(|one| figure(one).unwrap_or(f64::NAN));
            interval(values).filter(|_| slice.by_user.len() > 1)
        };
        let figures = Figures::new(slice.total(), total);
        let (bias_interval, rest_interval) = (interval_of(|one| one.bias), interval_of(|one| one.to_rest));
        let is_judged = slice.dimension != BY_RATING;
        let verdict = |range: Option<Range>| Verdict::of(range.filter(|_| is_judged), options.bias_margin);
        SliceFigures {
            dimension: slice.dimension.clone(),
            name: slice.name.clone(),
            ratings: slice.total().count as u64,
            users: slice.by_user.len() as u64,
            rmse: figures.rmse.unwrap_or(0.0),
            rmse_interval: interval_of(|one| one.rmse),
            bias: figures.bias.unwrap_or(0.0),
            bias_interval,
            coverage_80: figures.coverage,
            coverage_80_interval: interval_of(|one| one.coverage),
            rmse_to_rest: figures.to_rest,
            rmse_to_rest_interval: rest_interval,
            bias_verdict: verdict(bias_interval),
            rmse_verdict: verdict(rest_interval),
        }
    };
    sums.iter().enumerate().filter(|(_, slice)| !slice.by_user.is_empty()).map(row).collect()
}

#[cfg(test)]
mod tests;
