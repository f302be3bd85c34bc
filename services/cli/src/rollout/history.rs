//! `marquee rollout history`: the rollouts of a model that ended, and its last events.

use std::fmt::Write as _;

use marquee_proto::document;
use marquee_proto::rollout::v1 as pb;
use marquee_rollout::Past;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::one_line;
use crate::output::{Human, Show, Table};
use crate::provenance::time;
use crate::{Client, Error, Output};

/// What happened, the newest first.
#[derive(Debug, Serialize)]
struct History {
    rollouts: Vec<Value>,
    events: Vec<Event>,
}

#[derive(Debug, Serialize)]
struct Event {
    time: Option<String>,
    warning: bool,
    reason: String,
    message: String,
}

pub(super) async fn run(model: String, client: &Client, output: Output) -> Result<(), Error> {
    let request = pb::GetRolloutHistoryRequest { model };
    let answer = client.call(client.rollouts().get_rollout_history(request)).await.map_err(super::hinted)?;
    output.show(&History::from(answer))
}

impl From<pb::GetRolloutHistoryResponse> for History {
    fn from(wire: pb::GetRolloutHistoryResponse) -> Self {
        let event = |wire: &pb::RolloutEvent| Event {
            time: wire.time.as_ref().and_then(time),
            warning: wire.severity() == pb::Severity::Warning,
            reason: wire.reason.clone(),
            message: wire.message.clone(),
        };
        Self {
            rollouts: wire.past.iter().map(|past| Value::Object(document::from_struct(past))).collect(),
            events: wire.events.iter().map(event).collect(),
        }
    }
}

impl Show for History {
    fn human(&self) -> Human {
        let mut table = Table::new(&[">no", ">version", ">replacing", "outcome", "reason", ">weight", "ended", ""]);
        for past in self.rollouts.iter().filter_map(|past| Past::deserialize(past).ok()) {
            table.row([
                past.number.to_string(),
                past.target.to_string(),
                past.stable.map_or_else(String::new, |stable| stable.to_string()),
                format!("{:?}", past.outcome),
                past.reason.to_string(),
                past.weight.to_string(),
                past.finished_at.to_string(),
                past.message,
            ]);
        }
        let mut text = if self.rollouts.is_empty() { String::new() } else { table.print(false) };
        for event in &self.events {
            let when = event.time.as_deref().unwrap_or_default();
            let mark = if event.warning { "!" } else { " " };
            let _ = write!(text, "\n{when} {mark} {}  {}", one_line(&event.reason), one_line(&event.message));
        }
        if text.is_empty() {
            text.push_str("nothing happened yet");
        }
        Human::Text(text.trim_matches('\n').to_owned())
    }
}
