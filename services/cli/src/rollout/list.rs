//! `marquee rollout list`: the rollouts of all models in one table.

use marquee_proto::rollout::v1::ListRolloutsRequest;
use serde::Serialize;

use super::show::Rollout;
use crate::output::{Human, Show, Table};
use crate::{Client, Error, Output};

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct List(Vec<Rollout>);

pub(super) async fn run(client: &Client, output: Output) -> Result<(), Error> {
    let answer = client.call(client.rollouts().list_rollouts(ListRolloutsRequest {})).await?;
    let files = answer.files;
    let list = List(answer.rollouts.into_iter().map(Rollout::from).collect());
    output.show(&list)?;
    if list.0.is_empty() {
        output.footer("no rollouts yet: start one from a file with `marquee rollout start FILE`");
    }
    for file in files.iter().filter(|file| !file.error.is_empty()) {
        output.footer(&crate::error::one_line(&format!("rollout file {}: {}", file.name, file.error)));
    }
    Ok(())
}

impl Show for List {
    fn human(&self) -> Human {
        let mut table = Table::new(&["model", "phase", "step", ">stable", ">candidate", ">weight", "reason"]);
        for rollout in &self.0 {
            let (mut step, mut versions) = (String::new(), [String::new(), String::new()]);
            let mut weight = String::new();
            if let Ok((_, status)) = rollout.parts() {
                step = status.step.as_ref().map_or_else(String::new, |step| step.name.clone());
                versions = [status.stable, status.candidate]
                    .map(|version| version.map_or_else(String::new, |version| version.to_string()));
                weight = status.weights.wanted.to_string();
            }
            let [stable, candidate] = versions;
            let phase = if rollout.text("phase").is_empty() { "Pending" } else { rollout.text("phase") };
            let reason = rollout.text("reason").to_owned();
            table.row([rollout.model.clone(), phase.to_owned(), step, stable, candidate, weight, reason]);
        }
        Human::Table(Box::new(table))
    }
}
