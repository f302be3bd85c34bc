//! The checkpoint of an import: how many rows were acknowledged, kept on this machine while it
//! runs.
//!
//! It only saves time. Acknowledged rows are in the log whatever the checkpoint says, and sending
//! rows again changes nothing. A checkpoint is used for the same file, the same address, and a log
//! that reaches at least as far as it did then. With any other log the import starts from the
//! beginning.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use marquee_proto::features::v1::GetProgressRequest;
use serde::{Deserialize, Serialize};

use crate::Client;

/// The shortest time between two writes.
const EVERY: Duration = Duration::from_millis(500);

/// The checkpoint of one import.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// `None` if there is no folder for it: then an interrupted import starts from the beginning.
    path: Option<PathBuf>,
    written: Instant,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    rows: u64,
    /// The last acknowledged offset of each partition.
    positions: BTreeMap<u32, u64>,
}

impl Checkpoint {
    /// Returns the checkpoint for one file and one fleet.
    pub(super) fn of(address: &str, fingerprint: &str) -> Self {
        let place: String = address.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let path = folder().map(|folder| folder.join(format!("{fingerprint}-{place}.json")));
        Self { path, written: Instant::now() }
    }

    /// Returns how many rows can be skipped: 0 without a checkpoint, or with one of another log.
    pub(super) async fn load(&self, client: &Client) -> u64 {
        let Some(bytes) = self.path.as_ref().and_then(|path| std::fs::read(path).ok()) else { return 0 };
        let Ok(content) = serde_json::from_slice::<Content>(&bytes) else { return 0 };
        let Ok(progress) = client.call(client.features().get_progress(GetProgressRequest {})).await else { return 0 };
        let ends: BTreeMap<u32, u64> = progress.partitions.iter().map(|one| (one.partition, one.end_offset)).collect();
        let holds = |(partition, offset): (&u32, &u64)| ends.get(partition).is_some_and(|end| end > offset);
        if content.positions.iter().all(holds) { content.rows } else { 0 }
    }

    /// Notes that `rows` rows are acknowledged. Writes the file now and then, and always if `last`.
    pub(super) fn reached(&mut self, rows: u64, positions: &BTreeMap<u32, u64>, last: bool) {
        if !last && self.written.elapsed() < EVERY {
            return;
        }
        self.written = Instant::now();
        let Some(path) = &self.path else { return };
        let content = Content { rows, positions: positions.clone() };
        let beside = path.with_extension("tmp");
        let write = || -> std::io::Result<()> {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(&beside, serde_json::to_vec(&content)?)?;
            std::fs::rename(&beside, path)
        };
        if let Err(error) = write() {
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

/// Returns the folder for checkpoints below the XDG state directory. The XDG specification says to
/// ignore a relative `XDG_STATE_HOME`.
fn folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("marquee/imports"))
}
