//! Between the wire messages of `marquee.training.v1` and the domain.

use marquee_domain::{Algorithm, FitParameters, RunId, RunMetrics, RunState, Stage, TrainingPlan, TrainingRun};
use marquee_kit::{Failure, unknown_page_token};
use marquee_proto::convert;
use marquee_proto::training::v1 as pb;

use crate::plan::TrainingRequest;

/// Returns what a request asks for. On the wire, zero and empty stand for the default.
pub(super) fn request(wire: &pb::StartTrainingRequest) -> TrainingRequest {
    let parameters = wire.parameters.unwrap_or_default();
    let count = |number: u32| (number != 0).then_some(number as usize);
    TrainingRequest {
        model: (!wire.model.is_empty()).then(|| wire.model.clone()),
        algorithm: algorithm(wire.algorithm()),
        factors: count(parameters.factors),
        sweeps: count(parameters.sweeps),
        burn_in: count(parameters.burn_in),
        samples: count(parameters.samples),
        seed: (parameters.seed != 0).then_some(parameters.seed),
        holdout: (parameters.holdout != 0.0).then_some(parameters.holdout),
    }
}

/// Returns a run as callers see it.
pub(super) fn training(run: &TrainingRun) -> pb::Training {
    pb::Training {
        training_id: run.id.as_str().to_owned(),
        model: run.plan.model.as_str().to_owned(),
        algorithm: match run.plan.algorithm {
            Algorithm::Bias => pb::Algorithm::Bias,
            Algorithm::Map => pb::Algorithm::Map,
            Algorithm::Bayes => pb::Algorithm::Bayes,
        }
        .into(),
        parameters: Some(parameters(&run.plan)),
        state: state(run.state).into(),
        stage: run.stage.map_or(pb::Stage::Unspecified, stage).into(),
        progress: run.progress,
        message: run.message.clone(),
        created_at: Some(convert::timestamp(run.created_at)),
        ended_at: run.ended_at.map(convert::timestamp),
        version: run.version.map_or(0, |version| version.0),
        metrics: run.metrics.as_ref().map(metrics),
        digest: run.digest.clone().unwrap_or_default(),
        dataset_digest: run.snapshot.clone().unwrap_or_default(),
        train_seconds: run.train_seconds.unwrap_or_default(),
    }
}

/// Returns the run that a token stands for, or `None` for the first page.
pub(super) fn page_token(text: &str) -> Result<Option<RunId>, Failure> {
    if text.is_empty() { Ok(None) } else { RunId::try_new(text).map(Some).map_err(|_| unknown_page_token()) }
}

fn algorithm(wire: pb::Algorithm) -> Option<Algorithm> {
    match wire {
        pb::Algorithm::Bias => Some(Algorithm::Bias),
        pb::Algorithm::Map => Some(Algorithm::Map),
        pb::Algorithm::Bayes => Some(Algorithm::Bayes),
        pb::Algorithm::Unspecified => None,
    }
}

fn parameters(plan: &TrainingPlan) -> pb::Parameters {
    let FitParameters { factors, sweeps, burn_in, samples, seed } = plan.parameters;
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    pb::Parameters {
        factors: count(factors),
        sweeps: count(sweeps),
        burn_in: count(burn_in),
        samples: count(samples),
        seed,
        holdout: plan.holdout,
    }
}

fn state(state: RunState) -> pb::State {
    match state {
        RunState::Queued => pb::State::Queued,
        RunState::Running => pb::State::Running,
        RunState::Succeeded => pb::State::Succeeded,
        RunState::Failed => pb::State::Failed,
        RunState::Canceled => pb::State::Cancelled,
    }
}

fn stage(stage: Stage) -> pb::Stage {
    match stage {
        Stage::Snapshot => pb::Stage::Snapshot,
        Stage::Evaluate => pb::Stage::Evaluate,
        Stage::Fit => pb::Stage::Fit,
        Stage::Export => pb::Stage::Export,
        Stage::Validate => pb::Stage::Validate,
        Stage::Publish => pb::Stage::Publish,
    }
}

fn metrics(metrics: &RunMetrics) -> pb::Metrics {
    let RunMetrics { rmse, mae, frozen_rmse, bias_rmse, coverage_90, holdout_ratings, training_ratings } = *metrics;
    pb::Metrics { rmse, mae, frozen_rmse, bias_rmse, coverage_90, holdout_ratings, training_ratings }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_empty_stand_for_the_default() {
        let wire = pb::StartTrainingRequest { algorithm: pb::Algorithm::Map.into(), ..Default::default() };
        let expected = TrainingRequest { algorithm: Some(Algorithm::Map), ..TrainingRequest::default() };
        assert_eq!(request(&wire), expected);
        let parameters = Some(pb::Parameters { factors: 4, seed: 7, holdout: 0.2, ..Default::default() });
        let wire = pb::StartTrainingRequest { model: "films".to_owned(), parameters, ..wire };
        let asked = request(&wire);
        assert_eq!((asked.model.as_deref(), asked.factors, asked.sweeps), (Some("films"), Some(4), None));
        assert_eq!((asked.seed, asked.holdout), (Some(7), Some(0.2)));
    }
}
