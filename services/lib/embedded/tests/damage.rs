//! Damaged files: a journal that was cut short loses only its torn end, and garbage is an error,
//! never a panic.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use marquee_domain::{Offset, Partition, Position, Timestamp};
use marquee_embedded::{EmbeddedLog, EmbeddedStore, LogSettings};
use marquee_ports::{NewRecord, OnlineStore, RatingLog, RowKey, Topic, Write};
use tokio::runtime::Runtime;

/// The number of bytes between two cuts: a prime, so that the cuts fall on different parts of each
/// append.
const STEP: usize = 29;

/// The file in the folder of a back-end to which everything is written first.
const JOURNAL: &str = "database/0.jnl";

/// The file that says which journals there are.
const MANIFEST: &str = "segments.json";

fn open_log(path: &Path) -> Option<EmbeddedLog> {
    EmbeddedLog::open(path, &LogSettings { partitions: 1, ..LogSettings::default() }).ok()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

fn record(n: usize) -> NewRecord {
    let key = Some(format!("key {}", n % 3).into());
    NewRecord { key, value: format!("value {n}").into(), headers: Vec::new(), timestamp: Timestamp::EPOCH }
}

/// Returns the length without the zeros at the end: most of a journal's file is reserved space.
fn written(file: &Path) -> Vec<u8> {
    let mut bytes = fs::read(file).expect("reads");
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    bytes
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Copies a folder, but of one file only the beginning, followed by zeros up to a length.
fn copy_with(sound: &Path, changed: &Path, bytes: &[u8], length: u64) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("temporary folder");
    for file in files(sound) {
        let relative = file.strip_prefix(sound).expect("below it");
        let place = copy.path().join(relative);
        fs::create_dir_all(place.parent().expect("a folder")).expect("makes a folder");
        let is_changed = relative == changed;
        fs::write(&place, if is_changed { bytes.to_vec() } else { written(&file) }).expect("writes");
        let length = if is_changed { length } else { file.metadata().expect("is there").len() };
        fs::File::options().write(true).open(&place).expect("opens").set_len(length).expect("sets the length");
    }
    copy
}

/// A kill or a loss of power may cut a write anywhere. The rest is then missing, or zeros where the
/// file had reserved space. A debug assertion of fjall fails on such zeros, so the workspace builds
/// it without debug assertions.
#[test]
fn a_journal_cut_short_keeps_every_append_before_the_cut() {
    let (runtime, sound) = (runtime(), tempfile::tempdir().expect("temporary folder"));
    let (topic, from) = (Topic::RATINGS, Position { partition: Partition(0), offset: Offset(0) });
    // The length of the journal after each append of three records.
    let mut lengths = Vec::new();
    let log = open_log(sound.path()).expect("opens");
    let journal = sound.path().join(JOURNAL);
    lengths.push(written(&journal).len());
    // A process that is killed has not written that it closed the database.
    let manifest = fs::read(sound.path().join(MANIFEST)).expect("reads");
    for append in 0..4 {
        runtime.block_on(log.append(topic, (0..3).map(|n| record(append * 3 + n)).collect())).expect("append");
        lengths.push(written(&journal).len());
    }
    drop(log);
    let (whole, room) = (written(&journal), journal.metadata().expect("is there").len());
    for cut in (lengths[0]..whole.len()).step_by(STEP) {
        for length in [cut as u64, room] {
            let copy = copy_with(sound.path(), Path::new(JOURNAL), &whole[..cut], length);
            fs::write(copy.path().join(MANIFEST), &manifest).expect("writes");
            let appends = lengths.iter().filter(|&&length| length <= cut).count() - 1;
            // And again, after it went on behind the cut.
            for records in [3 * appends, 3 * appends + 1] {
                let log = open_log(copy.path()).expect("opens");
                let found = runtime.block_on(log.read(topic, from, 100)).expect("read");
                let values: Vec<Bytes> = found.into_iter().map(|record| record.value).collect();
                let expected: Vec<Bytes> = (0..records).map(|n| record(n).value).collect();
                assert_eq!(values, expected, "cut at {cut} of {}, file of {length}", whole.len());
                runtime.block_on(log.append(topic, vec![record(records)])).expect("append");
            }
        }
    }
}

/// Opens a back-end, writes to every part of it and reads all of it. Returns `false` when any call
/// failed.
type Using = fn(&Path) -> bool;

fn use_log(path: &Path) -> bool {
    let Some(log) = open_log(path) else { return false };
    runtime().block_on(async {
        let mut fine = true;
        for &topic in Topic::ALL {
            let records = (0..20).map(record).collect();
            fine &= log.append(topic, records).await.is_ok();
            let Ok(bounds) = log.bounds(topic).await else { return false };
            for bound in bounds {
                let from = Position { partition: bound.partition, offset: Offset(0) };
                fine &= log.read(topic, from, 1_000).await.is_ok();
            }
        }
        fine
    })
}

fn use_store(path: &Path) -> bool {
    let Ok(store) = EmbeddedStore::open(path) else { return false };
    runtime().block_on(async {
        let Ok(mut lease) = store.lease(Partition(0)).await else { return false };
        let marker = lease.marker();
        let write = |n: u64| Write { key: format!("{n}").into(), value: Bytes::from_static(b"row"), applied: marker };
        let key = |n: u64| RowKey { source: Partition(0), key: format!("{n}").into() };
        let keys: Vec<RowKey> = (0..20).map(key).collect();
        let applied = lease.apply((0..20).map(write).collect(), marker.next()).await;
        applied.is_ok() && store.get(&keys).await.is_ok()
    })
}

type Damage = fn(&[u8]) -> Vec<u8>;

const DAMAGES: [(&str, Damage); 5] = [
    ("emptied", |_| Vec::new()),
    ("cut in half", |bytes| bytes[..bytes.len() / 2].to_vec()),
    ("overwritten", |bytes| (0..bytes.len()).map(|n| (n * 131 % 251) as u8).collect()),
    ("flipped", |bytes| bytes.iter().enumerate().map(|(n, byte)| if n % 64 == 9 { !byte } else { *byte }).collect()),
    ("text", |_| b"garbage, but not much of it".to_vec()),
];

/// Damages every file in turn, in every way. Some damage is not detected, but none may cause a
/// panic.
#[test]
fn garbage_in_a_folder_is_an_error_and_no_panic() {
    let backends: [(&str, Using); 2] = [("log", use_log), ("store", use_store)];
    for (name, using) in backends {
        let sound = tempfile::tempdir().expect("temporary folder");
        assert!(using(sound.path()) && using(sound.path()), "{name} is sound");
        let mut noticed = 0;
        for file in files(sound.path()) {
            let relative = file.strip_prefix(sound.path()).expect("below it");
            for (how, damage) in DAMAGES {
                let bytes = damage(&written(&file));
                let copy = copy_with(sound.path(), relative, &bytes, bytes.len() as u64);
                let used = catch_unwind(AssertUnwindSafe(|| using(copy.path())));
                assert!(used.is_ok(), "{name}: {} {how} makes a panic", relative.display());
                noticed += usize::from(used.is_ok_and(|fine| !fine));
            }
        }
        assert!(noticed > 0, "{name} notices nothing");
    }
}
