//! Fits on the past and judges on the future, then fits on all ratings. Blocks.

use std::time::Instant;

use marquee_domain::{Algorithm, FitParameters, Movie, MovieId, Rating, RunMetrics, Scale, Stage};
use marquee_eval::{Attributes, Evaluation, Options, has_times, prequential};
use marquee_fit::{
    FitError, Fitted, How, MovieIndex, Newcomers, Observer, Ratings, Snapshot, Split, Start, UserIndex, Watched, fit,
    fit_how, smallest_spread, with_smallest_spread,
};
use marquee_log::Movies;
use marquee_posterior::Posterior;
use marquee_report::SweepCurve;

use super::PipelineError;
use super::current::{Candidate, Contest, Judgment};
use super::progress::Progress;
use crate::queue::Run;

/// A fitted model and how it was judged.
#[derive(Debug)]
pub(super) struct Trained {
    pub(super) snapshot: Snapshot,
    pub(super) index: MovieIndex,
    /// The model, fitted on all ratings.
    pub(super) posterior: Posterior,
    /// The same algorithm, fitted on the past and judged on the future.
    pub(super) evaluation: Evaluation,
    /// The bias-only model on the same ratings.
    pub(super) bias: Evaluation,
    /// How the algorithm compares with that of the current version.
    pub(super) judgment: Judgment,
    pub(super) train_seconds: f64,
    /// What the fits of the model did, sweep by sweep.
    pub(super) sweeps: Vec<SweepCurve>,
}

/// Fits and judges as the run's plan says.
pub(super) fn fit_and_judge(
    snapshot: Snapshot,
    catalog: &[Movie],
    scale: Scale,
    contest: &Contest,
    run: &Run,
) -> Result<Trained, PipelineError> {
    // The model has every movie of the catalog. Those without ratings have the factors of the
    // prior.
    let known = catalog.iter().map(|movie| &movie.id);
    let index = MovieIndex::new(known.chain(snapshot.ratings().iter().map(|rating| &rating.movie)));
    let genres = catalog.iter().map(|movie| (movie.id.clone(), movie.genres.clone())).collect();
    let attributes = Attributes { genres, ..Attributes::default() };
    let options = Options { attributes: Some(&attributes), ..Options::new(scale) };
    let mut users = UserIndex::default();
    let judged = judge(&snapshot, (&index, &mut users, catalog), &options, (contest, run))?;
    let Judged { evaluation, bias, judgment, end, curve } = judged;

    run.enter(Stage::Fit, "fitting on all ratings");
    let plan = run.now().plan;
    let all = index.dense_of(&mut users, snapshot.ratings()).map_err(PipelineError::Layout)?;
    let started = Instant::now();
    // The ratings of the past are most of all ratings, so the chain goes on where it was.
    let fitter = Fitter { scale, newcomers: newcomers(&index, snapshot.ratings(), catalog) };
    let mut progress = Progress::of_model(run);
    let fitted = fitter.fit(&all, plan.algorithm, &plan.parameters, (end.as_ref(), &[]), &mut progress);
    let fitted = fitted.map_err(PipelineError::Fit)?;
    let sweeps = curve.into_iter().chain(progress.curve("the fit on all ratings")).collect();
    let posterior = fitted.posterior;
    let train_seconds = started.elapsed().as_secs_f64();
    run.update(|run| run.train_seconds = Some(train_seconds));
    Ok(Trained { snapshot, index, posterior, evaluation, bias, judgment, train_seconds, sweeps })
}

/// What was measured before the last fit.
struct Judged {
    evaluation: Evaluation,
    bias: Evaluation,
    judgment: Judgment,
    /// Where the fit on the past has ended.
    end: Option<Start>,
    /// What that fit did.
    curve: Option<SweepCurve>,
}

/// Judges the algorithm and, beside it, the bias-only model and the method of the current version.
/// The past is the log as it was at the cut, so what was rated again or removed later is in it.
fn judge(
    snapshot: &Snapshot,
    (index, users, catalog): (&MovieIndex, &mut UserIndex, &[Movie]),
    options: &Options<'_>,
    (contest, run): (&Contest, &Run),
) -> Result<Judged, PipelineError> {
    run.enter(Stage::Evaluate, "fitting on the past");
    let (plan, scale) = (run.now().plan, options.scale);
    let Split { past, future } = snapshot.split_as_of_cut(plan.holdout);
    let ratings = index.dense_of(users, &past).map_err(PipelineError::Layout)?;
    let predicted = |posterior: &Posterior| prequential(posterior, index, &past, &future, options);
    let biases = fit(&ratings, Algorithm::Bias, &FitParameters::default_of(Algorithm::Bias), &mut ());
    let biases = predicted(&with_smallest_spread(biases.map_err(PipelineError::Fit)?, smallest_spread(scale)));
    let fitter = Fitter { scale, newcomers: newcomers(index, &past, catalog) };
    let (outcomes, evaluation, bias, end, curve) = if plan.algorithm == Algorithm::Bias {
        let evaluation = biases.evaluation(options);
        (biases, evaluation.clone(), evaluation, None, None)
    } else {
        // Of the biases beside another model, nobody reads intervals.
        let bias = biases.evaluation(&options.without_intervals());
        // The held-out ratings are looked at, and change nothing of the fit.
        let watched = index.watched(users, &future);
        let mut progress = Progress::of_model(run);
        let fitted = fitter.fit(&ratings, plan.algorithm, &plan.parameters, (None, &watched), &mut progress);
        let Fitted { posterior, end } = fitted.map_err(PipelineError::Fit)?;
        let outcomes = predicted(&posterior);
        let evaluation = outcomes.evaluation(options);
        (outcomes, evaluation, bias, end, progress.curve("the fit on the past"))
    };
    let candidate =
        Candidate { plan: &plan, digest: snapshot.digest(), outcomes: &outcomes, evaluation: &evaluation, options };
    let judgment = contest.judge(&candidate, |algorithm, parameters| {
        run.enter(Stage::Evaluate, "fitting the method of the current version on the past");
        let fitted = fitter.fit(&ratings, algorithm, parameters, (None, &[]), &mut Progress::of_reference(run))?;
        Ok(predicted(&fitted.posterior))
    });
    let judgment = judgment.map_err(PipelineError::Fit)?;
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
    Ok(Judged { evaluation, bias, judgment, end, curve })
}

/// Fits models of a run.
struct Fitter {
    scale: Scale,
    newcomers: Newcomers,
}

impl Fitter {
    /// Fits a model, and watches it by some held-out ratings. A start that does not fit the ratings
    /// is not used, and the log says why.
    fn fit(
        &self,
        ratings: &Ratings,
        algorithm: Algorithm,
        parameters: &FitParameters,
        (start, watched): (Option<&Start>, &[Watched]),
        observer: &mut dyn Observer,
    ) -> Result<Fitted, FitError> {
        let newcomers = Some(&self.newcomers);
        let mut fit = |start| {
            let how = How { start, newcomers, watched, ..How::default() };
            fit_how(ratings, algorithm, parameters, how, observer)
        };
        let fitted = match fit(start) {
            Err(FitError::Start(reason)) => {
                tracing::warn!(%reason, "the fit starts from nothing");
                fit(None)
            }
            fitted => fitted,
        }?;
        Ok(Fitted { posterior: with_smallest_spread(fitted.posterior, smallest_spread(self.scale)), ..fitted })
    }
}

/// Returns what ratings, oldest first, and the catalog say of movies that nobody has rated.
fn newcomers(index: &MovieIndex, ratings: &[Rating], catalog: &[Movie]) -> Newcomers {
    Newcomers::new(index, ratings, has_times(ratings), catalog.iter())
}

/// Returns the movies of the index, in its order. A movie that is not in the catalog has its id
/// only.
pub(super) fn in_index_order(index: &MovieIndex, catalog: &Movies) -> Vec<Movie> {
    let bare = |id: &MovieId| Movie { id: id.clone(), title: String::new(), year: None, genres: Vec::new() };
    index.movies().map(|id| catalog.get(id).cloned().unwrap_or_else(|| bare(id))).collect()
}
