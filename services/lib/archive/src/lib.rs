//! The archive: the rating topic as Parquet files in the object store, for trainers, for replays
//! and for every tool that reads Parquet.
//!
//! A file holds one range of offsets of one partition that arrived on one day. Its name says which:
//! `archive/ratings/day=2026-11-25/<topic>-<partition>-<first>-<last>.parquet`. The index of the
//! partition, `archive/ratings/index/<partition>.json`, names the files that count, with their
//! numbers of rows and their digests.
//!
//! Events are filed by the day on which they arrived, so a late rating never changes the folder of
//! an earlier day. The column `rated_at` has the time at which the rating was given.
//!
//! **Invariant:** every archived event is in exactly one file that the index names
//! (`every_event_is_archived_once_over_restarts_and_compaction_and_trains_alike`).
//!
//! **Invariant:** a file never changes, and a reader never accepts other bytes than those that were
//! archived (`a_file_with_another_digest_is_not_read`).
//!
//! # Rebuilding from the archive
//! A consumer that must see every event, also those that the log no longer has, reads the archive
//! first and the log afterwards. Per partition:
//!
//! 1. Ask the log for the partition's bounds.
//! 2. Read [`Archive::events`] from the first offset that is needed, and apply each page. Every
//!    event has its offset and its time of arrival. Files that cannot be read are left out.
//! 3. Read the log from [`Events::log_start`] on. It returns the offset after the last archived
//!    one.

mod compact;
mod file;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod index;
mod read;
mod rekey;
mod settings;
#[cfg(test)]
mod testing;
mod write;

use std::sync::Arc;

use marquee_domain::{Offset, RatingEvent, Timestamp};
use marquee_kit::Compute;
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore};

pub use read::{Events, LeftOut, batches};
pub use rekey::{Copied, Original, rekey};
pub use settings::Settings;
pub use write::{Source, Writer};

/// The folder of the rating topic's files.
const FOLDER: &str = "archive/ratings";

/// The archive of a deployment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Archive {
    objects: Arc<dyn ObjectStore>,
    /// Runs the work on files: a large one takes seconds to write.
    compute: Compute,
}

/// An event as it is archived.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchivedEvent {
    /// The offset of the event's record in its partition.
    pub offset: Offset,
    /// When the record arrived, as [`marquee_log::arrival`] tells.
    pub arrived_at: Timestamp,
    /// The event.
    pub event: RatingEvent,
}

impl Archive {
    /// Opens the archive in an object store.
    pub fn new(objects: Arc<dyn ObjectStore>, compute: Compute) -> Self {
        Self { objects, compute }
    }
}

fn key(path: &str) -> Result<ObjectKey, Error> {
    ObjectKey::try_new(path).map_err(|error| Error::new(ErrorKind::Invalid, "name a file of the archive", error))
}
