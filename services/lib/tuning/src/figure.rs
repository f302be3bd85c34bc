//! Fits a model on a part of the ratings and measures its error on another part.

use marquee_domain::{Algorithm, FitParameters, Rating, Scale};
use marquee_eval::{Options, prequential};
use marquee_fit::{FitError, MovieIndex, Observer, Ratings, RatingsError, fit, smallest_spread, with_smallest_spread};
use marquee_tune::Split;

use crate::folds::{Order, Part};

/// What all fits of a search share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) scale: Scale,
    pub(crate) order: Order,
    pub(crate) index: &'a MovieIndex,
}

/// A fold whose training data are laid out for fitting. Every trial fits on it.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    dense: Ratings,
    train: &'a [Rating],
    test: &'a [Rating],
}

impl Bench<'_> {
    pub(crate) fn prepare<'a>(&self, split: &'a Split<Part<'_>>) -> Result<Prepared<'a>, RatingsError> {
        Ok(Prepared { dense: self.index.dense(&split.train)?, train: &split.train, test: &split.test })
    }

    /// Returns the root mean squared error on the test data, in stars.
    ///
    /// By time, each rating is predicted and then learned, as in serving. At random, nothing of the
    /// test data is learned: their order says nothing.
    pub(crate) fn rmse(
        &self,
        fold: &Prepared<'_>,
        parameters: &FitParameters,
        observer: &mut dyn Observer,
    ) -> Result<f64, FitError> {
        let posterior = fit(&fold.dense, self.algorithm, parameters, observer)?;
        let posterior = with_smallest_spread(posterior, smallest_spread(self.scale));
        let options = Options::new(self.scale).without_intervals();
        let outcomes = prequential(&posterior, self.index, fold.train, fold.test, &options);
        let evaluation = outcomes.evaluation(&options);
        Ok(match self.order {
            Order::Time => evaluation.rmse,
            Order::Random => evaluation.frozen_rmse,
        })
    }
}
