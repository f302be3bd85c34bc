//! Tests the structure of the graphs. The `marquee-onnx` crate can run graphs, and its tests
//! compare their numbers with the reference.

use std::collections::BTreeSet;

use marquee_posterior::Sample;
use prost::Message;

use super::*;

/// Returns a posterior of two samples with small, regular numbers.
fn posterior(movies: usize, factors: usize) -> Posterior {
    let sample = |shift: f64| Sample {
        offset: 3.5,
        noise_precision: 1.2 + shift,
        prior_mean: vec![0.1; factors + 1],
        prior_precision: vec![5.0 + shift; factors + 1],
        movie_bias: (0..movies).map(|movie| shift + movie as f64 / 10.0).collect(),
        factors: (0..movies * factors).map(|at| shift - at as f64 / 50.0).collect(),
        ..Sample::default()
    };
    Posterior { movies, factors, samples: vec![sample(0.0), sample(0.25)], has_user_noise: false }
}

/// Returns a posterior with everything that a model may have.
fn rich(movies: usize, factors: usize) -> Posterior {
    let mut posterior = posterior(movies, factors);
    for sample in &mut posterior.samples {
        sample.movie_precision = (1..=movies).map(|movie| movie as f64 / 3.0).collect();
        sample.additions = (0..movies * (factors + 1)).map(|at| at as f64 / 90.0).collect();
    }
    posterior.has_user_noise = true;
    posterior
}

/// Asserts that every tensor is made once and before its use, and that every node has a name.
fn assert_well_formed(graph: &OnnxGraph) {
    let model = proto::Model::decode(graph.bytes.as_slice()).expect("own bytes");
    let graph = model.graph.expect("graph");
    let mut known: BTreeSet<String> = graph.input.iter().map(|input| input.name.clone().expect("named")).collect();
    for constant in &graph.initializer {
        let values: i64 = constant.dims.iter().product();
        let width = if constant.data_type == Some(7) { 8 } else { 4 };
        assert_eq!(constant.raw_data.as_ref().expect("data").len() as i64, width * values, "{:?}", constant.name);
        assert!(known.insert(constant.name.clone().expect("named")));
    }
    for node in &graph.node {
        assert!(node.name.as_ref().is_some_and(|name| !name.is_empty()));
        for input in &node.input {
            assert!(known.contains(input), "{input} is used before it is made");
        }
        for output in &node.output {
            assert!(known.insert(output.clone()), "{output} is made twice");
        }
    }
    for output in &graph.output {
        assert!(known.contains(output.name.as_ref().expect("named")));
    }
}

#[test]
fn every_tensor_is_made_once_and_before_its_use() {
    for factors in [0, 1, 7, 20] {
        for posterior in [posterior(5, factors), rich(5, factors)] {
            assert_well_formed(&write_encoder(&posterior).expect("encoder"));
            assert_well_formed(&write_scorer(&posterior).expect("scorer"));
            assert_well_formed(&write_learner(&posterior).expect("learner"));
        }
    }
}

/// Returns whether a node reads a constant with a negative number, as a shape that the runtime has
/// to complete.
fn has_open_shape(graph: &proto::Graph, node: &proto::Node) -> bool {
    let negative = |raw: &[u8]| raw.chunks_exact(8).any(|value| value[7] & 0x80 != 0);
    let constant = |name: &String| graph.initializer.iter().find(|constant| constant.name.as_ref() == Some(name));
    let raw = |name: &String| constant(name).and_then(|constant| constant.raw_data.as_deref());
    node.op_type.as_deref() == Some("Reshape") && node.input.iter().skip(1).filter_map(raw).any(negative)
}

#[test]
fn a_runtime_knows_the_sizes_of_all_tensors_before_the_first_run() {
    for factors in [0, 7, 20] {
        for graph in [write_encoder(&rich(5, factors)), write_learner(&rich(5, factors))] {
            let model = proto::Model::decode(graph.expect("graph").bytes.as_slice()).expect("own bytes");
            let graph = model.graph.expect("graph");
            let open = graph.node.iter().find(|node| has_open_shape(&graph, node));
            assert_eq!(open.and_then(|node| node.name.as_deref()), None, "the shape has a -1");
        }
    }
}

#[test]
fn reshapes_keep_transpositions_from_the_pivots_between_them() {
    let model = proto::Model::decode(write_encoder(&rich(5, 20)).expect("encoder").bytes.as_slice()).expect("own");
    let nodes = model.graph.expect("graph").node;
    let of = |node: &proto::Node| node.op_type.clone().expect("operator");
    let maker = |name: &String| nodes.iter().find(|node| node.output.contains(name)).map(of);
    let sweeps = nodes.iter().filter(|node| node.output[0].contains("_sweep_") || node.output[0].contains("_row_"));
    let made_by: BTreeSet<String> = sweeps.flat_map(|node| &node.input).filter_map(maker).collect();
    assert!(made_by.contains("Reshape") && !made_by.contains("Transpose"), "{made_by:?}");
    let read: Vec<&proto::Node> = nodes.iter().filter(|node| of(node) == "Transpose").collect();
    let swept = |node: &&&proto::Node| node.output[0].ends_with("_by_user");
    let made_by: BTreeSet<String> = read.iter().filter(swept).filter_map(|node| maker(&node.input[0])).collect();
    assert_eq!(made_by, BTreeSet::from(["Reshape".to_owned()]));
}

#[test]
fn equal_posteriors_give_equal_bytes() {
    assert_eq!(write_encoder(&posterior(5, 3)), write_encoder(&posterior(5, 3)));
    assert_eq!(write_scorer(&posterior(5, 3)), write_scorer(&posterior(5, 3)));
    assert_eq!(write_learner(&posterior(5, 3)), write_learner(&posterior(5, 3)));
    assert_ne!(write_scorer(&posterior(5, 3)), write_scorer(&posterior(6, 3)));
}

#[test]
fn the_scorer_takes_the_state_that_the_encoder_gives() {
    let encoder = write_encoder(&posterior(5, 3)).expect("encoder").signature;
    let scorer = write_scorer(&posterior(5, 3)).expect("scorer").signature;
    assert_eq!(encoder.outputs, scorer.inputs[..2]);
    let learner = write_learner(&posterior(5, 3)).expect("learner").signature;
    assert_eq!(encoder.outputs, learner.inputs[..2]);
    for (output, tensor) in learner.outputs.iter().zip(&encoder.outputs) {
        assert_eq!(crate::tensors::replaced(&output.name), Some(tensor.name.as_str()));
        assert_eq!((output.dtype, &output.dims), (tensor.dtype, &tensor.dims));
    }
    let names = |specs: &[crate::TensorSpec]| specs.iter().map(|spec| spec.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&encoder.inputs), ["movie", "rating", "weight"]);
    assert_eq!(names(&scorer.outputs), ["rating", "spread"]);
    let encoder = write_encoder(&rich(5, 3)).expect("encoder").signature;
    let scorer = write_scorer(&rich(5, 3)).expect("scorer").signature;
    assert_eq!(encoder.outputs, scorer.inputs[..3]);
    assert_eq!(names(&encoder.outputs), ["mean", "covariance", "noise"]);
}

#[test]
fn a_learner_carries_the_state_or_else_sums_beside_it() {
    fn carried(learner: &GraphSignature) -> Vec<String> {
        crate::tensors::carried(learner).map(|spec| spec.name.clone()).collect()
    }
    let plain = write_learner(&posterior(5, 3)).expect("learner").signature;
    assert_eq!(carried(&plain), ["mean", "covariance"]);
    let rich = rich(5, 3);
    let learner = write_learner(&rich).expect("learner").signature;
    assert_eq!(carried(&learner), ["gram", "evidence", "count", "squares", "additions"]);
    let encoder = write_encoder(&rich).expect("encoder").signature;
    assert_eq!(learner.outputs[5..], encoder.outputs);
    let (mut quiet, mut alone) = (rich.clone(), rich);
    quiet.has_user_noise = false;
    alone.samples.iter_mut().for_each(|sample| sample.additions.clear());
    for (posterior, names) in
        [(quiet, ["gram", "evidence", "count", "additions"]), (alone, ["gram", "evidence", "count", "squares"])]
    {
        let learner = write_learner(&posterior).expect("learner");
        assert_well_formed(&learner);
        assert_eq!(carried(&learner.signature), names);
    }
}

#[test]
fn a_changed_state_has_the_names_of_the_state() {
    let outputs = ["next_gram", "mean"].map(|name| (name.to_owned(), 0));
    let names: Vec<String> = crate::tensors::next_state(outputs.to_vec()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["gram", "mean"]);
}

#[test]
fn an_inconsistent_posterior_is_refused_by_field() {
    let refused = |change: fn(&mut Posterior)| {
        let mut posterior = rich(5, 3);
        change(&mut posterior);
        assert_eq!(write_scorer(&posterior).err(), write_encoder(&posterior).err());
        write_encoder(&posterior).expect_err("inconsistent")
    };
    assert_eq!(refused(|p| p.samples.clear()), GraphError::Empty);
    assert_eq!(refused(|p| p.movies = 0), GraphError::Empty);
    assert_eq!(
        refused(|p| p.samples[1].factors.truncate(2)),
        GraphError::Length { sample: 1, field: "factors", found: 2, expected: 15 }
    );
    assert_eq!(
        refused(|p| p.samples[0].prior_precision[1] = 0.0),
        GraphError::Number { sample: 0, field: "prior_precision" }
    );
    assert_eq!(refused(|p| p.samples[0].movie_bias[1] = 1e300), GraphError::Number { sample: 0, field: "movie_bias" });
    assert_eq!(refused(|p| p.samples[0].offset = f64::NAN), GraphError::Number { sample: 0, field: "offset" });
    assert_eq!(
        refused(|p| p.samples[1].additions.clear()),
        GraphError::Length { sample: 1, field: "additions", found: 0, expected: 20 }
    );
    assert_eq!(
        refused(|p| p.samples[1].movie_precision[4] = -1.0),
        GraphError::Number { sample: 1, field: "movie_precision" }
    );
    assert!(matches!(refused(|p| p.movies = 1 << 40), GraphError::TooLarge(_)));
}
