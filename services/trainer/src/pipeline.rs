//! One training run, from the log to a published package: snapshot, evaluate, fit, export,
//! validate, publish.
//!
//! [`Pipeline::prepare`] does everything but the last step, so that the caller can check its lease
//! in between. [`Pipeline::publish`] asks it again right before the version exists. What was
//! decided is written into the manifest.
//!
//! **Invariant:** nothing is published that did not pass every gate: only [`gates::check`] makes
//! what [`Pipeline::publish`] takes (`a_value_above_its_bound_stops_the_run`).
//!
//! Nothing is chosen by looking at the held-out ratings. They are only used for measurement.

mod current;
mod export;
mod fitting;
mod gates;
mod golden;
mod parity;
mod progress;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use marquee_archive::Archive;
use marquee_domain::{GateResult, GateSide, Movie, Stage, TrainingRun, Version};
use marquee_fit::{FitError, RatingsError};
use marquee_kit::Compute;
use marquee_log::MovieCatalog;
use marquee_model::{ModelStore, PackageError};
use marquee_onnx::{GraphError, RunError};
use marquee_report::counted;
use thiserror::Error;

use self::export::{Facts, Files};
use self::fitting::Trained;
pub(crate) use self::gates::Approved;
use crate::dependencies::Dependencies;
use crate::queue::Run;
use crate::settings::Settings;

/// Fewer ratings than this are not enough for a model.
const FEWEST_RATINGS: usize = 20;

/// Why a run published nothing.
#[derive(Debug, Error)]
pub(crate) enum PipelineError {
    #[error("read the rating log")]
    Log(#[source] marquee_ports::Error),
    #[error("read the archive")]
    Archive(#[source] marquee_ports::Error),
    #[error("the log holds {} to learn from: import at least {FEWEST_RATINGS} first", counted(*.0 as u64, "rating"))]
    TooFewRatings(usize),
    #[error(
        "gate holdout_ratings: {} held out, but at least {least} must judge a model; nothing was published: {fix}",
        counted(*.ratings as u64, "rating")
    )]
    Holdout { ratings: usize, least: u64, fix: &'static str },
    #[error("read the current version")]
    Current(#[source] marquee_ports::Error),
    #[error("lay out the ratings")]
    Layout(#[source] RatingsError),
    #[error("fit the model")]
    Fit(#[source] FitError),
    #[error("write the model's files")]
    Export(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("load the exported graphs")]
    Graph(#[source] GraphError),
    #[error("run the exported graphs")]
    Run(#[source] RunError),
    #[error("gate {}: {}; nothing was published", .0.name, failed(.0))]
    Gate(GateResult),
    #[error("gate {name}: {0}; nothing was published", name = current::NON_INFERIORITY)]
    Compared(String),
    #[error("build the package")]
    Package(#[source] PackageError),
    #[error("publish the package")]
    Publish(#[source] marquee_ports::Error),
    #[error("wait for the fit")]
    Task(#[source] tokio::task::JoinError),
}

/// Describes how a value misses its bound.
fn failed(gate: &GateResult) -> String {
    let GateResult { value, bound, .. } = gate;
    match gate.side {
        _ if !value.is_finite() || !bound.is_finite() => "a measured value is not a number".to_owned(),
        _ if gate.name == gates::RMSE => format!(
            "the error of {value:.4} stars is above {bound:.4}, so user and movie biases alone predict as well: \
             train on more ratings, or with the algorithm bias"
        ),
        GateSide::AtMost => format!("{value:.6} is above {bound:.6}"),
        GateSide::AtLeast => format!("{value} is below {bound}"),
    }
}

/// A published version.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) version: Version,
    pub(crate) digest: String,
}

/// Trains models.
#[derive(Debug)]
pub(crate) struct Pipeline {
    settings: Settings,
    dependencies: Dependencies,
    compute: Compute,
}

impl Pipeline {
    pub(crate) fn new(settings: Settings, dependencies: Dependencies, compute: Compute) -> Self {
        Self { settings, dependencies, compute }
    }

    /// Trains and judges a model. Returns the files of its package once every gate is passed.
    pub(crate) async fn prepare(&self, run: &Run) -> Result<Approved, PipelineError> {
        let catalog = MovieCatalog::new(Arc::clone(&self.dependencies.log)).catch_up().await;
        let catalog = catalog.map_err(PipelineError::Log)?;
        let archive = Archive::new(Arc::clone(&self.dependencies.objects), self.compute.clone());
        let snapshot = snapshot::ratings(&self.dependencies, &archive, &self.compute, run).await?;
        if snapshot.ratings().len() < FEWEST_RATINGS {
            return Err(PipelineError::TooFewRatings(snapshot.ratings().len()));
        }
        run.update(|run| run.snapshot = Some(snapshot.digest().to_owned()));
        run.tracking().read(&run.now(), &snapshot);
        gates::check_holdout(&snapshot, &self.settings.gates, run)?;

        let contest = self.contest(run).await?;
        let (task, scale) = (run.clone(), self.dependencies.scale);
        let movies: Vec<Movie> = catalog.iter().cloned().collect();
        // A fit takes up to minutes, so it has a thread of its own instead of a place in the pool.
        let fitted =
            tokio::task::spawn_blocking(move || fitting::fit_and_judge(snapshot, &movies, scale, &contest, &task))
                .await;
        let fitted = Arc::new(fitted.map_err(PipelineError::Task)??);

        run.enter(Stage::Export, "writing the graphs");
        let files = self.export(run, &fitted, fitting::in_index_order(&fitted.index, &catalog)).await?;

        run.enter(Stage::Validate, "comparing the graphs with the trainer's own prediction");
        let difference = parity::largest_difference(self, &fitted, &files).await?;
        gates::check(files, &self.settings.gates, &gates::Measured::new(difference, &fitted, scale), run)
    }

    /// Returns the current version of a run's model, and how the run is compared with it.
    async fn contest(&self, run: &Run) -> Result<current::Contest, PipelineError> {
        let objects = &self.dependencies.objects;
        let store = ModelStore::new(Arc::clone(objects));
        let found = current::find(&**objects, &store, &run.now().plan.model).await;
        Ok(current::Contest::new(found.map_err(PipelineError::Current)?, &self.settings.gates))
    }

    /// Writes the files of the package off the async threads.
    async fn export(&self, run: &Run, fitted: &Arc<Trained>, movies: Vec<Movie>) -> Result<Files, PipelineError> {
        let revision = &self.settings.git_revision;
        let facts = Facts {
            training: run.id().clone(),
            plan: run.now().plan,
            scale: self.dependencies.scale,
            created_at: self.dependencies.clock.now(),
            git_revision: (!revision.is_empty()).then(|| revision.clone()),
            parity: self.settings.gates.parity,
        };
        let fitted = Arc::clone(fitted);
        let written = self.compute.run(move || export::write(&fitted, movies, facts)).await;
        written.map_err(PipelineError::Export)
    }

    /// Signs the package and publishes it under the next free version. Asks `may_publish` when
    /// everything but the manifest is written. Returns `None` if the answer was no.
    pub(crate) async fn publish<F>(
        &self,
        approved: Approved,
        may_publish: impl Fn() -> F,
    ) -> Result<Option<Published>, PipelineError>
    where
        F: Future<Output = Result<bool, marquee_ports::Error>>,
    {
        let store = ModelStore::new(Arc::clone(&self.dependencies.objects));
        let (model, key) = (approved.model().clone(), self.dependencies.signing_key.clone());
        // Building hashes every file, so it runs in the pool. The version is part of the manifest:
        // the package is built again, in place, only if another publisher takes that version
        // meanwhile.
        let versions = store.versions(&model).await.map_err(PipelineError::Publish)?;
        let previous = versions.last().copied();
        let expected = Version(previous.map_or(1, |last| last.0 + 1));
        let approved = Arc::new(approved);
        let (ready, shared) = (Arc::clone(&approved), key.clone());
        let package = self.compute.run(move || ready.package((expected, previous), shared.as_ref())).await;
        let mut prepared = Some(package.map_err(PipelineError::Package)?);
        let mut digest = String::new();
        let build = |version: Version| {
            let package = match prepared.take().filter(|_| version == expected) {
                Some(package) => package,
                // What the other publisher made is not known here.
                None => approved.package((version, None), key.as_ref())?,
            };
            digest = package.digest();
            Ok::<BTreeMap<String, Bytes>, PackageError>(package.into_files())
        };
        let published = store.publish_if(&model, build, may_publish).await.map_err(PipelineError::Publish)?;
        let version = published.map_err(PipelineError::Package)?;
        Ok(version.map(|version| Published { version, digest }))
    }

    /// Removes a version that was published after its run had been ended by another trainer.
    pub(crate) async fn withdraw(&self, run: &TrainingRun, version: Version) -> Result<(), marquee_ports::Error> {
        ModelStore::new(Arc::clone(&self.dependencies.objects)).withdraw(&run.plan.model, version).await
    }

    /// Returns what a run published, if its trainer died before it could store that, or if the
    /// answer of the object store was lost.
    pub(crate) async fn published_by(&self, run: &TrainingRun) -> Result<Option<Published>, marquee_ports::Error> {
        if run.stage != Some(Stage::Publish) {
            return Ok(None);
        }
        let store = ModelStore::new(Arc::clone(&self.dependencies.objects));
        let found = store.published_by(&run.plan.model, run.id.as_str()).await?;
        Ok(found.map(|(version, digest)| Published { version, digest }))
    }
}
