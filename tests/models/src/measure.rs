//! Measures Marquee's part of a row, in the process of the row.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use marquee_domain::Scale;
use marquee_eval::{Evaluation, MovieBias, Options, Outcome, prequential_with_mood, with_movie_bias};
use marquee_fit::{Algorithm, FitParameters, How, Ratings, Start, Stop};
use marquee_model::{write_encoder, write_learner, write_scorer};
use marquee_posterior::Mood;

use crate::arguments::Arguments;
use crate::encoder::{HISTORY, OTHER_HISTORIES};
use crate::figures::{Figure, Measured, Unit, mean, median};
use crate::fold::{Fold, Rated};
use crate::generated;
use crate::model::{self, Fitted, fitted, growing, rmse, settings};
use crate::plan::Name;
use crate::prepare;
use crate::prequential::{self, Timeline};

/// Sweeps of `map` whose error is measured, until the number that it has by default.
const MAP_SWEEPS: [usize; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 40];

/// Sweeps of `bayes` whose error is measured, below the number of the whole fit.
const BAYES_SWEEPS: [usize; 4] = [20, 40, 80, 160];

/// The error that `map` must reach fast.
const FAST_RMSE: f64 = 0.837;

/// Each fit lacks one user in this number.
const LEFT_OUT: u32 = 5;

/// Central intervals: percentage, half-width in standard deviations, and how near the percentage
/// must be.
const INTERVALS: [(f64, f64); 3] = [(50.0, 0.674_489_75), (80.0, 1.281_551_57), (90.0, 1.644_853_63)];

/// Measures a row.
pub(crate) fn row(name: Name, arguments: &Arguments, work: &Path) -> Result<Measured> {
    let paths = prepare::paths(name.folds(), work);
    let folds = || paths.iter().map(|path| Fold::read(path)).collect::<Result<Vec<_>>>();
    let first = || Fold::read(paths.first().context("the row has no folds")?);
    match name {
        Name::Folds => cross(arguments, &folds()?, 0.878, Some("ML-100K u1")),
        Name::Random => cross(arguments, &folds()?, 0.876, None),
        Name::Million => million(arguments, &first()?),
        Name::Map => map(arguments, &first()?),
        Name::Prequential => in_time(arguments),
        Name::Coverage => covered(arguments),
        Name::FoldIn => fold_in(arguments, &first()?),
        Name::Sweep => sweep(arguments, &first()?),
        Name::Run => run(arguments, &first()?),
        Name::Warm => crate::warm::measure(arguments, &folds()?),
        Name::Scale => scale(arguments),
        Name::Fold => crate::folding::measure(arguments),
        Name::Encoder => encoder(arguments),
    }
}

fn cross(arguments: &Arguments, folds: &[Fold], bar: f64, curve: Option<&str>) -> Result<Measured> {
    let parameters = arguments.bayes(None);
    let (mut errors, mut seconds) = (Vec::new(), Vec::new());
    for fold in folds {
        let fitted = fitted(fold.shape(), fold.train.clone(), Algorithm::Bayes, &parameters)?;
        errors.push(rmse(&fitted.posterior, fold.users, &fold.train, &fold.test));
        seconds.push(fitted.seconds);
    }
    let mut figures = vec![Figure::new("mean RMSE", Unit::Stars, mean(&errors)).at_most(bar)];
    let each = errors.iter().enumerate();
    figures.extend(each.map(|(at, &error)| Figure::new(format!("fold {}", at + 1), Unit::Stars, error)));
    figures.push(Figure::new("fit of a fold", Unit::Seconds, mean(&seconds)));
    let mut curves = Vec::new();
    if let (Some(name), Some(fold)) = (curve, folds.first()) {
        let map = map_parameters(arguments);
        curves.push(growing(fold, name, Algorithm::Map, &map, &MAP_SWEEPS)?);
        let mut bayes = growing(fold, name, Algorithm::Bayes, &parameters, &shorter(&parameters))?;
        bayes.points.extend(seconds.first().copied().zip(errors.first().copied()));
        curves.push(bayes);
    }
    Ok(Measured { settings: settings(Algorithm::Bayes, &parameters), figures, curves, ..Measured::default() })
}

fn million(arguments: &Arguments, fold: &Fold) -> Result<Measured> {
    let parameters = arguments.bayes(Some(32));
    let whole = fitted(fold.shape(), fold.train.clone(), Algorithm::Bayes, &parameters)?;
    let started = Instant::now();
    let error = rmse(&whole.posterior, fold.users, &fold.train, &fold.test);
    let figures = vec![
        Figure::new("RMSE", Unit::Stars, error).at_most(0.817),
        Figure::new("fit", Unit::Seconds, whole.seconds).at_most(120.0),
        Figure::new("states and predictions", Unit::Seconds, started.elapsed().as_secs_f64()),
    ];
    let mut curve = growing(fold, "ML-1M", Algorithm::Bayes, &parameters, &shorter(&parameters))?;
    curve.points.push((whole.seconds, error));
    let settings = settings(Algorithm::Bayes, &parameters);
    Ok(Measured { settings, figures, curves: vec![curve], ..Measured::default() })
}

fn map(arguments: &Arguments, fold: &Fold) -> Result<Measured> {
    let parameters = map_parameters(arguments);
    let curve = growing(fold, "ML-1M", Algorithm::Map, &parameters, &MAP_SWEEPS)?;
    let name = format!("whole fit to RMSE ≤ {FAST_RMSE}");
    let fast = match curve.points.iter().find(|(_, error)| *error <= FAST_RMSE) {
        Some((seconds, _)) => Figure::new(name, Unit::Seconds, *seconds),
        None => Figure::missing(name, Unit::Seconds),
    };
    let last = curve.points.last().copied().unwrap_or_default();
    let figures = vec![
        fast.at_most(1.5),
        Figure::new("RMSE of the last fit", Unit::Stars, last.1),
        Figure::new("last fit", Unit::Seconds, last.0),
    ];
    let settings = settings(Algorithm::Map, &parameters);
    Ok(Measured { settings, figures, curves: vec![curve], ..Measured::default() })
}

fn in_time(arguments: &Arguments) -> Result<Measured> {
    let timeline = Timeline::read(&prepare::open(&prepare::ml_100k(arguments)?)?)?;
    let (past, future) = timeline.split();
    let scale = Scale::try_new(1.0, 5.0, 1.0)?;
    let parameters = arguments.bayes(None);
    let ratings = timeline.index.dense(past)?;
    let newcomers = timeline.newcomers();
    let how = How { stop: Stop::AtLast, newcomers: Some(&newcomers), ..How::default() };
    let fitted = model::fitted_how(&ratings, Algorithm::Bayes, &parameters, how, Instant::now())?;
    let biases = FitParameters { seed: arguments.seed, ..FitParameters::default_of(Algorithm::Bias) };
    let biases = model::fitted_to(&ratings, Algorithm::Bias, &biases, Instant::now())?;
    let judge = |posterior| marquee_eval::evaluate(posterior, &timeline.index, past, future, scale);
    let (judged, biases) = (judge(&fitted.posterior), judge(&biases.posterior));
    let options = Options::new(scale);
    let mood = Mood::default();
    let moods = prequential_with_mood(&fitted.posterior, &timeline.index, past, future, &options, &mood);
    let moods = moods.evaluation(&options);
    let plain = prequential::outcomes(&fitted.posterior, &timeline, scale);
    let moving = with_movie_bias(&plain, MovieBias::default(), &options).evaluation(&options);
    let one_by_one = |judged: &Evaluation| judged.one_by_one.map_or(f64::NAN, |errors| errors.rmse);
    let stars = |name: &str, value| Figure::new(name, Unit::Stars, value);
    let figures = vec![
        stars("strict, without mood", judged.rmse).at_most(0.931),
        stars("one by one, without mood", one_by_one(&judged)).at_most(0.921),
        stars("strict, with mood", moods.rmse).at_most(0.921),
        stars("one by one, with mood", one_by_one(&moods)).at_most(0.901),
        stars("strict, with moving biases of movies", moving.rmse),
        stars("frozen at the cut", judged.frozen_rmse),
        stars("biases alone, strict", biases.rmse),
        stars("biases alone, one by one", one_by_one(&biases)),
        Figure::new("fit", Unit::Seconds, fitted.seconds),
    ];
    Ok(Measured { settings: settings(Algorithm::Bayes, &parameters), figures, ..Measured::default() })
}

fn covered(arguments: &Arguments) -> Result<Measured> {
    let timeline = Timeline::read(&prepare::open(&prepare::ml_100k(arguments)?)?)?;
    let (past, _) = timeline.split();
    let scale = Scale::try_new(1.0, 5.0, 1.0)?;
    let parameters = arguments.bayes(None);
    let newcomers = timeline.newcomers();
    let how = How { stop: Stop::AtLast, newcomers: Some(&newcomers), ..How::default() };
    let ratings = timeline.index.dense(past)?;
    let fitted = model::fitted_how(&ratings, Algorithm::Bayes, &parameters, how, Instant::now())?;
    let outcomes = prequential::outcomes(&fitted.posterior, &timeline, scale);
    let outcomes = outcomes.list();
    let share = |name: String, value| Figure::new(name, Unit::Percent, value);
    let mut figures = Vec::new();
    for (nominal, width) in INTERVALS {
        let actual = prequential::coverage(outcomes.iter(), width);
        figures.push(share(format!("inside {nominal} % intervals"), actual).within(nominal, 2.0));
    }
    let (nominal, width) = INTERVALS[1];
    for (name, inside) in slices(outcomes) {
        let part: Vec<&Outcome> = outcomes.iter().filter(|outcome| inside(outcome)).collect();
        let actual = prequential::coverage(part.iter().copied(), width);
        let name = format!("{nominal} %, {name} ({} ratings)", part.len());
        figures.push(share(name, actual).within(nominal, 6.0));
    }
    Ok(Measured { settings: settings(Algorithm::Bayes, &parameters), figures, ..Measured::default() })
}

/// A slice of the outcomes: its name, and what is in it.
type Slice = (String, Box<dyn Fn(&Outcome) -> bool>);

/// Returns the thirds of the outcomes by how many ratings of the user the state had learned, and
/// the movies that the past does not rate. Nothing of a slice is known only after the rating.
fn slices(outcomes: &[Outcome]) -> Vec<Slice> {
    let mut learned: Vec<u32> = outcomes.iter().map(|outcome| outcome.history).collect();
    learned.sort_unstable();
    let at = |third: usize| learned.get(learned.len() * third / 3).copied().unwrap_or_default();
    let (low, high) = (at(1), at(2));
    vec![
        (format!("users with fewer than {low} ratings"), Box::new(move |outcome| outcome.history < low)),
        (
            format!("users with {low} to {} ratings", high.saturating_sub(1)),
            Box::new(move |outcome| (low..high).contains(&outcome.history)),
        ),
        (format!("users with {high} ratings or more"), Box::new(move |outcome| outcome.history >= high)),
        (String::from("unseen movies"), Box::new(|outcome| outcome.movie_past == 0)),
    ]
}

/// Measures what a user loses by being left out of training.
///
/// Leaving users out also takes their ratings away from the movies. So both fits lack as many
/// users: each fifth of them is predicted by a fit that lacks this fifth, and by one that lacks
/// the next fifth instead. Five fits are enough for all users.
fn fold_in(arguments: &Arguments, fold: &Fold) -> Result<Measured> {
    let part = |ratings: &[Rated], keeps: &dyn Fn(u32) -> bool| -> Vec<Rated> {
        ratings.iter().filter(|rating| keeps(rating.0 % LEFT_OUT)).copied().collect()
    };
    let seeds = if arguments.quick { 1 } else { 3 };
    let mut parameters = arguments.bayes(None);
    let (mut joint, mut apart, mut all) = (Vec::new(), Vec::new(), Vec::new());
    let mean_square = |errors: &[f64]| mean(&errors.iter().map(|error| error * error).collect::<Vec<_>>()).sqrt();
    for seed in 0..seeds {
        parameters.seed = arguments.seed + seed;
        let whole = fitted(fold.shape(), fold.train.clone(), Algorithm::Bayes, &parameters)?;
        all.push(rmse(&whole.posterior, fold.users, &fold.train, &fold.test));
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for left_out in 0..LEFT_OUT {
            let rest = part(&fold.train, &|fifth| fifth != left_out);
            let fitted = fitted(fold.shape(), rest, Algorithm::Bayes, &parameters)?;
            let error = |fifth: u32| {
                let of = |ratings: &[Rated]| part(ratings, &|of| of == fifth);
                rmse(&fitted.posterior, fold.users, &of(&fold.train), &of(&fold.test))
            };
            without.push(error(left_out));
            with.push(error((left_out + LEFT_OUT - 1) % LEFT_OUT));
        }
        apart.push(mean_square(&without));
        joint.push(mean_square(&with));
    }
    let figures = vec![
        Figure::new("RMSE lost by fold-in", Unit::Stars, mean(&apart) - mean(&joint)).at_most(0.003),
        Figure::new("trained with these users and without others", Unit::Stars, mean(&joint)),
        Figure::new("trained without these users", Unit::Stars, mean(&apart)),
        Figure::new("trained with all users", Unit::Stars, mean(&all)),
    ];
    parameters.seed = arguments.seed;
    let settings = format!("{}, mean of {seeds} seeds", settings(Algorithm::Bayes, &parameters));
    Ok(Measured { settings, figures, ..Measured::default() })
}

fn sweep(arguments: &Arguments, fold: &Fold) -> Result<Measured> {
    let parameters = FitParameters { sweeps: 16, burn_in: 4, samples: 1, ..arguments.bayes(Some(32)) };
    let fitted = fitted(fold.shape(), fold.train.clone(), Algorithm::Bayes, &parameters)?;
    let (burn_in, sampling) = fitted.sweeps.split_at(parameters.burn_in);
    let figures = vec![
        Figure::new("sampling sweep, median", Unit::Seconds, median(sampling)).at_most(0.3),
        Figure::new("first sweeps, by expectation, median", Unit::Seconds, median(burn_in)),
    ];
    Ok(Measured { settings: settings(Algorithm::Bayes, &parameters), figures, ..Measured::default() })
}

fn run(arguments: &Arguments, fold: &Fold) -> Result<Measured> {
    let parameters = arguments.bayes(None);
    let started = Instant::now();
    // As training runs do: the fits end when they have sampled enough, and the last one starts
    // where the first one has ended.
    let fit = |triplets: Vec<Rated>, start: Option<&Start>| -> Result<Fitted> {
        let started = Instant::now();
        let ratings = Ratings::try_new(fold.users, fold.movies, triplets)?;
        let how = How { start, ..How::default() };
        model::fitted_how(&ratings, Algorithm::Bayes, &parameters, how, started)
    };
    let Fitted { posterior, seconds: first, sweeps, end } = fit(fold.train.clone(), None)?;
    let judging = Instant::now();
    let error = rmse(&posterior, fold.users, &fold.train, &fold.test);
    let judging = judging.elapsed().as_secs_f64();
    drop(posterior);
    let all = [fold.train.clone(), fold.test.clone()].concat();
    let last = fit(all, end.as_ref())?;
    let writing = Instant::now();
    let graphs = [write_encoder(&last.posterior)?, write_scorer(&last.posterior)?, write_learner(&last.posterior)?];
    let bytes: usize = graphs.iter().map(|graph| graph.bytes.len()).sum();
    let writing = writing.elapsed().as_secs_f64();
    let seconds = |name: &str, value| Figure::new(name, Unit::Seconds, value);
    let figures = vec![
        seconds("all of it, without reading the log and checking the graphs", started.elapsed().as_secs_f64())
            .at_most(45.0),
        seconds(&format!("first fit ({} sweeps)", sweeps.len()), first),
        seconds("judging", judging),
        seconds(&format!("last fit ({} sweeps)", last.sweeps.len()), last.seconds),
        seconds("writing the graphs", writing),
        Figure::new("graphs", Unit::Mib, bytes as f64 / f64::from(1 << 20)),
        Figure::new("RMSE of the first fit", Unit::Stars, error),
    ];
    Ok(Measured { settings: settings(Algorithm::Bayes, &parameters), figures, ..Measured::default() })
}

fn scale(arguments: &Arguments) -> Result<Measured> {
    let parameters = FitParameters { sweeps: 5, burn_in: 1, samples: 1, ..arguments.bayes(Some(32)) };
    let generated::Generated { users, movies, ratings } = generated::generate(arguments.ratings)?;
    let count = ratings.len();
    let fitted = fitted((users, movies), ratings, Algorithm::Bayes, &parameters)?;
    let indexing = fitted.seconds - fitted.sweeps.iter().sum::<f64>();
    let memory = crate::figures::peak_memory_mib();
    let sampling = fitted.sweeps.get(1..).unwrap_or_default();
    // The targets are for the default number of ratings.
    let full = |figure: Figure, most| if count >= generated::FULL_SCALE { figure.at_most(most) } else { figure };
    let figures = vec![
        full(Figure::new("memory, ratings included", Unit::Mib, memory), 2_560.0),
        full(Figure::new("sampling sweep, median", Unit::Seconds, median(sampling)), 5.0),
        Figure::new("sorting the ratings and starting", Unit::Seconds, indexing),
    ];
    let settings = settings(Algorithm::Bayes, &parameters);
    let settings = format!("{count} ratings of {users} users and {movies} movies; {settings}");
    Ok(Measured { settings, figures, ..Measured::default() })
}

fn encoder(arguments: &Arguments) -> Result<Measured> {
    let lengths: Vec<usize> = std::iter::once(HISTORY).chain(OTHER_HISTORIES).collect();
    let runs = crate::encoder::milliseconds(arguments.seed, &lengths)?;
    let (times, others) = runs.split_first().context("the encoder was not measured")?;
    let late = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    let mut figures = vec![
        Figure::new("median", Unit::Milliseconds, median(times)).at_most(1.0),
        Figure::new("99th percentile", Unit::Milliseconds, late),
    ];
    for (length, times) in OTHER_HISTORIES.iter().zip(others) {
        figures.push(Figure::new(format!("median, history of {length}"), Unit::Milliseconds, median(times)));
    }
    let settings = format!("{} runs of each length, one user each, random numbers in the graph", times.len());
    Ok(Measured { settings, figures, ..Measured::default() })
}

fn map_parameters(arguments: &Arguments) -> FitParameters {
    FitParameters { seed: arguments.seed, ..FitParameters::default_of(Algorithm::Map) }
}

fn shorter(parameters: &FitParameters) -> Vec<usize> {
    BAYES_SWEEPS.into_iter().filter(|sweeps| *sweeps < parameters.sweeps).collect()
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;

    use super::*;

    #[test]
    fn thirds_by_activity_hold_every_outcome_once() {
        let outcome = |history: u32| Outcome {
            user: 0,
            movie: 0,
            user_past: 0,
            movie_past: history % 2,
            history,
            at: Timestamp::EPOCH,
            rating: 3.0,
            predicted: 3.0,
            one_by_one: 3.0,
            frozen: 3.0,
            normal: None,
        };
        let outcomes: Vec<Outcome> = (0..99).map(|number| outcome(number * number % 40)).collect();
        let slices = slices(&outcomes);
        let of = |outcome: &Outcome| slices.iter().take(3).filter(|(_, inside)| inside(outcome)).count();
        assert!(outcomes.iter().all(|outcome| of(outcome) == 1));
        let unseen = outcomes.iter().filter(|outcome| slices[3].1(outcome)).count();
        assert_eq!(unseen, outcomes.iter().filter(|outcome| outcome.movie_past == 0).count());
    }
}
