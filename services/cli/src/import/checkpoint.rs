//! The checkpoint of an import: which rows were acknowledged, kept on this machine while it runs.
//!
//! It only saves time. Acknowledged rows are in the log whatever the checkpoint says, and sending
//! rows again changes nothing. A checkpoint is used for the same unchanged file, the same address,
//! and a log that has the ratings that were accepted. Otherwise the import starts at the first row.
//!
//! **Invariant:** a row that was refused is no progress: it is sent again
//! (`rows_that_were_refused_are_sent_again`).

#[cfg(any(fuzzing, test))]
pub mod fuzzing;

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use marquee_datasets::Dataset;
use marquee_proto::features::v1::{GetProgressRequest, GetUsersRequest, User, UserQuery, UserView};
use marquee_proto::ratings::v1 as pb;
use serde::{Deserialize, Serialize};
use tonic::Request;

use super::ranges::Ranges;
use crate::Client;

/// The shortest time between two writes.
const EVERY: Duration = Duration::from_millis(500);

/// Accepted ratings by which a log is recognized.
const WITNESSES: usize = 8;

/// The longest time to wait until the features have the accepted ratings.
const APPLIED: Duration = Duration::from_secs(10);

/// The checkpoint of one import.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// `None` if there is no folder for it: then an interrupted import starts from the beginning.
    path: Option<PathBuf>,
    content: Content,
    written: Instant,
}

/// The stored form.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Content {
    /// The fingerprint of the file.
    file: String,
    /// Rows from the start of the file on that were answered.
    rows: u64,
    /// The rows among them that were refused.
    refused: Ranges,
    /// The last acknowledged offset of each partition.
    positions: BTreeMap<u32, u64>,
    /// Some of the ratings that were accepted last.
    accepted: VecDeque<Witness>,
}

/// An accepted rating.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Witness {
    user: String,
    movie: String,
    rating: f64,
}

/// Where an import starts.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Start {
    /// Rows that were answered.
    pub(super) rows: u64,
    /// The rows among them that are sent again, because they were refused.
    pub(super) again: Ranges,
    /// Why an earlier import is not continued.
    pub(super) restarts: Option<&'static str>,
}

/// What became of some rows.
#[derive(Debug)]
pub(super) struct Answered<'a> {
    /// The rows.
    pub(super) rows: Range<u64>,
    /// Whether a row of them was refused.
    pub(super) refused: bool,
    /// A rating of them that was accepted.
    pub(super) accepted: Option<&'a pb::Rating>,
    /// The last offset of each partition so far.
    pub(super) positions: &'a BTreeMap<u32, u64>,
}

impl Checkpoint {
    /// Returns the checkpoint for one file and one fleet.
    pub(super) fn of(address: &str, dataset: &Dataset) -> Result<Self, marquee_datasets::Error> {
        match folder() {
            Some(folder) => Self::within(&folder, address, dataset),
            None => Ok(Self { path: None, content: Content::default(), written: Instant::now() }),
        }
    }

    /// Returns the checkpoint in a folder.
    pub(super) fn within(folder: &Path, address: &str, dataset: &Dataset) -> Result<Self, marquee_datasets::Error> {
        // It is made at once, so that who looks for a checkpoint finds at least its folder.
        if let Err(error) = std::fs::create_dir_all(folder) {
            tracing::debug!(%error, "could not make the folder for checkpoints of imports");
        }
        let path = dataset.path().map(|path| folder.join(name(address, path)));
        let content = Content { file: dataset.fingerprint()?, ..Content::default() };
        Ok(Self { path, content, written: Instant::now() })
    }

    /// Returns where to start: at the first row without a usable checkpoint.
    pub(super) async fn load(&mut self, client: &Client) -> Start {
        let Some(bytes) = self.path.as_ref().and_then(|path| std::fs::read(path).ok()) else {
            return Start::default();
        };
        let Some(content) = Content::decode(&bytes) else { return Start::default() };
        let restarts = if content.file != self.content.file {
            Some("the file has changed since the import that was interrupted")
        } else if !has_accepted(client, &content).await {
            Some("the fleet does not have the ratings that the interrupted import sent")
        } else {
            None
        };
        if restarts.is_some() {
            return Start { restarts, ..Start::default() };
        }
        if content.refused.rows() >= content.rows {
            // Nothing of it was accepted, so it is as if there had been no import.
            return Start::default();
        }
        self.content = content;
        Start { rows: self.content.rows, again: self.content.refused.clone(), restarts }
    }

    /// Notes that rows were answered. Writes the file now and then, and at once if `last`.
    pub(super) fn reached(&mut self, answered: &Answered<'_>, last: bool) {
        self.content.note(answered);
        if last || self.written.elapsed() >= EVERY {
            self.save();
        }
    }

    /// Writes the file, unless nothing was answered yet.
    pub(super) fn save(&mut self) {
        if self.content.rows == 0 {
            return;
        }
        self.written = Instant::now();
        let Some(path) = &self.path else { return };
        if let Err(error) = write(path, &self.content) {
            tracing::debug!(%error, "could not write the checkpoint of the import");
            self.path = None;
        }
    }

    /// Removes the file after a complete import.
    pub(super) fn forget(&self) {
        if let Some(path) = &self.path {
            // The file may not exist.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Content {
    /// Parses a checkpoint. Returns `None` for a damaged one: rows beyond those that were answered
    /// cannot have been refused.
    fn decode(json: &[u8]) -> Option<Self> {
        let content: Self = serde_json::from_slice(json).ok()?;
        let is_sound = content.refused.iter().all(|rows| rows.end <= content.rows);
        is_sound.then_some(content)
    }

    fn note(&mut self, answered: &Answered<'_>) {
        self.rows = self.rows.max(answered.rows.end);
        match answered.refused {
            true => self.refused.insert(answered.rows.clone()),
            false => self.refused.remove(answered.rows.clone()),
        }
        self.positions.clone_from(answered.positions);
        if let Some(rating) = answered.accepted {
            self.accepted.retain(|known| known.user != rating.user_id);
            if self.accepted.len() == WITNESSES {
                self.accepted.pop_front();
            }
            let (user, movie) = (rating.user_id.clone(), rating.movie_id.clone());
            self.accepted.push_back(Witness { user, movie, rating: rating.rating() });
        }
    }
}

/// Returns whether the fleet has what an earlier import sent. Its log must reach as far as it did,
/// and the feature store must know a rating that was accepted. Otherwise it is another log.
async fn has_accepted(client: &Client, content: &Content) -> bool {
    if content.positions.is_empty() {
        // Nothing was accepted, so every row is sent again on any log.
        return true;
    }
    let Ok(progress) = client.call(client.features().get_progress(GetProgressRequest {})).await else { return false };
    let ends: BTreeMap<u32, u64> = progress.partitions.iter().map(|one| (one.partition, one.end_offset)).collect();
    let reaches = |(partition, offset): (&u32, &u64)| ends.get(partition).is_some_and(|end| end > offset);
    if !content.positions.iter().all(reaches) {
        return false;
    }
    let query = |witness: &Witness| UserQuery { user_id: witness.user.clone(), known_version: 0 };
    let mut request = Request::new(GetUsersRequest {
        users: content.accepted.iter().map(query).collect(),
        views: vec![UserView::History as i32],
        after: content.positions.iter().map(|(&partition, &offset)| pb::Position { partition, offset }).collect(),
        ..GetUsersRequest::default()
    });
    request.set_timeout(APPLIED);
    let Ok(answer) = client.call(client.features().get_users(request)).await else { return false };
    content.accepted.iter().any(|witness| answer.users.iter().any(|user| witness.is_in(user)))
}

impl Witness {
    fn is_in(&self, user: &User) -> bool {
        // The fleet rounds a rating to its step.
        let is_same = |rating: f64| (rating - self.rating).abs() <= 1e-4 * self.rating.abs().max(1.0);
        let mut history = user.history.iter();
        user.user_id == self.user && history.any(|one| one.movie_id == self.movie && is_same(one.rating))
    }
}

/// Returns a name for the checkpoint of a file and a fleet.
fn name(address: &str, file: &Path) -> String {
    let place: String = address.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let mut hasher = DefaultHasher::new();
    file.hash(&mut hasher);
    format!("{:016x}-{place}.json", hasher.finish())
}

/// Replaces the file. It names users, so that only its owner may read it.
fn write(path: &Path, content: &Content) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    let beside = path.with_extension("tmp");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&beside)?.write_all(&serde_json::to_vec(content)?)?;
    std::fs::rename(&beside, path)
}

/// Returns the folder for checkpoints below the XDG state directory. The XDG specification says to
/// ignore a relative `XDG_STATE_HOME`.
fn folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("marquee/imports"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_there_before_anything_was_sent() {
        let folder = tempfile::tempdir().expect("a folder");
        let dataset = marquee_datasets::open_bytes("a.csv", "user,movie,rating\n1,2,3\n".into(), Default::default());
        let state = folder.path().join("marquee/imports");
        Checkpoint::within(&state, "127.0.0.1:7070", &dataset.expect("a data set")).expect("a checkpoint").save();
        assert_eq!(std::fs::read_dir(state).expect("a folder").count(), 0);
    }

    fn note(content: &mut Content, rows: Range<u64>, refused: bool, user: Option<&str>) {
        let rating = user.map(|user| pb::Rating { user_id: user.to_owned(), ..pb::Rating::default() });
        let positions = BTreeMap::from([(0, rows.end)]);
        content.note(&Answered { rows, refused, accepted: rating.as_ref(), positions: &positions });
    }

    #[test]
    fn rows_that_were_refused_are_no_progress_until_they_are_accepted() {
        let mut content = Content::default();
        note(&mut content, 0..10, true, None);
        note(&mut content, 10..20, false, Some("ann"));
        note(&mut content, 20..30, true, Some("bob"));
        assert_eq!((content.rows, content.refused.iter().collect::<Vec<_>>()), (30, vec![0..10, 20..30]));
        note(&mut content, 0..10, false, None);
        assert_eq!(content.rows, 30);
        assert!(content.refused.iter().eq(std::iter::once(20..30)));
        let json = serde_json::to_vec(&content).expect("JSON");
        assert_eq!(Content::decode(&json), Some(content));
    }

    #[test]
    fn a_damaged_checkpoint_is_not_used() {
        let decode = |refused: &str| Content::decode(format!(r#"{{"rows": 30, "refused": {refused}}}"#).as_bytes());
        assert!(decode("[[0, 10], [20, 30]]").is_some());
        for damaged in ["[[20, 31]]", "[[20, 30], [0, 10]]", "[[0, 10], [5, 15]]", "[[9, 9]]", "[[9, 3]]", "[[0]]"] {
            assert_eq!(decode(damaged), None, "{damaged}");
        }
    }

    #[test]
    fn a_log_is_recognized_by_the_ratings_of_different_users_that_came_last() {
        let mut content = Content::default();
        for row in 0..100 {
            note(&mut content, row..row + 1, false, Some(["ann", "bob", "cleo"][row as usize % 3]));
        }
        assert_eq!(content.accepted.iter().map(|one| one.user.as_str()).collect::<Vec<_>>(), ["bob", "cleo", "ann"]);
        (100..200).for_each(|row| note(&mut content, row..row + 1, false, Some(&format!("u{row}"))));
        assert_eq!(content.accepted.len(), WITNESSES);
    }
}
