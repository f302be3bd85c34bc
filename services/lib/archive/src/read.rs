//! Reads the archived events of a partition.
//!
//! A file that cannot be read never ends a training run or a rebuild: it is named in a warning and
//! left out. Its events come from the log where the log still has them.

use std::ops::Range;

use marquee_domain::{Offset, Partition};
use marquee_kit::chain;
use marquee_ports::{Bounds, Error, ErrorKind, RatingLog, Topic};

use crate::index::{FileEntry, Index, belongs_to_another, fingerprint};
use crate::{Archive, ArchivedEvent};

/// How often the index is read again in a row because files were merged meanwhile.
const TRIES: u32 = 5;

/// The archived events of a partition, page by page.
#[derive(Debug)]
pub struct Events {
    archive: Archive,
    bounds: Bounds,
    /// The offset from which the next page starts.
    next: Offset,
    /// The index. `None`: it must be read.
    index: Option<Index>,
    left_out: Vec<LeftOut>,
}

/// Splits a page of events into batches of at most `size`, each with the offset of the first record
/// after it. That of the last one is `end`. A page without events is one batch without events, so
/// that a consumer moves its marker.
pub fn batches(
    page: Vec<ArchivedEvent>,
    size: usize,
    end: Offset,
) -> impl Iterator<Item = (Vec<ArchivedEvent>, Offset)> {
    let mut events = page.into_iter().peekable();
    let mut is_complete = false;
    std::iter::from_fn(move || {
        if is_complete {
            return None;
        }
        let batch: Vec<_> = events.by_ref().take(size).collect();
        let next = events.peek().map_or(end, |event| event.offset);
        is_complete = events.peek().is_none();
        Some((batch, next))
    })
}

/// A file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The path of the file in the object store, or what it is.
    pub file: String,
    /// Why it could not be read.
    pub reason: String,
    /// Whether the log still has its events. Otherwise they are lost to the reader.
    pub is_in_log: bool,
}

impl Archive {
    /// Returns a reader of a partition's archived events in order, from an offset up to the end of
    /// the bounds, which are those of the log.
    pub fn events(&self, bounds: &Bounds, from: Offset) -> Events {
        Events { archive: self.clone(), bounds: *bounds, next: from, index: None, left_out: Vec::new() }
    }

    /// Checks that the archived events of partitions are those of a log: that the log does not end
    /// before the archive, and that it has the last archived record, unless it forgot that one.
    ///
    /// # Errors
    /// The log was cut short or replaced (kind `Conflict`), or a back-end does not answer.
    pub async fn check_belongs(&self, log: &dyn RatingLog, partitions: &[Partition]) -> Result<(), Error> {
        let mut indices = Vec::with_capacity(partitions.len());
        for &partition in partitions {
            indices.push(self.index(partition).await?.0);
        }
        // After the indices, because a writer may archive more events meanwhile.
        for bounds in log.bounds(Topic::RATINGS).await? {
            if let Some(index) = indices.iter().find(|index| index.partition() == bounds.partition) {
                index.check_belongs(&bounds)?;
                check_last_record(index, log, &bounds).await?;
            }
        }
        Ok(())
    }

    /// Reads the index of a partition. One that cannot be read counts as absent, with a warning,
    /// and is returned as left out.
    async fn index(&self, partition: Partition) -> Result<(Index, Option<LeftOut>), Error> {
        match Index::read(self, partition).await {
            Err(error) if error.kind() != ErrorKind::Unavailable => {
                let reason = chain(&error);
                tracing::warn!(
                    %partition, error = reason, "an index of the archive cannot be read; its events were left out"
                );
                let file = format!("the index of partition {partition}");
                Ok((Index::absent(partition), Some(LeftOut { file, reason, is_in_log: false })))
            }
            read => Ok((read?, None)),
        }
    }
}

/// Checks that a log has the last archived record where it was.
async fn check_last_record(index: &Index, log: &dyn RatingLog, bounds: &Bounds) -> Result<(), Error> {
    let Some((at, expected)) = index.last_record().filter(|(at, _)| at.offset >= bounds.begin) else { return Ok(()) };
    let found = log.read(Topic::RATINGS, at, 1).await?;
    let Some(found) = found.first().filter(|found| found.position == at) else { return Ok(()) };
    if fingerprint(found.key.as_deref(), &found.value) == expected {
        return Ok(());
    }
    Err(belongs_to_another(at.partition, &format!("the record at {at} is not the one that was archived")))
}

impl Events {
    /// Reads the next page: the events of one file. Returns `None` after the last one. A page can
    /// be empty, because records that are not events have offsets as well.
    ///
    /// A file that is missing, damaged or not the one that was archived is left out with a warning
    /// that names it. If the log still has its events, `None` is returned, and the log is read from
    /// the beginning of the file on.
    ///
    /// # Errors
    /// The object store does not answer.
    pub async fn next(&mut self) -> Result<Option<Vec<ArchivedEvent>>, Error> {
        let mut tries = 1;
        loop {
            let index = match self.index.take() {
                Some(index) => index,
                None => self.read_index().await?,
            };
            let index = self.index.insert(index);
            let ahead = |entry: &&FileEntry| entry.last_offset >= self.next.0 && entry.first_offset < self.bounds.end.0;
            let found = index.document.files.iter().find(ahead);
            let Some(entry) = found.filter(|_| self.next < self.bounds.end).cloned() else { return Ok(None) };
            let reason = match self.archive.get(&entry.name(self.bounds.partition), &entry.sha256).await {
                Ok(Some(rows)) => return Ok(Some(self.page(&entry, rows))),
                // The writer merged the file into a larger one. The index names that one.
                Ok(None) if tries < TRIES => {
                    self.index = None;
                    tries += 1;
                    continue;
                }
                Ok(None) => "it is absent".to_owned(),
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(error) => chain(&error),
            };
            if self.is_in_log_after(&entry, &reason) {
                return Ok(None);
            }
        }
    }

    async fn read_index(&mut self) -> Result<Index, Error> {
        let (index, unreadable) = self.archive.index(self.bounds.partition).await?;
        self.leave_out(unreadable);
        Ok(index)
    }

    fn leave_out(&mut self, left_out: impl IntoIterator<Item = LeftOut>) {
        for one in left_out {
            if self.left_out.iter().all(|known| known.file != one.file) {
                self.left_out.push(one);
            }
        }
    }

    /// Returns the files that could not be read so far.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    fn page(&mut self, entry: &FileEntry, rows: Vec<ArchivedEvent>) -> Vec<ArchivedEvent> {
        let wanted = |row: &ArchivedEvent| row.offset >= self.next && row.offset < self.bounds.end;
        let page = rows.into_iter().filter(wanted).collect();
        self.next = Offset(entry.last_offset).next().min(self.bounds.end);
        page
    }

    /// Passes over a file that cannot be read. Returns whether the log still has its events.
    fn is_in_log_after(&mut self, entry: &FileEntry, reason: &str) -> bool {
        let file = entry.name(self.bounds.partition);
        let from = self.next.max(file.first);
        let is_in_log = from >= self.bounds.begin;
        tracing::warn!(%file, reason, is_in_log, "a file of the archive cannot be read and was left out");
        self.leave_out([LeftOut { file: file.to_string(), reason: reason.to_owned(), is_in_log }]);
        if !is_in_log {
            self.next = file.last.next().min(self.bounds.end);
        }
        is_in_log
    }

    /// Returns the offset after the last one that was read.
    pub fn next_offset(&self) -> Offset {
        self.next
    }

    /// Returns the offsets after the last page whose events neither the archive nor the log has.
    /// `None`: there are no such offsets.
    pub fn gap(&self, bounds: &Bounds) -> Option<Range<Offset>> {
        (self.next < bounds.begin).then_some(self.next..bounds.begin)
    }

    /// Returns the offset from which the log must be read after the last page. Warns if the log no
    /// longer has all records that the archive lacks.
    pub fn log_start(&self, bounds: &Bounds) -> Offset {
        if let Some(Range { start: archived, end: begin }) = self.gap(bounds) {
            let partition = bounds.partition;
            tracing::warn!(%partition, %archived, %begin, "some events are in neither the archive nor the log");
        }
        self.next.max(bounds.begin)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use marquee_domain::Timestamp;
    use marquee_kit::Compute;
    use marquee_ports::NewRecord;
    use marquee_ports::memory::{Fault, MemoryLog, MemoryObjects, Step};

    use super::*;
    use crate::compact::compact;
    use crate::settings::Settings;
    use crate::testing::{archive, archived, take_over, write};

    fn bounds(begin: u64, end: u64) -> Bounds {
        Bounds { partition: Partition(0), begin: Offset(begin), end: Offset(end) }
    }

    async fn read(events: &mut Events) -> Vec<u64> {
        let mut offsets = Vec::new();
        while let Some(page) = events.next().await.expect("reads") {
            offsets.extend(page.iter().map(|event| event.offset.0));
        }
        offsets
    }

    /// An archive of three files, of ten events each.
    async fn three_files() -> (Archive, Index) {
        let archive = archive();
        let mut index = take_over(&archive, Partition(0)).await;
        for first in [0, 10, 20] {
            write(&archive, &mut index, (first..first + 10).map(archived).collect()).await;
        }
        (archive, index)
    }

    #[tokio::test]
    async fn events_come_in_order_with_offset_and_time_of_arrival() {
        let (archive, _) = three_files().await;
        let mut events = archive.events(&bounds(0, 25), Offset(5));
        assert_eq!(read(&mut events).await, (5..25).collect::<Vec<_>>());
        assert_eq!(events.next_offset(), Offset(25));
        let mut events = archive.events(&bounds(0, u64::MAX), Offset(0));
        assert_eq!(events.next().await.expect("reads").expect("a page")[3], archived(3));
        assert_eq!(read(&mut events).await, (10..30).collect::<Vec<_>>());
        assert_eq!((events.log_start(&bounds(0, 99)), events.log_start(&bounds(40, 99))), (Offset(30), Offset(40)));
    }

    #[tokio::test]
    async fn an_empty_archive_has_no_events() {
        let mut events = archive().events(&bounds(0, 9), Offset(3));
        assert_eq!((events.next().await.expect("reads"), events.next_offset()), (None, Offset(3)));
    }

    #[tokio::test]
    async fn what_a_shortened_log_and_the_archive_both_lack_is_a_gap_also_if_nothing_is_archived() {
        let empty = archive().events(&bounds(4, 9), Offset(0));
        assert_eq!(empty.gap(&bounds(4, 9)), Some(Offset(0)..Offset(4)));
        assert_eq!((empty.gap(&bounds(0, 9)), empty.log_start(&bounds(4, 9))), (None, Offset(4)));
        let (archive, _) = three_files().await;
        let mut events = archive.events(&bounds(40, 99), Offset(0));
        assert_eq!(read(&mut events).await.len(), 30);
        assert_eq!(events.gap(&bounds(40, 99)), Some(Offset(30)..Offset(40)));
        assert_eq!(events.gap(&bounds(30, 99)), None);
    }

    #[tokio::test]
    async fn files_that_are_merged_while_they_are_read_are_read_once() {
        let (archive, mut index) = three_files().await;
        let mut events = archive.events(&bounds(0, 30), Offset(0));
        let first = events.next().await.expect("reads").expect("a page").len() as u64;
        let day = index.names().next().expect("a file").day;
        compact(&archive, &Settings { compact: 2, ..Settings::default() }, &mut index, &day).await.expect("merges");
        assert_eq!(index.document.files.len(), 1);
        assert_eq!(read(&mut events).await, (first..30).collect::<Vec<_>>());
    }

    /// Reads the archive, then the offset from which the log is read.
    async fn read_with_log(archive: &Archive, begin: u64) -> (Vec<u64>, Offset) {
        let mut events = archive.events(&bounds(begin, 30), Offset(0));
        (read(&mut events).await, events.log_start(&bounds(begin, 30)))
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_left_out_and_comes_from_the_log_where_it_has_it() {
        for damage in ["absent", "other bytes", "no day"] {
            let (archive, mut index) = three_files().await;
            let middle = index.names().nth(1).expect("a file").key().expect("valid");
            match damage {
                "absent" => archive.objects.delete(&middle).await.expect("deletes"),
                "other bytes" => {
                    let damaged = archive.objects.put(&middle, "PAR1".into(), marquee_ports::Precondition::None).await;
                    drop(damaged.expect("writes"));
                }
                _ => {
                    let mut document = index.document.clone();
                    document.files[1] = serde_json::from_value(serde_json::json!({
                        "day": "+58873-03-12/../..", "first_offset": 10, "last_offset": 19, "rows": 10, "sha256": ""
                    }))
                    .expect("an entry");
                    index.write(&archive, document).await.expect("writes");
                }
            }
            // The log has forgotten the events of the file: those after it still count.
            let after: Vec<u64> = (0..10).chain(20..30).collect();
            assert_eq!(read_with_log(&archive, 15).await, (after, Offset(30)), "{damage}");
            // The log has them: it is read from there on.
            assert_eq!(read_with_log(&archive, 10).await, ((0..10).collect(), Offset(10)), "{damage}");
        }
    }

    #[tokio::test]
    async fn every_file_that_is_left_out_is_named_once_with_its_reason() {
        let (archive, index) = three_files().await;
        let names: Vec<_> = index.names().collect();
        for name in &names[..2] {
            archive.objects.delete(&name.key().expect("a key")).await.expect("deletes");
        }
        let mut events = archive.events(&bounds(10, 30), Offset(0));
        assert_eq!(read(&mut events).await, Vec::<u64>::new());
        let left_out = |name: &crate::file::FileName, is_in_log| LeftOut {
            file: name.to_string(),
            reason: "it is absent".to_owned(),
            is_in_log,
        };
        let expected = [left_out(&names[0], false), left_out(&names[1], true)];
        assert_eq!(events.left_out(), expected);
        // The reader asks again where it left off, and names nothing twice.
        assert_eq!(events.next().await.expect("reads"), None);
        assert_eq!(events.left_out(), expected);
    }

    #[tokio::test]
    async fn an_index_that_cannot_be_read_counts_as_absent() {
        let (archive, _) = three_files().await;
        let place = crate::key(&format!("{}/index/00000.json", crate::FOLDER)).expect("valid");
        archive.objects.put(&place, "{".into(), marquee_ports::Precondition::None).await.expect("writes");
        assert_eq!(read_with_log(&archive, 4).await, (vec![], Offset(4)));
        let mut events = archive.events(&bounds(4, 30), Offset(0));
        assert_eq!(events.next().await.expect("reads"), None);
        assert_eq!(events.left_out()[0].file, "the index of partition 0");
    }

    /// As an object store answers if the disk cannot read a file, if the process may not, or if the
    /// file is too large.
    #[tokio::test]
    async fn what_the_object_store_cannot_read_is_left_out_and_a_store_that_is_away_is_waited_for() {
        for kind in [ErrorKind::Corrupt, ErrorKind::Invalid, ErrorKind::Unavailable] {
            for (calls_before, kept) in [(0, 0), (1, 20)] {
                let objects = MemoryObjects::default();
                let archive = Archive::new(Arc::new(objects.clone()), Compute::default());
                let mut index = take_over(&archive, Partition(0)).await;
                for first in [0, 10, 20] {
                    write(&archive, &mut index, (first..first + 10).map(archived).collect()).await;
                }
                let gets = objects.faults().calls().iter().filter(|call| **call == "get").count();
                // The first call reads the index, the second one the first file.
                objects.faults().add(Step::on("get", gets + calls_before + 1, Fault::Fail(kind)));
                let mut events = archive.events(&bounds(30, 30), Offset(0));
                if kind == ErrorKind::Unavailable {
                    assert_eq!(events.next().await.expect_err("it is away").kind(), kind);
                    continue;
                }
                assert_eq!(read(&mut events).await.len(), kept, "{kind:?} at call {calls_before}");
                let [left_out] = events.left_out() else { panic!("one file: {:?}", events.left_out()) };
                assert!(left_out.reason.contains("fault injected") && !left_out.is_in_log, "{left_out:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_file_of_a_year_that_cannot_be_is_read_and_its_events_have_a_sane_time() {
        let archive = archive();
        let mut index = take_over(&archive, Partition(0)).await;
        let odd = ArchivedEvent { arrived_at: Timestamp::from_seconds(1_795_000_000_000), ..archived(0) };
        let name = crate::file::FileName {
            day: "58873-03-12".to_owned(),
            partition: Partition(0),
            first: Offset(0),
            last: Offset(0),
        };
        let sha256 = archive.put(&name, vec![odd.clone()]).await.expect("writes");
        let mut document = index.document.clone();
        document.next_offset = 1;
        document.files.push(FileEntry::new(name, 1, sha256));
        index.write(&archive, document).await.expect("writes");
        let mut events = archive.events(&bounds(1, 1), Offset(0));
        let page = events.next().await.expect("reads").expect("a page");
        assert_eq!(page, [ArchivedEvent { arrived_at: odd.event.at(), ..odd }]);
    }

    #[tokio::test]
    async fn the_archive_of_another_log_is_refused() {
        let (archive, _) = three_files().await;
        let log = MemoryLog::new(1);
        let refused = archive.check_belongs(&log, &[Partition(0)]).await.expect_err("the log is empty");
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        assert!(refused.to_string().contains("cut short or replaced"), "{refused}");
        archive.check_belongs(&log, &[Partition(1)]).await.expect("nothing is archived");
    }

    #[tokio::test]
    async fn the_archive_of_a_log_that_was_made_again_and_has_grown_is_refused() {
        let log = MemoryLog::new(1);
        let append = async |text: &'static str| {
            let (key, value) = (None, text.into());
            let record = NewRecord { key, value, headers: Vec::new(), timestamp: Timestamp::EPOCH };
            log.append(Topic::RATINGS, vec![record; 3]).await.expect("appends");
        };
        append("old").await;
        let archive = archive();
        let mut index = take_over(&archive, Partition(0)).await;
        let mut document = index.document.clone();
        (document.next_offset, document.last_record) = (3, fingerprint(None, b"old"));
        index.write(&archive, document).await.expect("writes");
        let check = async || archive.check_belongs(&log, &[Partition(0)]).await;
        check().await.expect("it is its own log");
        log.recreate(Topic::RATINGS);
        append("new").await;
        append("new").await;
        let refused = check().await.expect_err("another log").to_string();
        assert!(refused.contains("0@2 is not the one that was archived"), "{refused}");
        // A record that the log has forgotten tells nothing.
        log.forget(Topic::RATINGS, Partition(0), Offset(3));
        check().await.expect("it cannot be told");
    }
}
