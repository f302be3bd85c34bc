//! The archive: the rating topic as Parquet files in the object store, for trainers, analysts and whatever reads Parquet.
//!
//! A file holds one run of offsets of one partition that arrived on one day, and its name says which; the partition's index names the files that count, with
//! row counts and digests. What must stay true: every event that was archived stands in exactly one file that counts; a file never changes; whoever goes on
//! after a crash or a rebalance goes on behind the last file that counts. Events are filed by the day on which they arrived, so that a late rating never
//! opens a closed day; `rated_at` tells when it was given.

mod compact;
mod file;
mod index;
mod read;
mod write;

use std::time::Duration;

use marquee_domain::{RatingEvent, Scale, UserId};
use marquee_ports::{Error, ErrorKind, ObjectKey, Record};
use marquee_proto::record;
use serde::{Deserialize, Serialize};

pub use read::events;
pub use write::Writer;

/// The event of a record of a topic with so many partitions, as the feature store understands it; what is none stands on the rejected topic.
pub fn event(stored: &Record, scale: &Scale, partitions: u32) -> Option<RatingEvent> {
    let is_home = |user: &UserId| stored.belongs_to(user.as_str().as_bytes(), partitions);
    record::event(stored.header(record::CONTENT_TYPE), &stored.value, scale, is_home).ok()
}

/// What a deployment decides about the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Write the rating topic to Parquet. Default true.
    pub enabled: bool,
    /// Consumer group that shares the rating topic's partitions. Default `archive`.
    pub group: String,
    /// Longest time that an event waits for its file. Default `1m`.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// Events after which a file is closed, 1 to 5,000,000. Default 250,000.
    pub rows: usize,
    /// Files of one day and partition that are made one, from 2 on. Default 16.
    pub compact: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, group: "archive".to_owned(), every: Duration::from_secs(60), rows: 250_000, compact: 16 }
    }
}

impl Settings {
    /// Names the first setting that makes no sense, and the fix.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.group.is_empty() || self.group.len() > 128 {
            return Err("group needs 1 to 128 bytes");
        }
        if !(1..=5_000_000).contains(&self.rows) {
            return Err("rows must be from 1 to 5,000,000");
        }
        if self.compact < 2 {
            return Err("compact must be at least 2");
        }
        Ok(())
    }
}

/// Folder of the rating topic's files.
const FOLDER: &str = "archive/ratings";

fn key(path: &str) -> Result<ObjectKey, Error> {
    ObjectKey::try_new(path).map_err(|error| Error::new(ErrorKind::Invalid, "name a file of the archive", error))
}
