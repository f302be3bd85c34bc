//! Values of files that are read again when the files change.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often the files are checked for a change.
const CHECK: Duration = Duration::from_secs(2);

/// A value that was read from files.
pub(super) struct Reloaded<T> {
    paths: Vec<PathBuf>,
    current: Mutex<Current<T>>,
}

struct Current<T> {
    value: T,
    modified: Vec<Option<SystemTime>>,
    checked: Instant,
}

// The value may be a secret.
impl<T> std::fmt::Debug for Reloaded<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloaded").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl<T: Clone> Reloaded<T> {
    /// Reads the value for the first time.
    pub(super) fn read<E>(paths: &[&Path], read: impl FnOnce() -> Result<T, E>) -> Result<Self, E> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
        // Before the read, so that a change in between is noticed.
        let modified = times(&paths);
        let current = Current { value: read()?, modified, checked: Instant::now() };
        Ok(Self { paths, current: Mutex::new(current) })
    }

    /// Returns the value. If the files have changed, `read` reads it again. It returns `None` if
    /// the files are unusable, for example half replaced. Then the earlier value stays, and the
    /// files are read again at the next check.
    pub(super) fn current(&self, read: impl FnOnce() -> Option<T>) -> T {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.checked.elapsed() >= CHECK {
            current.checked = Instant::now();
            let modified = times(&self.paths);
            if modified != current.modified
                && let Some(value) = read()
            {
                (current.value, current.modified) = (value, modified);
            }
        }
        current.value.clone()
    }
}

fn times(paths: &[PathBuf]) -> Vec<Option<SystemTime>> {
    let modified = |path: &PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    paths.iter().map(modified).collect()
}
