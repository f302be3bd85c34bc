//! A disk that is full and then has room again: writes go on without a restart, and nothing that
//! was acknowledged is lost.
//!
//! The limit on the size of files stands for the disk. It holds for a whole process, so the test
//! runs in a process of its own.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{Offset, Partition, Position, Timestamp};
use marquee_embedded::{EmbeddedLog, EmbeddedStore, LogSettings, Trouble};
use marquee_ports::{Error, ErrorKind, NewRecord, OnlineStore, RatingLog, RowKey, Topic, Write};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The variable that names the folder. It is set in the child only.
const FOLDER: &str = "MARQUEE_FULL_DISK_FOLDER";

const SOURCE: Partition = Partition(0);

#[test]
fn writes_go_on_when_the_disk_has_room_again() {
    let folder = tempfile::tempdir().expect("temporary folder");
    // Without this, the signal of the limit would end the child.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--exact", "full_disk::child", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .expect("the child starts");
    let output = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && output.contains("the child has ended"), "{output}");
}

/// The process whose disk is full. Without a parent it does nothing.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(fill_and_empty(Path::new(&folder)));
    println!("the child has ended");
}

/// Sets the largest size of a file that this process writes. `None`: no limit.
fn limit(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).expect("sets the limit");
}

fn open(folder: &Path) -> (EmbeddedLog, EmbeddedStore) {
    let settings = LogSettings { partitions: 1, ..LogSettings::default() };
    let log = EmbeddedLog::open(&folder.join("log"), &settings).expect("opens");
    (log, EmbeddedStore::open(&folder.join("store")).expect("opens"))
}

async fn append(log: &EmbeddedLog, value: &str) -> Result<Offset, Error> {
    // Larger than the engine's buffer, so that a failed write leaves half of a record behind.
    let value = format!("{value} {}", "x".repeat(20_000)).into();
    let record = NewRecord { key: None, value, headers: Vec::new(), timestamp: Timestamp::EPOCH };
    log.append(Topic::RATINGS, vec![record]).await.map(|positions| positions[0].offset)
}

async fn values(log: &EmbeddedLog) -> Vec<String> {
    let from = Position { partition: SOURCE, offset: Offset(0) };
    let found = log.read(Topic::RATINGS, from, 1_000).await.expect("reads");
    let value = |bytes: &Bytes| String::from_utf8_lossy(bytes).split(' ').next().unwrap_or_default().to_owned();
    found.iter().map(|record| value(&record.value)).collect()
}

async fn wait(trouble: &mut Trouble, expected: bool) -> String {
    let changed = trouble.wait_for(|trouble| trouble.is_some() == expected);
    let changed = tokio::time::timeout(Duration::from_secs(20), changed).await.expect("in time");
    changed.expect("the database is open").clone().unwrap_or_default()
}

async fn fill_and_empty(folder: &Path) {
    let (log, store) = open(folder);
    let (mut log_trouble, mut store_trouble) = (log.trouble(), store.trouble());
    let row = |value: &'static str, at: u64| Write { key: "row".into(), value: value.into(), applied: Offset(at) };
    let mut acknowledged = Vec::new();
    for round in 0..3_u64 {
        let name = format!("before-{round}");
        append(&log, &name).await.expect("appended");
        acknowledged.push(name);
        let mut lease = store.lease(SOURCE).await.expect("a lease");
        lease.apply(vec![row("before", 2 * round)], Offset(2 * round + 1)).await.expect("applied");

        limit(Some(1));
        let refused = append(&log, "refused").await.expect_err("the disk is full");
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        lease.apply(vec![row("refused", 2 * round + 1)], Offset(2 * round + 2)).await.expect_err("the disk is full");
        for trouble in [&mut log_trouble, &mut store_trouble] {
            let why = wait(trouble, true).await;
            assert!(why.contains("File too large") && why.contains("room"), "{why}");
        }
        let refused = append(&log, "refused").await.expect_err("still full");
        let cause = std::error::Error::source(&refused).expect("a cause").to_string();
        assert!(cause.contains("File too large"), "{cause}");
        // What is stored is read all the same.
        assert!(values(&log).await.iter().filter(|value| *value != "refused").eq(&acknowledged));

        limit(None);
        for trouble in [&mut log_trouble, &mut store_trouble] {
            wait(trouble, false).await;
        }
        // The store may have lost what the old lease wrote last.
        lease.apply(vec![row("old lease", 2 * round + 1)], Offset(2 * round + 2)).await.expect_err("it has ended");
        let mut lease = store.lease(SOURCE).await.expect("a lease");
        assert!(lease.marker() >= Offset(2 * round + 1));
        lease.apply(vec![row("after", 2 * round + 1)], Offset(2 * round + 2)).await.expect("applied");
        let name = format!("after-{round}");
        append(&log, &name).await.expect("appended");
        acknowledged.push(name);
    }
    drop((log, store));
    let (log, store) = open(folder);
    let found: Vec<String> = values(&log).await.into_iter().filter(|value| value != "refused").collect();
    assert_eq!(found, acknowledged);
    let key = RowKey { source: SOURCE, key: "row".into() };
    let found = store.get(&[key]).await.expect("reads")[0].clone().expect("a row");
    assert_eq!((found.applied, store.marker(SOURCE).await.expect("a marker")), (Offset(5), Offset(6)));
}
