//! The newest prediction of each user and movie, and the ratings that wait for one. Pure.
//!
//! **Invariant:** a prediction is joined once at most, and only with a rating that arrived after it
//! and within the window (`a_prediction_is_joined_once_and_only_within_the_window`).
//!
//! **Invariant:** predictions and ratings together take at most about the bytes that are given
//! (`memory_is_bounded_and_the_oldest_go_first`).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use marquee_domain::{MovieId, Timestamp, UserId};

use super::{Given, Joined, Shown};

type Pair = (UserId, MovieId);

/// The bytes of an entry besides its ids: the values, and the share of the maps.
const ENTRY_BYTES: usize = size_of::<Shown>() + 2 * size_of::<(Timestamp, Pair)>() + 64;

/// The limits of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a prediction is kept.
    pub(crate) window: Duration,
    /// How long a rating waits for a prediction.
    pub(crate) late: Duration,
    /// Most bytes.
    pub(crate) bytes: usize,
}

/// The state of the join in one partition.
#[derive(Debug)]
pub(crate) struct Table {
    limits: Limits,
    shown: Kept<Shown>,
    waiting: Kept<Given>,
}

/// Entries by user and movie. The oldest are found by the order in which they came.
#[derive(Debug)]
struct Kept<T> {
    entries: HashMap<Pair, T>,
    /// One for each time that an entry was kept. Those of replaced entries are passed over.
    order: VecDeque<(Timestamp, Pair)>,
    bytes: usize,
}

impl<T> Kept<T> {
    fn new() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), bytes: 0 }
    }

    fn insert(&mut self, at: Timestamp, pair: Pair, entry: T) {
        self.bytes += bytes_of(&pair);
        self.order.push_back((at, pair.clone()));
        self.entries.insert(pair, entry);
    }

    /// Drops the oldest place in the order, and its entry unless it was replaced since.
    fn drop_oldest(&mut self, time_of: impl Fn(&T) -> Timestamp) {
        let Some((at, pair)) = self.order.pop_front() else { return };
        self.bytes -= bytes_of(&pair);
        if self.entries.get(&pair).is_some_and(|entry| time_of(entry) == at) {
            self.entries.remove(&pair);
        }
    }

    fn oldest(&self) -> Option<Timestamp> {
        self.order.front().map(|(at, _)| *at)
    }
}

fn bytes_of((user, movie): &Pair) -> usize {
    ENTRY_BYTES + user.as_str().len() + movie.as_str().len()
}

impl Table {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, shown: Kept::new(), waiting: Kept::new() }
    }

    /// Takes a prediction that was shown. Returns the rating that waited for it.
    pub(crate) fn show(&mut self, shown: Shown) -> Option<Joined> {
        let pair = (shown.user.clone(), shown.movie.clone());
        if let Some(given) = self.waiting.entries.get(&pair)
            && self.is_before(&shown, given)
        {
            let given = self.waiting.entries.remove(&pair)?;
            return Some(joined(shown, &given, true));
        }
        let is_newer = self.shown.entries.get(&pair).is_none_or(|kept| kept.predicted_at <= shown.predicted_at);
        if is_newer {
            let at = shown.predicted_at;
            self.shown.insert(at, pair, shown);
            self.expire(at);
        }
        None
    }

    /// Takes a rating. Returns it with the newest prediction that was shown before it, or lets it
    /// wait for one.
    pub(crate) fn rate(&mut self, given: Given) -> Option<Joined> {
        let pair = (given.user.clone(), given.movie.clone());
        if let Some(shown) = self.shown.entries.get(&pair)
            && self.is_before(shown, &given)
        {
            let shown = self.shown.entries.remove(&pair)?;
            return Some(joined(shown, &given, false));
        }
        let at = given.arrived;
        self.waiting.insert(at, pair, given);
        self.expire(at);
        None
    }

    fn is_before(&self, shown: &Shown, given: &Given) -> bool {
        let age = given.arrived.since(shown.predicted_at);
        shown.predicted_at <= given.arrived && age <= self.limits.window
    }

    /// Drops what is too old or too much.
    fn expire(&mut self, now: Timestamp) {
        let is_past = |at: Option<Timestamp>, keep: Duration| at.is_some_and(|at| at < now && now.since(at) > keep);
        while is_past(self.shown.oldest(), self.limits.window) {
            self.shown.drop_oldest(|shown| shown.predicted_at);
        }
        while is_past(self.waiting.oldest(), self.limits.late) {
            self.waiting.drop_oldest(|given| given.arrived);
        }
        // Ratings take an eighth at most: they wait for a short time.
        while self.waiting.bytes > self.limits.bytes / 8 {
            self.waiting.drop_oldest(|given| given.arrived);
        }
        while self.shown.bytes + self.waiting.bytes > self.limits.bytes && self.shown.oldest().is_some() {
            self.shown.drop_oldest(|shown| shown.predicted_at);
        }
    }
}

fn joined(shown: Shown, given: &Given, is_late: bool) -> Joined {
    Joined { shown, rating: given.rating, arrived: given.arrived, is_late }
}

#[cfg(test)]
mod tests {
    use marquee_domain::{ModelName, Version};

    use super::*;
    use crate::rows::{LiveId, ServedBy};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + seconds)
    }

    fn shown(user: &str, movie: &str, seconds: i64) -> Shown {
        Shown {
            user: UserId::try_new(user).unwrap(),
            movie: MovieId::try_new(movie).unwrap(),
            rating: 4.0,
            spread: Some(1.0),
            model: ModelName::try_new("ratings").unwrap(),
            id: LiveId {
                version: Version(seconds.unsigned_abs()),
                variant: "stable".to_owned(),
                served_by: ServedBy::Predict,
            },
            predicted_at: at(seconds),
        }
    }

    fn given(user: &str, movie: &str, seconds: i64) -> Given {
        let (user, movie) = (UserId::try_new(user).unwrap(), MovieId::try_new(movie).unwrap());
        Given { user, movie, rating: 5.0, arrived: at(seconds) }
    }

    fn table() -> Table {
        let (window, late) = (Duration::from_secs(100), Duration::from_secs(10));
        Table::new(Limits { window, late, bytes: 1 << 20 })
    }

    fn version(joined: Option<Joined>) -> Option<(u64, bool)> {
        joined.map(|joined| (joined.shown.id.version.0, joined.is_late))
    }

    #[test]
    fn a_rating_is_joined_with_the_newest_prediction_before_it() {
        let mut table = table();
        for seconds in [5, 9, 7] {
            assert_eq!(table.show(shown("a", "x", seconds)), None);
        }
        assert_eq!(table.rate(given("a", "y", 10)), None);
        assert_eq!(table.rate(given("b", "x", 10)), None);
        assert_eq!(version(table.rate(given("a", "x", 10))), Some((9, false)));
    }

    #[test]
    fn a_prediction_is_joined_once_and_only_within_the_window() {
        let mut table = table();
        table.show(shown("a", "x", 1));
        assert_eq!(version(table.rate(given("a", "x", 101))), Some((1, false)));
        assert_eq!(table.rate(given("a", "x", 101)), None, "it was joined");
        table.show(shown("a", "z", 1));
        assert_eq!(table.rate(given("a", "z", 102)), None, "the window has ended");
        table.show(shown("a", "w", 130));
        assert_eq!(table.rate(given("a", "w", 120)), None, "it was made later");
    }

    #[test]
    fn a_prediction_that_comes_after_its_rating_is_joined_late_or_not_at_all() {
        let mut table = table();
        assert_eq!(table.rate(given("a", "x", 20)), None);
        assert_eq!(table.show(shown("a", "x", 25)), None, "made after the rating");
        assert_eq!(version(table.show(shown("a", "x", 15))), Some((15, true)));
        assert_eq!(table.rate(given("a", "y", 20)), None);
        table.show(shown("b", "x", 31));
        assert_eq!(table.show(shown("a", "y", 15)), None, "the rating does not wait any more");
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_go_first() {
        let mut table = Table::new(Limits { bytes: 100 * ENTRY_BYTES, ..table().limits });
        for n in 0..1_000 {
            table.show(shown(&format!("user-{n}"), "x", 50));
            table.show(shown("the same", "x", 50));
            table.rate(given(&format!("other-{n}"), "x", 50));
            assert!(table.shown.bytes + table.waiting.bytes <= 100 * ENTRY_BYTES);
            assert!(table.shown.entries.len() + table.waiting.entries.len() <= 100);
        }
        assert_eq!(table.rate(given("user-0", "x", 60)), None, "dropped");
        assert_eq!(version(table.rate(given("user-999", "x", 60))), Some((50, false)));
    }
}
