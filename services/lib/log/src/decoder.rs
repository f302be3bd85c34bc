//! Decodes records of the rating topic, in the same way for every reader.

use marquee_domain::{RatingEvent, Scale};
use marquee_ports::Record;
use marquee_proto::record::{self, Refusal};

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
        record::event(stored.header(record::CONTENT_TYPE), &stored.value, &self.scale, |user| {
            stored.belongs_to(user.as_str().as_bytes(), self.partitions)
        })
    }
}
