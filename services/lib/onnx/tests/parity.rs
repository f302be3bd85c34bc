//! Compares the encoder and the scorer under ONNX Runtime with the double-precision reference.

use marquee_model::write_ranker;
use marquee_onnx::testing;
use marquee_onnx::{Graph, Runtime, Threads};
use marquee_posterior::Posterior;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::fixture;

/// Largest allowed difference, in stars.
const BOUND: f64 = 1e-3;

/// Returns the largest differences of (rating, spread) over several users with the same history
/// length.
async fn differences(model: &Model, length: usize, users: usize, movies_each: usize) -> (f64, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(length as u64);
    let (mut rating, mut spread) = (0.0_f64, 0.0_f64);
    for _ in 0..users {
        let history = fixture::history(model.posterior.movies, length, &mut rng);
        let movies = rand::seq::index::sample(&mut rng, model.posterior.movies, movies_each).into_vec();
        let state = model.encoder.run(fixture::encoder_inputs(&history)).await.expect("encodes");
        let scores = model.scorer.run(fixture::scorer_inputs(&state, &movies)).await.expect("scores");
        let reference = model.posterior.state(&history);
        let pairs = fixture::floats(&scores, "rating").iter().zip(fixture::floats(&scores, "spread"));
        for (&movie, (&stars, &deviation)) in movies.iter().zip(pairs) {
            let expected = model.posterior.estimate(&reference, movie);
            rating = rating.max((f64::from(stars) - expected.rating).abs());
            spread = spread.max((f64::from(deviation) - expected.spread).abs());
        }
    }
    (rating, spread)
}

struct Model {
    posterior: Posterior,
    encoder: Graph,
    scorer: Graph,
}

impl Model {
    fn new(runtime: &Runtime, posterior: Posterior) -> Self {
        let (encoder, scorer) = fixture::graphs(runtime, &posterior);
        Self { posterior, encoder, scorer }
    }
}

#[tokio::test]
async fn ten_thousand_predictions_agree_with_double_precision() {
    let Some(runtime) = testing::runtime() else { return };
    type Make = fn(usize, usize, usize, u64) -> Posterior;
    let models: [(Make, &str); 2] = [(fixture::posterior, "plain"), (fixture::rich, "with weights and sets")];
    for (posterior, about) in models {
        let model = Model::new(&runtime, posterior(1_682, 16, 16, 1));
        for length in [0, 1, 5, 50, 500] {
            let (rating, spread) = differences(&model, length, 20, 100).await;
            println!("{about}, history {length}: rating differs by at most {rating:.1e}, spread by {spread:.1e} stars");
            assert!(rating <= BOUND && spread <= BOUND, "{about}, history {length}: {rating:e}, {spread:e}");
        }
    }
}

#[tokio::test]
async fn a_model_of_biases_alone_and_a_wide_one_agree_too() {
    let Some(runtime) = testing::runtime() else { return };
    for (factors, samples) in [(0, 3), (1, 1), (40, 2), (128, 2)] {
        let model = Model::new(&runtime, fixture::posterior(300, factors, samples, 2));
        let (rating, spread) = differences(&model, 50, 5, 20).await;
        assert!(rating <= BOUND && spread <= BOUND, "k = {factors}: {rating:e}, {spread:e}");
        let model = Model::new(&runtime, fixture::rich(300, factors, samples, 2));
        let (rating, spread) = differences(&model, 50, 5, 20).await;
        assert!(rating <= BOUND && spread <= BOUND, "with weights and sets, k = {factors}: {rating:e}, {spread:e}");
    }
}

#[tokio::test]
async fn precisions_of_very_different_size_do_not_spoil_the_solve() {
    let Some(runtime) = testing::runtime() else { return };
    for mut posterior in [fixture::posterior(1_000, 8, 4, 3), fixture::rich(1_000, 8, 4, 3)] {
        for sample in &mut posterior.samples {
            sample.prior_precision = vec![0.5, 5_000.0, 1.0, 60.0, 700.0, 5.0, 20.0, 0.5, 5.0];
            sample.noise_precision = 30.0;
        }
        let model = Model::new(&runtime, posterior);
        for length in [0, 3, 900] {
            let (rating, spread) = differences(&model, length, 5, 100).await;
            assert!(rating <= BOUND && spread <= BOUND, "history {length}: {rating:e}, {spread:e}");
        }
    }
}

#[tokio::test]
async fn the_noise_of_a_wide_model_agrees_after_any_history() {
    let Some(runtime) = testing::runtime() else { return };
    let model = Model::new(&runtime, fixture::rich(1_000, 128, 2, 8));
    for length in [0, 100, 900] {
        let (rating, spread) = differences(&model, length, 2, 20).await;
        println!("history {length}: rating differs by at most {rating:.1e}, spread by {spread:.1e} stars");
        assert!(rating <= BOUND && spread <= BOUND, "history {length}: {rating:e}, {spread:e}");
    }
}

#[tokio::test]
async fn entries_of_weight_0_change_nothing() {
    let Some(runtime) = testing::runtime() else { return };
    let (encoder, _) = fixture::graphs(&runtime, &fixture::rich(200, 4, 2, 4));
    let plain = fixture::encoder_inputs(&[(7, 4.0), (9, 2.0)]);
    let mut padded = fixture::encoder_inputs(&[(7, 4.0), (9, 2.0), (0, 0.0), (150, 5.0)]);
    let weights = vec![1.0_f32, 1.0, 0.0, 0.0];
    padded[2].1 = marquee_onnx::Tensor::from_vec(vec![1, 4], weights).expect("fits");
    let (plain, padded) = (encoder.run(plain).await.expect("runs"), encoder.run(padded).await.expect("runs"));
    for name in ["mean", "covariance", "noise"] {
        for (a, b) in fixture::floats(&plain, name).iter().zip(fixture::floats(&padded, name)) {
            assert!((a - b).abs() < 1e-6, "{name}: {a} and {b}");
        }
    }
}

#[tokio::test]
async fn the_ranker_rates_all_movies_as_the_scorer_does() {
    let Some(runtime) = testing::runtime() else { return };
    for posterior in
        [fixture::posterior(500, 16, 16, 9), fixture::rich(500, 16, 16, 9), fixture::posterior(70, 0, 1, 9)]
    {
        let (encoder, scorer) = fixture::graphs(&runtime, &posterior);
        let ranker = write_ranker(&posterior).expect("ranker");
        let ranker = Graph::load(&runtime, &ranker.bytes, Threads::default()).expect("loads");
        let movies: Vec<usize> = (0..posterior.movies).collect();
        for length in [0, 50] {
            let history = fixture::history(posterior.movies, length, &mut ChaCha8Rng::seed_from_u64(3));
            let state = encoder.run(fixture::encoder_inputs(&history)).await.expect("encodes");
            let scores = scorer.run(fixture::scorer_inputs(&state, &movies)).await.expect("scores");
            let mean = state.into_iter().filter(|(name, _)| name == "mean").collect();
            let ranks = ranker.run(mean).await.expect("ranks");
            let (found, expected) = (fixture::floats(&ranks, "rating"), fixture::floats(&scores, "rating"));
            assert_eq!(found.len(), expected.len());
            for (movie, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert!((found - expected).abs() < 2e-5, "movie {movie}: {found} and {expected}");
            }
        }
    }
}

/// The ratings learned between two runs of the encoder, as evaluation does.
const LEARNED: usize = 64;

#[tokio::test]
async fn learning_and_forgetting_equal_encoding_again() {
    let Some(runtime) = testing::runtime() else { return };
    let plain = fixture::posterior(1_682, 16, 16, 6);
    let rich = fixture::rich(1_682, 16, 16, 6);
    let (mut weights, mut sets) = (rich.clone(), rich.clone());
    weights.samples.iter_mut().for_each(|sample| sample.additions.clear());
    sets.has_user_noise = false;
    for (posterior, about) in [(plain, "plain"), (rich, "rich"), (weights, "with weights"), (sets, "with sets")] {
        for before in [0, 5, 100] {
            for (name, largest) in learned(&runtime, &posterior, before).await {
                println!("{about}, {before} + {LEARNED} ratings: {name} differs by at most {largest:.1e} stars");
                assert!(largest < 2e-5, "{about}, {name} after {before} + {LEARNED}: {largest:e}");
            }
        }
    }
}

/// Returns by how much ratings and spreads differ between a state that has learned and forgotten,
/// and the one of the encoder.
async fn learned(runtime: &Runtime, posterior: &Posterior, before: usize) -> [(&'static str, f32); 2] {
    let (encoder, scorer) = fixture::graphs(runtime, posterior);
    let learner = fixture::Learner::new(runtime, posterior);
    let mut rng = ChaCha8Rng::seed_from_u64(7 + before as u64);
    let movies: Vec<usize> = (0..1_682).step_by(97).collect();
    let history = fixture::history(1_682, before + LEARNED, &mut rng);
    let mut state = learner.begin(&encoder, &history[..before]).await;
    for &entry in &history[before..] {
        state = learner.learn(state, entry, 1.0).await;
    }
    // Every second one is forgotten again, and a weight of 0 changes nothing.
    let (kept, forgotten): (Vec<_>, Vec<_>) = history.iter().enumerate().partition(|(index, _)| index % 2 == 0);
    for (_, entry) in &forgotten[..LEARNED / 2] {
        state = learner.learn(state, **entry, -1.0).await;
        state = learner.learn(state, **entry, 0.0).await;
    }
    let left = kept.iter().chain(&forgotten[LEARNED / 2..]).map(|(_, entry)| **entry);
    let again = encoder.run(fixture::encoder_inputs(&left.collect::<Vec<_>>())).await.expect("encodes");
    let scores = |state: &fixture::State| scorer.run(fixture::scorer_inputs(state, &movies));
    let (learned, encoded) = (scores(&state).await.expect("scores"), scores(&again).await.expect("scores"));
    ["rating", "spread"].map(|name| {
        let pairs = fixture::floats(&learned, name).iter().zip(fixture::floats(&encoded, name));
        (name, pairs.map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max))
    })
}
