//! Measures the latency of the graphs at the size of MovieLens 100K: `cargo run --release -p
//! marquee-onnx --example latency [library]`. The models are ones of `bayes`, with noise weights
//! and sets of rated movies.

use std::path::PathBuf;
use std::time::Instant;

use marquee_model::{TensorSpec, tensors, write_encoder, write_learner, write_scorer};
use marquee_onnx::{Graph, Runtime, Tensor, Threads};
use marquee_posterior::{Posterior, Sample};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

const MOVIES: usize = 1_682;
const SIZES: [(usize, usize); 3] = [(16, 16), (16, 48), (32, 32)];
const RUNS: usize = 300;

type Named = Vec<(String, Tensor)>;

fn posterior((factors, samples): (usize, usize), rng: &mut ChaCha8Rng) -> Posterior {
    let mut uniform = |count: usize, low: f64, high: f64| (0..count).map(|_| rng.random_range(low..high)).collect();
    let samples = (0..samples)
        .map(|_| Sample {
            offset: 3.5,
            noise_precision: 1.2,
            prior_mean: uniform(factors + 1, -0.2, 0.2),
            prior_precision: uniform(factors + 1, 5.0, 60.0),
            movie_bias: uniform(MOVIES, -1.0, 1.0),
            factors: uniform(MOVIES * factors, -0.5, 0.5),
            movie_precision: uniform(MOVIES, 0.5, 2.0),
            additions: uniform(MOVIES * (factors + 1), -0.2, 0.2),
        })
        .collect();
    Posterior { movies: MOVIES, factors, samples, has_user_noise: true }
}

fn history(length: usize, rng: &mut ChaCha8Rng) -> Result<Named, Box<dyn std::error::Error>> {
    histories((1, length), rng)
}

/// Returns the histories of some users.
fn histories((users, length): (usize, usize), rng: &mut ChaCha8Rng) -> Result<Named, Box<dyn std::error::Error>> {
    let (shape, cells) = (vec![users, length], users * length);
    let movies = (0..cells).map(|_| rng.random_range(0..MOVIES as i64)).collect();
    let ratings: Vec<f32> = (0..cells).map(|_| rng.random_range(1.0..5.0)).collect();
    Ok(vec![
        ("movie".to_owned(), Tensor::from_vec(shape.clone(), movies)?),
        ("rating".to_owned(), Tensor::from_vec(shape.clone(), ratings)?),
        ("weight".to_owned(), Tensor::from_vec(shape, vec![1.0_f32; cells])?),
    ])
}

/// Returns the sums over no ratings of some users.
fn nothing(users: usize, sums: &[TensorSpec]) -> Result<Named, Box<dyn std::error::Error>> {
    let mut inputs = Vec::new();
    for spec in sums {
        let mut shape = spec.smallest_shape();
        shape[0] = users;
        inputs.push((spec.name.clone(), Tensor::zeros::<f32>(shape)?));
    }
    Ok(inputs)
}

/// Prints the median and the 99th percentile of many runs. The time includes the queue and the
/// switch between threads.
async fn measure(what: &str, graph: &Graph, inputs: &Named) -> Result<(), Box<dyn std::error::Error>> {
    let mut micros = Vec::with_capacity(RUNS);
    for run in 0..RUNS + 20 {
        let begin = Instant::now();
        graph.run(inputs.clone()).await?;
        if run >= 20 {
            micros.push(begin.elapsed().as_micros());
        }
    }
    micros.sort_unstable();
    println!("{what:<26} median {:>6} us   p99 {:>6} us", micros[RUNS / 2], micros[RUNS * 99 / 100]);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::load(std::env::args_os().nth(1).map(PathBuf::from).as_deref())?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for size in SIZES {
        println!("{} factors, {} samples", size.0, size.1);
        of_size(&runtime, size, &mut rng).await?;
    }
    Ok(())
}

async fn of_size(
    runtime: &Runtime,
    size: (usize, usize),
    rng: &mut ChaCha8Rng,
) -> Result<(), Box<dyn std::error::Error>> {
    let posterior = posterior(size, rng);
    let begin = Instant::now();
    let (encoder, scorer, learner) =
        (write_encoder(&posterior)?, write_scorer(&posterior)?, write_learner(&posterior)?);
    let size = encoder.bytes.len() + scorer.bytes.len() + learner.bytes.len();
    let (written, sums) = (begin.elapsed(), tensors::carried(&learner.signature).cloned().collect::<Vec<_>>());
    let begin = Instant::now();
    let encoder = Graph::load(runtime, &encoder.bytes, Threads::default())?;
    let scorer = Graph::load(runtime, &scorer.bytes, Threads::default())?;
    let learner = Graph::load(runtime, &learner.bytes, Threads::default())?;
    println!("the graphs: {size} bytes, written in {written:.0?}, loaded in {:.0?}", begin.elapsed());
    for length in [1, 20, 200, 500] {
        measure(&format!("encoder, history {length}"), &encoder, &history(length, rng)?).await?;
    }
    for (users, length) in [(1, 200), (1, 1), (8, 1), (32, 1), (32, 2)] {
        let inputs = [nothing(users, &sums)?, histories((users, length), rng)?].concat();
        measure(&format!("learner, {users} x {length} ratings"), &learner, &inputs).await?;
    }
    let state = encoder.run(history(50, rng)?).await?;
    for count in [1, 100, MOVIES] {
        let movies = Tensor::from_vec(vec![1, count], (0..count as i64).collect())?;
        let inputs = state.iter().cloned().chain([("movie".to_owned(), movies)]).collect();
        measure(&format!("scorer, {count} movies"), &scorer, &inputs).await?;
    }
    Ok(())
}
