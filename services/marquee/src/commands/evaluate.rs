//! `marquee evaluate`: judges a model on a data set by folds and by time, with several seeds. It
//! runs in this process and calls no fleet.

mod progress;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use marquee_cli::{Error, Format, Human, Output, Show, Table};
use marquee_datasets::Options;
use marquee_domain::{Algorithm, FitParameters, ParameterError, Scale};
use marquee_kit::signals;
use marquee_tuning::{Arm, Data, DataError, EvaluateError, EvaluationPlan, Judged, Side};
use serde::Serialize;

use super::tracked::{Ended, Tracked};
use super::tune::{TunedAlgorithm, scale};
use crate::arguments::LayerArgs;
use progress::Shown;

/// The longest time from a signal to the end: a sweep of a large fit.
const LONGEST_STOP: Duration = Duration::from_secs(60);

/// Arguments of `evaluate`.
#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// A MovieLens folder or zip, or a file of ratings, as `import` reads it. [default: MovieLens
    /// 100K, where `make movielens` puts it]
    #[arg(value_name = "SET")]
    path: Option<PathBuf>,
    /// With --json: write the result to this file instead of standard output.
    // A positional, as in `demo`, so that `--json PATH` reads as one.
    #[arg(value_name = "PATH", requires = "json")]
    summary: Option<PathBuf>,
    /// The algorithm.
    #[arg(long, value_enum, default_value_t = TunedAlgorithm::Bayes)]
    algorithm: TunedAlgorithm,
    /// Number of factors, 1 to 128. [default: that of the algorithm, as for the next three]
    #[arg(long, value_name = "N")]
    factors: Option<usize>,
    /// Number of sweeps, including the burn-in.
    #[arg(long, value_name = "N")]
    sweeps: Option<usize>,
    /// Number of sweeps that are discarded at the start.
    #[arg(long, value_name = "N")]
    burn_in: Option<usize>,
    /// Number of posterior samples to keep, 1 to 64.
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// The first seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of seeds. The figures are shown with their deviation over the seeds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    seeds: u32,
    /// How ratings are held out; several are separated by commas. [default: all that the ratings
    /// allow, but for mood and movie-bias]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ARM")]
    arms: Vec<ArmName>,
    /// Share of the newest ratings that is held out by time, above 0 and at most 0.5.
    #[arg(long, default_value_t = 0.2, value_name = "SHARE", value_parser = holdout)]
    holdout: f64,
    /// Random folds, of a data set that comes without folds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=100), value_name = "N")]
    folds: u32,
    /// Ratings between two fits of the arm `retrained`. [default: a quarter of those held out]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    retrain_every: Option<u32>,
    /// Do not measure the error by the number of ratings that the model is fitted on.
    #[arg(long)]
    no_curve: bool,
    /// Write report.html and report.md into this folder.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// The rating scale. [default: that of the data set if it is known, or 0.5:5:0.5]
    #[arg(long, value_name = "MIN:MAX:STEP", value_parser = scale)]
    scale: Option<Scale>,
    /// Settings, for the section `tracking`.
    #[command(flatten)]
    layers: LayerArgs,
}

/// A way to hold ratings out, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ArmName {
    /// The newest ratings; each is predicted and then learned.
    Prequential,
    /// The newest ratings, and the model is fitted again from time to time.
    Retrained,
    /// The newest ratings; nothing is learned after the cut.
    Temporal,
    /// Like prequential, with users whose moods pass: what an evening's ratings share. Serving has
    /// no moods, and they change no ranking. Takes long.
    Mood,
    /// Like prequential, with biases of movies that learn from every rating. Serving keeps them
    /// until the next training.
    MovieBias,
    /// Folds: those of the data set if it has some, or else random ones.
    Folds,
}

impl From<ArmName> for Arm {
    fn from(name: ArmName) -> Self {
        match name {
            ArmName::Prequential => Self::Prequential,
            ArmName::Retrained => Self::Retrained,
            ArmName::Temporal => Self::Temporal,
            ArmName::Mood => Self::Mood,
            ArmName::MovieBias => Self::MovieBias,
            ArmName::Folds => Self::Folds,
        }
    }
}

fn holdout(text: &str) -> Result<f64, String> {
    let expected = || "expected a share above 0 and at most 0.5, for example 0.2".to_owned();
    text.parse().ok().filter(|share| *share > 0.0 && *share <= 0.5).ok_or_else(expected)
}

/// Runs the evaluation.
pub(crate) async fn run(args: EvaluateArgs, output: Output) -> Result<()> {
    let plan = plan(&args)?;
    let path = args.path.clone().or_else(crate::movielens::cached);
    let path = path.ok_or_else(|| Error::Usage("SET: give the path of a data set".to_owned()))?;
    if args.path.is_none() && !path.exists() {
        let shown = path.display();
        let why =
            format!("SET: MovieLens 100K is not at {shown}; run `make movielens`, or give the path of a data set");
        return Err(Error::Usage(why).into());
    }
    let settings = super::load(&super::layers_of(args.layers.clone()))?.settings;
    let tracked = Tracked::start(&settings.tracking, "evaluate", params(&plan, &path))?;
    let stop = signals::watch(LONGEST_STOP).context("watch for signals")?;
    let (scale, told) = (args.scale, tracked.teller());
    let shown = Shown::new(output, stop.clone(), told);
    let judging = tokio::task::spawn_blocking(move || judge(&path, scale, &plan, &shown));
    let judged = judging.await.context("wait for the evaluation");
    let ended = match judged.and_then(|judged| judged) {
        Ok(judged) => written(judged, &args, output, &tracked).map(|judged| figures(&judged)),
        Err(error) => Err(error),
    };
    let state = match &ended {
        Ok(metrics) => Ended::succeeded(metrics.clone()),
        Err(error) => Ended::failed(error, stop.is_cancelled()),
    };
    tracked.end(state).await;
    // A signal from here on ends the process at once.
    stop.cancel();
    ended.map(drop)
}

/// Returns the plan of the arguments.
fn plan(args: &EvaluateArgs) -> Result<EvaluationPlan> {
    let algorithm = Algorithm::from(args.algorithm);
    let default = FitParameters::default_of(algorithm).with_sweeps(args.sweeps, args.burn_in, args.samples);
    let factors = args.factors.unwrap_or(default.factors);
    let parameters = FitParameters { factors, seed: args.seed, ..default };
    parameters.check().map_err(|ParameterError { field, fix }| {
        Error::Usage(format!("--{}: is out of range; {fix}", field.replace('_', "-")))
    })?;
    Ok(EvaluationPlan {
        algorithm,
        parameters,
        seeds: args.seeds,
        arms: args.arms.iter().copied().map(Arm::from).collect(),
        holdout: args.holdout,
        folds: args.folds,
        retrain_every: args.retrain_every.map(|every| every as usize),
        has_curve: !args.no_curve,
    })
}

/// Reads the data set and judges. Blocks.
fn judge(path: &Path, scale: Option<Scale>, plan: &EvaluationPlan, shown: &Shown) -> Result<Judged> {
    let dataset = marquee_datasets::open(path, Options::default())?;
    let data = Data::read(&dataset, scale).map_err(|error| match error {
        DataError::NoRatings { .. } => Error::Usage(error.to_string()).into(),
        error => anyhow::Error::new(error),
    })?;
    let side = Side::read(&dataset, data.snapshot.ratings())?;
    shown.read(&data, &side);
    let judged = marquee_tuning::evaluate(&data, &side, plan, shown);
    shown.end();
    judged.map_err(|error| match error {
        EvaluateError::NoTimes(_) => Error::Usage(format!("--arms: {error}")).into(),
        EvaluateError::Empty { .. } | EvaluateError::Folds(_) => Error::Usage(format!("--{error}")).into(),
        error => anyhow::Error::new(error),
    })
}

/// Prints the result, and writes the files that were asked for.
fn written(judged: Judged, args: &EvaluateArgs, output: Output, tracked: &Tracked) -> Result<Judged> {
    let report = match &args.report {
        None => None,
        Some(folder) => {
            let page = judged.write(folder);
            Some(page.map_err(|source| Error::File { doing: "write the report to", path: folder.clone(), source })?)
        }
    };
    if tracked.teller().is_on() {
        for (file, text) in judged.report() {
            tracked.teller().report(file, Bytes::from(text));
        }
    }
    let shown = Evaluated { report, judged };
    match &args.summary {
        Some(file) => {
            let json = serde_json::to_string_pretty(&shown).context("write the result as JSON")?;
            let written = std::fs::write(file, format!("{json}\n"));
            written.map_err(|source| Error::File { doing: "write", path: file.clone(), source })?;
        }
        None => output.show(&shown)?,
    }
    if output.format() == Format::Human {
        shown.judged.notes.iter().for_each(|note| output.note(&format!("note       {note}")));
    }
    Ok(shown.judged)
}

/// Returns what a tracking system learns of the plan.
fn params(plan: &EvaluationPlan, path: &Path) -> Vec<(&'static str, String)> {
    let FitParameters { factors, sweeps, burn_in, samples, seed } = plan.parameters;
    vec![
        ("set", path.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        ("algorithm", plan.algorithm.name().to_owned()),
        ("factors", factors.to_string()),
        ("sweeps", sweeps.to_string()),
        ("burn_in", burn_in.to_string()),
        ("samples", samples.to_string()),
        ("seed", seed.to_string()),
        ("seeds", plan.seeds.to_string()),
        ("holdout", plan.holdout.to_string()),
    ]
}

/// Returns the figures of the whole evaluation: those of the first row of each arm.
fn figures(judged: &Judged) -> Vec<(String, f64)> {
    let mut figures = vec![("bias_rmse".to_owned(), judged.bias_rmse), ("seconds".to_owned(), judged.seconds)];
    for arm in Arm::ALL {
        let Some(row) = judged.arms.iter().find(|row| row.arm == arm) else { continue };
        figures.push((format!("{arm}/rmse"), row.rmse.mean));
        figures.push((format!("{arm}/rmse_deviation"), row.rmse.deviation));
        figures.extend(row.mae.iter().map(|mae| (format!("{arm}/mae"), mae.mean)));
        figures.extend(row.nll.iter().map(|nll| (format!("{arm}/nll"), nll.mean)));
    }
    figures.extend(judged.catalog.iter().map(|catalog| ("catalog_coverage".to_owned(), catalog.share)));
    figures
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Evaluated {
    report: Option<PathBuf>,
    #[serde(flatten)]
    judged: Judged,
}

impl Show for Evaluated {
    fn human(&self) -> Human {
        let figures = self.judged.table();
        // All but the first column have numbers, which are aligned to the right.
        let header = |(at, header): (usize, &String)| format!("{}{header}", if at == 0 { "" } else { ">" });
        let headers: Vec<String> = figures.headers.iter().enumerate().map(header).collect();
        let mut table = Table::new(&headers.iter().map(String::as_str).collect::<Vec<_>>());
        for row in figures.rows {
            let cells: Result<[String; 10], _> = row.try_into();
            cells.into_iter().for_each(|cells| table.row(cells));
        }
        let mut text = table.print(false);
        let biased: Vec<String> = self
            .judged
            .evaluation
            .slices
            .iter()
            .filter(|slice| slice.is_biased())
            .map(|slice| format!("{} {} ({:+.3})", slice.dimension, slice.name, slice.bias))
            .collect();
        if !biased.is_empty() {
            text.push_str(&format!("\nslices     treated differently: {}", biased.join(", ")));
        }
        if let Some(catalog) = &self.judged.catalog {
            text.push_str(&format!(
                "\ncatalog    {:.1} % of {} movies are recommended",
                catalog.share * 100.0,
                catalog.movies
            ));
        }
        if let Some(report) = &self.report {
            text.push_str(&format!("\nreport     {}", report.display()));
        }
        Human::Text(text)
    }
}

#[cfg(test)]
mod tests;
