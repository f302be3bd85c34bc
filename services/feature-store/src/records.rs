//! Decodes records of the rating topic, for the stream and for every reader of the log.

use marquee_domain::{RatingEvent, Scale};
use marquee_ports::Record;
use marquee_proto::record::{self, Refusal};

/// Decodes the records of a rating topic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoder {
    /// Ratings off this scale are refused.
    pub(crate) scale: Scale,
    /// The number of partitions of the topic.
    pub(crate) partitions: u32,
}

impl Decoder {
    /// Returns the event of a record, or why the record is not an event of this deployment.
    pub(crate) fn decode(self, stored: &Record) -> Result<RatingEvent, Refusal> {
        record::event(stored.header(record::CONTENT_TYPE), &stored.value, &self.scale, |user| {
            stored.belongs_to(user.as_str().as_bytes(), self.partitions)
        })
    }
}
