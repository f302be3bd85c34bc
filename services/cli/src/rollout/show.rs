//! A rollout as it is printed.

use marquee_domain::Timestamp;
use marquee_proto::document;
use marquee_proto::rollout::v1 as pb;
use marquee_rollout::{Spec, Status};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::view::View;
use crate::output::{Human, Show};
use crate::provenance::{given, time};

/// The rollout of one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rollout {
    pub(super) model: String,
    generation: u64,
    observed_generation: u64,
    revision: u64,
    created_at: Option<String>,
    updated_at: Option<String>,
    /// As in a rollout file.
    spec: Value,
    /// Empty before the first decision.
    status: Value,
    commands: Vec<Waiting>,
    /// Why this may be old.
    stalled: Option<String>,
}

/// A command that is not carried out yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Waiting {
    id: String,
    verb: &'static str,
    given_at: Option<String>,
}

impl From<pb::Rollout> for Rollout {
    fn from(wire: pb::Rollout) -> Self {
        let object = |wire: Option<&marquee_proto::Struct>| {
            wire.map_or(Value::Null, |fields| Value::Object(document::from_struct(fields)))
        };
        Self {
            generation: wire.generation,
            observed_generation: wire.observed_generation,
            revision: wire.revision,
            created_at: wire.created_at.as_ref().and_then(time),
            updated_at: wire.updated_at.as_ref().and_then(time),
            spec: object(wire.spec.as_ref()),
            status: object(wire.status.as_ref()),
            commands: wire.commands.iter().map(Waiting::from).collect(),
            stalled: given(wire.stalled),
            model: wire.model,
        }
    }
}

impl From<&pb::Command> for Waiting {
    fn from(wire: &pb::Command) -> Self {
        let verb = match wire.verb() {
            pb::Verb::Unspecified => "unknown",
            pb::Verb::Promote => "promote",
            pb::Verb::PromoteAll => "promote --all",
            pb::Verb::Pause => "pause",
            pb::Verb::Resume => "resume",
            pb::Verb::Abort => "abort",
            pb::Verb::Retry => "retry",
            pb::Verb::Undo => "undo",
        };
        Self { id: wire.id.clone(), verb, given_at: wire.given_at.as_ref().and_then(time) }
    }
}

impl Rollout {
    /// Returns the specification and the status, or why this release cannot read them.
    pub(super) fn parts(&self) -> Result<(Spec, Status), String> {
        let spec = Spec::read(&self.spec).map_err(|error| format!("the specification cannot be read: {error}"))?;
        let status = if self.status.is_null() { Ok(Status::default()) } else { Status::deserialize(&self.status) };
        Ok((spec, status.map_err(|error| format!("the status cannot be read: {error}"))?))
    }

    /// Returns whether the status belongs to the specification, and nothing was asked since.
    pub(super) fn is_current(&self) -> bool {
        self.generation == self.observed_generation && self.commands.is_empty()
    }

    /// Returns a text of the status, for example its phase.
    pub(super) fn text(&self, name: &str) -> &str {
        self.status.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the lines of the view.
    pub(super) fn lines(&self, color: bool) -> Vec<String> {
        let mut lines = match self.parts() {
            Ok((spec, status)) if status.format > 0 => View { spec: &spec, status: &status, now: now(), color }.lines(),
            Ok(_) => vec![format!("{}: stored, and nothing was decided yet", self.model)],
            Err(error) => vec![
                format!("{}: {} {}", self.model, self.text("phase"), self.text("reason")),
                self.text("message").to_owned(),
                format!("this release shows no more: {error}"),
            ],
        };
        if !self.commands.is_empty() {
            let waiting: Vec<&str> = self.commands.iter().map(|command| command.verb).collect();
            lines.push(format!("waits for the controller: {}", waiting.join(", ")));
        }
        if let Some(why) = &self.stalled {
            lines.push(format!("this may be old: {why}"));
        }
        lines.iter().map(|line| line.trim_end().to_owned()).collect()
    }
}

/// Returns the present time, for durations.
pub(super) fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

impl Show for Rollout {
    fn human(&self) -> Human {
        Human::Text(self.lines(false).join("\n"))
    }
}
