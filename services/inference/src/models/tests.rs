//! The models of a repository, with ONNX Runtime.

mod memory;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::SystemClock;
use marquee_kit::{Compute, Context, Metrics, chain};
use marquee_onnx::testing::{external, model, model_of, runtime};
use marquee_onnx::{Kind, Runtime, Tensor};
use marquee_ports::memory::{Fault, MemoryObjects, Step};
use marquee_ports::{ErrorKind, ObjectKey, ObjectStore as _, Precondition};

use super::error::LoadError;
use super::store::{Given, Parts, Store};
use super::{Answer, Call, Defaults, Entry, Error, Source, State, VersionPolicy};
use crate::metrics::StoreMetrics;
use crate::repository::Process;

/// Returns a model that multiplies `x` of any number of rows by itself.
fn square(width: &str) -> Vec<u8> {
    let ports = |name| (name, Kind::F32, vec!["rows", width]);
    let (x, y) = (ports("x"), ports("y"));
    model(&[(x.0, x.1, &x.2)], &[("Mul", &["x", "x"], &["y"])], &[(y.0, y.1, &y.2)])
}

fn store(runtime: &Runtime, source: Source) -> Arc<Store> {
    limited(runtime, source, 0, &Metrics::default())
}

/// Returns a store with a memory limit in bytes.
fn limited(runtime: &Runtime, source: Source, memory: u64, metrics: &Metrics) -> Arc<Store> {
    let context = Context::default();
    let defaults = Defaults { policy: VersionPolicy::Latest(1), instances: 1, threads: 1, queue: 16, max_batch: 8 };
    Store::new(Parts {
        source,
        defaults,
        largest: 1 << 20,
        memory,
        runtime: runtime.clone(),
        compute: Compute::default(),
        process: Process { tasks: context.tasks, stop: context.stop, clock: Arc::new(SystemClock) },
        metrics: StoreMetrics::register(metrics),
    })
}

fn write(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("writes");
    fs::write(path, bytes).expect("writes");
}

fn call(values: &[f32]) -> Call {
    let x = Tensor::from_vec(vec![1, values.len()], values.to_vec()).expect("fits");
    Call {
        name: "square".to_owned(),
        version: None,
        inputs: vec![("x".to_owned(), x)],
        outputs: Vec::new(),
        priority: 0,
        timeout: None,
    }
}

async fn infer(store: &Arc<Store>, call: Call) -> Result<Answer, Error> {
    store.demand(&call.name, call.version).await.expect("known")?.infer(call).await
}

fn states(store: &Store) -> Vec<(String, Option<u64>, State)> {
    store.index().into_iter().map(|Entry { name, version, state, .. }| (name, version, state)).collect()
}

#[tokio::test]
async fn the_versions_that_the_policy_chooses_answer() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for version in 1..=3 {
        write(folder.path(), &format!("square/{version}/model.onnx"), &square("2"));
    }
    write(folder.path(), "square/notes/a.txt", b"no version");
    let store = store(&runtime, Source::Folder(folder.path().to_owned()));
    store.load("square", Given::default()).await.expect("loads");
    assert_eq!(store.ready_versions("square"), [3]);
    let answer = infer(&store, call(&[2.0, 3.0])).await.expect("answers");
    assert_eq!((answer.version, answer.outputs[0].1.as_f32()), (Some(3), Some([4.0, 9.0].as_slice())));
    let unchosen = infer(&store, Call { version: Some(1), ..call(&[2.0, 3.0]) }).await.expect_err("not chosen");
    assert!(matches!(&unchosen, Error::NotReady { reason, .. } if reason.contains("version policy")), "{unchosen}");
    let absent = infer(&store, Call { version: Some(9), ..call(&[2.0, 3.0]) }).await;
    assert!(matches!(absent, Err(Error::NoVersion { version: 9, .. })));

    write(folder.path(), "square/config.pbtxt", b"version_policy { specific { versions: [1, 2] } }");
    store.load("square", Given::default()).await.expect("loads");
    assert_eq!(store.ready_versions("square"), [1, 2]);
    let expected = [(Some(1), State::Ready), (Some(2), State::Ready), (Some(3), State::Unavailable)];
    assert_eq!(states(&store), expected.map(|(version, state)| ("square".to_owned(), version, state)));
    let named = Call { outputs: vec!["z".to_owned()], ..call(&[2.0, 3.0]) };
    assert!(matches!(infer(&store, named).await, Err(Error::UnknownOutput(name)) if name == "z"));

    assert!(store.unload("square").await);
    let unloaded = infer(&store, call(&[2.0, 3.0])).await.expect_err("unloaded").to_string();
    assert_eq!(unloaded, "model 'square' is not ready: unloaded");
    assert!(!store.unload("other").await);
}

#[tokio::test]
async fn a_version_that_answers_stays_if_its_successor_is_refused() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "square/1/model.onnx", &square("2"));
    let metrics = Metrics::default();
    let store = limited(&runtime, Source::Folder(folder.path().to_owned()), 0, &metrics);
    store.load("square", Given::default()).await.expect("loads");
    let whole = square("2");
    write(folder.path(), "square/2/model.onnx", &whole[..whole.len() / 2]);
    store.load("square", Given::default()).await.expect_err("it is cut off");
    let answer = infer(&store, call(&[2.0, 3.0])).await.expect("the old version answers");
    assert_eq!(answer.version, Some(1));
    let index = store.index();
    assert_eq!((index[1].version, index[1].state), (Some(2), State::Unavailable));
    assert!(index[1].reason.contains("cut off"), "{}", index[1].reason);
    // The same version, with other files.
    write(folder.path(), "square/2/model.onnx", &whole);
    store.load("square", Given::default()).await.expect("loads");
    write(folder.path(), "square/2/model.onnx", b"damaged");
    store.load("square", Given::default()).await.expect_err("it is damaged");
    assert_eq!(infer(&store, call(&[2.0, 3.0])).await.expect("answers").version, Some(2));
    let second = &store.index()[1];
    assert_eq!((second.version, second.state), (Some(2), State::Ready));
    assert!(second.reason.contains("not an ONNX model"), "the index says why: {}", second.reason);
    write(folder.path(), "square/config.pbtxt", b"max_batch_size: -1");
    store.load("square", Given::default()).await.expect_err("no configuration");
    assert!(infer(&store, call(&[2.0, 3.0])).await.is_ok());
    write(folder.path(), "square/config.pbtxt", b"");
    write(folder.path(), "square/2/model.onnx", &whole);
    store.load("square", Given::default()).await.expect("loads");
    assert!(store.index().iter().all(|entry| entry.state != State::Ready || entry.reason.is_empty()));
    let text = metrics.text();
    assert!(text.contains("marquee_inference_repository_load_failures_total{model=\"square\"} 3"), "{text}");
}

#[tokio::test]
async fn a_version_that_answers_stays_if_its_successor_cannot_be_read_and_the_next_pass_tries_again() {
    let Some(runtime) = runtime() else { return };
    let objects = MemoryObjects::default();
    let put = async |version: u64| {
        let key = ObjectKey::try_new(&format!("onnx/square/{version}/model.onnx")).expect("valid");
        objects.put(&key, Bytes::from(square("2")), Precondition::None).await.expect("writes");
    };
    let prefix = ObjectKey::try_new("onnx").expect("valid");
    let store = store(&runtime, Source::Objects(Arc::new(objects.clone()), prefix));
    let mut seen = BTreeMap::new();
    put(1).await;
    store.follow(&mut seen, &|_| false).await.expect("reads");
    put(2).await;
    objects.faults().add(Step::on("get", 2, Fault::Fail(ErrorKind::Unavailable)));
    store.follow(&mut seen, &|_| false).await.expect("lists");
    assert_eq!(infer(&store, call(&[2.0, 3.0])).await.expect("the old version answers").version, Some(1));
    store.follow(&mut seen, &|_| false).await.expect("reads");
    assert_eq!(infer(&store, call(&[2.0, 3.0])).await.expect("answers").version, Some(2));
}

#[tokio::test]
async fn names_that_only_a_client_knows_are_not_remembered() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let metrics = Metrics::default();
    let store = limited(&runtime, Source::Folder(folder.path().to_owned()), 0, &metrics);
    for (name, path, bytes) in [
        ("a", "1/model.onnx", &b"none"[..]),
        ("b", "model.onnx", b"none"),
        ("c", "config.pbtxt", b"max_batch_size: -1"),
    ] {
        let files = BTreeMap::from([(path.to_owned(), Bytes::copy_from_slice(bytes))]);
        store.load(name, Given { config: None, files }).await.expect_err(name);
    }
    store.load("d", Given::default()).await.expect_err("there is no such folder");
    assert!(store.index().is_empty(), "{:?}", store.index());
    assert!(!metrics.text().contains("model=\""), "{}", metrics.text());
}

#[tokio::test]
async fn models_that_cannot_be_served_say_why_and_others_go_on() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let add = |location: &str| {
        let ports = |name| (name, Kind::F32, &["rows", "3"][..]);
        let nodes: &[marquee_onnx::testing::Node<'_>] = &[("Add", &["x", "w"], &["y"])];
        model_of(17, &[ports("x")], nodes, &[ports("y")], &[external("w", 3, location)])
    };
    let fixed = model(&[("x", Kind::F32, &["2"])], &[("Identity", &["x"], &["y"])], &[("y", Kind::F32, &["2"])]);
    for (name, bytes, word) in [
        ("outside", add("../../secret.bin"), "not a file of the model's folder"),
        ("missing", add("weights.bin"), "which is missing"),
        ("noise", b"\xff\xff\xff".to_vec(), "not an ONNX model"),
        ("large", vec![0; (1 << 20) + 1], "more than inference.repository.max_model_bytes"),
        ("set", model_of(9_999, &[], &[], &[], &[]), "load the graph"),
        ("fixed", fixed, "not all inputs and outputs begin"),
    ] {
        write(folder.path(), &format!("{name}/1/model.onnx"), &bytes);
        if name == "fixed" {
            write(folder.path(), "fixed/config.pbtxt", b"max_batch_size: 4");
        }
        assert!(!word.is_empty());
    }
    write(folder.path(), "secret.bin", &[0; 12]);
    write(folder.path(), "empty/config.pbtxt", b"");
    write(folder.path(), "wrong/1/model.onnx", &square("2"));
    write(folder.path(), "wrong/config.pbtxt", b"input { name: \"z\" }");
    write(folder.path(), "square/1/model.onnx", &square("2"));
    let store = store(&runtime, Source::Folder(folder.path().to_owned()));
    let mut seen = BTreeMap::new();
    store.follow(&mut seen, &|name| name == "taken").await.expect("reads");
    assert!(infer(&store, call(&[1.0, 2.0])).await.is_ok());
    let index = store.index();
    for (name, word) in [
        ("outside", "not a file of the model's folder"),
        ("missing", "which is missing"),
        ("noise", "not an ONNX model"),
        ("large", "more than inference.repository.max_model_bytes"),
        ("set", "load the graph"),
        ("fixed", "not all inputs and outputs begin"),
        ("empty", "no version that the version policy chooses"),
        ("wrong", "the graph has no input 'z'"),
    ] {
        let entry = index.iter().find(|entry| entry.name == name).expect(name);
        assert_eq!(entry.state, State::Unavailable, "{name}");
        assert!(entry.reason.contains(word), "{name}: {}", entry.reason);
    }
}

#[tokio::test]
async fn files_that_change_are_loaded_and_those_that_vanish_are_unloaded() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "square/1/model.onnx", &square("2"));
    write(folder.path(), "taken/1/model.onnx", &square("2"));
    let store = store(&runtime, Source::Folder(folder.path().to_owned()));
    let mut seen = BTreeMap::new();
    let is_taken = |name: &str| name == "taken";
    store.follow(&mut seen, &is_taken).await.expect("reads");
    let first = store.get("square", None).expect("known").expect("ready");
    store.follow(&mut seen, &is_taken).await.expect("reads");
    let same = store.get("square", None).expect("known").expect("ready");
    assert!(Arc::ptr_eq(&first, &same), "nothing changed");
    assert!(store.get("taken", None).is_none());
    write(folder.path(), "square/2/model.onnx", &square("2"));
    store.follow(&mut seen, &is_taken).await.expect("reads");
    assert_eq!(store.ready_versions("square"), [2]);
    fs::remove_dir_all(folder.path().join("square")).expect("removes");
    store.follow(&mut seen, &is_taken).await.expect("reads");
    assert!(store.get("square", None).is_none() && store.index().is_empty());
}

#[tokio::test]
async fn files_may_come_with_the_request_to_load() {
    let Some(runtime) = runtime() else { return };
    let store = store(&runtime, Source::Absent);
    let none = store.load("square", Given::default()).await.expect_err("no repository");
    assert!(matches!(none, LoadError::NoRepository), "{none}");
    let files = BTreeMap::from([("1/model.onnx".to_owned(), Bytes::from(square("2")))]);
    let config = Some(r#"{"max_batch_size": 4, "instance_group": [{"count": 2}]}"#.to_owned());
    store.load("square", Given { config, files: files.clone() }).await.expect("loads");
    assert_eq!(infer(&store, call(&[2.0, 3.0])).await.expect("answers").version, Some(1));
    let model = store.get("square", None).expect("known").expect("ready").describe(vec![1]);
    assert_eq!((model.scheduling.instances, model.scheduling.max_batch_size), (2, 4));
    for name in ["", "../a", ".a", "a/b", &"a".repeat(129)] {
        let refused = store.load(name, Given { config: None, files: files.clone() }).await;
        assert!(matches!(refused, Err(LoadError::Name(_))), "{name}");
    }
}

#[tokio::test]
async fn counters_move_with_the_requests() {
    let Some(runtime) = runtime() else { return };
    let store = store(&runtime, Source::Absent);
    let files = BTreeMap::from([("1/model.onnx".to_owned(), Bytes::from(square("2")))]);
    store.load("square", Given { config: None, files }).await.expect("loads");
    let before = store.statistics().remove(0);
    infer(&store, call(&[2.0, 3.0])).await.expect("answers");
    let two = Tensor::from_vec(vec![2, 2], vec![0.0_f32; 4]).expect("fits");
    infer(&store, Call { inputs: vec![("x".to_owned(), two)], ..call(&[0.0, 0.0]) }).await.expect("answers");
    infer(&store, call(&[1.0])).await.expect_err("another shape");
    let after = store.statistics().remove(0);
    assert_eq!((after.rows - before.rows, after.runs - before.runs), (3, 2));
    assert_eq!((after.success.count, after.fail.count), (2, 1));
    assert!(after.compute_infer.nanos > before.compute_infer.nanos && after.last.is_some());
    assert_eq!(after.queue.count - before.queue.count, 2);
}

#[tokio::test]
async fn a_request_that_waits_longer_than_its_timeout_is_not_computed() {
    let Some(runtime) = runtime() else { return };
    let store = store(&runtime, Source::Absent);
    let files = BTreeMap::from([("1/model.onnx".to_owned(), Bytes::from(square("2")))]);
    let queue = r#"{"dynamic_batching": {"default_queue_policy": {"default_timeout_microseconds": 60000000,
        "allow_timeout_override": true, "max_queue_size": 2}}}"#;
    store.load("square", Given { config: Some(queue.to_owned()), files }).await.expect("loads");
    let model = store.get("square", None).expect("known").expect("ready");
    let timed_out = Call { timeout: Some(Duration::ZERO), ..call(&[1.0, 2.0]) };
    match infer(&store, timed_out).await {
        Err(Error::TimedOut) | Ok(_) => {}
        Err(other) => panic!("{other}"),
    }
    // All of them are queued before the first can be answered: the runtime has one thread.
    let many = (0..32).map(|_| model.infer(call(&[1.0, 2.0])));
    let answers = futures_util::future::join_all(many).await;
    let refused = answers.iter().filter(|answer| matches!(answer, Err(Error::Overloaded(_)))).count();
    let answered = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(answered > 0 && refused > 0 && answered + refused == 32, "{answered} answered, {refused} refused");
}

#[tokio::test]
async fn requests_that_wait_for_one_model_do_not_hold_up_another() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    // Many products of large matrices, one after the other.
    let port = |name| (name, Kind::F32, &["384", "384"][..]);
    let names: Vec<String> = (0..=64).map(|step| format!("x{step}")).collect();
    let inputs: Vec<[&str; 2]> = names.iter().map(|name| [name.as_str(), "x0"]).collect();
    let outputs: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    let nodes: Vec<marquee_onnx::testing::Node<'_>> =
        (0..64).map(|step| ("MatMul", &inputs[step][..], &outputs[step + 1][..])).collect();
    write(folder.path(), "slow/1/model.onnx", &model(&[port("x0")], &nodes, &[port("x64")]));
    write(folder.path(), "square/1/model.onnx", &square("2"));
    let store = store(&runtime, Source::Folder(folder.path().to_owned()));
    store.load("slow", Given::default()).await.expect("loads");
    store.load("square", Given::default()).await.expect("loads");
    let slow = || {
        let x = Tensor::zeros::<f32>(vec![384, 384]).expect("fits");
        Call { name: "slow".to_owned(), inputs: vec![("x0".to_owned(), x)], ..call(&[]) }
    };
    let mut flood: Vec<_> = (0..16).map(|_| Box::pin(infer(&store, slow()))).collect();
    std::future::poll_fn(|context| {
        assert!(flood.iter_mut().all(|request| request.as_mut().poll(context).is_pending()));
        std::task::Poll::Ready(())
    })
    .await;
    infer(&store, call(&[2.0, 3.0])).await.expect("answers");
    let waiting = store.statistics().into_iter().find(|one| one.name == "slow").expect("loaded").waiting;
    assert!(waiting > 0, "the other model answered after all of them");
}

#[tokio::test]
async fn a_configuration_may_let_requests_wait_for_each_other() {
    let Some(runtime) = runtime() else { return };
    let store = store(&runtime, Source::Absent);
    let files = || BTreeMap::from([("1/model.onnx".to_owned(), Bytes::from(square("2")))]);
    let config = |sizes: &str| {
        let batching = format!("{{\"preferred_batch_size\": [{sizes}], \"max_queue_delay_microseconds\": 10000000}}");
        Some(format!("{{\"max_batch_size\": 4, \"dynamic_batching\": {batching}}}"))
    };
    let large = store.load("square", Given { config: config("4, 5"), files: files() }).await.expect_err("too large");
    assert!(chain(&large).contains("preferred_batch_size is 5, more than max_batch_size, which is 4"), "{large}");
    store.load("square", Given { config: config("4"), files: files() }).await.expect("loads");
    let before = store.statistics().remove(0);
    let answers = futures_util::future::join_all((0..4).map(|_| infer(&store, call(&[1.0, 2.0])))).await;
    assert!(answers.iter().all(Result::is_ok));
    let after = store.statistics().remove(0);
    assert_eq!((after.runs - before.runs, after.rows - before.rows), (1, 4));
}
