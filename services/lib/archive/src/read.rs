//! Reads the archived events of a partition.

use std::ops::Range;

use marquee_domain::{Offset, Partition};
use marquee_ports::{Bounds, Error, ErrorKind};

use crate::index::Index;
use crate::{Archive, ArchivedEvent};

/// How often the index is read again in a row because files were merged meanwhile.
const TRIES: u32 = 5;

/// The archived events of a partition within a range of offsets, page by page.
#[derive(Debug)]
pub struct Events {
    archive: Archive,
    partition: Partition,
    range: Range<Offset>,
    /// The offset from which the next page starts.
    next: Offset,
    /// The index. `None`: it must be read.
    index: Option<Index>,
}

impl Archive {
    /// Returns a reader of a partition's archived events within a range of offsets, in order.
    pub fn events(&self, partition: Partition, range: Range<Offset>) -> Events {
        Events { archive: self.clone(), partition, next: range.start, range, index: None }
    }
}

impl Events {
    /// Reads the next page: the events of one file. Returns `None` after the last one. A page can
    /// be empty, because records that are not events have offsets as well.
    ///
    /// # Errors
    /// A file that counts is missing, is not the file that was archived, or can't be read.
    pub async fn next(&mut self) -> Result<Option<Vec<ArchivedEvent>>, Error> {
        let mut tries = 1;
        loop {
            match self.try_next().await {
                // The writer merged the file into a larger one. The index names that one.
                Err(error) if error.kind() == ErrorKind::Unavailable && tries < TRIES => {
                    self.index = None;
                    tries += 1;
                }
                page => return page,
            }
        }
    }

    async fn try_next(&mut self) -> Result<Option<Vec<ArchivedEvent>>, Error> {
        let index = match self.index.take() {
            Some(index) => index,
            None => Index::read(&self.archive, self.partition).await?,
        };
        let index = self.index.insert(index);
        let ahead = |last: u64, first: u64| last >= self.next.0 && first < self.range.end.0;
        let found = index.document.files.iter().find(|entry| ahead(entry.last_offset, entry.first_offset));
        let Some(entry) = found.filter(|_| self.next < self.range.end) else { return Ok(None) };
        let name = entry.name(self.partition);
        let rows = self.archive.get(&name, &entry.sha256).await?;
        let wanted = |row: &ArchivedEvent| row.offset >= self.next && row.offset < self.range.end;
        let page = rows.into_iter().filter(wanted).collect();
        self.next = name.last.next().min(self.range.end);
        Ok(Some(page))
    }

    /// Returns the offset after the last one that was read.
    pub fn next_offset(&self) -> Offset {
        self.next
    }

    /// Returns the offset from which the log must be read after the last page. Warns if the log no
    /// longer has all records that the archive lacks.
    pub fn log_start(&self, bounds: &Bounds) -> Offset {
        if self.next < bounds.begin && self.next > Offset(0) {
            let (partition, archived, begin) = (self.partition, self.next, bounds.begin);
            tracing::warn!(%partition, %archived, %begin, "some events are in neither the archive nor the log");
        }
        self.next.max(bounds.begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compact::compact;
    use crate::settings::Settings;
    use crate::testing::{archive, archived, write};

    async fn read(events: &mut Events) -> Vec<u64> {
        let mut offsets = Vec::new();
        while let Some(page) = events.next().await.expect("reads") {
            offsets.extend(page.iter().map(|event| event.offset.0));
        }
        offsets
    }

    #[tokio::test]
    async fn events_come_in_order_with_offset_and_time_of_arrival() {
        let archive = archive();
        let mut index = Index::take_over(&archive, Partition(0)).await.expect("takes over");
        for first in [0, 10, 20] {
            write(&archive, &mut index, (first..first + 10).map(archived).collect()).await;
        }
        let mut events = archive.events(Partition(0), Offset(5)..Offset(25));
        assert_eq!(read(&mut events).await, (5..25).collect::<Vec<_>>());
        assert_eq!(events.next_offset(), Offset(25));
        let mut events = archive.events(Partition(0), Offset(0)..Offset(u64::MAX));
        assert_eq!(events.next().await.expect("reads").expect("a page")[3], archived(3));
        assert_eq!(read(&mut events).await, (10..30).collect::<Vec<_>>());
        let bounds = |begin| Bounds { partition: Partition(0), begin: Offset(begin), end: Offset(99) };
        assert_eq!((events.log_start(&bounds(0)), events.log_start(&bounds(40))), (Offset(30), Offset(40)));
    }

    #[tokio::test]
    async fn an_empty_archive_has_no_events() {
        let mut events = archive().events(Partition(7), Offset(3)..Offset(9));
        assert_eq!((events.next().await.expect("reads"), events.next_offset()), (None, Offset(3)));
    }

    #[tokio::test]
    async fn files_that_are_merged_while_they_are_read_are_read_once() {
        let archive = archive();
        let mut index = Index::take_over(&archive, Partition(0)).await.expect("takes over");
        for first in [0, 10, 20] {
            write(&archive, &mut index, (first..first + 10).map(archived).collect()).await;
        }
        let mut events = archive.events(Partition(0), Offset(0)..Offset(30));
        let first = events.next().await.expect("reads").expect("a page").len() as u64;
        let day = index.names().next().expect("a file").day;
        compact(&archive, &Settings { compact: 2, ..Settings::default() }, &mut index, &day).await.expect("merges");
        assert_eq!(index.document.files.len(), 1);
        assert_eq!(read(&mut events).await, (first..30).collect::<Vec<_>>());
    }
}
