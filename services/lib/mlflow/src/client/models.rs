//! Logged models, which MLflow 3 has beside runs.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Client;
use super::runs::pairs;
use crate::Error;
use crate::names;
use crate::transport::Repeat;

/// A logged model that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewModel {
    /// The id of the experiment.
    pub experiment: String,
    /// The name.
    pub name: String,
    /// The run that made it, by its id.
    pub run: String,
    /// What it was asked for, by name.
    pub params: BTreeMap<String, String>,
    /// Notes by name.
    pub tags: BTreeMap<String, String>,
}

/// A logged model as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LoggedModel {
    /// The id.
    #[serde(rename = "model_id")]
    pub id: String,
    /// The address of its artifacts.
    pub artifact_uri: String,
}

#[derive(Deserialize)]
struct Model {
    info: LoggedModel,
}

#[derive(Deserialize)]
struct CreatedModel {
    model: Model,
}

#[derive(Deserialize)]
struct FoundModels {
    #[serde(default)]
    models: Vec<Model>,
}

impl Client {
    /// Returns the newest logged model of an experiment with a tag, or `None` if there is none.
    ///
    /// # Errors
    /// The call failed.
    pub async fn find_model(&self, experiment: &str, (key, value): (&str, &str)) -> Result<Option<LoggedModel>, Error> {
        let body = json!({
            "experiment_ids": [experiment],
            "filter": format!("tags.`{key}` = {}", names::literal(value)),
            "max_results": 1,
        });
        let call = (Method::POST, "logged-models/search");
        let found: FoundModels = self.send("find the logged model", call, &body, Repeat::Always).await?;
        Ok(found.models.into_iter().next().map(|model| model.info))
    }

    /// Makes a logged model. It is pending until [`Self::finish_model`].
    ///
    /// # Errors
    /// The call failed. The model may have been made.
    pub async fn create_model(&self, model: &NewModel) -> Result<LoggedModel, Error> {
        let body = json!({
            "experiment_id": model.experiment,
            "name": model.name,
            "model_type": "marquee",
            "source_run_id": model.run,
            "params": pairs(&model.params, names::param),
            "tags": pairs(&model.tags, names::tag),
        });
        let call = (Method::POST, "logged-models");
        let made: CreatedModel = self.send(format!("log model {}", model.name), call, &body, Repeat::IfRefused).await?;
        Ok(made.model.info)
    }

    /// Says that a run made a logged model.
    ///
    /// # Errors
    /// The call failed.
    pub async fn add_output(&self, run: &str, model: &str) -> Result<(), Error> {
        let body = json!({"run_id": run, "models": [{"model_id": model, "step": 0}]});
        match self.change("log the run's model", "runs/outputs", &body).await {
            Err(error) if error.is_existing() => Ok(()),
            logged => logged,
        }
    }

    /// Says that all files of a logged model are there.
    ///
    /// # Errors
    /// The call failed.
    pub async fn finish_model(&self, model: &str) -> Result<(), Error> {
        let body = json!({"model_id": model, "status": "LOGGED_MODEL_READY"});
        let path = format!("logged-models/{model}");
        let call = (Method::PATCH, path.as_str());
        self.send::<Value>("finish the logged model", call, &body, Repeat::Always).await.map(drop)
    }
}
