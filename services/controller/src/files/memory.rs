//! What was started from files, kept over restarts in the file `files.json`.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use marquee_domain::ModelName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// The format that this version writes.
const FORMAT: u32 = 1;

/// The name of the file.
const FILE: &str = "files.json";

/// What was started could not be noted.
#[derive(Debug, Error)]
#[error("write {path}")]
pub(super) struct MemoryError {
    path: String,
    #[source]
    source: io::Error,
}

/// The stored form.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    format: u32,
    /// The last specification that was started from a file, by model.
    started: BTreeMap<String, Value>,
    /// Fields of a newer form.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// The specifications that were started from files, by model.
#[derive(Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    stored: Stored,
}

impl Memory {
    /// Reads what was noted in a folder. A file that is absent or unreadable counts as empty: then
    /// a rollout file is started if it differs from the stored specification.
    pub(super) fn read(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let read = std::fs::read(&path).and_then(|bytes| Ok(serde_json::from_slice::<Stored>(&bytes)?));
        let stored = read.unwrap_or_else(|error: io::Error| {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "cannot read which rollout files were started");
            }
            Stored::default()
        });
        Self { folder: folder.to_owned(), stored }
    }

    /// Returns whether this specification is the last one that a file started for the model.
    pub(super) fn has(&self, model: &ModelName, spec: &Value) -> bool {
        self.stored.started.get(model.as_str()) == Some(spec)
    }

    /// Notes a specification that was started. It is known to this process also after an error.
    pub(super) fn remember(&mut self, model: &ModelName, spec: Value) -> Result<(), MemoryError> {
        self.stored.started.insert(model.as_str().to_owned(), spec);
        self.stored.format = self.stored.format.max(FORMAT);
        let (path, temporary) = (self.folder.join(FILE), self.folder.join(format!("{FILE}.tmp")));
        let write = || {
            std::fs::create_dir_all(&self.folder)?;
            let mut file = std::fs::File::create(&temporary)?;
            file.write_all(&serde_json::to_vec_pretty(&self.stored)?)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &path)
        };
        write().map_err(|source| MemoryError { path: path.display().to_string(), source })
    }
}
