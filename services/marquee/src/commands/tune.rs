//! `marquee tune`: searches for the parameters with which a model predicts a data set best, and
//! judges them on ratings that chose nothing. It runs in this process and calls no fleet.

#[cfg(test)]
mod end_to_end;
mod progress;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use marquee_cli::{Error, Human, Output, Show};
use marquee_datasets::Options;
use marquee_domain::{Algorithm, Scale};
use marquee_kit::signals;
use marquee_tuning::{Data, DataError, Folds, Order, Outcome, Plan, Pruning, Sampler, Space, TuneError, Values};
use serde::Serialize;

use super::tracked::{Ended, Teller, Tracked};
use crate::arguments::LayerArgs;
use progress::Shown;

/// The longest time from a signal to the end: a sweep of a large fit.
const LONGEST_STOP: Duration = Duration::from_secs(60);

/// Arguments of `tune`.
#[derive(Debug, Args)]
pub(crate) struct TuneArgs {
    /// A MovieLens folder or zip, or a file of ratings, as `import` reads it.
    #[arg(required_unless_present = "show_space")]
    path: Option<PathBuf>,
    /// The algorithm whose parameters are tuned.
    #[arg(long, value_enum, default_value_t = TunedAlgorithm::Map)]
    algorithm: TunedAlgorithm,
    /// A TOML file with the search space. [default: the one that --show-space prints]
    #[arg(long, value_name = "FILE")]
    space: Option<PathBuf>,
    /// Print the usual search space of the algorithm, to change it, and end.
    #[arg(long)]
    show_space: bool,
    /// The folder of the study files, the report and the pictures. A search that is there is
    /// continued.
    #[arg(long, default_value = "marquee-tune", value_name = "DIR")]
    out: PathBuf,
    /// Trials on each outer fold.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    trials: u32,
    /// Outer folds, which judge. The parameters that are shown as best are those of the last one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    folds: u32,
    /// Inner folds, which choose.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    inner: u32,
    /// Share of the ratings that one fold holds out, above 0 and at most 0.5.
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    holdout: f64,
    /// Which ratings a fold holds out. [default: time, or random for a data set without times]
    #[arg(long, value_enum)]
    order: Option<HoldoutOrder>,
    /// Which trials end early.
    #[arg(long, value_enum, default_value_t = PrunerName::Median)]
    pruner: PrunerName,
    /// How values are chosen.
    #[arg(long, value_enum, default_value_t = SamplerName::Tpe)]
    sampler: SamplerName,
    /// Trials that run at the same time. A fit itself uses every processor.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64), value_name = "N")]
    workers: u32,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The rating scale. [default: that of the data set if it is known, or 0.5:5:0.5]
    #[arg(long, value_name = "MIN:MAX:STEP", value_parser = scale)]
    scale: Option<Scale>,
    /// Settings, for the section `tracking`.
    #[command(flatten)]
    layers: LayerArgs,
}

/// An algorithm, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TunedAlgorithm {
    /// User and movie biases only.
    Bias,
    /// Factors by variational Bayes: a fit takes seconds.
    Map,
    /// Factors by Gibbs sampling: a fit takes longer and is the most accurate.
    Bayes,
}

/// What decides which ratings a fold holds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HoldoutOrder {
    /// The newest ratings; each is predicted and then learned.
    Time,
    /// Random ratings.
    Random,
}

/// Which trials end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PrunerName {
    /// None.
    Never,
    /// Those that are worse than the median after some inner folds.
    Median,
    /// Those that are poor after a ninth or a third of their sweeps.
    Hyperband,
}

/// How values are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SamplerName {
    /// Tree-structured Parzen estimator: near good values.
    Tpe,
    /// From the whole space.
    Random,
}

impl From<TunedAlgorithm> for Algorithm {
    fn from(algorithm: TunedAlgorithm) -> Self {
        match algorithm {
            TunedAlgorithm::Bias => Self::Bias,
            TunedAlgorithm::Map => Self::Map,
            TunedAlgorithm::Bayes => Self::Bayes,
        }
    }
}

/// Reads a scale that is written as `MIN:MAX:STEP`.
pub(super) fn scale(text: &str) -> Result<Scale, String> {
    let expected = || "expected MIN:MAX:STEP, for example 1:5:1".to_owned();
    let numbers: Vec<f64> = text.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| expected())?;
    let [min, max, step] = numbers[..] else { return Err(expected()) };
    Scale::try_new(min, max, step).map_err(|error| error.to_string())
}

/// Runs the search.
pub(crate) async fn run(args: TuneArgs, output: Output) -> Result<()> {
    let algorithm = Algorithm::from(args.algorithm);
    if args.show_space {
        return Ok(output.text(marquee_tuning::default_space(algorithm))?);
    }
    let space = read_space(args.space.as_deref(), algorithm)?;
    let settings = super::load(&super::layers_of(args.layers.clone()))?.settings;
    let tracked = Tracked::start(&settings.tracking, "tune", params(&args))?;
    let stop = signals::watch(LONGEST_STOP).context("watch for signals")?;
    let (trials, folds) = (args.trials as usize, args.folds as usize);
    let shown = Arc::new(Shown::new((output, tracked.teller()), stop.clone(), folds, trials));
    let search = {
        let (shown, space) = (Arc::clone(&shown), space.clone());
        tokio::task::spawn_blocking(move || search(args, space, &shown))
    };
    let searched = search.await.context("wait for the search");
    shown.end();
    // The tracking of the search ends once nothing can tell it anything.
    drop(shown);
    let ended = match searched.and_then(|searched| searched) {
        Ok((outcome, report)) => {
            let figures = [("outer_rmse", outcome.outer_rmse), ("default_rmse", outcome.default_rmse)];
            tell_report(&tracked.teller(), &report);
            output.show(&Tuned { report, outcome }).map_err(anyhow::Error::from).map(|()| figures)
        }
        Err(error) => Err(error),
    };
    let state = match &ended {
        Ok(figures) => Ended::succeeded(figures.map(|(name, value)| (name.to_owned(), value)).to_vec()),
        Err(error) => Ended::failed(error, stop.is_cancelled()),
    };
    tracked.end(state).await;
    // A signal from here on ends the process at once.
    stop.cancel();
    ended.map(drop)
}

/// Returns what a tracking system learns of the arguments.
fn params(args: &TuneArgs) -> Vec<(&'static str, String)> {
    let set = args.path.as_deref().and_then(Path::file_name).unwrap_or_default();
    vec![
        ("set", set.to_string_lossy().into_owned()),
        ("algorithm", Algorithm::from(args.algorithm).name().to_owned()),
        ("trials", args.trials.to_string()),
        ("folds", args.folds.to_string()),
        ("inner", args.inner.to_string()),
        ("holdout", args.holdout.to_string()),
        ("seed", args.seed.to_string()),
    ]
}

/// Tells the page of a search. One that cannot be read again is left out: the search has succeeded.
fn tell_report(teller: &Teller, page: &Path) {
    if let Some(text) = teller.is_on().then(|| std::fs::read(page).ok()).flatten() {
        teller.report("report.html", text.into());
    }
}

fn read_space(path: Option<&Path>, algorithm: Algorithm) -> Result<Space> {
    let Some(path) = path else { return Ok(Space::parse(marquee_tuning::default_space(algorithm))?) };
    let unreadable = |source| Error::File { doing: "read", path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let wrong = |error| Error::Usage(format!("{}: {:#}", path.display(), anyhow::Error::new(error)));
    Ok(Space::parse(&text).map_err(wrong)?)
}

/// Reads the data set, searches, and writes the report. Blocks.
fn search(args: TuneArgs, space: Space, shown: &Shown) -> Result<(Outcome, PathBuf)> {
    let path = args.path.unwrap_or_default();
    let dataset = marquee_datasets::open(&path, Options::default())?;
    let data = Data::read(&dataset, args.scale).map_err(|error| match error {
        DataError::NoRatings { .. } => Error::Usage(error.to_string()).into(),
        error => anyhow::Error::new(error),
    })?;
    let order = match args.order {
        Some(HoldoutOrder::Time) if !data.has_times => {
            let why = format!("--order: {} has ratings without a time; use random", data.name);
            return Err(Error::Usage(why).into());
        }
        Some(HoldoutOrder::Time) => Order::Time,
        None if data.has_times => Order::Time,
        Some(HoldoutOrder::Random) | None => Order::Random,
    };
    shown.read(&data, order);
    let plan = Plan {
        algorithm: args.algorithm.into(),
        space,
        trials: args.trials as usize,
        workers: args.workers as usize,
        sampler: match args.sampler {
            SamplerName::Tpe => Sampler::default(),
            SamplerName::Random => Sampler::Random,
        },
        pruning: match args.pruner {
            PrunerName::Never => Pruning::Never,
            PrunerName::Median => Pruning::Median,
            PrunerName::Hyperband => Pruning::Hyperband,
        },
        folds: Folds { outer: args.folds as usize, inner: args.inner as usize, share: args.holdout, order },
        seed: args.seed,
        folder: args.out,
    };
    let outcome = marquee_tuning::tune(&data, &plan, shown).map_err(|error| match error {
        TuneError::Space(_) | TuneError::Folds(_) => Error::Usage(format!("{:#}", anyhow::Error::new(error))).into(),
        error => anyhow::Error::new(error),
    })?;
    let report = marquee_tuning::write(&plan.folder, &outcome, &plan.space);
    let report = report.with_context(|| format!("write the report to {}", plan.folder.display()))?;
    Ok((outcome, report))
}

/// What the search found.
#[derive(Debug, Serialize)]
struct Tuned {
    report: PathBuf,
    #[serde(flatten)]
    outcome: Outcome,
}

impl Show for Tuned {
    fn human(&self) -> Human {
        let Outcome { algorithm, best, outer_rmse, default_rmse, by_fold, folds, .. } = &self.outcome;
        let mut text = String::new();
        for (number, fold) in (1..).zip(by_fold) {
            let trials = fold.trials;
            let _ = writeln!(
                text,
                "fold {number}     {} ({} complete, {} pruned, {} failed)\n           RMSE {:.4} on the inner folds, \
                 {:.4} on the outer fold, default {:.4}",
                written(&fold.chosen),
                trials.complete,
                trials.pruned,
                trials.failed,
                fold.inner_rmse,
                fold.outer_rmse,
                fold.default_rmse
            );
            let shares = fold.importances.iter().map(|of| format!("{} {:.0} %", of.parameter, of.share * 100.0));
            let _ = writeln!(text, "           importance: {}", shares.collect::<Vec<_>>().join(", "));
        }
        let of = if folds.outer == 1 { "the outer fold" } else { "the outer folds, mean" };
        let verdict = if outer_rmse < default_rmse { "better" } else { "not better" };
        let _ = write!(
            text,
            "best       {}\nRMSE       {outer_rmse:.4} on {of}; default {default_rmse:.4}: {verdict}\nreport     {}\n\n\
             To train with these values: marquee train --algorithm {algorithm}{}",
            written(best),
            self.report.display(),
            flags(best)
        );
        Human::Text(text)
    }
}

/// Writes values as `name value` pairs.
fn written(values: &Values) -> String {
    values.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// Writes values as flags of `marquee train`.
fn flags(values: &Values) -> String {
    values.iter().map(|(name, value)| format!(" --{} {value}", name.replace('_', "-"))).collect()
}

#[cfg(test)]
mod tests {
    use marquee_tuning::{Counts, FoldOutcome, Value};

    use super::*;

    fn tuned(outer_rmse: f64) -> Tuned {
        let values = [("burn_in", 20), ("factors", 24)].map(|(name, value)| (name.to_owned(), Value::Int(value)));
        let best = Values::from(values);
        let fold = FoldOutcome {
            chosen: best.clone(),
            inner_rmse: 0.91,
            outer_rmse,
            default_rmse: 0.95,
            trials: Counts { complete: 30, pruned: 10, failed: 0 },
            importances: Vec::new(),
            records: Vec::new(),
        };
        let folds = Folds { outer: 1, inner: 3, share: 0.1, order: Order::Time };
        let outcome = Outcome {
            dataset: "ml-100k".to_owned(),
            digest: "ab".to_owned(),
            ratings: 100,
            left_out: 0,
            algorithm: "bayes",
            folds,
            best,
            outer_rmse,
            default_rmse: 0.95,
            by_fold: vec![fold],
        };
        Tuned { report: "out/report.html".into(), outcome }
    }

    #[test]
    fn the_result_shows_both_figures_and_the_command_that_uses_it() {
        let Human::Text(text) = tuned(0.94).human() else { panic!("it is a text") };
        for part in [
            "burn_in 20, factors 24 (30 complete, 10 pruned, 0 failed)",
            "0.9400 on the outer fold; default 0.9500: better",
            "marquee train --algorithm bayes --burn-in 20 --factors 24",
            "out/report.html",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let Human::Text(text) = tuned(0.96).human() else { panic!("it is a text") };
        assert!(text.contains("default 0.9500: not better"), "{text}");
        let json = serde_json::to_value(tuned(0.94)).expect("JSON");
        assert_eq!(json["best"]["factors"], 24);
        assert_eq!(json["by_fold"][0]["trials"]["pruned"], 10);
    }

    #[test]
    fn a_scale_is_three_numbers() {
        assert_eq!(scale("1:10:1"), Ok(Scale::try_new(1.0, 10.0, 1.0).expect("a scale")));
        for (text, words) in [("1:5", "MIN:MAX:STEP"), ("a:5:1", "MIN:MAX:STEP"), ("5:1:1", "above its min")] {
            assert!(scale(text).is_err_and(|error| error.contains(words)), "{text}");
        }
    }
}
