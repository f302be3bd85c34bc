//! `marquee models`: every version, with what it is worth, what it answered and what routing gives it.

use std::time::Duration;

use clap::{Args, Subcommand};
use marquee_kit::Kind;
use marquee_proto::prediction::v1::{ListModelsRequest, LoadModelRequest, ModelState, ModelVersion};
use serde::Serialize;

use crate::output::{Human, Show, Table, thousands};
use crate::provenance::time;
use crate::{Client, Error, Output};

/// Loading verifies and warms a version.
const LOADING: Duration = Duration::from_secs(300);

/// Arguments of `models`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: Option<ModelsCommand>,
    /// Only this model.
    #[arg(default_value = "", hide_default_value = true)]
    model: String,
}

/// What else can be done with models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Load, verify and warm a version.
    Load {
        /// The model's name.
        name: String,
        /// Its version.
        // clap's own `--version` has the field's name.
        #[arg(id = "model_version", value_name = "VERSION")]
        version: u64,
    },
}

/// One version as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Model {
    pub(crate) model: String,
    pub(crate) version: u64,
    pub(crate) state: &'static str,
    reason: Option<String>,
    algorithm: String,
    rmse: f64,
    mae: f64,
    /// Share of users in basis points.
    weight: u32,
    answered: u64,
    failed: u64,
    verified: bool,
    created_at: Option<String>,
    train_seconds: f64,
    digest: String,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct List(pub(crate) Vec<Model>);

pub(crate) async fn run(args: ModelsArgs, client: &Client, output: Output) -> Result<(), Error> {
    match args.command {
        None => {
            let models = list(client, args.model).await?;
            output.show(&models)?;
            if models.0.is_empty() {
                output.footer("no models yet: train one with `marquee train --algorithm map`");
            }
            for failed in models.0.iter().filter_map(|model| model.reason.as_ref().map(|why| (model, why))) {
                output.footer(&format!("{} v{} failed: {}", failed.0.model, failed.0.version, failed.1));
            }
            Ok(())
        }
        Some(ModelsCommand::Load { name, version }) => {
            let request = LoadModelRequest { model: name, version };
            let answer = client.call_within(LOADING, client.models().load_model(request)).await;
            let hint = "`marquee models` lists the versions that there are";
            let answer = answer.map_err(|error| error.hint_on(&[Kind::NotFound, Kind::FailedPrecondition], hint))?;
            let model = Model::from(answer.version.unwrap_or_default());
            if output.is_human() { output.show(&List(vec![model])) } else { output.document(&model) }
        }
    }
}

/// Every version of a model, or of all.
pub(crate) async fn list(client: &Client, model: String) -> Result<List, Error> {
    let answer = client.call(client.models().list_models(ListModelsRequest { model })).await?;
    Ok(List(answer.versions.into_iter().map(Model::from).collect()))
}

impl From<ModelVersion> for Model {
    fn from(wire: ModelVersion) -> Self {
        let state = match wire.state() {
            ModelState::Stored => "stored",
            ModelState::Loading => "loading",
            ModelState::Ready => "ready",
            ModelState::Failed => "failed",
            ModelState::Unspecified => "unknown",
        };
        Self {
            state,
            created_at: wire.created_at.as_ref().and_then(time),
            model: wire.model,
            version: wire.version,
            reason: (!wire.reason.is_empty()).then_some(wire.reason),
            algorithm: wire.algorithm,
            rmse: wire.rmse,
            mae: wire.mae,
            weight: wire.weight,
            answered: wire.answered,
            failed: wire.failed,
            verified: wire.verified,
            train_seconds: wire.train_seconds,
            digest: wire.digest,
        }
    }
}

impl Show for List {
    fn human(&self) -> Human {
        let headers = [
            "model",
            ">version",
            "state",
            "algorithm",
            ">rmse",
            ">mae",
            ">weight",
            ">answered",
            ">failed",
            "verified",
            "created",
            "digest",
        ];
        let mut table = Table::new(&headers);
        for one in &self.0 {
            table.row([
                one.model.clone(),
                one.version.to_string(),
                one.state.to_owned(),
                one.algorithm.clone(),
                format!("{:.4}", one.rmse),
                format!("{:.4}", one.mae),
                percent(one.weight),
                thousands(one.answered),
                thousands(one.failed),
                if one.verified { "yes" } else { "no" }.to_owned(),
                one.created_at.clone().unwrap_or_default(),
                one.digest.chars().take(12).collect(),
            ]);
        }
        Human::Table(Box::new(table))
    }
}

/// Basis points as percent, with as many decimals as they need.
pub(crate) fn percent(points: u32) -> String {
    format!("{}%", f64::from(points) / 100.0)
}
