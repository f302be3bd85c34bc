//! Shared by the tests: ONNX Runtime if it is installed, and a realistic random model.

use std::path::PathBuf;

use marquee_model::{tensors, write_encoder, write_learner, write_scorer};
use marquee_onnx::{Data, Graph, Runtime, Tensor, Threads};
use marquee_posterior::{Posterior, Sample, UserNoise};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Normal};

/// Returns ONNX Runtime from `ORT_DYLIB_PATH` or the cache, or `None` if it is not installed.
/// Panics instead of returning `None` in continuous integration.
pub(crate) fn runtime() -> Option<Runtime> {
    let explicit = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    match Runtime::load(explicit.as_deref()) {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}");
            println!("skipped: {error}");
            None
        }
    }
}

/// Returns a posterior with numbers of the size that a trained model has. ML-100K has 1,682 movies.
pub(crate) fn posterior(movies: usize, factors: usize, samples: usize, seed: u64) -> Posterior {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let spread = |deviation: f64| Normal::new(0.0, deviation).expect("positive");
    let draw = |count: usize, deviation: f64, rng: &mut ChaCha8Rng| -> Vec<f64> {
        (0..count).map(|_| spread(deviation).sample(rng)).collect()
    };
    // The samples of one posterior are similar to each other, with small differences.
    let (bias, rows) = (draw(movies, 0.5, &mut rng), draw(movies * factors, 0.3, &mut rng));
    let shifted = |base: &[f64], rng: &mut ChaCha8Rng| -> Vec<f64> {
        base.iter().map(|value| value + spread(0.08).sample(rng)).collect()
    };
    let samples = (0..samples)
        .map(|_| Sample {
            offset: 3.53 + spread(0.01).sample(&mut rng),
            noise_precision: 1.2 + spread(0.01).sample(&mut rng),
            prior_mean: draw(factors + 1, 0.1, &mut rng),
            prior_precision: (0..=factors).map(|_| rng.random_range(5.0..60.0)).collect(),
            movie_bias: shifted(&bias, &mut rng),
            factors: shifted(&rows, &mut rng),
            ..Sample::default()
        })
        .collect();
    Posterior { movies, factors, samples, user_noise: Vec::new() }
}

/// Returns the same with noise weights and sets of rated movies, as `bayes` makes them.
pub(crate) fn rich(movies: usize, factors: usize, samples: usize, seed: u64) -> Posterior {
    let mut posterior = posterior(movies, factors, samples, seed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed + 1);
    let spread = Normal::new(0.0, 0.15).expect("positive");
    for sample in &mut posterior.samples {
        sample.movie_precision = (0..movies).map(|_| rng.random_range(0.4..2.0)).collect();
        sample.additions = (0..movies * (factors + 1)).map(|_| spread.sample(&mut rng)).collect();
    }
    let value = |precision| UserNoise { precision, probability: 0.2 };
    posterior.user_noise = [0.4362, 0.6909, 0.9180, 1.1906, 1.6702].map(value).to_vec();
    posterior
}

/// Returns a history of different movies with whole stars.
pub(crate) fn history(movies: usize, length: usize, rng: &mut ChaCha8Rng) -> Vec<(usize, f64)> {
    rand::seq::index::sample(rng, movies, length)
        .into_iter()
        .map(|movie| (movie, f64::from(rng.random_range(1_u8..=5))))
        .collect()
}

/// Returns the encoder and the scorer of a posterior.
pub(crate) fn graphs(runtime: &Runtime, posterior: &Posterior) -> (Graph, Graph) {
    let load = |bytes: &[u8]| Graph::load(runtime, bytes, Threads::default()).expect("loads");
    (load(&write_encoder(posterior).expect("encoder").bytes), load(&write_scorer(posterior).expect("scorer").bytes))
}

/// Returns the learner of a posterior.
pub(crate) fn learner(runtime: &Runtime, posterior: &Posterior) -> Graph {
    Graph::load(runtime, &write_learner(posterior).expect("learner").expect("a learner").bytes, Threads::default())
        .expect("loads")
}

/// Changes a state of one row by one rating.
pub(crate) async fn learn(
    learner: &Graph,
    mut state: Vec<(String, Tensor)>,
    (movie, rating): (usize, f64),
    weight: f32,
) -> Vec<(String, Tensor)> {
    let one = |data| Tensor::try_new(vec![1], data).expect("fits");
    state.push(("movie".to_owned(), one(Data::I64(vec![movie as i64]))));
    state.push(("rating".to_owned(), one(Data::F32(vec![rating as f32]))));
    state.push(("weight".to_owned(), one(Data::F32(vec![weight]))));
    tensors::next_state(learner.run(state).await.expect("learns"))
}

/// Returns the encoder's inputs for one history. An empty history is one entry of weight 0.
pub(crate) fn encoder_inputs(history: &[(usize, f64)]) -> Vec<(String, Tensor)> {
    let entries: Vec<(usize, f64, f32)> = if history.is_empty() {
        vec![(0, 0.0, 0.0)]
    } else {
        history.iter().map(|&(movie, rating)| (movie, rating, 1.0)).collect()
    };
    let shape = vec![1, entries.len()];
    let tensor = |data| Tensor::try_new(shape.clone(), data).expect("fits");
    vec![
        ("movie".to_owned(), tensor(Data::I64(entries.iter().map(|entry| entry.0 as i64).collect()))),
        ("rating".to_owned(), tensor(Data::F32(entries.iter().map(|entry| entry.1 as f32).collect()))),
        ("weight".to_owned(), tensor(Data::F32(entries.iter().map(|entry| entry.2).collect()))),
    ]
}

/// Returns the scorer's inputs: a state from the encoder, and movies.
pub(crate) fn scorer_inputs(state: &[(String, Tensor)], movies: &[usize]) -> Vec<(String, Tensor)> {
    let movies = Data::I64(movies.iter().map(|&movie| movie as i64).collect());
    let movies = Tensor::try_new(vec![1, movies.len()], movies).expect("fits");
    state.iter().cloned().chain([("movie".to_owned(), movies)]).collect()
}

/// Returns the values of an output by name.
pub(crate) fn floats<'a>(outputs: &'a [(String, Tensor)], name: &str) -> &'a [f32] {
    let (_, tensor) = outputs.iter().find(|(output, _)| output == name).expect("an output of that name");
    tensor.as_f32().expect("single precision")
}
