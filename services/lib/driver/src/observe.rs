//! Asks the fleet. What does not answer in time is an observation.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use marquee_domain::{ModelName, Route, Version};
use marquee_rollout::{InstanceObservation, PairObservation, VersionState, WantedRoute};

use crate::api::{self, Answer};
use crate::{Endpoint, Evidence, Unreachable};

/// Waits for an answer until the deadline.
pub(crate) async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, Unreachable>>,
) -> Result<T, Unreachable> {
    tokio::time::timeout(deadline, call).await.unwrap_or_else(|_| Err(late(deadline)))
}

/// The error of an answer that did not come until the deadline.
pub(crate) fn late(deadline: Duration) -> Unreachable {
    Unreachable::new(format!("no answer within {} ms", deadline.as_millis()))
}

/// An instance and what it said.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) name: String,
    ready: bool,
    pub(crate) answer: Result<Answer, Unreachable>,
}

/// Asks every instance about a model, side by side.
pub(crate) async fn ask_all(endpoints: &[Endpoint], model: &ModelName, deadline: Duration) -> Vec<Asked> {
    let ask = |endpoint: &Endpoint| {
        let (name, ready, transport) = (endpoint.name.clone(), endpoint.ready, endpoint.transport.clone());
        async move { Asked { name, ready, answer: within(deadline, api::status(transport, model)).await } }
    };
    join_all(endpoints.iter().map(ask)).await
}

/// Asks for the duels of these pairs. One that cannot be read makes all of them unknown.
pub(crate) async fn duels(
    evidence: &dyn Evidence,
    model: &ModelName,
    pairs: &[(Version, Version)],
    deadline: Duration,
) -> Result<Vec<PairObservation>, Unreachable> {
    let ask = |(stable, candidate): &(Version, Version)| within(deadline, evidence.duel(model, *stable, *candidate));
    let answers = join_all(pairs.iter().map(ask)).await;
    answers.into_iter().filter_map(Result::transpose).collect()
}

/// Returns the instances for a decision.
pub(crate) fn instances(asked: &[Asked]) -> Vec<InstanceObservation> {
    let instance = |one: &Asked| InstanceObservation {
        name: one.name.clone(),
        ready: one.ready,
        report: one.answer.as_ref().ok().map(|answer| answer.report.clone()),
    };
    asked.iter().map(instance).collect()
}

fn answers(asked: &[Asked]) -> impl Iterator<Item = &Answer> {
    asked.iter().filter_map(|one| one.answer.as_ref().ok())
}

/// Returns the route in the table: the newest one that an instance has read. Instances read the
/// table at intervals, so some are behind.
pub(crate) fn route(asked: &[Asked]) -> WantedRoute {
    let routes = answers(asked).filter_map(|answer| answer.wanted.as_ref());
    match routes.max_by_key(|route: &&Route| route.revision()) {
        Some(route) => WantedRoute::Present(route.clone()),
        None if answers(asked).any(|answer| answer.has_read_table) => WantedRoute::Absent,
        None => WantedRoute::Unreachable,
    }
}

/// Returns the versions in the model store, ascending, or `None` if no instance knows them. Every
/// stored version has passed its gates: the trainer publishes no other.
///
/// An instance that has not listed the store yet finds no version. It does not count, because a
/// version that is missing ends a rollout.
pub(crate) fn published(asked: &[Asked]) -> Option<Vec<Version>> {
    let reports = answers(asked).map(|answer| &answer.report);
    let stored = reports.flat_map(|report| &report.versions).filter(|one| one.state != VersionState::NotFound);
    let versions: BTreeSet<Version> = stored.map(|one| one.version).collect();
    (!versions.is_empty()).then(|| versions.into_iter().collect())
}
