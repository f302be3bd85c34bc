//! Shared by the tests: a realistic random model.

use marquee_model::{TensorSpec, tensors, write_encoder, write_learner, write_scorer};
use marquee_onnx::{Element, Graph, Runtime, Tensor, Threads};
use marquee_posterior::{Posterior, Sample};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Normal};

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
    Posterior { movies, factors, samples, has_user_noise: false }
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
    posterior.has_user_noise = true;
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

/// A user state, and the sums over a history that some learners carry beside it.
pub(crate) type State = Vec<(String, Tensor)>;

/// The learner of a posterior.
pub(crate) struct Learner {
    graph: Graph,
    /// The sums that it carries, or nothing if it carries the state.
    sums: Vec<TensorSpec>,
}

impl Learner {
    pub(crate) fn new(runtime: &Runtime, posterior: &Posterior) -> Self {
        let learner = write_learner(posterior).expect("learner");
        let is_sum = |spec: &&TensorSpec| spec.name != tensors::MEAN && spec.name != tensors::COVARIANCE;
        let sums = tensors::carried(&learner.signature).filter(is_sum).cloned().collect();
        Self { graph: Graph::load(runtime, &learner.bytes, Threads::default()).expect("loads"), sums }
    }

    /// Returns the state of a history, which the learner can change.
    pub(crate) async fn begin(&self, encoder: &Graph, history: &[(usize, f64)]) -> State {
        if self.sums.is_empty() {
            return encoder.run(encoder_inputs(history)).await.expect("encodes");
        }
        let mut inputs = encoder_inputs(history);
        for spec in &self.sums {
            inputs.push((spec.name.clone(), Tensor::zeros::<f32>(spec.smallest_shape()).expect("fits")));
        }
        tensors::next_state(self.graph.run(inputs).await.expect("begins"))
    }

    /// Changes a state of one row by one rating.
    pub(crate) async fn learn(&self, state: State, (movie, rating): (usize, f64), weight: f32) -> State {
        let shape = if self.sums.is_empty() { vec![1] } else { vec![1, 1] };
        let is_carried = |name: &str| self.sums.is_empty() || self.sums.iter().any(|sum| sum.name == name);
        let mut inputs: State = state.into_iter().filter(|(name, _)| is_carried(name)).collect();
        inputs.push(("movie".to_owned(), tensor(&shape, vec![movie as i64])));
        inputs.push(("rating".to_owned(), tensor(&shape, vec![rating as f32])));
        inputs.push(("weight".to_owned(), tensor(&shape, vec![weight])));
        tensors::next_state(self.graph.run(inputs).await.expect("learns"))
    }
}

fn tensor<T: Element>(shape: &[usize], values: Vec<T>) -> Tensor {
    Tensor::from_vec(shape.to_vec(), values).expect("fits")
}

/// Returns the encoder's inputs for one history. An empty history is one entry of weight 0.
pub(crate) fn encoder_inputs(history: &[(usize, f64)]) -> Vec<(String, Tensor)> {
    let entries: Vec<(usize, f64, f32)> = if history.is_empty() {
        vec![(0, 0.0, 0.0)]
    } else {
        history.iter().map(|&(movie, rating)| (movie, rating, 1.0)).collect()
    };
    let shape = [1, entries.len()];
    vec![
        ("movie".to_owned(), tensor(&shape, entries.iter().map(|entry| entry.0 as i64).collect())),
        ("rating".to_owned(), tensor(&shape, entries.iter().map(|entry| entry.1 as f32).collect())),
        ("weight".to_owned(), tensor(&shape, entries.iter().map(|entry| entry.2).collect())),
    ]
}

/// Returns the scorer's inputs: a state without sums, and movies.
pub(crate) fn scorer_inputs(state: &[(String, Tensor)], movies: &[usize]) -> Vec<(String, Tensor)> {
    let indices: Vec<i64> = movies.iter().map(|&movie| movie as i64).collect();
    let movies = tensor(&[1, movies.len()], indices);
    let state = state.iter().filter(|(name, _)| ["mean", "covariance", "noise"].contains(&name.as_str()));
    state.cloned().chain([("movie".to_owned(), movies)]).collect()
}

/// Returns the values of an output by name.
pub(crate) fn floats<'a>(outputs: &'a [(String, Tensor)], name: &str) -> &'a [f32] {
    let (_, tensor) = outputs.iter().find(|(output, _)| output == name).expect("an output of that name");
    tensor.as_f32().expect("single precision")
}
