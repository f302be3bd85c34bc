//! Tests of versions from the making to another machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use marquee_ports::memory::MemoryObjects;

use crate::testing::{Workspace, count};
use crate::*;

/// A folder with files, some of them with unusual names.
fn raw(workspace: &Workspace) {
    workspace.write("data/raw/b.csv", "user,movie,rating\n1,2,3\n");
    workspace.write("data/raw/sub/é name.json", "{}\n");
    workspace.write("data/raw/empty.txt", "");
}

fn set(workspace: &Workspace, path: &str) -> Vec<(PathBuf, Pointer)> {
    let pointer = workspace.repository.pointer(&workspace.path(path)).expect("a version");
    vec![(PathBuf::from(path), pointer)]
}

#[test]
fn a_snapshot_is_what_dvc_writes_and_a_second_one_adds_nothing() {
    let workspace = Workspace::new();
    raw(&workspace);
    let made = workspace.repository.snapshot(&workspace.path("data/raw"), &()).expect("a snapshot");
    assert_eq!((made.size, made.files, made.added, made.is_new), (27, Some(3), 3, true));
    let pointer = workspace.read("data/raw.dvc").expect("a pointer");
    assert_eq!(pointer, format!("outs:\n- md5: {}\n  size: 27\n  nfiles: 3\n  hash: md5\n  path: raw\n", made.digest));
    assert_eq!(workspace.read("data/.gitignore").as_deref(), Some("/raw\n"));
    assert_eq!(workspace.read(".dvc/.gitignore").as_deref(), Some("/config.local\n/tmp\n/cache\n"));
    let cache = workspace.path(".dvc/cache/files/md5");
    assert_eq!(count(&cache), 4, "three contents and the list of files");
    let empty = cache.join("d4/1d8cd98f00b204e9800998ecf8427e");
    assert!(std::fs::metadata(empty).expect("empty files have contents too").permissions().readonly());

    let again = workspace.repository.snapshot(&workspace.path("data/raw.dvc"), &()).expect("a snapshot");
    assert_eq!((again.added, again.is_new, &again.digest), (0, false, &made.digest));
    assert_eq!(workspace.read("data/.gitignore").as_deref(), Some("/raw\n"), "named once");
}

#[test]
fn a_snapshot_that_fails_leaves_the_version_before_it() {
    let workspace = Workspace::new();
    workspace.write("ratings.csv", "first");
    let first = workspace.repository.snapshot(&workspace.path("ratings.csv"), &()).expect("a snapshot");
    workspace.write("ratings.csv", "second");
    struct Stop;
    impl Watch for Stop {
        fn canceled(&self) -> bool {
            true
        }
    }
    let refused = workspace.repository.snapshot(&workspace.path("ratings.csv"), &Stop).expect_err("canceled");
    assert!(matches!(refused, Error::Canceled));
    let pointer = workspace.repository.pointer(&workspace.path("ratings.csv")).expect("a version");
    assert_eq!(pointer.out.digest, first.digest);
    // A cache in which nothing can be written.
    std::fs::remove_dir_all(workspace.path(".dvc/cache")).expect("removed");
    workspace.write(".dvc/cache", "no folder");
    assert!(workspace.repository.snapshot(&workspace.path("ratings.csv"), &()).is_err());
    let pointer = workspace.repository.pointer(&workspace.path("ratings.csv")).expect("a version");
    assert_eq!(pointer.out.digest, first.digest);
}

#[test]
fn changes_are_named_and_a_checkout_takes_them_back() {
    let workspace = Workspace::new();
    raw(&workspace);
    let path = workspace.path("data/raw");
    workspace.repository.snapshot(&path, &()).expect("a snapshot");
    let first = workspace.repository.pointer(&path).expect("a version");
    workspace.write("data/raw/b.csv", "user,movie,rating\n1,2,4\n");
    workspace.write("data/raw/new/c.csv", "x\n");
    std::fs::remove_file(workspace.path("data/raw/empty.txt")).expect("removed");
    let changes = workspace.repository.changes(&path, Some(&first), &()).expect("changes");
    let shown: Vec<(&str, bool, bool)> =
        changes.list.iter().map(|one| (one.path.as_str(), one.old.is_some(), one.new.is_some())).collect();
    assert_eq!(shown, [("b.csv", true, true), ("empty.txt", true, false), ("new/c.csv", false, true)]);

    workspace.repository.snapshot(&path, &()).expect("a snapshot");
    let second = workspace.repository.pointer(&path).expect("a version");
    assert_eq!(workspace.repository.changes_between(&path, Some(&first), Some(&second)).expect("changes"), changes);
    let done = workspace.repository.checkout(&path, &first, false, &()).expect("a checkout");
    assert_eq!(done, Checkout { written: 2, removed: 1, unchanged: 1 });
    assert_eq!(workspace.repository.changes(&path, Some(&first), &()).expect("changes"), Changes::default());
    assert!(!workspace.path("data/raw/new").exists(), "a folder that became empty");
    let states: Vec<State> = workspace.repository.sets(&()).expect("sets").into_iter().map(|set| set.state).collect();
    assert_eq!(states, [State::Changed], "the pointer names the second version");
}

#[test]
fn a_checkout_keeps_what_no_version_has() {
    let workspace = Workspace::new();
    workspace.write("a.csv", "one");
    let path = workspace.path("a.csv");
    workspace.repository.snapshot(&path, &()).expect("a snapshot");
    let pointer = workspace.repository.pointer(&path).expect("a version");
    workspace.write("a.csv", "precious");
    let refused = workspace.repository.checkout(&path, &pointer, false, &()).expect_err("refused");
    assert!(matches!(refused, Error::Unsaved(_)), "{refused}");
    assert_eq!(workspace.read("a.csv").as_deref(), Some("precious"));
    workspace.repository.checkout(&path, &pointer, true, &()).expect("forced");
    assert_eq!(workspace.read("a.csv").as_deref(), Some("one"));
}

#[test]
fn a_version_of_a_git_revision_is_found() {
    let workspace = Workspace::new();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        let mut command = std::process::Command::new("git");
        command.arg("-C").arg(workspace.path("")).args(identity).args(arguments);
        assert!(command.output().expect("git").status.success(), "git {arguments:?}");
    };
    std::fs::remove_dir(workspace.path(".git")).expect("removed");
    git(&["init", "-q"]);
    raw(&workspace);
    let path = workspace.path("data/raw");
    let first = workspace.repository.snapshot(&path, &()).expect("a snapshot");
    git(&["add", "data/raw.dvc", "data/.gitignore"]);
    git(&["commit", "-q", "-m", "first"]);
    workspace.write("data/raw/b.csv", "other");
    workspace.repository.snapshot(&path, &()).expect("a snapshot");
    let found = workspace.repository.pointer_at(&path, "HEAD").expect("found").expect("a version");
    assert_eq!(found.out.digest, first.digest);
    assert_eq!(workspace.repository.pointer_at(&workspace.path("other"), "HEAD").expect("none"), None);
    for wrong in ["nowhere", "--output=x", ""] {
        let refused = workspace.repository.pointer_at(&path, wrong).expect_err("refused").to_string();
        assert!(refused.contains("there is no revision"), "{refused}");
    }
}

#[test]
fn a_file_in_the_place_of_a_folder_is_exchanged() {
    let workspace = Workspace::new();
    raw(&workspace);
    let path = workspace.path("data/raw");
    workspace.repository.snapshot(&path, &()).expect("a snapshot");
    let folder = workspace.repository.pointer(&path).expect("a version");
    std::fs::remove_dir_all(&path).expect("removed");
    workspace.write("data/raw", "a file now");
    workspace.repository.snapshot(&path, &()).expect("a snapshot");
    let file = workspace.repository.pointer(&path).expect("a version");
    workspace.repository.checkout(&path, &folder, false, &()).expect("a checkout");
    assert_eq!(workspace.read("data/raw/sub/é name.json").as_deref(), Some("{}\n"));
    workspace.repository.checkout(&path, &file, false, &()).expect("a checkout");
    assert_eq!(workspace.read("data/raw").as_deref(), Some("a file now"));
}

#[tokio::test]
async fn another_machine_gets_what_was_pushed_to_a_folder_or_to_objects() {
    let remote = tempfile::tempdir().expect("a folder");
    for remote in [
        Remote::Folder(remote.path().to_owned()),
        Remote::Objects(Arc::new(MemoryObjects::new(Arc::new(marquee_domain::SystemClock)))),
    ] {
        let here = Workspace::new();
        raw(&here);
        here.repository.snapshot(&here.path("data/raw"), &()).expect("a snapshot");
        let sets = set(&here, "data/raw");
        let pushed = here.repository.push(&sets, &remote, &()).await.expect("pushed");
        assert_eq!((pushed.copied, pushed.present), (4, 0));
        let again = here.repository.push(&sets, &remote, &()).await.expect("pushed");
        assert_eq!((again.copied, again.present, again.bytes), (0, 4, 0));

        let there = Workspace::new();
        there.write("data/raw.dvc", &here.read("data/raw.dvc").expect("a pointer"));
        let path = there.path("data/raw");
        let pointer = there.repository.pointer(&path).expect("a version");
        let early = there.repository.checkout(&path, &pointer, false, &()).expect_err("nothing is there");
        assert!(matches!(early, Error::NotInCache { .. }), "{early}");
        let pulled = there.repository.pull(&set(&there, "data/raw"), &remote, &()).await.expect("pulled");
        assert_eq!((pulled.copied, pulled.bytes), (4, pushed.bytes));
        there.repository.checkout(&path, &pointer, false, &()).expect("a checkout");
        assert_eq!(there.read("data/raw/b.csv"), here.read("data/raw/b.csv"));
        assert_eq!(there.repository.sets(&()).expect("sets")[0].state, State::Saved);
    }
}

#[tokio::test]
async fn what_a_remote_lacks_or_damaged_is_named_and_not_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let remote = Remote::Folder(folder.path().to_owned());
    let here = Workspace::new();
    raw(&here);
    here.repository.snapshot(&here.path("data/raw"), &()).expect("a snapshot");
    here.repository.push(&set(&here, "data/raw"), &remote, &()).await.expect("pushed");
    let there = Workspace::new();
    there.write("data/raw.dvc", &here.read("data/raw.dvc").expect("a pointer"));
    let empty = folder.path().join("files/md5/d4/1d8cd98f00b204e9800998ecf8427e");
    std::fs::write(&empty, "not empty").expect("written");
    let damaged = there.repository.pull(&set(&there, "data/raw"), &remote, &()).await.expect_err("damaged");
    assert!(matches!(damaged, Error::Damaged { .. }), "{damaged}");
    std::fs::remove_file(&empty).expect("removed");
    let missing = there.repository.pull(&set(&there, "data/raw"), &remote, &()).await.expect_err("missing");
    assert!(missing.to_string().starts_with("data/raw/empty.txt: its contents d41d8"), "{missing}");
}

#[test]
fn what_has_no_place_in_a_version_is_refused() {
    let workspace = Workspace::new();
    let snapshot = |path: &Path| workspace.repository.snapshot(path, &()).expect_err("refused").to_string();
    assert!(snapshot(&workspace.path("nothing.csv")).contains("no version and no data"));
    assert!(snapshot(&workspace.path(".dvc/config")).contains("not a place for data"));
    assert!(snapshot(&std::env::temp_dir().join("x")).contains("not a place for data"));
    workspace.write("links/real/a", "a");
    std::os::unix::fs::symlink("real", workspace.path("links/loop")).expect("a link");
    assert!(snapshot(&workspace.path("links")).contains("is a link to a folder"));
    let nowhere = tempfile::tempdir().expect("a folder");
    assert!(matches!(Repository::find(nowhere.path()), Err(Error::NoRepository(_))));
}
