//! Evaluations over the real graphs of a model as large as one of MovieLens 100K.

use std::collections::BTreeMap;

use bytes::Bytes;
use marquee_domain::Movie;
use marquee_kit::Metrics;
use marquee_model::{Catalogue, Package, write_encoder, write_learner, write_scorer};
use marquee_onnx::testing::runtime;
use marquee_posterior::{Posterior, Sample};
use prometheus_client::metrics::gauge::Gauge;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::repository::Opener;
use crate::settings::Settings;
use crate::testing::manifest;

const MOVIES: usize = 1_682;
const FACTORS: usize = 16;
const SAMPLES: usize = 20;

/// The ratings that a user has given before.
const HISTORY: usize = 100;

/// The largest difference between an evaluation and a prediction, in stars: the rounding of single
/// precision, which grows a little with the ratings that are learned one by one.
const ROUNDING: f64 = 2e-5;

/// Returns a model, with noise weights and sets of rated movies if it is `rich`.
fn posterior(is_rich: bool, rng: &mut ChaCha8Rng) -> Posterior {
    let mut uniform = |count: usize, low: f64, high: f64| (0..count).map(|_| rng.random_range(low..high)).collect();
    let samples = (0..SAMPLES)
        .map(|_| Sample {
            offset: 3.5,
            noise_precision: 1.2,
            prior_mean: uniform(FACTORS + 1, -0.2, 0.2),
            prior_precision: uniform(FACTORS + 1, 5.0, 60.0),
            movie_bias: uniform(MOVIES, -1.0, 1.0),
            factors: uniform(MOVIES * FACTORS, -0.5, 0.5),
            movie_precision: if is_rich { uniform(MOVIES, 0.5, 2.0) } else { Vec::new() },
            additions: if is_rich { uniform(MOVIES * (FACTORS + 1), -0.2, 0.2) } else { Vec::new() },
        })
        .collect();
    Posterior { movies: MOVIES, factors: FACTORS, samples, has_user_noise: is_rich }
}

/// Returns the files of a package.
fn package(posterior: &Posterior) -> BTreeMap<String, Bytes> {
    let (encoder, scorer) = (write_encoder(posterior).unwrap(), write_scorer(posterior).unwrap());
    let learner = write_learner(posterior).unwrap();
    let one = |index: usize| Movie::try_new(movie(&format!("m{index}")), "A", None, Vec::new()).unwrap();
    let catalog = Catalogue::new((0..MOVIES).map(one).collect()).unwrap();
    let manifest = marquee_model::Manifest {
        encoder: encoder.signature,
        scorer: scorer.signature,
        learner: Some(learner.signature),
        ..manifest(1)
    };
    let files = BTreeMap::from([
        ("encoder.onnx".to_owned(), encoder.bytes.into()),
        ("scorer.onnx".to_owned(), scorer.bytes.into()),
        ("learner.onnx".to_owned(), learner.bytes.into()),
        ("movies.parquet".to_owned(), catalog.to_parquet().unwrap().into()),
    ]);
    Package::build(manifest, files, None).into_files()
}

/// Returns sequences of users who each give some ratings, every eighth of them of a movie that they
/// have rated before.
fn sequences(users: usize, steps: usize, rng: &mut ChaCha8Rng) -> Vec<Ratings> {
    let mut rating = |learn| (rng.random_range(0..MOVIES), f64::from(rng.random_range(1_u8..=5)), learn);
    let mut one = || {
        let mut history: Vec<Rating> = (0..HISTORY).map(|_| rating(false)).collect();
        history.sort_by_key(|entry| entry.0);
        history.dedup_by_key(|entry| entry.0);
        let steps = (0..steps).map(|step| {
            let (movie, stars, learn) = rating(true);
            (if step % 8 == 7 { history[step % history.len()].0 } else { movie }, stars, learn)
        });
        let steps = steps.collect();
        (history, steps, Some(HISTORY))
    };
    (0..users).map(|_| one()).collect()
}

fn states(bytes: usize) -> States {
    States::new(bytes, StateMetrics::register(&Metrics::default()))
}

/// Runs sequences through a model. Returns the estimates.
async fn run(model: &Arc<Model>, states: &States, sequences: &[Ratings]) -> Vec<Estimates> {
    let request = request(&[1], sequences);
    let pressure = Pressure::new(1, Gauge::default());
    let mut estimates = vec![Vec::new(); sequences.len()];
    for mut walks in walks(model, &request) {
        Group::new(Arc::clone(model), (&pressure, states), &mut walks).evaluate().await.expect("evaluates");
        for walk in walks {
            let at = walk.sequence;
            estimates[at] = walk.into_estimates();
        }
    }
    estimates
}

/// Loads a model for evaluations, and one that serves.
fn open(runtime: &marquee_onnx::Runtime, is_rich: bool, rng: &mut ChaCha8Rng) -> (Arc<Model>, Model) {
    let files = package(&posterior(is_rich, rng));
    let opener = Opener::new(runtime.clone(), None, &Settings::default());
    let serving = opener.open(&key(1), files.clone()).unwrap();
    let copy = Arc::new(opener.in_background().open(&key(1), files).unwrap());
    (copy, serving)
}

#[tokio::test]
async fn an_evaluation_equals_predictions_of_the_same_graphs() {
    let Some(runtime) = runtime() else { return };
    for is_rich in [false, true] {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (copy, serving) = open(&runtime, is_rich, &mut rng);
        compare_with_predictions(&copy, &serving, &mut rng).await;
    }
}

async fn compare_with_predictions(copy: &Arc<Model>, serving: &Model, rng: &mut ChaCha8Rng) {
    assert!(copy.has_learner() && !serving.has_learner(), "serving needs no learner");
    for (users, steps) in [(200, 1), (100, 10), (50, 20), (10, 100)] {
        let sequences = sequences(users, steps, rng);
        let found = run(copy, &states(0), &sequences).await;
        let mut largest = 0.0_f64;
        for ((history, steps, _), found) in sequences.iter().zip(&found).step_by(users / 5) {
            let mut history: Vec<(usize, f64)> = history.iter().map(|&(movie, rating, _)| (movie, rating)).collect();
            for (&(movie, rating, _), found) in steps.iter().zip(found) {
                let known: Vec<(i64, f32)> =
                    history.iter().map(|&(movie, rating)| (movie as i64, rating as f32)).collect();
                let state = serving.encode(&known).await.unwrap();
                let score = serving.score(&state, &[movie as i64]).await.unwrap()[0];
                let found = found.as_ref().expect("an estimate");
                let clipped = serving.scale().clip(score.rating);
                largest = largest.max((found.rating - clipped).abs()).max((found.spread - score.spread).abs());
                history.retain(|(other, _)| *other != movie);
                history.push((movie, rating));
                history.drain(..history.len().saturating_sub(HISTORY));
            }
        }
        println!("{steps} steps: an evaluation differs from predictions by at most {largest:.1e} stars");
        assert!(largest < ROUNDING, "{steps} steps: {largest:e}");
    }
}

/// A user of a random walk: the history by movie number and stars, oldest first, and its limit.
type Walker = (Vec<(usize, f64)>, usize);

/// Changes a history as events between two questions do: a rating that came late or was taken away,
/// or nothing. Returns the next ratings of the user: new ones, some again, and some of movies that
/// the version does not know.
fn go_on((history, _): &mut Walker, rng: &mut ChaCha8Rng) -> Vec<Rating> {
    if !history.is_empty() && rng.random_range(0..6) == 0 {
        history.remove(rng.random_range(0..history.len()));
    }
    if rng.random_range(0..10) == 0 {
        let late = MOVIES + 500 + history.len();
        history.insert(rng.random_range(0..=history.len()), (late, 2.0));
    }
    let rating = |rng: &mut ChaCha8Rng| {
        let again = (rng.random_range(0..5) == 0).then(|| history.choose(rng)).flatten();
        let movie = again.map_or_else(|| rng.random_range(0..MOVIES + 200), |(movie, _)| *movie);
        (movie, f64::from(rng.random_range(1_u8..=5)), true)
    };
    (0..*[1, 1, 1, 2, 5].choose(rng).unwrap()).map(|_| rating(rng)).collect()
}

/// Asserts that two evaluations are equal up to rounding. Returns the largest difference in stars.
fn assert_equal(found: &[Estimates], expected: &[Estimates]) -> f64 {
    let mut largest = 0.0_f64;
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        let (found, expected) = (found.as_ref().expect("an estimate"), expected.as_ref().expect("an estimate"));
        assert_eq!(found.unknown_movie, expected.unknown_movie);
        largest = largest.max((found.rating - expected.rating).abs()).max((found.spread - expected.spread).abs());
    }
    assert!(largest < ROUNDING, "{largest:e}");
    largest
}

#[tokio::test]
async fn estimates_from_kept_states_equal_those_of_the_encoder() {
    let Some(runtime) = runtime() else { return };
    for is_rich in [false, true] {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let (copy, _) = open(&runtime, is_rich, &mut rng);
        compare_kept_states(&copy, &mut rng).await;
    }
}

async fn compare_kept_states(copy: &Arc<Model>, rng: &mut ChaCha8Rng) {
    // The second cache has room for a few users only, so its states come and go.
    let (kept, few, off) = (states(64 << 20), states(1 << 20), states(0));
    let mut walkers: Vec<Walker> = (0..40).map(|user| (Vec::new(), [5, 30, 100][user % 3])).collect();
    let mut largest = 0.0_f64;
    for _ in 0..40 {
        let mut questions: Vec<Ratings> = Vec::new();
        for walker in &mut walkers {
            let steps = go_on(walker, rng);
            let history = walker.0.iter().map(|&(movie, rating)| (movie, rating, false)).collect();
            questions.push((history, steps.clone(), Some(walker.1)));
            for (movie, rating, _) in steps {
                walker.0.retain(|(other, _)| *other != movie);
                walker.0.push((movie, rating));
            }
            // The limit applies to what is asked; here the row keeps a little more.
            let beyond = walker.0.len().saturating_sub(walker.1 + 3);
            walker.0.drain(..beyond);
        }
        let expected = run(copy, &off, &questions).await;
        for states in [&kept, &few] {
            largest = largest.max(assert_equal(&run(copy, states, &questions).await, &expected));
        }
        // The same question again, as after an answer that was lost.
        largest = largest.max(assert_equal(&run(copy, &kept, &questions).await, &expected));
    }
    println!("an evaluation from kept states differs from one without by at most {largest:.1e} stars");
}
