//! The durable in-process rating log, online store and object store: what `marquee up` runs on when no server is configured.
//!
//! Log and store rest on fjall (a log-structured store with a checksummed journal), objects on files. What must stay true: whatever was
//! acknowledged survives SIGKILL at any instant, records and objects also a loss of power; one process owns a folder at a time.

mod codec;
mod folder;
mod groups;
mod log;
mod objects;
mod store;
mod writer;

use std::path::PathBuf;

use thiserror::Error;

pub use log::{EmbeddedLog, LogSettings};
pub use objects::EmbeddedObjects;
pub use store::EmbeddedStore;

/// A folder could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process, or another fleet of this one, has it open.
    #[error("{0} is in use by another process: stop that one or choose another data folder")]
    InUse(PathBuf),
    /// The folder holds a log with another number of partitions.
    #[error("the log in {path} has {stored} partitions, not {asked}: partitions are fixed when a log is created")]
    Partitions {
        /// The log's folder.
        path: PathBuf,
        /// What it has.
        stored: u32,
        /// What was asked for.
        asked: u32,
    },
    /// The number makes no log.
    #[error("log.partitions is {0}: give 1 to 1,024")]
    BadPartitions(u32),
    /// The key-value store refused.
    #[error("open the store in {path}")]
    Database {
        /// Its folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: fjall::Error,
    },
    /// The file system refused.
    #[error("open {path}")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
