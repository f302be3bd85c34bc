//! The quality of the predictions that users were shown, by hour.

use std::collections::BTreeMap;
use std::time::Duration;

use marquee_domain::Timestamp;

use super::hours::{HOURS_KEPT, Hour};
use super::stored::Unknown;
use super::{Errors, Mergeable, Score};

/// The errors of predictions that were shown, of all time and by the hour in which their rating
/// arrived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveTally {
    pub(super) total: Errors,
    pub(super) hours: BTreeMap<i64, Errors>,
    pub(super) unknown: Unknown,
}

impl LiveTally {
    /// Adds a prediction whose rating arrived at a time.
    pub fn add(&mut self, arrived: Timestamp, score: Score) {
        let one = Errors::of(score);
        self.total = self.total.merged(one);
        let hour = self.hours.entry(Hour::of(arrived).number()).or_default();
        *hour = hour.merged(one);
        self.drop_old();
    }

    /// Adds the sums of other ratings.
    pub fn merge(&mut self, other: &Self) {
        self.total = self.total.merged(other.total);
        for (at, errors) in &other.hours {
            let hour = self.hours.entry(*at).or_default();
            *hour = hour.merged(*errors);
        }
        self.drop_old();
    }

    /// Returns the errors of all time.
    pub fn total(&self) -> Errors {
        self.total
    }

    /// Returns the errors of the ratings that arrived in a window before `now`, from the beginning
    /// of an hour on.
    pub fn within(&self, window: Duration, now: Timestamp) -> Errors {
        self.hours
            .range(Hour::first_of(window, now).number()..)
            .fold(Errors::default(), |all, (_, errors)| all.merged(*errors))
    }

    fn drop_old(&mut self) {
        while self.hours.len() as u64 > HOURS_KEPT {
            self.hours.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(squared: f64) -> Score {
        Score { squared, absolute: squared.sqrt(), log: None }
    }

    #[test]
    fn a_window_has_whole_hours_and_the_total_has_everything() {
        let mut tally = LiveTally::default();
        let at = |hours: i64| Timestamp::from_seconds(1_700_000_000 + hours * 3_600);
        for hours in 0..400 {
            tally.add(at(hours), score(1.0));
        }
        assert_eq!(tally.hours.len() as u64, HOURS_KEPT);
        assert_eq!(tally.total().squared.count(), 400);
        let within = |hours: u64| tally.within(Duration::from_secs(hours * 3_600), at(399)).squared.count();
        assert_eq!([within(0), within(1), within(24), within(1_000)], [1, 2, 25, HOURS_KEPT]);
        let (mut one, mut other) = (tally.clone(), LiveTally::default());
        other.add(at(399), score(4.0));
        one.merge(&other);
        other.merge(&tally);
        assert_eq!(one, other);
        assert_eq!(tally.within(Duration::MAX, Timestamp::EPOCH).squared.count(), HOURS_KEPT);
    }
}
