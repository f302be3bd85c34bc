//! `marquee duel`: compares the versions of a model on the ratings that arrived.

use std::time::Duration;

use clap::Args;
use humantime_serde::re::humantime;
use marquee_proto::monitor::v1 as pb;
use serde::Serialize;

use crate::output::{Human, Show, Table, counted, thousands};
use crate::{Client, Csv, Error, Output};

/// Arguments of `duel`.
#[derive(Debug, Args)]
pub struct DuelArgs {
    /// The model.
    #[arg(default_value = "ratings")]
    model: String,
    /// Show the slices of one duel: ratings by length of the user's history, popularity of the
    /// movie, and genre.
    #[arg(long, num_args = 2, value_names = ["STABLE", "OTHER"])]
    between: Vec<u64>,
    /// Only ratings that arrived in this period before now, for example 24h; at most 336h.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    window: Option<Duration>,
}

/// Two versions on the same ratings.
#[derive(Debug, Serialize)]
struct Row {
    stable: u64,
    other: u64,
    slice: String,
    ratings: u64,
    /// Ratings that the other version failed to predict.
    failures: u64,
    /// Root mean squared errors in stars.
    stable_rmse: Option<f64>,
    other_rmse: Option<f64>,
    /// The error of the other version minus that of the stable one, with its 95 % interval.
    difference: Option<Difference>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Difference {
    value: f64,
    lower: f64,
    upper: f64,
}

/// The rows of all duels, or of the slices of one.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Rows(Vec<Row>);

pub(crate) async fn run(args: DuelArgs, client: &Client, output: Output) -> Result<(), Error> {
    let DuelArgs { model, between, window } = args;
    let window = window.map(marquee_proto::Duration::from);
    let duels: Vec<pb::Duel> = match between[..] {
        [stable, other] => {
            let request = pb::GetDuelRequest { model: model.clone(), stable, other, slices: Vec::new(), window };
            client.call(client.monitor().get_duel(request)).await?.duel.into_iter().collect()
        }
        _ => {
            let request = pb::ListDuelsRequest { model: model.clone(), window };
            client.call(client.monitor().list_duels(request)).await?.duels
        }
    };
    if window.is_some() {
        check_windows(&duels)?;
    }
    let rows = Rows(duels.into_iter().flat_map(rows).collect());
    output.show(&rows)?;
    let footer = match rows.0.iter().map(|row| row.ratings).max() {
        Some(most) => format!("{}; a difference above 0: the other version is worse", counted(most, "rating")),
        None if window.is_some() => format!("no two versions of model {model} have predicted a rating in this period"),
        None => format!("no two versions of model {model} have predicted a rating yet"),
    };
    output.footer(&footer);
    Ok(())
}

/// Checks that duels have a window. A monitor of an older release ignores the window of a question,
/// and answers with all ratings.
fn check_windows(duels: &[pb::Duel]) -> Result<(), Error> {
    if duels.iter().all(|duel| duel.window.is_some()) {
        return Ok(());
    }
    let error = "the monitor is older than this command, and answered with all ratings instead of those of --window";
    let hint = "update the monitor, or leave --window out".to_owned();
    Err(Error::Hinted { error: Box::new(Error::Outcome(error.to_owned())), hint })
}

fn rows(duel: pb::Duel) -> impl Iterator<Item = Row> {
    let (stable, other) = (duel.stable, duel.other);
    duel.slices.into_iter().map(move |slice| {
        let rmse = |errors: Option<pb::Errors>| Some(errors?.rmse?.value);
        Row {
            stable,
            other,
            ratings: slice.squared_error.map_or(0, |sums| sums.count),
            failures: slice.other_failures,
            stable_rmse: rmse(slice.stable),
            other_rmse: rmse(slice.other),
            difference: slice.rmse_difference.map(|difference| Difference {
                value: difference.value,
                lower: difference.lower,
                upper: difference.upper,
            }),
            slice: slice.slice,
        }
    })
}

impl Show for Rows {
    fn human(&self) -> Human {
        let headers =
            [">stable", ">other", "slice", ">ratings", ">failed", ">stable rmse", ">other rmse", ">Δrmse", "95 %"];
        let mut table = Table::new(&headers);
        let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
        for row in &self.0 {
            table.row([
                row.stable.to_string(),
                row.other.to_string(),
                row.slice.clone(),
                thousands(row.ratings),
                thousands(row.failures),
                number(row.stable_rmse),
                number(row.other_rmse),
                row.difference.map_or_else(|| "–".to_owned(), |difference| format!("{:+.4}", difference.value)),
                row.difference
                    .map_or_else(String::new, |Difference { lower, upper, .. }| format!("{lower:+.4} to {upper:+.4}")),
            ]);
        }
        Human::Table(Box::new(table))
    }

    fn csv(&self) -> Option<Csv> {
        const COLUMNS: [&str; 10] = [
            "stable",
            "other",
            "slice",
            "ratings",
            "failures",
            "stable_rmse",
            "other_rmse",
            "difference=difference.value",
            "lower=difference.lower",
            "upper=difference.upper",
        ];
        Some(Csv::of(&COLUMNS, &self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duel() -> pb::Duel {
        let interval = |value| Some(pb::Interval { value, lower: value - 0.01, upper: value + 0.01 });
        let errors = |rmse| Some(pb::Errors { rmse: interval(rmse), ..pb::Errors::default() });
        let slice = pb::DuelSlice {
            slice: "all".to_owned(),
            squared_error: Some(pb::Sums { count: 12_345, sum: 1.0, sum_of_squares: 2.0 }),
            stable: errors(0.9),
            other: errors(0.95),
            rmse_difference: interval(0.05),
            other_failures: 3,
            ..pb::DuelSlice::default()
        };
        let empty = pb::DuelSlice { slice: "new-users".to_owned(), ..pb::DuelSlice::default() };
        pb::Duel { stable: 1, other: 2, slices: vec![slice, empty], ..pb::Duel::default() }
    }

    #[test]
    fn a_duel_without_the_window_that_was_asked_for_is_of_an_older_monitor() {
        let window = Some(marquee_proto::Duration { seconds: 86_400, nanos: 0 });
        let windowed = pb::Duel { window, ..duel() };
        check_windows(&[]).expect("nothing to check");
        check_windows(&[windowed.clone(), windowed.clone()]).expect("of this release");
        let error = check_windows(&[windowed, duel()]).expect_err("of an older one");
        assert!(error.to_string().contains("the monitor is older"), "{error}");
        assert_eq!(error.exit_code(), 1);
    }

    #[test]
    fn a_duel_is_a_row_for_each_slice() {
        let shown = Rows(rows(duel()).collect());
        let Human::Table(table) = shown.human() else { panic!("a table") };
        let text = table.print(false);
        for part in ["STABLE", "all", "12,345", "0.9000", "0.9500", "+0.0500", "+0.0400 to +0.0600", "new-users", "–"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        let json = serde_json::to_value(&shown).expect("JSON");
        assert_eq!((&json[0]["failures"], &json[0]["difference"]["value"]), (&3.into(), &0.05.into()));
        assert!(json[1]["difference"].is_null());
        let text = shown.csv().expect("a table").print(false);
        let mut lines = text.lines();
        let header = "stable,other,slice,ratings,failures,stable_rmse,other_rmse,difference,lower,upper";
        assert_eq!(lines.next(), Some(header));
        assert!(lines.next().is_some_and(|line| line.starts_with("1,2,all,12345,3,0.9,0.95,0.05,")), "{text}");
        assert_eq!(lines.next(), Some("1,2,new-users,0,0,,,,,"));
    }
}
