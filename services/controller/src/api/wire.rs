//! Between the wire messages of `marquee.rollout.v1.Rollouts` and the core.

use marquee_domain::{ModelName, Reason};
use marquee_kit::Failure;
use marquee_proto::rollout::v1 as pb;
use marquee_proto::{Struct, convert, document};
use marquee_rollout::Verb;
use serde_json::Value;

use crate::files::FileState;
use crate::rollouts::Rollout;
use crate::spec;
use crate::store::{StoredCommand, StoredEvent};

/// Returns the specification that a request has.
pub(super) fn spec(wire: Option<&Struct>) -> Result<Value, Failure> {
    let missing = || Failure::field("spec", Reason::Missing, "is missing: give the specification of a rollout");
    wire.map(|wire| Value::Object(document::from_struct(wire))).ok_or_else(missing)
}

/// Returns the model that a request names.
pub(super) fn model(text: &str) -> Result<ModelName, Failure> {
    ModelName::try_new(text).map_err(|error| Failure::field("model", error.reason(), error.to_string()))
}

/// The verbs of the wire.
const VERBS: [(pb::Verb, Verb); 7] = [
    (pb::Verb::Promote, Verb::Promote),
    (pb::Verb::PromoteAll, Verb::PromoteAll),
    (pb::Verb::Pause, Verb::Pause),
    (pb::Verb::Resume, Verb::Resume),
    (pb::Verb::Abort, Verb::Abort),
    (pb::Verb::Retry, Verb::Retry),
    (pb::Verb::Undo, Verb::Undo),
];

/// Returns the verb that a request has.
pub(super) fn verb(wire: pb::Verb) -> Result<Verb, Failure> {
    let unknown = || Failure::field("verb", Reason::Missing, "is missing or unknown: give one of Verb's values");
    VERBS.iter().find(|(known, _)| *known == wire).map(|(_, verb)| *verb).ok_or_else(unknown)
}

/// Returns a rollout as callers see it.
pub(super) fn rollout(rollout: &Rollout) -> pb::Rollout {
    let document = &rollout.document;
    pb::Rollout {
        model: document.model.as_str().to_owned(),
        generation: document.generation,
        spec: object(&document.spec),
        status: object(&document.status),
        created_at: Some(convert::timestamp(document.created_at)),
        updated_at: Some(convert::timestamp(document.updated_at)),
        commands: document.commands.iter().map(command).collect(),
        stalled: rollout.stalled.clone().unwrap_or_default(),
        revision: document.revision,
        observed_generation: document.observed_generation,
    }
}

/// Returns a rollout file as callers see it.
pub(super) fn file(state: &FileState) -> pb::RolloutFile {
    pb::RolloutFile {
        name: state.name.clone(),
        model: state.model.as_ref().map(|model| model.as_str().to_owned()).unwrap_or_default(),
        error: state.error.clone().unwrap_or_default(),
    }
}

fn object(value: &Value) -> Option<Struct> {
    value.as_object().map(document::to_struct)
}

fn command(stored: &StoredCommand) -> pb::Command {
    let verb = spec::verb_of(&stored.verb);
    let verb = VERBS.iter().find(|(_, known)| Some(*known) == verb).map_or(pb::Verb::Unspecified, |(wire, _)| *wire);
    pb::Command { id: stored.id.clone(), verb: verb.into(), given_at: Some(convert::timestamp(stored.given_at)) }
}

/// Returns what happened, the newest first.
pub(super) fn history(rollout: &Rollout) -> pb::GetRolloutHistoryResponse {
    let past = rollout.document.status.get("history").and_then(Value::as_array);
    pb::GetRolloutHistoryResponse {
        events: rollout.document.events.iter().rev().map(event).collect(),
        past: past.into_iter().flatten().filter_map(object).collect(),
    }
}

fn event(stored: &StoredEvent) -> pb::RolloutEvent {
    let severity = if stored.warning { pb::Severity::Warning } else { pb::Severity::Normal };
    pb::RolloutEvent {
        time: Some(convert::timestamp(stored.time)),
        severity: severity.into(),
        reason: stored.reason.clone(),
        message: stored.message.clone(),
    }
}
