//! What the tracker learns of a training run: its start, its ratings, its curves, its version and
//! its end.
//!
//! Telling never waits and never fails, so a tracking system that is away changes no run
//! (`a_tracker_is_told_of_each_run_from_its_start_to_its_end`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use marquee_domain::{Clock, RunId, RunState, Stage, SystemClock, TrainingRun};
use marquee_fit::Snapshot;
use marquee_kit::chain;
use marquee_model::ModelStore;
use marquee_ports::{NoTracker, PublishedModel, TrackedDataset, TrackedRun, Tracker, TrackingEvent};
use tokio::time::Instant;

/// The name of the ratings in the tracking system.
const DATASET: &str = "ratings";

/// Tells a tracker about runs. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tracking {
    tracker: Arc<dyn Tracker>,
    clock: Arc<dyn Clock>,
    /// The stage that curves belong to, and when it began.
    stage: Arc<Mutex<Option<(Stage, Instant)>>>,
}

impl Tracking {
    pub(crate) fn new(tracker: Arc<dyn Tracker>, clock: Arc<dyn Clock>) -> Self {
        Self { tracker, clock, stage: Arc::default() }
    }

    /// Returns what tells nobody anything.
    pub(crate) fn off() -> Self {
        Self::new(Arc::new(NoTracker), Arc::new(SystemClock))
    }

    /// Returns what tells the same tracker about another run.
    pub(crate) fn of_next_run(&self) -> Self {
        Self::new(Arc::clone(&self.tracker), Arc::clone(&self.clock))
    }

    /// Tells that the work on a run begins.
    pub(crate) fn started(&self, run: &TrainingRun) {
        self.tracker.record(TrackingEvent::RunStarted(TrackedRun {
            run: run.id.clone(),
            parent: None,
            model: run.plan.model.clone(),
            at: self.clock.now(),
            params: params(run),
        }));
    }

    /// Tells which ratings a run has read.
    pub(crate) fn read(&self, run: &TrainingRun, snapshot: &Snapshot) {
        let dataset = TrackedDataset {
            name: DATASET.to_owned(),
            digest: snapshot.digest().to_owned(),
            ratings: snapshot.ratings().len() as u64,
            users: snapshot.users() as u64,
            movies: snapshot.movies() as u64,
        };
        self.tracker.record(TrackingEvent::DatasetRead { run: run.id.clone(), at: self.clock.now(), dataset });
    }

    /// Notes that a run has begun a stage.
    pub(crate) fn entered(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some((stage, Instant::now()));
    }

    /// Tells what was measured after a number of sweeps. The curves of the fit that is judged and
    /// of the fit on all ratings have names of their own, for example `evaluate/seconds`.
    pub(crate) fn measured(&self, run: &RunId, sweeps: usize, metrics: &[(&str, f64)]) {
        let stage = *self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((stage, began)) = stage else { return };
        let curve = match stage {
            Stage::Evaluate => "evaluate",
            Stage::Fit => "fit",
            Stage::Snapshot | Stage::Export | Stage::Validate | Stage::Publish => return,
        };
        let seconds = ("seconds", began.elapsed().as_secs_f64());
        let metrics = std::iter::once(&seconds).chain(metrics);
        self.tracker.record(TrackingEvent::Measured {
            run: run.clone(),
            at: self.clock.now(),
            step: sweeps as u64,
            metrics: metrics.map(|(name, value)| (format!("{curve}/{name}"), *value)).collect(),
        });
    }

    /// Tells how a run ended, and of the version that it published. A run that has not ended is
    /// passed over.
    pub(crate) fn ended(&self, run: &TrainingRun) {
        if !run.has_ended() {
            return;
        }
        let at = run.ended_at.unwrap_or_else(|| self.clock.now());
        let metrics = figures(run);
        if let (Some(version), Some(digest)) = (run.version, run.digest.clone()) {
            match ModelStore::folder(&run.plan.model, version) {
                Ok(package) => self.tracker.record(TrackingEvent::Published(PublishedModel {
                    run: run.id.clone(),
                    model: run.plan.model.clone(),
                    version,
                    at,
                    digest,
                    package,
                    params: params(run),
                    metrics: metrics.clone(),
                })),
                Err(error) => tracing::warn!(run = %run.id, error = chain(&error), "a version is not tracked"),
            }
        }
        let message = if run.state == RunState::Succeeded { String::new() } else { run.message.clone() };
        let (run, state) = (run.id.clone(), run.state);
        self.tracker.record(TrackingEvent::RunEnded { run, at, state, message, metrics });
    }
}

/// Returns what a run was asked for.
fn params(run: &TrainingRun) -> BTreeMap<String, String> {
    let plan = &run.plan;
    let parameters = &plan.parameters;
    let params = [
        ("algorithm", plan.algorithm.name().to_owned()),
        ("factors", parameters.factors.to_string()),
        ("sweeps", parameters.sweeps.to_string()),
        ("burn_in", parameters.burn_in.to_string()),
        ("samples", parameters.samples.to_string()),
        ("seed", parameters.seed.to_string()),
        ("holdout", plan.holdout.to_string()),
    ];
    params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns the figures of a run, as far as they are known.
fn figures(run: &TrainingRun) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    if let Some(metrics) = &run.metrics {
        let metrics = [
            ("rmse", metrics.rmse),
            ("mae", metrics.mae),
            ("frozen_rmse", metrics.frozen_rmse),
            ("bias_rmse", metrics.bias_rmse),
            ("coverage_90", metrics.coverage_90),
            ("holdout_ratings", metrics.holdout_ratings as f64),
            ("training_ratings", metrics.training_ratings as f64),
        ];
        figures.extend(metrics.map(|(name, value)| (name.to_owned(), value)));
    }
    figures.extend(run.train_seconds.map(|seconds| ("train_seconds".to_owned(), seconds)));
    figures.extend(run.gates.iter().map(|gate| (format!("gate/{}", gate.name), gate.value)));
    figures
}
