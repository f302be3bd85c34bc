//! Decodes a batch of records: events to apply, events that belong to another partition, and
//! records that are not events.
//!
//! A producer with another partitioner, or without keys, writes a user's events to any partition.
//! Such an event is not lost: it is appended again with the user's id as its key, and counts from
//! its new position on. Every other consumer of the topic passes over the first record as well. A
//! record that was moved before is not moved again: then two processes disagree on the number of
//! partitions, and it is rejected.

use marquee_domain::{Offset, RatingEvent, Reason};
use marquee_log::{Decoder, arrival, event_anywhere, keyed};
use marquee_ports::{NewRecord, Record};
use marquee_proto::record::Refusal;

use super::apply::Batch;

/// The header of a record that was moved, with the position where it was.
const MOVED_FROM: &str = "moved-from";

/// What a batch of records holds.
pub(super) struct Decoded {
    pub(super) batch: Batch,
    pub(super) moved: Vec<Misplaced>,
    pub(super) rejected: Vec<(Record, Refusal)>,
}

/// A record in another partition than that of its user.
pub(super) struct Misplaced {
    stored: Record,
    event: RatingEvent,
    refusal: Refusal,
}

impl Misplaced {
    /// Returns the record for the partition of its user.
    pub(super) fn record(&self) -> NewRecord {
        let mut record = keyed(&self.event, arrival(self.stored.timestamp, &self.event));
        record.headers.push((MOVED_FROM.to_owned(), self.stored.position.to_string().into()));
        record
    }

    /// Returns the record as one that is rejected.
    pub(super) fn into_rejected(self) -> (Record, Refusal) {
        (self.stored, self.refusal)
    }
}

/// Decodes records of one partition.
pub(super) fn decode(decoder: Decoder, records: Vec<Record>) -> Decoded {
    let next = records.last().map_or(Offset(0), |last| last.position.offset.next());
    let mut events = Vec::with_capacity(records.len());
    let (mut moved, mut rejected) = (Vec::new(), Vec::new());
    for stored in records {
        match decoder.decode(&stored) {
            Ok(event) => events.push((stored.position.offset, event)),
            Err(refusal) => match misplaced(decoder, &stored, &refusal) {
                Some(event) => moved.push(Misplaced { stored, event, refusal }),
                None => rejected.push((stored, refusal)),
            },
        }
    }
    Decoded { batch: Batch::new(events, next), moved, rejected }
}

/// Returns the event of a record that is only in the wrong partition.
fn misplaced(decoder: Decoder, stored: &Record, refusal: &Refusal) -> Option<RatingEvent> {
    if refusal.reason != Reason::WrongPartition || stored.header(MOVED_FROM).is_some() {
        return None;
    }
    event_anywhere(stored, &decoder.scale).ok()
}
