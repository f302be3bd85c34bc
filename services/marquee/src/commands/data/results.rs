//! What the commands print.

use std::path::{Path, PathBuf};

use marquee_cli::{Human, Show, Table, counted};
use marquee_versions::{Changes, Checkout, DataSet, Digest, Snapshot, State, Transferred};
use serde::Serialize;

/// Versions that were made.
#[derive(Debug, Serialize)]
pub(super) struct Made {
    versions: Vec<Version>,
}

#[derive(Debug, Serialize)]
struct Version {
    path: PathBuf,
    md5: String,
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_new: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
}

impl Made {
    pub(super) fn new(made: Vec<Snapshot>, root: &Path) -> Self {
        let version = |one: Snapshot| Version {
            path: one.path.strip_prefix(root).unwrap_or(&one.path).to_owned(),
            md5: one.digest.to_string(),
            size: Some(one.size),
            files: one.files,
            is_new: Some(one.is_new),
            state: None,
        };
        Self { versions: made.into_iter().map(version).collect() }
    }
}

impl Show for Made {
    fn human(&self) -> Human {
        let state = |one: &Version| if one.is_new == Some(true) { "new" } else { "as before" };
        table(&self.versions, "", state)
    }
}

/// Shows versions, and in the last column what `state` says of each.
fn table(versions: &[Version], header: &str, state: impl Fn(&Version) -> &'static str) -> Human {
    let mut table = Table::new(&["data", ">files", ">bytes", "version", header]);
    for one in versions {
        table.row([
            one.path.display().to_string(),
            one.files.unwrap_or(1).to_string(),
            one.size.map(|size| size.to_string()).unwrap_or_default(),
            one.md5.clone(),
            state(one).to_owned(),
        ]);
    }
    Human::Table(Box::new(table))
}

/// All data sets.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    data: Vec<Version>,
}

impl Listed {
    pub(super) fn new(sets: Vec<DataSet>) -> Self {
        let version = |set: DataSet| Version {
            path: set.path,
            md5: set.pointer.out.digest.to_string(),
            size: set.pointer.out.size,
            files: set.pointer.out.files,
            is_new: None,
            state: Some(match set.state {
                State::Saved => "saved",
                State::NotInCache => "not in the cache",
                State::Changed => "changed",
                State::Missing => "not checked out",
            }),
        };
        Self { data: sets.into_iter().map(version).collect() }
    }
}

impl Show for Listed {
    fn human(&self) -> Human {
        if self.data.is_empty() {
            return Human::Text("no data sets; make a version with `marquee data snapshot PATH`".to_owned());
        }
        table(&self.data, "state", |one| one.state.unwrap_or_default())
    }
}

/// The files that differ, as `dvc diff --json` groups them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Compared {
    added: Vec<Difference>,
    deleted: Vec<Difference>,
    modified: Vec<Difference>,
}

#[derive(Debug, Serialize)]
struct Difference {
    path: PathBuf,
    hash: Hash,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Hash {
    One(String),
    Both { old: String, new: String },
}

impl Compared {
    pub(super) fn add(&mut self, data: &Path, changes: Changes) {
        for change in changes.list {
            let path = if change.path.is_empty() { data.to_owned() } else { data.join(&change.path) };
            let text = |digest: Digest| digest.to_string();
            let (group, hash) = match (change.old, change.new) {
                (Some(old), Some(new)) => (&mut self.modified, Hash::Both { old: text(old), new: text(new) }),
                (Some(old), None) => (&mut self.deleted, Hash::One(text(old))),
                (None, Some(new)) => (&mut self.added, Hash::One(text(new))),
                (None, None) => continue,
            };
            group.push(Difference { path, hash });
        }
    }
}

impl Show for Compared {
    fn human(&self) -> Human {
        let groups = [("added", &self.added), ("deleted", &self.deleted), ("modified", &self.modified)];
        if groups.iter().all(|(_, group)| group.is_empty()) {
            return Human::Text("nothing differs".to_owned());
        }
        let mut table = Table::new(&["change", "file"]);
        for (name, group) in groups {
            for one in group {
                table.row([name.to_owned(), one.path.display().to_string()]);
            }
        }
        Human::Table(Box::new(table))
    }
}

/// What was brought into the workspace.
#[derive(Debug, Default, Serialize)]
pub(super) struct CheckedOut {
    data: Vec<Restored>,
}

#[derive(Debug, Serialize)]
struct Restored {
    path: PathBuf,
    written: u64,
    removed: u64,
    unchanged: u64,
}

impl CheckedOut {
    pub(super) fn add(&mut self, path: &Path, done: Checkout) {
        let Checkout { written, removed, unchanged } = done;
        self.data.push(Restored { path: path.to_owned(), written, removed, unchanged });
    }
}

impl Show for CheckedOut {
    fn human(&self) -> Human {
        let mut table = Table::new(&["data", ">written", ">removed", ">unchanged"]);
        for one in &self.data {
            let path = one.path.display().to_string();
            table.row([path, one.written.to_string(), one.removed.to_string(), one.unchanged.to_string()]);
        }
        Human::Table(Box::new(table))
    }
}

/// What was pushed or pulled.
#[derive(Debug, Serialize)]
pub(super) struct Moved {
    #[serde(skip)]
    done: &'static str,
    copied: u64,
    bytes: u64,
    present: u64,
}

impl Moved {
    pub(super) fn new(done: &'static str, moved: Transferred) -> Self {
        Self { done, copied: moved.copied, bytes: moved.bytes, present: moved.present }
    }
}

impl Show for Moved {
    fn human(&self) -> Human {
        let (copied, bytes) = (counted(self.copied, "content"), counted(self.bytes, "byte"));
        Human::Text(format!("{}     {copied}, {bytes}; {} were there", self.done, self.present))
    }
}
