//! Unloading a version delays nobody, however long its graphs take to end.

use std::sync::Condvar;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use marquee_model::{Catalogue, Manifest};
use marquee_onnx::RunError;

use super::*;
use crate::model::{Graph, Parts, Tensors};
use crate::testing::manifest;

/// Holds the destructor of a graph until the test allows it to end.
#[derive(Debug, Default)]
struct Gate {
    begun: watch::Sender<bool>,
    is_open: Mutex<bool>,
    opened: Condvar,
    ended: AtomicBool,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        self.begun.send_replace(true);
        let most = Duration::from_secs(10);
        let _ = self.opened.wait_timeout_while(self.is_open.lock().unwrap(), most, |is_open| !*is_open).unwrap();
        self.ended.store(true, Ordering::SeqCst);
    }
}

/// A graph whose destructor waits, as that of a session waits for its thread.
#[derive(Debug)]
struct SlowGraph(Option<Arc<Gate>>);

impl Drop for SlowGraph {
    fn drop(&mut self) {
        if let Some(gate) = &self.0 {
            gate.pass();
        }
    }
}

#[async_trait]
impl Graph for SlowGraph {
    async fn evaluate(&self, _: Tensors) -> Result<Tensors, RunError> {
        Err(RunError::Closed)
    }
}

/// A loader of models whose version 1 takes long to end.
#[derive(Debug)]
struct SlowLoader(Arc<FakeLoader>, Arc<Gate>);

#[async_trait]
impl Loader for SlowLoader {
    async fn list(&self) -> Result<BTreeMap<Key, Stamp>, marquee_ports::Error> {
        self.0.list().await
    }

    async fn manifest(&self, key: &Key) -> Result<Option<Manifest>, marquee_ports::Error> {
        self.0.manifest(key).await
    }

    async fn verify(&self, key: &Key) -> Result<(), LoadError> {
        self.0.verify(key).await
    }

    async fn load(&self, (_, version): &Key) -> Result<Model, LoadError> {
        let gate = (*version == Version(1)).then(|| Arc::clone(&self.1));
        let parts = Parts {
            manifest: manifest(version.0),
            catalog: Catalogue::new(Vec::new()).expect("distinct"),
            encoder: Box::new(SlowGraph(gate)),
            scorer: Box::new(SlowGraph(None)),
            learner: None,
            ranker: None,
            golden: None,
        };
        Ok(Model::new(format!("digest-{version}"), true, parts))
    }
}

#[tokio::test]
async fn unloading_a_version_delays_nobody_however_long_its_graphs_take_to_end() {
    let gate = Arc::new(Gate::default());
    let loader = SlowLoader(FakeLoader::with(1..=3), Arc::clone(&gate));
    let context = Context::default();
    let process = Process { tasks: context.tasks, stop: context.stop, clock: Arc::new(SystemClock) };
    let repository = Repository::new(Arc::new(loader), LIMITS, process, LoadMetrics::register(&Metrics::default()));
    repository.refresh().await.unwrap();
    repository.retain(&BTreeSet::from([key(1)]));
    until(&repository, || (1..=3).all(|version| is_warm(&repository, version))).await;

    // Not routed any more, and not among the newest two.
    repository.retain(&BTreeSet::new());
    within(gate.begun.subscribe().wait_for(|begun| *begun)).await.unwrap();
    assert!(repository.state(&key(1)).is_none() && is_warm(&repository, 2) && is_warm(&repository, 3));
    assert!(!gate.ended.load(Ordering::SeqCst), "the graph was freed before the repository answered");
    gate.open();
}
