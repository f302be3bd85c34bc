//! Routes and the report of an instance.

use marquee_domain::{BasisPoints, Candidate, ModelName, Reason, Version, Violation};
use marquee_kit::{Failure, chain};
use marquee_proto::convert;
use marquee_proto::rollout::v1 as pb;

use crate::metrics::LATENCY_BOUNDS;
use crate::repository::VersionState;
use crate::routing::{ModelStatus, Status, VersionStatus};
use crate::tally::{Incarnation, Served, ServingError, Tallies};

/// Reads candidates; a failure names every weight that is wrong.
pub(in crate::api) fn candidates(messages: &[pb::Candidate]) -> Result<Vec<Candidate>, Failure> {
    let (mut candidates, mut violations) = (Vec::new(), Vec::new());
    for (index, message) in messages.iter().enumerate() {
        match BasisPoints::try_new(message.weight) {
            Ok(weight) => candidates.push(Candidate { version: Version(message.version), weight }),
            Err(error) => {
                let field = format!("route.candidates[{index}].weight");
                violations.push(Violation::new(field, Reason::Malformed, error.to_string()));
            }
        }
    }
    if violations.is_empty() { Ok(candidates) } else { Err(Failure::invalid(violations)) }
}

pub(in crate::api) fn status(status: Status, tallies: &Tallies) -> pb::RoutingStatus {
    let Incarnation { instance, started_at } = &tallies.incarnation;
    pb::RoutingStatus {
        models: status.models.into_iter().map(|(name, status)| model(&name, &status, tallies)).collect(),
        table_read_at: status.table_read_at.map(convert::timestamp),
        instance: instance.clone(),
        started_at: Some(convert::timestamp(*started_at)),
        incarnation: tallies.incarnation.name(),
    }
}

fn model(name: &ModelName, status: &ModelStatus, tallies: &Tallies) -> pb::ModelStatus {
    let served = |number| tallies.served(name, number).map(|counted| served(&counted));
    pb::ModelStatus {
        model: name.as_str().to_owned(),
        wanted: status.wanted.as_deref().map(convert::route),
        effective: status.effective.as_deref().map(convert::route),
        effective_since: status.effective_since.map(convert::timestamp),
        pending: status.pending.clone().unwrap_or_default(),
        versions: (status.versions.iter())
            .map(|(number, status)| pb::VersionStatus { served: served(*number), ..version(*number, status) })
            .collect(),
    }
}

fn served(served: &Served) -> pb::Served {
    let error = |(kind, count): (&ServingError, &u64)| pb::ErrorCount { kind: error_kind(*kind) as i32, count: *count };
    let counts = ServingError::ALL.iter().zip(&served.errors).filter(|(_, count)| **count > 0);
    pb::Served {
        requests: served.requests,
        errors: counts.map(error).collect(),
        latency: Some(pb::Latency {
            bounds: LATENCY_BOUNDS.to_vec(),
            counts: served.latencies.to_vec(),
            sum: Some(served.time.into()),
        }),
    }
}

fn error_kind(kind: ServingError) -> pb::ServingError {
    match kind {
        ServingError::Encoder => pb::ServingError::Encoder,
        ServingError::Scorer => pb::ServingError::Scorer,
        ServingError::MissingVersion => pb::ServingError::MissingVersion,
        ServingError::Features => pb::ServingError::Features,
        ServingError::Overloaded => pb::ServingError::Overloaded,
    }
}

fn version(version: Version, status: &VersionStatus) -> pb::VersionStatus {
    let mut message = pb::VersionStatus {
        version: version.0,
        since: status.state.as_ref().map(|(_, since)| convert::timestamp(*since)),
        wanted: status.wanted,
        effective: status.effective,
        ..pb::VersionStatus::default()
    };
    let state = match status.state.as_ref().map(|(state, _)| state) {
        Some(VersionState::Loading) => pb::VersionState::Loading,
        Some(VersionState::Warm(model)) => {
            message.created_at = super::created_at(model.manifest());
            pb::VersionState::Warm
        }
        Some(VersionState::Failed { error, retrying }) => {
            message.reason = chain(&**error);
            message.retrying = *retrying;
            pb::VersionState::Failed
        }
        None if status.stored => pb::VersionState::Stored,
        None => pb::VersionState::NotFound,
    };
    message.state = state as i32;
    message
}
