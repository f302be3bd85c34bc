//! Judges a model the way its users meet it: predict, then learn ("prequential", Vinagre, Jorge &
//! Gama, arXiv 1504.08175).
//!
//! The model is fitted on the past only. The users' states learn each rating of the future after it
//! was predicted. The headline is strict: all ratings of a user at one instant are predicted before
//! any of them is learned, because nothing says in which order they were given. The figures of the
//! ratings one by one, and of the same model with states frozen at the cut, are beside it: the
//! latter is what a platform without instant updates would serve.
//!
//! Predictions use the newest ratings of a user, as serving does ([`History`]). This crate measures
//! and never chooses.
//!
//! [`duel`] compares published versions on the ratings that arrive.

pub mod duel;
mod evaluation;
mod learner;
mod options;
mod outcome;
mod prequential;
mod summary;
mod tables;

use marquee_domain::{Rating, Scale};
use marquee_fit::MovieIndex;
use marquee_posterior::Posterior;

pub use evaluation::{CalibrationBin, Coverage, Evaluation, PointErrors, Slice};
pub use options::{Attributes, Bootstrap, History, Options};
pub use outcome::{Normal, Outcome, Outcomes};
pub use prequential::prequential;

/// Evaluates a model of the past on the future with the default [`Options`]: [`prequential`], then
/// [`Outcomes::evaluation`].
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

/// Returns minus the log density of an error under the normal distribution around 0 with this
/// spread, in nats.
fn log_score(error: f64, spread: f64) -> f64 {
    let deviation = error / spread;
    0.5 * (deviation * deviation + std::f64::consts::TAU.ln()) + spread.ln()
}

#[cfg(test)]
mod tests;
