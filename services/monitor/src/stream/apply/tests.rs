//! Compares and learns a small log over a store that loses its newest writes between any two calls:
//! the rows and tallies are those of a run without faults.

use std::collections::BTreeMap;
use std::time::Duration;

use marquee_domain::Timestamp;
use marquee_ports::ErrorKind;
use marquee_ports::memory::{Fault, Faults, MemoryStore, Step};

use super::*;
use crate::stream::batch::LoggedEvent;
use crate::stream::predict::Predictor;
use crate::testing::{EPOCH, HISTORY, ScriptedInference, events, model};

const SOURCE: Partition = Partition(0);

/// The number of events of a batch.
const BATCH: usize = 6;

/// Splits a user's ratings as soon as there are three, and soon writes what is pending.
const SMALL: Layout = Layout { whole: 2, pending: 3, chunk: 2, newest: HISTORY };

fn layouts() -> [Layout; 2] {
    [Layout::of_history(HISTORY), SMALL]
}

/// Applies the log from the marker on with one lease, as the consumer does between two errors.
async fn apply_log(store: &MemoryStore, layout: Layout, log: &[LoggedEvent]) -> Result<(), Error> {
    let applier = Applier { store: Arc::new(store.clone()), compute: Compute::default(), layout, history: HISTORY };
    let inference = Arc::new(ScriptedInference::with(&[1, 2]));
    let mut predictor = Predictor::new(inference, vec![model()], (HISTORY, Duration::ZERO));
    let mut lease = store.lease(SOURCE).await?;
    while (lease.marker().0 as usize) < log.len() {
        let from = lease.marker().0 as usize;
        let to = (from + BATCH).min(log.len());
        let batch = Batch { events: Arc::from(&log[from..to]), next: Offset(to as u64) };
        // The first events are learned only.
        let plan = applier.plan(SOURCE, &batch, (Movies::default(), Offset(4))).await?;
        let answers = predictor.predict(&plan.sequences).await;
        let evidence = Evidence { answers, joined: Vec::new() };
        applier.write(&mut *lease, (plan, evidence), (Movies::default(), batch.next)).await?;
    }
    Ok(())
}

/// All rows, and the marker.
type State = (BTreeMap<(Partition, Bytes), Row>, Offset);

/// Applies the log with these faults, with a new lease after each error. Returns the state, the
/// calls, and how many changes the store contains.
async fn run(layout: Layout, faults: impl IntoIterator<Item = Step>) -> (State, Vec<&'static str>, usize) {
    let faults = Faults::script(faults);
    let store = MemoryStore::new(faults.clone());
    // Some hours pass.
    let arrived = |offset: u64| Timestamp::from_seconds(EPOCH + 700 * offset.cast_signed());
    let logged = |(offset, (_, event))| LoggedEvent { offset: Offset(offset), arrived: arrived(offset), event };
    let log: Vec<LoggedEvent> = (0..).zip(events(0..40)).map(logged).collect();
    let mut errors = 0;
    while let Err(error) = apply_log(&store, layout, &log).await {
        assert!(error.is_retryable(), "{error}");
        errors += 1;
        assert!(errors < 5, "there are at most three faults: {error}");
    }
    let (rows, calls, changes) = (store.rows(), faults.calls(), store.changes());
    ((rows, store.marker(SOURCE).await.expect("a marker")), calls, changes)
}

/// Returns the state after a run without faults, the number of its last apply, and its changes. A
/// loss after the last apply is found by the apply of the next event.
async fn undisturbed(layout: Layout) -> (State, usize, usize) {
    let (state, calls, changes) = run(layout, []).await;
    let last = calls.iter().rposition(|call| *call == "apply").expect("an apply") + 1;
    let has = |prefix: &str| state.0.keys().any(|(_, key)| key.starts_with(prefix.as_bytes()));
    for prefix in ["u/", "m/", "d/v/ratings/1", "d/v/ratings/2", "d/p/ratings/1/2", "d/index", "d/stats", "d/h/"] {
        assert!(has(prefix), "{prefix}");
    }
    assert_eq!(has("c/"), layout.whole == SMALL.whole, "only split users have chunks");
    (state, last, changes)
}

#[tokio::test]
async fn a_tail_that_is_lost_between_any_two_calls_is_learned_again() {
    for layout in layouts() {
        let (expected, last, changes) = undisturbed(layout).await;
        for cut in 1..=last {
            for lost in (1..=changes).step_by(7) {
                let (after, _, _) = run(layout, [Step::at(cut, Fault::LoseTail(lost))]).await;
                assert_eq!(after, expected, "{layout:?}: {lost} changes are lost before call {cut}");
            }
        }
    }
}

/// The batch is then written in part: some tallies, or all rows without the marker.
#[tokio::test]
async fn a_batch_that_is_written_in_part_is_completed() {
    for layout in layouts() {
        let (expected, last, _) = undisturbed(layout).await;
        for cut in 1..=last {
            for lost in [1, 2, 3, 4, 5, 6, 8, 12, 16] {
                let unanswered = Step::at(cut, Fault::FailAfter(ErrorKind::Unavailable));
                let (after, _, _) = run(layout, [unanswered, Step::at(cut + 1, Fault::LoseTail(lost))]).await;
                assert_eq!(after, expected, "{layout:?}: call {cut} is not answered, then {lost} changes are lost");
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_fails_is_made_again() {
    for layout in layouts() {
        let (expected, last, _) = undisturbed(layout).await;
        for cut in 1..=last {
            let (after, _, _) = run(layout, [Step::at(cut, Fault::Fail(ErrorKind::Unavailable))]).await;
            assert_eq!(after, expected, "{layout:?}: call {cut} fails");
        }
    }
}
