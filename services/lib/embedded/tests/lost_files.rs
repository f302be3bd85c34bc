//! Files of a database that are removed, cut short or overwritten, while it is open and while it is
//! closed: no acknowledged record is lost without a word.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use marquee_domain::{Offset, Partition, Position, Timestamp};
use marquee_embedded::{EmbeddedLog, EmbeddedStore, LogSettings, OpenError};
use marquee_ports::{ErrorKind, NewRecord, RatingLog, Topic};
use tempfile::TempDir;

fn open(folder: &Path) -> Result<EmbeddedLog, OpenError> {
    EmbeddedLog::open(folder, &LogSettings { partitions: 1, ..LogSettings::default() })
}

async fn append(log: &EmbeddedLog, count: usize) -> Result<(), marquee_ports::Error> {
    let record = |n| NewRecord {
        key: None,
        value: format!("value {n} {}", "x".repeat(5_000)).into(),
        headers: Vec::new(),
        timestamp: Timestamp::EPOCH,
    };
    log.append(Topic::RATINGS, (0..count).map(record).collect()).await.map(drop)
}

async fn count(log: &EmbeddedLog) -> usize {
    let from = Position { partition: Partition(0), offset: Offset(0) };
    log.read(Topic::RATINGS, from, 1_000).await.expect("reads").len()
}

/// Copies a folder. While a log is open, this is what a kill leaves.
fn copy(from: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("temporary folder");
    let status = std::process::Command::new("cp")
        .args(["-a", "--sparse=always"])
        .arg(from.join("."))
        .arg(copy.path())
        .status()
        .expect("cp runs");
    assert!(status.success());
    copy
}

/// Waits until the manifest has what was written.
async fn wait_for_manifest(folder: &Path) {
    let manifest = || fs::read_to_string(folder.join("segments.json")).expect("reads");
    let before = manifest();
    let changed = async {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        while manifest() == before {
            looks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), changed).await.expect("in time");
}

fn journal(folder: &Path) -> PathBuf {
    folder.join("database/0.jnl")
}

type Damage = (&'static str, fn(&Path), &'static str);

fn change(path: &Path, length: u64) {
    fs::File::options().write(true).open(path).expect("opens").set_len(length).expect("sets the length");
}

const DAMAGES: [Damage; 5] = [
    ("removed", |folder| fs::remove_file(journal(folder)).expect("removes"), "0.jnl is missing"),
    ("emptied", |folder| change(&journal(folder), 0), "0.jnl was cut short"),
    ("cut", |folder| change(&journal(folder), 30_000), "0.jnl was cut short"),
    (
        "moved away",
        |folder| fs::rename(folder.join("database"), folder.join("elsewhere")).expect("moves"),
        "the folder 'database' is missing",
    ),
    (
        "removed with everything",
        |folder| fs::remove_dir_all(folder).expect("removes"),
        "the folder was removed or replaced",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_lost_while_a_log_is_open_stop_its_writes_and_the_next_start() {
    for (how, damage, expected) in DAMAGES {
        let parent = tempfile::tempdir().expect("temporary folder");
        let folder = parent.path().join("log");
        let log = open(&folder).expect("opens");
        append(&log, 20).await.expect("appends");
        wait_for_manifest(&folder).await;
        let mut trouble = log.trouble();
        assert_eq!(*trouble.borrow(), None);
        damage(&folder);
        let noticed = tokio::time::timeout(Duration::from_secs(20), trouble.wait_for(Option::is_some)).await;
        let why = noticed.expect(how).expect("open").clone().unwrap_or_default();
        assert!(why.contains(expected) && why.contains("backup"), "{how}: {why}");
        let refused = append(&log, 1).await.expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        assert_eq!(count(&log).await, 20, "{how}: it is read from memory");
        drop(log);
        if folder.exists() {
            let error = open(&folder).expect_err("refused");
            assert!(matches!(error, OpenError::Lost { .. }), "{how}: {error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_lost_while_a_log_is_closed_stop_its_start() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let log = open(folder.path()).expect("opens");
    append(&log, 20).await.expect("appends");
    // A kill, after the appends are in the manifest.
    wait_for_manifest(folder.path()).await;
    let killed = copy(folder.path());
    drop(log);
    let zeros: Damage = (
        "overwritten",
        |folder| {
            let length = fs::metadata(journal(folder)).expect("there").len();
            change(&journal(folder), 0);
            change(&journal(folder), length);
        },
        "the newest changes are missing",
    );
    for (state, sound) in [("closed", &folder), ("killed", &killed)] {
        let opened = copy(sound.path());
        assert_eq!(count(&open(opened.path()).expect("opens")).await, 20, "{state}");
        for (how, damage, expected) in DAMAGES[..4].iter().copied().chain([zeros]) {
            let folder = copy(sound.path());
            damage(folder.path());
            // Twice: a start that was refused changes nothing.
            for _ in 0..2 {
                let error = open(folder.path()).expect_err("refused").to_string();
                // Nobody knows how long the journal of a killed process was.
                let is_length = expected.contains("cut short") && state == "killed";
                let expected = if is_length { "the newest changes are missing" } else { expected };
                assert!(error.contains(expected), "{state}, {how}: {error}");
                assert!(error.contains("backup") && error.contains("delete segments.json"), "{error}");
            }
            // The way out. What is left of the database can be used.
            fs::remove_file(folder.path().join("segments.json")).expect("removes");
            let log = open(folder.path()).unwrap_or_else(|error| panic!("{state}, {how}: {error}"));
            append(&log, 1).await.expect("appends");
        }
    }
}

#[test]
fn a_store_that_lost_files_says_how_it_is_built_again() {
    let folder = tempfile::tempdir().expect("temporary folder");
    drop(EmbeddedStore::open(folder.path()).expect("opens"));
    fs::remove_file(journal(folder.path())).expect("removes");
    let error = EmbeddedStore::open(folder.path()).expect_err("refused").to_string();
    assert!(error.contains("0.jnl is missing") && error.contains("builds it again from the log"), "{error}");
}

#[test]
fn a_folder_of_an_earlier_version_has_no_manifest_and_opens() {
    let folder = tempfile::tempdir().expect("temporary folder");
    drop(open(folder.path()).expect("opens"));
    fs::remove_file(folder.path().join("segments.json")).expect("removes");
    drop(open(folder.path()).expect("opens"));
    assert!(folder.path().join("segments.json").exists());
}
