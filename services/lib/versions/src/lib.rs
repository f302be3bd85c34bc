//! Versions of data sets in the format of DVC 3: what this crate writes, `dvc` takes for its own.
//!
//! A version of a file or a folder is a small text beside it, the [`Pointer`] `NAME.dvc`, which
//! goes into Git. It names the contents by their MD5 digest. The contents lie in the cache of the
//! [`Repository`], `.dvc/cache/files/md5`, and, after a push, in the same layout in a [`Remote`]: a
//! folder or an object store. A folder has a [`Manifest`] that names its files.
//!
//! Source: the files that DVC 3.67 writes, and its documentation on `.dvc` files and the structure
//! of the cache.
//!
//! **Invariant:** a pointer is written last, so what it names is in the cache
//! (`a_snapshot_that_fails_leaves_the_version_before_it`).
//!
//! **Invariant:** a checkout never overwrites contents that no version has, unless it is told to
//! (`a_checkout_keeps_what_no_version_has`).

mod cache;
mod changes;
mod checkout;
mod config;
mod digest;
mod error;
mod files;
mod manifest;
mod pointer;
mod repository;
mod snapshot;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transfer;

pub use changes::{Change, Changes};
pub use checkout::Checkout;
pub use config::RemoteConfig;
pub use digest::Digest;
pub use error::Error;
pub use manifest::{Entry, Manifest};
pub use pointer::{Out, Pointer};
pub use repository::{DataSet, Repository, State};
pub use snapshot::Snapshot;
pub use transfer::{Remote, Transferred};

/// Receives the progress of work on contents.
pub trait Watch: Sync {
    /// `done` of `total` bytes are done.
    fn advanced(&self, _done: u64, _total: u64) {}
    /// Returns whether the work must stop.
    fn canceled(&self) -> bool {
        false
    }
}

/// Shows nothing.
impl Watch for () {}
