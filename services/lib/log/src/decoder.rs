//! Decodes records of the rating topic, in the same way for every reader.

use marquee_domain::{RatingEvent, Scale, Timestamp};
use marquee_ports::{NewRecord, Record};
use marquee_proto::record::{self, Refusal};

/// The end of the year 2199. A record is never dated later on purpose.
const LAST_ARRIVAL: Timestamp = Timestamp::from_micros(7_258_118_399_999_999);

/// Returns when an event arrived, given the time of its record. A record without a time, or with
/// one that is absurd, counts as arrived when its rating was given. Every reader takes this time,
/// so the archive, joins and backfills agree whenever they read the record.
pub fn arrival(recorded_at: Timestamp, event: &RatingEvent) -> Timestamp {
    let is_time = recorded_at > Timestamp::EPOCH && recorded_at <= LAST_ARRIVAL;
    if is_time { recorded_at } else { event.at().clamp(Timestamp::EPOCH, LAST_ARRIVAL) }
}

/// The name that some frameworks give the header with the content type.
const OTHER_CONTENT_TYPE: &str = "contentType";

/// Returns the content type of a record, if it has one.
pub fn content_type(stored: &Record) -> Option<&[u8]> {
    stored.header(record::CONTENT_TYPE).or_else(|| stored.header(OTHER_CONTENT_TYPE))
}

/// Returns the record of an event, with the id of its user as the key.
pub fn keyed(event: &RatingEvent, timestamp: Timestamp) -> NewRecord {
    NewRecord {
        key: Some(event.user().as_str().to_owned().into()),
        value: record::encode_event(event),
        headers: vec![(record::CONTENT_TYPE.to_owned(), record::PROTOBUF.into())],
        timestamp,
    }
}

/// Returns the event of a record, whatever its partition.
///
/// # Errors
/// The record is not an event, or its rating is off the scale.
pub fn event_anywhere(stored: &Record, scale: &Scale) -> Result<RatingEvent, Refusal> {
    record::event(content_type(stored), &stored.value, scale, |_| true)
}

/// Decodes the records of a rating topic.
#[derive(Debug, Clone, Copy)]
pub struct Decoder {
    /// Ratings off this scale are refused.
    pub scale: Scale,
    /// The number of partitions of the topic.
    pub partitions: u32,
}

impl Decoder {
    /// Returns the event of a record.
    ///
    /// # Errors
    /// The record is not an event of this deployment, for example because its rating is off the
    /// scale or because it is in the partition of another user.
    pub fn decode(self, stored: &Record) -> Result<RatingEvent, Refusal> {
        record::event(content_type(stored), &stored.value, &self.scale, |user| {
            stored.belongs_to(user.as_str().as_bytes(), self.partitions)
        })
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::{Offset, Partition, Position, UserId};

    use super::*;

    #[test]
    fn the_content_type_is_found_however_its_header_is_written() {
        let record = |name: &str| Record {
            position: Position { partition: Partition(0), offset: Offset(0) },
            key: None,
            value: Default::default(),
            headers: vec![("x".to_owned(), "y".into()), (name.to_owned(), "text/csv".into())],
            timestamp: Timestamp::EPOCH,
        };
        for name in ["content-type", "Content-Type", "CONTENT-TYPE", "contentType", "contenttype"] {
            assert_eq!(content_type(&record(name)), Some(&b"text/csv"[..]), "{name}");
        }
        assert_eq!(content_type(&record("content")), None);
    }

    #[test]
    fn a_record_without_a_usable_time_arrived_when_its_rating_was_given() {
        let at = |micros| Timestamp::from_micros(micros);
        let given = |micros| RatingEvent::UserRemoved { user: UserId::try_new("u").unwrap(), at: at(micros) };
        let (rated, recorded) = (1_700_000_000_000_000, 1_769_890_500_000_000);
        assert_eq!(arrival(at(recorded), &given(rated)), at(recorded));
        // The microseconds of the year 2026 as milliseconds: the year 58,055.
        for odd in [0, -1, i64::MIN, i64::MAX, 1_769_890_500_000_000_000] {
            assert_eq!(arrival(at(odd), &given(rated)), at(rated), "{odd}");
        }
        assert_eq!(arrival(at(-1), &given(-5)), Timestamp::EPOCH);
        assert_eq!(arrival(at(-1), &given(i64::MAX)), LAST_ARRIVAL);
    }
}
