//! Evaluations: what versions would have predicted for ratings that were given. The numbers are
//! those that serving returns for the same history.
//!
//! Evaluations stand back behind the requests of users: they run on graphs of their own, on threads
//! of the lowest priority, few at once, and not at all while serving is busy.
//!
//! | module | contents |
//! |---|---|
//! | `request` | what is evaluated, with movies by number |
//! | `walk` | one sequence: the history that grows with its steps |
//! | `group` | sequences that go through the graphs together |
//! | `rows` | user states, row by row |
//! | `states` | the user states that are kept for the next ratings of their users |
//! | `copies` | the versions, loaded for evaluations |

mod copies;
mod group;
mod request;
mod rows;
mod states;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

use marquee_domain::{ModelName, Version};
use marquee_kit::{Compute, Context, chain};
use marquee_onnx::RunError;
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) use copies::Copies;
pub(crate) use request::{Builder, Evaluate, Rated};
pub(crate) use states::States;

use crate::metrics::{EvaluationMetrics, StepLabels};
use crate::model::Model;
use crate::pressure::Pressure;
use crate::repository::Repository;
use crate::routing::Routing;
use group::Group;
use walk::Walk;

/// Sequences that go through the graphs together.
const GROUP: usize = 32;

/// What a version predicts for one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    /// Clipped to the scale.
    pub(crate) rating: f64,
    pub(crate) spread: f64,
    /// The version was trained without this movie.
    pub(crate) unknown_movie: bool,
}

/// The estimates of one sequence, or why there is none from some step on.
type Estimates = Vec<Result<Estimate, Arc<str>>>;

/// What became of one version.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VersionResult {
    pub(crate) version: Version,
    /// One for each step of all sequences, or why there are none.
    pub(crate) estimates: Result<Estimates, String>,
}

/// Why nothing was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Error {
    #[error("no version of model '{0}' is routed: name versions, or route one (`marquee route set`, or SetRoute)")]
    NoRoute(ModelName),
    #[error("the instance is busy with predictions, which come before evaluations: try again")]
    Busy,
    #[error("as many evaluations run as may run at once: try again")]
    TooMany,
}

/// Why a version predicted nothing more for a sequence.
#[derive(Debug, Clone, Error)]
enum StepError {
    #[error("run the {0} of the model")]
    Run(&'static str, #[source] RunError),
    #[error("the model returned fewer scores than movies")]
    TooFewScores,
    #[error("the encoder returned states that do not fit together")]
    States,
    #[error("serving is busy")]
    Busy,
}

/// What evaluations need.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) routing: Arc<Routing>,
    pub(crate) repository: Arc<Repository>,
    pub(crate) copies: Copies,
    pub(crate) states: States,
    pub(crate) pressure: Arc<Pressure>,
    /// Evaluations that run at the same time.
    pub(crate) at_once: usize,
}

/// Evaluates versions on known ratings.
#[derive(Debug)]
pub(crate) struct Evaluation {
    parts: Parts,
    permits: Semaphore,
    compute: Compute,
    metrics: EvaluationMetrics,
}

impl Evaluation {
    pub(crate) fn new(parts: Parts, context: &Context) -> Self {
        let permits = Semaphore::new(parts.at_once);
        let metrics = EvaluationMetrics::register(&context.metrics);
        Self { parts, permits, compute: context.compute.clone(), metrics }
    }

    /// Admits an evaluation if there is room for it. Its request is read only then.
    pub(crate) fn admit(&self) -> Result<SemaphorePermit<'_>, Error> {
        let permit = self.permits.try_acquire().map_err(|_| Error::TooMany);
        let admitted =
            permit.and_then(|permit| if self.parts.pressure.is_busy() { Err(Error::Busy) } else { Ok(permit) });
        admitted.inspect_err(|_| {
            self.metrics.shed.inc();
        })
    }

    /// Evaluates the versions one after the other. The caller holds a permit of [`Self::admit`].
    pub(crate) async fn evaluate(
        &self,
        _permit: &SemaphorePermit<'_>,
        request: Evaluate,
    ) -> Result<Vec<VersionResult>, Error> {
        let request = Arc::new(request);
        let versions = self.versions(&request)?;
        let mut results = Vec::with_capacity(versions.len());
        for version in versions {
            let estimates = match self.model(&request.model, version).await {
                Ok(model) => self.evaluate_version(&model, &request).await.inspect_err(|_| {
                    self.metrics.shed.inc();
                })?,
                Err(failure) => Err(failure),
            };
            let result = VersionResult { version, estimates };
            self.count(&request, &result);
            results.push(result);
        }
        Ok(results)
    }

    /// Returns the versions to evaluate.
    fn versions(&self, request: &Evaluate) -> Result<Vec<Version>, Error> {
        if !request.versions.is_empty() {
            return Ok(request.versions.clone());
        }
        let route = self.parts.routing.table().get(&request.model);
        let route = route.ok_or_else(|| Error::NoRoute(request.model.clone()))?;
        let mut versions: Vec<Version> = route.versions().collect();
        versions.sort_unstable();
        Ok(versions)
    }

    /// Returns a version for evaluations, or says why there is none.
    async fn model(&self, name: &ModelName, version: Version) -> Result<Arc<Model>, String> {
        let key = (name.clone(), version);
        let Parts { repository, states, .. } = &self.parts;
        let Some(serving) = repository.warm(&key) else { return Err(repository.explain(&key)) };
        self.parts.copies.of(&serving, |key| repository.warm(key).is_some(), |digest| states.forget(digest)).await
    }

    /// Evaluates one version. The outer error is that serving stayed busy.
    async fn evaluate_version(
        &self,
        model: &Arc<Model>,
        request: &Arc<Evaluate>,
    ) -> Result<Result<Estimates, String>, Error> {
        let (known, wanted) = (Arc::clone(model), Arc::clone(request));
        // Looking up many movies and copying histories takes milliseconds.
        let walks = self.compute.run(move || walks(&known, &wanted)).await;
        let mut estimates: Vec<Estimates> = vec![Vec::new(); request.sequences.len()];
        for mut walks in walks {
            let error = self.run(model, &mut walks).await?;
            if error.is_some() && walks.len() > 1 {
                // One bad sequence must not spoil the others.
                for walk in &mut walks {
                    walk.restart(&request.sequences[walk.sequence]);
                    let alone = std::slice::from_mut(walk);
                    let error = self.run(model, alone).await?;
                    alone[0].fail(error.as_ref());
                }
            } else if let [walk] = &mut walks[..] {
                walk.fail(error.as_ref());
            }
            for walk in walks {
                let at = walk.sequence;
                estimates[at] = walk.into_estimates();
            }
        }
        let estimates: Estimates = estimates.into_iter().flatten().collect();
        match estimates.first() {
            Some(Err(failure)) if estimates.iter().all(Result::is_err) => Ok(Err(failure.to_string())),
            _ => Ok(Ok(estimates)),
        }
    }

    /// Runs sequences through the graphs. Returns what stopped them before their end.
    async fn run(&self, model: &Arc<Model>, walks: &mut [Walk]) -> Result<Option<StepError>, Error> {
        let Parts { pressure, states, .. } = &self.parts;
        let ended = Group::new(Arc::clone(model), (pressure, states), walks).evaluate().await;
        match ended {
            Ok(()) => Ok(None),
            Err(StepError::Busy | StepError::Run(_, RunError::Overloaded)) => Err(Error::Busy),
            Err(error) => Ok(Some(error)),
        }
    }

    fn count(&self, request: &Evaluate, result: &VersionResult) {
        let failed = match &result.estimates {
            Ok(estimates) => estimates.iter().filter(|estimate| estimate.is_err()).count(),
            Err(_) => request.steps,
        };
        for (outcome, steps) in [("ok", request.steps - failed), ("failed", failed)] {
            if steps > 0 {
                let (model, version) = (request.model.as_str().to_owned(), result.version.0);
                let labels = StepLabels { model, version, outcome };
                self.metrics.steps.get_or_create(&labels).inc_by(steps as u64);
            }
        }
    }
}

/// Prepares the sequences for a version, in groups.
fn walks(model: &Model, request: &Evaluate) -> Vec<Vec<Walk>> {
    let indices: Arc<[Option<i64>]> = request.movies.iter().map(|movie| model.index_of(movie)).collect();
    let mut walks: Vec<Walk> = (request.sequences.iter().enumerate())
        .map(|(at, sequence)| Walk::new((at, sequence), Arc::clone(&indices)))
        .collect();
    // Those that end together stay together, so that few rows are left at the end of a group.
    walks.sort_by_key(|walk| std::cmp::Reverse(walk.steps()));
    let mut groups = Vec::with_capacity(walks.len() / GROUP + 1);
    while !walks.is_empty() {
        let rest = walks.split_off(walks.len().min(GROUP));
        groups.push(std::mem::replace(&mut walks, rest));
    }
    groups
}

/// Says why a step has no estimate.
fn failure(error: &StepError) -> Arc<str> {
    chain(error).into()
}
