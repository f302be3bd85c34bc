//! How far an import has come, kept on this machine while it goes on.
//!
//! It is a help, never a truth: what was acknowledged is in the log whatever stands here, and sending rows again changes nothing. A checkpoint
//! counts only for the same file, the same address, and a log that reaches as far as it did then: another log begins anew.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use marquee_proto::features::v1::GetProgressRequest;
use serde::{Deserialize, Serialize};

use crate::Client;

/// How often it is written.
const EVERY: Duration = Duration::from_millis(500);

/// The checkpoint of one import.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// None where there is no folder for it: then an interrupted import starts over.
    path: Option<PathBuf>,
    written: Instant,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    rows: u64,
    /// By partition, the last offset that was acknowledged.
    positions: BTreeMap<u32, u64>,
}

impl Checkpoint {
    /// The checkpoint of a file that goes to a fleet.
    pub(super) fn of(address: &str, fingerprint: &str) -> Self {
        let place: String = address.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let path = folder().map(|folder| folder.join(format!("{fingerprint}-{place}.json")));
        Self { path, written: Instant::now() }
    }

    /// Rows that may be passed over; 0 where nothing is known, or known of another log.
    pub(super) async fn load(&self, client: &Client) -> u64 {
        let Some(bytes) = self.path.as_ref().and_then(|path| std::fs::read(path).ok()) else { return 0 };
        let Ok(content) = serde_json::from_slice::<Content>(&bytes) else { return 0 };
        let Ok(progress) = client.call(client.features().get_progress(GetProgressRequest {})).await else { return 0 };
        let ends: BTreeMap<u32, u64> = progress.partitions.iter().map(|one| (one.partition, one.end_offset)).collect();
        let holds = |(partition, offset): (&u32, &u64)| ends.get(partition).is_some_and(|end| end > offset);
        if content.positions.iter().all(holds) { content.rows } else { 0 }
    }

    /// So many rows are acknowledged. Written now and then, and at once if it is the last word.
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
            tracing::debug!(%error, "the import's checkpoint could not be written");
            self.path = None;
        }
    }

    /// The import is done.
    pub(super) fn forget(&self) {
        if let Some(path) = &self.path {
            // A missing file is what is wanted.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The XDG base directory for state. A relative `XDG_STATE_HOME` is to be ignored, says its specification.
fn folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("marquee/imports"))
}
