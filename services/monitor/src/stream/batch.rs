//! A batch of events of one partition, as it comes from the log or from the archive.

use std::collections::BTreeSet;
use std::sync::Arc;

use marquee_archive::ArchivedEvent;
use marquee_domain::{Offset, RatingEvent, Timestamp, UserId};
use marquee_log::{Decoder, arrival};
use marquee_ports::Record;

/// An event and where it is.
#[derive(Debug, Clone)]
pub(crate) struct LoggedEvent {
    pub(crate) offset: Offset,
    /// When the record arrived.
    pub(crate) arrived: Timestamp,
    pub(crate) event: RatingEvent,
}

impl From<ArchivedEvent> for LoggedEvent {
    fn from(ArchivedEvent { offset, arrived_at, event }: ArchivedEvent) -> Self {
        Self { offset, arrived: arrived_at, event }
    }
}

/// Consecutive events of one partition.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) events: Arc<[LoggedEvent]>,
    /// The offset of the first record after the batch.
    pub(crate) next: Offset,
}

impl Batch {
    /// Decodes records of one partition. What is not an event of this deployment is passed over:
    /// the feature store rejects it, or moves it to the partition of its user.
    pub(crate) fn decode(decoder: Decoder, records: &[Record]) -> Self {
        let next = records.last().map_or(Offset(0), |last| last.position.offset.next());
        let event = |stored: &Record| {
            let event = decoder.decode(stored).ok()?;
            let arrived = arrival(stored.timestamp, &event);
            Some(LoggedEvent { offset: stored.position.offset, arrived, event })
        };
        Self { events: records.iter().filter_map(event).collect(), next }
    }

    /// Returns the users of the events, each once.
    pub(crate) fn users(&self) -> Vec<UserId> {
        let users: BTreeSet<&UserId> = self.events.iter().map(|logged| logged.event.user()).collect();
        users.into_iter().cloned().collect()
    }
}
