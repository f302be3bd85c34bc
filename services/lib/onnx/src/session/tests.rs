//! Models of every type, with weights in other files, and models that cannot be loaded.

use bytes::Bytes;
use half::{bf16, f16};

use crate::error::{GraphError, RunError};
use crate::testing::{external, model, model_of, runtime};
use crate::{BatchSettings, Batcher, Graph, Kind, ModelFile, Priority, Tensor, Threads};

/// Returns three values of a type in two rows.
fn values(kind: Kind) -> Tensor {
    let shape = vec![1, 3];
    let tensor = match kind {
        Kind::Bool => Tensor::from_vec(shape, vec![true, false, true]),
        Kind::U8 => Tensor::from_vec(shape, vec![1_u8, 2, 255]),
        Kind::U16 => Tensor::from_vec(shape, vec![1_u16, 2, 65_535]),
        Kind::U32 => Tensor::from_vec(shape, vec![1_u32, 2, u32::MAX]),
        Kind::U64 => Tensor::from_vec(shape, vec![1_u64, 2, u64::MAX]),
        Kind::I8 => Tensor::from_vec(shape, vec![1_i8, 2, -128]),
        Kind::I16 => Tensor::from_vec(shape, vec![1_i16, 2, i16::MIN]),
        Kind::I32 => Tensor::from_vec(shape, vec![1_i32, 2, i32::MIN]),
        Kind::I64 => Tensor::from_vec(shape, vec![1_i64, 2, i64::MIN]),
        Kind::F16 => Tensor::from_vec(shape, [0.5, 2.0, -3.0].map(f16::from_f32).to_vec()),
        Kind::Bf16 => Tensor::from_vec(shape, [0.5, 2.0, -3.0].map(bf16::from_f32).to_vec()),
        Kind::F32 => Tensor::from_vec(shape, vec![0.5_f32, 2.0, -3.0]),
        Kind::F64 => Tensor::from_vec(shape, vec![0.5_f64, 2.0, -3.0]),
        Kind::Text => Tensor::from_texts(shape, ["ann", "", "ü"].map(|text| Bytes::from(text.to_owned())).to_vec()),
    };
    tensor.expect("fits")
}

fn identity(kind: Kind) -> Vec<u8> {
    let ports = |name| (name, kind, &["rows", "3"][..]);
    model(&[ports("x")], &[("Identity", &["x"], &["y"])], &[ports("y")])
}

#[tokio::test]
async fn tensors_of_every_type_go_in_and_come_out() {
    let Some(runtime) = runtime() else { return };
    for kind in Kind::ALL {
        let graph = Graph::load(&runtime, &identity(kind), Threads::default()).expect("loads");
        assert_eq!(graph.inputs()[0].kind, kind);
        let outputs = graph.run(vec![("x".to_owned(), values(kind))]).await.expect("runs");
        assert_eq!(outputs, [("y".to_owned(), values(kind))], "{kind}");
    }
}

#[tokio::test]
async fn several_requests_of_every_type_share_a_run() {
    let Some(runtime) = runtime() else { return };
    for kind in [Kind::Text, Kind::Bool, Kind::F16, Kind::I64] {
        let load = || Graph::load(&runtime, &identity(kind), Threads::default()).expect("loads");
        let batcher = Batcher::with_instances(load(), vec![load(), load()], &BatchSettings::default());
        assert!(batcher.is_batchable());
        let request = || async { batcher.run_by(vec![("x".to_owned(), values(kind))], Priority(1)).await };
        let answers = futures(request).await;
        for answer in answers {
            assert_eq!(answer.expect("runs"), [("y".to_owned(), values(kind))], "{kind}");
        }
        let stats = batcher.stats();
        assert_eq!((stats.requests, stats.rows, stats.waiting), (32, 32, 0), "{stats:?}");
        assert!(stats.batches <= 32 && stats.infer_nanos > 0, "{stats:?}");
    }
}

/// Runs 32 requests at once.
async fn futures<F: Future<Output = Result<Vec<(String, Tensor)>, RunError>>>(
    request: impl Fn() -> F,
) -> Vec<Result<Vec<(String, Tensor)>, RunError>> {
    let mut running: Vec<_> = (0..32).map(|_| Some(Box::pin(request()))).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        for slot in &mut running {
            if let Some(future) = slot
                && let std::task::Poll::Ready(answer) = future.as_mut().poll(context)
            {
                answers.push(answer);
                *slot = None;
            }
        }
        if running.iter().all(Option::is_none) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answers
}

#[tokio::test]
async fn a_text_that_is_not_utf_8_is_refused() {
    let Some(runtime) = runtime() else { return };
    let graph = Graph::load(&runtime, &identity(Kind::Text), Threads::default()).expect("loads");
    let texts = [&b"ann"[..], b"\xff", b""].map(Bytes::from_static).to_vec();
    let tensor = Tensor::from_texts(vec![1, 3], texts).expect("fits");
    let refused = graph.run(vec![("x".to_owned(), tensor)]).await.expect_err("not UTF-8");
    assert!(matches!(&refused, RunError::Engine(error) if error.to_string() == "a text is not UTF-8"), "{refused:?}");
}

#[tokio::test]
async fn weights_are_read_from_files_beside_the_model_only() {
    let Some(runtime) = runtime() else { return };
    let with_weights = |location: &str| {
        let ports = |name| (name, Kind::F32, &["rows", "3"][..]);
        let nodes: &[crate::testing::Node<'_>] = &[("Add", &["x", "w"], &["y"])];
        model_of(17, &[ports("x")], nodes, &[ports("y")], &[external("w", 3, location)])
    };
    let weights: Vec<u8> = [1.0_f32, 2.0, 3.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let beside = |name: &str| (name == "weights.bin").then(|| weights.as_slice().into());
    let load = |location: &str| {
        let bytes = with_weights(location);
        Graph::load_model(&runtime, &ModelFile { bytes: &bytes, beside: &beside }, Threads::default())
    };
    let graph = load("weights.bin").expect("loads");
    let outputs = graph.run(vec![("x".to_owned(), values(Kind::F32))]).await.expect("runs");
    assert_eq!(outputs[0].1.as_f32(), Some([1.5, 4.0, 0.0].as_slice()));
    assert!(matches!(load("other.bin"), Err(GraphError::ExternalMissing(name)) if name == "other.bin"));
    for outside in ["../weights.bin", "/etc/passwd"] {
        assert!(matches!(load(outside), Err(GraphError::ExternalOutside(name)) if name == outside), "{outside}");
    }
}

#[test]
fn other_operators_and_operator_sets_are_refused_with_a_reason() {
    let Some(runtime) = runtime() else { return };
    let ports = |name| (name, Kind::F32, &["rows", "3"][..]);
    let with =
        |opset, operator: &str| model_of(opset, &[ports("x")], &[(operator, &["x"], &["y"])], &[ports("y")], &[]);
    for (bytes, word) in [(with(17, "Frobnicate"), "Frobnicate"), (with(9_999, "Identity"), "9999")] {
        match Graph::load(&runtime, &bytes, Threads::default()) {
            Err(GraphError::Load(reason)) => assert!(reason.to_string().contains(word), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn axes_of_other_names_do_not_make_a_batch() {
    let Some(runtime) = runtime() else { return };
    let port = |name, axis| (name, Kind::F32, std::slice::from_ref(axis));
    let bytes = model(
        &[port("x", &"users"), port("z", &"items")],
        &[("Identity", &["x"], &["y"]), ("Identity", &["z"], &["w"])],
        &[port("y", &"users"), port("w", &"items")],
    );
    let graph = Graph::load(&runtime, &bytes, Threads::default()).expect("loads");
    assert!(!Batcher::new(graph, &BatchSettings::default()).is_batchable());
}
