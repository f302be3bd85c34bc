//! Periods of a tally.
//!
//! The sums of a tally are never reset. Before the first rating of an hour is added, a copy is kept
//! as the mark of that hour, and the sums since then are those of the tally without the mark. So a
//! period costs one row an hour, and nothing for each rating.

use std::collections::BTreeSet;
use std::time::Duration;

use marquee_domain::Timestamp;

use super::{Mergeable, Tally};

/// How many hours are kept apart. Older ones count in the total only.
pub const HOURS_KEPT: u64 = 14 * 24;

/// The places of marks. Two more than the longest window has hours: a reader may still look for the
/// oldest mark when the next hour begins.
const PLACES: i64 = HOURS_KEPT as i64 + 2;

const MICROS: i64 = 3_600_000_000;

/// Returns the number of the hour of a time, since 1970.
pub(super) fn hour(at: Timestamp) -> i64 {
    at.micros().div_euclid(MICROS)
}

/// Returns the hour in which a window before `now` begins.
pub(super) fn first_hour(window: Duration, now: Timestamp) -> i64 {
    let micros = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
    hour(Timestamp::from_micros(now.micros().saturating_sub(micros)))
}

/// An hour at whose beginning a tally was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(i64);

impl Mark {
    /// Returns the number of the place for the copy. A place is used again when its hour is older
    /// than [`HOURS_KEPT`] hours.
    pub fn place(self) -> u64 {
        self.0.rem_euclid(PLACES) as u64
    }
}

/// The hours of which there are marks.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Hours(BTreeSet<i64>);

impl Hours {
    fn insert(&mut self, hour: i64) {
        self.0.insert(hour);
        self.0.retain(|kept| *kept > hour - PLACES);
    }

    fn first_from(&self, hour: i64) -> Option<Mark> {
        self.0.range(hour..).next().copied().map(Mark)
    }
}

impl<T: Mergeable> Tally<T> {
    /// Returns the mark that the tally needs before a rating that arrived at this time is added, or
    /// `None` if it is not the first one of its hour. Time does not go back: a rating that arrived
    /// before the newest one counts in the hour of the newest one.
    pub fn begin_hour(&mut self, arrived: Timestamp) -> Option<Mark> {
        let begun = hour(arrived);
        if self.newest.is_some_and(|newest| hour(newest) >= begun) {
            return None;
        }
        self.hours.insert(begun);
        Some(Mark(begun))
    }

    /// Returns the mark with which a window before `now` begins, of [`HOURS_KEPT`] hours at most.
    /// `None` if no rating is in it.
    pub fn mark(&self, window: Duration, now: Timestamp) -> Option<Mark> {
        self.hours.first_from(first_hour(window, now))
    }

    /// Returns the sums since a mark, of which `earlier` is the copy.
    #[must_use]
    pub fn since(mut self, earlier: &Self) -> Self {
        for (slice, sums) in &earlier.slices {
            if let Some(own) = self.slices.get_mut(slice) {
                *own = own.without(*sums);
            }
        }
        self.slices.retain(|_, sums| *sums != T::default());
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::{Differences, Score, Slice};
    use super::*;

    fn at(hours: f64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + (hours * MICROS as f64) as i64)
    }

    fn scores(error: f64) -> (Option<Score>, Option<Score>) {
        let score = |error: f64| Score { squared: error * error, absolute: error.abs(), log: Some(error) };
        (Some(score(error)), (error < 1.5).then(|| score(error / 2.0)))
    }

    /// A tally and the copies of its marks.
    #[derive(Default)]
    struct Marked {
        tally: Tally<Differences>,
        copies: BTreeMap<u64, Tally<Differences>>,
    }

    impl Marked {
        fn add(&mut self, slices: &[Slice], arrived: Timestamp, error: f64) {
            let before = self.tally.clone();
            if let Some(mark) = self.tally.begin_hour(arrived) {
                self.copies.insert(mark.place(), before);
            }
            self.tally.add(slices, arrived, scores(error));
        }

        fn within(&self, window: Duration, now: Timestamp) -> Vec<(Slice, Differences)> {
            let Some(mark) = self.tally.mark(window, now) else { return Vec::new() };
            let since = self.tally.clone().since(&self.copies[&mark.place()]);
            since.slices().map(|(slice, sums)| (slice.clone(), *sums)).collect()
        }
    }

    proptest! {
        #[test]
        fn a_window_has_the_sums_of_its_ratings(
            gaps in prop::collection::vec((0.0f64..30.0, 0.0f64..2.0, 0usize..3), 1..120),
            window in 0..=HOURS_KEPT,
        ) {
            let names = [Slice::all(), Slice::named("a"), Slice::named("b")];
            let (mut marked, mut ratings, mut hours) = (Marked::default(), Vec::new(), 0.0);
            for (gap, error, slice) in gaps {
                hours += gap;
                marked.add(&names[..=slice], at(hours), error);
                ratings.push((at(hours), names[..=slice].to_vec(), error));
            }
            let (window, now) = (Duration::from_secs(window * 3_600), at(hours));
            let mut expected = Tally::<Differences>::default();
            for (arrived, slices, error) in &ratings {
                if hour(*arrived) >= first_hour(window, now) {
                    expected.add(slices, *arrived, scores(*error));
                }
            }
            let expected: Vec<_> = expected.slices().map(|(slice, sums)| (slice.clone(), *sums)).collect();
            prop_assert_eq!(marked.within(window, now), expected);
            prop_assert!(marked.tally.hours.0.len() <= PLACES as usize);
        }
    }

    #[test]
    fn a_rating_that_arrived_before_the_newest_one_begins_no_hour() {
        let mut marked = Marked::default();
        for hours in [0.0, 5.0, 3.0, 5.5] {
            marked.add(&[Slice::all()], at(hours), 1.0);
        }
        assert_eq!(marked.copies.len(), 2);
        let counts = [1, 3, 6].map(|window| {
            let within = marked.within(Duration::from_secs(window * 3_600), at(5.5));
            within.first().map_or(0, |(_, sums)| sums.squared.count())
        });
        assert_eq!(counts, [3, 3, 4]);
        assert_eq!(marked.tally.mark(Duration::ZERO, at(7.0)), None, "no rating in the window");
    }
}
