//! The search on nested folds.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use marquee_domain::Algorithm;
use marquee_fit::{FitError, MovieIndex, Observer, RatingsError};
use marquee_tune::{
    Direction, Hyperband, Median, Pruner, Record, Sampler, Settings, Space, SpaceError, Split, State, Stop, Study,
    StudyError, Trial, Values, importances, nested,
};
use thiserror::Error;

use crate::data::Data;
use crate::figure::{Bench, Prepared};
use crate::folds::{FoldError, Folds, Part};
use crate::outcome::{Counts, FoldOutcome, Outcome};
use crate::parameters::{ValueError, check_space, default_values, fit_parameters, shortened};

/// The resource of a whole trial with Hyperband: its rungs are a ninth, a third and all sweeps.
const WHOLE: u64 = 9;

/// Which trials end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruning {
    /// None.
    Never,
    /// Those whose mean error over the inner folds so far is above the median of the others.
    Median,
    /// Those that are poor after a ninth or a third of their sweeps.
    Hyperband,
}

/// A search.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The algorithm whose parameters are tuned.
    pub algorithm: Algorithm,
    /// The search space.
    pub space: Space,
    /// The number of trials on each outer fold.
    pub trials: usize,
    /// The number of trials that run at the same time. A fit itself uses every processor.
    pub workers: usize,
    /// How values are chosen.
    pub sampler: Sampler,
    /// Which trials end early.
    pub pruning: Pruning,
    /// How the ratings are split.
    pub folds: Folds,
    /// The seed of every random number.
    pub seed: u64,
    /// The folder of the study files, `fold-1.jsonl` and so on. It is made if it does not exist.
    pub folder: PathBuf,
}

/// Receives the progress of a search. Methods are called on the threads of the workers.
pub trait Progress: Sync {
    /// The search on an outer fold begins, from 0 on. `done` trials of its study file count.
    fn fold(&self, _fold: usize, _done: usize) {}
    /// A trial has spent this share of its time.
    fn advanced(&self, _trial: u64, _share: f64) {}
    /// A trial has ended. `best` is the best complete one of the fold.
    fn ended(&self, _trial: &Record, _best: Option<&Record>) {}
    /// The chosen values of a fold are being judged on its test data.
    fn judging(&self, _values: &Values) {}
    /// Returns whether the search must stop.
    fn canceled(&self) -> bool {
        false
    }
}

/// Shows nothing.
impl Progress for () {}

/// Why a search has no result.
#[derive(Debug, Error)]
pub enum TuneError {
    /// It was canceled.
    #[error("canceled: the same command continues the search")]
    Canceled,
    /// The search space is wrong.
    #[error("the search space is wrong")]
    Space(#[source] SpaceError),
    /// The ratings cannot be split.
    #[error("the ratings cannot be split")]
    Folds(#[from] FoldError),
    /// A study file cannot be used.
    #[error("the search cannot go on")]
    Study(#[from] StudyError),
    /// The folder cannot be made.
    #[error("could not make the folder {}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// No trial is complete.
    #[error("no trial on fold {fold} has a result; the first one failed because {reason}")]
    NoTrial {
        /// The fold, from 1.
        fold: usize,
        /// Why the first trial failed.
        reason: String,
    },
    /// Values are not parameters of a fit.
    #[error("the chosen values are not parameters of a fit")]
    Values(#[from] ValueError),
    /// A fit failed.
    #[error("a fit failed")]
    Fit(#[source] FitError),
    /// A data set has a rating twice.
    #[error("the ratings cannot be laid out")]
    Layout(#[from] RatingsError),
}

impl From<FitError> for TuneError {
    fn from(error: FitError) -> Self {
        if error == FitError::Canceled { Self::Canceled } else { Self::Fit(error) }
    }
}

/// Searches for parameters on each outer fold, and judges them on ratings that chose nothing. A
/// search whose study files exist is continued.
///
/// # Errors
/// See [`TuneError`].
pub fn tune(data: &Data, plan: &Plan, progress: &dyn Progress) -> Result<Outcome, TuneError> {
    check_space(&plan.space).map_err(TuneError::Space)?;
    std::fs::create_dir_all(&plan.folder)
        .map_err(|source| TuneError::Folder { folder: plan.folder.clone(), source })?;
    let ratings = data.snapshot.ratings();
    let index = MovieIndex::new(ratings.iter().map(|rating| &rating.movie));
    let Plan { algorithm, folds, .. } = *plan;
    let bench = Bench { algorithm, scale: data.scale, order: folds.order, index: &index };
    let search = Search { plan, data, bench, progress };
    let outer = folds.outer(ratings, plan.seed)?;
    let default = default_values(algorithm, &plan.space);
    let mut searched = Vec::new();
    let choose = |fold: usize, train: &Part<'_>| {
        let (best, study) = search.on_fold(fold, train, &default)?;
        let value = best.value.unwrap_or(f64::NAN);
        searched.push(study.trials());
        Ok::<_, TuneError>((best.values, value))
    };
    let judge = |split: &Split<Part<'_>>, values: &Values| {
        progress.judging(values);
        let parameters = fit_parameters(algorithm, values, plan.seed)?;
        Ok::<_, TuneError>(bench.rmse(&bench.prepare(split)?, &parameters, &mut Cancel(progress))?)
    };
    let nested = nested(&outer, &default, choose, judge)?;
    let by_fold: Vec<FoldOutcome> = nested
        .folds
        .iter()
        .zip(searched)
        .map(|(judged, records)| FoldOutcome {
            chosen: judged.chosen.clone(),
            inner_rmse: judged.inner,
            outer_rmse: judged.outer,
            default_rmse: judged.default,
            trials: Counts::of(&records),
            importances: importances(&plan.space, Direction::Minimize, &records),
            records,
        })
        .collect();
    Ok(Outcome {
        dataset: data.name.clone(),
        digest: data.snapshot.digest().to_owned(),
        ratings: ratings.len(),
        left_out: data.left_out,
        algorithm: algorithm.name(),
        folds,
        best: by_fold.last().map(|fold| fold.chosen.clone()).unwrap_or_default(),
        outer_rmse: nested.mean(|fold| fold.outer).unwrap_or(f64::NAN),
        default_rmse: nested.mean(|fold| fold.default).unwrap_or(f64::NAN),
        by_fold,
    })
}

struct Search<'a> {
    plan: &'a Plan,
    data: &'a Data,
    bench: Bench<'a>,
    progress: &'a dyn Progress,
}

impl Search<'_> {
    /// Returns the best trial on the inner folds of the training data.
    fn on_fold(
        &self,
        fold: usize,
        train: &[marquee_domain::Rating],
        default: &Values,
    ) -> Result<(Record, Study), TuneError> {
        let Plan { space, trials, workers, folds, seed, folder, .. } = self.plan;
        let inner = folds.inner(train, *seed)?;
        let inner: Vec<Prepared<'_>> = inner.iter().map(|split| self.bench.prepare(split)).collect::<Result<_, _>>()?;
        let path = folder.join(format!("fold-{}.jsonl", fold + 1));
        let study = Study::open(&path, space.clone(), self.settings(fold))?;
        // The default is a trial too, unless the space leaves it out.
        if space.check(default).is_ok() {
            study.enqueue(default.clone())?;
        }
        let counts = Counts::of(&study.trials());
        self.progress.fold(fold, counts.complete + counts.pruned + counts.failed);
        let objective = |trial: &mut Trial<'_>| self.objective(&study, &inner, trial);
        study.optimize(*trials, *workers, objective, |record| self.progress.ended(record, study.best().as_ref()))?;
        if self.progress.canceled() {
            return Err(TuneError::Canceled);
        }
        match study.best() {
            Some(best) => Ok((best, study)),
            None => {
                let records = study.trials();
                let failed = records.iter().find(|record| record.state == State::Failed && !record.interrupted);
                let reason = failed.and_then(|record| record.reason.clone());
                let reason = reason.unwrap_or_else(|| "every trial was pruned".to_owned());
                Err(TuneError::NoTrial { fold: fold + 1, reason })
            }
        }
    }

    fn settings(&self, fold: usize) -> Settings {
        let Plan { sampler, pruning, folds, seed, .. } = self.plan;
        let pruner = match pruning {
            Pruning::Never => Pruner::Never,
            Pruning::Median => Pruner::Median(Median::default()),
            Pruning::Hyperband => Pruner::Hyperband(Hyperband { max_resource: WHOLE, ..Hyperband::default() }),
        };
        let Folds { outer, inner, share, order } = folds;
        let scale = self.data.scale;
        let context = [
            ("algorithm", self.bench.algorithm.name().to_owned()),
            ("data", self.data.snapshot.digest().to_owned()),
            ("folds", format!("{} of {outer}, {inner} inner, holdout {share}, by {order:?}", fold + 1)),
            ("scale", format!("{}:{}:{}", scale.min(), scale.max(), scale.step())),
            ("seed", seed.to_string()),
        ];
        let context: BTreeMap<String, String> = context.map(|(key, value)| (key.to_owned(), value)).into();
        Settings { direction: Direction::Minimize, sampler: sampler.clone(), pruner, seed: *seed, context }
    }

    /// Returns the mean error over the inner folds.
    fn objective(&self, study: &Study, inner: &[Prepared<'_>], trial: &mut Trial<'_>) -> Result<f64, Stop> {
        if self.progress.canceled() {
            return Err(Stop::Cancel);
        }
        // A fit has the same result again. Spaces of whole numbers repeat.
        if let Some(value) = study.value_of(trial.values()) {
            return Ok(value);
        }
        let parameters = fit_parameters(self.bench.algorithm, trial.values(), self.plan.seed);
        let parameters = parameters.map_err(|error| Stop::Fail(with_source(&error)))?;
        let rungs = if self.plan.pruning == Pruning::Hyperband { vec![1, 3, WHOLE] } else { vec![WHOLE] };
        let work = rungs.iter().sum::<u64>() as f64 * inner.len() as f64;
        let (mut spent, mut mean) = (0.0, f64::NAN);
        for rung in rungs {
            let shortened = shortened(&parameters, rung as f64 / WHOLE as f64);
            let mut sum = 0.0;
            for (done, fold) in (1..).zip(inner) {
                let (from, part) = (spent / work, rung as f64 / work);
                let mut observer = Sweeps { trial: trial.number(), from, part, progress: self.progress };
                let rmse = self.bench.rmse(fold, &shortened, &mut observer).map_err(|error| match error {
                    FitError::Canceled => Stop::Cancel,
                    error => Stop::Fail(with_source(&error)),
                })?;
                spent += rung as f64;
                sum += rmse;
                mean = sum / done as f64;
                if self.plan.pruning != Pruning::Hyperband {
                    trial.report(done, mean)?;
                }
            }
            if self.plan.pruning == Pruning::Hyperband {
                trial.report(rung, mean)?;
            }
        }
        Ok(mean)
    }
}

/// Writes an error with what caused it.
fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_source(source)),
        None => error.to_string(),
    }
}

/// Reports the sweeps of a fit as a part of its trial.
struct Sweeps<'a> {
    trial: u64,
    from: f64,
    part: f64,
    progress: &'a dyn Progress,
}

impl Observer for Sweeps<'_> {
    fn progress(&mut self, done: usize, total: usize) {
        self.progress.advanced(self.trial, self.from + self.part * done as f64 / total.max(1) as f64);
    }

    fn canceled(&self) -> bool {
        self.progress.canceled()
    }
}

/// Passes on a cancellation.
struct Cancel<'a>(&'a dyn Progress);

impl Observer for Cancel<'_> {
    fn progress(&mut self, _done: usize, _total: usize) {}

    fn canceled(&self) -> bool {
        self.0.canceled()
    }
}

#[cfg(test)]
mod tests;
