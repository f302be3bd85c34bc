//! `marquee route`: which version answers which share of users.

use clap::{Args, Subcommand};
use marquee_kit::Kind;
use marquee_proto::rollout::v1 as pb;
use serde::Serialize;

use crate::models::percent;
use crate::output::{Human, Show, Table};
use crate::{Client, Error, Output};

/// The model that commands speak of unless told otherwise.
const DEFAULT_MODEL: &str = "ratings";

/// Arguments of `route`.
#[derive(Debug, Args)]
pub struct RouteArgs {
    #[command(subcommand)]
    command: RouteCommand,
}

/// What can be done with a route.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// Show a model's route.
    Show {
        /// The model.
        #[arg(default_value = DEFAULT_MODEL)]
        model: String,
    },
    /// Replace a model's route.
    Set {
        /// The model.
        #[arg(default_value = DEFAULT_MODEL)]
        model: String,
        /// The version for every user whom no candidate takes.
        #[arg(long, value_name = "VERSION")]
        stable: u64,
        /// A version with its share of users, in percent (2=20, 2=0.5%) or basis points (2=1234bp); may be given many times.
        #[arg(long, value_name = "VERSION=SHARE", value_parser = candidate)]
        candidate: Vec<pb::Candidate>,
        /// Assign everybody anew.
        #[arg(long, default_value = "", hide_default_value = true)]
        salt: String,
        /// Only if this is still the current revision.
        #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
        expect_revision: u64,
    },
}

/// A route as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Route {
    pub(crate) model: String,
    revision: u64,
    salt: String,
    stable: u64,
    candidates: Vec<Candidate>,
}

#[derive(Debug, Serialize)]
struct Candidate {
    version: u64,
    /// Share of users in basis points.
    weight: u32,
}

pub(crate) async fn run(args: RouteArgs, client: &Client, output: Output) -> Result<(), Error> {
    let route = match args.command {
        RouteCommand::Show { model } => show(client, model).await.map_err(|error| {
            error.hint_on(
                &[Kind::NotFound],
                "the first version that is trained is routed: `marquee train --algorithm map`",
            )
        })?,
        RouteCommand::Set { model, stable, candidate, salt, expect_revision } => {
            let route = pb::Route { model, stable, candidates: candidate, salt, revision: 0 };
            let request = pb::SetRouteRequest { route: Some(route), expected_revision: expect_revision };
            let answer = client.call(client.routing().set_route(request)).await.map_err(|error| {
                let hint = "`marquee models` shows which versions are ready, `marquee route show` the current revision";
                error.hint_on(&[Kind::FailedPrecondition, Kind::Aborted, Kind::NotFound], hint)
            })?;
            Route::from(answer.route.unwrap_or_default())
        }
    };
    output.show(&route)?;
    output.footer(&format!("model {}, revision {}, salt {}", route.model, route.revision, route.salt));
    Ok(())
}

/// A model's route.
pub(crate) async fn show(client: &Client, model: String) -> Result<Route, Error> {
    let answer = client.call(client.routing().get_route(pb::GetRouteRequest { model })).await?;
    Ok(answer.route.unwrap_or_default().into())
}

impl From<pb::Route> for Route {
    fn from(wire: pb::Route) -> Self {
        let candidates = wire.candidates.iter().map(|one| Candidate { version: one.version, weight: one.weight });
        Self {
            candidates: candidates.collect(),
            model: wire.model,
            revision: wire.revision,
            salt: wire.salt,
            stable: wire.stable,
        }
    }
}

impl Show for Route {
    fn human(&self) -> Human {
        let mut table = Table::new(&["variant", ">version", ">users"]);
        let taken = self.candidates.iter().fold(0_u32, |sum, one| sum.saturating_add(one.weight));
        let rest = 10_000_u32.saturating_sub(taken);
        table.row(["stable".to_owned(), self.stable.to_string(), percent(rest)]);
        for one in &self.candidates {
            table.row(["candidate".to_owned(), one.version.to_string(), percent(one.weight)]);
        }
        Human::Table(Box::new(table))
    }
}

/// `V=20`, `V=0.5%` or `V=1234bp`. Whether the sum is right is the server's to say.
fn candidate(text: &str) -> Result<pb::Candidate, String> {
    const FIX: &str = "give VERSION=PERCENT, like 2=20, or VERSION=POINTSbp, like 2=1234bp";
    let (version, share) = text.split_once('=').ok_or(FIX)?;
    let version = version.trim().trim_start_matches('v').parse().map_err(|_| FIX)?;
    let share = share.trim();
    let weight = match share.strip_suffix("bp") {
        Some(points) => points.trim().parse().map_err(|_| FIX)?,
        None => {
            let percent: f64 = share.trim_end_matches('%').trim().parse().map_err(|_| FIX)?;
            let points = percent * 100.0;
            if !(0.0..=10_000.0).contains(&points) {
                return Err("give a share from 0 to 100 percent".to_owned());
            }
            if (points - points.round()).abs() > 1e-6 {
                return Err("a share has at most two decimals: one basis point is 0.01 percent".to_owned());
            }
            points.round() as u32
        }
    };
    Ok(pb::Candidate { version, weight })
}
