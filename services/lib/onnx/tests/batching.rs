//! Many requests at once get the same answers as one by one, in fewer runs.

use std::sync::Arc;
use std::time::Duration;

use marquee_model::{HISTORY, MOVIES};
use marquee_onnx::testing;
use marquee_onnx::{BatchSettings, Batcher, RunError, Tensor};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use tokio::task::JoinSet;

use crate::fixture;

type Named = Vec<(String, Tensor)>;

fn settings() -> BatchSettings {
    BatchSettings { padded: vec![HISTORY.to_owned(), MOVIES.to_owned()], ..BatchSettings::default() }
}

fn assert_close(together: &Named, alone: &Named) {
    assert_eq!(together.len(), alone.len());
    for ((name, together), (_, alone)) in together.iter().zip(alone) {
        assert_eq!(together.shape(), alone.shape(), "{name}");
        for (a, b) in together.as_f32().expect("floats").iter().zip(alone.as_f32().expect("floats")) {
            assert!((a - b).abs() <= 1e-5, "{name}: {a} together, {b} alone");
        }
    }
}

/// Runs all requests at once and returns the answers in the order of the requests. The
/// current-thread runtime queues all requests before the first answer can be taken.
async fn run_at_once(batcher: &Arc<Batcher>, requests: &[Named]) -> Vec<Result<Named, RunError>> {
    let mut running = JoinSet::new();
    for (number, request) in requests.iter().cloned().enumerate() {
        let batcher = Arc::clone(batcher);
        running.spawn(async move { (number, batcher.run(request).await) });
    }
    let mut answers = running.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[tokio::test]
async fn concurrent_requests_share_runs_and_get_what_they_get_alone() {
    let Some(runtime) = testing::runtime() else { return };
    let posterior = fixture::posterior(400, 16, 16, 7);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (encoder, scorer) = fixture::graphs(&runtime, &posterior);
    let (encoder, scorer) = (Arc::new(Batcher::new(encoder, &settings())), Arc::new(Batcher::new(scorer, &settings())));

    let histories: Vec<Named> = (0..120)
        .map(|user| fixture::encoder_inputs(&fixture::history(posterior.movies, user % 37, &mut rng)))
        .collect();
    let mut states = Vec::new();
    for history in &histories {
        states.push(encoder.run(history.clone()).await.expect("encodes"));
    }
    assert_eq!((encoder.stats().requests, encoder.stats().batches), (120, 120), "one by one nothing waits");
    for (together, alone) in run_at_once(&encoder, &histories).await.iter().zip(&states) {
        assert_close(together.as_ref().expect("encodes"), alone);
    }
    let stats = encoder.stats();
    assert_eq!(stats.requests, 240);
    assert!(stats.batches < 120 + 60, "{stats:?}");
    assert_eq!(stats.rows, 240);
    assert!(stats.queue_nanos > 0 && stats.run_nanos > 0);

    let requests: Vec<Named> = (0..120)
        .map(|user| {
            let movies = rand::seq::index::sample(&mut rng, posterior.movies, 1 + user % 11).into_vec();
            fixture::scorer_inputs(&states[user], &movies)
        })
        .collect();
    let together = run_at_once(&scorer, &requests).await;
    assert!(scorer.stats().batches < 60, "{:?}", scorer.stats());
    for (together, request) in together.iter().zip(requests) {
        assert_close(together.as_ref().expect("scores"), &scorer.run(request).await.expect("scores"));
    }
}

#[tokio::test]
async fn a_bad_request_fails_alone() {
    let Some(runtime) = testing::runtime() else { return };
    let (encoder, scorer) = fixture::graphs(&runtime, &fixture::posterior(50, 4, 2, 8));
    let state = encoder.run(fixture::encoder_inputs(&[(1, 5.0)])).await.expect("encodes");
    let scorer = Arc::new(Batcher::new(scorer, &settings()));
    let requests: Vec<Named> = (0..20).map(|movie| fixture::scorer_inputs(&state, &[40 + movie])).collect();
    for (movie, answer) in run_at_once(&scorer, &requests).await.into_iter().enumerate() {
        assert_eq!(answer.is_ok(), movie < 10, "movie {}", 40 + movie);
    }
}

#[tokio::test]
async fn a_full_queue_answers_at_once() {
    let Some(runtime) = testing::runtime() else { return };
    let (encoder, _) = fixture::graphs(&runtime, &fixture::posterior(50, 16, 16, 9));
    let batcher = Arc::new(Batcher::new(encoder, &BatchSettings { queue: 4, max_rows: 1, ..settings() }));
    let requests = vec![fixture::encoder_inputs(&[(1, 5.0)]); 200];
    let answers = run_at_once(&batcher, &requests).await;
    let refused = answers.iter().filter(|answer| **answer == Err(RunError::Overloaded)).count();
    let stats = batcher.stats();
    assert!(refused > 0, "{stats:?}");
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 200 - refused);
    assert_eq!((stats.overloaded, stats.requests), (refused as u64, 200 - refused as u64));
}

#[tokio::test]
async fn requests_of_callers_that_left_are_not_run() {
    let Some(runtime) = testing::runtime() else { return };
    let (encoder, _) = fixture::graphs(&runtime, &fixture::posterior(50, 16, 16, 10));
    let batcher = Arc::new(Batcher::new(encoder, &BatchSettings { max_rows: 1, ..settings() }));
    // A long history takes much longer to encode than a request takes to arrive.
    let history: Vec<(usize, f64)> = (0..2_000).map(|at| (at % 50, 5.0)).collect();
    let mut leaving = JoinSet::new();
    for _ in 0..100 {
        let (batcher, inputs) = (Arc::clone(&batcher), fixture::encoder_inputs(&history));
        leaving.spawn(async move { batcher.run(inputs).await });
    }
    // The tasks queue their requests on this thread, some in each turn.
    while batcher.stats().requests < 100 {
        tokio::task::yield_now().await;
    }
    leaving.shutdown().await;
    batcher.run(fixture::encoder_inputs(&[(2, 3.0)])).await.expect("a request that stays is run");
    let stats = batcher.stats();
    assert_eq!(stats.abandoned + stats.batches, stats.requests, "{stats:?}");
    assert!(stats.abandoned > 50, "{stats:?}");
}

#[tokio::test]
async fn warming_runs_as_often_as_asked() {
    let Some(runtime) = testing::runtime() else { return };
    let (encoder, _) = fixture::graphs(&runtime, &fixture::posterior(50, 4, 2, 11));
    let batcher = Batcher::new(encoder, &settings());
    batcher.warm(&fixture::encoder_inputs(&[(1, 5.0)]), 5).await.expect("runs");
    assert_eq!(batcher.stats().batches, 5);
    let beyond = fixture::encoder_inputs(&[(50, 5.0)]);
    assert!(batcher.warm(&beyond, 5).await.is_err());
}

/// Longer than a test may take: what waits for it, waits for ever.
const FOREVER: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn with_a_delay_an_idle_instance_waits_for_a_preferred_or_a_full_batch() {
    let Some(runtime) = testing::runtime() else { return };
    let posterior = fixture::posterior(50, 4, 2, 12);
    let requests = vec![fixture::encoder_inputs(&[(1, 5.0)]); 4];
    for changed in [
        BatchSettings { delay: FOREVER, preferred: vec![4], ..settings() },
        BatchSettings { delay: FOREVER, max_rows: 4, ..settings() },
    ] {
        let batcher = Arc::new(Batcher::new(fixture::graphs(&runtime, &posterior).0, &changed));
        let answers = run_at_once(&batcher, &requests).await;
        assert!(answers.iter().all(Result::is_ok));
        let stats = batcher.stats();
        assert_eq!((stats.batches, stats.rows), (1, 4), "{stats:?}");
    }
}

#[tokio::test]
async fn a_request_waits_for_others_no_longer_than_the_delay() {
    let Some(runtime) = testing::runtime() else { return };
    let (encoder, _) = fixture::graphs(&runtime, &fixture::posterior(50, 4, 2, 13));
    let delay = Duration::from_millis(20);
    let batcher = Batcher::new(encoder, &BatchSettings { delay, preferred: vec![8], ..settings() });
    batcher.run(fixture::encoder_inputs(&[(1, 5.0)])).await.expect("nobody joins it");
    let stats = batcher.stats();
    assert!(u128::from(stats.queue_nanos) >= delay.as_nanos(), "{stats:?}");
    assert_eq!(stats.batches, 1);
}

#[tokio::test]
async fn requests_beyond_a_preferred_size_run_next() {
    let Some(runtime) = testing::runtime() else { return };
    let (encoder, _) = fixture::graphs(&runtime, &fixture::posterior(50, 4, 2, 14));
    let changed = BatchSettings { delay: FOREVER, preferred: vec![4], ..settings() };
    let batcher = Arc::new(Batcher::new(encoder, &changed));
    let answers = run_at_once(&batcher, &vec![fixture::encoder_inputs(&[(1, 5.0)]); 12]).await;
    assert!(answers.iter().all(Result::is_ok));
    let stats = batcher.stats();
    assert_eq!((stats.batches, stats.rows), (3, 12), "{stats:?}");
}
