//! `marquee route`: shows and changes which version answers which share of users.

mod status;

use clap::{Args, Subcommand};
use marquee_kit::Kind;
use marquee_proto::rollout::v1 as pb;
use serde::Serialize;

use crate::models::percent;
use crate::output::{Human, Show, Table};
use crate::{Client, Csv, Error, Output};

/// The default of MODEL.
const DEFAULT_MODEL: &str = "ratings";

/// Arguments of `route`.
#[derive(Debug, Args)]
pub struct RouteArgs {
    // Alone it shows the route of the default model.
    #[command(subcommand)]
    command: Option<RouteCommand>,
}

/// The commands for routes.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// Show a model's route.
    Show {
        /// The model.
        #[arg(default_value = DEFAULT_MODEL)]
        model: String,
    },
    /// Show which route answers on the server that is asked, and the state of each version there.
    Status {
        /// The model. Default: all models.
        #[arg(default_value = "", hide_default_value = true)]
        model: String,
    },
    /// Replace a model's route.
    Set {
        /// The model.
        #[arg(default_value = DEFAULT_MODEL)]
        model: String,
        /// The version for the users that no candidate takes.
        #[arg(long, value_name = "VERSION")]
        stable: u64,
        /// A version and its share of users, in percent (2=20, 2=0.5%) or basis points, which are
        /// hundredths of a percent (2=1234bp); may be repeated.
        #[arg(long, value_name = "VERSION=SHARE", value_parser = candidate)]
        candidate: Vec<pb::Candidate>,
        /// The salt of the assignment. Another salt assigns all users again.
        #[arg(long, default_value = "", hide_default_value = true)]
        salt: String,
        /// Change the route only if this is its current revision.
        #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
        expect_revision: u64,
    },
}

/// A route as it is printed.
#[derive(Debug, Serialize)]
pub(crate) struct Route {
    pub(crate) model: String,
    revision: u64,
    salt: String,
    pub(crate) stable: u64,
    candidates: Vec<Candidate>,
}

#[derive(Debug, Serialize)]
struct Candidate {
    version: u64,
    /// Share of users in basis points, as in the API.
    weight: u32,
    /// The same share in percent.
    percent: f64,
}

impl Candidate {
    fn new(version: u64, weight: u32) -> Self {
        Self { version, weight, percent: f64::from(weight) / 100.0 }
    }
}

pub(crate) async fn run(args: RouteArgs, client: &Client, output: Output) -> Result<(), Error> {
    let command = args.command.unwrap_or(RouteCommand::Show { model: DEFAULT_MODEL.to_owned() });
    let route = match command {
        RouteCommand::Status { model } => return status::run(model, client, output).await,
        RouteCommand::Show { model } => show(client, model).await.map_err(|error| {
            error.hint_on(
                &[Kind::NotFound],
                "train a first version, which is then routed: `marquee train --algorithm map`",
            )
        })?,
        RouteCommand::Set { model, stable, candidate, salt, expect_revision } => {
            let route = pb::Route { model, stable, candidates: candidate, salt, ..pb::Route::default() };
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

/// Returns the route of a model.
pub(crate) async fn show(client: &Client, model: String) -> Result<Route, Error> {
    let answer = client.call(client.routing().get_route(pb::GetRouteRequest { model })).await?;
    Ok(answer.route.unwrap_or_default().into())
}

impl From<pb::Route> for Route {
    fn from(wire: pb::Route) -> Self {
        let candidates = wire.candidates.iter().map(|one| Candidate::new(one.version, one.weight));
        Self {
            candidates: candidates.collect(),
            model: wire.model,
            revision: wire.revision,
            salt: wire.salt,
            stable: wire.stable,
        }
    }
}

/// A variant of a route, with its share of users in basis points.
#[derive(Debug, Serialize)]
struct Row {
    variant: &'static str,
    version: u64,
    weight: u32,
}

impl Route {
    /// Returns the variants, the stable one first: it has the users that no candidate takes.
    fn rows(&self) -> Vec<Row> {
        let taken = self.candidates.iter().fold(0_u32, |sum, one| sum.saturating_add(one.weight));
        let stable = Row { variant: "stable", version: self.stable, weight: 10_000_u32.saturating_sub(taken) };
        let candidate = |one: &Candidate| Row { variant: "candidate", version: one.version, weight: one.weight };
        std::iter::once(stable).chain(self.candidates.iter().map(candidate)).collect()
    }
}

impl Show for Route {
    fn human(&self) -> Human {
        let mut table = Table::new(&["variant", ">version", ">users"]);
        for row in self.rows() {
            table.row([row.variant.to_owned(), row.version.to_string(), percent(row.weight)]);
        }
        Human::Table(Box::new(table))
    }

    fn csv(&self) -> Option<Csv> {
        let table = Csv::of(&["variant", "version", "weight"], &self.rows());
        Some(table.with("model", &self.model).with("revision", self.revision).with("salt", &self.salt))
    }
}

/// Parses `V=20`, `V=0.5%` or `V=1234bp`. The server checks the sum.
fn candidate(text: &str) -> Result<pb::Candidate, String> {
    const FIX: &str = "expected VERSION=PERCENT, like 2=20, or VERSION=POINTSbp, like 2=1234bp";
    let (version, share) = text.split_once('=').ok_or(FIX)?;
    let version: u64 = version.trim().trim_start_matches('v').parse().map_err(|_| FIX)?;
    let share = share.trim();
    let weight = match share.strip_suffix("bp") {
        Some(points) => points.trim().parse().map_err(|_| FIX)?,
        None => {
            let number = share.strip_suffix('%');
            let percent: f64 = number.unwrap_or(share).trim().parse().map_err(|_| FIX)?;
            if number.is_none() && percent > 0.0 && percent < 1.0 {
                // It may be meant as a fraction of 1.
                let as_fraction = (percent * 10_000.0).round() / 100.0;
                return Err(format!("is ambiguous: write {version}={percent}% or {version}={as_fraction}%"));
            }
            let points = percent * 100.0;
            if !(0.0..=10_000.0).contains(&points) {
                return Err("expected a share from 0 to 100 percent".to_owned());
            }
            if (points - points.round()).abs() > 1e-6 {
                return Err("a share has at most two decimals: one basis point is 0.01 percent".to_owned());
            }
            points.round() as u32
        }
    };
    Ok(pb::Candidate { version, weight })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percent_or_basis_points() {
        for (text, version, weight) in [
            ("2=20", 2, 2_000),
            ("2=0.5%", 2, 50),
            ("v3= 12.34 %", 3, 1_234),
            ("4=1234bp", 4, 1_234),
            ("5=100", 5, 10_000),
        ] {
            assert_eq!(candidate(text), Ok(pb::Candidate { version, weight }), "{text}");
        }
        for (text, part) in [
            ("2", "VERSION=PERCENT"),
            ("x=1", "VERSION=PERCENT"),
            ("2=many", "VERSION=PERCENT"),
            ("2=-1", "0 to 100"),
            ("2=101", "0 to 100"),
            ("2=nan", "0 to 100"),
            ("2=0.001%", "two decimals"),
            ("2=0.1", "write 2=0.1% or 2=10%"),
            ("2=20%%", "VERSION=PERCENT"),
            ("2=1.5bp", "VERSION=PERCENT"),
        ] {
            assert!(candidate(text).is_err_and(|error| error.contains(part)), "{text}");
        }
    }

    #[test]
    fn the_stable_version_has_the_users_that_are_left() {
        let candidates = vec![pb::Candidate { version: 2, weight: 1_250 }, pb::Candidate { version: 3, weight: 34 }];
        let wire =
            pb::Route { model: "ratings".to_owned(), stable: 1, candidates, revision: 4, ..pb::Route::default() };
        let route = Route::from(wire);
        let Human::Table(table) = route.human() else { panic!("a route is a table") };
        let lines: Vec<String> =
            table.print(false).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines, ["VARIANT VERSION USERS", "stable 1 87.16%", "candidate 2 12.5%", "candidate 3 0.34%"]);
        let text = route.csv().expect("a table").print(false);
        let begin = "variant,version,weight,model,revision,salt\r\nstable,1,8716,ratings,4,\r\n";
        assert!(text.starts_with(begin), "{text}");
        let json = serde_json::to_value(&route).expect("JSON");
        assert_eq!(json["candidates"][0], serde_json::json!({"version": 2, "weight": 1_250, "percent": 12.5}));
    }
}
