//! Plans of batches: which ratings are predicted, and from which histories.

use marquee_features::Pack as _;
use marquee_features::UserRow;

use super::*;
use crate::testing::{EPOCH, HISTORY, events, learn, movie, user};

fn rules(duel_from: u64) -> Rules {
    Rules {
        movies: Movies::default(),
        layout: Layout::of_history(HISTORY),
        history: HISTORY,
        duel_from: Offset(duel_from),
    }
}

fn logged(events: Vec<(Timestamp, RatingEvent)>) -> Vec<LoggedEvent> {
    let event = |(offset, (arrived, event))| LoggedEvent { offset: Offset(offset), arrived, event };
    (0..).zip(events).map(event).collect()
}

/// Plans events of users whose rows have the events before `from`.
fn planned(events: &[LoggedEvent], from: usize, rules: &Rules) -> Plan {
    let (before, batch) = events.split_at(from);
    let mut users: Vec<UserId> = batch.iter().map(|logged| logged.event.user().clone()).collect();
    users.sort();
    users.dedup();
    let stored = |user: UserId| {
        let (mut row, mut applied) = (UserRow::default(), None);
        for logged in before.iter().filter(|logged| *logged.event.user() == user) {
            if !row.apply(&logged.event, logged.offset, |_| &[]).is_empty() {
                applied = Some(logged.offset);
            }
        }
        (user, applied.map(|applied| Row { value: row.pack(), applied }))
    };
    let opened = open(batch, users.into_iter().map(stored).collect(), rules.layout).expect("rows");
    plan(batch, opened, &BTreeMap::new(), rules).expect("a plan")
}

/// Returns the history that inference predicts each case from, with the movie.
fn histories(plan: &Plan) -> Vec<(MovieId, Vec<(MovieId, f64)>)> {
    let mut steps = Vec::new();
    for sequence in &plan.sequences {
        let mut history = sequence.history.clone();
        for step in &sequence.steps {
            steps.push((step.movie.clone(), history.clone()));
            learn(&mut history, step, HISTORY);
        }
    }
    plan.cases.iter().map(|case| steps[case.step].clone()).collect()
}

fn rating(movie_number: usize, value: f64, at: i64) -> (Timestamp, RatingEvent) {
    let rated_at = Timestamp::from_seconds(EPOCH + at);
    (rated_at, RatingEvent::Rated(Rating { user: user(0), movie: movie(movie_number), value, rated_at }))
}

#[test]
fn each_rating_is_predicted_from_the_row_before_it() {
    let all = logged(events(0..300));
    for from in [0, 1, 50, 200] {
        let plan = planned(&all, from, &rules(0));
        let mut rows: BTreeMap<UserId, UserRow> = BTreeMap::new();
        let mut expected = Vec::new();
        for (index, logged) in all.iter().enumerate() {
            let row = rows.entry(logged.event.user().clone()).or_default();
            if let Some(case) = plan.cases.iter().find(|case| index >= from && case.offset == logged.offset) {
                let history = row.history(HISTORY).into_iter().map(|(movie, value, _)| (movie.clone(), value));
                expected.push((case.movie.clone(), history.collect()));
            }
            row.apply(&logged.event, logged.offset, |_| &[]);
        }
        assert_eq!(histories(&plan), expected, "from {from}");
        let steps: usize = plan.sequences.iter().map(|sequence| sequence.steps.len()).sum();
        assert!(plan.sequences.len() < steps, "sequences have several steps");
        assert_eq!((plan.cases.len(), plan.cases.len() + plan.not_compared.len()), (steps, all.len() - from));
    }
}

#[test]
fn ratings_in_order_are_one_sequence_also_beyond_the_length_of_a_history() {
    let plan = planned(&logged((0..20).map(|n| rating(n, 3.0, n as i64)).collect()), 0, &rules(0));
    assert_eq!((plan.sequences.len(), plan.cases.len()), (1, 20));
    assert_eq!(plan.cases.iter().map(|case| case.history).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    assert_eq!(plan.cases.iter().filter(|case| case.is_new_user).count(), 1);
    let changed = logged(vec![rating(1, 3.0, 1), rating(2, 3.0, 2), rating(1, 5.0, 3), rating(3, 3.0, 4)]);
    assert_eq!(planned(&changed, 0, &rules(0)).sequences.len(), 1, "a changed rating becomes the newest");
}

#[test]
fn a_sequence_ends_where_the_row_differs_from_what_inference_has_learned() {
    let late = logged(vec![rating(1, 3.0, 10), rating(2, 3.0, 5), rating(3, 3.0, 11)]);
    let plan = planned(&late, 0, &rules(0));
    assert_eq!(plan.sequences.len(), 2);
    assert_eq!(plan.sequences[1].history, [(movie(2), 3.0), (movie(1), 3.0)], "in the order of their times");
    let removed = RatingEvent::Removed { user: user(0), movie: movie(1), at: Timestamp::from_seconds(EPOCH) };
    let removal = logged(vec![rating(1, 3.0, 1), (Timestamp::EPOCH, removed), rating(2, 3.0, 2)]);
    let plan = planned(&removal, 0, &rules(0));
    assert_eq!((plan.sequences.len(), plan.not_compared.len()), (2, 1));
    assert_eq!(plan.sequences[1].history, []);
}

#[test]
fn what_comes_before_the_duel_is_learned_only() {
    let all = logged((0..6).map(|n| rating(n, 3.0, n as i64)).collect());
    let plan = planned(&all, 0, &rules(4));
    assert_eq!(plan.cases.iter().map(|case| case.offset.0).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(plan.sequences[0].history.len(), HISTORY);
    assert_eq!((plan.changes.len(), plan.users.len(), plan.not_compared.len()), (6, 1, 0));
}

#[test]
fn events_that_the_row_has_are_passed_over() {
    let all = logged((0..6).map(|n| rating(n, 3.0, n as i64)).collect());
    let mut users = open(&all, vec![(user(0), None)], rules(0).layout).expect("rows");
    users[0].applied = Some(Offset(3));
    users[0].missing.retain(|index| *index > 3);
    let again = plan(&all, users, &BTreeMap::new(), &rules(0)).expect("a plan");
    assert_eq!(again.cases.iter().map(|case| case.offset.0).collect::<Vec<_>>(), [4, 5]);
    assert!(again.cases.iter().all(|case| !case.is_new_user));
}
