//! Which files of a partition count: one object, changed by conditional writes alone.
//!
//! A writer that takes a partition writes the index first: from then on whoever had the partition before fails at its next change, however late it wakes
//! up. So there is one writer at a time, and a file that the index does not name never counted. Files are written before the index names them, and
//! removed after it has forgotten them.

use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{Offset, Partition};
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore, Precondition, Tag, Topic};
use serde::{Deserialize, Serialize};

use super::file::{FileName, date_of, day_of};
use super::{FOLDER, key};

/// The files of a partition that count, by offset. JSON, for whoever else wants to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Index {
    topic: String,
    partition: u32,
    /// Grows with every change of the writer.
    epoch: u64,
    /// The offset after the last one that was archived.
    pub(super) next_offset: u64,
    pub(super) files: Vec<Entry>,
}

/// A file as the index names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Day of arrival, as in the file's path.
    pub(super) day: String,
    pub(super) first_offset: u64,
    pub(super) last_offset: u64,
    pub(super) rows: u64,
    /// Of the Parquet file, in hexadecimal.
    pub(super) sha256: String,
}

impl Index {
    /// Whose files it names.
    pub(super) fn partition(&self) -> u32 {
        self.partition
    }
}

impl Entry {
    pub(super) fn new(name: &FileName, rows: u64, sha256: String) -> Self {
        Self { day: date_of(name.day), first_offset: name.first.0, last_offset: name.last.0, rows, sha256 }
    }

    /// The file's name.
    pub(super) fn name(&self, partition: Partition) -> Option<FileName> {
        let day = day_of(&self.day)?;
        Some(FileName { day, partition, first: Offset(self.first_offset), last: Offset(self.last_offset) })
    }
}

/// An index as this writer knows it, and what must hold for its next change.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) index: Index,
    tag: Option<Tag>,
}

fn place(partition: Partition) -> Result<ObjectKey, Error> {
    key(&format!("{FOLDER}/index/{:05}.json", partition.0))
}

impl Held {
    /// Reads a partition's index; an empty one where there is none.
    pub(super) async fn read(objects: &Arc<dyn ObjectStore>, partition: Partition) -> Result<Self, Error> {
        let place = place(partition)?;
        let Some(object) = objects.get(&place).await? else {
            let topic = Topic::RATINGS.name().to_owned();
            let index = Index { topic, partition: partition.0, epoch: 0, next_offset: 0, files: Vec::new() };
            return Ok(Self { index, tag: None });
        };
        let index = serde_json::from_slice(&object.bytes)
            .map_err(|error| Error::new(ErrorKind::Corrupt, format!("read {place}"), error))?;
        Ok(Self { index, tag: Some(object.tag) })
    }

    /// Takes a partition from whoever had it.
    pub(super) async fn take(objects: &Arc<dyn ObjectStore>, partition: Partition) -> Result<Self, Error> {
        let mut held = Self::read(objects, partition).await?;
        let mut index = held.index.clone();
        index.epoch += 1;
        held.write(objects, index).await?;
        Ok(held)
    }

    /// Changes the index.
    ///
    /// # Errors
    /// Somebody else has the partition now: kind `Conflict`.
    pub(super) async fn write(&mut self, objects: &Arc<dyn ObjectStore>, index: Index) -> Result<(), Error> {
        let json = serde_json::to_vec_pretty(&index)
            .map_err(|error| Error::new(ErrorKind::Invalid, "encode an index of the archive", error))?;
        let precondition = self.tag.clone().map_or(Precondition::Absent, Precondition::Matches);
        let tag = objects.put(&place(Partition(index.partition))?, Bytes::from(json), precondition).await?;
        *self = Self { index, tag: Some(tag) };
        Ok(())
    }
}
