//! Whether partitions were added to a topic that has records.
//!
//! A key belongs to `murmur2(key) mod partitions`, so more partitions give most keys another one.
//! Records stay where they are, and the earlier events of most users would no longer be found. The
//! brokers do not say that a topic had fewer partitions, but the keys of its first records do: they
//! all are where that smaller number puts them.

use std::collections::BTreeMap;

use marquee_domain::{Partition, Position};
use marquee_ports::{Error, Record, partition_for};

use crate::reader::Readers;

/// The number of records that are read of each partition.
const SAMPLE: usize = 100;

/// The least number of different keys that tell anything.
const LEAST_KEYS: usize = 4;

/// The share of the keys, of 100, that must be where a number of partitions puts them. Other
/// producers may write some records to any partition.
const SHARE: usize = 90;

/// The content type of the records that this project writes.
const OWN: &[u8] = b"application/x-protobuf";

/// A key of the sample.
#[derive(Debug, Clone, Copy)]
struct Placed {
    partition: Partition,
    /// This project wrote the record, or a producer that writes the same form.
    is_own: bool,
}

/// The first records of a topic: where each key is.
#[derive(Debug, Default)]
struct Sample(BTreeMap<Vec<u8>, Placed>);

impl Sample {
    fn add(&mut self, records: &[Record]) {
        for record in records {
            if let Some(key) = record.key.as_ref().filter(|key| !key.is_empty()) {
                let is_own = record.header("content-type") == Some(OWN);
                let placed = Placed { partition: record.position.partition, is_own };
                self.0.entry(key.to_vec()).or_insert(placed);
            }
        }
    }

    /// Returns whether this many partitions explain where the keys are.
    fn fits(&self, partitions: u32) -> bool {
        let at_home = self.0.iter().filter(|(key, placed)| partition_for(key, partitions) == placed.partition);
        at_home.count() * 100 >= self.0.len() * SHARE
    }

    /// Returns the number of partitions that the topic had when these records were written, if it
    /// was smaller than now.
    fn earlier(&self, partitions: u32) -> Option<u32> {
        if self.0.len() < LEAST_KEYS || self.fits(partitions) {
            return None;
        }
        // A producer that writes everything to the first partition does not show that there was
        // only one.
        let is_likely = |count: &u32| *count > 1 || self.0.values().all(|placed| placed.is_own);
        (1..partitions).rev().filter(is_likely).find(|count| self.fits(*count))
    }
}

/// Returns the number of partitions that a topic had when its first records were written, if it was
/// smaller than now. Blocks.
pub(crate) fn earlier_count(readers: &Readers, topic: &str, partitions: u32) -> Result<Option<u32>, Error> {
    let mut sample = Sample::default();
    for bounds in readers.bounds(topic, partitions)? {
        if bounds.begin < bounds.end {
            let from = Position { partition: bounds.partition, offset: bounds.begin };
            sample.add(&readers.read(topic, from, SAMPLE)?);
        }
        // Most topics are as they should be, and one partition shows it.
        if sample.0.len() >= SAMPLE / 5 && sample.fits(partitions) {
            return Ok(None);
        }
    }
    Ok(sample.earlier(partitions))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use marquee_domain::{Offset, Timestamp};

    use super::*;

    fn record(key: &str, partition: u32, is_own: bool) -> Record {
        let header = ("content-type".to_owned(), Bytes::from_static(if is_own { OWN } else { b"application/json" }));
        Record {
            position: Position { partition: Partition(partition), offset: Offset(0) },
            key: Some(key.to_owned().into()),
            value: Bytes::new(),
            headers: vec![header],
            timestamp: Timestamp::EPOCH,
        }
    }

    /// The records of users, by a rule that puts them into partitions.
    fn sample(users: u32, is_own: bool, partition: impl Fn(&str) -> u32) -> Sample {
        let mut sample = Sample::default();
        for user in 0..users {
            let key = format!("user-{user}");
            sample.add(&[record(&key, partition(&key), is_own)]);
        }
        sample
    }

    fn murmur2(partitions: u32) -> impl Fn(&str) -> u32 {
        move |key| partition_for(key.as_bytes(), partitions).0
    }

    #[test]
    fn partitions_that_were_added_show_in_the_first_keys() {
        for (before, now) in [(8, 12), (8, 16), (8, 9), (2, 3), (6, 64), (1, 4)] {
            assert_eq!(sample(60, true, murmur2(before)).earlier(now), Some(before), "{before} to {now}");
            assert_eq!(sample(60, true, murmur2(now)).earlier(now), None, "{now}");
        }
    }

    #[test]
    fn some_records_of_other_partitioners_change_nothing() {
        let mut some = sample(95, true, murmur2(8));
        some.add(&(0..5).map(|n| record(&format!("other-{n}"), 11, false)).collect::<Vec<_>>());
        assert_eq!((some.earlier(12), some.earlier(8)), (Some(8), None));
    }

    #[test]
    fn other_partitioners_are_not_taken_for_fewer_partitions() {
        let by_length = sample(200, false, |key| key.bytes().map(u32::from).sum::<u32>() % 12);
        assert_eq!(by_length.earlier(12), None);
        let all_to_the_first = sample(200, false, |_| 0);
        assert_eq!(all_to_the_first.earlier(12), None);
        let too_few = sample(3, true, murmur2(8));
        assert_eq!(too_few.earlier(12), None);
        let mut without_keys = Sample::default();
        without_keys.add(&[Record { key: None, ..record("", 3, false) }]);
        assert_eq!(without_keys.earlier(12), None);
    }
}
