//! Calls inference over gRPC: the first instance that answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use marquee_domain::{ModelName, MovieId, Timestamp, Version};
use marquee_eval::duel::Prediction;
use marquee_kit::Transport;
use marquee_proto::convert;
use marquee_proto::prediction::v1::evaluations_client::EvaluationsClient;
use marquee_proto::prediction::v1::models_client::ModelsClient;
use marquee_proto::prediction::v1::{self as pb};
use marquee_proto::rollout::v1::routing_client::RoutingClient;
use marquee_proto::rollout::v1::{GetStatusRequest, ModelStatus, VersionState};
use tonic::{Code, Request, Response, Status};

use crate::inference::{AskError, Evaluated, Inference, Question, Reason, Sequence, WantedVersion};

/// Largest answer in bytes.
const LARGEST_ANSWER: usize = 16 << 20;

/// The inference instances of a deployment.
#[derive(Debug, Clone)]
pub(crate) struct InferenceClient {
    instances: Arc<[Transport]>,
    /// The instance that is asked first: the one that answered last.
    first: Arc<AtomicUsize>,
    deadline: Duration,
    /// When versions were made. It never changes.
    created: Arc<Mutex<HashMap<(ModelName, Version), Timestamp>>>,
}

impl InferenceClient {
    /// Returns a client of instances, which are asked in this order.
    pub(crate) fn new(instances: Vec<Transport>, deadline: Duration) -> Self {
        Self { instances: instances.into(), first: Arc::default(), deadline, created: Arc::default() }
    }

    /// Calls one instance after another until one answers.
    async fn call<T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        call: impl Fn(Transport) -> F,
    ) -> Result<T, AskError> {
        let first = self.first.load(Ordering::Relaxed);
        let mut refused = Status::unavailable("there is no inference instance");
        for index in 0..self.instances.len() {
            let instance = (first + index) % self.instances.len();
            let called = tokio::time::timeout(self.deadline, call(self.instances[instance].clone())).await;
            match called.unwrap_or_else(|_| Err(Status::deadline_exceeded("inference did not answer in time"))) {
                Ok(answer) => {
                    self.first.store(instance, Ordering::Relaxed);
                    return Ok(answer.into_inner());
                }
                Err(status) if may_another_answer(&status) => refused = status,
                Err(status) => return Err(ask_error(&status)),
            }
        }
        Err(ask_error(&refused))
    }

    /// Returns when versions were made, and asks inference for those that are not known.
    async fn created(&self, model: &ModelName, versions: &[Version]) -> HashMap<Version, Timestamp> {
        let known = |client: &Self| -> HashMap<Version, Timestamp> {
            let created = client.created.lock().unwrap_or_else(PoisonError::into_inner);
            let time = |version: &Version| Some((*version, *created.get(&(model.clone(), *version))?));
            versions.iter().filter_map(time).collect()
        };
        let found = known(self);
        if found.len() == versions.len() {
            return found;
        }
        let request = pb::ListModelsRequest { model: model.as_str().to_owned() };
        let deadline = self.deadline;
        let listed = self
            .call(|instance| {
                let request = with_deadline(request.clone(), deadline);
                async move {
                    ModelsClient::new(instance).max_decoding_message_size(LARGEST_ANSWER).list_models(request).await
                }
            })
            .await;
        let mut created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
        for listed in listed.map(|listed| listed.versions).unwrap_or_default() {
            let time = listed.created_at.as_ref().and_then(|time| convert::from_timestamp("created_at", time).ok());
            // Without a manifest there is no time.
            if let Some(time) = time.filter(|time| *time > Timestamp::EPOCH) {
                created.insert((model.clone(), Version(listed.version)), time);
            }
        }
        // Versions that no route names any more are forgotten.
        created.retain(|(name, version), _| name != model || versions.contains(version));
        drop(created);
        known(self)
    }
}

#[async_trait]
impl Inference for InferenceClient {
    async fn wanted(&self, model: &ModelName) -> Result<Vec<WantedVersion>, AskError> {
        let request = GetStatusRequest { model: model.as_str().to_owned() };
        let deadline = self.deadline;
        let answer = self
            .call(|instance| {
                let request = with_deadline(request.clone(), deadline);
                async move {
                    RoutingClient::new(instance).max_decoding_message_size(LARGEST_ANSWER).get_status(request).await
                }
            })
            .await?;
        let status = answer.status.unwrap_or_default();
        let Some(found) = status.models.into_iter().find(|found| found.model == model.as_str()) else {
            // An instance that has just started knows no routes yet.
            return status.table_read_at.map(|_| Vec::new()).ok_or_else(not_read);
        };
        let versions = wanted_versions(&found);
        let numbers: Vec<Version> = versions.iter().map(|(version, _)| *version).collect();
        let created = self.created(model, &numbers).await;
        let wanted = |(version, is_warm): (Version, bool)| WantedVersion {
            version,
            is_warm,
            created_at: created.get(&version).copied(),
        };
        Ok(versions.into_iter().map(wanted).collect())
    }

    async fn evaluate(&self, question: Question<'_>) -> Result<Vec<Evaluated>, AskError> {
        let Question { model, versions, sequences, history } = question;
        let limit = u32::try_from(history).unwrap_or(u32::MAX);
        let request = pb::EvaluateRequest {
            model: model.as_str().to_owned(),
            versions: versions.iter().map(|version| version.0).collect(),
            sequences: sequences.iter().map(|sequence| wire_sequence(sequence, limit)).collect(),
        };
        let deadline = self.deadline;
        let answer = self
            .call(|instance| {
                let request = with_deadline(request.clone(), deadline);
                async move {
                    EvaluationsClient::new(instance).max_decoding_message_size(LARGEST_ANSWER).evaluate(request).await
                }
            })
            .await?;
        Ok(answer.versions.into_iter().map(evaluated).collect())
    }
}

fn not_read() -> AskError {
    let message = "inference has not read the routing table yet".to_owned();
    AskError { reason: Reason::NoVersion, message, is_passing: true }
}

fn with_deadline<T>(message: T, deadline: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}

/// Returns the versions that the wanted route names, and whether each is warm.
fn wanted_versions(status: &ModelStatus) -> Vec<(Version, bool)> {
    let is_warm = |version: u64| {
        let found = status.versions.iter().find(|found| found.version == version);
        found.is_some_and(|found| found.state() == VersionState::Warm)
    };
    let Some(route) = &status.wanted else { return Vec::new() };
    let candidates = route.candidates.iter().map(|candidate| candidate.version);
    let mut versions: Vec<u64> =
        std::iter::once(route.stable).chain(candidates).chain(route.shadow.iter().copied()).collect();
    versions.sort_unstable();
    versions.dedup();
    versions.into_iter().filter(|version| *version > 0).map(|version| (Version(version), is_warm(version))).collect()
}

fn wire_sequence(sequence: &Sequence, limit: u32) -> pb::Sequence {
    let entry = |(movie, rating): &(MovieId, f64)| pb::Entry { movie_id: movie.as_str().to_owned(), rating: *rating };
    let last = sequence.steps.len().saturating_sub(1);
    let steps = sequence.steps.iter().enumerate().map(|(index, step)| pb::Step {
        movie_id: step.movie.as_str().to_owned(),
        rating: step.rating,
        // Nothing comes after the last step.
        learn: index < last,
    });
    pb::Sequence { history: sequence.history.iter().map(entry).collect(), steps: steps.collect(), limit }
}

fn evaluated(wire: pb::VersionEvaluation) -> Evaluated {
    let prediction = |estimate: pb::Estimate| {
        let spread = (!estimate.unknown_movie).then_some(estimate.spread);
        estimate.failure.is_empty().then_some(Prediction { rating: estimate.rating, spread })
    };
    let steps = match wire.failure.is_empty() {
        true => Ok(wire.estimates.into_iter().map(prediction).collect()),
        false => Err(wire.failure),
    };
    Evaluated { version: Version(wire.version), steps }
}

/// Returns whether another instance may answer: this one was not reached, or it is busy. A
/// connection that breaks in the middle of a call is reported as unknown or as canceled.
fn may_another_answer(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Unknown | Code::Cancelled | Code::ResourceExhausted
    )
}

fn ask_error(status: &Status) -> AskError {
    let reason = match status.code() {
        Code::ResourceExhausted => Reason::InferenceBusy,
        _ if may_another_answer(status) => Reason::InferenceUnavailable,
        Code::NotFound | Code::FailedPrecondition => Reason::NoVersion,
        _ => Reason::Refused,
    };
    let is_passing = reason != Reason::Refused;
    AskError { reason, message: format!("{}: {}", status.code(), status.message()), is_passing }
}

#[cfg(test)]
mod tests {
    use marquee_proto::rollout::v1::{Candidate, Route, VersionStatus};

    use super::*;

    #[test]
    fn every_version_of_the_wanted_route_is_compared() {
        let state = |version, state: VersionState| VersionStatus { version, state: state.into(), ..Default::default() };
        let route = Route {
            stable: 3,
            candidates: vec![Candidate { version: 5, weight: 100 }],
            shadow: vec![4, 5],
            ..Route::default()
        };
        let versions =
            vec![state(3, VersionState::Warm), state(4, VersionState::Loading), state(9, VersionState::Warm)];
        let status = ModelStatus { wanted: Some(route), versions, ..ModelStatus::default() };
        let expected = [(3, true), (4, false), (5, false)].map(|(version, is_warm)| (Version(version), is_warm));
        assert_eq!(wanted_versions(&status), expected);
        assert!(wanted_versions(&ModelStatus::default()).is_empty());
    }

    #[test]
    fn a_status_says_whether_the_question_may_be_answered_later() {
        let error = |code| ask_error(&Status::new(code, "why"));
        for (code, reason, is_passing) in [
            (Code::Unavailable, Reason::InferenceUnavailable, true),
            (Code::Unknown, Reason::InferenceUnavailable, true),
            (Code::ResourceExhausted, Reason::InferenceBusy, true),
            (Code::FailedPrecondition, Reason::NoVersion, true),
            (Code::InvalidArgument, Reason::Refused, false),
        ] {
            assert_eq!((error(code).reason, error(code).is_passing), (reason, is_passing));
        }
    }

    #[test]
    fn a_failure_is_no_prediction() {
        let estimate = |failure: &str| pb::Estimate { rating: 3.0, failure: failure.to_owned(), ..Default::default() };
        let steps = evaluated(pb::VersionEvaluation {
            version: 2,
            failure: String::new(),
            estimates: vec![estimate(""), estimate("no"), pb::Estimate { unknown_movie: true, ..estimate("") }],
        });
        let prediction = |spread| Some(Prediction { rating: 3.0, spread });
        assert_eq!(steps.steps, Ok(vec![prediction(Some(0.0)), None, prediction(None)]));
        let failed = pb::VersionEvaluation { version: 2, failure: "not warm".to_owned(), estimates: Vec::new() };
        assert_eq!(evaluated(failed).steps, Err("not warm".to_owned()));
    }
}
