//! Which evaluations run the encoder, counted at fake graphs.

use super::*;

/// Ratings of movies that follow each other, of which none is learned twice in a row.
fn rated(from: usize, count: usize) -> Vec<Rating> {
    (from..from + count).map(|n| (n % 5, (n % 4 + 1) as f64, true)).collect()
}

/// Makes steps the newest entries of a history.
fn go_on((history, steps, limit): &Ratings) -> Vec<Rating> {
    let mut history = history.clone();
    for step in steps {
        history.retain(|(movie, ..)| *movie != step.0);
        history.push(*step);
        history.drain(..history.len().saturating_sub(limit.unwrap_or(usize::MAX)));
    }
    history
}

impl Bench {
    /// Evaluates and checks the estimates. Returns how many histories were encoded for it.
    async fn encoded(&self, versions: &[u64], sequences: &[Ratings]) -> usize {
        let before = self.copies.encoded();
        let expected: Vec<Estimate> = sequences.iter().flat_map(expected).collect();
        for result in self.evaluate(request(versions, sequences)).await {
            assert_close(result.estimates.as_ref().expect("warm"), &expected);
        }
        self.copies.encoded() - before
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_ratings_of_a_user_need_no_encoder() {
    let bench = Bench::new(&[]).await;
    let first = (rated(0, 2), rated(2, 1), Some(4));
    let second = (go_on(&first), rated(3, 3), Some(4));
    let third = (go_on(&second), rated(6, 1), Some(4));
    assert_eq!(bench.encoded(&[1, 2], std::slice::from_ref(&first)).await, 2, "one history of two versions");
    assert_eq!(bench.encoded(&[1, 2], std::slice::from_ref(&second)).await, 0);
    assert_eq!(bench.encoded(&[1, 2], &[second, third.clone()]).await, 0, "one was asked before, and one follows");
    let other = (vec![(0, 1.0, false), (1, 1.0, false)], rated(3, 1), Some(4));
    assert_eq!(bench.encoded(&[1], &[third.clone(), other]).await, 1, "only the history that was never seen");
    let swapped = (third.0.iter().rev().copied().collect(), third.1, third.2);
    assert_eq!(bench.encoded(&[1], &[swapped]).await, 1, "the order is a part of the history");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_asked_again_needs_no_encoder() {
    let bench = Bench::new(&[]).await;
    let mut question = (rated(0, 3), rated(3, 2), None);
    for _ in 0..5 {
        bench.encoded(&[1], std::slice::from_ref(&question)).await;
        assert_eq!(bench.encoded(&[1], std::slice::from_ref(&question)).await, 0, "{question:?}");
        question = (go_on(&question), rated(question.0.len() + 5, 2), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_history_is_encoded_again_after_many_runs_of_the_learner() {
    let bench = Bench::new(&[]).await;
    let (mut question, mut encoded) = ((rated(0, 3), rated(3, 1), Some(3)), Vec::new());
    for n in 0..100 {
        encoded.push(bench.encoded(&[1], std::slice::from_ref(&question)).await);
        question = (go_on(&question), rated(4 + n, 1), Some(3));
    }
    // A rating leaves with each one that comes: two runs.
    let expected: Vec<usize> = (0..100).map(|n| usize::from(n % 33 == 0)).collect();
    assert_eq!(encoded, expected);
}

#[tokio::test(start_paused = true)]
async fn states_are_kept_only_where_they_can_be_used() {
    let off = Bench::with_states(&[], 0).await;
    let without_learner = Bench::new(&[(1, Step::WithoutLearner)]).await;
    let first = (rated(0, 2), rated(2, 2), None);
    let second = (go_on(&first), rated(4, 1), None);
    // Without a learner, the first of two steps takes a run of the encoder.
    for (bench, counts) in [(off, [1, 1, 1]), (without_learner, [2, 1, 1])] {
        let mut found = Vec::new();
        for question in [&first, &first, &second] {
            found.push(bench.encoded(&[1], std::slice::from_ref(question)).await);
        }
        assert_eq!(found, counts);
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_not_learned_changes_no_state() {
    let bench = Bench::new(&[]).await;
    let question = (rated(0, 2), vec![(2, 5.0, false), (3, 1.0, false)], None);
    assert_eq!(bench.encoded(&[1], std::slice::from_ref(&question)).await, 1);
    assert_eq!(bench.encoded(&[1], &[(question.0, rated(4, 1), None)]).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_learner_that_carries_sums_needs_no_encoder() {
    let bench = Bench::new(&[(1, Step::CarriesSums)]).await;
    let mut question = (rated(0, 3), rated(3, 2), Some(4));
    for n in 0..50 {
        assert_eq!(bench.encoded(&[1], std::slice::from_ref(&question)).await, 0, "question {n}");
        question = (go_on(&question), rated(5 + n, 1 + n % 3), Some(4));
    }
}
