//! From an event of the port to calls of the API.
//!
//! Every event may be delivered again: what has an id of the server's is found by a tag before it
//! is made. The tags are `marquee.run`, `marquee.package` and `marquee.version`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use marquee_domain::{ModelName, RunId, RunState, Timestamp, Version};
use marquee_ports::{ObjectEntry, ObjectStore, PublishedModel, TrackedDataset, TrackedRun, TrackingEvent};
use serde_json::json;

use crate::client::{Dataset, LoggedModel, NewModel, NewRun, RunInfo, RunStatus};
use crate::package::{FOLDER, ModelFiles};
use crate::sink::Sink;
use crate::{Batch, Client, Error, Metric, Settings, StartError};

/// The tag of a run with the id that Marquee gave it.
const RUN: &str = "marquee.run";

/// The tag of a logged model with the digest of its manifest.
const PACKAGE: &str = "marquee.package";

/// The tag of a registered version with the version that Marquee gave it.
pub(crate) const VERSION: &str = "marquee.version";

/// Files of a package that are shown at the run too.
const SHOWN: [&str; 4] = ["manifest.json", "metrics.json", "report.html", "report.md"];

/// The runs whose ids are remembered. Others are found by their tag.
const REMEMBERED: usize = 1_000;

/// Carries out events on a tracking server.
#[derive(Debug)]
pub struct Recorder {
    pub(crate) client: Client,
    objects: Arc<dyn ObjectStore>,
    experiment_name: String,
    largest_package: u64,
    experiment: Option<String>,
    runs: BTreeMap<RunId, RunInfo>,
}

impl Recorder {
    /// Makes a recorder that reads packages from an object store. Nothing is sent.
    ///
    /// # Errors
    /// A setting makes no sense, or a file that it names cannot be used.
    pub fn new(settings: &Settings, objects: Arc<dyn ObjectStore>) -> Result<Self, StartError> {
        Ok(Self {
            client: Client::new(settings)?,
            objects,
            experiment_name: settings.experiment.clone(),
            largest_package: settings.largest_package,
            experiment: None,
            runs: BTreeMap::new(),
        })
    }

    /// Uses another client.
    #[cfg(test)]
    pub(crate) fn with_client(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    /// Returns the id of the experiment.
    async fn experiment(&mut self) -> Result<String, Error> {
        if let Some(experiment) = &self.experiment {
            return Ok(experiment.clone());
        }
        let experiment = self.client.experiment(&self.experiment_name).await?;
        self.experiment = Some(experiment.clone());
        Ok(experiment)
    }

    /// Returns a run, which is made if it is missing: its start may have been lost.
    async fn run(&mut self, id: &RunId, begun: &Begun) -> Result<RunInfo, Error> {
        if let Some(run) = self.runs.get(id) {
            return Ok(run.clone());
        }
        let experiment = self.experiment().await?;
        let run = match self.client.find_run(&experiment, (RUN, id.as_str())).await? {
            Some(run) => run,
            None => {
                let mut tags = BTreeMap::from(
                    [
                        (RUN, id.as_str()),
                        ("mlflow.user", "marquee"),
                        ("mlflow.source.name", "marquee"),
                        ("mlflow.source.type", "JOB"),
                    ]
                    .map(|(key, value)| (key.to_owned(), value.to_owned())),
                );
                tags.extend(begun.model.as_ref().map(|model| ("marquee.model".to_owned(), model.to_string())));
                let (name, parent) = (id.to_string(), begun.parent.clone());
                self.client.create_run(&NewRun { experiment, name, started_at: begun.at, tags, parent }).await?
            }
        };
        if self.runs.len() >= REMEMBERED {
            self.runs.clear();
        }
        self.runs.insert(id.clone(), run.clone());
        Ok(run)
    }

    async fn start(&mut self, started: &TrackedRun) -> Result<(), Error> {
        let parent = match &started.parent {
            Some(parent) => Some(self.run(parent, &Begun::at(started.at)).await?.id),
            None => None,
        };
        let begun = Begun { at: started.at, model: Some(started.model.clone()), parent };
        let run = self.run(&started.run, &begun).await?;
        self.client.log(&run.id, &Batch { params: started.params.clone(), ..Batch::default() }).await
    }

    async fn dataset(&mut self, run: &RunId, at: Timestamp, dataset: &TrackedDataset) -> Result<(), Error> {
        let run = self.run(run, &Begun::at(at)).await?;
        let TrackedDataset { name, digest, ratings, users, movies } = dataset;
        let logged = Dataset {
            name: name.clone(),
            digest: digest.clone(),
            source: json!({"topic": name, "sha256": digest}),
            profile: json!({"ratings": ratings, "users": users, "movies": movies}),
        };
        self.client.log_dataset(&run.id, &logged).await?;
        // The data set itself keeps a part of the digest only.
        let tags = BTreeMap::from([("marquee.dataset".to_owned(), digest.clone())]);
        self.client.log(&run.id, &Batch { tags, ..Batch::default() }).await
    }

    async fn end(&mut self, run: &RunId, ended: &Ended<'_>) -> Result<(), Error> {
        let info = self.run(run, &Begun::at(ended.at)).await?;
        let metrics = figures(ended.metrics, ended.at, None);
        let note = ("mlflow.note.content".to_owned(), ended.message.to_owned());
        let tags = (!ended.message.is_empty()).then_some(note).into_iter().collect();
        self.client.log(&info.id, &Batch { metrics, tags, ..Batch::default() }).await?;
        let status = match ended.state {
            RunState::Succeeded => RunStatus::Finished,
            RunState::Canceled => RunStatus::Killed,
            RunState::Queued | RunState::Running | RunState::Failed => RunStatus::Failed,
        };
        self.client.end_run(&info.id, status, ended.at).await?;
        self.runs.remove(run);
        Ok(())
    }

    /// Registers a version, with the files of its package as a logged model.
    async fn publish(&mut self, published: &PublishedModel, at: Timestamp) -> Result<(), Error> {
        let run = self.run(&published.run, &Begun::at(at)).await?;
        let (model, version) = (published.model.as_str(), published.version.to_string());
        if self.client.find_version(model, (VERSION, &version)).await?.is_some() {
            return Ok(());
        }
        let files = self.package(published).await?;
        let logged = self.logged_model(published, &run, &version).await?;
        for entry in &files {
            self.upload(published, entry, (&run, &logged)).await?;
        }
        let bytes = files.iter().map(|entry| entry.size).sum();
        let descriptor = ModelFiles { model: logged.id.clone(), run: run.id.clone(), created_at: at, bytes };
        for (path, bytes) in descriptor.files() {
            self.client.put_artifact(&logged.artifact_uri, path, bytes).await?;
        }
        self.client.finish_model(&logged.id).await?;
        self.client.add_output(&run.id, &logged.id).await?;
        let metrics = figures(&published.metrics, at, Some(&logged.id));
        self.client.log(&run.id, &Batch { metrics, ..Batch::default() }).await?;
        self.client.register(model).await?;
        let tags = tags([(VERSION, &version), (PACKAGE, &published.digest), (RUN, published.run.as_str())]);
        self.client.create_version(model, (&run.id, &logged.id), &tags).await.map(drop)
    }

    /// Returns the logged model of a package. One that an earlier try left behind is used again.
    async fn logged_model(
        &mut self,
        published: &PublishedModel,
        run: &RunInfo,
        version: &str,
    ) -> Result<LoggedModel, Error> {
        let experiment = self.experiment().await?;
        if let Some(model) = self.client.find_model(&experiment, (PACKAGE, &published.digest)).await? {
            return Ok(model);
        }
        let tags = tags([(PACKAGE, &published.digest), (VERSION, version)]);
        let (name, run, params) = (published.model.to_string(), run.id.clone(), published.params.clone());
        self.client.create_model(&NewModel { experiment, name, run, params, tags }).await
    }

    /// Lists the files of a package.
    async fn package(&self, published: &PublishedModel) -> Result<Vec<ObjectEntry>, Error> {
        let doing = || format!("log {} version {}", published.model, published.version);
        let listed = self.objects.list(Some(&published.package)).await;
        let entries = listed.map_err(|source| Error::Package { doing: doing(), source })?;
        let not_a_model = |reason| Err(Error::NotAModel { doing: doing(), reason });
        let paths: BTreeSet<&str> = entries.iter().filter_map(|entry| path(published, entry)).collect();
        if !paths.contains("manifest.json") {
            return not_a_model("the version was withdrawn".to_owned());
        }
        let bytes: u64 = entries.iter().map(|entry| entry.size).sum();
        if bytes > self.largest_package {
            let limit = self.largest_package;
            return not_a_model(format!("the package has {bytes} bytes; raise tracking.largest_package above {limit}"));
        }
        Ok(entries)
    }

    /// Uploads a file of a package: to the logged model, and to the run if people look at it. One
    /// file at a time is in memory.
    async fn upload(
        &self,
        published: &PublishedModel,
        entry: &ObjectEntry,
        (run, model): (&RunInfo, &LoggedModel),
    ) -> Result<(), Error> {
        let Some(path) = path(published, entry) else { return Ok(()) };
        let doing = || format!("log {path} of {} version {}", published.model, published.version);
        let read = self.objects.get(&entry.key).await.map_err(|source| Error::Package { doing: doing(), source })?;
        let withdrawn = || Error::NotAModel { doing: doing(), reason: "the version was withdrawn".to_owned() };
        let bytes = read.ok_or_else(withdrawn)?.bytes;
        if SHOWN.contains(&path) {
            self.client.put_artifact(&run.artifact_uri, path, bytes.clone()).await?;
        }
        self.client.put_artifact(&model.artifact_uri, &format!("{FOLDER}/{path}"), bytes).await
    }

    /// Returns the number of a version in the registry, or `None` if it is not registered.
    pub(crate) async fn registered(&self, model: &ModelName, version: Version) -> Result<Option<String>, Error> {
        let found = self.client.find_version(model.as_str(), (VERSION, &version.to_string())).await?;
        Ok(found.map(|found| found.version))
    }
}

/// How a run began, as far as it is known.
#[derive(Debug, Clone)]
struct Begun {
    at: Timestamp,
    model: Option<ModelName>,
    /// The id that the server gave the parent.
    parent: Option<String>,
}

/// How a run ended.
struct Ended<'a> {
    at: Timestamp,
    state: RunState,
    message: &'a str,
    metrics: &'a BTreeMap<String, f64>,
}

impl Begun {
    fn at(at: Timestamp) -> Self {
        Self { at, model: None, parent: None }
    }
}

impl Sink for Recorder {
    async fn measure(&mut self, run: &RunId, metrics: &[Metric]) -> Result<(), Error> {
        let at = metrics.first().map_or(Timestamp::EPOCH, |metric| metric.at);
        let run = self.run(run, &Begun::at(at)).await?;
        self.client.log(&run.id, &Batch { metrics: metrics.to_vec(), ..Batch::default() }).await
    }

    async fn deliver(&mut self, event: &TrackingEvent) -> Result<(), Error> {
        match event {
            TrackingEvent::RunStarted(run) => self.start(run).await,
            TrackingEvent::DatasetRead { run, at, dataset } => self.dataset(run, *at, dataset).await,
            TrackingEvent::Measured { run, at, step, metrics } => {
                let metrics = measured(metrics, *at, *step);
                self.measure(run, &metrics).await
            }
            TrackingEvent::Reported { run, at, file, bytes } => {
                let run = self.run(run, &Begun::at(*at)).await?;
                self.client.put_artifact(&run.artifact_uri, file, bytes.clone()).await
            }
            TrackingEvent::Published(published) => self.publish(published, published.at).await,
            TrackingEvent::RunEnded { run, at, state, message, metrics } => {
                self.end(run, &Ended { at: *at, state: *state, message, metrics }).await
            }
            TrackingEvent::RouteMoved(route) => self.follow(route).await.map(drop),
        }
    }

    async fn route(&mut self, route: &marquee_ports::TrackedRoute) -> Result<Option<Version>, Error> {
        self.follow(route).await
    }
}

/// Returns the values of one step as metrics.
pub(crate) fn measured(metrics: &[(String, f64)], at: Timestamp, step: u64) -> Vec<Metric> {
    metrics.iter().map(|(key, value)| Metric { key: key.clone(), value: *value, at, step, model: None }).collect()
}

/// Returns final figures as metrics.
fn figures(figures: &BTreeMap<String, f64>, at: Timestamp, model: Option<&str>) -> Vec<Metric> {
    let model = model.map(str::to_owned);
    let metric = |(key, &value): (&String, &f64)| Metric { key: key.clone(), value, at, step: 0, model: model.clone() };
    figures.iter().map(metric).collect()
}

fn tags<const N: usize>(tags: [(&str, &str); N]) -> BTreeMap<String, String> {
    tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Returns the path of a file in its package. The claim on a version's number is no part of it.
fn path<'a>(published: &PublishedModel, entry: &'a ObjectEntry) -> Option<&'a str> {
    let path = entry.key.as_str().strip_prefix(published.package.as_str())?.strip_prefix('/')?;
    (path != "claim").then_some(path)
}
