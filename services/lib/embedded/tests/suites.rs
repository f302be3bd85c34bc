//! The suites of the three ports, each back-end in a temporary folder.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use marquee_embedded::{EmbeddedLog, EmbeddedObjects, EmbeddedStore, LogSettings};
use marquee_ports::conformance::{self, Fixture};
use marquee_ports::{Cleanup, ErrorKind, ObjectStore, OnlineStore, Partitions, RatingLog, Retention, Topic, TopicSpec};
use tempfile::TempDir;

/// Random sequences of each port.
const CASES: u32 = 48;

/// A back-end in a temporary folder, which is removed when the next one is opened.
struct InFolder<P: ?Sized> {
    folder: Mutex<TempDir>,
    open: fn(&Path) -> Arc<P>,
}

impl<P: ?Sized> InFolder<P> {
    fn new(open: fn(&Path) -> Arc<P>) -> Self {
        Self { folder: Mutex::new(tempfile::tempdir().expect("temporary folder")), open }
    }
}

#[async_trait]
impl<P: ?Sized + Send + Sync> Fixture<P> for InFolder<P> {
    async fn empty(&self) -> Arc<P> {
        let mut folder = self.folder.lock().expect("no test panicked with it");
        *folder = tempfile::tempdir().expect("temporary folder");
        (self.open)(folder.path())
    }

    async fn reopen(&self, port: Arc<P>) -> Arc<P> {
        assert_eq!(Arc::strong_count(&port), 1, "the last handle");
        drop(port);
        (self.open)(self.folder.lock().expect("no test panicked with it").path())
    }
}

fn log() -> InFolder<dyn RatingLog> {
    InFolder::new(|path| Arc::new(EmbeddedLog::open(path, &LogSettings::default()).expect("opens")))
}

/// Has few partitions, so that each has many records, and a queue so short that appends wait for
/// room in it.
fn narrow_log() -> InFolder<dyn RatingLog> {
    InFolder::new(|path| Arc::new(EmbeddedLog::open(path, &narrow()).expect("opens")))
}

fn narrow() -> LogSettings {
    LogSettings { partitions: 2, queue: 1, ..LogSettings::default() }
}

fn store() -> InFolder<dyn OnlineStore> {
    InFolder::new(|path| Arc::new(EmbeddedStore::open(path).expect("opens")))
}

fn objects() -> InFolder<dyn ObjectStore> {
    InFolder::new(|path| Arc::new(EmbeddedObjects::open(path).expect("opens")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_keeps_the_promises_of_its_port() {
    conformance::log::suite(&log()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrow_log_keeps_the_promises_of_its_port() {
    conformance::log::suite(&narrow_log()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_one_partition_keeps_the_promises_of_its_port() {
    let open = |path: &Path| -> Arc<dyn RatingLog> {
        Arc::new(EmbeddedLog::open(path, &LogSettings { partitions: 1, ..LogSettings::default() }).expect("opens"))
    };
    conformance::log::suite(&InFolder::new(open)).await;
}

/// A topic that only this test knows: it keeps little, has one partition and is no topic of a
/// deployment.
static VIEWS: TopicSpec = TopicSpec {
    name: "marquee.views.v1",
    key: "user id",
    partitions: Partitions::Fixed(1),
    retention: Retention { age: None, bytes: Some(4_000) },
    cleanup: Cleanup::Delete,
    archived: false,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_further_topic_is_one_specification_and_its_retention_is_kept() {
    let open = |path: &Path| -> Arc<dyn RatingLog> {
        let topics = [Topic::RATINGS, Topic::new(&VIEWS)];
        Arc::new(EmbeddedLog::open_topics(path, &LogSettings::default(), &topics).expect("opens"))
    };
    let fixture = InFolder::new(open);
    conformance::log::retention::suite(&fixture, Topic::new(&VIEWS)).await;
    let log = fixture.empty().await;
    assert_eq!(log.bounds(Topic::new(&VIEWS)).await.expect("bounds").len(), 1);
    assert_eq!(log.bounds(Topic::RATINGS).await.expect("bounds").len(), 8);
    assert_eq!(log.bounds(Topic::MOVIES).await.expect_err("not of this log").kind(), ErrorKind::Invalid);
}

#[test]
fn the_log_follows_its_model() {
    conformance::log::random_operations_follow_the_model(&narrow_log(), CASES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_keeps_the_promises_of_its_port() {
    conformance::store::suite(&store()).await;
}

#[test]
fn the_store_follows_its_model() {
    conformance::store::random_operations_follow_the_model(&store(), CASES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_objects_keep_the_promises_of_their_port() {
    conformance::objects::suite(&objects()).await;
}

#[test]
fn the_objects_follow_their_model() {
    conformance::objects::random_operations_follow_the_model(&objects(), CASES);
}
