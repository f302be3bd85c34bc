//! `marquee route status`: the wanted and the effective routes of one instance, and its versions.

use std::fmt::Write as _;

use marquee_proto::rollout::v1 as pb;
use serde::Serialize;

use super::Route;
use crate::output::{Human, Show, Table};
use crate::provenance::time;
use crate::{Client, Error, Output};

/// The routing of one instance.
#[derive(Debug, Serialize)]
struct Status {
    address: String,
    models: Vec<Model>,
    /// When the instance last read the routing table. Absent if it uses its local copy.
    table_read_at: Option<String>,
}

/// One model on the instance.
#[derive(Debug, Serialize)]
struct Model {
    model: String,
    /// The route in the routing table.
    wanted: Option<Route>,
    /// The route that answers.
    effective: Option<Route>,
    effective_since: Option<String>,
    /// Why the wanted route is not effective.
    pending: Option<String>,
    versions: Vec<Version>,
}

/// One version on the instance.
#[derive(Debug, Serialize)]
struct Version {
    version: u64,
    state: &'static str,
    reason: Option<String>,
    since: Option<String>,
    retrying: bool,
    wanted: bool,
    effective: bool,
}

pub(super) async fn run(model: String, client: &Client, output: Output) -> Result<(), Error> {
    let answer = client.call(client.routing().get_status(pb::GetStatusRequest { model })).await?;
    let status = answer.status.unwrap_or_default();
    let status = Status {
        address: client.address().to_owned(),
        models: status.models.into_iter().map(Model::from).collect(),
        table_read_at: status.table_read_at.as_ref().and_then(time),
    };
    output.show(&status)?;
    if status.models.is_empty() {
        output.footer("no models yet: train one with `marquee train --algorithm map`");
    }
    if status.table_read_at.is_none() {
        output.footer("this instance has not read the routing table since it started: it uses its local copy");
    }
    Ok(())
}

/// Returns a text unless it is empty.
fn given(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl From<pb::ModelStatus> for Model {
    fn from(wire: pb::ModelStatus) -> Self {
        Self {
            model: wire.model,
            wanted: wire.wanted.map(Route::from),
            effective: wire.effective.map(Route::from),
            effective_since: wire.effective_since.as_ref().and_then(time),
            pending: given(wire.pending),
            versions: wire.versions.into_iter().map(Version::from).collect(),
        }
    }
}

impl From<pb::VersionStatus> for Version {
    fn from(wire: pb::VersionStatus) -> Self {
        let state = match wire.state() {
            pb::VersionState::Stored => "stored",
            pb::VersionState::Loading => "loading",
            pb::VersionState::Warm => "warm",
            pb::VersionState::Failed => "failed",
            pb::VersionState::NotFound => "not found",
            pb::VersionState::Unspecified => "unknown",
        };
        Self {
            version: wire.version,
            state,
            reason: given(wire.reason),
            since: wire.since.as_ref().and_then(time),
            retrying: wire.retrying,
            wanted: wire.wanted,
            effective: wire.effective,
        }
    }
}

impl Model {
    /// Returns what answers now, in one line.
    fn headline(&self) -> String {
        let revision = |route: &Option<Route>| route.as_ref().map(|route| route.revision);
        match (revision(&self.effective), &self.effective_since) {
            (None, _) => format!("{}: no route answers", self.model),
            (Some(revision), None) => format!("{}: revision {revision} answers", self.model),
            (Some(revision), Some(since)) => format!("{}: revision {revision} answers since {since}", self.model),
        }
    }
}

impl Show for Status {
    fn human(&self) -> Human {
        let mut text = format!("{}\n", self.address);
        for model in &self.models {
            let _ = writeln!(text, "\n{}", crate::error::one_line(&model.headline()));
            if let (Some(wanted), Some(why)) = (&model.wanted, &model.pending) {
                let line = format!("revision {} is not effective yet: {why}", wanted.revision);
                let _ = writeln!(text, "{}", crate::error::one_line(&line));
            }
            let mut table = Table::new(&[">version", "state", "wanted", "effective", "since", ""]);
            for one in &model.versions {
                let mark = |is: bool| if is { "yes" } else { "" }.to_owned();
                let mut note = one.reason.clone().unwrap_or_default();
                if one.retrying {
                    note.push_str(" (will be tried again)");
                }
                table.row([
                    one.version.to_string(),
                    one.state.to_owned(),
                    mark(one.wanted),
                    mark(one.effective),
                    one.since.clone().unwrap_or_default(),
                    note,
                ]);
            }
            text.push_str(&table.print(false));
        }
        Human::Text(text.trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(effective: Option<u64>, pending: &str) -> Status {
        let route = |revision| pb::Route { model: "ratings".to_owned(), stable: 1, revision, ..pb::Route::default() };
        let mut failed = pb::VersionStatus { version: 2, reason: "digest differs".to_owned(), ..Default::default() };
        failed.set_state(pb::VersionState::Failed);
        (failed.retrying, failed.wanted) = (true, true);
        let model = pb::ModelStatus {
            model: "ratings".to_owned(),
            wanted: Some(route(3)),
            effective: effective.map(route),
            pending: pending.to_owned(),
            versions: vec![failed],
            ..pb::ModelStatus::default()
        };
        Status { address: "http://a:1".to_owned(), models: vec![Model::from(model)], table_read_at: None }
    }

    #[test]
    fn a_wanted_route_that_is_not_effective_says_why() {
        let Human::Text(text) = status(Some(2), "version 2 failed to load").human() else { panic!("a text") };
        for part in [
            "ratings: revision 2 answers",
            "revision 3 is not effective yet: version 2 failed to load",
            "digest differs (will be tried again)",
        ] {
            assert!(text.contains(part), "no '{part}' in:\n{text}");
        }
        let Human::Text(text) = status(None, "").human() else { panic!("a text") };
        assert!(text.contains("ratings: no route answers"), "{text}");
    }

    #[test]
    fn json_has_both_routes_and_every_version() {
        let json = serde_json::to_value(status(Some(2), "version 2 failed to load")).expect("JSON");
        let model = &json["models"][0];
        assert_eq!((&model["wanted"]["revision"], &model["effective"]["revision"]), (&3.into(), &2.into()));
        assert_eq!(
            (&model["versions"][0]["state"], &model["versions"][0]["effective"]),
            (&"failed".into(), &false.into())
        );
    }
}
