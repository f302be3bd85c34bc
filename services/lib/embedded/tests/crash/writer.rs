//! The process that is killed. It writes to a log, a store and objects at once, and prints a line
//! for each acknowledgement as soon as it comes.

use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;

use bytes::Bytes;
use marquee_domain::{Offset, Partition, Timestamp};
use marquee_embedded::{EmbeddedLog, EmbeddedObjects, EmbeddedStore, LogSettings};
use marquee_ports::{NewRecord, ObjectKey, ObjectStore, OnlineStore, Precondition, RatingLog, Topic, Write};

use super::content;

/// The start of every line, because the test runner writes to the same pipe.
pub(super) const SAYS: &str = "> ";

/// Most bytes of a record. One writer's records are longer, so that memory is flushed to tables
/// too.
pub(super) const RECORD: usize = 2_000;
pub(super) const LONG_RECORD: usize = 400_000;

/// Most bytes of a row.
pub(super) const ROW: usize = 500;

/// Most bytes of an object.
pub(super) const OBJECT: usize = 100_000;

/// Rows of a source. Offset n goes to row n modulo this.
pub(super) const ROWS: u64 = 40;

/// Sources of the store.
pub(super) const SOURCES: u32 = 2;

pub(super) fn settings() -> LogSettings {
    LogSettings { partitions: 3, ..LogSettings::default() }
}

pub(super) fn key(path: &str) -> ObjectKey {
    ObjectKey::try_new(path).expect("a path of an object")
}

/// Returns the row to which an offset of a source goes, and its content.
pub(super) fn row(source: u32, offset: u64) -> (Bytes, Bytes) {
    let content = content::of(&format!("{source} {offset}"), ROW);
    (format!("{source}/{}", offset % ROWS).into(), content.into())
}

/// Prints a line past the capture of the test runner, at once: standard output flushes at every
/// line feed. Ends the process when the parent is gone.
fn say(what: impl Display) {
    writeln!(std::io::stdout().lock(), "{SAYS}{what}").expect("the parent reads");
}

pub(super) fn write_until_killed(folder: &Path, run: u64) {
    // The line of the test runner has no end yet.
    writeln!(std::io::stdout().lock()).expect("the parent reads");
    say("opening");
    let log = EmbeddedLog::open(&folder.join("log"), &settings()).expect("opens");
    let store = EmbeddedStore::open(&folder.join("store")).expect("opens");
    let objects = EmbeddedObjects::open(&folder.join("objects")).expect("opens");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime starts");
    runtime.block_on(async {
        tokio::join!(
            append(&log, Topic::RATINGS, format!("{run}/a"), RECORD),
            append(&log, Topic::RATINGS, format!("{run}/b"), LONG_RECORD),
            append(&log, Topic::MOVIES, format!("{run}/c"), RECORD),
            append(&log, Topic::MOVIES, format!("{run}/d"), RECORD),
            apply(&store, 0),
            apply(&store, 1),
            add(&objects, run),
            replace(&objects, run),
        )
    });
}

/// Prints "log, partition, offset, name" for each record.
async fn append(log: &EmbeddedLog, topic: Topic, writer: String, longest: usize) {
    for n in 0.. {
        let count = if longest == RECORD { 1 + n % 4 } else { 1 };
        let names: Vec<String> = (0..count).map(|r| format!("{writer}/{n}/{r}")).collect();
        let record = |name: &String| NewRecord {
            key: Some(format!("key {}", name.len() as u64 * 7 + n % 11).into()),
            value: content::of(name, longest).into(),
            headers: vec![("name".to_owned(), name.clone().into())],
            timestamp: Timestamp::from_seconds(n as i64),
        };
        let positions = log.append(topic, names.iter().map(record).collect()).await.expect("append");
        for (position, name) in positions.iter().zip(&names) {
            say(format_args!("{} {} {} {name}", topic.name(), position.partition, position.offset));
        }
    }
}

/// Applies events from the marker on, and prints "row SOURCE NEXT" after each batch.
async fn apply(store: &EmbeddedStore, source: u32) {
    let mut lease = store.lease(Partition(source)).await.expect("lease");
    loop {
        let from = lease.marker().0;
        let next = from + 1 + from % 5;
        let write = |offset| {
            let (key, value) = row(source, offset);
            Write { key, value, applied: Offset(offset) }
        };
        lease.apply((from..next).map(write).collect(), Offset(next)).await.expect("apply");
        say(format_args!("row {source} {next}"));
        tokio::task::yield_now().await;
    }
}

/// Adds objects, each a new one, and prints "object, path".
async fn add(objects: &EmbeddedObjects, run: u64) {
    for n in 0.. {
        let path = format!("run-{run}/{}/{n}", n % 3);
        let bytes = content::of(&path, OBJECT).into();
        objects.put(&key(&path), bytes, Precondition::Absent).await.expect("put");
        say(format_args!("object {path}"));
    }
}

/// Replaces one object again and again and prints "current, generation".
async fn replace(objects: &EmbeddedObjects, run: u64) {
    for n in 0.. {
        let generation = run * 1_000_000 + n;
        let bytes = content::of(&generation.to_string(), OBJECT).into();
        objects.put(&key("current"), bytes, Precondition::None).await.expect("put");
        say(format_args!("current {generation}"));
    }
}
