//! What is lost, double, wrong or unknown.

use super::super::plan::small;
use super::*;

/// The history in which exactly these ratings of a user count, with statistics that agree.
pub(crate) fn seen(plan: &Plan, numbers: &[u64]) -> CountedRatings {
    let history: Vec<(String, f64)> =
        numbers.iter().map(|&number| plan.rating(number)).map(|rating| (rating.movie, rating.value)).collect();
    let sum: f64 = history.iter().map(|(_, value)| value).sum();
    let count = history.len() as u64;
    CountedRatings { count, mean: if count == 0 { 0.0 } else { sum / count as f64 }, history }
}

/// User 1 of four gave four ratings: two are acknowledged, one is unknown, and one was not sent.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new(small());
    ledger.record(1, State::Acknowledged);
    ledger.record(5, State::Unknown);
    ledger.record(5, State::Acknowledged);
    ledger.record(9, State::Unknown);
    ledger.record(14, State::Unknown);
    ledger
}

fn compared(numbers: &[u64]) -> Difference {
    ledger().compare(1, &seen(&small(), numbers))
}

#[test]
fn acknowledged_ratings_count_once_and_unknown_ones_may_count() {
    let ledger = ledger();
    assert_eq!(ledger.counts(), LedgerCounts { sent: 4, acknowledged: 2, unknown: 2, users: 2 });
    assert_eq!(ledger.users(), BTreeSet::from([1, 2]));
    let without = compared(&[1, 5]);
    assert!(without.is_none() && without.unknown_counted == 0, "{without:?}");
    let with = compared(&[9, 5, 1]);
    assert!(with.is_none() && with.unknown_counted == 1, "{with:?}");
    assert!(ledger.compare(3, &CountedRatings::default()).is_none());
}

#[test]
fn an_acknowledged_rating_that_does_not_count_is_lost_and_an_unknown_one_does_not_hide_it() {
    let difference = compared(&[1, 9]);
    assert_eq!((difference.lost, difference.double, difference.unknown_counted), (1, 0, 1));
    let rating = small().rating(5);
    let expected = format!("{} of {}: was acknowledged and does not count", rating.user, rating.movie);
    assert_eq!(difference.examples, [expected]);
}

#[test]
fn a_rating_that_counts_more_often_than_it_was_sent_is_double() {
    assert_eq!(compared(&[1, 5, 5]).double, 1);
    assert_eq!(compared(&[1, 5, 13]).double, 1, "the rating 13 was not sent");
    let plan = small();
    let mut foreign = seen(&plan, &[1, 5]);
    foreign.history.push(("another movie".to_owned(), foreign.mean));
    foreign.count = 3;
    assert_eq!(ledger().compare(1, &foreign).double, 1);
    let mut counted_twice = seen(&plan, &[1, 5]);
    counted_twice.count = 3;
    assert_eq!(ledger().compare(1, &counted_twice).double, 1);
}

#[test]
fn other_values_and_means_are_wrong() {
    let plan = small();
    let mut value = seen(&plan, &[1, 5]);
    value.history[0].1 += 1.0;
    value.mean += 0.5;
    assert_eq!(ledger().compare(1, &value).wrong, 1);
    let mut mean = seen(&plan, &[1, 5]);
    mean.mean += 0.5;
    let difference = ledger().compare(1, &mean);
    assert_eq!((difference.wrong, difference.lost, difference.double), (1, 0, 0));
}
