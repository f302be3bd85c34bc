//! `marquee models`: lists versions with their accuracy, their answers and their share of users;
//! loads one.

use std::time::Duration;

use clap::{Args, Subcommand};
use marquee_kit::Kind;
use marquee_proto::prediction::v1::{ListModelsRequest, LoadModelRequest, ModelState, ModelVersion};
use serde::Serialize;

use crate::output::{Human, Show, Table, thousands};
use crate::provenance::{given, time};
use crate::{Client, Csv, Error, Format, Output};

/// The longest time for loading, which verifies and warms a version.
const LOADING: Duration = Duration::from_secs(300);

/// Arguments of `models`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: Option<ModelsCommand>,
    /// List only this model.
    #[arg(default_value = "", hide_default_value = true)]
    model: String,
}

/// The commands for models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Load, verify and warm a version.
    Load {
        /// The model's name.
        name: String,
        /// Its version.
        // `version` is the id of clap's own `--version`.
        #[arg(id = "model_version", value_name = "VERSION")]
        version: u64,
    },
}

/// One version as it is printed.
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
            let hint = "`marquee models` lists the versions that exist";
            let answer = answer.map_err(|error| error.hint_on(&[Kind::NotFound, Kind::FailedPrecondition], hint))?;
            let model = Model::from(answer.version.unwrap_or_default());
            match output.format() {
                Format::Json => output.document(&model),
                Format::Human | Format::Csv => output.show(&List(vec![model])),
            }
        }
    }
}

/// Returns every version of one model, or of all models if `model` is empty.
pub(crate) async fn list(client: &Client, model: String) -> Result<List, Error> {
    let (mut models, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListModelsRequest { model: model.clone(), page_token, ..ListModelsRequest::default() };
        let page = client.call(client.models().list_models(request)).await?;
        models.extend(page.versions.into_iter().map(Model::from));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(List(models));
        }
    }
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
            reason: given(wire.reason),
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

    fn csv(&self) -> Option<Csv> {
        const COLUMNS: [&str; 14] = [
            "model",
            "version",
            "state",
            "reason",
            "algorithm",
            "rmse",
            "mae",
            "weight",
            "answered",
            "failed",
            "verified",
            "created_at",
            "train_seconds",
            "digest",
        ];
        Some(Csv::of(&COLUMNS, &self.0))
    }
}

/// Formats basis points as percent, with as many decimals as they need.
pub(crate) fn percent(points: u32) -> String {
    format!("{}%", f64::from(points) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basis_points_are_printed_as_percent() {
        assert_eq!([0, 1, 50, 1_250, 10_000].map(percent), ["0%", "0.01%", "0.5%", "12.5%", "100%"]);
    }

    #[test]
    fn a_version_without_a_failure_has_no_reason_in_json() {
        let wire = ModelVersion { model: "ratings".to_owned(), version: 3, weight: 2_000, ..ModelVersion::default() };
        let json = serde_json::to_value(List(vec![Model::from(wire)])).expect("JSON");
        assert_eq!((&json[0]["version"], &json[0]["weight"]), (&3.into(), &2_000.into()));
        assert_eq!((&json[0]["reason"], &json[0]["state"]), (&serde_json::Value::Null, &"unknown".into()));
    }
}
