//! Folders: they have one owner at a time, keep what they were created with, and leave other files
//! alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bytes::Bytes;
use marquee_domain::{Offset, Partition, Position, Timestamp};
use marquee_embedded::{EmbeddedLog, EmbeddedObjects, EmbeddedStore, LogSettings, OpenError};
use marquee_ports::{ErrorKind, NewRecord, ObjectKey, ObjectStore, Precondition, RatingLog, Subscription, Topic};

type Open = fn(&Path) -> Result<Box<dyn std::any::Any>, OpenError>;

/// Each back-end, as a function that opens it.
const ALL: [(&str, Open); 3] = [
    ("log", |path| Ok(Box::new(open_log(path, 3)?))),
    ("store", |path| Ok(Box::new(EmbeddedStore::open(path)?))),
    ("objects", |path| Ok(Box::new(EmbeddedObjects::open(path)?))),
];

fn open_log(path: &Path, partitions: u32) -> Result<EmbeddedLog, OpenError> {
    EmbeddedLog::open(path, &LogSettings { partitions, ..LogSettings::default() })
}

fn record(value: &str) -> NewRecord {
    let (key, value) = (Some(Bytes::from_static(b"user")), value.to_owned().into());
    NewRecord { key, value, headers: Vec::new(), timestamp: Timestamp::EPOCH }
}

#[test]
fn a_folder_in_use_is_refused_by_name_and_free_when_its_owner_goes() {
    for (name, open) in ALL {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("deep/in").join(name);
        for _ in 0..2 {
            let owner = open(&path).expect("opens");
            let refused = open(&path).expect_err("refused");
            assert!(matches!(&refused, OpenError::InUse(used) if *used == path), "{name}: {refused:?}");
            assert!(refused.to_string().contains(path.to_str().expect("text")), "{refused}");
            drop(owner);
        }
    }
}

#[test]
fn a_file_where_the_folder_should_be_is_an_error() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("file");
    fs::write(&path, "not a folder").expect("writes");
    for (name, open) in ALL {
        for path in [path.clone(), path.join("below")] {
            let refused = open(&path).expect_err("refused");
            assert!(matches!(&refused, OpenError::Io { path: named, .. } if *named == path), "{name}: {refused:?}");
        }
    }
}

/// A kill can leave a database half created. fjall then fails to create its journal, or to read an
/// empty version.
#[test]
fn a_half_created_database_is_created_again() {
    for (name, open) in &ALL[..2] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let aside = folder.path().join("incoming");
        fs::create_dir_all(aside.join("keyspaces")).expect("makes a folder");
        fs::write(aside.join("0.jnl"), [0; 100]).expect("writes");
        for version in [None, Some("")] {
            if let Some(version) = version {
                fs::write(aside.join("version"), version).expect("writes");
            }
            let opened = open(folder.path());
            assert!(opened.is_ok() && !aside.exists(), "{name}: {:?}", opened.err());
            drop(opened);
            fs::rename(folder.path().join("database"), &aside).expect("moves it back");
            fs::remove_file(folder.path().join("segments.json")).expect("a half-created database has none");
        }
    }
}

#[test]
fn a_log_keeps_its_number_of_partitions() {
    let folder = tempfile::tempdir().expect("temporary folder");
    drop(open_log(folder.path(), 3).expect("opens"));
    for asked in [2, 4] {
        let refused = open_log(folder.path(), asked).expect_err("refused");
        let is_partitions = matches!(refused, OpenError::Partitions { stored: 3, asked: n, .. } if n == asked);
        assert!(is_partitions, "{refused:?}");
    }
    drop(open_log(folder.path(), 3).expect("opens"));
}

#[test]
fn a_wrong_number_of_partitions_is_refused_and_creates_no_log() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("log");
    for bad in [0, 1_025, u32::MAX] {
        let refused = open_log(&path, bad).expect_err("refused");
        assert!(matches!(&refused, OpenError::Settings(invalid) if invalid.key() == "log.partitions"), "{refused:?}");
    }
    assert!(!path.exists());
    drop(open_log(&path, 1).expect("opens"));
}

#[tokio::test]
async fn invalid_calls_are_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let log = open_log(folder.path(), 3).expect("opens");
    let beyond = Position { partition: Partition(3), offset: Offset(0) };
    assert_eq!(log.read(Topic::RATINGS, beyond, 1).await.expect_err("refused").kind(), ErrorKind::Invalid);
    for group in ["", &"g".repeat(70_000)] {
        assert_eq!(log.subscribe(Topic::RATINGS, group).await.expect_err("refused").kind(), ErrorKind::Invalid);
        assert!(log.committed(Topic::RATINGS, group).await.expect("committed").is_empty());
    }
    let mut subscription: Box<dyn Subscription> = log.subscribe(Topic::RATINGS, "group").await.expect("subscribe");
    assert_eq!(subscription.seek(beyond).await.expect_err("refused").kind(), ErrorKind::Invalid);
}

/// No older record is left, so a catalog that is written again and again does not grow.
#[tokio::test]
async fn a_compacted_topic_holds_one_record_of_each_key() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let log = open_log(folder.path(), 1).expect("opens");
    for round in 0..10 {
        let records = ["a", "b", "a"].map(|key| NewRecord { key: Some(key.into()), ..record(&format!("{round}")) });
        log.append(Topic::MOVIES, records.into()).await.expect("append");
    }
    let from = Position { partition: Partition(0), offset: Offset(0) };
    let found = log.read(Topic::MOVIES, from, 100).await.expect("read");
    let found: Vec<u64> = found.iter().map(|record| record.position.offset.0).collect();
    assert_eq!(found, [28, 29]);
    let bounds = log.bounds(Topic::MOVIES).await.expect("bounds")[0];
    assert_eq!((bounds.begin, bounds.end), (Offset(28), Offset(30)));
}

#[tokio::test]
async fn objects_ignore_other_files_and_remove_what_a_writer_left() {
    let folder = tempfile::tempdir().expect("temporary folder");
    drop(EmbeddedObjects::open(folder.path()).expect("opens"));
    fs::write(folder.path().join("incoming/.tmp-left"), "half an object").expect("writes");
    fs::write(folder.path().join("objects/no object: a space"), "x").expect("writes");
    let objects = EmbeddedObjects::open(folder.path()).expect("opens");
    assert_eq!(fs::read_dir(folder.path().join("incoming")).expect("a folder").count(), 0);
    assert_eq!(objects.list(None).await.expect("list"), []);
    let key = ObjectKey::try_new("a/b").expect("a path of an object");
    objects.put(&key, Bytes::from_static(b"x"), Precondition::Absent).await.expect("put");
    assert_eq!(objects.list(None).await.expect("list").len(), 1);
}

/// Returns what other users can use below a folder.
fn exposed(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::metadata(&path).expect("there");
        if metadata.permissions().mode() & 0o077 != 0 {
            found.push(format!("{} {:o}", path.display(), metadata.permissions().mode()));
        }
        if metadata.is_dir() {
            waiting.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        }
    }
    found
}

#[tokio::test]
async fn other_users_can_read_nothing() {
    marquee_embedded::create_private_files();
    let folder = tempfile::tempdir().expect("temporary folder");
    let data = folder.path().join("data");
    let write = || async {
        let (log, objects) = (open_log(&data.join("log"), 3), EmbeddedObjects::open(&data.join("objects")));
        let store = EmbeddedStore::open(&data.join("store")).expect("opens");
        log.expect("opens").append(Topic::RATINGS, vec![record("x")]).await.expect("append");
        let key = ObjectKey::try_new("a/b/c").expect("a path of an object");
        objects.expect("opens").put(&key, Bytes::from_static(b"x"), Precondition::None).await.expect("put");
        drop(store);
    };
    write().await;
    assert_eq!(exposed(&data), Vec::<String>::new());

    // What an earlier version made is taken away from others at the next start.
    let status = std::process::Command::new("chmod").args(["-R", "a+rX"]).arg(&data).status();
    assert!(status.expect("chmod runs").success() && !exposed(&data).is_empty());
    write().await;
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("changed");
    assert_eq!(exposed(&data), Vec::<String>::new());
}

fn make_pipe(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_an_error_and_is_not_waited_for() {
    for name in ["lock", "segments.json"] {
        let folder = tempfile::tempdir().expect("temporary folder");
        drop(open_log(folder.path(), 3).expect("opens"));
        fs::remove_file(folder.path().join(name)).expect("removes");
        make_pipe(&folder.path().join(name));
        let refused = open_log(folder.path(), 3).expect_err(name);
        assert!(matches!(refused, OpenError::Io { .. } | OpenError::Manifest { .. }), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn only_regular_files_are_objects_and_nothing_else_is_waited_for() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let objects = EmbeddedObjects::open(folder.path()).expect("opens");
    let key = |path: &str| ObjectKey::try_new(path).expect("a path of an object");
    objects.put(&key("m/good"), Bytes::from_static(b"x"), Precondition::Absent).await.expect("put");
    let place = folder.path().join("objects/m");
    make_pipe(&place.join("pipe"));
    let _socket = std::os::unix::net::UnixListener::bind(place.join("socket")).expect("a socket");
    for (name, target) in [("loop", "loop"), ("to-pipe", "pipe"), ("device", "/dev/zero"), ("nowhere", "absent")] {
        std::os::unix::fs::symlink(target, place.join(name)).expect("a link");
    }
    std::os::unix::fs::symlink("good", place.join("link")).expect("a link");
    fs::create_dir(place.join("folder")).expect("a folder");
    let huge = fs::File::create(place.join("huge")).expect("a file");
    huge.set_len(1 << 40).expect("a sparse file");

    let within = |time| {
        tokio::time::timeout(std::time::Duration::from_secs(time), async {
            let list = objects.list(None).await.expect("lists");
            let names: Vec<_> = list.iter().map(|entry| entry.key.as_str()).collect();
            assert_eq!(names, ["m/good", "m/huge", "m/link"]);
            for (name, expected) in [
                ("m/pipe", "it is a pipe"),
                ("m/socket", "it is a socket"),
                ("m/to-pipe", "it is a pipe"),
                ("m/device", "it is a device"),
                ("m/huge", "the largest object has"),
                ("m/loop", "read m/loop"),
            ] {
                let error = objects.get(&key(name)).await.expect_err(name).to_string();
                assert!(error.contains(expected), "{error}");
            }
            for name in ["m/folder", "m/nowhere", "m/absent"] {
                assert_eq!(objects.get(&key(name)).await.expect("reads"), None, "{name}");
            }
            for name in ["m/good", "m/link"] {
                assert_eq!(objects.get(&key(name)).await.expect("reads").expect("there").bytes, "x", "{name}");
            }
        })
    };
    within(10).await.expect("nothing blocks");
    // They can be replaced and removed.
    objects.put(&key("m/pipe"), Bytes::from_static(b"y"), Precondition::None).await.expect("put");
    objects.delete(&key("m/to-pipe")).await.expect("delete");
    assert_eq!(objects.get(&key("m/pipe")).await.expect("reads").expect("there").bytes, "y");
}
