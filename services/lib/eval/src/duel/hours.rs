//! Tallies of single hours.
//!
//! Besides its tally of all ratings, a version or a pair has a tally of each of the last hours. A
//! period is the sum of its hours. Hours are told apart by when their ratings arrived, so a clock
//! that was wrong for a while spoils no other hour.

use std::time::Duration;

use marquee_domain::Timestamp;

use super::{Mergeable, Slice, Tally};

/// How many hours are kept apart. Older ones count in the total only.
pub const HOURS_KEPT: u64 = 14 * 24;

/// The places for the tallies of hours: those of the longest window, which begins and ends within
/// an hour, and the next one.
const PLACES: i64 = HOURS_KEPT as i64 + 2;

const MICROS: i64 = 3_600_000_000;

/// An hour of the clock, by its number since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hour(i64);

impl Hour {
    /// Returns the hour of a time.
    pub fn of(at: Timestamp) -> Self {
        Self(at.micros().div_euclid(MICROS))
    }

    /// Returns the hour in which a window before `now` begins.
    pub(super) fn first_of(window: Duration, now: Timestamp) -> Self {
        let micros = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        Self::of(Timestamp::from_micros(now.micros().saturating_sub(micros)))
    }

    pub(super) fn number(self) -> i64 {
        self.0
    }

    /// Returns the hours of a window before `now`, from the beginning of the first one on. Of a
    /// longer window than [`HOURS_KEPT`], the last ones.
    pub fn within(window: Duration, now: Timestamp) -> impl Iterator<Item = Self> {
        let last = Self::of(now).0;
        let first = Self::first_of(window, now).0.max(last - HOURS_KEPT as i64);
        (first..=last).map(Self)
    }

    /// Returns the number of the place of the hour's tally. A place is used again by a later hour.
    pub fn place(self) -> u64 {
        self.0.rem_euclid(PLACES) as u64
    }
}

impl<T: Mergeable> Tally<T> {
    /// Adds a rating to the tally of its hour. A tally of an older hour begins again, and one of a
    /// newer hour in the same place stays as it is.
    pub fn add_to_hour(&mut self, slices: &[Slice], arrived: Timestamp, item: T::Item) {
        let (own, hour) = (self.newest.map(Hour::of), Some(Hour::of(arrived)));
        if own < hour {
            *self = Self::default();
        }
        if own <= hour {
            self.add(slices, arrived, item);
        }
    }

    /// Returns whether this is the tally of an hour, and not of another one in the same place.
    pub fn is_of(&self, hour: Hour) -> bool {
        self.newest.map(Hour::of) == Some(hour)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::{Errors, Score};
    use super::*;

    fn at(hours: f64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + (hours * MICROS as f64) as i64)
    }

    fn score(error: f64) -> Score {
        Score { squared: error * error, absolute: error.abs(), log: Some(error) }
    }

    /// Tallies by place.
    #[derive(Default)]
    struct Places(BTreeMap<u64, Tally<Errors>>);

    impl Places {
        fn add(&mut self, arrived: Timestamp, error: f64) {
            let place = self.0.entry(Hour::of(arrived).place()).or_default();
            place.add_to_hour(&[Slice::all()], arrived, score(error));
        }

        fn within(&self, window: Duration, now: Timestamp) -> Errors {
            let mut all = Tally::default();
            for hour in Hour::within(window, now) {
                self.0.get(&hour.place()).filter(|tally| tally.is_of(hour)).into_iter().for_each(|one| all.merge(one));
            }
            all.slice(&Slice::all())
        }
    }

    proptest! {
        #[test]
        fn a_window_has_the_sums_of_its_hours(
            // Some arrive before those that came earlier.
            gaps in prop::collection::vec((-2.0f64..30.0, 0.0f64..2.0), 1..120),
            window in 0..=HOURS_KEPT,
        ) {
            let (mut places, mut ratings, mut hours) = (Places::default(), Vec::new(), 0.0);
            for (gap, error) in gaps {
                hours += gap;
                places.add(at(hours), error);
                ratings.push((at(hours), error));
            }
            let (window, now) = (Duration::from_hours(window), ratings.iter().map(|(at, _)| *at).max().unwrap());
            let first = Hour::first_of(window, now);
            let expected = ratings.iter().filter(|(at, _)| Hour::of(*at) >= first);
            let expected = expected.fold(Errors::default(), |all, (_, error)| all.merged(Errors::of(score(*error))));
            prop_assert_eq!(places.within(window, now), expected);
            prop_assert!(places.0.len() <= PLACES as usize);
        }
    }

    #[test]
    fn a_clock_that_was_wrong_spoils_no_other_hour() {
        let mut places = Places::default();
        for hours in [0.0, 5_000.0, 1.0, 2.0] {
            places.add(at(hours), 1.0);
        }
        assert_eq!(places.within(Duration::from_hours(2), at(2.0)).squared.count(), 3);
        // The place of a newer hour is not taken back.
        places.add(at(5_000.0 - PLACES as f64), 1.0);
        assert_eq!(places.within(Duration::ZERO, at(5_000.0)).squared.count(), 1);
    }

    #[test]
    fn a_long_window_has_the_hours_that_are_kept() {
        assert_eq!(Hour::within(Duration::MAX, at(0.0)).count() as u64, HOURS_KEPT + 1);
        let places: std::collections::BTreeSet<u64> = Hour::within(Duration::MAX, at(0.0)).map(Hour::place).collect();
        assert_eq!(places.len() as u64, HOURS_KEPT + 1);
    }
}
