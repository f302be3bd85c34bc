//! Shows rollouts: a list, one, or its history.

use kube::api::ListParams;
use kube::{Api, ResourceExt};
use marquee_cli::rollout::View;
use marquee_cli::{Error, Human, Output, Show, Table, thousands};
use marquee_domain::Timestamp;
use marquee_rollout::{Outcome, Status};
use serde::Serialize;

use super::refused;
use crate::commands;
use crate::resource::{ModelRollout, Summary};

/// One line of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    name: String,
    phase: &'static str,
    stable: Option<u64>,
    candidate: Option<u64>,
    summary: Summary,
    message: String,
}

/// The list.
#[derive(Debug, Serialize)]
struct List {
    rollouts: Vec<Line>,
}

impl Show for List {
    fn human(&self) -> Human {
        let headers = ["name", "status", "step", ">stable", ">candidate", ">weight", ">ratings", ">Δrmse"];
        let mut table = Table::new(&headers);
        for line in &self.rollouts {
            let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
            let Summary { step, weight, ratings, difference } = line.summary.clone();
            table.row([
                line.name.clone(),
                line.phase.to_owned(),
                step.unwrap_or_default(),
                number(line.stable),
                number(line.candidate),
                weight.unwrap_or_default(),
                ratings.map(thousands).unwrap_or_default(),
                difference.unwrap_or_default(),
            ]);
        }
        Human::Table(Box::new(table))
    }
}

/// Lists the rollouts of the namespace.
pub(super) async fn list(rollouts: &Api<ModelRollout>, output: Output) -> Result<(), Error> {
    let listed = rollouts.list(&ListParams::default()).await.map_err(|error| refused(&error, "list the rollouts"))?;
    let line = |rollout: &ModelRollout| {
        let status = status(rollout)?;
        Ok(Line {
            name: rollout.name_any(),
            phase: status.phase.as_str(),
            stable: status.stable.map(|version| version.0),
            candidate: status.candidate.map(|version| version.0),
            summary: rollout.status.as_ref().map(|status| status.summary.clone()).unwrap_or_default(),
            message: status.message,
        })
    };
    let rollouts: Vec<Line> = listed.items.iter().map(line).collect::<Result<_, Error>>()?;
    if rollouts.is_empty() && output.is_human() {
        output.note("no rollouts in this namespace");
        return Ok(());
    }
    output.show(&List { rollouts })
}

/// Shows one rollout.
pub(super) async fn one(rollouts: &Api<ModelRollout>, name: &str, output: Output) -> Result<(), Error> {
    print(&get(rollouts, name).await?, output)
}

pub(super) async fn get(rollouts: &Api<ModelRollout>, name: &str) -> Result<ModelRollout, Error> {
    rollouts.get(name).await.map_err(|error| refused(&error, &format!("read {name}")))
}

/// Prints one rollout.
pub(super) fn print(rollout: &ModelRollout, output: Output) -> Result<(), Error> {
    if output.is_human() { output.text(&text(rollout, false)?) } else { output.document(&rollout.status) }
}

/// Returns the picture of a rollout, which ends with a newline.
pub(super) fn text(rollout: &ModelRollout, color: bool) -> Result<String, Error> {
    let lines = lines(rollout, color, |view| view.lines())?;
    Ok(lines.iter().map(|line| format!("{}\n", line.trim_end())).collect())
}

/// Returns the state of a rollout in one line, for output that cannot be drawn again.
pub(super) fn headline(rollout: &ModelRollout) -> Result<String, Error> {
    Ok(lines(rollout, false, |view| vec![view.headline()])?.join("; "))
}

/// Returns the lines of a view, or why there is none, and the commands that were not carried out.
fn lines(
    rollout: &ModelRollout,
    color: bool,
    draw: impl FnOnce(&View<'_>) -> Vec<String>,
) -> Result<Vec<String>, Error> {
    let status = status(rollout)?;
    let mut lines = match rollout.read_spec() {
        Ok(spec) if status.format > 0 => draw(&View { spec: &spec, status: &status, now: now(), color }),
        Ok(_) => vec![format!("{}: nothing was decided yet", rollout.name_any())],
        Err(error) => vec![format!("{}: spec.{error}", rollout.name_any())],
    };
    let waiting = commands::pending(rollout);
    if !waiting.is_empty() {
        let verbs: Vec<&str> = waiting.iter().map(|command| command.verb.as_str()).collect();
        lines.push(format!("waits for the operator: {}", verbs.join(", ")));
    }
    Ok(lines)
}

/// Returns the present time, for durations.
fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

/// Reads the status of a rollout.
pub(super) fn status(rollout: &ModelRollout) -> Result<Status, Error> {
    rollout.read_status().map_err(|error| Error::Other(anyhow::anyhow!("the status is of another release: {error}")))
}

/// The error of a rollout that was deleted.
pub(super) fn gone(name: &str) -> Error {
    Error::Outcome(format!("{name} does not exist, or was deleted"))
}

/// The rollouts of an object that ended.
#[derive(Debug, Serialize)]
struct History {
    rollouts: Vec<marquee_rollout::Past>,
}

impl Show for History {
    fn human(&self) -> Human {
        let mut table =
            Table::new(&[">run", ">version", ">before", "outcome", ">weight", "ended", "reason", "message"]);
        for past in &self.rollouts {
            let outcome = match past.outcome {
                Outcome::Completed => "completed",
                Outcome::Aborted => "aborted",
                Outcome::Superseded => "superseded",
            };
            table.row([
                past.number.to_string(),
                past.target.to_string(),
                past.stable.map(|version| version.to_string()).unwrap_or_default(),
                outcome.to_owned(),
                past.weight.to_string(),
                past.finished_at.to_string(),
                past.reason.to_string(),
                past.message.clone(),
            ]);
        }
        Human::Table(Box::new(table))
    }
}

/// Lists the rollouts that ended.
pub(super) async fn history(rollouts: &Api<ModelRollout>, name: &str, output: Output) -> Result<(), Error> {
    let rollouts = status(&get(rollouts, name).await?)?.history;
    output.show(&History { rollouts })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rollout(spec: &Value, annotations: &Value) -> ModelRollout {
        let object = json!({
            "apiVersion": crate::resource::API_VERSION, "kind": "ModelRollout",
            "metadata": {"name": "ratings", "annotations": annotations}, "spec": spec,
            "status": {"format": 1, "phase": "Paused", "stable": 1, "candidate": 2, "message": "held by a person"},
        });
        serde_json::from_value(object).expect("an object")
    }

    #[test]
    fn the_headline_has_the_state_and_the_commands_that_wait() {
        let spec = json!({"instances": {"service": "inference"}, "model": "ratings", "version": 2});
        let waiting = json!({"command.rollouts.marquee.dev/1": "promote"});
        let line = headline(&rollout(&spec, &waiting)).expect("a line");
        assert!(line.starts_with("ratings Paused, "), "{line}");
        assert!(line.ends_with("held by a person; waits for the operator: promote"), "{line}");
    }

    #[test]
    fn the_headline_of_a_specification_that_makes_no_sense_names_the_field() {
        let spec = json!({"instances": {"service": "inference"}, "model": "ratings", "version": 0});
        let line = headline(&rollout(&spec, &json!({}))).expect("a line");
        assert!(line.starts_with("ratings: spec.version: "), "{line}");
    }
}
