//! `marquee rollout`: starts, steers and watches rollouts, and simulates them on recorded ratings.

pub mod bar;
mod file;
mod history;
mod list;
mod show;
mod simulate;
mod view;
mod watch;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use marquee_kit::Kind;
use marquee_proto::rollout::v1 as pb;

use crate::{Client, Error, Output};
pub use show::Rollout;
pub use view::View;
pub use watch::outcome;

/// The default of MODEL.
const DEFAULT_MODEL: &str = "ratings";

/// Arguments of `rollout`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct RolloutArgs {
    #[command(subcommand)]
    command: RolloutCommand,
}

/// The commands for rollouts.
#[derive(Debug, Subcommand)]
pub(crate) enum RolloutCommand {
    /// Start a rollout from a file, or replace the specification of the model's rollout.
    Start(StartArgs),
    /// Show the rollout of a model.
    Get(ModelArgs),
    /// List the rollouts of all models.
    List,
    /// Watch the rollout of a model until it ends.
    Watch(ModelArgs),
    /// End the present step, also a pause without end.
    Promote {
        #[command(flatten)]
        model: ModelArgs,
        /// End all steps: the candidate takes over.
        #[arg(long)]
        all: bool,
    },
    /// Hold the rollout at its present weight.
    Pause(ModelArgs),
    /// Go on after a pause by hand or after a failure.
    Resume(ModelArgs),
    /// Take all users from the candidate.
    Abort(ModelArgs),
    /// Begin an aborted rollout again, with new evidence.
    Retry(ModelArgs),
    /// Return to the version that was stable before.
    Undo(ModelArgs),
    /// Forget the rollout of a model, so that `marquee route set` changes its route again.
    Delete(ModelArgs),
    /// List what happened to the rollouts of a model.
    History(ModelArgs),
    /// Replay recorded ratings through a rollout file and draw what would have happened.
    Simulate(simulate::SimulateArgs),
}

/// The model of a rollout.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    /// The model.
    #[arg(default_value = DEFAULT_MODEL)]
    model: String,
}

/// Arguments of `rollout start`.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct StartArgs {
    /// The rollout file, in TOML or JSON; see `deploy/rollouts`.
    file: PathBuf,
    /// Roll out this version instead of what the file names.
    #[arg(id = "target_version", long = "version", value_name = "N", conflicts_with = "follow_latest")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    version: Option<u64>,
    /// Roll out each newly published version instead of what the file names.
    #[arg(long)]
    follow_latest: bool,
    /// Watch the rollout until it ends.
    #[arg(long)]
    watch: bool,
}

pub(crate) async fn run(args: RolloutArgs, client: &Client, output: Output) -> Result<(), Error> {
    let act = |model: ModelArgs, verb: pb::Verb| act(client, model.model, verb, output);
    match args.command {
        RolloutCommand::Start(args) => start(args, client, output).await,
        RolloutCommand::Get(args) => output.show(&get(client, args.model).await?),
        RolloutCommand::List => list::run(client, output).await,
        RolloutCommand::Watch(args) => watch::run(args.model, client, output).await,
        RolloutCommand::Promote { model, all: false } => act(model, pb::Verb::Promote).await,
        RolloutCommand::Promote { model, all: true } => act(model, pb::Verb::PromoteAll).await,
        RolloutCommand::Pause(model) => act(model, pb::Verb::Pause).await,
        RolloutCommand::Resume(model) => act(model, pb::Verb::Resume).await,
        RolloutCommand::Abort(model) => act(model, pb::Verb::Abort).await,
        RolloutCommand::Retry(model) => act(model, pb::Verb::Retry).await,
        RolloutCommand::Undo(model) => act(model, pb::Verb::Undo).await,
        RolloutCommand::Delete(args) => delete(client, args.model, output).await,
        RolloutCommand::History(args) => history::run(args.model, client, output).await,
        RolloutCommand::Simulate(args) => simulate::run(args, client, output).await,
    }
}

async fn start(args: StartArgs, client: &Client, output: Output) -> Result<(), Error> {
    let target = match (args.version, args.follow_latest) {
        (Some(version), _) => Some(file::Target::Version(version)),
        (None, true) => Some(file::Target::Latest),
        (None, false) => None,
    };
    let (spec, document) = file::read(&args.file, target)?;
    let request = pb::StartRolloutRequest { spec: Some(marquee_proto::document::to_struct(&document)) };
    let answer = client.call(client.rollouts().start_rollout(request)).await?;
    let model = spec.model.as_str().to_owned();
    if args.watch {
        return watch::run(model, client, output).await;
    }
    output.show(&Rollout::from(answer.rollout.unwrap_or_default()))?;
    output.footer(&format!("stored; `marquee rollout watch {model}` follows it"));
    Ok(())
}

/// Returns the rollout of a model.
async fn get(client: &Client, model: String) -> Result<Rollout, Error> {
    let answer = client.call(client.rollouts().get_rollout(pb::GetRolloutRequest { model })).await;
    Ok(Rollout::from(answer.map_err(hinted)?.rollout.unwrap_or_default()))
}

async fn act(client: &Client, model: String, verb: pb::Verb, output: Output) -> Result<(), Error> {
    let request = pb::ActOnRolloutRequest { model: model.clone(), verb: verb.into() };
    let answer = client.call(client.rollouts().act_on_rollout(request)).await.map_err(hinted)?;
    output.show(&Rollout::from(answer.rollout.unwrap_or_default()))?;
    output.footer(&format!("stored for the controller; `marquee rollout watch {model}` shows what follows"));
    Ok(())
}

async fn delete(client: &Client, model: String, output: Output) -> Result<(), Error> {
    let request = pb::DeleteRolloutRequest { model: model.clone() };
    client.call(client.rollouts().delete_rollout(request)).await.map_err(hinted)?;
    output.footer(&format!("the rollout of {model} is forgotten; its route stays as it is"));
    Ok(())
}

fn hinted(error: Error) -> Error {
    let error = error.hint_on(&[Kind::NotFound], "start one from a file: `marquee rollout start FILE`");
    error.hint_on(&[Kind::FailedPrecondition], "`marquee rollout get` shows the present phase and why")
}
