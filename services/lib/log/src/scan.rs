//! Reads a range of a partition, page by page.
//!
//! Offsets have gaps. Compaction and retention remove records, and a transaction's markers take
//! offsets that no consumer sees, often the last ones of a partition. So a range may hold fewer
//! records than offsets, and the offset before its end may never be readable.
//!
//! **Invariant:** an empty page means that no record is left at or after the offset of the read:
//! the rest of the range is a gap, and the scan is complete. It does not wait for those offsets.
//! The range must therefore end at or below the partition's end, as [`RatingLog::bounds`] returned
//! it before the scan. Kept by `Scan::next_page`; test `a_scan_ends_at_a_gap_that_is_never_filled`.

use std::ops::Range;

use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Error, RatingLog, Record, Topic};

/// Most records of a page.
const PAGE: usize = 4_096;

/// Starts a scan of a range of offsets. It reads when [`Scan::next_page`] is called.
pub fn scan(log: &dyn RatingLog, topic: Topic, partition: Partition, range: Range<Offset>) -> Scan<'_> {
    let next = Position { partition, offset: range.start };
    Scan { log, topic, next, end: range.end, page: PAGE }
}

/// Returns whether no record is left between a position and `end`.
pub async fn is_gap(log: &dyn RatingLog, topic: Topic, from: Position, end: Offset) -> Result<bool, Error> {
    let next = log.read(topic, from, 1).await?;
    Ok(next.first().is_none_or(|record| record.position.offset >= end))
}

/// A scan in progress.
#[derive(Debug)]
pub struct Scan<'a> {
    log: &'a dyn RatingLog,
    topic: Topic,
    next: Position,
    end: Offset,
    page: usize,
}

impl Scan<'_> {
    /// Sets the most records of a page. The default is 4,096.
    #[must_use]
    pub fn with_page_size(mut self, records: usize) -> Self {
        self.page = records.max(1);
        self
    }

    /// Reads the next page: at least one record, in order, all in the range. Returns `None` once
    /// the range is complete. After an error the same page may be read again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Record>>, Error> {
        if self.next.offset >= self.end {
            return Ok(None);
        }
        let mut page = self.log.read(self.topic, self.next, self.page).await?;
        page.truncate(page.partition_point(|record| record.position.offset < self.end));
        // A page without a record of the range shows that the rest of the range is a gap.
        let next = page.last().map_or(self.end, |last| last.position.offset.next());
        self.next.offset = next;
        Ok((!page.is_empty()).then_some(page))
    }

    /// Returns the offset after the pages so far.
    pub fn next_offset(&self) -> Offset {
        self.next.offset
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;
    use marquee_ports::memory::{Fault, MemoryLog, Step};
    use marquee_ports::{ErrorKind, NewRecord};

    use super::*;

    const FIRST: Partition = Partition(0);

    async fn log_of(count: usize) -> MemoryLog {
        let record =
            NewRecord { key: None, value: "value".into(), headers: Vec::new(), timestamp: Timestamp::from_seconds(1) };
        let log = MemoryLog::new(1);
        log.append(Topic::RATINGS, vec![record; count]).await.unwrap();
        log
    }

    /// Scans a range in pages of three records and returns the offsets, with the number of gaps.
    async fn offsets(log: &MemoryLog, range: Range<u64>) -> (Vec<u64>, u64) {
        let offsets_of = Offset(range.start)..Offset(range.end);
        let mut scan = scan(log, Topic::RATINGS, FIRST, offsets_of).with_page_size(3);
        let mut offsets = Vec::new();
        while let Some(page) = scan.next_page().await.unwrap() {
            assert!((1..=3).contains(&page.len()));
            offsets.extend(page.iter().map(|record| record.position.offset.0));
        }
        let gaps = scan.next_offset().0 - range.start - offsets.len() as u64;
        (offsets, gaps)
    }

    #[tokio::test]
    async fn a_scan_reads_its_range_and_no_more() {
        let log = log_of(10).await;
        for range in [0..10, 0..0, 3..7, 9..10, 0..6] {
            assert_eq!(offsets(&log, range.clone()).await, (range.collect(), 0));
        }
    }

    #[tokio::test]
    async fn a_scan_passes_over_gaps() {
        let log = log_of(10).await;
        log.forget(Topic::RATINGS, FIRST, Offset(2));
        for gap in [4, 5, 6, 8] {
            log.remove(Topic::RATINGS, Position { partition: FIRST, offset: Offset(gap) });
        }
        assert_eq!(offsets(&log, 0..10).await, (vec![2, 3, 7, 9], 6));
        assert_eq!(offsets(&log, 4..7).await, (vec![], 3));
    }

    #[tokio::test]
    async fn a_scan_ends_at_a_gap_that_is_never_filled() {
        let log = log_of(4).await;
        log.append_control_record(Topic::RATINGS, FIRST);
        log.append_control_record(Topic::RATINGS, FIRST);
        assert_eq!(offsets(&log, 0..6).await, (vec![0, 1, 2, 3], 2));
        log.forget(Topic::RATINGS, FIRST, Offset(6));
        assert_eq!(offsets(&log, 0..6).await, (vec![], 6));
    }

    #[tokio::test]
    async fn a_failed_page_is_read_again() {
        let log = log_of(2).await;
        log.faults().add(Step::on("read", 1, Fault::Fail(ErrorKind::Unavailable)));
        let mut scan = scan(&log, Topic::RATINGS, FIRST, Offset(0)..Offset(2));
        assert!(scan.next_page().await.is_err());
        assert_eq!(scan.next_page().await.unwrap().map(|page| page.len()), Some(2));
        assert_eq!(scan.next_page().await.unwrap(), None);
    }
}
