//! Which ratings must count, and what the feature store says of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::plan::Plan;

/// What became of a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It must not count.
    Unsent,
    /// It is in flight, or its last attempt failed. It may count or not.
    Unknown,
    /// It must count once.
    Acknowledged,
}

/// The ratings of a load, by number.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    plan: Plan,
    states: Vec<State>,
}

/// The ledger as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct LedgerCounts {
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    /// Sent and not acknowledged: such a rating may count or not.
    pub(crate) unknown: u64,
    /// Users that rated.
    pub(crate) users: u64,
}

/// What the feature store answers about a user.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CountedRatings {
    /// The number of ratings in the statistics.
    pub(crate) count: u64,
    /// The mean of the ratings in the statistics.
    pub(crate) mean: f64,
    /// The ratings that count, by movie.
    pub(crate) history: Vec<(String, f64)>,
}

/// How the feature store differs from the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Ratings that were acknowledged and do not count.
    pub(crate) lost: u64,
    /// Ratings that count more often than they were sent.
    pub(crate) double: u64,
    /// Ratings that count with another value, and users with another mean.
    pub(crate) wrong: u64,
    /// Ratings without an acknowledgement that count.
    pub(crate) unknown_counted: u64,
    /// What differs, in words.
    pub(crate) examples: Vec<String>,
}

impl Difference {
    /// Returns whether the feature store agrees with the ledger.
    pub(crate) fn is_none(&self) -> bool {
        self.lost == 0 && self.double == 0 && self.wrong == 0
    }

    /// Adds another one.
    pub(crate) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.double += other.double;
        self.wrong += other.wrong;
        self.unknown_counted += other.unknown_counted;
        self.examples.extend(other.examples);
    }
}

impl Ledger {
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan, states: Vec::new() }
    }

    /// Records what became of a rating.
    pub(crate) fn record(&mut self, number: u64, state: State) {
        let place = number as usize;
        if self.states.len() <= place {
            self.states.resize(place + 1, State::Unsent);
        }
        self.states[place] = state;
    }

    fn state(&self, number: u64) -> State {
        self.states.get(number as usize).copied().unwrap_or(State::Unsent)
    }

    /// Returns the counts.
    pub(crate) fn counts(&self) -> LedgerCounts {
        let count = |state| self.states.iter().filter(|&&one| one == state).count() as u64;
        let (unknown, acknowledged) = (count(State::Unknown), count(State::Acknowledged));
        LedgerCounts { sent: unknown + acknowledged, acknowledged, unknown, users: self.users().len() as u64 }
    }

    /// Returns the users that have rated.
    pub(crate) fn users(&self) -> BTreeSet<u64> {
        let numbers = (0..).zip(&self.states).filter(|&(_, &state)| state != State::Unsent);
        numbers.map(|(number, _)| self.plan.rater(number)).collect()
    }

    /// Returns the id of a user.
    pub(crate) fn name(&self, user: u64) -> String {
        self.plan.name(user)
    }

    /// Compares a user in the feature store with what must count.
    pub(crate) fn compare(&self, user: u64, seen: &CountedRatings) -> Difference {
        let mut difference = Difference::default();
        let mut found: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (movie, value) in &seen.history {
            found.entry(movie).or_default().push(*value);
        }
        for number in self.plan.numbers(user) {
            let (planned, state) = (self.plan.rating(number), self.state(number));
            let values = found.remove(planned.movie.as_str()).unwrap_or_default();
            let mut tell = |what: &str| {
                difference.examples.push(format!("{} of {}: {what}", planned.user, planned.movie));
            };
            let times = values.len() as u64;
            match (state, times) {
                (State::Acknowledged, 0) => {
                    tell("was acknowledged and does not count");
                    difference.lost += 1;
                }
                (State::Unsent, 1..) => {
                    tell("counts and was not sent");
                    difference.double += times;
                }
                (_, 2..) => {
                    tell("counts more than once");
                    difference.double += times - 1;
                }
                _ => {}
            }
            if state == State::Unknown && times > 0 {
                difference.unknown_counted += 1;
            }
            if state != State::Unsent && values.iter().any(|&value| differs(value, planned.value)) {
                difference.examples.push(format!("{} of {}: has another value", planned.user, planned.movie));
                difference.wrong += 1;
            }
        }
        let strange: usize = found.values().map(Vec::len).sum();
        if let Some(movie) = found.keys().next() {
            difference.examples.push(format!("{} of {movie}: counts and is not of this load", self.name(user)));
            difference.double += strange as u64;
        }
        self.compare_statistics(user, seen, &mut difference);
        difference
    }

    /// Compares the statistics of a user with its history. They are added up separately, so a
    /// rating that was applied twice can show in them alone.
    fn compare_statistics(&self, user: u64, seen: &CountedRatings, difference: &mut Difference) {
        let listed = seen.history.len() as u64;
        if seen.count != listed {
            let name = self.name(user);
            difference.examples.push(format!("{name}: {} ratings are counted and {listed} listed", seen.count));
            difference.double += seen.count.saturating_sub(listed);
            difference.lost += listed.saturating_sub(seen.count);
        }
        let sum: f64 = seen.history.iter().map(|(_, value)| value).sum();
        let mean = if listed == 0 { 0.0 } else { sum / listed as f64 };
        if differs(seen.mean, mean) {
            difference.examples.push(format!("{}: the mean is {} and not {mean}", self.name(user), seen.mean));
            difference.wrong += 1;
        }
    }
}

fn differs(one: f64, other: f64) -> bool {
    (one - other).abs() > 1e-6
}

#[cfg(test)]
#[path = "ledger/tests.rs"]
pub(crate) mod tests;
