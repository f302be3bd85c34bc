//! One training run, from the log to a published package: snapshot, evaluate, fit, export, validate, publish.
//!
//! Nothing is published that did not pass every gate, and everything that was decided stands in the manifest.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use marquee_archive as archive;
use marquee_domain::{ModelName, Movie, MovieId, RatingEvent, Scale, Version};
use marquee_eval::{Evaluation, evaluate};
use marquee_fit::{Algorithm, FitError, Fold, MovieIndex, Observer, Parameters, RatingsError, Snapshot, fit};
use marquee_log::{MovieCatalog, Movies, scan};
use marquee_model::{ModelStore, PackageError, Posterior, SigningKey};
use marquee_onnx::{GraphError, RunError};
use marquee_ports::Topic;
use marquee_proto::training::v1 as pb;
use thiserror::Error;

use crate::export::{self, Exported, Facts};
use crate::parity;
use crate::runs::Run;
use crate::service::{Dependencies, algorithm};
use crate::settings::Settings;

/// Fewer ratings than this are no basis for a model.
const FEWEST: usize = 20;

/// Why a run published nothing.
#[derive(Debug, Error)]
pub(crate) enum PipelineError {
    #[error("read the rating log")]
    Log(#[source] marquee_ports::Error),
    #[error("read the archive")]
    Archive(#[source] marquee_ports::Error),
    #[error("the log holds {0} ratings that count: import at least {FEWEST} first")]
    TooFew(usize),
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
    #[error("gate {name}: {value:.6} is above {bound:.6}; nothing was published")]
    Gate { name: &'static str, value: f64, bound: f64 },
    #[error("build the package")]
    Package(#[source] PackageError),
    #[error("publish the package")]
    Publish(#[source] marquee_ports::Error),
    #[error("the run's plan is unreadable")]
    Plan,
    #[error("the fit ended without an answer")]
    Lost(#[source] tokio::task::JoinError),
}

/// A published version.
pub(crate) struct Published {
    pub(crate) version: Version,
    pub(crate) digest: String,
}

/// What a run was asked for.
#[derive(Clone)]
struct Plan {
    model: ModelName,
    algorithm: Algorithm,
    parameters: Parameters,
    holdout: f64,
}

fn plan(training: &pb::Training) -> Result<Plan, PipelineError> {
    let asked = training.parameters.unwrap_or_default();
    Ok(Plan {
        model: ModelName::try_new(&training.model).map_err(|_| PipelineError::Plan)?,
        algorithm: algorithm(training.algorithm()).ok_or(PipelineError::Plan)?,
        parameters: Parameters {
            factors: asked.factors as usize,
            sweeps: asked.sweeps as usize,
            burn_in: asked.burn_in as usize,
            samples: asked.samples as usize,
            seed: asked.seed,
        },
        holdout: asked.holdout,
    })
}

/// What fitting gave.
struct Fitted {
    snapshot: Snapshot,
    index: MovieIndex,
    posterior: Posterior,
    evaluation: Evaluation,
    bias: Evaluation,
    train_seconds: f64,
}

/// Runs the whole of it.
pub(crate) async fn run(
    settings: &Settings,
    dependencies: &Dependencies,
    run: &Run,
) -> Result<Published, PipelineError> {
    let plan = plan(&run.now())?;
    run.stage(pb::Stage::Snapshot, "reading the log");
    let catalog = MovieCatalog::new(Arc::clone(&dependencies.log)).catch_up().await.map_err(PipelineError::Log)?;
    let snapshot = read_ratings(dependencies, run).await?;
    if snapshot.ratings().len() < FEWEST {
        return Err(PipelineError::TooFew(snapshot.ratings().len()));
    }
    run.state.send_modify(|training| snapshot.digest().clone_into(&mut training.dataset_digest));

    let (at_work, scale, asked) = (run.clone(), dependencies.scale, plan.clone());
    let known: Vec<MovieId> = catalog.iter().map(|movie| movie.id.clone()).collect();
    let fitted = tokio::task::spawn_blocking(move || fit_all(snapshot, &known, &asked, scale, &at_work)).await;
    let fitted = fitted.map_err(PipelineError::Lost)??;

    run.stage(pb::Stage::Export, "writing the graphs");
    let facts = Facts {
        model: plan.model.clone(),
        algorithm: plan.algorithm,
        parameters: plan.parameters,
        scale,
        created_at: dependencies.clock.now(),
        git_revision: (!settings.git_revision.is_empty()).then(|| settings.git_revision.clone()),
        train_seconds: fitted.train_seconds,
    };
    let movies = in_index_order(&fitted.index, &catalog);
    let mut exported =
        export::files(&fitted.posterior, &fitted.snapshot, movies, &fitted.evaluation, &fitted.bias, &facts)
            .map_err(PipelineError::Export)?;

    run.stage(pb::Stage::Validate, "comparing the graphs with the trainer's own prediction");
    let worst =
        parity::worst(&dependencies.runtime, &fitted.posterior, &fitted.index, &fitted.snapshot, &exported).await?;
    gate(&mut exported, "parity", worst, settings.gates.parity)?;
    let bound = fitted.bias.rmse * settings.gates.rmse_over_bias;
    gate(&mut exported, "rmse", fitted.evaluation.rmse, bound)?;

    run.stage(pb::Stage::Publish, "signing and publishing");
    publish(dependencies, &plan.model, &exported, dependencies.signing_key.as_ref()).await
}

/// Holds a value against its bound; not a number fails. What passed goes into the manifest.
fn gate(exported: &mut Exported, name: &'static str, value: f64, bound: f64) -> Result<(), PipelineError> {
    if !value.is_finite() || value > bound {
        return Err(PipelineError::Gate { name, value, bound });
    }
    exported.gates.push((name, value, bound));
    Ok(())
}

async fn publish(
    dependencies: &Dependencies,
    model: &ModelName,
    exported: &Exported,
    key: Option<&SigningKey>,
) -> Result<Published, PipelineError> {
    let store = ModelStore::new(Arc::clone(&dependencies.objects));
    let mut digest = String::new();
    let published = store
        .publish(model, |version| {
            let package = exported.package(version, key)?;
            digest = package.digest();
            Ok::<BTreeMap<String, Bytes>, PackageError>(package.into_files())
        })
        .await
        .map_err(PipelineError::Publish)?;
    Ok(Published { version: published.map_err(PipelineError::Package)?, digest })
}

/// Fits on the past and judges on the future, then fits on everything. Blocks.
fn fit_all(
    snapshot: Snapshot,
    known: &[MovieId],
    plan: &Plan,
    scale: Scale,
    run: &Run,
) -> Result<Fitted, PipelineError> {
    // Every movie of the catalog is in the model, also those that nobody has rated yet: their factors are the prior's.
    let index = MovieIndex::new(known.iter().chain(snapshot.ratings().iter().map(|rating| &rating.movie)));
    let (past, future) = snapshot.split(plan.holdout);
    let past_ratings = index.dense(past).map_err(PipelineError::Layout)?;

    run.stage(pb::Stage::Evaluate, "fitting on the past");
    let biases = fit(&past_ratings, Algorithm::Bias, &Parameters::default_of(Algorithm::Bias), &mut ())
        .map_err(PipelineError::Fit)?;
    let bias = evaluate(&biases, &index, past, future, scale);
    let evaluation = if plan.algorithm == Algorithm::Bias {
        bias.clone()
    } else {
        let judged =
            fit(&past_ratings, plan.algorithm, &plan.parameters, &mut Progress(run)).map_err(PipelineError::Fit)?;
        evaluate(&judged, &index, past, future, scale)
    };
    let metrics = pb::Metrics {
        rmse: evaluation.rmse,
        mae: evaluation.mae,
        frozen_rmse: evaluation.frozen_rmse,
        bias_rmse: bias.rmse,
        coverage_90: evaluation.coverage.last().map_or(0.0, |coverage| coverage.actual),
        holdout_ratings: future.len() as u64,
        training_ratings: past.len() as u64,
    };
    run.state.send_modify(|training| training.metrics = Some(metrics));

    run.stage(pb::Stage::Fit, "fitting on everything");
    let all = index.dense(snapshot.ratings()).map_err(PipelineError::Layout)?;
    let started = std::time::Instant::now();
    let posterior = fit(&all, plan.algorithm, &plan.parameters, &mut Progress(run)).map_err(PipelineError::Fit)?;
    let train_seconds = started.elapsed().as_secs_f64();
    run.state.send_modify(|training| training.train_seconds = train_seconds);
    Ok(Fitted { snapshot, index, posterior, evaluation, bias, train_seconds })
}

/// Shows a fit's sweeps as the run's progress.
struct Progress<'a>(&'a Run);

impl Observer for Progress<'_> {
    fn progress(&mut self, done: usize, total: usize) {
        self.0.progress(done as f64 / total.max(1) as f64);
    }

    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

fn in_index_order(index: &MovieIndex, catalog: &Movies) -> Vec<Movie> {
    let bare = |id: &MovieId| Movie { id: id.clone(), title: String::new(), year: None, genres: Vec::new() };
    index.movies().map(|id| catalog.get(id).cloned().unwrap_or_else(|| bare(id))).collect()
}

/// The ratings that count, up to the offsets that the log has now: from the archive as far as it reaches, then from the log.
async fn read_ratings(dependencies: &Dependencies, run: &Run) -> Result<Snapshot, PipelineError> {
    let (log, scale) = (&*dependencies.log, dependencies.scale);
    let mut fold = Fold::default();
    let mut unreadable = 0u64;
    // What is archived was on the scale of its time, which the deployment may have changed since.
    let mut take = |offset, event: Option<RatingEvent>| match event.and_then(|event| event.on(&scale).ok()) {
        Some(event) => fold.apply(offset, &event),
        None => unreadable += 1,
    };
    let all = log.bounds(Topic::RATINGS).await.map_err(PipelineError::Log)?;
    let (count, partitions) = (all.len() as u32, all.len().max(1) as f64);
    for (at, bounds) in all.into_iter().enumerate() {
        let archived = archive::events(&dependencies.objects, bounds, |offset, event| take(offset, Some(event)));
        let begin = archived.await.map_err(PipelineError::Archive)?;
        let length = bounds.end.0.saturating_sub(begin.0).max(1) as f64;
        let mut pages = scan(log, Topic::RATINGS, bounds.partition, begin..bounds.end);
        while let Some(page) = pages.next_page().await.map_err(PipelineError::Log)? {
            for stored in &page {
                take(stored.position.offset, archive::event(stored, &scale, count));
            }
            let share = (pages.records() + pages.gaps()) as f64 / length;
            run.progress((at as f64 + share) / partitions);
        }
    }
    if unreadable > 0 {
        tracing::warn!(unreadable, "records of the rating topic were left out of the snapshot");
    }
    Ok(fold.finish())
}
