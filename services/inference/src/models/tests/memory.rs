//! The memory limit of the repository: what is unloaded, what stays, and what comes back.

use super::*;

/// Returns a folder with these models, which are all of the same size, and that size.
fn models(names: &[&str]) -> (tempfile::TempDir, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = square("2");
    names.iter().for_each(|name| write(folder.path(), &format!("{name}/1/model.onnx"), &bytes));
    (folder, bytes.len() as u64)
}

fn to(name: &str) -> Call {
    Call { name: name.to_owned(), ..call(&[2.0, 3.0]) }
}

fn entry(store: &Store, name: &str) -> Entry {
    store.index().into_iter().find(|entry| entry.name == name).expect(name)
}

fn ready(store: &Store) -> Vec<String> {
    store.index().into_iter().filter(|entry| entry.state == State::Ready).map(|entry| entry.name).collect()
}

#[tokio::test]
async fn the_idle_model_that_was_not_used_for_the_longest_time_makes_room() {
    let Some(runtime) = runtime() else { return };
    let (folder, size) = models(&["a", "b", "c"]);
    let metrics = Metrics::default();
    let store = limited(&runtime, Source::Folder(folder.path().to_owned()), 2 * size, &metrics);
    store.load("a", Given::default()).await.expect("loads");
    store.load("b", Given::default()).await.expect("loads");
    assert!(infer(&store, to("a")).await.is_ok());
    store.load("c", Given::default()).await.expect("loads");
    assert_eq!(ready(&store), ["a", "c"]);
    let unloaded = entry(&store, "b");
    assert_eq!(unloaded.state, State::Unavailable);
    assert_eq!(unloaded.reason, "unloaded for space when model 'c' was loaded; the next request loads it again");
    let text = metrics.text();
    assert!(text.contains("marquee_inference_repository_unloaded_for_space_total 1"), "{text}");
    assert!(text.contains(&format!("marquee_inference_repository_bytes {}", 2 * size)), "{text}");

    // The next request loads it again, in place of the one that was not used for longer.
    let answer = infer(&store, to("b")).await.expect("answers");
    assert_eq!(answer.outputs[0].1.as_f32(), Some([4.0, 9.0].as_slice()));
    assert_eq!(ready(&store), ["b", "c"]);
    store.load("a", Given::default()).await.expect("loads");
    assert!(ready(&store).contains(&"a".to_owned()));
}

#[tokio::test]
async fn a_model_in_use_is_not_unloaded() {
    let Some(runtime) = runtime() else { return };
    let (folder, size) = models(&["a", "b"]);
    let store = limited(&runtime, Source::Folder(folder.path().to_owned()), size, &Metrics::default());
    store.load("a", Given::default()).await.expect("loads");
    // A request holds its model until it is answered.
    let used = store.get("a", None).expect("known").expect("ready");
    let refused = store.load("b", Given::default()).await.expect_err("no room");
    assert!(matches!(refused, LoadError::NoRoom { held, .. } if held == size), "{refused}");
    let waits = infer(&store, to("b")).await.expect_err("no room").to_string();
    assert!(waits.starts_with("model 'b' is not loaded: memory is short"), "{waits}");
    assert!(used.infer(to("a")).await.is_ok());
    drop(used);
    assert!(infer(&store, to("b")).await.is_ok(), "it is loaded as soon as there is room");
    assert_eq!(ready(&store), ["b"]);
}

#[tokio::test]
async fn requests_that_find_no_room_do_not_load_in_vain() {
    let Some(runtime) = runtime() else { return };
    let (folder, size) = models(&["a", "b"]);
    let metrics = Metrics::default();
    let store = limited(&runtime, Source::Folder(folder.path().to_owned()), size, &metrics);
    store.follow(&mut BTreeMap::new(), &|_| false).await.expect("reads");
    let used = store.get("a", None).expect("known").expect("ready");
    let failures = || {
        let text = metrics.text();
        let line = text.lines().find(|line| line.contains("load_failures_total{model=\"b\"}")).expect("b failed");
        line.rsplit(' ').next().expect("a number").to_owned()
    };
    infer(&store, to("b")).await.expect_err("no room");
    let before = failures();
    for _ in 0..5 {
        infer(&store, to("b")).await.expect_err("no room");
    }
    assert_eq!(failures(), before, "it is not tried again while there is no room");
    drop(used);
    assert!(infer(&store, to("b")).await.is_ok());
}

#[tokio::test]
async fn a_model_whose_successor_is_damaged_is_not_loaded_with_each_request() {
    let Some(runtime) = runtime() else { return };
    let (folder, size) = models(&["a", "b"]);
    let store = limited(&runtime, Source::Folder(folder.path().to_owned()), size, &Metrics::default());
    store.load("a", Given::default()).await.expect("loads");
    store.load("b", Given::default()).await.expect("loads");
    write(folder.path(), "a/2/model.onnx", &vec![0xff; usize::try_from(size).expect("fits")]);
    let refused = infer(&store, to("a")).await.expect_err("damaged").to_string();
    assert!(refused.contains("not an ONNX model"), "{refused}");
    assert!(matches!(store.get("a", None), Some(Err(Error::NotReady { .. }))));
    assert!(matches!(store.get("a", Some(1)), Some(Err(Error::NotReady { .. }))));
}

#[tokio::test]
async fn requests_at_the_same_time_load_a_model_once() {
    let Some(runtime) = runtime() else { return };
    let (folder, size) = models(&["a", "b"]);
    let store = limited(&runtime, Source::Folder(folder.path().to_owned()), size, &Metrics::default());
    store.load("a", Given::default()).await.expect("loads");
    store.load("b", Given::default()).await.expect("loads");
    let wanted = || async { store.demand("a", None).await.expect("known").expect("loads") };
    let (first, second) = tokio::join!(wanted(), wanted());
    assert!(Arc::ptr_eq(&first, &second));
}

#[tokio::test]
async fn new_models_do_not_drive_out_those_that_answer_before_a_request_needs_them() {
    let Some(runtime) = runtime() else { return };
    let (folder, size) = models(&["a", "b"]);
    let store = limited(&runtime, Source::Folder(folder.path().to_owned()), size, &Metrics::default());
    let mut seen = BTreeMap::new();
    store.follow(&mut seen, &|_| false).await.expect("reads");
    assert_eq!(ready(&store), ["a"]);
    assert!(entry(&store, "b").reason.starts_with("memory is short"), "{:?}", entry(&store, "b"));
    assert!(infer(&store, to("b")).await.is_ok());
    assert_eq!(ready(&store), ["b"]);
    // It was unloaded for space, so its new files are loaded when a request needs them.
    write(folder.path(), "a/2/model.onnx", &square("2"));
    store.follow(&mut seen, &|_| false).await.expect("reads");
    assert_eq!(ready(&store), ["b"]);
    assert_eq!(infer(&store, to("a")).await.expect("answers").version, Some(2));
}

#[tokio::test]
async fn a_successor_without_room_leaves_the_version_that_answers() {
    let Some(runtime) = runtime() else { return };
    let (folder, size) = models(&["a"]);
    let store = limited(&runtime, Source::Folder(folder.path().to_owned()), size, &Metrics::default());
    store.load("a", Given::default()).await.expect("loads");
    write(folder.path(), "a/2/model.onnx", &square("2"));
    store.load("a", Given::default()).await.expect_err("both do not fit");
    assert_eq!(infer(&store, to("a")).await.expect("answers").version, Some(1));
    assert!(entry(&store, "a").reason.starts_with("memory is short"), "{:?}", entry(&store, "a"));
    write(folder.path(), "a/config.pbtxt", b"instance_group { count: 2 }");
    let larger = store.load("a", Given::default()).await.expect_err("it never fits");
    assert!(matches!(larger, LoadError::LargerThanMemory { need, .. } if need == 2 * size), "{larger}");
}

#[tokio::test]
async fn a_model_whose_files_came_with_a_request_stays() {
    let Some(runtime) = runtime() else { return };
    let (folder, size) = models(&["a"]);
    let store = limited(&runtime, Source::Folder(folder.path().to_owned()), size, &Metrics::default());
    let files = BTreeMap::from([("1/model.onnx".to_owned(), Bytes::from(square("2")))]);
    store.load("sent", Given { config: None, files }).await.expect("loads");
    store.load("a", Given::default()).await.expect_err("no room");
    assert_eq!(ready(&store), ["sent"]);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_the_load() {
    let Some(runtime) = runtime() else { return };
    let (folder, _) = models(&["a"]);
    let store = store(&runtime, Source::Folder(folder.path().to_owned()));
    let mut load = Box::pin(store.load("a", Given::default()));
    let begun = std::future::poll_fn(|context| std::task::Poll::Ready(load.as_mut().poll(context).is_pending())).await;
    assert!(begun, "the load takes longer than one poll");
    drop(load);
    // Waits behind the load that goes on, and loads once more.
    store.load("a", Given::default()).await.expect("loads");
    assert_eq!(entry(&store, "a").state, State::Ready);
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_again_says_why() {
    let Some(runtime) = runtime() else { return };
    let (folder, size) = models(&["a", "b"]);
    let store = limited(&runtime, Source::Folder(folder.path().to_owned()), size, &Metrics::default());
    store.load("a", Given::default()).await.expect("loads");
    store.load("b", Given::default()).await.expect("loads");
    let damaged = vec![0xff; usize::try_from(size).expect("fits")];
    write(folder.path(), "a/1/model.onnx", &damaged);
    let refused = infer(&store, to("a")).await.expect_err("damaged").to_string();
    assert!(refused.contains("not an ONNX model"), "{refused}");
    // It is not tried again with each request.
    assert!(matches!(store.get("a", None), Some(Err(Error::NotReady { .. }))));
    assert!(infer(&store, to("b")).await.is_ok());

    store.load("b", Given::default()).await.expect_err("both copies do not fit");
    write(folder.path(), "a/1/model.onnx", &square("2"));
    store.load("a", Given::default()).await.expect("loads");
    fs::remove_dir_all(folder.path().join("b")).expect("removes");
    let gone = infer(&store, to("b")).await.expect_err("gone").to_string();
    assert_eq!(gone, "model 'b' is not ready: the folder 'b' is missing");
}
