//! Experiments and runs.

use std::collections::BTreeMap;

use marquee_domain::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Client, Pair};
use crate::batch::milliseconds;
use crate::names;
use crate::transport::Repeat;
use crate::{Batch, Error};

/// A run that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// The id of the experiment.
    pub experiment: String,
    /// The name, for people.
    pub name: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Notes by name.
    pub tags: BTreeMap<String, String>,
    /// The run that this one is a part of, by its id.
    pub parent: Option<String>,
}

/// A run as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunInfo {
    /// The id.
    #[serde(rename = "run_id")]
    pub id: String,
    /// The address of its artifacts.
    pub artifact_uri: String,
}

/// How a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// It reached its end.
    Finished,
    /// It failed.
    Failed,
    /// It was canceled.
    Killed,
}

/// The ratings that a run read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The name.
    pub name: String,
    /// The digest. MLflow keeps the first 36 letters of it.
    pub digest: String,
    /// Where the ratings are, as JSON.
    pub source: Value,
    /// Counts and the like, as JSON.
    pub profile: Value,
}

#[derive(Deserialize)]
struct Experiment {
    experiment_id: String,
}

#[derive(Deserialize)]
struct FoundExperiment {
    experiment: Experiment,
}

#[derive(Deserialize)]
struct Run {
    info: RunInfo,
}

#[derive(Deserialize)]
struct CreatedRun {
    run: Run,
}

#[derive(Deserialize)]
struct FoundRuns {
    #[serde(default)]
    runs: Vec<Run>,
}

impl RunStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
        }
    }
}

impl Client {
    /// Returns the id of an experiment, which is made if it is missing.
    ///
    /// # Errors
    /// The call failed.
    pub async fn experiment(&self, name: &str) -> Result<String, Error> {
        match self.find_experiment(name).await {
            Err(error) if error.is_not_found() => {}
            found => return found,
        }
        let doing = format!("make experiment '{name}'");
        let made = self
            .send::<Experiment>(
                doing,
                (Method::POST, "experiments/create"),
                &json!({"name": name}),
                // A second experiment of one name is refused.
                Repeat::Always,
            )
            .await;
        match made {
            Ok(made) => Ok(made.experiment_id),
            // Another process was first.
            Err(error) if error.is_existing() => self.find_experiment(name).await,
            Err(error) => Err(error),
        }
    }

    async fn find_experiment(&self, name: &str) -> Result<String, Error> {
        let doing = format!("find experiment '{name}'");
        let found: FoundExperiment = self.get(doing, "experiments/get-by-name", &[("experiment_name", name)]).await?;
        Ok(found.experiment.experiment_id)
    }

    /// Returns the newest run of an experiment with a tag, or `None` if there is none.
    ///
    /// # Errors
    /// The call failed.
    pub async fn find_run(&self, experiment: &str, (key, value): (&str, &str)) -> Result<Option<RunInfo>, Error> {
        let body = json!({
            "experiment_ids": [experiment],
            "filter": format!("tags.`{key}` = {}", names::literal(value)),
            "order_by": ["attributes.start_time DESC"],
            "max_results": 1,
        });
        let call = (Method::POST, "runs/search");
        let found: FoundRuns = self.send(format!("find the run {value}"), call, &body, Repeat::Always).await?;
        Ok(found.runs.into_iter().next().map(|run| run.info))
    }

    /// Makes a run.
    ///
    /// # Errors
    /// The call failed. The run may have been made.
    pub async fn create_run(&self, run: &NewRun) -> Result<RunInfo, Error> {
        let mut tags: Vec<Value> =
            run.tags.iter().map(|(key, value)| json!({"key": names::key(key), "value": names::tag(value)})).collect();
        if let Some(parent) = &run.parent {
            tags.push(json!({"key": "mlflow.parentRunId", "value": parent}));
        }
        let body = json!({
            "experiment_id": run.experiment,
            "run_name": run.name,
            "start_time": milliseconds(run.started_at),
            "tags": tags,
        });
        let call = (Method::POST, "runs/create");
        let made: CreatedRun = self.send(format!("make run {}", run.name), call, &body, Repeat::IfRefused).await?;
        Ok(made.run.info)
    }

    /// Logs metrics, parameters and tags, in as many calls as their number takes.
    ///
    /// # Errors
    /// A call failed. Earlier ones have been carried out; all may be sent again.
    pub async fn log(&self, run: &str, batch: &Batch) -> Result<(), Error> {
        for body in batch.calls(run) {
            self.change("log metrics", "runs/log-batch", &body).await?;
        }
        Ok(())
    }

    /// Says which ratings a run read.
    ///
    /// # Errors
    /// The call failed.
    pub async fn log_dataset(&self, run: &str, dataset: &Dataset) -> Result<(), Error> {
        let body = json!({
            "run_id": run,
            "datasets": [{
                "tags": [{"key": "mlflow.data.context", "value": "training"}],
                "dataset": {
                    "name": dataset.name,
                    "digest": names::digest(&dataset.digest),
                    "source_type": "marquee",
                    "source": dataset.source.to_string(),
                    "profile": dataset.profile.to_string(),
                },
            }],
        });
        self.change("log the data set", "runs/log-inputs", &body).await
    }

    /// Ends a run.
    ///
    /// # Errors
    /// The call failed.
    pub async fn end_run(&self, run: &str, status: RunStatus, at: Timestamp) -> Result<(), Error> {
        let body = json!({"run_id": run, "status": status.as_str(), "end_time": milliseconds(at)});
        self.change("end a run", "runs/update", &body).await
    }
}

/// Returns pairs as the API writes them.
pub(super) fn pairs(values: &BTreeMap<String, String>, shorten: fn(&str) -> String) -> Vec<Pair> {
    values.iter().map(|(key, value)| Pair { key: names::key(key), value: shorten(value) }).collect()
}
