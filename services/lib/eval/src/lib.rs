//! Judges a model the way its users meet it: predict, then learn ("prequential", Vinagre, Jorge &
//! Gama, arXiv 1504.08175).
//!
//! The model is fitted on the past only. The users' states learn each rating of the future after it
//! was predicted. The headline is strict: all ratings of a user at one instant are predicted before
//! any of them is learned, because nothing says in which order they were given. The figures of the
//! ratings one by one, and of the same model with states frozen at the cut, are beside it: the
//! latter is what a platform without instant updates would serve.
//!
//! [`kfold()`] judges by folds where ratings have no times, [`retrained()`] fits the model again as
//! time goes by, and [`compare()`] says whether one model is not worse than another on the same
//! ratings.
//!
//! Predictions use the newest ratings of a user, as serving does ([`History`]). This crate measures
//! and never chooses.
//!
//! [`duel`] compares published versions on the ratings that arrive.

mod bootstrap;
mod catalog;
mod compare;
pub mod duel;
mod evaluation;
mod kfold;
mod learner;
mod method;
mod mood;
mod movie_bias;
mod normal;
mod options;
mod outcome;
mod power;
mod prequential;
mod random;
mod ranking;
mod retrained;
mod slices;
mod spread;
mod summary;
mod tables;
mod terciles;
#[cfg(test)]
mod testing;
mod windows;

use marquee_domain::{Rating, Scale};
use marquee_fit::MovieIndex;
use marquee_posterior::Posterior;

pub use bootstrap::Range;
pub use catalog::{CatalogCoverage, catalog_coverage};
pub use compare::{CompareError, Comparison, Difference, NonInferiority, compare};
pub use evaluation::{CalibrationBin, Coverage, Evaluation, PointErrors, Slice};
pub use kfold::{FoldError, Folds, KFold, MeanDeviation, kfold};
pub use method::{Method, has_times};
pub use mood::prequential_with_mood;
pub use movie_bias::{MovieBias, with_movie_bias};
pub use options::{Attributes, Bootstrap, History, Options};
pub use outcome::{Normal, Outcome, Outcomes};
pub use power::Power;
pub use prequential::prequential;
pub use ranking::Ranking;
pub use retrained::retrained;
pub use slices::{SliceFigures, Verdict};
pub use spread::{ReliabilityBin, SpreadFigures};
pub use windows::Window;

/// Evaluates a model of the past on the future with the default [`Options`]: [`prequential()`],
/// then [`Outcomes::evaluation`].
pub fn evaluate(
    posterior: &Posterior,
    index: &MovieIndex,
    past: &[Rating],
    future: &[Rating],
    scale: Scale,
) -> Evaluation {
    let options = Options::new(scale);
    prequential(posterior, index, past, future, &options).evaluation(&options)
}

impl Outcomes {
    /// Sums the predictions up. `options` must have the scale that the predictions were made with.
    pub fn evaluation(&self, options: &Options<'_>) -> Evaluation {
        summary::summarize(self, options)
    }
}

#[cfg(test)]
mod tests;
