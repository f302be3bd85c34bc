//! Duels whose numbers are known by hand.

use marquee_domain::{MovieId, Rating, RatingEvent, UserId};

use super::*;

fn version(number: u64) -> Version {
    Version(number)
}

fn movie(id: &str) -> MovieId {
    MovieId::try_new(id).unwrap()
}

fn rated(user: &str, id: &str, value: f64, at: i64) -> (Timestamp, RatingEvent) {
    let user = UserId::try_new(user).unwrap();
    let rated_at = Timestamp::from_seconds(at);
    (Timestamp::from_seconds(at + 1), RatingEvent::Rated(Rating { user, movie: movie(id), value, rated_at }))
}

fn removed(user: &str, id: &str, at: i64) -> (Timestamp, RatingEvent) {
    let (user, at) = (UserId::try_new(user).unwrap(), Timestamp::from_seconds(at));
    (at, RatingEvent::Removed { user, movie: movie(id), at })
}

/// Version 1 predicts 3, version 2 the mean of the history or 3.
fn predict(history: &[(MovieId, f64)], _: &MovieId) -> BTreeMap<Version, Prediction> {
    let mean = history.iter().map(|(_, rating)| rating).sum::<f64>() / history.len() as f64;
    let mean = if history.is_empty() { 3.0 } else { mean };
    BTreeMap::from(
        [(1, 3.0), (2, mean)].map(|(number, rating)| (version(number), Prediction { rating, spread: Some(1.0) })),
    )
}

fn run(events: &[(Timestamp, RatingEvent)], from: usize) -> Replayed {
    replay(events, &Replay { history: 3, from, genres: |_: &MovieId| vec!["Drama".to_owned()] }, &mut predict)
}

fn pair(replayed: &Replayed, slice: &str) -> Differences {
    replayed.pairs.get(&(version(1), version(2))).map(|tally| tally.slice(&Slice::named(slice))).unwrap_or_default()
}

#[test]
fn every_rating_is_predicted_from_the_history_before_it() {
    let events = [rated("a", "x", 5.0, 1), rated("a", "y", 5.0, 2), rated("b", "x", 1.0, 3), rated("b", "y", 2.0, 4)];
    let all = run(&events, 0);
    // Version 2 predicts 3, 5, 3, 1: squared errors 4, 0, 4, 1 against 4, 4, 4, 1.
    let sums = pair(&all, "all");
    assert_eq!((sums.squared.count(), sums.squared.sum(), sums.squared.sum_of_squares()), (4, -4.0, 16.0));
    assert_eq!((sums.stable.squared.sum(), sums.other.squared.sum()), (13.0, 9.0));
    assert_eq!(sums.log.sum(), -2.0, "half of the squared errors at a spread of 1");
    assert_eq!(pair(&all, "genre:Drama"), sums);
    assert_eq!(pair(&all, "history:0").squared.count(), 2);
    assert_eq!(pair(&all, "new-users"), pair(&all, "history:0"));
    assert_eq!(sums.exchanged().exchanged(), sums);
    assert_eq!(sums.exchanged().squared.sum(), 4.0);
    assert!(sums.rmse().unwrap().value < 0.0);
    assert_eq!(all.pairs[&(version(1), version(2))].newest(), Some(Timestamp::from_seconds(5)));
}

#[test]
fn history_is_learned_and_not_compared_before_the_start() {
    let events = [rated("a", "x", 5.0, 1), rated("a", "y", 5.0, 2)];
    assert_eq!(pair(&run(&events, 1), "history:1-4").squared.count(), 1);
    assert_eq!(run(&events, 2), Replayed::default());
}

#[test]
fn ratings_that_are_sent_again_or_come_late_are_not_compared() {
    let count = |events: &[(Timestamp, RatingEvent)]| pair(&run(events, 0), "all").squared.count();
    let first = rated("a", "x", 5.0, 10);
    assert_eq!(count(&[first.clone(), first.clone()]), 1, "sent again");
    assert_eq!(count(&[first.clone(), rated("a", "x", 1.0, 5)]), 1, "older than the one that counts");
    assert_eq!(count(&[first.clone(), rated("a", "x", 1.0, 15)]), 2, "changed");
    let removal = [first.clone(), removed("a", "x", 11), first];
    assert_eq!(count(&removal), 2, "given again after its removal");
    assert_eq!(pair(&run(&removal, 0), "new-users").squared.count(), 1, "the user is not new any more");
}

#[test]
fn only_the_newest_ratings_are_the_history() {
    let events: Vec<_> = (0..6).map(|n| rated("a", &format!("m{n}"), [1.0, 5.0][usize::from(n > 2)], n)).collect();
    let mut seen = Vec::new();
    let mut predictor = |history: &[(MovieId, f64)], movie: &MovieId| {
        seen.push(history.iter().map(|(_, rating)| *rating).collect::<Vec<_>>());
        predict(history, movie)
    };
    replay(&events, &Replay { history: 3, from: 0, genres: |_: &MovieId| Vec::new() }, &mut predictor);
    assert_eq!(seen[3..], [vec![1.0, 1.0, 1.0], vec![1.0, 1.0, 5.0], vec![1.0, 5.0, 5.0]]);
}

#[test]
fn parts_of_a_log_merge_to_the_whole() {
    let of = |user: &str| -> Vec<_> { (0..9).map(|n| rated(user, &format!("m{n}"), (n % 5) as f64, n)).collect() };
    let (one, other) = (of("a"), of("b"));
    let mut merged = run(&one, 0);
    merged.merge(&run(&other, 0));
    let both: Vec<_> = one.into_iter().chain(other).collect();
    assert_eq!(pair(&merged, "all"), pair(&run(&both, 0), "all"));
}

#[test]
fn a_prediction_that_is_no_number_has_no_score() {
    let score = |rating, spread| Score::of(Prediction { rating, spread }, 3.0);
    assert_eq!(score(f64::NAN, None), None);
    assert_eq!(score(4.0, Some(0.0)).map(|score| score.log), Some(None));
    let normal = score(4.0, Some(2.0)).unwrap();
    assert_eq!((normal.squared, normal.absolute), (1.0, 1.0));
    let density = (-0.125f64).exp() / (2.0 * std::f64::consts::TAU.sqrt());
    assert!((normal.log.unwrap() + density.ln()).abs() < 1e-12);
}

#[test]
fn a_failure_of_one_version_is_counted_and_is_in_no_sum() {
    let good = Score::of(Prediction { rating: 4.0, spread: None }, 3.0);
    let scores = BTreeMap::from([(version(1), good), (version(2), None), (version(3), None)]);
    let all: Vec<ScoredPair> = pairs(&scores).collect();
    assert_eq!(all.len(), 2, "two versions that failed are not compared");
    let failed = Differences::of(all[0].1);
    assert_eq!((failed.squared.count(), failed.stable_failures, failed.other_failures), (0, 0, 1));
    assert_eq!((failed.exchanged().stable_failures, failed.merged(failed).other_failures), (1, 2));
}
