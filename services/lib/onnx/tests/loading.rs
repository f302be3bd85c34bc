//! Invalid graphs and invalid inputs produce errors and never a crash.

use std::error::Error;

use marquee_model::{write_encoder, write_scorer};
use marquee_onnx::testing;
use marquee_onnx::{Axis, Graph, Kind, RunError, Runtime, Tensor, Threads};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};

use crate::fixture;

#[test]
fn the_same_library_loads_any_number_of_times() {
    let Some(runtime) = testing::runtime() else { return };
    let again = Runtime::load(Some(runtime.path())).expect("the same");
    assert_eq!(runtime.path(), again.path());
}

#[test]
fn a_graph_tells_its_inputs_and_outputs() {
    let Some(runtime) = testing::runtime() else { return };
    let (encoder, scorer) = fixture::graphs(&runtime, &fixture::posterior(20, 3, 2, 1));
    let dynamic = |name: &str| Axis::Dynamic(name.to_owned());
    assert_eq!(encoder.inputs()[0].axes, [dynamic("batch"), dynamic("history")]);
    assert_eq!(encoder.inputs()[0].kind, Kind::I64);
    assert_eq!(encoder.outputs()[1].axes, [dynamic("batch"), Axis::Fixed(2), Axis::Fixed(4), Axis::Fixed(4)]);
    assert_eq!(encoder.outputs(), &scorer.inputs()[..2]);
}

#[test]
fn damaged_graphs_are_refused() {
    let Some(runtime) = testing::runtime() else { return };
    let posterior = fixture::posterior(10, 2, 2, 1);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let load = |bytes: &[u8]| Graph::load(&runtime, bytes, Threads::default());
    assert!(load(&[]).is_err());
    for length in [1, 10, 1_000] {
        let mut noise = vec![0; length];
        rng.fill_bytes(&mut noise);
        let error = load(&noise).expect_err("noise");
        let told = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        assert!(!told.is_empty());
    }
    for graph in [write_encoder(&posterior).expect("encoder"), write_scorer(&posterior).expect("scorer")] {
        for _ in 0..20 {
            let end = rng.random_range(0..graph.bytes.len());
            assert!(load(&graph.bytes[..end]).is_err(), "cut at {end}");
        }
        for _ in 0..20 {
            let mut damaged = graph.bytes.clone();
            let at = rng.random_range(0..damaged.len());
            damaged[at] ^= 1 << rng.random_range(0..8);
            // One changed bit may leave a valid graph with another constant. It only must not end
            // the process.
            drop(load(&damaged));
        }
    }
}

#[tokio::test]
async fn wrong_inputs_are_named() {
    let Some(runtime) = testing::runtime() else { return };
    let (encoder, scorer) = fixture::graphs(&runtime, &fixture::posterior(20, 3, 2, 1));
    let good = fixture::encoder_inputs(&[(1, 4.0)]);
    let with = |at: usize, tensor: Result<Tensor, _>| {
        let mut inputs = good.clone();
        inputs[at].1 = tensor.expect("fits");
        inputs
    };

    let error = encoder.run(good[..2].to_vec()).await.expect_err("one is missing");
    assert_eq!(error, RunError::MissingInput("weight".to_owned()));
    let twice = good.iter().cloned().chain([good[0].clone()]).collect();
    assert_eq!(encoder.run(twice).await, Err(RunError::UnknownInput("movie".to_owned())));
    let kind = encoder.run(with(1, Tensor::from_vec(vec![1, 1], vec![4.0_f64]))).await.expect_err("doubles");
    assert_eq!(kind.to_string(), "input 'rating' is float64; expected float32");
    let rank = encoder.run(with(1, Tensor::from_vec(vec![1], vec![4.0_f32]))).await;
    assert!(matches!(rank, Err(RunError::WrongShape { name, .. }) if name == "rating"));
    let empty = encoder.run(with(0, Tensor::zeros::<i64>(vec![1, 0]))).await;
    assert!(matches!(empty, Err(RunError::WrongShape { name, .. }) if name == "movie"));
    let lengths = encoder.run(with(0, Tensor::from_vec(vec![1, 2], vec![1_i64, 2]))).await;
    assert_eq!(lengths, Err(RunError::UnequalLengths { axis: "history".to_owned(), first: 2, second: 1 }));

    let state = encoder.run(good).await.expect("runs");
    let beyond = scorer.run(fixture::scorer_inputs(&state, &[20])).await;
    assert!(matches!(beyond, Err(RunError::Engine(_))), "{beyond:?}");
    assert!(scorer.run(fixture::scorer_inputs(&state, &[19])).await.is_ok(), "the graph still runs");
}
