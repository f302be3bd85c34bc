//! Converts tallies to messages.

use std::time::Duration;

use marquee_domain::{ModelName, Timestamp, Version, Violation};
use marquee_eval::duel::{Differences, Errors, Interval, Slice, Sums, Tally};
use marquee_kit::{Failure, Reason};
use marquee_ports::Error;
use marquee_proto::convert;
use marquee_proto::monitor::v1 as pb;

use crate::rows::Stats;

/// Checks the name of a model.
pub(super) fn model(name: &str) -> Result<ModelName, Failure> {
    ModelName::try_new(name).map_err(|error| Failure::field("model", error.reason(), error.to_string()))
}

/// Checks the two versions of a duel.
pub(super) fn pair(stable: u64, other: u64) -> Result<(Version, Version), Failure> {
    let mut violations = Vec::new();
    for (field, version) in [("stable", stable), ("other", other)] {
        if version == 0 {
            violations.push(Violation::new(field, Reason::Missing, "is missing: give the number of a version"));
        }
    }
    if violations.is_empty() && stable == other {
        violations.push(Violation::new("other", Reason::NameTwice, "is the stable version: give another one"));
    }
    if violations.is_empty() { Ok((Version(stable), Version(other))) } else { Err(Failure::invalid(violations)) }
}

/// Returns the answer to a call during which a port failed.
pub(super) fn failure(doing: &str, error: &Error) -> Failure {
    match error.is_retryable() {
        true => Failure::unavailable(doing, error),
        false => Failure::internal(doing, error),
    }
}

fn sums(sums: Sums) -> pb::Sums {
    pb::Sums { count: sums.count(), sum: sums.sum(), sum_of_squares: sums.sum_of_squares() }
}

fn interval(interval: Interval) -> pb::Interval {
    let Interval { value, lower, upper } = interval;
    pb::Interval { value, lower, upper }
}

pub(super) fn errors(errors: &Errors) -> pb::Errors {
    let Errors { squared, absolute, log } = *errors;
    pb::Errors {
        squared_error: Some(sums(squared)),
        absolute_error: Some(sums(absolute)),
        log_score: Some(sums(log)),
        rmse: squared.root().map(interval),
        mae: absolute.interval().map(interval),
        mean_log_score: log.interval().map(interval),
    }
}

pub(super) fn timestamp(time: Option<Timestamp>) -> Option<marquee_proto::Timestamp> {
    time.map(convert::timestamp)
}

/// Returns a duel. `tally` is that of the older and the newer version, in the window.
pub(super) fn duel(
    model: &ModelName,
    (stable, other): (Version, Version),
    tally: &Tally<Differences>,
    (wanted, window): (&[String], Option<Duration>),
) -> pb::Duel {
    let is_wanted = |slice: &Slice| wanted.is_empty() || wanted.iter().any(|name| name == slice.as_str());
    let all = Slice::all();
    let mut slices: Vec<(&Slice, &Differences)> = tally.slices().filter(|(slice, _)| is_wanted(slice)).collect();
    // A stable sort: the others stay in the order of their names.
    slices.sort_by_key(|(slice, _)| **slice != all);
    let slice = |(slice, sums): (&Slice, &Differences)| {
        let sums = if stable < other { *sums } else { sums.exchanged() };
        duel_slice(slice, &sums)
    };
    pb::Duel {
        model: model.as_str().to_owned(),
        stable: stable.0,
        other: other.0,
        slices: slices.into_iter().map(slice).collect(),
        newest_rating_at: timestamp(tally.newest()),
        window: window.map(Into::into),
    }
}

fn duel_slice(slice: &Slice, differences: &Differences) -> pb::DuelSlice {
    let Differences { squared, absolute, log, .. } = *differences;
    pb::DuelSlice {
        slice: slice.as_str().to_owned(),
        squared_error: Some(sums(squared)),
        absolute_error: Some(sums(absolute)),
        log_score: Some(sums(log)),
        stable: Some(errors(&differences.stable)),
        other: Some(errors(&differences.other)),
        rmse_difference: differences.rmse().map(interval),
        mae_difference: absolute.interval().map(interval),
        log_score_difference: log.interval().map(interval),
        stable_failures: differences.stable_failures,
        other_failures: differences.other_failures,
    }
}

pub(super) fn join(stats: &Stats) -> pb::Join {
    pb::Join { ratings: stats.ratings, joined: stats.joined, late: stats.late, rate: stats.join_rate() }
}

pub(super) fn counts(stats: Stats) -> pb::Counts {
    let unpredicted = |(reason, ratings)| pb::Unpredicted { reason, ratings };
    pb::Counts {
        ratings: stats.ratings,
        predicted: stats.predicted,
        unpredicted: stats.unpredicted.into_iter().map(unpredicted).collect(),
        not_compared: stats.not_compared,
    }
}

#[cfg(test)]
mod tests {
    use marquee_eval::duel::Score;

    use super::*;

    #[test]
    fn a_duel_is_that_of_the_pair_in_either_order() {
        let score = |squared: f64| Some(Score { squared, absolute: squared.sqrt(), log: None });
        let mut tally = Tally::<Differences>::default();
        for slices in [vec![Slice::all(), Slice::named("a")], vec![Slice::all()]] {
            tally.add(&slices, Timestamp::from_seconds(5), (score(1.0), score(4.0)));
        }
        tally.add(&[Slice::all()], Timestamp::from_seconds(5), (score(1.0), None));
        let model = ModelName::try_new("ratings").unwrap();
        let one = duel(&model, (Version(1), Version(2)), &tally, (&[], None));
        assert_eq!(one.slices.iter().map(|slice| slice.slice.as_str()).collect::<Vec<_>>(), ["all", "a"]);
        let all = &one.slices[0];
        assert_eq!(all.squared_error, Some(pb::Sums { count: 2, sum: 6.0, sum_of_squares: 18.0 }));
        assert!(all.rmse_difference.is_some_and(|difference| (difference.value - 1.0).abs() < 1e-9));
        assert_eq!((all.stable_failures, all.other_failures), (0, 1));
        let (wanted, hour) = (["all".to_owned()], Duration::from_hours(1));
        let other = duel(&model, (Version(2), Version(1)), &tally, (&wanted, Some(hour)));
        assert_eq!((other.slices.len(), other.window.map(|window| window.seconds)), (1, Some(3_600)));
        assert_eq!(other.slices[0].squared_error.map(|sums| sums.sum), Some(-6.0));
        assert_eq!((other.slices[0].stable, other.slices[0].stable_failures), (all.other, 1));
    }

    #[test]
    fn a_pair_is_two_versions() {
        assert!(pair(1, 2).is_ok());
        for (stable, other, field) in [(0, 1, "stable"), (1, 0, "other"), (3, 3, "other")] {
            let refused = pair(stable, other).expect_err("refused");
            assert!(format!("{refused:?}").contains(field), "{refused:?}");
        }
    }
}
