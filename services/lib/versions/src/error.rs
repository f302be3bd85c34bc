//! Why a version could not be made or used.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a version could not be made or used.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no repository.
    #[error("{0}: no folder `.dvc` here or above; make one with `marquee data init` (or `dvc init`)")]
    NoRepository(PathBuf),
    /// The path is outside the repository, or part of what DVC keeps for itself.
    #[error("{0}: not a place for data; give a path inside the repository, outside of `.dvc` and `.git`")]
    Outside(PathBuf),
    /// There is neither a version nor data.
    #[error("{0}: no version and no data; give the path of data, or of its `.dvc` file")]
    Nothing(PathBuf),
    /// A file cannot be part of a version.
    #[error("{path}: {reason}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// A `.dvc` file, a manifest or a configuration cannot be understood.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Contents are not in the cache.
    #[error("{path}: its contents {digest} are not in the cache; fetch them with `marquee data pull`")]
    NotInCache {
        /// The data.
        path: PathBuf,
        /// The digest of the contents.
        digest: String,
    },
    /// Contents are not in the remote.
    #[error("{path}: its contents {digest} are not in the remote; push them where they are")]
    NotInRemote {
        /// The data.
        path: PathBuf,
        /// The digest of the contents.
        digest: String,
    },
    /// Contents are not what their name says.
    #[error("{place}: holds {found} under the name {expected}; it is damaged, remove it there and push again")]
    Damaged {
        /// Where.
        place: String,
        /// The digest that it should have.
        expected: String,
        /// The digest that it has.
        found: String,
    },
    /// A checkout would lose data.
    #[error("{0}: has contents that no version has; make a snapshot of them first, or give --force to lose them")]
    Unsaved(PathBuf),
    /// There is no remote.
    #[error("no remote is configured; give `--remote URL`, or set one with `dvc remote add -d NAME URL`")]
    NoRemote,
    /// Git does not have what was asked for.
    #[error("Git: {0}")]
    Git(String),
    /// Reading or writing failed.
    #[error("could not {doing} {path}")]
    Io {
        /// What was done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The object store failed.
    #[error("the remote failed")]
    Remote(#[source] marquee_ports::Error),
    /// It was canceled.
    #[error("canceled")]
    Canceled,
}

impl Error {
    /// Returns what turns an error of reading or writing into one that names the file.
    pub(crate) fn io<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    pub(crate) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.into() }
    }
}
