//! The durable in-process rating log, online store and object store. `marquee up` uses them when no
//! server is configured.
//!
//! Log and store use fjall, a log-structured store with a checksummed journal; objects are files.
//!
//! **Invariant:** what was acknowledged survives SIGKILL at any instant; records and objects also
//! survive a loss of power (`tests/crash.rs`).
//!
//! **Invariant:** one process owns a folder at a time (`tests/folders.rs`).
//!
//! After a write that failed, for example on a full disk, writes go on by themselves once there is
//! room. Files that somebody removed or cut short are noticed while the process runs and at its
//! start; see `keeper.rs` and `segments.rs`.
//!
//! The log removes records in two ways. A compacted topic keeps only the newest record of each key:
//! the batch that appends a record removes the older one. Any other topic removes records beyond
//! its retention, if it has one; see `retention.rs`. Ratings, rejected ratings and movies have none
//! by default. Offsets that groups committed are kept forever.

mod bell;
mod codec;
mod database;
mod engine;
mod folder;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod groups;
mod keeper;
mod log;
mod objects;
mod queue;
mod reader;
mod retention;
mod segments;
mod settings;
mod store;
mod subscription;
mod topics;
mod writer;

use std::path::PathBuf;

use thiserror::Error;
use tokio::sync::watch;

pub use folder::create_private_files;
pub use log::EmbeddedLog;
pub use objects::EmbeddedObjects;
pub use settings::{LogSettings, RetentionSettings};
pub use store::EmbeddedStore;

/// Why nothing can be written to a back-end, now and later. `None`: it can be written to.
pub type Trouble = watch::Receiver<Option<String>>;

/// A folder could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process, or another fleet of this one, has it open.
    #[error("{0} is in use by another process; stop it or choose another data folder")]
    InUse(PathBuf),
    /// The folder holds a log with another number of partitions.
    #[error("the log in {path} has {stored} partitions, not {asked}; partitions are fixed when a log is created")]
    Partitions {
        /// The log's folder.
        path: PathBuf,
        /// How many it has.
        stored: u32,
        /// How many were asked for.
        asked: u32,
    },
    /// A setting of the log is wrong.
    #[error(transparent)]
    Settings(#[from] marquee_settings::Invalid),
    /// The entry of a topic in the log cannot be read, or no number is left for it.
    #[error("the log in {path} cannot hold topic {topic}: its entry is damaged, or there are 255 topics already")]
    Topic {
        /// The log's folder.
        path: PathBuf,
        /// The topic's name.
        topic: String,
    },
    /// Files of the database are missing or were cut short.
    #[error("the database in {path} has lost data: {what}; {way_out}")]
    Lost {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        what: String,
        /// What the user can do.
        way_out: &'static str,
    },
    /// The manifest of the database could not be read or written.
    #[error("use the manifest of the database in {path}")]
    Manifest {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database was opened again after a failed write, and could not be used.
    #[error("use the database in {path} again")]
    Reopened {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: marquee_ports::Error,
    },
    /// The key-value store could not be opened.
    #[error("could not open the database; if its files are damaged, restore this folder from a backup: {path}")]
    Database {
        /// Its folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: fjall::Error,
    },
    /// The file system returned an error.
    #[error("open {path}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
