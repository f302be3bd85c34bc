//! Calls inference over gRPC: the first instance that answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use marquee_domain::{ModelName, MovieId, Version};
use marquee_eval::duel::Prediction;
use marquee_kit::Transport;
use marquee_proto::convert;
use marquee_proto::prediction::v1::evaluations_client::EvaluationsClient;
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
}

impl InferenceClient {
    /// Returns a client of instances, which are asked in this order.
    pub(crate) fn new(instances: Vec<Transport>, deadline: Duration) -> Self {
        Self { instances: instances.into(), first: Arc::default(), deadline }
    }

    /// Sends a message to one instance after another until one answers.
    async fn call<M: Clone, T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        message: M,
        call: impl Fn(Transport, Request<M>) -> F,
    ) -> Result<T, AskError> {
        let first = self.first.load(Ordering::Relaxed);
        let mut refused = Status::unavailable("there is no inference instance");
        // Large messages are copied only where another instance may need them.
        let mut message = Some(message);
        for index in 0..self.instances.len() {
            let instance = (first + index) % self.instances.len();
            let sent = if index + 1 < self.instances.len() { message.clone() } else { message.take() };
            let Some(sent) = sent else { break };
            let mut request = Request::new(sent);
            request.set_timeout(self.deadline);
            let called = tokio::time::timeout(self.deadline, call(self.instances[instance].clone(), request)).await;
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
}

#[async_trait]
impl Inference for InferenceClient {
    async fn wanted(&self, model: &ModelName) -> Result<Vec<WantedVersion>, AskError> {
        let request = GetStatusRequest { model: model.as_str().to_owned() };
        let answer = self
            .call(request, |instance, request| async move {
                RoutingClient::new(instance).max_decoding_message_size(LARGEST_ANSWER).get_status(request).await
            })
            .await?;
        let status = answer.status.unwrap_or_default();
        let Some(found) = status.models.into_iter().find(|found| found.model == model.as_str()) else {
            // An instance that has just started knows no routes yet.
            return status.table_read_at.map(|_| Vec::new()).ok_or_else(not_read);
        };
        Ok(wanted_versions(&found))
    }

    async fn evaluate(&self, question: Question<'_>) -> Result<Vec<Evaluated>, AskError> {
        let Question { model, versions, sequences, history } = question;
        let limit = u32::try_from(history).unwrap_or(u32::MAX);
        let request = pb::EvaluateRequest {
            model: model.as_str().to_owned(),
            versions: versions.iter().map(|version| version.0).collect(),
            sequences: sequences.iter().map(|sequence| wire_sequence(sequence, limit)).collect(),
        };
        let answer = self
            .call(request, |instance, request| async move {
                EvaluationsClient::new(instance).max_decoding_message_size(LARGEST_ANSWER).evaluate(request).await
            })
            .await?;
        Ok(answer.versions.into_iter().map(evaluated).collect())
    }
}

fn not_read() -> AskError {
    let message = "inference has not read the routing table yet".to_owned();
    AskError { reason: Reason::NoVersion, message, is_passing: true }
}

/// Returns the versions that the wanted route names.
fn wanted_versions(status: &ModelStatus) -> Vec<WantedVersion> {
    let Some(route) = &status.wanted else { return Vec::new() };
    let candidates = route.candidates.iter().map(|candidate| candidate.version);
    let mut versions: Vec<u64> =
        std::iter::once(route.stable).chain(candidates).chain(route.shadow.iter().copied()).collect();
    versions.sort_unstable();
    versions.dedup();
    let wanted = |version: u64| {
        let warm = status.versions.iter().find(|found| found.version == version && found.state() == VersionState::Warm);
        // An instance of an older release does not say when the version was made. It was before it
        // became warm.
        let created_at = warm.and_then(|warm| warm.created_at.as_ref().or(warm.since.as_ref()));
        WantedVersion {
            version: Version(version),
            is_warm: warm.is_some(),
            created_at: created_at.and_then(|time| convert::from_timestamp("created_at", time).ok()),
        }
    };
    versions.into_iter().filter(|version| *version > 0).map(wanted).collect()
}

fn wire_sequence(sequence: &Sequence, limit: u32) -> pb::Sequence {
    let entry = |(movie, rating): &(MovieId, f64)| pb::Entry { movie_id: movie.as_str().to_owned(), rating: *rating };
    // The last step too: the next ratings of the user go on from there.
    let steps = sequence.steps.iter().map(|step| pb::Step {
        movie_id: step.movie.as_str().to_owned(),
        rating: step.rating,
        learn: true,
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
    use marquee_domain::Timestamp;
    use marquee_proto::rollout::v1::{Candidate, Route, VersionStatus};

    use super::*;

    #[test]
    fn every_version_of_the_wanted_route_is_compared() {
        let time = |seconds| Some(marquee_proto::Timestamp { seconds, nanos: 0 });
        let state = |version, state: VersionState, (created, since)| VersionStatus {
            version,
            state: state.into(),
            created_at: created,
            since,
            ..VersionStatus::default()
        };
        let route = Route {
            stable: 3,
            candidates: vec![Candidate { version: 5, weight: 100 }],
            shadow: vec![4, 5, 6],
            ..Route::default()
        };
        let versions = vec![
            state(3, VersionState::Warm, (time(7), time(9))),
            state(4, VersionState::Loading, (None, time(9))),
            state(6, VersionState::Warm, (None, time(9))),
            state(9, VersionState::Warm, (time(7), time(9))),
        ];
        let status = ModelStatus { wanted: Some(route), versions, ..ModelStatus::default() };
        let expected = [(3, true, Some(7)), (4, false, None), (5, false, None), (6, true, Some(9))];
        let expected = expected.map(|(version, is_warm, created)| WantedVersion {
            version: Version(version),
            is_warm,
            created_at: created.map(Timestamp::from_seconds),
        });
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
    fn every_step_is_learned_so_that_the_next_ratings_of_a_user_go_on_from_there() {
        let movie = MovieId::try_new("m").unwrap();
        let step = crate::inference::Step { movie: movie.clone(), rating: 2.0, arrived: Timestamp::EPOCH };
        let sequence = Sequence { history: vec![(movie, 4.0)], steps: vec![step; 3] };
        let wire = wire_sequence(&sequence, 500);
        assert_eq!((wire.history.len(), wire.limit), (1, 500));
        assert!(wire.steps.len() == 3 && wire.steps.iter().all(|step| step.learn));
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
