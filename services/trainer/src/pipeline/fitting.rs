//! Fits on the past and judges on the future, then fits on all ratings. Blocks.

use std::time::Instant;

use marquee_domain::{Algorithm, FitParameters, Movie, MovieId, RunMetrics, Scale, Stage};
use marquee_eval::{Attributes, Evaluation, Options, prequential};
use marquee_fit::{FitError, MovieIndex, Observer, Ratings, Snapshot, Split, fit, with_smallest_spread};
use marquee_log::Movies;
use marquee_posterior::Posterior;

use super::PipelineError;
use crate::queue::Run;

/// A fitted model and how it was judged.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) snapshot: Snapshot,
    pub(super) index: MovieIndex,
    /// The model, fitted on all ratings.
    pub(super) posterior: Posterior,
    /// The same algorithm, fitted on the past and judged on the future.
    pub(super) evaluation: Evaluation,
    /// The bias-only model on the same ratings.
    pub(super) bias: Evaluation,
    pub(super) train_seconds: f64,
}

/// Fits and judges as the run's plan says.
pub(super) fn fit_and_judge(
    snapshot: Snapshot,
    catalog: &[Movie],
    scale: Scale,
    run: &Run,
) -> Result<Fitted, PipelineError> {
    // The model has every movie of the catalog. Those without ratings have the factors of the
    // prior.
    let known = catalog.iter().map(|movie| &movie.id);
    let index = MovieIndex::new(known.chain(snapshot.ratings().iter().map(|rating| &rating.movie)));
    let genres = catalog.iter().map(|movie| (movie.id.clone(), movie.genres.clone())).collect();
    let attributes = Attributes { genres, ..Attributes::default() };
    let options = Options { attributes: Some(&attributes), ..Options::new(scale) };
    let (evaluation, bias) = judge(&snapshot, &index, &options, run)?;

    run.enter(Stage::Fit, "fitting on all ratings");
    let plan = run.now().plan;
    let all = index.dense(snapshot.ratings()).map_err(PipelineError::Layout)?;
    let started = Instant::now();
    let posterior = Fitter { scale, run }.fit(&all, plan.algorithm, &plan.parameters).map_err(PipelineError::Fit)?;
    let train_seconds = started.elapsed().as_secs_f64();
    run.update(|run| run.train_seconds = Some(train_seconds));
    Ok(Fitted { snapshot, index, posterior, evaluation, bias, train_seconds })
}

/// Judges the algorithm and, beside it, the bias-only model. The past is the log as it was at the
/// cut, so what was rated again or removed later is in it.
fn judge(
    snapshot: &Snapshot,
    index: &MovieIndex,
    options: &Options<'_>,
    run: &Run,
) -> Result<(Evaluation, Evaluation), PipelineError> {
    run.enter(Stage::Evaluate, "fitting on the past");
    let (plan, scale) = (run.now().plan, options.scale);
    let Split { past, future } = snapshot.split_as_of_cut(plan.holdout);
    let ratings = index.dense(&past).map_err(PipelineError::Layout)?;
    let judged = |posterior: &Posterior| prequential(posterior, index, &past, &future, options).evaluation(options);
    let biases = fit(&ratings, Algorithm::Bias, &FitParameters::default_of(Algorithm::Bias), &mut ());
    let biases = with_smallest_spread(biases.map_err(PipelineError::Fit)?, smallest_spread(scale));
    let bias = judged(&biases);
    let evaluation = if plan.algorithm == Algorithm::Bias {
        bias.clone()
    } else {
        let fitted = Fitter { scale, run }.fit(&ratings, plan.algorithm, &plan.parameters);
        judged(&fitted.map_err(PipelineError::Fit)?)
    };
    let metrics = RunMetrics {
        rmse: evaluation.rmse,
        mae: evaluation.mae,
        frozen_rmse: evaluation.frozen_rmse,
        bias_rmse: bias.rmse,
        coverage_90: evaluation.coverage.last().map_or(0.0, |coverage| coverage.actual),
        holdout_ratings: future.len() as u64,
        training_ratings: past.len() as u64,
    };
    run.update(|run| run.metrics = Some(metrics));
    Ok((evaluation, bias))
}

/// Returns the least spread of a prediction. A rating is given to the nearest step of the scale,
/// and this is the standard deviation of that rounding. On a scale without steps it is that of a
/// hundredth of the scale. So ratings that never differ don't make a
/// model certain.
pub(super) fn smallest_spread(scale: Scale) -> f64 {
    scale.resolution() / 12_f64.sqrt()
}

/// Fits models of a run.
struct Fitter<'a> {
    scale: Scale,
    run: &'a Run,
}

impl Fitter<'_> {
    fn fit(&self, ratings: &Ratings, algorithm: Algorithm, parameters: &FitParameters) -> Result<Posterior, FitError> {
        let posterior = fit(ratings, algorithm, parameters, &mut Progress(self.run))?;
        Ok(with_smallest_spread(posterior, smallest_spread(self.scale)))
    }
}

/// Returns the movies of the index, in its order. A movie that is not in the catalog has its id
/// only.
pub(super) fn in_index_order(index: &MovieIndex, catalog: &Movies) -> Vec<Movie> {
    let bare = |id: &MovieId| Movie { id: id.clone(), title: String::new(), year: None, genres: Vec::new() };
    index.movies().map(|id| catalog.get(id).cloned().unwrap_or_else(|| bare(id))).collect()
}

/// Reports the sweeps of a fit as the run's progress, and passes on its cancellation.
struct Progress<'a>(&'a Run);

impl Observer for Progress<'_> {
    fn progress(&mut self, done: usize, total: usize) {
        self.0.advance(done as f64 / total.max(1) as f64);
        self.0.tracking().measured(self.0.id(), done, &[]);
    }

    fn canceled(&self) -> bool {
        self.0.must_stop()
    }
}
