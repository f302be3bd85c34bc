//! `marquee features check`: compares served values with values computed from the log.

use marquee_kit::Kind;
use marquee_proto::features::v1::{CheckFeaturesRequest, Skew};
use serde::Serialize;

use super::value;
use super::{BUSY, PATIENCE};
use crate::output::{Human, Show, Table, counted};
use crate::{Client, Csv, Error, Output};

/// The most differences that are printed.
const MOST: usize = 20;

#[derive(Debug, Serialize)]
struct Checked {
    users: u64,
    movies: u64,
    values: u64,
    events: u64,
    different: u64,
    skews: Vec<Line>,
}

/// One difference.
#[derive(Debug, Serialize)]
struct Line {
    feature: String,
    id: String,
    served: serde_json::Value,
    replayed: serde_json::Value,
    partition: u32,
    offset: u64,
}

impl From<Skew> for Line {
    fn from(skew: Skew) -> Self {
        let applied = skew.applied.unwrap_or_default();
        Self {
            feature: skew.feature,
            id: skew.id,
            served: value::json(skew.served.unwrap_or_default()),
            replayed: value::json(skew.replayed.unwrap_or_default()),
            partition: applied.partition,
            offset: applied.offset,
        }
    }
}

impl Show for Checked {
    fn human(&self) -> Human {
        if self.skews.is_empty() {
            return Human::Text("every served value matches the log".to_owned());
        }
        let mut table = Table::new(&["feature", "id", "served", "from the log", ">up to"]);
        for line in self.skews.iter().take(MOST) {
            table.row([
                line.feature.clone(),
                line.id.clone(),
                value::short(&line.served),
                value::short(&line.replayed),
                format!("{}@{}", line.partition, line.offset),
            ]);
        }
        Human::Table(Box::new(table))
    }

    fn csv(&self) -> Option<Csv> {
        Some(Csv::of(&["feature", "id", "served", "replayed", "partition", "offset"], &self.skews))
    }
}

pub(super) async fn run(client: &Client, output: Output, sample: u32, seed: u64) -> Result<(), Error> {
    let request = CheckFeaturesRequest { sample, seed };
    let answer = client.call_within(PATIENCE, async { client.history().check_features(request).await }).await;
    let answer = answer.map_err(|error| error.hint_on(&[Kind::ResourceExhausted], BUSY))?;
    let checked = Checked {
        users: answer.users,
        movies: answer.movies,
        values: answer.values,
        events: answer.events,
        different: answer.different,
        skews: answer.skews.into_iter().map(Line::from).collect(),
    };
    output.show(&checked)?;
    let Checked { users, movies, values, events, .. } = &checked;
    let (users, movies) = (counted(*users, "user"), counted(*movies, "movie"));
    let (values, events) = (counted(*values, "value"), counted(*events, "event"));
    output.footer(&format!("checked {values} of {users} and {movies}, over {events} of the log"));
    match checked.different {
        0 => Ok(()),
        different => {
            Err(Error::Outcome(format!("{} of the check did not match the log", counted(different, "served value"))))
        }
    }
}
