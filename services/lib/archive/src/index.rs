//! The index of a partition: which files count. One object, changed by conditional writes only.
//!
//! A writer that takes over a partition writes the index first. From then on, every change by the
//! earlier writer fails, however late it wakes up. A file is written before the index names it, and
//! deleted after the index has stopped to name it. A file that no index names never counts.

use bytes::Bytes;
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Bounds, Error, ErrorKind, Object, ObjectKey, Precondition, Tag, Topic};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::file::FileName;
use crate::{Archive, FOLDER, key};

/// The format that this version writes. Earlier indices have no format and count as 0.
const FORMAT: u32 = 1;

/// An index of more files, or of more bytes, is read and written off the async threads. It takes
/// some 500 µs.
const LARGE: (usize, usize) = (256, 64 << 10);

/// The stored form. Unknown fields of a newer form survive a change by this version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct IndexDocument {
    format: u32,
    topic: String,
    partition: u32,
    /// Grows each time a writer takes over the partition.
    epoch: u64,
    /// The offset after the last archived one.
    pub(crate) next_offset: u64,
    /// The fingerprint of the last archived record, which tells whether a log is the one that was
    /// archived. Empty: not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) last_record: String,
    /// The files that count, by offset.
    pub(crate) files: Vec<FileEntry>,
    /// Fields of a newer form.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// A file that counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FileEntry {
    /// The day of arrival, as in the file's path.
    day: String,
    pub(crate) first_offset: u64,
    /// The last offset, inclusive.
    pub(crate) last_offset: u64,
    rows: u64,
    /// The digest of the file in hexadecimal. Empty: not known.
    pub(crate) sha256: String,
    /// Fields of a newer form.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl FileEntry {
    pub(crate) fn new(name: FileName, rows: u64, sha256: String) -> Self {
        let FileName { day, first, last, .. } = name;
        Self { day, first_offset: first.0, last_offset: last.0, rows, sha256, extra: Map::new() }
    }

    /// Returns the name of the file in a partition.
    pub(crate) fn name(&self, partition: Partition) -> FileName {
        let (first, last) = (Offset(self.first_offset), Offset(self.last_offset));
        FileName { day: self.day.clone(), partition, first, last }
    }
}

/// An index as it was read or written last, and the tag that its next change must find.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub(crate) document: IndexDocument,
    tag: Option<Tag>,
}

/// Returns the error of an archive whose log was cut short or replaced.
pub(crate) fn belongs_to_another(partition: Partition, problem: &str) -> Error {
    let doing = format!(
        "use the archive of partition {partition}: {problem}; the log was cut short or replaced; restore it, or move \
         the folder {FOLDER} of the object store away and remove the online store and the monitor's store, so that \
         all of them begin again"
    );
    Error::bare(ErrorKind::Conflict, doing)
}

/// Returns what tells a record from others at the same position of another log.
pub(crate) fn fingerprint(key: Option<&[u8]>, value: &[u8]) -> String {
    let key = key.unwrap_or_default();
    let digest = Sha256::new().chain_update((key.len() as u64).to_be_bytes()).chain_update(key).chain_update(value);
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn place(partition: u32) -> Result<ObjectKey, Error> {
    key(&format!("{FOLDER}/index/{partition:05}.json"))
}

impl Index {
    /// Reads the index of a partition. An absent index is an empty one.
    pub(crate) async fn read(archive: &Archive, partition: Partition) -> Result<Self, Error> {
        let place = place(partition.0)?;
        let Some(object) = archive.objects.get(&place).await? else { return Ok(Self::absent(partition)) };
        let Object { bytes, tag } = object;
        let is_large = bytes.len() > LARGE.1;
        let parse = move || serde_json::from_slice::<IndexDocument>(&bytes);
        let document = archive.compute.run_if(is_large, parse).await;
        let document = document.map_err(|error| Error::new(ErrorKind::Corrupt, format!("read {place}"), error))?;
        Ok(Self { document, tag: Some(tag) })
    }

    /// Returns the index of a partition of which nothing is archived.
    pub(crate) fn absent(partition: Partition) -> Self {
        let topic = Topic::RATINGS.name().to_owned();
        Self { document: IndexDocument { topic, partition: partition.0, ..IndexDocument::default() }, tag: None }
    }

    /// Takes over the partition: every later change by its earlier writer fails.
    pub(crate) async fn take_over(mut self, archive: &Archive) -> Result<Self, Error> {
        let mut document = self.document.clone();
        document.epoch += 1;
        self.write(archive, document).await?;
        Ok(self)
    }

    /// Returns the position of the last archived record and its fingerprint, as far as it is known.
    pub(crate) fn last_record(&self) -> Option<(Position, &str)> {
        let offset = Offset(self.document.next_offset.checked_sub(1)?);
        let fingerprint = self.document.last_record.as_str();
        (!fingerprint.is_empty()).then_some((Position { partition: self.partition(), offset }, fingerprint))
    }

    /// Checks that the archived events are those of the log. A log that ends before the archive was
    /// cut short or replaced: its events have the offsets of others that are archived.
    pub(crate) fn check_belongs(&self, bounds: &Bounds) -> Result<(), Error> {
        let archived = self.document.next_offset;
        if archived <= bounds.end.0 {
            return Ok(());
        }
        let problem = format!("it has events before offset {archived}, but the rating log ends at {}", bounds.end);
        Err(belongs_to_another(bounds.partition, &problem))
    }

    /// Replaces the index.
    ///
    /// # Errors
    /// Another writer has taken over the partition: kind `Conflict`.
    pub(crate) async fn write(&mut self, archive: &Archive, mut document: IndexDocument) -> Result<(), Error> {
        document.format = document.format.max(FORMAT);
        let is_large = document.files.len() > LARGE.0;
        let encode = move || (serde_json::to_vec_pretty(&document), document);
        let (json, document) = archive.compute.run_if(is_large, encode).await;
        let json = json.map_err(|error| Error::new(ErrorKind::Invalid, "encode an index of the archive", error))?;
        let precondition = self.tag.clone().map_or(Precondition::Absent, Precondition::Matches);
        let tag = archive.objects.put(&place(document.partition)?, Bytes::from(json), precondition).await?;
        *self = Self { document, tag: Some(tag) };
        Ok(())
    }

    pub(crate) fn partition(&self) -> Partition {
        Partition(self.document.partition)
    }

    /// Returns the names of the files that count.
    pub(crate) fn names(&self) -> impl Iterator<Item = FileName> + '_ {
        self.document.files.iter().map(|entry| entry.name(self.partition()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::take_over;

    /// An index as the first version stored it.
    const FIRST_FORM: &str = r#"{
        "topic": "marquee.ratings.v1", "partition": 3, "epoch": 5, "next_offset": 20,
        "files": [{"day": "2026-11-25", "first_offset": 0, "last_offset": 19, "rows": 18, "sha256": "ab"}]
    }"#;

    #[test]
    fn an_index_of_the_first_form_is_read() {
        let document: IndexDocument = serde_json::from_str(FIRST_FORM).expect("reads");
        assert_eq!((document.format, document.partition, document.epoch, document.next_offset), (0, 3, 5, 20));
        let name = document.files[0].name(Partition(3));
        assert_eq!((name.day.as_str(), name.first, name.last), ("2026-11-25", Offset(0), Offset(19)));
    }

    #[tokio::test]
    async fn unknown_fields_survive_a_take_over() {
        let archive = crate::testing::archive();
        let mut newer: Value = serde_json::from_str(FIRST_FORM).expect("JSON");
        newer["format"] = 9.into();
        newer["codec"] = "zstd".into();
        newer["files"][0]["bloom"] = "xyz".into();
        let place = place(3).expect("valid");
        archive.objects.put(&place, newer.to_string().into(), Precondition::None).await.expect("writes");
        take_over(&archive, Partition(3)).await;
        let stored = archive.objects.get(&place).await.expect("reads").expect("exists");
        let stored: Value = serde_json::from_slice(&stored.bytes).expect("JSON");
        newer["epoch"] = 6.into();
        assert_eq!(stored, newer);
    }

    #[test]
    fn the_archive_of_a_log_that_was_cut_short_or_replaced_is_not_used() {
        let document = IndexDocument { next_offset: 20, ..IndexDocument::default() };
        let index = Index { document, tag: None };
        let bounds = |end| Bounds { partition: Partition(0), begin: Offset(0), end: Offset(end) };
        assert!(index.check_belongs(&bounds(20)).is_ok() && index.check_belongs(&bounds(25)).is_ok());
        let refused = index.check_belongs(&bounds(19)).expect_err("replaced").to_string();
        assert!(refused.contains("ends at 19") && refused.contains("before offset 20"), "{refused}");
    }

    #[tokio::test]
    async fn the_earlier_writer_of_a_partition_changes_nothing_any_more() {
        let archive = crate::testing::archive();
        let mut earlier = take_over(&archive, Partition(0)).await;
        take_over(&archive, Partition(0)).await;
        let changed = IndexDocument { next_offset: 9, ..earlier.document.clone() };
        let refused = earlier.write(&archive, changed).await.expect_err("fenced off");
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        assert_eq!(Index::read(&archive, Partition(0)).await.expect("reads").document.next_offset, 0);
    }
}
