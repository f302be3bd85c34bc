//! `marquee train`: starts a run and watches it to its end; lists, watches and cancels runs.

mod show;
mod watch;

use clap::{Args, Subcommand, ValueEnum};
use marquee_proto::training::v1 as pb;

use crate::{Client, Error, Output};
use show::List;
pub use show::{Metrics, Training};
pub use watch::follow;

/// Arguments of `train`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct TrainArgs {
    #[command(subcommand)]
    command: Option<TrainCommand>,
    #[command(flatten)]
    start: StartArgs,
}

/// The model to train, and how. The fleet's defaults fill in what is left out.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// The training algorithm.
    #[arg(long, value_enum, default_value_t = Algorithm::Map)]
    algorithm: Algorithm,
    /// The model's name.
    #[arg(long, default_value = "ratings")]
    model: String,
    /// Number of factors, 1 to 128.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    factors: u32,
    /// Number of sweeps, including the burn-in.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    sweeps: u32,
    /// Number of sweeps that are discarded at the start.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    burn_in: u32,
    /// Number of posterior samples to keep, 1 to 64.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    samples: u32,
    /// Seed of the random number generator.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    seed: u64,
    /// Share of the newest ratings to evaluate the model on, above 0 and at most 0.5.
    #[arg(long, default_value_t = 0.0, hide_default_value = true, value_name = "SHARE")]
    holdout: f64,
    /// Return at once instead of watching the run.
    #[arg(long)]
    detach: bool,
}

/// A training algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    /// User and movie biases only: the baseline.
    Bias,
    /// Factors by variational Bayes, as one estimate: takes seconds.
    Map,
    /// Factors by Gibbs sampling, as samples: takes longer and is the most accurate.
    Bayes,
}

/// The commands for training runs.
#[derive(Debug, Subcommand)]
pub(crate) enum TrainCommand {
    /// List runs, newest first.
    List {
        /// The number of runs.
        #[arg(short = 'n', long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Watch a run to its end.
    Watch {
        /// The run's id.
        id: String,
    },
    /// Ask a run to stop.
    Cancel {
        /// The run's id.
        id: String,
    },
}

/// The most runs that one call lists.
const MOST_RUNS: u32 = 1_000;

pub(crate) async fn run(args: TrainArgs, client: &Client, output: Output) -> Result<(), Error> {
    match args.command {
        None => start(args.start, client, output).await,
        Some(TrainCommand::List { limit }) => {
            let list = List(list(client, limit).await?);
            output.show(&list)?;
            if list.0.is_empty() {
                output.footer("no training runs yet: start one with `marquee train --algorithm map`");
            }
            Ok(())
        }
        Some(TrainCommand::Watch { id }) => watch::run(id, client, output).await,
        Some(TrainCommand::Cancel { id }) => {
            let request = pb::CancelTrainingRequest { training_id: id };
            let answer = client.call(client.trainer().cancel_training(request)).await?;
            output.show(&Training::from(answer.training.unwrap_or_default()))
        }
    }
}

/// Returns the newest runs, at most `limit`.
async fn list(client: &Client, limit: u32) -> Result<Vec<Training>, Error> {
    let (mut runs, mut page_token) = (Vec::new(), String::new());
    loop {
        let page_size = limit.saturating_sub(u32::try_from(runs.len()).unwrap_or(u32::MAX)).min(MOST_RUNS);
        let request = pb::ListTrainingsRequest { page_size, page_token };
        let page = client.call(client.trainer().list_trainings(request)).await?;
        runs.extend(page.trainings.into_iter().map(Training::from));
        page_token = page.next_page_token;
        if page_token.is_empty() || runs.len() >= limit as usize {
            runs.truncate(limit as usize);
            return Ok(runs);
        }
    }
}

async fn start(args: StartArgs, client: &Client, output: Output) -> Result<(), Error> {
    let algorithm = match args.algorithm {
        Algorithm::Bias => pb::Algorithm::Bias,
        Algorithm::Map => pb::Algorithm::Map,
        Algorithm::Bayes => pb::Algorithm::Bayes,
    };
    let parameters = pb::Parameters {
        factors: args.factors,
        sweeps: args.sweeps,
        burn_in: args.burn_in,
        samples: args.samples,
        seed: args.seed,
        holdout: args.holdout,
    };
    let request =
        pb::StartTrainingRequest { model: args.model, algorithm: algorithm.into(), parameters: Some(parameters) };
    let answer = client.call(client.trainer().start_training(request)).await?;
    let training = answer.training.unwrap_or_default();
    if args.detach {
        output.show(&Training::from(training))?;
        return Ok(());
    }
    let id = training.training_id;
    output.footer(&format!(
        "training {id}; if this command stops early, `marquee train watch {id}` continues to watch it"
    ));
    watch::run(id, client, output).await
}
