//! `make bench-rollout`: rollouts of equal and of worse versions on real ratings. It prints how
//! often an equal version is stopped, how often a worse one is, and after how many ratings. At the
//! end it prints which promises were reached. A promise that is missed is an error, if there were
//! at least 1,000 rollouts of each kind.
//!
//! A version is fitted on the older half of MovieLens 100K. It predicts each rating of the newer
//! half from the history before it, as the duel does. A rollout is replayed through the example
//! `deploy/rollouts/careful.toml`, over users that are drawn with replacement, in the order of
//! time. `--rollouts N` says how many of each kind (1,000), `--json PATH` writes the figures.

#[path = "rollouts/outcomes.rs"]
mod outcomes;
#[path = "rollouts/promises.rs"]
mod promises;
#[path = "rollouts/unpaired.rs"]
mod unpaired;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use marquee_domain::Version;
use marquee_e2e::{option, quantile};
use marquee_rollout::{Outcome, Replay, Spec, simulate};
use serde::Serialize;

use outcomes::{Contest, Recording};

const SPEC: &str = include_str!("../../deploy/rollouts/careful.toml");

/// How much worse the worse version is, in stars of RMSE.
const WORSE: f64 = 0.02;

/// How fast the ratings arrive. The number of ratings for a decision does not depend on it much:
/// it is how many arrive between two looks.
const RATINGS_PER_SECOND: f64 = 10.0;

/// Rollouts by served traffic alone, which take many more ratings.
const UNPAIRED: usize = 100;

/// How a rollout ended, and after how many ratings.
type End = (Option<Outcome>, u64);

#[derive(Debug, Serialize)]
struct Report {
    ratings: usize,
    stable_rmse: f64,
    rollouts: Vec<Kind>,
    unpaired_median_ratings: u64,
    unpaired_detected: f64,
    factor: f64,
}

/// Rollouts of one kind of candidate.
#[derive(Debug, Serialize)]
struct Kind {
    name: &'static str,
    candidate_rmse: f64,
    rollouts: usize,
    completed: f64,
    aborted: f64,
    undecided: f64,
    /// Ratings until the rollout was stopped, of those that were.
    median_ratings: Option<u64>,
    p90_ratings: Option<u64>,
    seconds: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match bench(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(arguments: &[String]) -> Result<()> {
    let rollouts = match option(arguments, "--rollouts") {
        Some(text) => text.parse().with_context(|| format!("--rollouts takes a number, not '{text}'"))?,
        None => 1_000,
    };
    if rollouts == 0 {
        bail!("--rollouts takes a number from 1");
    }
    let spec = Spec::read(toml::Deserializer::parse(SPEC)?)?;
    println!("fitting two versions that differ by their seed, on the older half of MovieLens 100K");
    let recording = Recording::make(WORSE)?;
    println!("predicted {} ratings of the newer half; stable RMSE {:.4}", recording.len(), recording.stable_rmse());
    let mut report = Report {
        ratings: recording.len(),
        stable_rmse: recording.stable_rmse(),
        rollouts: Vec::new(),
        unpaired_median_ratings: 0,
        unpaired_detected: 0.0,
        factor: 0.0,
    };
    for contest in Contest::ALL {
        let kind = run(&spec, &recording, contest, rollouts)?;
        println!(
            "{:<28} RMSE {:.4}: {:>5.1} % completed, {:>5.1} % stopped, {:>4.1} % undecided; \
             stopped after {} ratings in the median, {} at 90 % ({} rollouts, {:.1} s)",
            kind.name,
            kind.candidate_rmse,
            100.0 * kind.completed,
            100.0 * kind.aborted,
            100.0 * kind.undecided,
            shown(kind.median_ratings),
            shown(kind.p90_ratings),
            kind.rollouts,
            kind.seconds,
        );
        report.rollouts.push(kind);
    }
    by_served_traffic(&spec, &recording, &mut report);
    if let Some(path) = option(arguments, "--json").map(PathBuf::from) {
        let json = serde_json::to_vec_pretty(&report)?;
        std::fs::write(&path, json).with_context(|| format!("write {}", path.display()))?;
    }
    promises::check(&report, rollouts)
}

fn shown(ratings: Option<u64>) -> String {
    ratings.map_or_else(|| "–".to_owned(), |ratings| ratings.to_string())
}

/// Runs rollouts on all cores. Each has its own seed, so the result does not depend on the cores.
fn run(spec: &Spec, recording: &Recording, contest: Contest, rollouts: usize) -> Result<Kind> {
    let started = Instant::now();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let ends: Result<Vec<Vec<End>>> = thread::scope(|scope| {
        let work = |first: usize| {
            move || (first..rollouts).step_by(cores).map(|seed| one(spec, recording, (contest, seed))).collect()
        };
        let threads: Vec<_> = (0..cores).map(|first| scope.spawn(work(first))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let ends: Vec<End> = ends?.into_iter().flatten().collect();
    let share =
        |outcome: Option<Outcome>| ends.iter().filter(|(end, _)| *end == outcome).count() as f64 / rollouts as f64;
    let mut stopped: Vec<u64> =
        ends.iter().filter(|(end, _)| *end == Some(Outcome::Aborted)).map(|(_, ratings)| *ratings).collect();
    stopped.sort_unstable();
    Ok(Kind {
        name: contest.name(),
        candidate_rmse: recording.candidate_rmse(contest),
        rollouts,
        completed: share(Some(Outcome::Completed)),
        aborted: share(Some(Outcome::Aborted)),
        undecided: share(None),
        median_ratings: quantile(&stopped, 0.5),
        p90_ratings: quantile(&stopped, 0.9),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Returns how one rollout ended, and after how many ratings. It did not end if the ratings did.
fn one(spec: &Spec, recording: &Recording, (contest, seed): (Contest, usize)) -> Result<End> {
    let replay = Replay { ratings_per_second: Some(RATINGS_PER_SECOND), ..Replay::new(Version(1), Version(2)) };
    let ratings = recording.resampled(contest, seed as u64);
    let trajectory = simulate(spec, ratings, &replay)?;
    let outcome = trajectory.status.rollout.as_ref().and_then(|run| run.outcome);
    Ok((outcome, trajectory.ratings))
}

/// Compares with a canary that looks only at what users were shown.
fn by_served_traffic(spec: &Spec, recording: &Recording, report: &mut Report) {
    let ends: Vec<Option<u64>> =
        (0..UNPAIRED).map(|seed| unpaired::detect(recording, spec.alpha, seed as u64)).collect();
    let detected: Vec<u64> = ends.iter().copied().flatten().collect();
    report.unpaired_detected = detected.len() as f64 / ends.len() as f64;
    // A rollout that was not decided took at least the limit.
    let mut all: Vec<u64> = ends.into_iter().map(|end| end.unwrap_or(unpaired::LIMIT)).collect();
    all.sort_unstable();
    report.unpaired_median_ratings = quantile(&all, 0.5).unwrap_or_default();
    let duel = report.rollouts.iter().find(|kind| kind.name == Contest::Worse.name());
    let duel = duel.and_then(|kind| kind.median_ratings).unwrap_or(u64::MAX);
    report.factor = report.unpaired_median_ratings as f64 / duel as f64;
    println!(
        "the worse version at 5 % of the users, judged by what they were shown: stopped in {:.0} % of {UNPAIRED} \
         rollouts, after {} ratings in the median, {:.0} times as many as the duel needs",
        100.0 * report.unpaired_detected,
        report.unpaired_median_ratings,
        report.factor,
    );
}
