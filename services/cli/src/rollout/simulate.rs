//! `marquee rollout simulate`: replays recorded ratings through a rollout file, and draws what
//! would have happened.
//!
//! Inference predicts each recorded rating with both versions, from the ratings before it. The
//! decisions are those of the controller, on a clock of the simulation. Nothing in the fleet
//! changes. The slices of ratings by genre and by popularity need the movies, so a specification
//! with such a slice is refused.

mod losses;
mod recording;
mod show;

use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use marquee_domain::Version;
use marquee_rollout::Replay;

use super::file;
use crate::{Client, Error, Output};
use recording::Recorder;
use show::Simulated;

/// Arguments of `rollout simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The rollout file, in TOML or JSON; see `deploy/rollouts`.
    file: PathBuf,
    /// The recorded ratings: a data set as `marquee import` takes it.
    #[arg(long, value_name = "PATH")]
    ratings: PathBuf,
    /// The stable version. Default: the one that answers now.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    stable: Option<u64>,
    /// The version on trial. Default: that of the file, or the newest one.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    candidate: Option<u64>,
    /// How many of the newest ratings arrive during the rollout. Earlier ones are histories.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    last: usize,
    /// How many ratings arrive in a second.
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = RangedU64ValueParser::<u64>::new().range(1..=100_000))]
    rate: u64,
}

pub(super) async fn run(args: SimulateArgs, client: &Client, output: Output) -> Result<(), Error> {
    let (spec, _) = file::read(&args.file, args.candidate.map(file::Target::Version))?;
    let wrong = |why: String| Error::Usage(format!("{}: {why}", args.file.display()));
    losses::check_slices(&spec).map_err(wrong)?;
    let model = spec.model.as_str().to_owned();
    let stable = match args.stable {
        Some(stable) => stable,
        None => crate::route::show(client, model.clone()).await?.stable,
    };
    let candidate = match spec.version {
        Some(version) => version.0,
        None => newest(client, &model).await?,
    };
    if stable == candidate {
        return Err(Error::Usage(format!("version {stable} is both: give another one with --stable or --candidate")));
    }
    let recorder = Recorder { client, model, versions: [stable, candidate] };
    let recording = recorder.record(&args.ratings, args.last, output).await?;
    let versions = [stable, candidate].map(Version);
    let replay = Replay { ratings_per_second: Some(args.rate as f64), ..Replay::new(versions[0], versions[1]) };
    let ratings = recording.iter().enumerate().filter_map(|(place, outcome)| losses::recorded(place, outcome));
    let trajectory = marquee_rollout::simulate(&spec, ratings, &replay).map_err(|error| wrong(error.to_string()))?;
    output.show(&Simulated::new(spec.model.as_str().to_owned(), versions, args.rate, &trajectory))?;
    output.footer(
        "a version that was trained on these ratings knows them; judge by ratings that are newer than both versions",
    );
    Ok(())
}

/// Returns the newest version of a model.
async fn newest(client: &Client, model: &str) -> Result<u64, Error> {
    let versions = crate::models::list(client, model.to_owned()).await?.0;
    let newest = versions.iter().map(|version| version.version).max();
    newest.ok_or_else(|| Error::Outcome(format!("model '{model}' has no version yet")))
}
