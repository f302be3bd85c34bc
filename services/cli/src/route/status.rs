//! `marquee route status`: the wanted and the effective routes of one instance, and its versions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use marquee_proto::rollout::v1 as pb;
use serde::Serialize;

use super::Route;
use crate::addresses::INFERENCE;
use crate::output::{Human, Show, Table};
use crate::provenance::{given, time};
use crate::{Client, Csv, Error, Output};

/// The routing of one instance.
#[derive(Debug, Serialize)]
struct Status {
    address: String,
    models: Vec<Model>,
    /// When the instance last read the routing table. Absent if it uses its local copy.
    table_read_at: Option<String>,
    /// The name of the process, and what its start is called.
    instance: String,
    incarnation: String,
    started_at: Option<String>,
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
    /// What the version was asked since the start of the process.
    served: Option<Served>,
}

/// What a version was asked.
#[derive(Debug, Serialize)]
struct Served {
    requests: u64,
    /// Those that failed, by kind.
    errors: BTreeMap<&'static str, u64>,
    /// A time within which 99 of 100 requests were answered: the bound of a bucket. Absent if there
    /// is no such bound.
    p99_seconds: Option<f64>,
}

pub(super) async fn run(model: String, client: &Client, output: Output) -> Result<(), Error> {
    let answer = client.call(client.routing().get_status(pb::GetStatusRequest { model })).await?;
    let status = answer.status.unwrap_or_default();
    let status = Status {
        address: client.address_of(INFERENCE).to_owned(),
        models: status.models.into_iter().map(Model::from).collect(),
        table_read_at: status.table_read_at.as_ref().and_then(time),
        started_at: status.started_at.as_ref().and_then(time),
        instance: status.instance,
        incarnation: status.incarnation,
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
            served: wire.served.map(Served::from),
        }
    }
}

impl From<pb::Served> for Served {
    fn from(wire: pb::Served) -> Self {
        let name = |kind: pb::ServingError| match kind {
            pb::ServingError::Encoder => "encoder",
            pb::ServingError::Scorer => "scorer",
            pb::ServingError::MissingVersion => "missing_version",
            pb::ServingError::Features => "features",
            pb::ServingError::Overloaded => "overloaded",
            pb::ServingError::Unspecified => "unknown",
        };
        let errors = wire.errors.iter().map(|error| (name(error.kind()), error.count)).collect();
        Self { requests: wire.requests, errors, p99_seconds: wire.latency.as_ref().and_then(p99) }
    }
}

/// Returns the bound of the bucket that has the 99th percentile.
fn p99(latency: &pb::Latency) -> Option<f64> {
    let total: u64 = latency.counts.iter().sum();
    let mut seen = 0;
    let bucket = latency.counts.iter().position(|count| {
        seen += count;
        total > 0 && u128::from(seen) * 100 >= u128::from(total) * 99
    });
    latency.bounds.get(bucket?).copied()
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

/// Formats the bound of a latency.
fn milliseconds(seconds: Option<f64>) -> String {
    seconds.map_or_else(String::new, |seconds| format!("≤ {} ms", seconds * 1_000.0))
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
            let heads = [">version", "state", "wanted", "effective", ">requests", ">errors", ">p99", "since", ""];
            let mut table = Table::new(&heads);
            for one in &model.versions {
                let mark = |is: bool| if is { "yes" } else { "" }.to_owned();
                let counted = |show: fn(&Served) -> String| one.served.as_ref().map_or_else(String::new, show);
                let mut note = one.reason.clone().unwrap_or_default();
                if one.retrying {
                    note.push_str(" (will be tried again)");
                }
                table.row([
                    one.version.to_string(),
                    one.state.to_owned(),
                    mark(one.wanted),
                    mark(one.effective),
                    counted(|served| served.requests.to_string()),
                    counted(|served| served.errors.values().sum::<u64>().to_string()),
                    counted(|served| milliseconds(served.p99_seconds)),
                    one.since.clone().unwrap_or_default(),
                    note,
                ]);
            }
            text.push_str(&table.print(false));
        }
        Human::Text(text.trim_end().to_owned())
    }

    fn csv(&self) -> Option<Csv> {
        const COLUMNS: [&str; 10] = [
            "model",
            "version=version.version",
            "state=version.state",
            "wanted=version.wanted",
            "effective=version.effective",
            "requests=version.served.requests",
            "p99_seconds=version.served.p99_seconds",
            "since=version.since",
            "retrying=version.retrying",
            "reason=version.reason",
        ];
        let of_model = |model: &Model| {
            let row = |version: &Version| serde_json::json!({"model": model.model, "version": version});
            model.versions.iter().map(row).collect::<Vec<_>>()
        };
        let rows: Vec<serde_json::Value> = self.models.iter().flat_map(of_model).collect();
        Some(Csv::of(&COLUMNS, &rows).with("address", &self.address))
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
        let mut error = pb::ErrorCount { count: 7, ..pb::ErrorCount::default() };
        error.set_kind(pb::ServingError::MissingVersion);
        let latency = pb::Latency { bounds: vec![0.001, 0.005], counts: vec![200, 2, 1], sum: None };
        failed.served = Some(pb::Served { requests: 203, errors: vec![error], latency: Some(latency) });
        let model = pb::ModelStatus {
            model: "ratings".to_owned(),
            wanted: Some(route(3)),
            effective: effective.map(route),
            pending: pending.to_owned(),
            versions: vec![failed],
            ..pb::ModelStatus::default()
        };
        Status {
            address: "http://a:1".to_owned(),
            models: vec![Model::from(model)],
            table_read_at: None,
            instance: "one".to_owned(),
            incarnation: "one@1".to_owned(),
            started_at: None,
        }
    }

    #[test]
    fn a_wanted_route_that_is_not_effective_says_why() {
        let Human::Text(text) = status(Some(2), "version 2 failed to load").human() else { panic!("a text") };
        for part in [
            "ratings: revision 2 answers",
            "revision 3 is not effective yet: version 2 failed to load",
            "digest differs (will be tried again)",
            "≤ 5 ms",
        ] {
            assert!(text.contains(part), "no '{part}' in:\n{text}");
        }
        let Human::Text(text) = status(None, "").human() else { panic!("a text") };
        assert!(text.contains("ratings: no route answers"), "{text}");
    }

    #[test]
    fn csv_has_a_row_for_each_version() {
        let table = status(Some(2), "").csv().expect("a table").print(false);
        let row = "ratings,2,failed,true,false,203,0.005,,true,digest differs,http://a:1";
        assert_eq!(table.lines().nth(1), Some(row), "{table}");
    }

    #[test]
    fn json_has_both_routes_and_every_version() {
        let json = serde_json::to_value(status(Some(2), "version 2 failed to load")).expect("JSON");
        let model = &json["models"][0];
        let served = &model["versions"][0]["served"];
        assert_eq!((&served["requests"], &served["errors"]["missing_version"]), (&203.into(), &7.into()));
        assert_eq!((&model["wanted"]["revision"], &model["effective"]["revision"]), (&3.into(), &2.into()));
        assert_eq!(
            (&model["versions"][0]["state"], &model["versions"][0]["effective"]),
            (&"failed".into(), &false.into())
        );
    }
}
