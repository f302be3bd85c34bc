//! The cost of the exported encoder: a user's history becomes a state, on one thread.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use marquee_model::{tensors, write_encoder};
use marquee_onnx::{Graph, Runtime, Tensor, Threads};
use marquee_posterior::{Posterior, Sample};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

/// The movies of MovieLens 1M that have ratings.
const MOVIES: usize = 3_706;

const FACTORS: usize = 32;
const SAMPLES: usize = 32;
/// The length of the history that the target is for.
pub(crate) const HISTORY: usize = 200;

/// Other lengths. An empty history is passed to the graph as one entry of weight 0.
pub(crate) const OTHER_HISTORIES: [usize; 4] = [0, 1, 10, 50];

/// Runs before the first that counts, and those that count.
const WARM: usize = 20;
const RUNS: usize = 300;

/// Milliseconds of single runs, sorted, for each of these lengths of a history.
pub(crate) fn milliseconds(seed: u64, histories: &[usize]) -> Result<Vec<Vec<f64>>> {
    let library = std::env::var_os("MARQUEE__ONNXRUNTIME").map(PathBuf::from);
    let runtime = Runtime::load(library.as_deref())?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let graph = write_encoder(&posterior(&mut random)).context("write the encoder")?;
    let graph = Graph::load(&runtime, &graph.bytes, Threads(1))?;
    let tokio = tokio::runtime::Builder::new_current_thread().build()?;
    let mut all = Vec::with_capacity(histories.len());
    for &length in histories {
        let mut times = Vec::with_capacity(RUNS);
        for run in 0..WARM + RUNS {
            let inputs = history(&mut random, length)?;
            let started = Instant::now();
            tokio.block_on(graph.run(inputs))?;
            if run >= WARM {
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        times.sort_by(f64::total_cmp);
        all.push(times);
    }
    Ok(all)
}

/// Returns a posterior with numbers of the size that a fitted one has. The time of a run does not
/// depend on them.
fn posterior(random: &mut ChaCha8Rng) -> Posterior {
    let mut normal = |count: usize, deviation: f64| -> Vec<f64> {
        let draw = |random: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(random) };
        (0..count).map(|_| deviation * draw(random)).collect()
    };
    let samples = (0..SAMPLES)
        .map(|_| Sample {
            offset: 3.5,
            noise_precision: 1.3,
            prior_mean: normal(FACTORS + 1, 0.1),
            prior_precision: vec![20.0; FACTORS + 1],
            movie_bias: normal(MOVIES, 0.5),
            factors: normal(MOVIES * FACTORS, 0.3),
            movie_precision: vec![1.1; MOVIES],
            additions: normal(MOVIES * (FACTORS + 1), 0.1),
        })
        .collect();
    Posterior { movies: MOVIES, factors: FACTORS, samples, has_user_noise: true }
}

/// Returns the inputs of the encoder for one user with this many ratings.
fn history(random: &mut ChaCha8Rng, length: usize) -> Result<Vec<(String, Tensor)>> {
    let entries = length.max(1);
    let movies = rand::seq::index::sample(random, MOVIES, entries).into_iter().map(|movie| movie as i64).collect();
    let stars = (0..entries).map(|_| f32::from(random.random_range(1_u8..=5))).collect();
    let weight: f32 = if length > 0 { 1.0 } else { 0.0 };
    let shape = || vec![1, entries];
    Ok(vec![
        (tensors::MOVIE.to_owned(), Tensor::from_vec::<i64>(shape(), movies)?),
        (tensors::RATING.to_owned(), Tensor::from_vec::<f32>(shape(), stars)?),
        (tensors::WEIGHT.to_owned(), Tensor::from_vec(shape(), vec![weight; entries])?),
    ])
}
