//! Converts records to and from those of Kafka.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use marquee_domain::{Offset, Partition, Position, Timestamp};
use marquee_ports::{Error, ErrorKind, Header, NewRecord, Record};
use rdkafka::message::{Header as KafkaHeader, Headers, Message, OwnedHeaders};

/// The largest batch that a topic accepts. It fits the largest record, with the lengths of many
/// short headers.
pub(crate) const LARGEST_BATCH: usize = NewRecord::MAX_VALUE + (256 << 10);

/// Refuses records that are too large for the port, or that Kafka cannot store unchanged.
pub(crate) fn check(record: &NewRecord) -> Result<(), Error> {
    record.check_sizes()?;
    // librdkafka reads a name up to its first zero byte.
    if record.headers.iter().any(|(name, _)| name.contains('\0')) {
        return Err(Error::bare(ErrorKind::Invalid, "append a record with a zero byte in a header's name"));
    }
    Ok(())
}

/// Returns the milliseconds of a timestamp, at least 1: librdkafka takes 0 as "now", and brokers
/// refuse times before 1970.
pub(crate) fn millis(timestamp: Timestamp) -> i64 {
    timestamp.micros().div_euclid(1_000).max(1)
}

/// Returns the headers of a record for librdkafka, if it has any.
pub(crate) fn headers(headers: &[Header]) -> Option<OwnedHeaders> {
    if headers.is_empty() {
        return None;
    }
    let all = OwnedHeaders::new_with_capacity(headers.len());
    Some(headers.iter().fold(all, |all, (name, value)| all.insert(KafkaHeader { key: name, value: Some(&value[..]) })))
}

/// The first and the last time, in milliseconds, that are told apart from a time in another unit:
/// March 1973 and the end of the year 2199. The producers of this project may write earlier times.
const FIRST_MILLIS: i64 = 100_000_000_000;
const LAST_MILLIS: i64 = 7_258_118_399_999;

/// Returns the time of a record for the number that its producer wrote, which should be
/// milliseconds. Seconds, microseconds and nanoseconds are told apart by their size. A number that
/// is no time in any unit, such as -1, gives [`Timestamp::EPOCH`]: the record has no time.
fn time_of(number: i64) -> Timestamp {
    let is_time = |millis: i64| (FIRST_MILLIS..=LAST_MILLIS).contains(&millis);
    let units = [number, number / 1_000, number / 1_000_000, number.saturating_mul(1_000)];
    let millis = match units.into_iter().find(|millis| is_time(*millis)) {
        Some(millis) => millis,
        None if (0..FIRST_MILLIS).contains(&number) => number,
        None => 0,
    };
    Timestamp::from_micros(millis * 1_000)
}

/// Returns the bytes of a value, but not more than a topic accepts unpacked, which is more than a
/// value may have: it is refused for its size. A batch of a megabyte can unpack to a gigabyte.
fn value_of(bytes: Option<&[u8]>) -> Bytes {
    let bytes = bytes.unwrap_or_default();
    Bytes::copy_from_slice(&bytes[..bytes.len().min(LARGEST_BATCH)])
}

/// Returns a record as it was read. A missing value (a tombstone) is empty, and so is a header
/// without a value. The time is what [`time_of`] makes of it.
pub(crate) fn from_message<M: Message>(message: &M) -> Record {
    let copy = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
    Record {
        position: Position {
            partition: Partition(u32::try_from(message.partition()).unwrap_or_default()),
            offset: Offset(u64::try_from(message.offset()).unwrap_or_default()),
        },
        key: copy(message.key()),
        value: value_of(message.payload()),
        headers: message.headers().map(read_headers).unwrap_or_default(),
        timestamp: time_of(message.timestamp().to_millis().unwrap_or(0)),
    }
}

fn read_headers(headers: &impl Headers) -> Vec<Header> {
    let mut read = Vec::with_capacity(headers.count());
    for index in 0..headers.count() {
        // rdkafka panics on a header name that is not UTF-8, which any client can write. Such a
        // header is left out.
        let header = catch_unwind(AssertUnwindSafe(|| {
            let header = headers.try_get(index)?;
            Some((header.key.to_owned(), Bytes::copy_from_slice(header.value.unwrap_or_default())))
        }));
        match header {
            Ok(header) => read.extend(header),
            Err(_) => tracing::warn!(index, "a header whose name is not UTF-8 was left out"),
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use rdkafka::message::{OwnedMessage, Timestamp as KafkaTime};

    use super::*;

    fn new(key: usize, value: usize, header: usize) -> NewRecord {
        let bytes = |length: usize| Bytes::from(vec![b'x'; length]);
        NewRecord {
            key: Some(bytes(key)),
            value: bytes(value),
            headers: vec![("n".to_owned(), bytes(header - 1))],
            timestamp: Timestamp::EPOCH,
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        const LARGEST: usize = NewRecord::MAX_VALUE;
        const LARGEST_KEY: usize = NewRecord::MAX_KEY;
        const LARGEST_HEADERS: usize = NewRecord::MAX_HEADERS;
        check(&new(LARGEST_KEY, LARGEST, LARGEST_HEADERS)).expect("just as large as allowed");
        let refused = [
            new(LARGEST_KEY + 1, 0, 1),
            new(0, LARGEST + 1, 1),
            new(0, 0, LARGEST_HEADERS + 1),
            NewRecord { headers: vec![("a\0b".to_owned(), Bytes::new())], ..new(0, 0, 1) },
        ];
        for record in refused {
            assert_eq!(check(&record).expect_err("refused").kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn time_is_whole_milliseconds_after_1970() {
        assert_eq!(millis(Timestamp::from_micros(881_250_949_123_999)), 881_250_949_123);
        assert_eq!(millis(Timestamp::EPOCH), 1);
        assert_eq!(millis(Timestamp::from_seconds(-5)), 1);
    }

    #[test]
    fn a_time_in_another_unit_is_told_by_its_size_and_what_is_no_time_is_absent() {
        let millis = 1_769_890_500_123_i64;
        let known = [
            (millis, millis),
            (millis / 1_000, millis / 1_000 * 1_000),
            (millis * 1_000 + 7, millis),
            (millis * 1_000_000 + 7, millis),
            (881_250_949, 881_250_949_000),
            // Times of this project's own producers, before 1973.
            (1, 1),
            (7_000, 7_000),
        ];
        for (number, expected) in known {
            assert_eq!(time_of(number), Timestamp::from_micros(expected * 1_000), "{number}");
        }
        for number in [0, -1, -millis, i64::MIN, i64::MAX, 50_000_000_000_000] {
            assert_eq!(time_of(number), Timestamp::EPOCH, "{number}");
        }
    }

    #[test]
    fn a_value_that_is_far_too_large_is_cut_to_what_is_refused() {
        let sent = vec![b'x'; 4 * NewRecord::MAX_VALUE];
        assert_eq!(value_of(Some(&sent)).len(), LARGEST_BATCH);
        const { assert!(LARGEST_BATCH > NewRecord::MAX_VALUE, "so that it is refused") };
        assert_eq!((value_of(Some(b"")).len(), value_of(None).len()), (0, 0));
    }

    #[test]
    fn a_message_becomes_a_record() {
        let sent = vec![("a".to_owned(), Bytes::from_static(b"1")), (String::new(), Bytes::new())];
        let message = OwnedMessage::new(
            Some(b"value".to_vec()),
            None,
            "topic".to_owned(),
            KafkaTime::CreateTime(7),
            3,
            9,
            headers(&sent),
        );
        let record = from_message(&message);
        assert_eq!(record.position, Position { partition: Partition(3), offset: Offset(9) });
        assert_eq!((record.key, record.value, record.headers), (None, Bytes::from_static(b"value"), sent));
        assert_eq!(record.timestamp, Timestamp::from_micros(7_000));
        assert!(headers(&[]).is_none());
    }

    #[test]
    fn a_message_of_nothing_becomes_an_empty_record() {
        let message = OwnedMessage::new(None, None, "topic".to_owned(), KafkaTime::NotAvailable, 0, 0, None);
        let record = from_message(&message);
        assert_eq!((record.value, record.headers, record.timestamp), (Bytes::new(), Vec::new(), Timestamp::EPOCH));
    }

    #[test]
    fn a_header_without_a_readable_name_is_left_out() {
        struct Foreign;
        impl Headers for Foreign {
            fn count(&self) -> usize {
                3
            }
            fn try_get(&self, index: usize) -> Option<KafkaHeader<'_, &[u8]>> {
                assert_ne!(index, 1, "as rdkafka does where a name is not UTF-8");
                Some(KafkaHeader { key: "n", value: None })
            }
        }
        assert_eq!(read_headers(&Foreign), vec![("n".to_owned(), Bytes::new()); 2]);
    }
}
