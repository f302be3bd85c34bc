//! Judges a model on a data set: `marquee evaluate` without its command line.
//!
//! Each [`Arm`] holds ratings out in another way, and is repeated with several seeds. The figures
//! are those of `marquee-eval`; nothing is chosen by them.
//!
//! [`evaluate`] blocks for seconds to hours. Callers run it off the async threads.

mod arms;
mod page;
mod side;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Instant;

use marquee_domain::{Algorithm, FitParameters, Rating};
use marquee_eval::{
    CatalogCoverage, Comparison, Evaluation, Folds, MovieBias, NonInferiority, Options, Outcomes, catalog_coverage,
    compare, kfold, prequential, prequential_with_mood, retrained, with_movie_bias,
};
use marquee_fit::{
    FitError, How, MovieIndex, Newcomers, Observer, RatingsError, fit_how, smallest_spread, with_smallest_spread,
};
use marquee_posterior::{Mood, Posterior};
use serde::Serialize;
use thiserror::Error;

use crate::data::Data;
pub use arms::{Arm, ArmFigures, Part};
pub use side::{Side, SideError};

/// The users whose lists the coverage of the catalog is computed from.
const CATALOG_USERS: usize = 500;

/// The shares of the past that the learning curve is fitted on, besides the whole past.
const SHARES: [f64; 3] = [0.125, 0.25, 0.5];

/// What is judged, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationPlan {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The parameters of the fit. Their seed is the first one.
    pub parameters: FitParameters,
    /// The number of seeds, at least 1. The others follow the first.
    pub seeds: u32,
    /// How ratings are held out. Empty: every arm that the ratings allow and that serving is like.
    pub arms: Vec<Arm>,
    /// The share of the newest ratings that the arms by time hold out, above 0 and at most 0.5.
    pub holdout: f64,
    /// The number of random folds, for a set without folds of its own. At least 2.
    pub folds: u32,
    /// The number of ratings between two fits of [`Arm::Retrained`]. `None`: a quarter of the
    /// ratings that are held out.
    pub retrain_every: Option<usize>,
    /// Whether the error is measured by the share of the past that the model was fitted on, too.
    pub has_curve: bool,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    /// The name of the data set.
    pub dataset: String,
    /// The SHA-256 of its ratings in hexadecimal.
    pub digest: String,
    /// The number of ratings.
    pub ratings: usize,
    /// The number of users with a rating.
    pub users: usize,
    /// The number of movies with a rating.
    pub movies: usize,
    /// The number of rows that were left out.
    pub left_out: u64,
    /// The name of the algorithm.
    pub algorithm: &'static str,
    /// The parameters of the fit by name, without the seed.
    pub parameters: BTreeMap<&'static str, usize>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Whether the ratings have times. Without them, folds judge.
    pub has_times: bool,
    /// What a reader of the figures must know.
    pub notes: Vec<String>,
    /// The figures of each arm over the seeds.
    pub arms: Vec<ArmFigures>,
    /// The error by the share of the past that the model was fitted on, for the first seed.
    pub curve: Vec<CurvePoint>,
    /// How much of the catalog is recommended, for the first seed. `None` for folds alone.
    pub catalog: Option<CatalogCoverage>,
    /// The error against that of user and movie biases, for the first seed. `None` for folds alone.
    pub against_biases: Option<Comparison>,
    /// All figures of the first seed: of the ratings by time, or of the folds.
    pub evaluation: Evaluation,
    /// The root mean squared error of user and movie biases on the same ratings.
    pub bias_rmse: f64,
    /// The time that everything took.
    pub seconds: f64,
}

/// A point of the learning curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The number of ratings that the model was fitted on.
    pub ratings: u64,
    /// The strict root mean squared error. Users' states always have the whole past.
    pub rmse: f64,
}

/// Receives the progress of an evaluation.
pub trait Watch {
    /// A fit begins. Fits are numbered from 1.
    fn fitting(&self, _number: usize, _of: usize, _what: &str) {}
    /// The present fit has spent this share of its sweeps.
    fn advanced(&self, _share: f64) {}
    /// A part of an arm was measured.
    fn measured(&self, _part: &Part) {}
    /// Returns whether the evaluation must stop.
    fn canceled(&self) -> bool {
        false
    }
}

/// Shows nothing.
impl Watch for () {}

/// Why an evaluation has no result.
#[derive(Debug, Error)]
pub enum EvaluateError {
    /// It was canceled.
    #[error("canceled")]
    Canceled,
    /// An arm follows time, and the ratings have no times.
    #[error("{0} needs ratings with times, and those of this set say nothing about when they were given; use folds")]
    NoTimes(Arm),
    /// Too little is left on one side of the cut.
    #[error(
        "holdout: {past} of the ratings are before the cut and {future} after it; give a share that leaves some on both sides, or use folds"
    )]
    Empty {
        /// The number of ratings before the cut.
        past: usize,
        /// The number of ratings after the cut.
        future: usize,
    },
    /// The folds do not fit the ratings.
    #[error("folds: {0}")]
    Folds(String),
    /// A fit failed.
    #[error("a fit failed")]
    Fit(#[source] FitError),
    /// A data set has a rating twice.
    #[error("the ratings cannot be laid out")]
    Layout(#[from] RatingsError),
}

impl From<FitError> for EvaluateError {
    fn from(error: FitError) -> Self {
        if error == FitError::Canceled { Self::Canceled } else { Self::Fit(error) }
    }
}

/// Judges a model with every arm of a plan.
///
/// # Errors
/// See [`EvaluateError`].
pub fn evaluate(data: &Data, side: &Side, plan: &EvaluationPlan, watch: &dyn Watch) -> Result<Judged, EvaluateError> {
    let started = Instant::now();
    let ratings = data.snapshot.ratings();
    let has_times = data.has_times && marquee_eval::has_times(ratings);
    let arms = chosen(plan, has_times)?;
    let split = data.snapshot.split_as_of_cut(plan.holdout);
    let by_time = arms.iter().any(|arm| arm.follows_time());
    if by_time && (split.past.is_empty() || split.future.is_empty()) {
        return Err(EvaluateError::Empty { past: split.past.len(), future: split.future.len() });
    }
    let known = side.movies.iter().map(|movie| &movie.id);
    let index = MovieIndex::new(known.chain(ratings.iter().map(|rating| &rating.movie)));
    let seeds: Vec<u64> = (0..u64::from(plan.seeds.max(1))).map(|n| plan.parameters.seed.wrapping_add(n)).collect();
    let (past, future) = (&*split.past, &*split.future);
    let every = plan.retrain_every.unwrap_or(future.len().div_ceil(4)).max(1);
    let bench = Bench {
        data,
        plan,
        watch,
        index: &index,
        side,
        has_times,
        seeds: &seeds,
        parts: (past, future),
        every,
        done: Cell::new(0),
        total: total(plan, &arms, (side, seeds.len()), (future.len(), every)),
    };
    let mut judged = bench.nothing();
    judged.notes.extend(notes(data, side, &arms, has_times));
    if arms.iter().any(|arm| arm.keeps_the_model()) {
        bench.by_time(&arms, &mut judged)?;
    }
    if arms.contains(&Arm::Retrained) {
        bench.retrained(&mut judged)?;
    }
    if arms.contains(&Arm::Folds) {
        bench.by_folds(!by_time, &mut judged)?;
    }
    judged.arms.sort_by_key(|row| row.arm);
    judged.seconds = started.elapsed().as_secs_f64();
    Ok(judged)
}

/// Returns the arms of a plan. Without a choice, those that the ratings allow.
fn chosen(plan: &EvaluationPlan, has_times: bool) -> Result<Vec<Arm>, EvaluateError> {
    if plan.arms.is_empty() {
        return Ok(Arm::ALL.into_iter().filter(|arm| arm.is_default() && (has_times || !arm.follows_time())).collect());
    }
    match plan.arms.iter().find(|arm| arm.follows_time() && !has_times) {
        Some(arm) => Err(EvaluateError::NoTimes(*arm)),
        None => Ok(plan.arms.clone()),
    }
}

/// Returns the number of fits. Biases are not counted: they take no time.
fn total(plan: &EvaluationPlan, arms: &[Arm], (side, seeds): (&Side, usize), (future, every): (usize, usize)) -> usize {
    let count = |arm: Arm, fits: usize| if arms.contains(&arm) { fits * seeds } else { 0 };
    let by_time = arms.iter().any(|arm| arm.keeps_the_model());
    let curve = if by_time && plan.has_curve { SHARES.len() } else { 0 };
    let folds = side
        .folds
        .as_ref()
        .map_or(plan.folds as usize, |folds| folds.iter().max().map_or(0, |most| *most as usize + 1));
    usize::from(by_time) * seeds + curve + count(Arm::Retrained, future.div_ceil(every)) + count(Arm::Folds, folds)
}

/// Returns what a reader must know.
fn notes(data: &Data, side: &Side, arms: &[Arm], has_times: bool) -> Vec<String> {
    let mut notes = side.notes.clone();
    if !has_times {
        notes.push(
            "the ratings have no times: random folds judge, which predict from later ratings too, so the errors are \
             smaller than in use"
                .to_owned(),
        );
    }
    if arms.contains(&Arm::Mood) {
        notes.push(
            "a mood adds the same to all movies of a moment, so it changes no ranking, and is partly what people \
             choose to rate next; serving has none"
                .to_owned(),
        );
    }
    if arms.contains(&Arm::MovieBias) {
        notes.push("serving keeps the biases of movies as they are until the next training".to_owned());
    }
    if arms.contains(&Arm::Folds) && side.folds.is_some() {
        notes.push("the folds are those that the data set comes with".to_owned());
    }
    if side.attributes.groups.is_empty() {
        notes.push("the data set says nothing about its users, so there are no slices by gender or age".to_owned());
    }
    if data.left_out > 0 {
        notes.push(format!("{} rows are no ratings and were left out", data.left_out));
    }
    notes
}

struct Bench<'a> {
    data: &'a Data,
    plan: &'a EvaluationPlan,
    watch: &'a dyn Watch,
    index: &'a MovieIndex,
    side: &'a Side,
    has_times: bool,
    seeds: &'a [u64],
    /// Before and after the cut.
    parts: (&'a [Rating], &'a [Rating]),
    every: usize,
    done: Cell<usize>,
    total: usize,
}

impl Bench<'_> {
    fn nothing(&self) -> Judged {
        let FitParameters { factors, sweeps, burn_in, samples, .. } = self.plan.parameters;
        Judged {
            dataset: self.data.name.clone(),
            digest: self.data.snapshot.digest().to_owned(),
            ratings: self.data.snapshot.ratings().len(),
            users: self.data.snapshot.users(),
            movies: self.data.snapshot.movies(),
            left_out: self.data.left_out,
            algorithm: self.plan.algorithm.name(),
            parameters: [("factors", factors), ("sweeps", sweeps), ("burn_in", burn_in), ("samples", samples)].into(),
            seeds: self.seeds.to_vec(),
            has_times: self.has_times,
            notes: Vec::new(),
            arms: Vec::new(),
            curve: Vec::new(),
            catalog: None,
            against_biases: None,
            evaluation: Evaluation::default(),
            bias_rmse: f64::NAN,
            seconds: 0.0,
        }
    }

    /// Returns the options of the first seed, or those without intervals, which take time.
    fn options(&self, is_detailed: bool) -> Options<'_> {
        let whole = Options { attributes: Some(&self.side.attributes), ..Options::new(self.data.scale) };
        if is_detailed { whole } else { whole.without_intervals() }
    }

    fn fit(&self, ratings: &[Rating], seed: u64, what: &str) -> Result<Posterior, EvaluateError> {
        self.done.set(self.done.get() + 1);
        self.watch.fitting(self.done.get(), self.total.max(self.done.get()), what);
        let parameters = FitParameters { seed, ..self.plan.parameters };
        self.fit_as(ratings, self.plan.algorithm, &parameters, &mut Sweeps(self.watch))
    }

    fn biases(&self, ratings: &[Rating]) -> Result<Posterior, EvaluateError> {
        self.fit_as(ratings, Algorithm::Bias, &FitParameters::default_of(Algorithm::Bias), &mut ())
    }

    fn fit_as(
        &self,
        ratings: &[Rating],
        algorithm: Algorithm,
        parameters: &FitParameters,
        observer: &mut dyn Observer,
    ) -> Result<Posterior, EvaluateError> {
        // As in training, so that what is judged is what would serve.
        let newcomers = Newcomers::new(self.index, ratings, self.has_times, self.side.movies.iter());
        let how = How { newcomers: Some(&newcomers), ..How::default() };
        let fitted = fit_how(&self.index.dense(ratings)?, algorithm, parameters, how, observer)?;
        Ok(with_smallest_spread(fitted.posterior, smallest_spread(self.data.scale)))
    }

    fn predict(&self, posterior: &Posterior, options: &Options<'_>) -> Outcomes {
        prequential(posterior, self.index, self.parts.0, self.parts.1, options)
    }

    fn with_moods(&self, posterior: &Posterior) -> Evaluation {
        let ((past, future), options) = (self.parts, self.options(false));
        prequential_with_mood(posterior, self.index, past, future, &options, &Mood::default()).evaluation(&options)
    }

    /// Judges by time, both with the states at the cut and with states that learn.
    fn by_time(&self, arms: &[Arm], judged: &mut Judged) -> Result<(), EvaluateError> {
        let (past, _) = self.parts;
        let detailed = self.options(true);
        let biases = self.predict(&self.biases(past)?, &detailed);
        let bias = biases.evaluation(&self.options(false));
        let (mut all, mut with_moods, mut with_biases) = (Vec::new(), Vec::new(), Vec::new());
        for (number, &seed) in self.seeds.iter().enumerate() {
            let posterior = self.fit(past, seed, &format!("before the cut, seed {seed}"))?;
            if arms.contains(&Arm::Mood) {
                let evaluation = self.with_moods(&posterior);
                Arm::Mood.tell(self.watch, seed, &evaluation);
                with_moods.push(evaluation);
            }
            let options = self.options(number == 0);
            let outcomes = self.predict(&posterior, &options);
            let evaluation = outcomes.evaluation(&options);
            if arms.contains(&Arm::MovieBias) {
                let options = self.options(false);
                let evaluation = with_movie_bias(&outcomes, MovieBias::default(), &options).evaluation(&options);
                Arm::MovieBias.tell(self.watch, seed, &evaluation);
                with_biases.push(evaluation);
            }
            if number == 0 {
                judged.against_biases = compare(&outcomes, &biases, &NonInferiority::default()).ok();
                judged.catalog = catalog_coverage(&posterior, self.index, past, CATALOG_USERS, &options);
                judged.evaluation = evaluation.clone();
                judged.bias_rmse = bias.rmse;
            }
            let here = arms.iter().filter(|arm| arm.keeps_the_model() && arm.is_default());
            here.for_each(|arm| arm.tell(self.watch, seed, &evaluation));
            all.push(evaluation);
        }
        let here = arms.iter().filter(|arm| arm.keeps_the_model());
        let all_of = |arm: Arm| match arm {
            Arm::Mood => &with_moods,
            Arm::MovieBias => &with_biases,
            _ => &all,
        };
        judged.arms.extend(here.flat_map(|arm| arm.rows(all_of(*arm), &bias)));
        if self.plan.has_curve {
            judged.curve = self.curve(all.first().map_or(f64::NAN, |first| first.rmse))?;
        }
        Ok(())
    }

    /// Returns the error by the share of the past that the model was fitted on. `whole` is that of
    /// the whole past.
    fn curve(&self, whole: f64) -> Result<Vec<CurvePoint>, EvaluateError> {
        let (past, _) = self.parts;
        let (seed, options) = (self.plan.parameters.seed, self.options(false));
        let mut points = Vec::new();
        for share in SHARES {
            // Every n-th rating, so that the parts are spread over time and users.
            let part: Vec<Rating> = past.iter().step_by((1.0 / share) as usize).cloned().collect();
            let posterior = self.fit(&part, seed, &format!("on {:.1} % of the past", share * 100.0))?;
            let rmse = self.predict(&posterior, &options).evaluation(&options).rmse;
            points.push(CurvePoint { ratings: part.len() as u64, rmse });
        }
        points.push(CurvePoint { ratings: past.len() as u64, rmse: whole });
        Ok(points)
    }

    fn retrained(&self, judged: &mut Judged) -> Result<(), EvaluateError> {
        let (past, future) = self.parts;
        let options = self.options(false);
        let again = |fit: &dyn Fn(&[Rating]) -> Result<Posterior, EvaluateError>| {
            let outcomes = retrained(self.index, past, future, self.every, &options, fit)?;
            Ok::<_, EvaluateError>(outcomes.evaluation(&options))
        };
        let bias = again(&|ratings| self.biases(ratings))?;
        let mut all = Vec::new();
        for &seed in self.seeds {
            let what = |ratings: &[Rating]| format!("again on {} ratings, seed {seed}", ratings.len());
            let evaluation = again(&|ratings| self.fit(ratings, seed, &what(ratings)))?;
            Arm::Retrained.tell(self.watch, seed, &evaluation);
            all.push(evaluation);
        }
        judged.arms.extend(Arm::Retrained.rows(&all, &bias));
        Ok(())
    }

    /// Judges by folds. `is_headline`: their figures are those of the page.
    fn by_folds(&self, is_headline: bool, judged: &mut Judged) -> Result<(), EvaluateError> {
        let ratings = self.data.snapshot.ratings();
        let refused = |error: marquee_eval::FoldError<EvaluateError>| match error {
            marquee_eval::FoldError::Fit { source, .. } => source,
            error => EvaluateError::Folds(error.to_string()),
        };
        let (mut all, mut bias) = (Vec::new(), None);
        for (number, &seed) in self.seeds.iter().enumerate() {
            let folds = match self.side.folds.as_deref() {
                Some(numbers) => Folds::Given(numbers),
                None => Folds::Random { folds: self.plan.folds, seed },
            };
            let options = self.options(number == 0 && is_headline);
            if number == 0 {
                let of_biases = kfold(ratings, self.index, folds, &self.options(false), |_, part| self.biases(part));
                bias = Some(of_biases.map_err(refused)?);
            }
            let fit = |fold: u32, part: &[Rating]| self.fit(part, seed, &format!("fold {}, seed {seed}", fold + 1));
            let of_seed = kfold(ratings, self.index, folds, &options, fit).map_err(refused)?;
            for (fold, errors) in (1..).zip(&of_seed.folds) {
                self.watch.measured(&Part::fold(seed, fold, errors));
            }
            all.push(of_seed);
        }
        let Some((bias, first)) = bias.zip(all.first()) else { return Ok(()) };
        if is_headline {
            judged.evaluation = first.pooled.clone();
            judged.bias_rmse = bias.pooled.rmse;
        }
        judged.arms.push(ArmFigures::of_folds(&all, &bias));
        Ok(())
    }
}

/// Passes on the sweeps of a fit, and a cancellation.
struct Sweeps<'a>(&'a dyn Watch);

impl Observer for Sweeps<'_> {
    fn progress(&mut self, done: usize, total: usize) {
        self.0.advanced(done as f64 / total.max(1) as f64);
    }

    fn canceled(&self) -> bool {
        self.0.canceled()
    }
}
